/*
 * What each receiver of webhooks has got of each space's log, in a file of its own: webhooks.db in
 * the data folder. Who has it open to write is the one who sends: every other process of this data
 * folder is kept out (store/lock.h) until that one closes it or dies, however that is. One thread
 * at a time.
 */
#ifndef STORE_WEBHOOKS_H
#define STORE_WEBHOOKS_H

#include "store/space.h"

#define WEBHOOKS_NAME "webhooks.db"

/* Of the reason why a delivery failed; longer ones are cut. */
#define WEBHOOKS_REASON_MAX 120

struct webhooks;

/*
 * To write, made if need be; or `reader`, ERR_NOT_FOUND where there is none yet. ERR_BUSY: another
 * process sends, or the folder is being restored; ERR_TOO_NEW, ERR_CORRUPT, ERR_INVALID (no such
 * folder), ERR_FULL.
 */
enum err webhooks_open(struct webhooks **out, const char *data_dir, bool reader,
                       int busy_ms) must_check;

/* NULL is fine. Not in a transaction. */
void webhooks_close(struct webhooks *w);

/* How it stands with one receiver. */
struct webhooks_url {
    int64_t id;
    int64_t since;      /* when it was first known: events before are not sent to it */
    int64_t clean_at;   /* it has every event of every space from before that time; 0: not known */
    int64_t delivered;  /* requests that it answered with 2xx */
    int64_t success_at; /* the last of these, 0: none */
    int64_t failure_at; /* the last that went wrong, 0: none */
    int64_t failures;   /* of all spaces since the last success */
    int64_t status;     /* HTTP's, of that failure; 0: there was no answer */
    char reason[WEBHOOKS_REASON_MAX + 1];
};

/* Of this address, which is kept as its SHA-256 alone. A writer registers what is not there;
 * ERR_NOT_FOUND for a reader. */
enum err webhooks_find(struct webhooks *w, struct str url, int64_t now,
                       struct webhooks_url *out) must_check;

/* The last event of a space that a receiver has. */
struct webhooks_cursor {
    enum space_kind kind;
    char id[SPACE_ID_MAX + 1];
    char epoch[EPOCH_LEN + 1];
    uint64_t seq;
};

/* ERR_NOT_FOUND: it has none; kind, id and an empty epoch are set then too. */
enum err webhooks_cursor(struct webhooks *w, int64_t url_id, enum space_kind kind, struct str id,
                         struct webhooks_cursor *out) must_check;

/* Up to `max` cursors behind *at in the order of kind and id; *count says how many. */
enum err webhooks_next_cursors(struct webhooks *w, int64_t url_id, const struct webhooks_cursor *at,
                               struct webhooks_cursor *out, size_t max, size_t *count) must_check;

/* Changes are made between these; the commit is durable. A failure rolls back. */
enum err webhooks_begin(struct webhooks *w) must_check;
enum err webhooks_commit(struct webhooks *w) must_check;
void webhooks_rollback(struct webhooks *w);

enum err webhooks_put(struct webhooks *w, int64_t url_id,
                      const struct webhooks_cursor *c) must_check;
enum err webhooks_remove(struct webhooks *w, int64_t url_id, enum space_kind kind,
                         struct str id) must_check;
enum err webhooks_note(struct webhooks *w, const struct webhooks_url *url) must_check;

#endif
