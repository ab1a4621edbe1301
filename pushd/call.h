/* Calls: requests with a body (POST). */
#ifndef PUSHD_CALL_H
#define PUSHD_CALL_H

#include "opening.h"

/* May its body come? ERR_METHOD, ERR_TOO_LARGE. */
enum err call_check(const struct request *r) must_check;

/* Who it is is known: make the call if its body came with the head, which is mostly so; else wait
 * for it. */
enum err call_begin(struct request *r, const struct identity *id, struct str cors) must_check;

/* Who it is must be asked for first: what call_await needs then. */
struct opening *call_put_off(const struct request *r, const struct identity *id, struct str cors);

/* Read the body of c->opening from here on. */
void call_await(struct conn *c);

/* In CONN_READ_BODY: use some of the body. Returns how many bytes. */
size_t call_read(struct conn *c, struct str in);

#endif
