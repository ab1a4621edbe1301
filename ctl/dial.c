/* The side of libcurl that connects and leaves the rest to us (CURLOPT_CONNECT_ONLY). */
#include "base/base.h"

#include <curl/curl.h>
#include <poll.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dial.h"

#define CHUNK    4096
#define BODY_MAX (256 * 1024)
#define SEND_MS  5000
#define MANY     128

struct dial {
    CURL *curl;
    int fd;
    char peer[64], own[64];
    int64_t certificate_until;
    const char *distrust;
    char error[CURL_ERROR_SIZE];
};

static void set_options(CURL *c, const struct dial_to *to, bool verify)
{
    curl_easy_setopt(c, CURLOPT_URL, to->origin);
    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)to->timeout_ms);
    curl_easy_setopt(c, CURLOPT_SSL_ENABLE_ALPN, 0L); /* HTTP/1.1 */
    curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (to->ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, to->ca);
    if (to->path)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, to->path);
    if (to->from)
        curl_easy_setopt(c, CURLOPT_INTERFACE, to->from);
}

static CURLcode connect_once(struct dial *d, const struct dial_to *to, bool verify)
{
    if (d->curl)
        curl_easy_cleanup(d->curl);
    d->curl = curl_easy_init();
    if (!d->curl)
        return CURLE_OUT_OF_MEMORY;
    set_options(d->curl, to, verify);
    curl_easy_setopt(d->curl, CURLOPT_ERRORBUFFER, d->error);
    return curl_easy_perform(d->curl);
}

static void read_certificate(struct dial *d)
{
    const struct str field = STR("Expire date:");
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(d->curl, CURLINFO_CERTINFO, &info) || !info || info->num_of_certs < 1)
        return;
    for (const struct curl_slist *l = info->certinfo[0]; l; l = l->next)
        if (str_starts_with(str_from_c(l->data), field))
            d->certificate_until = (int64_t)curl_getdate(l->data + field.n, NULL);
}

static bool read_facts(struct dial *d)
{
    const char *peer = NULL, *own = NULL;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(d->curl, CURLINFO_ACTIVESOCKET, &fd) || fd == CURL_SOCKET_BAD)
        return false;
    curl_easy_getinfo(d->curl, CURLINFO_PRIMARY_IP, &peer);
    curl_easy_getinfo(d->curl, CURLINFO_LOCAL_IP, &own);
    snprintf(d->peer, sizeof d->peer, "%s", peer ? peer : "");
    snprintf(d->own, sizeof d->own, "%s", own ? own : "");
    d->fd = fd;
    read_certificate(d);
    return true;
}

struct dial *dial_open(const struct dial_to *to, struct arena *mem, const char **why)
{
    struct dial *d = mem_zalloc(1, sizeof *d);
    CURLcode code = connect_once(d, to, true);
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        d->distrust = arena_dup(mem, str_from_c(*d->error ? d->error : curl_easy_strerror(code))).p;
        code = connect_once(d, to, false);
    }
    if (code == CURLE_OK && read_facts(d))
        return d;
    *why = arena_dup(mem, str_from_c(*d->error ? d->error : curl_easy_strerror(code))).p;
    dial_close(d);
    return NULL;
}

void dial_close(struct dial *d)
{
    if (!d)
        return;
    if (d->curl)
        curl_easy_cleanup(d->curl);
    mem_free(d);
}

const char *dial_peer(const struct dial *d)
{
    return d->peer;
}

const char *dial_own(const struct dial *d)
{
    return d->own;
}

int64_t dial_certificate_until(const struct dial *d)
{
    return d->certificate_until;
}

const char *dial_distrust(const struct dial *d)
{
    return d->distrust;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static bool wait_for(const struct dial *d, short what, int64_t until_ms)
{
    struct pollfd p = {.fd = d->fd, .events = what};
    int64_t left = until_ms - clock_mono_ms();
    return left > 0 && poll(&p, 1, (int)left) > 0;
}

bool dial_send(struct dial *d, struct str bytes)
{
    int64_t until = clock_mono_ms() + SEND_MS;
    while (bytes.n) {
        size_t n = 0;
        CURLcode code = curl_easy_send(d->curl, bytes.p, bytes.n, &n);
        if (code == CURLE_AGAIN && !wait_for(d, POLLOUT, until))
            return false;
        if (code && code != CURLE_AGAIN)
            return false;
        bytes = str_from(bytes, n);
    }
    return true;
}

/* TLS may hold bytes that the descriptor does not show, so it is asked first. */
enum dial_got dial_read(struct dial *d, struct buf *to, int64_t until_ms)
{
    for (;;) {
        size_t n = 0;
        CURLcode code = curl_easy_recv(d->curl, buf_reserve(to, CHUNK), CHUNK, &n);
        if (code == CURLE_OK && n) {
            to->n += n;
            to->p[to->n] = '\0';
            return DIAL_BYTES;
        }
        if (code != CURLE_AGAIN)
            return DIAL_CLOSED;
        if (!wait_for(d, POLLIN, until_ms))
            return DIAL_SILENT;
    }
}

struct dial *dial_wait(struct dial *const *all, size_t count, int64_t until_ms)
{
    struct pollfd p[MANY];
    int64_t left = until_ms - clock_mono_ms();
    assert(count <= MANY);
    for (size_t i = 0; i < count; i++)
        p[i] = (struct pollfd){.fd = all[i]->fd, .events = POLLIN};
    if (left <= 0 || poll(p, count, (int)left) <= 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (p[i].revents)
            return all[i];
    return NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

struct str dial_header(const struct dial_answer *a, struct str name)
{
    struct str rest = a->head, line, at;
    while (str_next(&rest, '\n', &line))
        if (str_next(&line, ':', &at) && line.p && str_eq_nocase(at, name))
            return str_trim(line);
    return STR_NULL;
}

int64_t dial_date(const struct dial_answer *a)
{
    char text[64];
    struct str date = dial_header(a, STR("Date"));
    if (!date.n || date.n >= sizeof text)
        return 0;
    memcpy(text, date.p, date.n);
    text[date.n] = '\0';
    time_t t = curl_getdate(text, NULL);
    return t < 0 ? 0 : (int64_t)t;
}

/* Bytes of the head with its empty line; 0: that has not come. */
static size_t head_length(struct str bytes)
{
    const char *end = bytes.n ? memmem(bytes.p, bytes.n, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - bytes.p) + 4 : 0;
}

static void read_status(struct dial_answer *a)
{
    struct str rest = a->head, word;
    int64_t status = 0;
    if (!str_starts_with(a->head, STR("HTTP/1.")) || !str_next(&rest, ' ', &word) ||
        !str_next(&rest, ' ', &word) ||
        !str_to_i64(str_trim(str_make(word.p, word.n < 3 ? word.n : 3)), 100, 599, &status))
        a->why = "what answers does not speak HTTP";
    a->status = (int)status;
}

void dial_head(struct dial *d, int64_t until_ms, struct arena *mem, struct dial_answer *out)
{
    struct buf got = BUF_INIT;
    enum dial_got last = DIAL_BYTES;
    size_t head = 0;
    *out = (struct dial_answer){.why = NULL};
    while (last == DIAL_BYTES && !head && got.n < BODY_MAX) {
        last = dial_read(d, &got, until_ms);
        head = head_length(buf_str(&got));
    }
    if (head) {
        out->has_head = true;
        out->head = arena_dup(mem, str_make(got.p, head));
        out->body = arena_dup(mem, str_from(buf_str(&got), head));
        read_status(out);
    } else {
        out->why =
            last == DIAL_SILENT ? "no answer in time" : "the connection was closed unanswered";
    }
    buf_release(&got);
}

static bool is_whole(const struct dial_answer *a, struct str body)
{
    int64_t length;
    return str_to_i64(dial_header(a, STR("Content-Length")), 0, INT64_MAX, &length) &&
           (int64_t)body.n >= length;
}

bool dial_body(struct dial *d, int64_t until_ms, struct str wanted, struct arena *mem,
               struct dial_answer *a)
{
    struct buf got = BUF_INIT;
    enum dial_got last = DIAL_BYTES;
    bool found;
    buf_append_str(&got, a->body);
    do {
        found = wanted.n && got.n && memmem(got.p, got.n, wanted.p, wanted.n) != NULL;
        if (!found && !is_whole(a, buf_str(&got)) && got.n < BODY_MAX)
            last = dial_read(d, &got, until_ms);
        else
            break;
    } while (last == DIAL_BYTES);
    a->body = arena_dup(mem, buf_str(&got));
    buf_release(&got);
    return found;
}
