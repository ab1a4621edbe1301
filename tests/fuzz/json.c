/* What the scanner accepts can be read, compared and written, and reads back as the same value. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text parses, to a value equal to v; it is used up. */
static void check_same(struct json_value v, struct buf *text, struct arena *mem)
{
    struct json again;
    enum err e = json_parse(&again, buf_str(text), JSON_WITH_NUL, mem);
    assert(e == OK && json_equal(v, json_root(&again)));
    buf_release(text);
}

static void check_value(struct json_value v, struct arena *mem)
{
    struct buf text = BUF_INIT;
    int64_t whole;
    double d;
    uint32_t children = 0;
    if (json_is(v, JSON_STRING)) {
        json_append_string(&text, json_string(v, mem));
        check_same(v, &text, mem);
    }
    if (json_to_i64(v, &whole))
        assert(json_to_double(v, &d) && d == (double)whole);
    for (struct json_value c = json_first(v); !json_is_absent(c); c = json_next(v, c)) {
        check_value(c, mem);
        if (children++ < 8 && json_is(v, JSON_OBJECT))
            assert(json_get(v, json_string(json_key(c), mem)).at == c.at);
    }
    assert(children == json_count(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    struct buf text = BUF_INIT;
    struct json doc;
    if (json_parse(&doc, str_make((const char *)data, size), JSON_WITH_NUL, &mem) == OK) {
        struct json_value v = json_root(&doc);
        assert(utf8_is_valid(doc.text));
        check_value(v, &mem);
        if (json_is(v, JSON_OBJECT)) {
            json_append_merged(&text, v, v);
            check_same(v, &text, &mem);
            json_append_merge_patch(&text, JSON_ABSENT, v);
            buf_release(&text);
        }
    } else {
        assert(doc.error && doc.error_at <= size);
    }
    arena_release(&mem);
    return 0;
}
