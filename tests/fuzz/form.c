/* A form that is accepted is a JSON object of strings. The first line is the Content-Type of a
 * multipart body; the whole is also read as URL-encoded. */
#include "base/base.h"

#include "wire/form.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct form *f, struct arena *mem)
{
    struct buf text = BUF_INIT;
    struct json doc;
    assert(f->count <= FORM_FIELDS_MAX);
    form_append_json(f, &text);
    enum err e = json_parse(&doc, buf_str(&text), JSON_STRICT, mem);
    assert(e == OK && json_count(json_root(&doc)) <= f->count);
    for (size_t i = 0; i < f->count; i++)
        assert(form_get(f, f->fields[i].name).p && form_count(f, f->fields[i].name) > 0);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_make((const char *)data, size);
    size_t line = str_find(input, '\n');
    struct arena mem = ARENA_INIT;
    struct form f;
    if (form_parse(&f, input, &mem) == OK)
        check(&f, &mem);
    if (form_parse_multipart(&f, str_make(input.p, line), str_from(input, line + 1), &mem) == OK)
        check(&f, &mem);
    arena_release(&mem);
    return 0;
}
