/*
 * The organizations that a connection of cubby.v1 has joined: their changes, and their rooms. Who
 * may is a reader thread's to say (struct pass), so a join is answered later.
 */
#ifndef PUSHD_VISITS_H
#define PUSHD_VISITS_H

#include "feed.h"
#include "rooms.h"

struct visit;
struct visitor;

/* What the stream says of its visits. */
struct visits_hooks {
    const struct format *format;
    void (*on_joined)(struct visitor *v, struct seat *s);
    void (*on_refused)(struct visitor *v, enum err e);
    /* No longer a member; everything of the visit is over. room is valid during the call. */
    void (*on_removed)(struct visitor *v, struct str room);
};

/* Embedded in the stream's state; conn, hooks and filter are set by the owner. */
struct visitor {
    struct conn *conn;
    const struct visits_hooks *hooks;
    const struct filter *filter; /* of the changes; set anew by visits_release */
    struct guest guest;          /* of all rooms, those of organizations too */
    struct visit *visits;
    uint32_t waiting; /* of them: without a seat yet */
};

/* Is it the name of an organization's room? */
bool visits_is_room(struct str room);

/* OK: *out is the seat that it has. ERR_MORE: a hook will be called. ERR_NOT_FOUND: not the id of
 * any organization; ERR_RATE_LIMIT: in too many rooms. */
enum err visits_join(struct visitor *v, struct str room, struct seat **out) must_check;
/* Harmless when not there. */
void visits_leave(struct visitor *v, struct str room);
/* Has it asked for a room that it was not told of yet? */
bool visits_is_joining(const struct visitor *v, struct str room);

/* Its changes go on from that event; said before a join, they begin there. The errors of
 * visits_join. */
enum err visits_resume(struct visitor *v, struct str room, struct str last) must_check;

/* While held nothing of the logs is delivered, and nothing missed: the filter may change. */
void visits_hold(struct visitor *v);
void visits_release(struct visitor *v, const struct filter *filter);

/* The connection took everything. */
void visits_drained(struct visitor *v);

/* Leaves all rooms, others too. */
void visits_leave_all(struct visitor *v);

#endif
