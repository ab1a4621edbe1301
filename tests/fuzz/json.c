/* What the scanner accepts can be read, compared and written, and reads back as the same value. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text parses, to a value equal to v. */
static void check_same(struct json_value v, const struct buf *text, struct arena *mem)
{
    struct json again;
    enum err e = json_parse(&again, buf_str(text), JSON_WITH_NUL, mem);
    assert(e == OK);
    assert(json_equal(v, json_root(&again)));
}

static void check_value(struct json_value v, struct arena *mem)
{
    int64_t whole;
    double d;
    if (json_is(v, JSON_STRING)) {
        struct str s = json_string(v, mem);
        assert(utf8_is_valid(s));
        struct buf text = BUF_INIT;
        json_append_string(&text, s);
        check_same(v, &text, mem);
        buf_release(&text);
    }
    if (json_to_i64(v, &whole)) {
        bool number = json_to_double(v, &d);
        assert(number && d == (double)whole);
    }
    uint32_t children = 0;
    for (struct json_value c = json_first(v); !json_is_absent(c); c = json_next(v, c)) {
        check_value(c, mem);
        children++;
        if (json_is(v, JSON_OBJECT) && children <= 8)
            assert(json_get(v, json_string(json_key(c), mem)).at == c.at);
    }
    assert(children == json_count(v));
}

static void check_splices(struct json_value v, struct arena *mem)
{
    struct buf text = BUF_INIT;
    json_append_without(&text, v, NULL, 0);
    check_same(v, &text, mem);
    buf_reset(&text);
    json_append_merged(&text, v, v);
    check_same(v, &text, mem);
    buf_reset(&text);
    json_append_merge_patch(&text, v, v);
    struct json patched;
    enum err e = json_parse(&patched, buf_str(&text), JSON_WITH_NUL, mem);
    assert(e == OK);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    struct json doc;
    struct str text = str_make((const char *)data, size);
    if (json_parse(&doc, text, JSON_WITH_NUL, &mem) == OK) {
        assert(utf8_is_valid(text));
        check_value(json_root(&doc), &mem);
        if (json_is(json_root(&doc), JSON_OBJECT))
            check_splices(json_root(&doc), &mem);
    } else {
        assert(doc.error && doc.error_at <= size);
    }
    arena_release(&mem);
    return 0;
}
