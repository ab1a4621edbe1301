/*
 * What is alive by name: pages by their key, counters by theirs. Counters' events come from the log
 * of their space, and with them the renders of the counter's own page; other renders come from
 * POST /live/render and are in memory only: who is not there does not get them.
 */
#ifndef PUSHD_LIVE_H
#define PUSHD_LIVE_H

#include "keyed.h"

/* Of a page's key. */
#define LIVE_KEY_MAX 1024

/* The number of a counter's viewers is told no more often. */
#define LIVE_VIEWERS_MS 100

struct live;

struct live *live_new(struct server *s);
/* No connection may be left. */
void live_free(struct live *l);

/* --- pages --- */

/* Hear of renders: hub_event.name is "render", data {"key","html"?}. s->sub.conn is set. */
void live_listen(struct live *l, struct str key, struct keyed_sub *s, const struct format *f);
/* Harmless when it does not. */
void live_unlisten(struct live *l, struct keyed_sub *s);

/* A page has a new rendering: data as above, of that key. Returns how many hear of it. */
size_t live_render(struct live *l, struct str key, struct str data);

/* --- counters --- */

/* One who watches a counter. Zeroed and embedded in the state of its stream; both conns are set by
 * the owner. */
struct live_viewer {
    struct keyed_sub changes; /* hub_event.name is the operation, data the message */
    struct keyed_sub viewers; /* the same of how many watch: "viewers" */
};

/* Is it known where the counters' log stands? Before, nobody may watch: changes would be missed. */
bool live_counters_are_ready(const struct live *l);

/* Watch a counter; `viewers` NULL: without being told how many do. Who joins is not told of the
 * number that it makes: the greeting's to say, by live_count_viewers(). */
void live_watch(struct live *l, struct str name, struct live_viewer *v,
                const struct format *changes, const struct format *viewers);
/* Harmless when it does not. */
void live_unwatch(struct live *l, struct live_viewer *v);

/* How many watch that counter, told of it or not. */
size_t live_count_viewers(const struct live *l, struct str name);

/* Append {"type":"viewers","count":n} */
void live_append_viewers(struct buf *out, size_t count);

#endif
