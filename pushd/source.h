/*
 * An open space: its topic, the position in its log, the sign-ins that wait for it, the followers
 * that are behind, and the one read that is in flight for all of them. Inside of feed.c.
 */
#ifndef PUSHD_SOURCE_H
#define PUSHD_SOURCE_H

#include "base/map.h"
#include "feed.h"
#include "readers.h"

struct source_read;

enum source_want {
    WANT_EVENTS = 1u << 0,   /* there may be events behind topic.seq */
    WANT_SESSIONS = 1u << 1, /* every session, or pass, must be looked at again */
};

/* Its kind as a digit, then its id. */
#define SOURCE_KEY_MAX (1 + SPACE_ID_MAX)

struct source {
    struct topic topic; /* topic.seq: the head, as far as it is known here */
    struct feed *feed;
    struct list node;         /* in feed->active, or feed->idle when nobody uses it */
    struct login *logins;     /* owned */
    struct list sign_ins;     /* struct sign_in, waiting */
    struct list asking;       /* struct pass, waiting */
    struct list passes;       /* struct pass, held */
    struct list behind;       /* struct follower; who waits to drain stands after who drained */
    struct list taps;         /* struct tap */
    struct source_read *read; /* in flight; owned by itself */
    int64_t idle_since;
    uint32_t conns;      /* of all its sessions */
    uint32_t generation; /* feed's, when it was last compared with the file */
    uint8_t wants;       /* enum source_want */
    bool is_open;        /* epoch and topic.seq are known */
    bool was_missing;    /* there was no file when a tap first looked: all of its log is news */
    char epoch[EPOCH_LEN + 1];
    char key[]; /* with a '\0' */
};

/* What feed.c lends to its sources. */
struct feed {
    struct server *server;
    struct readers *readers;
    struct map sources; /* by kind and id */
    struct list active, idle;
    uint32_t generation; /* raised by every gap of the bus */
    uint32_t in_flight;  /* reads */
    struct loop_timer sweep_timer, idle_timer;
    struct buf id; /* an event's, as text */
    struct feed_stats stats;
};

/* key is in the form above; the source is in no list and no map yet. */
struct source *source_new(struct feed *f, struct str key);
/* It must be out of the map, unused, and without a read in flight. */
void source_free(struct source *s);

enum space_kind source_kind(const struct source *s);
/* Its organization's id; p == NULL: it is none's. */
struct str source_organization(const struct source *s);

/* Begin a read if something is wanted and none is in flight. */
void source_start(struct source *s);

/* Events up to that one were heard of, but cannot be published without a read. */
void source_hinted(struct source *s, uint64_t seq);

/* Publish one event of the log: it must be the one after topic.seq. */
void source_publish(struct source *s, const struct event *e);

/* The session of that id ("" for backend tokens) that is live, or NULL. */
struct login *source_login(const struct source *s, struct str sid);
void source_forget_login(struct login *login);

/* May its known sessions be believed without another look? */
bool source_is_trusted(const struct source *s);

/* feed.c: a read ended. Begins the next one, or later if this one failed; may free s. */
void feed_settle(struct source *s, enum err e);

#endif
