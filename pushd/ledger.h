/*
 * What the clients of a user have not acknowledged yet: updates, each one snapshot shared by all
 * who owe an answer to it, and the clients, who are known by an id of their own choice while they
 * have a socket or owe something. An update is owed by the clients that were listening when it went
 * out, for LEDGER_KEEP_MS, whether they are connected or not.
 */
#ifndef PUSHD_LEDGER_H
#define PUSHD_LEDGER_H

#include "base/map.h"
#include "base/rand.h"
#include "notes.h"

#define LEDGER_RETRY_MS 5000
#define LEDGER_KEEP_MS  (5 * 60 * 1000)
/* The oldest is forgotten when there are more: updates a client owes, clients of a user without a
 * socket, bytes of a user's updates, bytes of those of all users. */
#define LEDGER_OWED_MAX  16
#define LEDGER_IDLE_MAX  32
#define LEDGER_BYTES_MAX ((size_t)8 << 20)
#define LEDGER_ALL_BYTES ((size_t)256 << 20)

/* The updates of all users, oldest first. */
struct ledgers {
    struct list updates;
    size_t bytes;
};

struct ledger {
    struct ledgers *all;
    struct map clients;   /* struct ledger_client, owned */
    struct list present;  /* the same: with sockets */
    struct list idle;     /* without, who left first first */
    struct list updates;  /* struct ledger_update, oldest first */
    uint64_t last_number; /* of an update */
    size_t idle_count;
    size_t bytes;
};

struct ledger_update {
    struct ledger *ledger;
    struct list node;     /* in ledger->updates */
    struct list all_node; /* in ledgers->updates */
    struct msg *notes;    /* the JSON array */
    uint64_t number;      /* rising */
    int64_t born;         /* monotonic ms */
    int64_t timestamp;    /* unix ms */
    uint32_t refs;        /* clients that owe it */
    char id[RAND_ID_LEN + 1];
};

/* A client's debt. */
struct owed {
    struct ledger_update *update;
    int64_t next; /* when it is due again, monotonic ms */
    uint32_t attempts;
};

struct ledger_client {
    struct ledger *ledger;
    struct list node;    /* in ledger->present or idle */
    struct list sockets; /* struct notes_socket.same */
    struct owed *owed;   /* oldest first */
    uint8_t owed_count, owed_cap;
    uint16_t id_n;
    char id[];
};

void ledgers_init(struct ledgers *all);

void ledger_init(struct ledger *l, struct ledgers *all);
/* No socket may be left. */
void ledger_release(struct ledger *l);
/* Is nobody known, and so nothing owed? */
bool ledger_is_empty(const struct ledger *l);

/* s comes in as, or goes from, that client. */
void ledger_enter(struct ledger *l, struct notes_socket *s, struct str client_id);
void ledger_leave(struct ledger *l, struct notes_socket *s);

/* Append an update of that snapshot up to its timestamp: the caller adds a comma and the last
 * members. */
void ledger_append_update(struct buf *out, struct str notes, struct str id, int64_t timestamp);

/* An update went out to all who listen now. */
void ledger_add(struct ledger *l, struct str notes, const char id[RAND_ID_LEN + 1],
                int64_t timestamp, int64_t now);

/* Unknown ids are fine. */
void ledger_ack(struct ledger_client *c, struct str update_id);

/* Send s the next update its client owes that is newer than s->resumed; false: there is none. */
bool ledger_resume(struct notes_socket *s, int64_t now);

/* Forget what is too old, and send again what is due: when to call again, 0: never. Sockets that
 * have not taken yet what they were sent are passed over. */
int64_t ledger_run(struct ledger *l, int64_t now);
/* The same for one client that has taken it now. */
void ledger_run_client(struct ledger_client *c, int64_t now);

#endif
