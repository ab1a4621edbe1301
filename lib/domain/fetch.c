/* The HTTP side of libcurl: one handle per call, nothing kept between calls. */
#include "base/base.h"

#include <curl/curl.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/log.h"
#include "domain/fetch.h"

/* Of all header lines of an answer. */
#define HEAD_MAX (64 * 1024)

/* Never asked through a proxy. */
#define LOOPBACK "127.0.0.1,[::1],::1,localhost"

/* An answer on its way. */
struct transfer {
    const struct fetch_options *options;
    struct arena *mem;
    CURL *curl;
    struct buf body;
    size_t head;
    bool too_large;
    int64_t max_age_s;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        fatal("libcurl does not start");
}

/* --- what may be fetched ---------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
           strcmp(host, "localhost") == 0;
}

static bool has_part(CURLU *parts, CURLUPart which)
{
    char *text = NULL;
    bool has = curl_url_get(parts, which, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* As the library will understand it, not as we would. */
static bool are_allowed(const struct fetch_options *o, CURLU *parts)
{
    char *scheme = NULL, *host = NULL;
    bool allowed = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                   !has_part(parts, CURLUPART_USER) && !has_part(parts, CURLUPART_PASSWORD);
    if (allowed && strcmp(scheme, "https") != 0)
        allowed = o->allow_loopback && strcmp(scheme, "http") == 0 && is_loopback(host);
    curl_free(scheme);
    curl_free(host);
    return allowed;
}

static bool is_visible(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

bool fetch_is_allowed(const struct fetch_options *o, struct str url)
{
    char text[FETCH_URL_MAX + 1];
    if (url.n > FETCH_URL_MAX || !is_visible(url))
        return false;
    memcpy(text, url.p, url.n);
    text[url.n] = '\0';

    pthread_once(&once, library_init);
    CURLU *parts = curl_url();
    bool allowed =
        parts && curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK && are_allowed(o, parts);
    curl_url_cleanup(parts);
    return allowed;
}

/* --- what comes ------------------------------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    t->too_large = t->too_large || n > t->options->max_body - t->body.n;
    if (t->too_large)
        return 0;
    buf_append(&t->body, p, n);
    return n;
}

/* RFC 9111 5.2.2: of what a cache may keep, the shortest that is said. */
static void read_cache_control(struct transfer *t, struct str value)
{
    struct str directive, name;
    int64_t seconds;
    while (str_next(&value, ',', &directive)) {
        if (!str_next(&directive, '=', &name))
            continue;
        name = str_trim(name);
        if (str_eq_nocase(name, STR("no-store")) || str_eq_nocase(name, STR("no-cache")))
            t->max_age_s = 0;
        else if (str_eq_nocase(name, STR("max-age")) &&
                 str_to_capped(str_trim(directive), INT32_MAX, &seconds) &&
                 (t->max_age_s < 0 || seconds < t->max_age_s))
            t->max_age_s = seconds;
    }
}

static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    struct str line = str_make(p, size * count), name;
    t->head += line.n;
    t->too_large = t->too_large || t->head > HEAD_MAX;
    if (str_next(&line, ':', &name) && str_eq_nocase(name, STR("Cache-Control")))
        read_cache_control(t, line);
    return t->too_large ? 0 : size * count;
}

/* --- the call --------------------------------------------------------------------------------- */

static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
    struct curl_slist *more = curl_slist_append(list, line);
    if (!more)
        fatal("libcurl has no memory");
    return more;
}

/* Freed by the caller. */
static struct curl_slist *request_headers(const struct fetch_request *q, struct arena *mem)
{
    struct curl_slist *list = add_header(NULL, "Accept: application/json");
    if (!q->body.p)
        return list;
    struct str type = arena_printf(mem, "Content-Type: %.*s", STR_ARG(q->type));
    list = add_header(list, type.p);
    return add_header(list, "Expect:"); /* no round trip for a few bytes */
}

static void set_sending(CURL *c, const struct fetch_request *q, struct arena *mem)
{
    if (q->body.p) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.p);
    }
    if (q->user.n) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, arena_dup(mem, q->user).p);
        curl_easy_setopt(c, CURLOPT_PASSWORD, arena_dup(mem, q->password).p);
    }
    if (q->bearer.n) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, arena_dup(mem, q->bearer).p);
    }
}

static void set_bounds(CURL *c, const struct fetch_options *o)
{
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, o->allow_loopback ? "https,http" : "https");
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or above */
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_body);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, LOOPBACK);
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
}

static bool is_over(const struct fetch_options *o)
{
    return o->stop && atomic_load(o->stop);
}

/* Not zero ends the transfer; the library asks once a second or more often. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct transfer *t = arg;
    (void)a, (void)b, (void)c, (void)d;
    return is_over(t->options);
}

static void set_receiving(CURL *c, struct transfer *t)
{
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
}

static enum err failure_of(const struct transfer *t, CURLcode code, const char **why)
{
    bool too_large = t->too_large || code == CURLE_FILESIZE_EXCEEDED;
    *why = too_large ? "the answer is too large" : curl_easy_strerror(code);
    return too_large ? ERR_TOO_LARGE : ERR_BUSY;
}

static void read_answer(struct transfer *t, struct fetch_answer *out)
{
    long status = 0;
    char *type = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &type);
    *out = (struct fetch_answer){
        .status = (int)status,
        .body = arena_dup(t->mem, buf_str(&t->body)),
        .type = arena_dup(t->mem, str_from_c(type)),
        .max_age_s = t->max_age_s,
    };
}

enum err fetch(const struct fetch_options *o, const struct fetch_request *q, struct arena *mem,
               struct fetch_answer *out, const char **why)
{
    struct transfer t = {.options = o, .mem = mem, .max_age_s = -1};
    *why = "no such address may be asked";
    if (!fetch_is_allowed(o, q->url) || (q->body.p && !is_visible(q->type)) ||
        (q->bearer.n && !is_visible(q->bearer)))
        return ERR_INVALID;
    *why = "the program ends";
    if (is_over(o))
        return ERR_BUSY;

    t.curl = curl_easy_init();
    if (!t.curl)
        fatal("libcurl has no memory");
    struct curl_slist *headers = request_headers(q, mem);
    curl_easy_setopt(t.curl, CURLOPT_URL, arena_dup(mem, q->url).p);
    curl_easy_setopt(t.curl, CURLOPT_HTTPHEADER, headers);
    if (o->ca_file.n)
        curl_easy_setopt(t.curl, CURLOPT_CAINFO, arena_dup(mem, o->ca_file).p);
    set_bounds(t.curl, o);
    set_sending(t.curl, q, mem);
    set_receiving(t.curl, &t);
    CURLcode code = curl_easy_perform(t.curl);
    enum err e = code ? failure_of(&t, code, why) : OK;
    if (e == OK) {
        *why = "";
        read_answer(&t, out);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(t.curl);
    buf_release(&t.body);
    return e;
}
