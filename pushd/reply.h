/* Plain answers: the heads and bodies of everything that is no stream. */
#ifndef PUSHD_REPLY_H
#define PUSHD_REPLY_H

#include "endpoints.h"

/* Append header lines that let pages of our own and of listed origins read the answer. */
void reply_append_cors(struct buf *out, const struct request *r);

/* A body of that type; `cors` are header lines. */
void reply(struct conn *c, int status, struct str cors, struct str type, struct str body);

/* Errors as the endpoint writes them; ep NULL: none was found. */
void reply_error(struct conn *c, const struct endpoint *ep, enum err e, struct str cors);

/* OPTIONS: a CORS preflight (Fetch standard), or a plain question for the methods. */
void reply_options(struct conn *c, const struct endpoint *ep, struct str cors);

/*
 * The answer to a call or a plain request (endpoints.h), now or later: JSON. The connection is free
 * for its next request afterwards: c->stream must be NULL.
 */
void reply_later(struct conn *c, int status, struct str cors, struct str json);
/* The same with 200. */
void reply_call(struct conn *c, struct str cors, struct str json);

#endif
