/*
 * Messages compressed one by one, as permessage-deflate without context takeover has them (RFC
 * 7692): a deflate stream per message, flushed to a byte, without the last four bytes 00 00 ff ff.
 * The only user of zlib. Which messages those are, wire/ws.c knows.
 */
#ifndef WIRE_DEFLATE_H
#define WIRE_DEFLATE_H

#include "base/buf.h"
#include "base/err.h"

/* What compressing needs, some 170 KiB: made once, used for one message after the other. */
struct deflater;

struct deflater *deflater_new(void);
/* NULL is fine. */
void deflater_free(struct deflater *d);

/* Append data compressed. False when that would not be shorter: out is as it was. */
bool deflater_append(struct deflater *d, struct buf *out, struct str data);

/* One message being read. */
struct inflater;

/* About what one takes (zlib's manual: 32 KiB of window and some 7 KiB). */
#define INFLATER_MEMORY (40 * 1024)

struct inflater *inflater_new(void);
/* NULL is fine. */
void inflater_free(struct inflater *z);

/*
 * Inflate some of *in, which moves on, and append at most `room` bytes (> 0) to out.
 *   OK           all of *in was taken, and all there is so far is in out
 *   ERR_MORE     call again: there may be more to append
 *   ERR_INVALID  this is no deflate data; what came before is in out
 */
enum err inflater_append(struct inflater *z, struct str *in, struct buf *out,
                         size_t room) must_check;

/* The same for the four bytes that were left out, when all others were taken. OK: the message is
 * complete; ERR_INVALID: it is cut off. */
enum err inflater_finish(struct inflater *z, struct buf *out, size_t room) must_check;

#endif
