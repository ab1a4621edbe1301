/* A document taken apart: what json_parse() takes is taken whole, each piece of it is JSON, and
 * there are as many as members or elements; of anything else no byte beyond it is looked at. */
#include "base/base.h"

#include "wire/json.h"
#include "wire/json_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many there are; SIZE_MAX: it is no document. */
static size_t take_all(struct json_pieces *p, char bracket, bool is_json, struct arena *mem)
{
    bool first = true, end = false;
    struct str name, value;
    struct json doc;
    size_t count = 0;
    enum err e = json_pieces_enter(p, bracket);
    while (!e && !(e = json_pieces_next(p, bracket, &first, &end)) && !end) {
        if (bracket == '{')
            e = json_pieces_name(p, &name);
        if (!e)
            e = json_pieces_value(p, &value);
        assert(e || !is_json || json_parse(&doc, value, JSON_WITH_NUL, mem) == OK);
        count++;
    }
    if (!e)
        e = json_pieces_finish(p);
    assert(p->at_end || e != OK);
    return e ? SIZE_MAX : count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    struct arena mem = ARENA_INIT;
    struct json doc;
    bool is_json = size && json_parse(&doc, text, JSON_WITH_NUL, &mem) == OK;
    for (size_t i = 0; i < 2; i++) {
        char bracket = "{["[i];
        struct json_pieces cut = {text, false}, whole = {text, true};
        size_t none = take_all(&cut, bracket, is_json, &mem);
        size_t count = take_all(&whole, bracket, is_json, &mem);
        assert(none == SIZE_MAX);
        if (is_json && json_is(json_root(&doc), i ? JSON_ARRAY : JSON_OBJECT))
            assert(count == json_count(json_root(&doc)));
    }
    arena_release(&mem);
    return 0;
}
