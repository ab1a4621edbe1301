/* The same messages come out of bytes whole and in pieces, with and without permessage-deflate;
 * text is always UTF-8. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read everything, noting what came out. */
static void read_all(struct str in, size_t piece, enum ws_deflate deflate, struct buf *notes)
{
    static const struct ws_limits limits = {.message = 5000, .fragments = 16};
    struct ws_reader *reader = NULL;
    struct ws_message m;
    enum err e = OK;
    size_t used;
    while (in.n && e != ERR_INVALID) {
        struct str part = str_make(in.p, piece < in.n ? piece : in.n);
        in = str_from(in, part.n);
        while ((e = ws_read(&reader, part, &limits, deflate, &used, &m)) == OK) {
            assert(m.opcode == WS_BINARY || m.opcode >= WS_PING || utf8_is_valid(m.data));
            assert(m.data.n <= (m.opcode >= WS_CLOSE ? 125 : limits.message));
            buf_appendf(notes, "%d %zu ", m.opcode, m.data.n);
            buf_append_str(notes, m.data);
            part = str_from(part, used);
        }
        assert(e == ERR_INVALID || used == part.n);
    }
    if (e == ERR_INVALID)
        buf_appendf(notes, "!%d", m.code);
    ws_reader_free(reader);
}

static void read_alike(struct str in, enum ws_deflate deflate)
{
    struct buf whole = BUF_INIT, pieces = BUF_INIT, bytes = BUF_INIT;
    read_all(in, SIZE_MAX, deflate, &whole);
    read_all(in, in.n % 13 + 2, deflate, &pieces);
    read_all(in, 1, deflate, &bytes);
    assert(str_eq(buf_str(&whole), buf_str(&pieces)));
    assert(str_eq(buf_str(&whole), buf_str(&bytes)));
    buf_release(&whole);
    buf_release(&pieces);
    buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make((const char *)data, size);
    read_alike(in, WS_PLAIN);
    read_alike(in, WS_DEFLATE);
    return 0;
}
