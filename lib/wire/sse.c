/* Server-Sent Events. A line break inside data would end the field: each line gets its own. */
#include "base/base.h"

#include "wire/sse.h"

/* One field line per line of text, which ends at LF, CR or CRLF. */
static void append_lines(struct buf *out, struct str field, struct str text)
{
    for (;;) {
        size_t n = str_find(text, '\n'), cr = str_find(str_make(text.p, n), '\r');
        if (cr < n)
            n = cr;
        buf_reserve(out, field.n + n + 2);
        buf_append_str(out, field);
        buf_append(out, text.p, n);
        buf_append_ch(out, '\n');
        if (n == text.n)
            return;
        bool crlf = text.p[n] == '\r' && n + 1 < text.n && text.p[n + 1] == '\n';
        text = str_from(text, n + (crlf ? 2 : 1));
    }
}

/* A field that is one line. */
static void append_line(struct buf *out, struct str field, struct str value)
{
    assert(str_find(value, '\n') == value.n && str_find(value, '\r') == value.n);
    buf_append_str(out, field);
    buf_append_str(out, value);
    buf_append_ch(out, '\n');
}

void sse_append(struct buf *out, const struct sse_event *e)
{
    if (e->id.p)
        append_line(out, STR("id: "), e->id);
    if (e->event.p)
        append_line(out, STR("event: "), e->event);
    append_lines(out, STR("data: "), e->data);
    buf_append_ch(out, '\n');
}

void sse_append_comment(struct buf *out, struct str text)
{
    append_lines(out, STR(": "), text);
    buf_append_ch(out, '\n');
}

void sse_append_retry(struct buf *out, int64_t ms)
{
    buf_append_lit(out, "retry: ");
    buf_append_i64(out, ms);
    buf_append_ch(out, '\n');
}
