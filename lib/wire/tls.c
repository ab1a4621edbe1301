/* TLS by OpenSSL's libssl. */
#include "base/base.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "wire/tls.h"

/* TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls_context {
    SSL_CTX *ssl;
};

struct tls {
    SSL *ssl;
    const char *reason; /* static, NULL: nothing failed */
};

/* The first error of this thread's queue, in words. */
static const char *first_error(void)
{
    unsigned long e = ERR_peek_error();
    if (ERR_SYSTEM_ERROR(e))
        return strerrordesc_np((int)ERR_GET_REASON(e));
    const char *text = ERR_reason_error_string(e);
    return text ? text : "unknown error";
}

/* --- context --- */

/* RFC 7301: of the protocols a client offers we speak one; without an offer it is that, too. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                   const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Instead of asking at the terminal. */
static int on_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1;
}

static void configure(SSL_CTX *ssl)
{
    /* Idle sessions hold no buffers; a write may take a part, and go on from another address. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets are the clients' to keep */
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
    SSL_CTX_set_default_passwd_cb(ssl, on_passphrase);
}

static bool load_certificate(SSL_CTX *ssl, struct str file, struct arena *mem)
{
    return SSL_CTX_use_certificate_chain_file(ssl, arena_dup(mem, file).p) == 1;
}

static bool load_key(SSL_CTX *ssl, struct str file, struct arena *mem)
{
    return SSL_CTX_use_PrivateKey_file(ssl, arena_dup(mem, file).p, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(ssl) == 1;
}

enum err tls_context_new(struct tls_context **out, struct str certificate, struct str key,
                         struct arena *mem, struct str *message)
{
    struct str at = certificate;
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!ssl || SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ssl, CIPHERS) != 1)
        goto out;
    configure(ssl);
    if (!load_certificate(ssl, certificate, mem))
        goto out;
    at = key;
    if (!load_key(ssl, key, mem))
        goto out;
    *out = mem_alloc(sizeof(**out));
    (*out)->ssl = ssl;
    return OK;
out:
    *message = arena_printf(mem, "%.*s: %s", STR_ARG(at), first_error());
    SSL_CTX_free(ssl);
    ERR_clear_error();
    return ERR_INVALID;
}

void tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ssl);
    mem_free(c);
}

/* --- session --- */

struct tls *tls_new(struct tls_context *c, int fd)
{
    SSL *ssl = SSL_new(c->ssl);
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    struct tls *t = mem_alloc(sizeof(*t));
    *t = (struct tls){.ssl = ssl};
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    mem_free(t);
}

/* What became of a call that returned `result`. */
static enum tls_status outcome(struct tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_SSL:
        t->reason = first_error();
        return TLS_FAILED;
    default: /* a good-bye, or the socket's end with or without an errno */
        return TLS_CLOSED;
    }
}

enum tls_status tls_read(struct tls *t, char *p, size_t max, size_t *n)
{
    *n = 0;
    if (t->reason)
        return TLS_FAILED;
    ERR_clear_error();
    return outcome(t, SSL_read_ex(t->ssl, p, max, n));
}

enum tls_status tls_write(struct tls *t, struct str bytes, size_t *n)
{
    *n = 0;
    if (t->reason)
        return TLS_FAILED;
    ERR_clear_error();
    return outcome(t, SSL_write_ex(t->ssl, bytes.p, bytes.n, n));
}

enum tls_status tls_end(struct tls *t)
{
    if (t->reason || !tls_is_open(t))
        return TLS_DONE;
    ERR_clear_error();
    int result = SSL_shutdown(t->ssl);
    if (result >= 0)
        return TLS_DONE; /* sent; the peer's own is not waited for */
    enum tls_status status = outcome(t, result);
    return status == TLS_WANT_READ || status == TLS_WANT_WRITE ? status : TLS_DONE;
}

bool tls_is_open(const struct tls *t)
{
    return SSL_is_init_finished(t->ssl) == 1;
}

const char *tls_reason(const struct tls *t)
{
    return t->reason ? t->reason : "no error";
}
