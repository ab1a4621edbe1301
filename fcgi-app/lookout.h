/*
 * What the admin page shows of this process and its data folder: the newest failures that were our
 * own, and sizes that take a while to measure. In memory, for as long as the process lives.
 */
#ifndef APP_LOOKOUT_H
#define APP_LOOKOUT_H

#include "base/request_id.h"
#include "req.h"
#include "store/sizes.h"

/* Kinds of failures that are kept: a route and a code each. */
#define LOOKOUT_FAILURES_MAX 50
#define LOOKOUT_DETAIL_MAX   160

/* Sizes are measured no more often. */
#define LOOKOUT_SIZES_MS 60000

struct lookout;

struct lookout *lookout_new(void);
void lookout_free(struct lookout *l);

/* What was answered 5xx: all of one route and code are one, the newest of them is told. */
struct lookout_failure {
    int64_t first_at, at; /* ms */
    uint64_t count;
    const char *method, *route; /* constants */
    int status;
    enum err e;
    char request_id[REQUEST_ID_MAX + 1];
    char detail[LOOKOUT_DETAIL_MAX + 1]; /* as the log has it; empty: none */
};

/* r failed with e, by our own fault. NULL keeps nothing. */
void lookout_note(struct lookout *l, const struct req *r, const char *method, enum err e,
                  const char *detail);

/* Up to LOOKOUT_FAILURES_MAX, the newest first. */
size_t lookout_failures(struct lookout *l, struct lookout_failure out[LOOKOUT_FAILURES_MAX]);

/* When this process began, ms. */
int64_t lookout_since(const struct lookout *l);

/* The sizes of the data folder, as they were at *at. Blocks while they are measured; others get
 * those of before meanwhile. */
enum err lookout_sizes(struct lookout *l, const char *root, struct sizes *out,
                       int64_t *at) must_check;

#endif
