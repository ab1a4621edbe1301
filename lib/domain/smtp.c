/* The mail side of libcurl. */
#include "base/base.h"

#include <curl/curl.h>

#include "base/mem.h"
#include "domain/smtp.h"

#define CONNECT_MS 10000L

struct smtp {
    struct smtp_options options;
    CURL *curl;      /* NULL: no connection is open */
    struct str rest; /* of the message on its way */
    bool admitted;   /* greeting, TLS and signing in are behind us */
};

struct smtp *smtp_new(const struct smtp_options *o)
{
    struct smtp *s = mem_zalloc(1, sizeof *s);
    CURLcode failed = curl_global_init(CURL_GLOBAL_DEFAULT); /* counted; thread-safe since 7.84 */
    assert(!failed);
    s->options = *o;
    return s;
}

void smtp_rest(struct smtp *s)
{
    if (s->curl)
        curl_easy_cleanup(s->curl);
    s->curl = NULL;
}

void smtp_free(struct smtp *s)
{
    if (!s)
        return;
    smtp_rest(s);
    curl_global_cleanup();
    mem_free(s);
}

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
    struct smtp *s = arg;
    size_t n = size * count < s->rest.n ? size * count : s->rest.n;
    memcpy(to, s->rest.p, n);
    s->rest = str_from(s->rest, n);
    return n;
}

/* Not zero ends the transfer. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct smtp *s = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(s->options.stop);
}

/* What a server says that is no reply to this mail is not for anyone to see. */
static size_t on_write(char *p, size_t size, size_t count, void *arg)
{
    (void)p, (void)arg;
    return size * count;
}

/* libcurl's times do not tell a refused greeting from a refused recipient; its commands do. */
static int on_debug(CURL *c, curl_infotype type, char *p, size_t n, void *arg)
{
    struct smtp *s = arg;
    (void)c;
    if (type == CURLINFO_HEADER_OUT && str_starts_with(str_make(p, n), STR("MAIL FROM:")))
        s->admitted = true;
    return 0;
}

static void set_tls(CURL *c, const struct smtp_options *o)
{
    bool implicit = str_starts_with(o->url, STR("smtps://"));
    bool must = implicit || o->user.n || o->ca.n;
    curl_easy_setopt(c, CURLOPT_USE_SSL, must ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, must ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, must ? 2L : 0L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (o->ca.n)
        curl_easy_setopt(c, CURLOPT_CAINFO, o->ca.p);
}

static void set_callbacks(CURL *c, struct smtp *s)
{
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c, CURLOPT_READDATA, s);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
    curl_easy_setopt(c, CURLOPT_VERBOSE, 1L); /* calls on_debug, prints nothing */
    curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(c, CURLOPT_DEBUGDATA, s);
}

static void set_server(CURL *c, const struct smtp_options *o)
{
    curl_easy_setopt(c, CURLOPT_URL, o->url.p);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, o->timeout_ms);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    if (o->user.n) {
        curl_easy_setopt(c, CURLOPT_USERNAME, o->user.p);
        curl_easy_setopt(c, CURLOPT_PASSWORD, o->password.p);
    }
    set_tls(c, o);
}

static bool open_handle(struct smtp *s)
{
    if (s->curl)
        return true;
    s->curl = curl_easy_init();
    if (!s->curl)
        return false;
    set_server(s->curl, &s->options);
    set_callbacks(s->curl, s);
    return true;
}

/* A 5xx counts for the mail only where the server had let us in: one that refuses the greeting,
 * TLS or the password may take the same mail tomorrow. */
static struct delivery judge(CURL *c, CURLcode result, bool admitted)
{
    struct delivery d = {.end = DELIVERY_FAILED, .why = curl_easy_strerror(result)};
    long code = 0;
    if (result == CURLE_OK)
        return (struct delivery){.end = DELIVERY_SENT, .code = 250};
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return (struct delivery){.end = DELIVERY_STOPPED};
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    d.code = (int)code;
    if (admitted && code >= 400 && code <= 599)
        d.why = "refused by the server";
    if (admitted && code >= 500 && code <= 599)
        d.end = DELIVERY_REFUSED;
    return d;
}

/* "<a@example.org>" */
static const char *path_of(struct str address, struct arena *mem)
{
    return arena_printf(mem, "<%.*s>", STR_ARG(address)).p;
}

struct delivery smtp_send(struct smtp *s, const struct envelope *e)
{
    struct arena mem = ARENA_INIT;
    struct delivery d = {.end = DELIVERY_FAILED, .why = "libcurl gives no handle"};
    struct curl_slist *to = NULL;
    if (!open_handle(s))
        goto out;
    s->rest = e->message;
    s->admitted = false;
    to = curl_slist_append(NULL, path_of(e->to, &mem));
    curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, path_of(e->from, &mem));
    curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, to);
    CURLcode result = curl_easy_perform(s->curl);
    d = judge(s->curl, result, s->admitted);
    curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, NULL);
    if (d.end != DELIVERY_SENT)
        smtp_rest(s); /* whatever state the connection is in */
out:
    curl_slist_free_all(to);
    arena_release(&mem);
    return d;
}

struct delivery smtp_try(struct smtp *s)
{
    if (!open_handle(s))
        return (struct delivery){.end = DELIVERY_FAILED, .why = "libcurl gives no handle"};
    curl_easy_setopt(s->curl, CURLOPT_CONNECT_ONLY, 1L);
    struct delivery d = judge(s->curl, curl_easy_perform(s->curl), false);
    smtp_rest(s);
    return d;
}
