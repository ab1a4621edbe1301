/*
 * WebSocket (RFC 6455) with permessage-deflate (RFC 7692), without I/O: the handshake's key and
 * extension, messages out of bytes, frames into bytes. The only user of wslay (its frame layer).
 * Memory exists only while a message is incomplete or being looked at: no context is taken over
 * from one message to the next, in either direction, so an idle connection holds none.
 */
#ifndef WIRE_WS_H
#define WIRE_WS_H

#include "base/buf.h"
#include "base/err.h"

enum ws_opcode {
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

/* Close codes (RFC 6455 7.4.1) and ours (API: 44xx). */
enum ws_close {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never sent: a close frame without code */
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_TRY_LATER = 1013,
    WS_CLOSE_UNAUTHORIZED = 4401,
    WS_CLOSE_SLOW = 4408,
};

/* permessage-deflate (RFC 7692) on a connection. */
enum ws_deflate {
    WS_PLAIN,        /* not negotiated */
    WS_DEFLATE_READ, /* the client may compress; what it gets is plain */
    WS_DEFLATE,      /* both may */
};

struct deflater; /* wire/deflate.h */

/* Longest frame header a server sends (unmasked). */
#define WS_HEADER_MAX 10

struct ws_message {
    enum ws_opcode opcode;
    struct str data; /* payload, unmasked, joined; valid until the next ws_read or ws_reader_free */
    uint16_t code;   /* of WS_CLOSE, WS_CLOSE_NO_STATUS without one; data is then the reason */
};

struct ws_limits {
    size_t message;   /* bytes of one message, inflated, all fragments together */
    size_t fragments; /* frames of one message */
};

struct ws_reader; /* an incomplete message */

/* Append the Sec-WebSocket-Accept value of a Sec-WebSocket-Key; ERR_INVALID if that is not 16 bytes
 * in base64. */
enum err ws_append_accept(struct buf *out, struct str key) must_check;

/*
 * Answer a Sec-WebSocket-Extensions header (several are joined by commas) with the first acceptable
 * offer of permessage-deflate: the answer's value is appended unless the result is WS_PLAIN. A
 * client that wants a window below 2^15 gets WS_DEFLATE_READ: messages to many are compressed once,
 * with the full window, and RFC 7692 7 lets a server leave any message as it is.
 */
enum ws_deflate ws_negotiate(struct str offers, struct buf *answer) must_check;

/*
 * Read one message or control frame from bytes a client sent. *reader is NULL between messages and
 * is made and freed here as needed. Call again with the rest until ERR_MORE; where nothing is left
 * to call with, ws_reader_trim().
 *   OK           *out is set, *consumed bytes were used. Control frames come out between fragments.
 *   ERR_MORE     all of `in` was taken in; nothing complete yet.
 *   ERR_INVALID  out->code says which code to close with; the reader is gone.
 *                1002: reserved bits or opcodes, unmasked frames, control frames fragmented or over
 *                125 bytes, a non-minimal length, a close code that may not be sent, a continuation
 *                out of place. 1007: text or a close reason that is no UTF-8, seen at the first bad
 *                byte even in mid-frame, and deflate data that is none. 1009: over the limits, seen
 *                in the announced length, before the bytes arrive, or at the first byte inflated
 *                beyond them.
 */
enum err ws_read(struct ws_reader **reader, struct str in, const struct ws_limits *limits,
                 enum ws_deflate deflate, size_t *consumed, struct ws_message *out) must_check;

/* The last message was looked at: give its memory back, unless another has begun. NULL is fine. */
void ws_reader_trim(struct ws_reader **reader);

/* NULL is fine. */
void ws_reader_free(struct ws_reader *reader);

/* About what it holds in memory. NULL: 0. */
size_t ws_reader_memory(const struct ws_reader *reader);

/* Append one unfragmented, unmasked frame. */
void ws_append_frame(struct buf *out, enum ws_opcode opcode, struct str payload);

/* Append a message in one frame, compressed where that makes it shorter; d NULL: never. */
void ws_append_message(struct buf *out, struct deflater *d, enum ws_opcode opcode,
                       struct str payload);

/* Append a close frame; reason is cut to 123 bytes at a character's edge. */
void ws_append_close(struct buf *out, uint16_t code, struct str reason);

#endif
