/* Bodies in chunks (RFC 9112 7.1), a byte at a time where there is syntax, whole pieces where there
 * is data. Extensions and trailers are read and dropped. */
#include "base/base.h"

#include "wire/http.h"

/* Bytes of one size line with its extensions, and of all trailers together. */
#define LINE_MAX_BYTES 4096

/* What is awaited, in the order it comes. */
enum chunk_state {
    CHUNK_SIZE_FIRST, /* the first digit of a size */
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_FIRST, /* the first byte of a trailer line or the last CR */
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_DONE,
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A byte of the size line after its first: digits, then perhaps ";extensions", then CR. */
static enum err read_size(struct http_chunks *c, char byte)
{
    int digit = hex_value(byte);
    if (digit >= 0) {
        if (c->left >> 59)
            return ERR_TOO_LARGE;
        c->left = c->left << 4 | (uint64_t)digit;
        c->state = CHUNK_SIZE;
    } else if (c->state == CHUNK_SIZE_FIRST) {
        return ERR_INVALID;
    } else if (byte == '\r') {
        c->state = CHUNK_SIZE_LF;
    } else if (byte == ';' || byte == ' ' || byte == '\t') {
        c->state = CHUNK_EXTENSION;
    } else {
        return ERR_INVALID;
    }
    return OK;
}

/* Text that is dropped, up to its CR. */
static enum err skip_text(struct http_chunks *c, char byte, enum chunk_state after)
{
    if (byte == '\r')
        c->state = after;
    else if (byte != '\t' && ((unsigned char)byte < ' ' || byte == 0x7f))
        return ERR_INVALID;
    return OK;
}

static enum err expect(struct http_chunks *c, char byte, char wanted, enum chunk_state after)
{
    c->state = after;
    return byte == wanted ? OK : ERR_INVALID;
}

/* One byte that is not data. */
static enum err read_syntax(struct http_chunks *c, char byte)
{
    switch ((enum chunk_state)c->state) {
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
        return read_size(c, byte);
    case CHUNK_EXTENSION:
        return skip_text(c, byte, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        c->line = 0;
        return expect(c, byte, '\n', c->left ? CHUNK_DATA : CHUNK_TRAILER_FIRST);
    case CHUNK_DATA_CR:
        return expect(c, byte, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        c->line = 0;
        return expect(c, byte, '\n', CHUNK_SIZE_FIRST);
    case CHUNK_TRAILER_FIRST:
        c->state = CHUNK_TRAILER;
        return skip_text(c, byte, CHUNK_END_LF);
    case CHUNK_TRAILER:
        return skip_text(c, byte, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return expect(c, byte, '\n', CHUNK_TRAILER_FIRST);
    case CHUNK_END_LF:
        return expect(c, byte, '\n', CHUNK_DONE);
    case CHUNK_DATA:
    case CHUNK_DONE:
        break;
    }
    return ERR_INVALID;
}

/* Take what there is of the chunk's data. */
static size_t read_data(struct http_chunks *c, struct str bytes, struct buf *body)
{
    size_t n = c->left < bytes.n ? (size_t)c->left : bytes.n;
    buf_append(body, bytes.p, n);
    c->left -= n;
    if (c->left == 0)
        c->state = CHUNK_DATA_CR;
    return n;
}

enum err http_chunks_feed(struct http_chunks *c, struct str bytes, size_t *consumed,
                          struct buf *body, size_t max)
{
    size_t i = 0;
    enum err e = OK;
    while (!e && i < bytes.n && c->state != CHUNK_DONE) {
        if (c->state == CHUNK_DATA) {
            i += read_data(c, str_from(bytes, i), body);
            continue;
        }
        e = ++c->line > LINE_MAX_BYTES ? ERR_INVALID : read_syntax(c, bytes.p[i++]);
        if (!e &&
            c->left > (max > body->n ? max - body->n : 0)) /* refused before the bytes arrive */
            e = ERR_TOO_LARGE;
    }
    *consumed = i;
    if (e)
        return e;
    return c->state == CHUNK_DONE ? OK : ERR_MORE;
}
