/*
 * The outbox of main.db: events that other spaces' logs must get, written in the transaction that
 * decides them. Each space keeps in its meta table how far it has taken them, in the transaction of
 * the events: so each is in its log once, in order, wherever a process dies (domain/relay.h).
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "base/arena.h"
#include "store/space.h"

struct outbox_event {
    int64_t id; /* rising in commit order */
    struct str name, data;
};

/* In a write transaction of main.db (asserted). */
enum err outbox_add(struct space *main_db, enum space_kind kind, struct str id, struct str name,
                    struct str data, int64_t now) must_check;

struct outbox_space {
    enum space_kind kind;
    struct str id;
};

/* Up to max spaces that wait for events, those that wait longest first; list has room for max,
 * strings in mem. `after` is where the look begins and where the next one may: 0 at first. */
enum err outbox_spaces(struct space *main_db, int64_t *after, size_t max, struct arena *mem,
                       struct outbox_space *list, size_t *count) must_check;

/* A space's events behind the id `after`, at most max, in order; in mem. */
enum err outbox_read(struct space *main_db, const struct outbox_space *to, int64_t after,
                     size_t max, struct arena *mem, struct outbox_event **list,
                     size_t *count) must_check;

/* The space has taken those up to `last`. In a write transaction of main.db (asserted). */
enum err outbox_remove(struct space *main_db, const struct outbox_space *to,
                       int64_t last) must_check;

/*
 * How far a space has taken the events of the main.db of that epoch; 0: none. A main.db that was
 * restored has another epoch, and counts anew.
 */
enum err outbox_position(struct space *sp, struct str main_epoch, int64_t *last) must_check;
/* In a write transaction of the space (asserted). */
enum err outbox_set_position(struct space *sp, struct str main_epoch, int64_t last) must_check;

#endif
