/*
 * What all streams of a space's changes share: where they go on from, and the events about a stream
 * itself (realtime:connected and others), told in its own format.
 */
#ifndef PUSHD_CHANGES_H
#define PUSHD_CHANGES_H

#include "base/err.h"
#include "endpoints.h"
#include "feed.h"

/* The id that the request asks to go on from, owned by the caller; p == NULL: none. */
struct str changes_last_id(const struct request *r);

/* Append {"event":name,"data":…,"timestamp":ms without its closing brace: all formats begin so. */
void changes_append_text(struct buf *out, const struct hub_event *e);

/* The greeting, with realtime:resync behind it where that is due. */
void changes_append_connected(struct buf *out, const struct follower *f,
                              const struct feed_position *at);

/* realtime:resync alone. */
void changes_append_resync(struct buf *out, const struct follower *f,
                           const struct feed_position *at);

/* From that event on, whatever was sent before; or realtime:resync is sent. */
void changes_go_on(struct follower *f, struct str last);

/* realtime:error {code,message}. */
void changes_append_error(struct buf *out, const struct follower *f, enum err e,
                          struct str message);

/* Send realtime:token_expiring. */
void changes_expiring(const struct follower *f);

#endif
