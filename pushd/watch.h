/*
 * What administrators watch: that something happened in any space, as the bus tells it (name,
 * space, number, time, size; never the data), and every few seconds what this program does. Whoever
 * watches has a session of an administrator, which is looked at again and again.
 */
#ifndef PUSHD_WATCH_H
#define PUSHD_WATCH_H

#include "domain/bus.h"
#include "hub.h"

/* Watchers at a time; one more is refused. */
#define WATCH_MAX 16
/* Events told in a second; the rest is counted. */
#define WATCH_RATE 200
/* Between two looks at the sessions, which is when the numbers are told too. */
#define WATCH_TICK_MS 1000

/* Hex digits of a session's hash (store/admins.h). */
#define WATCH_HASH_LEN 64

struct watch;

struct watch *watch_new(struct server *s);
/* No connection may be left. */
void watch_free(struct watch *w);

/* One who watches. Zeroed and embedded in the state of its stream. */
struct watcher {
    struct sub sub; /* in the topic once its session was found to live; conn is the owner's */
    struct list node;
    bool is_in;
    char hash[WATCH_HASH_LEN];
};

/* Watch, as long as the session of that hash lives: else the connection ends with END_REVOKED.
 * ERR_BUSY: there are WATCH_MAX already. */
enum err watch_enter(struct watch *w, struct watcher *x, struct str hash) must_check;
/* Harmless when it does not. */
void watch_leave(struct watch *w, struct watcher *x);

/* Take in what the bus has to say: costs nothing while nobody watches. */
void watch_hint(struct watch *w, const struct bus_message *m);

#endif
