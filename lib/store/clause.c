/* Values of a statement that is being written. */
#include "base/base.h"

#include "store/clause.h"

size_t clause_value(struct clause *c, struct value v)
{
    if (c->count == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 16;
        struct value *grown = arena_zalloc(c->mem, cap, sizeof *grown);
        if (c->count)
            memcpy(grown, c->values, c->count * sizeof *grown);
        c->values = grown;
        c->cap = cap;
    }
    c->values[c->count++] = v;
    return c->count;
}

size_t clause_text(struct clause *c, struct str text)
{
    return clause_value(c, (struct value){.kind = VALUE_TEXT, .text = text});
}

size_t clause_integer(struct clause *c, int64_t v)
{
    return clause_value(c, (struct value){.kind = VALUE_INTEGER, .integer = v});
}

bool value_of_number(struct json_value v, struct value *out)
{
    *out = (struct value){.kind = VALUE_REAL};
    if (!json_to_double(v, &out->real))
        return false;
    struct str text = json_raw(v);
    if (str_find(text, '.') == text.n && str_find(text, 'e') == text.n &&
        str_find(text, 'E') == text.n && json_to_i64(v, &out->integer))
        out->kind = VALUE_INTEGER;
    return true;
}

static void bind(const struct value *v, int at, const struct space *sp, struct stmt *s)
{
    switch (v->kind) {
    case VALUE_NULL:
        stmt_bind_null(s, at);
        break;
    case VALUE_INTEGER:
        stmt_bind_i64(s, at, v->integer);
        break;
    case VALUE_REAL:
        stmt_bind_double(s, at, v->real);
        break;
    case VALUE_TEXT:
        stmt_bind_str(s, at, v->text);
        break;
    case VALUE_SPACE_ID:
        stmt_bind_str(s, at, str_from_c(sp->id));
        break;
    }
}

void values_bind(const struct value *values, size_t count, const struct space *sp, struct stmt *s)
{
    for (size_t i = 0; i < count; i++)
        bind(&values[i], (int)i + 1, sp, s);
}
