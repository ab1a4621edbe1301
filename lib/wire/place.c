/* Paths of values, written out only when there is a problem to report. */
#include "base/base.h"

#include "base/buf.h"
#include "wire/json.h"
#include "wire/place.h"

#define NAME_MAX_SHOWN 80

struct str place_shorten(struct str s, size_t max, struct arena *mem)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return arena_printf(mem, "%.*s...", (int)max, s.p);
}

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
        if (!letter && c != '-' && (c < '0' || c > '9'))
            return false;
    }
    return s.n > 0;
}

/* Recursion is bounded by the depth of the value. */
static void append(struct buf *out, const struct place *at, struct arena *mem)
{
    if (at->up)
        append(out, at->up, mem);
    if (!at->name.p) {
        buf_append_ch(out, '[');
        buf_append_u64(out, at->index);
        buf_append_ch(out, ']');
        return;
    }
    struct str name = place_shorten(at->name, NAME_MAX_SHOWN, mem);
    if (is_word(at->name)) {
        if (at->up)
            buf_append_ch(out, '.');
        buf_append_str(out, name);
        return;
    }
    buf_append_ch(out, '[');
    json_append_string(out, name);
    buf_append_ch(out, ']');
}

struct str place_text(const struct place *at, struct arena *mem)
{
    struct buf out = BUF_INIT;
    append(&out, at, mem);
    struct str text = arena_dup(mem, buf_str(&out));
    buf_release(&out);
    return text;
}
