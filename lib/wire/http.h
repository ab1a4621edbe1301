/*
 * HTTP/1.1 messages (RFC 9112) for pushd, on the http-parser library: a request head out of bytes,
 * header lookup, a response head into bytes, bodies by length or chunks. No descriptor, no clock.
 */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/buf.h"
#include "base/err.h"

#define HTTP_HEADERS_MAX 64
#define HTTP_HEAD_MAX    (16 * 1024)
#define HTTP_TARGET_MAX  (8 * 1024)

struct http_header {
    struct str name, value; /* value without white space around it */
};

/* A request head; everything points into the bytes it was parsed from. */
struct http_head {
    struct str method;
    struct str target; /* as sent */
    struct str path;   /* target up to '?', still percent-encoded */
    struct str query;  /* after '?', p == NULL when there is none */
    int minor;         /* of HTTP/1.x */
    bool keep_alive;
    bool chunked;
    int64_t content_length; /* -1: none given */
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/*
 * Parse the head at the start of bytes. `seen` is how many of these bytes an earlier call already
 * found incomplete (0 at first), so that a slow sender costs nothing extra. OK: *consumed is the
 * head's length. ERR_MORE: not complete yet. ERR_HEAD_TOO_LARGE over HTTP_HEAD_MAX or
 * HTTP_HEADERS_MAX, ERR_URI_TOO_LONG over HTTP_TARGET_MAX, ERR_NOT_IMPLEMENTED for a transfer
 * coding other than chunked, an unknown method or CONNECT, ERR_INVALID for the rest: bad syntax,
 * lines that end with a bare LF, obs-fold, no or two Host headers in 1.1, Content-Length twice or
 * together with Transfer-Encoding (RFC 9112 6.3: smuggling), a version other than 1.0 and 1.1.
 * Of an absolute-form target the path and query are taken, and its host is the Host header.
 */
enum err http_head_parse(struct http_head *h, struct str bytes, size_t seen,
                         size_t *consumed) must_check;

/* First header of that name (ASCII case ignored), or STR_NULL. */
struct str http_header(const struct http_head *h, struct str name);

/* Does the comma-separated header contain this token, ignoring case (Connection: Upgrade)? */
bool http_header_has(const struct http_head *h, struct str name, struct str token);

/* A chunked body being decoded (RFC 9112 7.1); zero at the start. */
struct http_chunks {
    uint64_t left;  /* bytes of the current chunk still to come */
    uint32_t state; /* where in the syntax; private to http_chunks.c */
    uint32_t line;  /* bytes of the current line, bounded */
};

/*
 * Decode bytes; data of chunks is appended to body, at most `max` in all (ERR_TOO_LARGE). OK: the
 * last chunk and trailers were read. ERR_MORE: everything was consumed, more is needed.
 */
enum err http_chunks_feed(struct http_chunks *c, struct str bytes, size_t *consumed,
                          struct buf *body, size_t max) must_check;

/* Append "HTTP/1.1 200 OK\r\n" with the standard reason phrase. */
void http_append_status(struct buf *out, int status);

/* The standard reason phrase of a status number. */
struct str http_reason(int status);

#endif
