/*
 * What a webhook says and how it is signed: Standard Webhooks, one event a request.
 *     webhook-id: user-<id>-<epoch>-<seq>       the same at each try
 *     webhook-timestamp: <unix seconds>         of this try
 *     webhook-signature: v1,<base64 of HMAC-SHA256 of "id.timestamp.body"> …   one for each secret
 */
#ifndef DOMAIN_WEBHOOK_MESSAGE_H
#define DOMAIN_WEBHOOK_MESSAGE_H

#include "domain/webhook_key.h"
#include "store/event.h"

/* The value of webhook-signature: one signature for each key, between spaces. */
void webhook_append_signature(struct buf *out, const struct webhook_key *keys, size_t count,
                              struct str id, int64_t timestamp_s, struct str body);

/* "user-<id>-<epoch>-<seq>" and what is put behind. */
void webhook_append_id(struct buf *out, enum space_kind kind, struct str id, struct str epoch,
                       uint64_t seq, const char *behind);

/* {"type":"table:posts:create","timestamp":"2026-…","space":{"kind":"user","id":"…"},
 * "id":"<epoch>.<seq>","data":…} */
void webhook_append_event(struct buf *out, enum space_kind kind, struct str id, struct str epoch,
                          const struct event *e);

/* Why events are missing. */
enum webhook_gap {
    WEBHOOK_TRIMMED,  /* the log does not have them any more */
    WEBHOOK_RESTORED, /* the space is another one than it was */
    WEBHOOK_DELETED,  /* the space is no more */
};

/* From where to where; an empty epoch: not known, or none. */
struct webhook_span {
    enum webhook_gap why;
    struct str from_epoch, to_epoch;
    uint64_t from, to;
};

/* The same with the type webhook:gap and {"reason":"trimmed","after":"<epoch>.<seq>",
 * "until":"<epoch>.<seq>"}: what is after the one and not after the other is not sent. */
void webhook_append_gap(struct buf *out, enum space_kind kind, struct str id, int64_t at,
                        const struct webhook_span *span);

/* The wait after so many failures: doubled with each, half of it by chance, `max` at most. */
int64_t webhook_backoff_ms(int64_t failures, int64_t first, int64_t max);

#endif
