/* The multi interface of libcurl. */
#include "base/base.h"

#include <curl/curl.h>

#include "base/log.h"
#include "base/mem.h"
#include "domain/post.h"

#define LOOPBACK "127.0.0.1,[::1],::1,localhost"

struct poster {
    struct post_options options;
    CURLM *multi;
    struct list busy;
    struct arena mem;
};

struct poster *poster_new(const struct post_options *o)
{
    struct poster *p = mem_zalloc(1, sizeof *p);
    CURLcode failed = curl_global_init(CURL_GLOBAL_DEFAULT); /* counted; thread-safe since 7.84 */
    assert(!failed);
    p->options = *o;
    p->options.ca_file = arena_dup(&p->mem, o->ca_file);
    list_init(&p->busy);
    p->multi = curl_multi_init();
    if (!p->multi)
        fatal("libcurl has no memory");
    curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)o->idle_max);
    curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    return p;
}

static void forget(struct poster *p, struct post *q)
{
    list_del(&q->node);
    curl_multi_remove_handle(p->multi, q->curl);
    curl_easy_cleanup(q->curl);
    curl_slist_free_all(q->headers);
    q->curl = q->headers = NULL;
}

void poster_free(struct poster *p)
{
    if (!p)
        return;
    list_for_each_safe (node, &p->busy)
        forget(p, list_entry(node, struct post, node));
    curl_multi_cleanup(p->multi);
    curl_global_cleanup();
    arena_release(&p->mem);
    mem_free(p);
}

/* --- one request ------------------------------------------------------------------------------ */

static size_t on_answer(char *bytes, size_t size, size_t count, void *arg)
{
    struct post *q = arg;
    (void)bytes;
    q->answered += size * count;
    return q->answered > POST_ANSWER_MAX ? 0 : size * count;
}

static void add_header(struct post *q, struct str line)
{
    struct curl_slist *more = curl_slist_append(q->headers, line.p);
    if (!more)
        fatal("libcurl has no memory");
    q->headers = more;
}

static void set_headers(struct post *q)
{
    struct arena mem = ARENA_INIT;
    add_header(q, STR("Content-Type: application/json"));
    add_header(q, STR("User-Agent: Cubby"));
    add_header(q, STR("Accept:"));
    add_header(q, STR("Expect:")); /* no round trip for a few bytes */
    add_header(q, arena_printf(&mem, "webhook-id: %.*s", STR_ARG(q->id)));
    add_header(q, arena_printf(&mem, "webhook-timestamp: %lld", (long long)q->timestamp_s));
    add_header(q, arena_printf(&mem, "webhook-signature: %.*s", STR_ARG(q->signature)));
    curl_easy_setopt(q->curl, CURLOPT_HTTPHEADER, q->headers);
    arena_release(&mem);
}

static void set_bounds(CURL *c, const struct post_options *o)
{
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or above */
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* no wait for a name server at the end */
    curl_easy_setopt(c, CURLOPT_NOPROXY, LOOPBACK);
    if (o->ca_file.n)
        curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file.p);
}

void post_send(struct poster *p, struct post *q)
{
    CURL *c = q->curl = curl_easy_init();
    if (!c)
        fatal("libcurl has no memory");
    q->headers = NULL;
    q->answered = 0;
    q->status = 0;
    q->retry_after_s = 0;
    q->why = NULL;
    curl_easy_setopt(c, CURLOPT_URL, q->url.p);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.p);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, q);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_answer);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, q);
    curl_easy_setopt(c, CURLOPT_PRIVATE, q);
    set_bounds(c, &p->options);
    set_headers(q);
    list_add_tail(&p->busy, &q->node);
    CURLMcode failed = curl_multi_add_handle(p->multi, c);
    assert(!failed);
}

/* A status that was read counts, whatever came of a body that is too long. */
static void read_answer(struct post *q, CURLcode code)
{
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(q->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(q->curl, CURLINFO_RETRY_AFTER, &retry_after);
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && q->answered > POST_ANSWER_MAX))
        q->status = (int)status;
    else
        q->why = curl_easy_strerror(code);
    q->retry_after_s = retry_after > 0 ? (int64_t)retry_after : 0;
}

static struct post *take_ended(struct poster *p)
{
    int left;
    CURLMsg *m = curl_multi_info_read(p->multi, &left);
    if (!m)
        return NULL;
    struct post *q = NULL;
    assert(m->msg == CURLMSG_DONE);
    CURLcode code = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &q);
    read_answer(q, code);
    forget(p, q);
    return q;
}

struct post *post_wait(struct poster *p, int wait_ms)
{
    int running;
    curl_multi_perform(p->multi, &running);
    struct post *q = take_ended(p);
    if (q || wait_ms <= 0)
        return q;
    curl_multi_poll(p->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(p->multi, &running);
    return take_ended(p);
}

void post_wake(struct poster *p)
{
    curl_multi_wakeup(p->multi);
}
