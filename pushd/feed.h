/*
 * From the change log to the topics. A source is an open space with listeners: its topic, how far
 * its log was published, and the sign-ins it vouches for. Hints of the bus are published at once
 * where they continue the log without a gap; else the log is read, by a reader thread, one read in
 * flight per source. Replay, gaps, slow readers and lost hints are all that one operation. The bus
 * is never trusted: what it loses, a sweep over the sources finds.
 */
#ifndef PUSHD_FEED_H
#define PUSHD_FEED_H

#include "domain/bus.h"
#include "domain/who.h"
#include "hub.h"
#include "store/sessions.h"

struct feed;
struct readers;
struct server;
struct source;

struct feed *feed_new(struct server *s, struct readers *r);
/* No connection may be left. */
void feed_free(struct feed *f);

/* Take in what the bus has to say. */
void feed_hint(struct feed *f, const struct bus_message *m);

/* --- who it is --- */

/*
 * A sign-in with open connections: a session of a user, or (sid "") backend tokens for that user.
 * It exists while it is live and has connections.
 */
struct login {
    struct source *source; /* the user's own space */
    struct login *next;    /* of that source */
    struct list conns;     /* struct conn.peers */
    bool dead;             /* revoked: its connections are being closed */
    char sid[SESSION_ID_LEN + 1];
};

/* What a connection claims, and its place in the queue while that is looked up. */
struct sign_in {
    struct str user_id;
    struct str sid;         /* p == NULL: a backend token */
    struct str refresh_jti; /* p == NULL: not by a refresh token */
    struct login *login;    /* the answer, when OK */
    /* The answer, when it was not known at once: OK, ERR_UNAUTHORIZED, ERR_BUSY… */
    void (*on_answer)(struct sign_in *si, enum err e);

    /* The feed's own. */
    struct list node;
    struct source *source;
};

/*
 * OK: si->login is set. ERR_MORE: it is not known here; feed_wait asks a reader thread.
 * ERR_UNAUTHORIZED for what cannot be anybody.
 */
enum err feed_sign_in(struct feed *f, struct sign_in *si) must_check;

/* After ERR_MORE: si->on_answer will be called. si and its strings must stay until then, or until
 * feed_cancel. */
void feed_wait(struct feed *f, struct sign_in *si);
void feed_cancel(struct sign_in *si);

/* Count conn for the session (ERR_RATE_LIMIT beyond push_max_connections_per_user): only now it
 * keeps session alive. To be called at once when a sign-in is answered. */
enum err feed_enter(struct feed *f, struct login *login, struct conn *c) must_check;
/* conn (taken out of login->conns by its owner) is gone. NULL is fine. */
void feed_leave(struct feed *f, struct login *login);

/* Call each with the connections of every sign-in. */
void feed_each_login(struct feed *f, void (*each)(struct list *conns));

/* Whose it is; valid while the login is. */
struct str feed_user_id(const struct login *login);

/* --- who may hear an organization --- */

/*
 * A member's way into the space of an organization: asked for, then good until it is given back or
 * the membership ends. Zeroed and embedded in its owner, who follows the space with it.
 */
struct pass {
    struct conn *conn; /* the owner's, for the owner */
    char user_id[SPACE_ID_MAX + 1];
    /* The answer: OK, ERR_NOT_FOUND (no member, or no such organization), ERR_BUSY… */
    void (*on_answer)(struct pass *p, enum err e);
    /* After OK, once: the membership or the organization is gone. What follows the space must leave
     * it, now or as its connection ends. */
    void (*on_end)(struct pass *p);

    /* The feed's own. */
    struct source *source; /* NULL: neither asked for nor held */
    struct list node;
    struct source_read *asked; /* the read that looks at it, at the check `at` */
    uint32_t at;
    bool is_held, has_ended;
};

/* ERR_MORE: the answer will come, unless it is given back before. ERR_NOT_FOUND: not the id of any
 * organization. */
enum err feed_ask(struct feed *f, struct pass *p, struct str organization_id,
                  struct str user_id) must_check;
/* Nobody may follow with it any more. Harmless when it was not asked for. */
void feed_give_back(struct pass *p);

/* --- what it hears --- */

/* One connection's place in the log of a space. Embedded in its owner. */
struct follower {
    struct sub sub; /* in the topic while it has everything published so far */
    struct source *source;
    const struct format *format;
    uint64_t seq;     /* while behind: the last event it has */
    struct list node; /* in source->behind while behind */
    bool held;        /* behind until it is released */
};

/* Where a stream begins. */
struct feed_position {
    struct str epoch; /* borrowed from the source */
    uint64_t seq;     /* the newest event */
    uint64_t from;    /* the last event this reader has: what follows is sent */
    bool resync;      /* it asked for more than there is: realtime:resync is sent */
};

/*
 * Follow the session's own space, from the event id `last` on (p == NULL: from now on). *at says
 * where that is; events come after the caller's greeting. f->sub.conn and filter and f->format are
 * set by the caller, the rest here.
 */
void feed_follow(struct follower *f, struct login *s, struct str last, struct feed_position *at);
void feed_unfollow(struct follower *f);

/* The same for the space that a held pass opens. */
void feed_follow_pass(struct follower *f, struct pass *p, struct str last,
                      struct feed_position *at);

/* Go on in the same space from that event on. */
void feed_go_on(struct follower *f, struct str last, struct feed_position *at);

/* The organization whose space it follows; p == NULL: none. */
struct str feed_organization(const struct follower *f);

/* Between the two nothing of the log is delivered, and nothing missed: f->sub.filter may change. */
void feed_hold(struct follower *f);
void feed_release(struct follower *f);

/* Publish what is not of the log to those who follow the session's own space, also to those who are
 * behind in that. */
void feed_publish(struct login *s, const struct hub_event *e);

/* The connection took everything it was given: go on, if it is behind. */
void feed_drained(struct follower *f);

/*
 * Someone within this program who hears every event of a space, in order, for as long as it is
 * there. Embedded in its owner.
 */
struct tap {
    void (*on_event)(struct tap *t, const struct event *e);
    /* What follows does not continue what came before: the log was trimmed or replaced. */
    void (*on_gap)(struct tap *t);
    /* The feed's own. */
    struct source *source;
    struct list node;
};

/* From now on, or from the beginning of a space whose file is not there yet. */
void feed_tap(struct feed *f, struct tap *t, enum space_kind kind, struct str id);
void feed_untap(struct tap *t);
/* Is it known where the log stands, or that there is none yet? Before, events may be missed. */
bool feed_tap_is_ready(const struct tap *t);

struct feed_stats {
    uint64_t sources;                   /* open now */
    uint64_t inline_events, log_events; /* published from hints, from the log */
    uint64_t reads, sweeps, resyncs;
};
struct feed_stats feed_stats(const struct feed *f);

#endif
