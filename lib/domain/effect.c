/* Effects: the row that a change of one row inserts into another collection. */
#include "base/base.h"

#include "domain/effect.h"

struct str effect_target(const struct effect *e)
{
    return e->target;
}

const struct effect *effect_at(const struct collection *c, enum effect_on on, size_t i)
{
    assert(i < c->effect_count[on]);
    return &c->effects[on][i];
}

/* Length of the name in "{name}…", 0 when text does not begin with such. */
static size_t placeholder(struct str text)
{
    size_t n = 1;
    while (n < text.n &&
           ((text.p[n] >= 'a' && text.p[n] <= 'z') || (text.p[n] >= 'A' && text.p[n] <= 'Z') ||
            (text.p[n] >= '0' && text.p[n] <= '9') || text.p[n] == '_'))
        n++;
    return n < text.n && text.p[0] == '{' && text.p[n] == '}' ? n - 1 : 0;
}

/* A string's characters, anything else as JSON, nothing for what the row lacks. */
static void append_plain(struct buf *out, struct json_value v, struct arena *mem)
{
    if (json_is(v, JSON_STRING))
        buf_append_str(out, json_string(v, mem));
    else if (!json_is_absent(v))
        buf_append_str(out, json_raw(v));
}

static void append_template(struct buf *out, struct str text, struct json_value row,
                            struct arena *mem)
{
    struct buf filled = BUF_INIT;
    for (size_t i = 0; i < text.n;) {
        size_t n = placeholder(str_from(text, i));
        if (n == 0) {
            buf_append_ch(&filled, text.p[i++]);
            continue;
        }
        append_plain(&filled, json_get(row, str_make(text.p + i + 1, n)), mem);
        i += n + 2;
    }
    json_append_string(out, buf_str(&filled));
    buf_release(&filled);
}

/* Depth is bounded by the parser that read the declaration. */
static void append_value(struct buf *out, struct json_value v, struct json_value row,
                         struct arena *mem)
{
    bool object = json_is(v, JSON_OBJECT);
    if (json_is(v, JSON_STRING)) {
        append_template(out, json_string(v, mem), row, mem);
        return;
    }
    if (!object && !json_is(v, JSON_ARRAY)) {
        buf_append_str(out, json_raw(v));
        return;
    }
    const char *separator = "";
    buf_append_ch(out, object ? '{' : '[');
    for (struct json_value x = json_first(v); !json_is_absent(x); x = json_next(v, x)) {
        buf_appendf(out, "%s", separator);
        if (object) {
            buf_append_str(out, json_raw(json_key(x)));
            buf_append_ch(out, ':');
        }
        append_value(out, x, row, mem);
        separator = ",";
    }
    buf_append_ch(out, object ? '}' : ']');
}

struct str effect_render(const struct effect *e, struct str row_data, struct arena *mem)
{
    struct buf b = BUF_INIT;
    struct json row;
    struct json_value root = JSON_ABSENT;
    if (json_parse(&row, row_data, JSON_STRICT, mem) == OK)
        root = json_root(&row);
    append_value(&b, json_root(&e->values), root, mem);
    struct str text = arena_dup(mem, buf_str(&b));
    buf_release(&b);
    return text;
}
