/* WebSocket (RFC 6455). wslay's frame layer takes frames apart: it checks lengths and the form of
 * control frames, and unmasks. It says nothing of a frame before the first byte of its payload, so
 * the header is also looked at here as it passes, for all that must be refused at once; and the
 * rules above single frames (opcodes, fragments, compression, UTF-8, close codes, limits) live
 * here. */
#include "base/base.h"

#include <wslay/wslay.h>

#include "base/digest.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/deflate.h"
#include "wire/ws.h"

#define CONTROL_MAX     125 /* payload of a control frame, RFC 6455 5.5 */
#define MASK_LEN        4
#define WS_CONTINUATION 0x0

#define FIN          0x80
#define RSV1         0x40 /* of a message's first frame: it is compressed (RFC 7692 7.2) */
#define RSV          0x70
#define DEFLATE_MIN  64          /* shorter messages are not worth it */
#define INFLATE_STEP (32 * 1024) /* at a time, so that text is looked at as it comes */

/* --- reading: the frame's header ------------------------------------------------------------- */

struct ws_reader {
    wslay_frame_context_ptr frames;

    /* What wslay may take next, so that it never reads beyond what was checked. */
    struct str in; /* the rest of this call's bytes */
    uint64_t due;  /* of these, before the next check */

    /* The current frame; head_n == 0 between frames. */
    uint8_t head[WS_HEADER_MAX]; /* without the mask */
    uint8_t head_n, head_len;
    bool in_payload;

    /* The current message; opcode == 0 between messages. */
    uint8_t opcode;
    size_t fragments;
    struct utf8 utf8;
    struct buf message;        /* inflated */
    struct inflater *inflater; /* NULL: it is not compressed */
    size_t packed;             /* its announced bytes, if it is */

    char control[CONTROL_MAX];
    size_t control_n;
    struct utf8 reason; /* of a close frame */
};

/* wslay asks for bytes. */
static ssize_t on_recv(uint8_t *to, size_t room, int flags, void *arg)
{
    struct ws_reader *r = arg;
    size_t n = r->in.n < room ? r->in.n : room;
    (void)flags;
    if (n > r->due)
        n = (size_t)r->due;
    if (n == 0)
        return -1;
    memcpy(to, r->in.p, n);
    if (!r->in_payload) {
        memcpy(r->head + r->head_n, r->in.p, n);
        r->head_n = (uint8_t)(r->head_n + n);
    }
    r->in = str_from(r->in, n);
    r->due -= n;
    return (ssize_t)n;
}

static void expect_frame(struct ws_reader *r)
{
    r->head_n = 0;
    r->head_len = 2;
    r->due = 2;
    r->in_payload = false;
    r->control_n = 0;
    r->reason.state = 0;
}

static struct ws_reader *reader_new(void)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = on_recv};
    struct ws_reader *r = mem_zalloc(1, sizeof *r);
    if (wslay_frame_context_init(&r->frames, &callbacks, r) != 0)
        fatal("out of memory: wslay context");
    expect_frame(r);
    return r;
}

void ws_reader_free(struct ws_reader *r)
{
    if (!r)
        return;
    wslay_frame_context_free(r->frames);
    inflater_free(r->inflater);
    buf_release(&r->message);
    mem_free(r);
}

size_t ws_reader_memory(const struct ws_reader *r)
{
    return r ? sizeof *r + r->message.cap + (r->inflater ? INFLATER_MEMORY : 0) : 0;
}

static bool is_control(uint8_t opcode)
{
    return opcode & 0x8;
}

/* The first two bytes (RFC 6455 5.2): 0 when fine, else the code to close with. */
static uint16_t check_first_bytes(const struct ws_reader *r, const struct ws_limits *limits,
                                  enum ws_deflate deflate)
{
    uint8_t opcode = r->head[0] & 0xf;
    uint8_t reserved = r->head[0] & RSV;
    bool masked = r->head[1] & 0x80;
    bool first = opcode == WS_TEXT || opcode == WS_BINARY;
    if (reserved && (reserved != RSV1 || deflate == WS_PLAIN || !first))
        return WS_CLOSE_PROTOCOL;
    if (!masked || (opcode & 0x7) > WS_BINARY)
        return WS_CLOSE_PROTOCOL;
    if (is_control(opcode))
        return 0;
    if (first == (r->opcode != 0))
        return WS_CLOSE_PROTOCOL;
    return r->fragments >= limits->fragments ? WS_CLOSE_TOO_BIG : 0;
}

static uint64_t announced_length(const struct ws_reader *r)
{
    uint64_t n = 0;
    if (r->head_len == 2)
        return r->head[1] & 0x7f;
    for (size_t i = 2; i < r->head_len; i++)
        n = n << 8 | r->head[i];
    return n;
}

/* A data frame of that length begins. */
static uint16_t begin_data(struct ws_reader *r, uint64_t length, const struct ws_limits *limits)
{
    uint8_t opcode = r->head[0] & 0xf;
    bool packed = r->inflater || r->head[0] & RSV1;
    size_t max = limits->message, before = r->message.n;
    if (packed) { /* no honest one is that much longer than what it holds */
        max += max / 8 + DEFLATE_MIN;
        before = r->packed;
    }
    if (length > max || before > max - length)
        return WS_CLOSE_TOO_BIG;
    if (opcode != WS_CONTINUATION) {
        r->opcode = opcode;
        r->inflater = packed ? inflater_new() : NULL;
    }
    r->packed += (size_t)length;
    r->fragments++;
    return 0;
}

/* All that was due of the header is there: check it and say what comes next. */
static uint16_t check_head(struct ws_reader *r, const struct ws_limits *limits,
                           enum ws_deflate deflate)
{
    if (r->head_n == 2) {
        uint16_t code = check_first_bytes(r, limits, deflate);
        uint8_t length = r->head[1] & 0x7f;
        if (code)
            return code;
        if (length > CONTROL_MAX) {
            r->head_len = length == 126 ? 4 : 10;
            r->due = r->head_len - 2u;
            return 0;
        }
    }
    uint64_t length = announced_length(r);
    uint16_t code = is_control(r->head[0] & 0xf) ? 0 : begin_data(r, length, limits);
    if (code)
        return code;
    r->in_payload = true;
    r->due = MASK_LEN + length;
    return 0;
}

/* --- reading: payload ------------------------------------------------------------------------ */

/* Codes that may be sent (RFC 6455 7.4.2, and 1012 to 1014 of the IANA registry). */
static bool may_be_sent(uint16_t code)
{
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* A close frame is complete. */
static uint16_t finish_close(struct ws_reader *r, struct ws_message *out)
{
    const unsigned char *p = (const unsigned char *)r->control;
    out->code = WS_CLOSE_NO_STATUS;
    if (r->control_n == 0)
        return 0;
    if (r->control_n == 1)
        return WS_CLOSE_PROTOCOL;
    out->code = (uint16_t)(p[0] << 8 | p[1]);
    out->data = str_make(r->control + 2, r->control_n - 2);
    if (!may_be_sent(out->code))
        return WS_CLOSE_PROTOCOL;
    return utf8_is_complete(&r->reason) ? 0 : WS_CLOSE_INVALID_DATA;
}

/* A piece of a control frame; *done when it was the last. */
static uint16_t take_control(struct ws_reader *r, uint8_t opcode, struct str piece,
                             struct ws_message *out, bool *done)
{
    size_t before = r->control_n;
    memcpy(r->control + before, piece.p, piece.n);
    r->control_n += piece.n;
    if (opcode == WS_CLOSE && !utf8_feed(&r->reason, str_from(piece, before < 2 ? 2 - before : 0)))
        return WS_CLOSE_INVALID_DATA;
    *done = r->due == 0;
    if (!*done)
        return 0;
    *out = (struct ws_message){.opcode = opcode, .data = str_make(r->control, r->control_n)};
    return opcode == WS_CLOSE ? finish_close(r, out) : 0;
}

/* Inflate a piece of a message, the last one with what ends it. */
static uint16_t inflate_piece(struct ws_reader *r, struct str piece, size_t max, bool last)
{
    size_t step = 4 * piece.n + DEFLATE_MIN;
    bool ending = false;
    step = step < INFLATE_STEP ? step : INFLATE_STEP;
    for (;;) {
        size_t before = r->message.n, room = max + 1 - before;
        room = room < step ? room : step;
        enum err e = ending ? inflater_finish(r->inflater, &r->message, room)
                            : inflater_append(r->inflater, &piece, &r->message, room);
        if (r->opcode == WS_TEXT && !utf8_feed(&r->utf8, str_from(buf_str(&r->message), before)))
            return WS_CLOSE_INVALID_DATA;
        if (r->message.n > max)
            return WS_CLOSE_TOO_BIG;
        if (e == ERR_INVALID)
            return WS_CLOSE_INVALID_DATA;
        if (e == OK && (ending || !last))
            return 0;
        ending = ending || e == OK;
    }
}

/* A piece of a message as it is; *whole, all there is of it, may be where wslay unmasked it. */
static uint16_t join_piece(struct ws_reader *r, struct str piece, bool last, struct str *whole)
{
    if (r->opcode == WS_TEXT && !utf8_feed(&r->utf8, piece))
        return WS_CLOSE_INVALID_DATA;
    *whole = piece;
    if (!last || r->message.n > 0) {
        buf_append_str(&r->message, piece);
        *whole = buf_str(&r->message);
    }
    return 0;
}

/* A piece of a data frame; *done when it was the last of the message. */
static uint16_t take_data(struct ws_reader *r, bool fin, struct str piece, size_t max,
                          struct ws_message *out, bool *done)
{
    bool last = fin && r->due == 0;
    struct str whole;
    uint16_t code =
        r->inflater ? inflate_piece(r, piece, max, last) : join_piece(r, piece, last, &whole);
    if (code || !last)
        return code;
    if (r->inflater)
        whole = buf_str(&r->message);
    if (r->opcode == WS_TEXT && !utf8_is_complete(&r->utf8))
        return WS_CLOSE_INVALID_DATA;
    *out = (struct ws_message){.opcode = r->opcode, .data = whole};
    *done = true;
    inflater_free(r->inflater);
    r->inflater = NULL;
    r->opcode = 0;
    r->fragments = 0;
    r->packed = 0;
    return 0;
}

/* Go on until a message is complete, `in` is used up or something is wrong. */
static enum err read_frames(struct ws_reader *r, const struct ws_limits *limits,
                            enum ws_deflate deflate, struct ws_message *out)
{
    bool done = false;
    while (!done) {
        struct wslay_frame_iocb frame;
        ssize_t n = wslay_frame_recv(r->frames, &frame);
        uint16_t code = 0;
        if (n >= 0 && r->in_payload) {
            struct str piece = str_make((const char *)frame.data, (size_t)n);
            code = is_control(frame.opcode)
                       ? take_control(r, frame.opcode, piece, out, &done)
                       : take_data(r, frame.fin, piece, limits->message, out, &done);
            if (r->due == 0)
                expect_frame(r);
        } else if (n < 0 && n != WSLAY_ERR_WANT_READ) {
            code = WS_CLOSE_PROTOCOL;
        } else if (r->due > 0) {
            return ERR_MORE;
        } else { /* the header, or an unmasked empty frame that wslay holds for complete */
            code = check_head(r, limits, deflate);
        }
        if (code) {
            out->code = code;
            return ERR_INVALID;
        }
    }
    return OK;
}

void ws_reader_trim(struct ws_reader **reader)
{
    struct ws_reader *r = *reader;
    if (r && r->head_n == 0 && !r->opcode) {
        ws_reader_free(r);
        *reader = NULL;
    }
}

enum err ws_read(struct ws_reader **reader, struct str in, const struct ws_limits *limits,
                 enum ws_deflate deflate, size_t *consumed, struct ws_message *out)
{
    *consumed = 0;
    if (!*reader) {
        if (in.n == 0)
            return ERR_MORE;
        *reader = reader_new();
    }
    struct ws_reader *r = *reader;
    if (!r->opcode) {
        buf_reset(&r->message); /* the last one was looked at */
        r->utf8.state = 0;
    }
    r->in = in;
    enum err e = read_frames(r, limits, deflate, out);
    *consumed = in.n - r->in.n;
    if (e == ERR_INVALID) {
        ws_reader_free(r);
        *reader = NULL;
    } else if (e == ERR_MORE) {
        ws_reader_trim(reader);
    }
    return e;
}

/* --- handshake and writing ------------------------------------------------------------------- */

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* 16 bytes are 22 characters and "==" (RFC 6455 4.1). */
static bool is_key(struct str key)
{
    size_t n = 0;
    while (n < key.n && is_base64(key.p[n]))
        n++;
    return n == 22 && str_eq(str_from(key, n), STR("=="));
}

enum err ws_append_accept(struct buf *out, struct str key)
{
    static const struct str guid = {"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36};
    char joined[24 + 36];
    unsigned char digest[SHA1_LEN];
    if (!is_key(key))
        return ERR_INVALID;
    memcpy(joined, key.p, key.n);
    memcpy(joined + key.n, guid.p, guid.n);
    sha1(str_make(joined, sizeof joined), digest);
    base64_append(out, digest, sizeof digest);
    return OK;
}

/* A frame's header (RFC 6455 5.2), not masked; returns its length. */
static size_t put_head(char *to, unsigned first, size_t length)
{
    size_t n = 2, length_bytes = length > UINT16_MAX ? 8 : length > CONTROL_MAX ? 2 : 0;
    to[0] = (char)first;
    to[1] = (char)(length_bytes == 8 ? 127 : length_bytes == 2 ? 126 : length);
    while (length_bytes-- > 0)
        to[n++] = (char)((uint64_t)length >> (8 * length_bytes));
    return n;
}

void ws_append_frame(struct buf *out, enum ws_opcode opcode, struct str payload)
{
    char head[WS_HEADER_MAX];
    assert(!is_control((uint8_t)opcode) || payload.n <= CONTROL_MAX);
    size_t n = put_head(head, FIN | opcode, payload.n);
    buf_reserve(out, n + payload.n);
    buf_append(out, head, n);
    buf_append_str(out, payload);
}

/* Compressed, if that is shorter: how long its header is shows only then. */
static bool append_deflated(struct buf *out, struct deflater *d, enum ws_opcode opcode,
                            struct str payload)
{
    static const char gap[WS_HEADER_MAX];
    size_t at = out->n, body = at + WS_HEADER_MAX;
    buf_append(out, gap, sizeof(gap));
    if (!deflater_append(d, out, payload)) {
        out->n = at;
        return false;
    }
    size_t n = out->n - body, head = put_head(out->p + at, FIN | RSV1 | opcode, n);
    memmove(out->p + at + head, out->p + body, n + 1);
    out->n = at + head + n;
    return true;
}

void ws_append_message(struct buf *out, struct deflater *d, enum ws_opcode opcode,
                       struct str payload)
{
    bool worth = d && payload.n >= DEFLATE_MIN && !is_control((uint8_t)opcode);
    if (!worth || !append_deflated(out, d, opcode, payload))
        ws_append_frame(out, opcode, payload);
}

void ws_append_close(struct buf *out, uint16_t code, struct str reason)
{
    char payload[CONTROL_MAX];
    size_t n = reason.n;
    if (code == WS_CLOSE_NO_STATUS) {
        ws_append_frame(out, WS_CLOSE, STR_NULL);
        return;
    }
    if (n > sizeof payload - 2) /* cut before a character's first byte */
        for (n = sizeof payload - 2; n > 0 && ((unsigned char)reason.p[n] & 0xc0) == 0x80; n--)
            ;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    if (n)
        memcpy(payload + 2, reason.p, n);
    ws_append_frame(out, WS_CLOSE, str_make(payload, n + 2));
}
