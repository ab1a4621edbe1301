/* What every answer has in common: errors as JSON, CORS, the head as CGI has it. */
#ifndef APP_ANSWER_H
#define APP_ANSWER_H

#include "req.h"

/* Make r's reply the failure e: status, JSON, Retry-After. Header lines added so far stay. */
void answer_failure(struct req *r, enum err e);

/* The reply to OPTIONS: preflight or not, of any path. */
void answer_options(struct req *r);

/* Add what CORS wants to know; the same for successes and failures. */
void answer_cors(struct req *r);

/* Append the head (RFC 3875 6: "Status: 200 OK" and so on) with its empty line. Content-Length is
 * that of body_out also for HEAD, whose body the caller leaves out; there is none with
 * next_part. */
void answer_append_head(const struct req *r, struct buf *out);

#endif
