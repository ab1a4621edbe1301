/* SMTP against a server of a few lines: what is for good, what is for later, and who waits. */
#include "base/base.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "domain/smtp.h"

/* What the server replies; NULL: nothing, ever. */
struct script {
    const char *greeting, *ehlo, *mail, *rcpt, *data, *end;
};

static const struct script willing = {"220 hi", "250 hi", "250 ok", "250 ok", "354 go", "250 ok"};

struct server {
    struct script script;
    int fd;
    char url[64];
    pthread_t thread;
    int connections;
    struct buf got; /* all that came in */
};

static void say(int fd, const char *line)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s\r\n", line);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
        return;
}

static const char *answer(const struct server *s, const char *line)
{
    const struct script *c = &s->script;
    return strncmp(line, "EHLO", 4) == 0   ? c->ehlo
           : strncmp(line, "MAIL", 4) == 0 ? c->mail
           : strncmp(line, "RCPT", 4) == 0 ? c->rcpt
           : strncmp(line, "DATA", 4) == 0 ? c->data
           : strncmp(line, ".\r", 2) == 0  ? c->end
           : strncmp(line, "QUIT", 4) == 0 ? "221 bye"
                                           : "250 ok";
}

static void serve_one(struct server *s, int fd)
{
    char line[1024];
    bool body = false;
    FILE *in = fdopen(fd, "r");
    s->connections++;
    if (s->script.greeting)
        say(fd, s->script.greeting);
    while (fgets(line, sizeof line, in)) {
        buf_append(&s->got, line, strlen(line));
        if (body && strcmp(line, ".\r\n") != 0)
            continue;
        const char *reply = answer(s, line);
        body = reply && strncmp(reply, "354", 3) == 0;
        if (reply)
            say(fd, reply);
    }
    fclose(in);
}

/* Until the listening socket is shut. */
static void *serve(void *arg)
{
    struct server *s = arg;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0)
        serve_one(s, fd);
    return NULL;
}

static void start(struct server *s, struct script script)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    *s = (struct server){.script = script, .fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    getsockname(s->fd, (struct sockaddr *)&a, &n);
    snprintf(s->url, sizeof s->url, "smtp://127.0.0.1:%d", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop_server(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static const struct envelope mail = {
    {"f@example.org", 13}, {"t@example.org", 13}, {"Subject: x\r\n\r\n.\r\n..dots\r\n", 25}};

static struct smtp *client(const struct server *s, const atomic_bool *stop)
{
    return smtp_new(
        &(struct smtp_options){.url = str_from_c(s->url), .timeout_ms = 1500, .stop = stop});
}

static struct delivery send_one(struct script script, struct buf *got)
{
    static const atomic_bool stop = false;
    struct server s;
    start(&s, script);
    struct smtp *c = client(&s, &stop);
    struct delivery d = smtp_send(c, &mail);
    smtp_free(c);
    stop_server(&s);
    if (got)
        *got = s.got;
    else
        buf_release(&s.got);
    return d;
}

static void a_mail_arrives_with_its_dots(void **state)
{
    (void)state;
    struct buf got;
    struct delivery d = send_one(willing, &got);
    assert_int_equal(d.end, DELIVERY_SENT);
    assert_non_null(strstr(got.p, "MAIL FROM:<f@example.org>"));
    assert_non_null(strstr(got.p, "RCPT TO:<t@example.org>\r\nDATA\r\n"
                                  "Subject: x\r\n\r\n..\r\n...dots\r\n.\r\nQUIT\r\n"));
    buf_release(&got);
}

static void a_refusal_of_the_mail_is_for_good_or_for_now_as_the_server_says(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *reply;
        enum delivery_end end;
    } cases[] = {
        {offsetof(struct script, mail), "550 no", DELIVERY_REFUSED},
        {offsetof(struct script, mail), "450 later", DELIVERY_FAILED},
        {offsetof(struct script, rcpt), "550 no", DELIVERY_REFUSED},
        {offsetof(struct script, rcpt), "452 later", DELIVERY_FAILED},
        {offsetof(struct script, data), "554 no", DELIVERY_REFUSED},
        {offsetof(struct script, end), "554 no", DELIVERY_REFUSED},
        {offsetof(struct script, end), "451 later", DELIVERY_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct script s = willing;
        *(const char **)((char *)&s + cases[i].at) = cases[i].reply;
        struct delivery d = send_one(s, NULL);
        assert_int_equal(d.end, cases[i].end);
        assert_int_equal(d.code, strtol(cases[i].reply, NULL, 10));
        assert_string_equal(d.why, "refused by the server");
    }
}

static void a_server_that_lets_nobody_in_may_do_so_tomorrow(void **state)
{
    (void)state;
    struct script s = willing;
    s.greeting = "554 no";
    struct delivery d = send_one(s, NULL);
    assert_int_equal(d.end, DELIVERY_FAILED);
    assert_int_equal(d.code, 554);
}

static void a_server_that_is_not_there_is_for_later(void **state)
{
    (void)state;
    const atomic_bool stop = false;
    struct server s;
    start(&s, willing);
    stop_server(&s);
    struct smtp *c = client(&s, &stop);
    struct delivery d = smtp_send(c, &mail);
    assert_int_equal(d.end, DELIVERY_FAILED);
    assert_int_equal(d.code, 0);
    smtp_free(c);
}

static void a_silent_server_is_given_up(void **state)
{
    (void)state;
    struct script s = willing;
    s.end = NULL;
    int64_t start_us = clock_mono_us();
    struct delivery d = send_one(s, NULL);
    assert_int_equal(d.end, DELIVERY_FAILED);
    assert_true(clock_mono_us() - start_us < 5000000);
}

static void without_tls_no_password_is_told(void **state)
{
    (void)state;
    const atomic_bool stop = false;
    struct server s;
    start(&s, willing);
    struct smtp *c = smtp_new(&(struct smtp_options){.url = str_from_c(s.url),
                                                     .user = STR("name"),
                                                     .password = STR("secret"),
                                                     .timeout_ms = 1500,
                                                     .stop = &stop});
    struct delivery d = smtp_send(c, &mail);
    assert_int_equal(d.end, DELIVERY_FAILED);
    smtp_free(c);
    stop_server(&s);
    assert_null(strstr(s.got.p, "AUTH"));
    assert_null(strstr(s.got.p, "MAIL"));
    buf_release(&s.got);
}

static void one_connection_serves_several_mails(void **state)
{
    (void)state;
    const atomic_bool stop = false;
    struct server s;
    start(&s, willing);
    struct smtp *c = client(&s, &stop);
    for (int i = 0; i < 3; i++)
        assert_int_equal(smtp_send(c, &mail).end, DELIVERY_SENT);
    smtp_rest(c);
    assert_int_equal(smtp_send(c, &mail).end, DELIVERY_SENT);
    smtp_free(c);
    stop_server(&s);
    assert_int_equal(s.connections, 2);
    buf_release(&s.got);
}

static void *raise_soon(void *arg)
{
    poll(NULL, 0, 200);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void a_process_that_ends_waits_for_no_server(void **state)
{
    (void)state;
    static atomic_bool stop = false;
    struct server s;
    pthread_t thread;
    start(&s, (struct script){NULL, NULL, NULL, NULL, NULL, NULL});
    struct smtp *c = smtp_new(
        &(struct smtp_options){.url = str_from_c(s.url), .timeout_ms = 60000, .stop = &stop});
    pthread_create(&thread, NULL, raise_soon, &stop);
    int64_t start_us = clock_mono_us();
    assert_int_equal(smtp_send(c, &mail).end, DELIVERY_STOPPED);
    assert_true(clock_mono_us() - start_us < 5000000);
    pthread_join(thread, NULL);
    smtp_free(c);
    stop_server(&s);
    buf_release(&s.got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_arrives_with_its_dots),
        cmocka_unit_test(a_refusal_of_the_mail_is_for_good_or_for_now_as_the_server_says),
        cmocka_unit_test(a_server_that_lets_nobody_in_may_do_so_tomorrow),
        cmocka_unit_test(a_server_that_is_not_there_is_for_later),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(without_tls_no_password_is_told),
        cmocka_unit_test(one_connection_serves_several_mails),
        cmocka_unit_test(a_process_that_ends_waits_for_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
