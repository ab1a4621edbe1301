/* Server-Sent Events (WHATWG HTML, section 9.2): format events and comments. */
#ifndef WIRE_SSE_H
#define WIRE_SSE_H

#include "base/buf.h"

struct sse_event {
    struct str id;    /* p == NULL: no id line */
    struct str event; /* p == NULL: no event line */
    struct str data;  /* one data line per line of text */
};

/* Append the event and its blank line; id and event hold no line breaks (asserted). */
void sse_append(struct buf *out, const struct sse_event *e);

/* Append ": text\n\n". */
void sse_append_comment(struct buf *out, struct str text);

/* Append the field "retry: ms\n" of the event that is appended next. */
void sse_append_retry(struct buf *out, int64_t ms);

#endif
