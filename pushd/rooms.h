/*
 * Rooms: connections that hear each other, and which users are there. A room exists while somebody
 * is in it. A user is in it while one of his connections is, and for a while after: a page that is
 * loaded anew does not leave. In memory only.
 */
#ifndef PUSHD_ROOMS_H
#define PUSHD_ROOMS_H

#include "hub.h"

/* How long a user who left may come back without having been away. */
#define ROOMS_GRACE_MS 5000
/* Users that are listed; in a room of more nobody is told who comes and goes. */
#define ROOMS_MEMBERS_MAX 1000

struct rooms;
struct seat; /* a connection's place in a room */

struct rooms *rooms_new(struct server *s);
/* No connection may be left. */
void rooms_free(struct rooms *r);

/* The rooms a connection is in. Zeroed and embedded in the state of its stream. */
struct guest {
    struct seat *seats;
    uint32_t count;
};

/*
 * Enter a room, unless c is there already; what is published in it goes to c in that format, slow
 * readers miss some. ERR_INVALID: no name of a room; ERR_FORBIDDEN: rooms are off; ERR_RATE_LIMIT:
 * c, or its user on all connections together, is in too many. For an organization's room
 * ("org:<id>") the caller has seen that c may; ERR_NOT_FOUND for what is no such id.
 */
enum err rooms_join(struct guest *g, struct conn *c, struct str name, const struct format *f,
                    struct seat **out) must_check;

/* Its place in a room of that name: the same errors, and when it is not there ERR_FORBIDDEN, or
 * ERR_NOT_FOUND for an organization's. */
enum err rooms_find(const struct guest *g, const struct conn *c, struct str name,
                    struct seat **out) must_check;

/* The seat is gone afterwards. */
void rooms_leave(struct guest *g, struct seat *s);
void rooms_leave_all(struct guest *g);

/* The same, and with his last seat the user is gone at once. */
void rooms_expel(struct guest *g, struct seat *s);

/* "org:<id>" of what may be an organization. */
bool rooms_is_organization(struct str name);

/* Publish to all in the room; e->except is the caller's to set. */
void rooms_publish(struct seat *s, const struct hub_event *e);

/* "room:<name>", valid while the seat is. */
struct str rooms_name(const struct seat *s);

/* Append {"room","members":[user ids],"count"}. */
void rooms_append_presence(struct buf *out, const struct seat *s);

/* Back into one of the rooms of which c missed something because it was too slow; NULL: none. */
struct seat *rooms_rejoin(struct guest *g, const struct format *f);

#endif
