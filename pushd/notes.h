/*
 * Notes (docs/protocol.md section 8): who listens to a user's notes, what they are told and when,
 * and who has yet to acknowledge it (ledger.h). Every list is one snapshot of the file, read by a
 * reader thread, one read in flight per user; changes are heard of by a tap. A user is here while
 * there are sockets or updates that wait for an acknowledgement.
 */
#ifndef PUSHD_NOTES_H
#define PUSHD_NOTES_H

#include "hub.h"

struct ledger_client;
struct notes;
struct notes_user;

/* A connection's place. Embedded in its owner, who sets sub.conn; zero otherwise. */
struct notes_socket {
    struct sub sub; /* in the user's topic from its initialSync on */
    struct notes_user *user;
    struct ledger_client *client; /* who it is to the ledger */
    struct list same;             /* in client->sockets */
    struct list node;             /* in one of the user's lists, while it waits for a read */
    uint64_t resumed;             /* the last update it was sent again on opening */
    uint32_t asked;               /* lists it asked for: a bit each, the oldest lowest */
    uint8_t asks, asks_read;      /* how many, how many of them before the read in flight */
    bool resuming;
};

/* What a client can ask for. */
enum notes_ask {
    NOTES_SUBSCRIBED,
    NOTES_REFRESHED,
};

/* Most answers a socket waits for: what it asks for beyond is not answered. */
#define NOTES_ASKS_MAX 32

struct notes *notes_new(struct server *s);
/* No socket may be left. NULL is fine. */
void notes_free(struct notes *n);

struct notes_stats {
    uint64_t users;         /* known now */
    uint64_t pending_bytes; /* of updates that wait for an acknowledgement */
};
struct notes_stats notes_stats(const struct notes *n);

/* Come in as that client of that user: updates it has not acknowledged, and then initialSync,
 * follow when the stream is open. */
void notes_enter(struct notes *n, struct notes_socket *s, struct str user_id, struct str client_id);
/* Harmless for who never came in. */
void notes_leave(struct notes_socket *s);

/* Who it is; valid until it leaves or turns into another. */
struct str notes_client_id(const struct notes_socket *s);
/* Be another client of the same user; what it has not acknowledged follows with notes_resume. */
void notes_identify(struct notes_socket *s, struct str client_id);
void notes_resume(struct notes_socket *s);

void notes_ask(struct notes_socket *s, enum notes_ask what);
void notes_ack(struct notes_socket *s, struct str update_id);

/* It took everything it was sent. */
void notes_drained(struct notes_socket *s);

#endif
