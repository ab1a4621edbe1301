/* TLS sessions on a socket pair, against libssl as the client with its bytes in our hands. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/tls.h"

#define DIR_MAX 32

struct fixture {
    char dir[DIR_MAX]; /* certificates: a.pem with a.key, b.pem with b.key */
    struct arena mem;
    struct tls_context *context;
    struct str message;
    int fd[2]; /* the server's, the client's */
    struct tls *tls;
    SSL_CTX *client_context;
    SSL *client; /* reads from memory and writes to memory */
    struct buf got;
    size_t step; /* most bytes of one delivery to the server */
};

/* --- certificates --- */

static void run(struct fixture *f, const char *command)
{
    const char *whole =
        arena_printf(&f->mem, "cd %s && { %s ; } >/dev/null 2>&1", f->dir, command).p;
    if (system(whole) != 0)
        fail_msg("failed: %s", whole);
}

static void make_certificate(struct fixture *f, const char *name)
{
    run(f, arena_printf(&f->mem,
                        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                        "-subj /CN=%s -days 2 -keyout %s.key -out %s.pem",
                        name, name, name)
               .p);
}

static struct str path(struct fixture *f, const char *name)
{
    return arena_printf(&f->mem, "%s/%s", f->dir, name);
}

static int make_certificates(void **state)
{
    static struct fixture f;
    f = (struct fixture){.dir = "/tmp/cubby-tls-XXXXXX"};
    signal(SIGPIPE, SIG_IGN);
    assert_non_null(mkdtemp(f.dir));
    make_certificate(&f, "a");
    make_certificate(&f, "b");
    *state = &f;
    return 0;
}

static int remove_certificates(void **state)
{
    struct fixture *f = *state;
    run(f, "rm -rf \"$PWD\"");
    arena_release(&f->mem);
    return 0;
}

/* --- both ends --- */

static enum err load(struct fixture *f, const char *certificate, const char *key)
{
    tls_context_free(f->context);
    f->context = NULL;
    return tls_context_new(&f->context, path(f, certificate), path(f, key), &f->mem, &f->message);
}

static void make_client(struct fixture *f, int version)
{
    SSL_free(f->client);
    SSL_CTX_free(f->client_context);
    f->client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(f->client_context, 0);
    SSL_CTX_set_min_proto_version(f->client_context, version);
    SSL_CTX_set_max_proto_version(f->client_context, version);
    f->client = SSL_new(f->client_context);
    SSL_set_bio(f->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(f->client);
}

static int set_up(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "a.pem", "a.key"), OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->fd), 0);
    f->tls = tls_new(f->context, f->fd[0]);
    assert_non_null(f->tls);
    make_client(f, TLS1_3_VERSION);
    f->step = SIZE_MAX;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tls_free(f->tls);
    tls_context_free(f->context);
    f->context = NULL;
    SSL_free(f->client);
    SSL_CTX_free(f->client_context);
    f->client = NULL;
    f->client_context = NULL;
    close(f->fd[0]);
    close(f->fd[1]);
    buf_release(&f->got);
    return 0;
}

/* What the client has to say goes to the server, at most so many bytes of it. */
static size_t to_server(struct fixture *f, size_t max)
{
    char bytes[64 * 1024];
    max = max < sizeof(bytes) ? max : sizeof(bytes);
    int n = BIO_read(SSL_get_wbio(f->client), bytes, (int)max);
    if (n <= 0)
        return 0;
    assert_int_equal(send(f->fd[1], bytes, (size_t)n, MSG_NOSIGNAL), n);
    return (size_t)n;
}

static void to_client(struct fixture *f)
{
    char bytes[64 * 1024];
    ssize_t n;
    while ((n = recv(f->fd[1], bytes, sizeof(bytes), 0)) > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(f->client), bytes, (int)n), n);
}

/* The server reads what is there, into f->got. */
static enum tls_status serve(struct fixture *f)
{
    char bytes[TLS_RECORD_MAX];
    enum tls_status status;
    size_t n;
    while ((status = tls_read(f->tls, bytes, sizeof(bytes), &n)) == TLS_DONE)
        buf_append(&f->got, bytes, n);
    assert_int_equal(n, 0);
    return status;
}

/* Until nobody has more to say; the server's last word. */
static enum tls_status talk(struct fixture *f)
{
    enum tls_status status;
    do {
        status = serve(f);
        to_client(f);
        if (!SSL_is_init_finished(f->client))
            SSL_do_handshake(f->client);
    } while (to_server(f, f->step) > 0);
    return status;
}

static void say(struct fixture *f, struct str text)
{
    assert_int_equal(SSL_write(f->client, text.p, (int)text.n), text.n);
}

static void assert_got(struct fixture *f, struct str text)
{
    if (!str_eq(buf_str(&f->got), text))
        fail_msg("got \"%.*s\"", STR_ARG(buf_str(&f->got)));
    buf_reset(&f->got);
}

static void assert_client_gets(struct fixture *f, struct str text)
{
    char bytes[256];
    to_client(f);
    int n = SSL_read(f->client, bytes, sizeof(bytes));
    assert_true(n > 0 && str_eq(str_make(bytes, (size_t)n), text));
}

static void assert_conversation(struct fixture *f)
{
    size_t n;
    assert_int_equal(talk(f), TLS_WANT_READ);
    assert_true(tls_is_open(f->tls));
    say(f, STR("hello"));
    assert_int_equal(talk(f), TLS_WANT_READ);
    assert_got(f, STR("hello"));
    assert_int_equal(tls_write(f->tls, STR("good day"), &n), TLS_DONE);
    assert_int_equal(n, 8);
    assert_client_gets(f, STR("good day"));
}

/* --- tests --- */

static void speaks_1_3_and_1_2(void **state)
{
    struct fixture *f = *state;
    assert_conversation(f);
    tear_down(state);
    set_up(state);
    make_client(f, TLS1_2_VERSION);
    assert_conversation(f);
    assert_int_equal(strncmp(SSL_get_cipher_name(f->client), "ECDHE-", 6), 0);
}

static void refuses_older_versions(void **state)
{
    struct fixture *f = *state;
    make_client(f, TLS1_1_VERSION);
    assert_int_equal(talk(f), TLS_FAILED);
    assert_false(tls_is_open(f->tls));
    assert_string_not_equal(tls_reason(f->tls), "no error");
}

static void takes_bytes_one_by_one(void **state)
{
    struct fixture *f = *state;
    f->step = 1;
    assert_conversation(f);
}

static void waits_for_the_rest_of_a_handshake(void **state)
{
    struct fixture *f = *state;
    SSL_do_handshake(f->client);
    assert_int_equal(to_server(f, 60), 60);
    assert_int_equal(serve(f), TLS_WANT_READ);
    assert_false(tls_is_open(f->tls));
    shutdown(f->fd[1], SHUT_WR);
    assert_int_equal(serve(f), TLS_CLOSED);
}

static void is_no_http_server(void **state)
{
    struct fixture *f = *state;
    const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_true(send(f->fd[1], request, sizeof(request) - 1, 0) > 0);
    assert_int_equal(serve(f), TLS_FAILED);
    assert_string_equal(tls_reason(f->tls), "http request");
    assert_int_equal(serve(f), TLS_FAILED);
}

static void forged_records_end_it(void **state)
{
    struct fixture *f = *state;
    const char forged[] = "\x17\x03\x03\x00\x20"
                          "0123456789abcdef0123456789abcdef";
    assert_int_equal(talk(f), TLS_WANT_READ);
    assert_true(send(f->fd[1], forged, sizeof(forged) - 1, 0) > 0);
    assert_int_equal(serve(f), TLS_FAILED);
}

static int refuses_alpn(struct fixture *f, const char *offer)
{
    SSL_set_alpn_protos(f->client, (const unsigned char *)offer, (unsigned)str_from_c(offer).n);
    return talk(f) == TLS_FAILED;
}

static void agrees_on_http_1_1_or_on_nothing(void **state)
{
    struct fixture *f = *state;
    const unsigned char *chosen;
    unsigned n;
    assert_false(refuses_alpn(f, "\x02h2\x08http/1.1"));
    SSL_get0_alpn_selected(f->client, &chosen, &n);
    assert_true(str_eq(str_make((const char *)chosen, n), STR("http/1.1")));
    tear_down(state);
    set_up(state);
    assert_true(refuses_alpn(f, "\x02h2"));
}

static void a_record_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    char bytes[TLS_RECORD_MAX];
    size_t n;
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(talk(f), TLS_WANT_READ);
    say(f, str_make(bytes, sizeof(bytes)));
    while (to_server(f, SIZE_MAX) > 0)
        ;
    assert_int_equal(tls_read(f->tls, bytes, sizeof(bytes), &n), TLS_DONE);
    assert_int_equal(n, sizeof(bytes));
    assert_int_equal(serve(f), TLS_WANT_READ);
}

/* The bytes move between the calls, as they do when they are queued for a slow reader. */
static void writes_go_on_where_they_stopped(void **state)
{
    struct fixture *f = *state;
    size_t total = 4 * 1024 * 1024, done = 0, got = 0, n;
    char *all = mem_alloc(total), *back = mem_alloc(total);
    for (size_t i = 0; i < total; i++)
        all[i] = (char)(i * 7 >> 3);
    assert_int_equal(talk(f), TLS_WANT_READ);
    bool waited = false;
    while (got < total) {
        char *moved = mem_dup(all + done, total - done);
        enum tls_status status = TLS_DONE;
        while (done < total && status == TLS_DONE) {
            status = tls_write(f->tls, str_make(moved, total - done), &n);
            memmove(moved, moved + n, total - done - n);
            done += n;
        }
        waited |= status == TLS_WANT_WRITE;
        mem_free(moved);
        to_client(f);
        int r;
        while (got < total && (r = SSL_read(f->client, back + got, (int)(total - got))) > 0)
            got += (size_t)r;
    }
    assert_true(waited);
    assert_memory_equal(all, back, total);
    mem_free(all);
    mem_free(back);
}

static void says_and_hears_good_bye(void **state)
{
    struct fixture *f = *state;
    char byte;
    assert_int_equal(talk(f), TLS_WANT_READ);
    assert_int_equal(tls_end(f->tls), TLS_DONE);
    to_client(f);
    assert_int_equal(SSL_read(f->client, &byte, 1), 0);
    assert_int_equal(SSL_get_error(f->client, 0), SSL_ERROR_ZERO_RETURN);
    SSL_shutdown(f->client);
    to_server(f, SIZE_MAX);
    assert_int_equal(serve(f), TLS_CLOSED);
}

static void a_peer_that_is_gone_is_noticed(void **state)
{
    struct fixture *f = *state;
    size_t n;
    assert_int_equal(talk(f), TLS_WANT_READ);
    shutdown(f->fd[1], SHUT_RDWR);
    assert_int_equal(serve(f), TLS_CLOSED);
    assert_int_equal(tls_write(f->tls, STR("anybody?"), &n), TLS_CLOSED);
    assert_int_equal(tls_end(f->tls), TLS_DONE);
}

static void does_not_renegotiate(void **state)
{
    struct fixture *f = *state;
    make_client(f, TLS1_2_VERSION);
    assert_int_equal(talk(f), TLS_WANT_READ);
    SSL_renegotiate(f->client);
    SSL_do_handshake(f->client);
    to_server(f, SIZE_MAX);
    serve(f);
    to_client(f);
    assert_true(SSL_do_handshake(f->client) <= 0);
    assert_int_equal(SSL_get_error(f->client, -1), SSL_ERROR_SSL);
}

static void sessions_outlive_their_certificate(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "b.pem", "b.key"), OK);
    assert_conversation(f);
    char name[64];
    X509 *peer = SSL_get1_peer_certificate(f->client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, sizeof(name));
    X509_free(peer);
    assert_string_equal(name, "a");
}

static void assert_unfit(struct fixture *f, const char *certificate, const char *key,
                         const char *file, const char *why)
{
    assert_int_equal(load(f, certificate, key), ERR_INVALID);
    assert_null(f->context);
    assert_string_equal(f->message.p, arena_printf(&f->mem, "%s/%s: %s", f->dir, file, why).p);
}

static void says_what_is_wrong_with_a_file(void **state)
{
    struct fixture *f = *state;
    run(f, "openssl ec -in a.key -aes128 -passout pass:secret -out locked.key; echo hi > text");
    assert_unfit(f, "none.pem", "a.key", "none.pem", "No such file or directory");
    assert_unfit(f, "text", "a.key", "text", "no start line");
    assert_unfit(f, "a.pem", "none.key", "none.key", "No such file or directory");
    assert_unfit(f, "a.pem", "b.key", "b.key", "key values mismatch");
    assert_int_equal(load(f, "a.pem", "a.pem"), ERR_INVALID);
    assert_int_equal(load(f, "a.pem", "locked.key"), ERR_INVALID);
    assert_true(str_starts_with(f->message, path(f, "locked.key: ")));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(speaks_1_3_and_1_2),
        TEST(refuses_older_versions),
        TEST(takes_bytes_one_by_one),
        TEST(waits_for_the_rest_of_a_handshake),
        TEST(is_no_http_server),
        TEST(forged_records_end_it),
        TEST(agrees_on_http_1_1_or_on_nothing),
        TEST(a_record_leaves_nothing_behind),
        TEST(writes_go_on_where_they_stopped),
        TEST(says_and_hears_good_bye),
        TEST(a_peer_that_is_gone_is_noticed),
        TEST(does_not_renegotiate),
        TEST(sessions_outlive_their_certificate),
        TEST(says_what_is_wrong_with_a_file),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
