/* Writing JSON: strings, the canonical form, and objects spliced from the text of others. */
#include "base/base.h"

#include "base/map.h"
#include "wire/json.h"
#include "wire/json_number.h"

void json_append_string(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    buf_append_ch(out, '"');
    size_t done = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        if (i > done)
            buf_append(out, s.p + done, i - done);
        done = i + 1;
        const char *special = memchr(from, c, sizeof from - 1);
        if (special)
            buf_append(out, (char[]){'\\', to[special - from]}, 2);
        else
            buf_append(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
    if (s.n > done)
        buf_append(out, s.p + done, s.n - done);
    buf_append_ch(out, '"');
}

/* --- the canonical form -------------------------------------------------------------------------
 */

struct member {
    struct str name;
    struct json_value value;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

static void append_canonical(struct buf *out, struct json_value v, struct arena *mem);

static void append_sorted(struct buf *out, struct json_value obj, struct arena *mem)
{
    size_t count = json_count(obj), n = 0;
    struct member *members = arena_alloc(mem, count * sizeof *members);
    for (struct json_value v = json_first(obj); !json_is_absent(v); v = json_next(obj, v))
        members[n++] = (struct member){json_string(json_key(v), mem), v};
    qsort(members, count, sizeof *members, compare_members);
    buf_append_ch(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_append_ch(out, ',');
        json_append_string(out, members[i].name);
        buf_append_ch(out, ':');
        append_canonical(out, members[i].value, mem);
    }
    buf_append_ch(out, '}');
}

static void append_canonical(struct buf *out, struct json_value v, struct arena *mem)
{
    switch (json_type(v)) {
    case JSON_NUMBER: {
        struct json_number n = json_number_read(json_raw(v));
        json_number_append_canonical(out, &n);
        return;
    }
    case JSON_STRING:
        json_append_string(out, json_string(v, mem));
        return;
    case JSON_ARRAY:
        buf_append_ch(out, '[');
        for (struct json_value e = json_first(v); !json_is_absent(e); e = json_next(v, e)) {
            append_canonical(out, e, mem);
            buf_append_ch(out, ',');
        }
        buf_append_ch(out, ']');
        return;
    case JSON_OBJECT:
        append_sorted(out, v, mem);
        return;
    default:
        buf_append_str(out, json_raw(v));
    }
}

void json_append_canonical(struct buf *out, struct json_value v)
{
    struct arena mem = ARENA_INIT;
    append_canonical(out, v, &mem);
    arena_release(&mem);
}

/* --- splicing -----------------------------------------------------------------------------------
 */

/* Finds members by name in time that does not grow with their number. */
struct index {
    struct json_value obj;
    struct map by_name; /* name to its value's token; empty for small objects */
    struct arena mem;   /* unescaped names */
};

#define INDEX_FROM 16 /* members; fewer are searched one by one */

static struct index index_of(struct json_value obj)
{
    struct index ix = {.obj = obj, .by_name = MAP_INIT, .mem = ARENA_INIT};
    if (json_is(obj, JSON_OBJECT) && json_count(obj) >= INDEX_FROM)
        for (struct json_value v = json_first(obj); !json_is_absent(v); v = json_next(obj, v))
            map_put(&ix.by_name, json_string(json_key(v), &ix.mem), &obj.doc->tokens[v.at]);
    return ix;
}

static void index_release(struct index *ix)
{
    map_release(&ix->by_name);
    arena_release(&ix->mem);
}

/* The member of the indexed object with the name that `member` has in its own. */
static struct json_value namesake(struct index *ix, struct json_value member)
{
    struct str name = json_string(json_key(member), &ix->mem);
    if (!ix->by_name.count)
        return json_get(ix->obj, name);
    const struct json_token *t = map_get(&ix->by_name, name);
    return t ? (struct json_value){ix->obj.doc, (uint32_t)(t - ix->obj.doc->tokens)} : JSON_ABSENT;
}

/* Append `"name":`, as it is written in the member's text, with a comma unless it is the first. */
static void append_name(struct buf *out, size_t open, struct json_value member)
{
    if (out->n > open)
        buf_append_ch(out, ',');
    buf_append_str(out, json_raw(json_key(member)));
    buf_append_ch(out, ':');
}

static void append_member(struct buf *out, size_t open, struct json_value name,
                          struct json_value value)
{
    append_name(out, open, name);
    buf_append_str(out, json_raw(value));
}

/* Is there a string with a backslash in it? Most texts have none: they are copied whole. */
static bool has_escapes(struct json_value v)
{
    const struct json_token *t = json_token(v);
    for (uint32_t i = v.at; i < t->next; i++)
        if (v.doc->tokens[i].escaped)
            return true;
    return false;
}

/* Append v with plain names; recursion is bounded by the depth of the text. */
static void append_plain(struct buf *out, struct json_value v, struct arena *mem)
{
    enum json_type type = json_type(v);
    bool is_object = type == JSON_OBJECT;
    if ((!is_object && type != JSON_ARRAY) || !has_escapes(v)) {
        buf_append_str(out, json_raw(v));
        return;
    }
    buf_append_ch(out, is_object ? '{' : '[');
    size_t open = out->n;
    for (struct json_value e = json_first(v); !json_is_absent(e); e = json_next(v, e)) {
        if (out->n > open)
            buf_append_ch(out, ',');
        if (is_object) {
            json_append_string(out, json_string(json_key(e), mem));
            buf_append_ch(out, ':');
        }
        append_plain(out, e, mem);
    }
    buf_append_ch(out, is_object ? '}' : ']');
}

void json_append_without(struct buf *out, struct json_value obj, const struct str *drop, size_t n)
{
    struct arena mem = ARENA_INIT;
    buf_append_ch(out, '{');
    size_t open = out->n;
    for (struct json_value v = json_first(obj); !json_is_absent(v); v = json_next(obj, v)) {
        struct str name = json_string(json_key(v), &mem);
        size_t i = 0;
        while (i < n && !str_eq(name, drop[i]))
            i++;
        if (i < n)
            continue;
        if (out->n > open)
            buf_append_ch(out, ',');
        json_append_string(out, name);
        buf_append_ch(out, ':');
        append_plain(out, v, &mem);
    }
    buf_append_ch(out, '}');
    arena_release(&mem);
}

void json_append_merged(struct buf *out, struct json_value target, struct json_value patch)
{
    struct index in_target = index_of(target), in_patch = index_of(patch);
    buf_append_ch(out, '{');
    size_t open = out->n;
    for (struct json_value v = json_first(target); !json_is_absent(v); v = json_next(target, v)) {
        struct json_value newer = namesake(&in_patch, v);
        append_member(out, open, v, json_is_absent(newer) ? v : newer);
    }
    for (struct json_value v = json_first(patch); !json_is_absent(v); v = json_next(patch, v))
        if (json_is_absent(namesake(&in_target, v)))
            append_member(out, open, v, v);
    buf_append_ch(out, '}');
    index_release(&in_patch);
    index_release(&in_target);
}

/* Members of the target as the patch leaves them. */
static void append_patched(struct buf *out, size_t open, struct json_value target,
                           struct index *in_patch)
{
    for (struct json_value v = json_first(target); !json_is_absent(v); v = json_next(target, v)) {
        struct json_value newer = namesake(in_patch, v);
        if (json_is_absent(newer)) {
            append_member(out, open, v, v);
        } else if (json_type(newer) != JSON_NULL) {
            append_name(out, open, v);
            json_append_merge_patch(out, v, newer);
        }
    }
}

/* RFC 7396 section 2. Recursion is bounded by the depth of the patch. */
void json_append_merge_patch(struct buf *out, struct json_value target, struct json_value patch)
{
    if (!json_is(patch, JSON_OBJECT)) {
        buf_append_str(out, json_raw(patch));
        return;
    }
    bool merge = json_is(target, JSON_OBJECT);
    struct index in_target = index_of(target), in_patch = index_of(patch);
    buf_append_ch(out, '{');
    size_t open = out->n;
    if (merge)
        append_patched(out, open, target, &in_patch);
    for (struct json_value v = json_first(patch); !json_is_absent(v); v = json_next(patch, v)) {
        if (json_type(v) == JSON_NULL || (merge && !json_is_absent(namesake(&in_target, v))))
            continue;
        append_name(out, open, v);
        json_append_merge_patch(out, JSON_ABSENT, v);
    }
    buf_append_ch(out, '}');
    index_release(&in_patch);
    index_release(&in_target);
}
