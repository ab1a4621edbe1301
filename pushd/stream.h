/*
 * An open stream's course in time: its beginning, heartbeats, the end of its token and of its age.
 * One timer in the connection serves them all.
 */
#ifndef PUSHD_STREAM_H
#define PUSHD_STREAM_H

#include "conn.h"

/* From CONN_READ_HEAD to a stream: sends head (response head and greeting at once),
 * starts the clocks. */
void stream_begin(struct conn *c, struct str head);

/* The monotonic time that stands for an exp of a token (unix seconds, 0 never). */
int64_t stream_expiry(const struct server *s, int64_t exp);

/* c->timer fired while the stream was open. */
void stream_on_timer(struct conn *c);

/* Its token was renewed in place: expires at exp (unix seconds, 0: with its session). */
void stream_renew(struct conn *c, int64_t exp);

#endif
