/*
 * The one way to write: rows and keys together with their events and effects, in one transaction,
 * then a hint on the bus. Handlers cannot write without an event.
 *
 *     change_begin(&c, …);  …change_kv_set(&c, …)…;  change_commit(&c)   or   change_rollback(&c)
 */
#ifndef DOMAIN_CHANGE_H
#define DOMAIN_CHANGE_H

#include "domain/bus.h"
#include "domain/collection.h"

struct change {
    struct space *space;
    const struct collections *collections;
    struct bus_pub *bus; /* NULL: none is told (tools) */
    struct arena *mem;   /* a request's arena: events wait in it for the commit */
    struct str user_id;  /* whose rows these are: the space's user, or the organization's id */
    struct event *events;
    size_t event_count, event_cap;
    struct str request_id; /* whose change it is, for the logs; empty: nobody asked */
    struct event news;     /* name.p == NULL: none */
};

/* Begin the write transaction. ERR_BUSY, ERR_FULL… as space_begin_write. */
enum err change_begin(struct change *c, struct space *sp, const struct collections *all,
                      struct bus_pub *bus, struct arena *mem) must_check;

/* Commit, then publish the events in order while the space is still held. On failure nothing
 * happened. */
enum err change_commit(struct change *c) must_check;
void change_rollback(struct change *c);

/* Sequence number of the last event of this change, 0 when there is none: X-Event-Id. */
uint64_t change_last_seq(const struct change *c);

/* An event of its own, for what is no row and no key. */
enum err change_event(struct change *c, struct str name, struct str data) must_check;

/* Once this is committed, tell every connected user of something that is in no log. name and data
 * must live as long as c->mem. */
void change_tell_everyone(struct change *c, struct str name, struct str data);

enum err change_kv_set(struct change *c, struct str key, struct str value) must_check;
/* OK also when there was no such key (no event then). */
enum err change_kv_delete(struct change *c, struct str key) must_check;

/* Make a row of validated data (collection_validate): id and times from the log's clock, effects
 * included. *row in mem. */
enum err change_row_create(struct change *c, const struct collection *col, struct str data,
                           struct row *row) must_check;

/* How an update combines: PUT replaces the given members, PATCH is a JSON Merge Patch. */
enum change_merge { MERGE_MEMBERS, MERGE_PATCH };

/*
 * Update row `id` with a client's object. if_version 0: whatever it is; else ERR_PRECONDITION, and
 * *row is the current one. ERR_NOT_FOUND, ERR_VALIDATION with problems.
 */
enum err change_row_update(struct change *c, const struct collection *col, struct str id,
                           struct json_value patch, enum change_merge how, int64_t if_version,
                           struct problems *problems, struct row *row) must_check;

/*
 * Put a row of validated data in place under its own id, as an import does: no effects, for their
 * rows come the same way. old_version 0 inserts it, with its times and version (0: this
 * transaction's, 1); else it takes the place of the row of that version, and the time is now.
 */
enum err change_row_put(struct change *c, const struct collection *col, struct row *row,
                        int64_t old_version) must_check;

/* ERR_NOT_FOUND. */
enum err change_row_delete(struct change *c, const struct collection *col,
                           struct str id) must_check;

/* At most max rows, oldest first, one event each; *more says whether some are left. */
enum err change_rows_clear(struct change *c, const struct collection *col, size_t max,
                           size_t *deleted, bool *more) must_check;

#endif
