/* Failures and sizes, kept for the admin page. */
#include "base/base.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "lookout.h"
#include "routes.h"

struct lookout {
    pthread_mutex_t mutex; /* of all that follows */
    int64_t since;
    size_t count;
    struct lookout_failure failures[LOOKOUT_FAILURES_MAX]; /* the newest first */
    bool measuring;
    pthread_cond_t measured;
    int64_t sizes_at; /* 0: never measured */
    struct sizes sizes;
};

struct lookout *lookout_new(void)
{
    struct lookout *l = mem_zalloc(1, sizeof *l);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->measured, NULL);
    l->since = clock_wall_ms();
    return l;
}

void lookout_free(struct lookout *l)
{
    if (!l)
        return;
    pthread_cond_destroy(&l->measured);
    pthread_mutex_destroy(&l->mutex);
    mem_free(l);
}

int64_t lookout_since(const struct lookout *l)
{
    return l->since;
}

/* --- failures --------------------------------------------------------------------------------- */

/* The place of its kind; else of the oldest, or a new one. */
static size_t find(const struct lookout *l, const struct lookout_failure *f)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct lookout_failure *at = &l->failures[i];
        if (at->e == f->e && strcmp(at->route, f->route) == 0 && strcmp(at->method, f->method) == 0)
            return i;
    }
    return l->count;
}

static void keep(struct lookout *l, struct lookout_failure *f)
{
    size_t i = find(l, f);
    if (i < l->count) {
        f->first_at = l->failures[i].first_at;
        f->count += l->failures[i].count;
    } else if (l->count < LOOKOUT_FAILURES_MAX) {
        l->count++;
    } else {
        i = l->count - 1;
    }
    memmove(l->failures + 1, l->failures, i * sizeof *l->failures);
    l->failures[0] = *f;
}

static void copy(char *to, size_t max, struct str from)
{
    size_t n = from.n < max ? from.n : max;
    while (n && n < from.n && ((unsigned char)from.p[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    if (n)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

void lookout_note(struct lookout *l, const struct req *r, const char *method, enum err e,
                  const char *detail)
{
    if (!l)
        return;
    int64_t now = clock_wall_ms();
    struct lookout_failure f = {.first_at = now,
                                .at = now,
                                .count = 1,
                                .method = method,
                                .route = r->route ? r->route->path : "-",
                                .status = r->status,
                                .e = e};
    copy(f.request_id, REQUEST_ID_MAX, r->request_id);
    copy(f.detail, LOOKOUT_DETAIL_MAX, str_from_c(detail));
    pthread_mutex_lock(&l->mutex);
    keep(l, &f);
    pthread_mutex_unlock(&l->mutex);
}

size_t lookout_failures(struct lookout *l, struct lookout_failure out[LOOKOUT_FAILURES_MAX])
{
    pthread_mutex_lock(&l->mutex);
    size_t count = l->count;
    memcpy(out, l->failures, count * sizeof *out);
    pthread_mutex_unlock(&l->mutex);
    return count;
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* In the mutex, which is given back meanwhile. */
static enum err measure(struct lookout *l, const char *root)
{
    struct sizes sizes;
    l->measuring = true;
    pthread_mutex_unlock(&l->mutex);
    enum err e = sizes_measure(root, &sizes);
    pthread_mutex_lock(&l->mutex);
    l->measuring = false;
    if (e == OK) {
        l->sizes = sizes;
        l->sizes_at = clock_wall_ms();
    }
    pthread_cond_broadcast(&l->measured);
    return e;
}

enum err lookout_sizes(struct lookout *l, const char *root, struct sizes *out, int64_t *at)
{
    enum err e = OK;
    pthread_mutex_lock(&l->mutex);
    while (l->measuring && !l->sizes_at)
        pthread_cond_wait(&l->measured, &l->mutex);
    if (!l->measuring && (!l->sizes_at || l->sizes_at + LOOKOUT_SIZES_MS <= clock_wall_ms()))
        e = measure(l, root);
    *out = l->sizes;
    *at = l->sizes_at;
    pthread_mutex_unlock(&l->mutex);
    return e;
}
