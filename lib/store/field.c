/* Field paths: checked against the whitelist, written as SQL. */
#include "base/base.h"

#include "store/field.h"

/* The five members of ours, in the order of the enum. */
static const struct {
    struct str name;
    const char *column; /* NULL: none */
    const char *type;   /* what json_type() would say of the member as clients see it */
} own[] = {
    [FIELD_ID] = {{"id", 2}, "id", "'text'"},
    [FIELD_CREATED_AT] = {{"createdAt", 9}, "created_at", "'text'"},
    [FIELD_UPDATED_AT] = {{"updatedAt", 9}, "updated_at", "'text'"},
    [FIELD_VERSION] = {{"version", 7}, "version", "'integer'"},
    [FIELD_USER_ID] = {{"userId", 6}, NULL, "'text'"},
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool field_parse(struct field *f, struct str path)
{
    bool empty = true; /* the current segment */
    if (path.n > FIELD_PATH_MAX)
        return false;
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] != '.' && !is_name_char(path.p[i]))
            return false;
        if (path.p[i] == '.' && empty)
            return false;
        empty = path.p[i] == '.';
    }
    if (empty)
        return false;
    *f = (struct field){FIELD_DATA, path};
    for (size_t i = FIELD_ID; i < ARRAY_LEN(own); i++)
        if (str_eq(own[i].name, path))
            f->kind = (enum field_kind)i;
    return true;
}

static void append_call(struct buf *out, const char *function, const struct field *f,
                        const char *table)
{
    buf_appendf(out, "%s(%sdata,'$.%.*s')", function, table, STR_ARG(f->path));
}

void field_append_sql(struct buf *out, const struct field *f, const char *table)
{
    if (f->kind == FIELD_DATA) {
        append_call(out, "json_extract", f, table);
        return;
    }
    assert(own[f->kind].column);
    buf_appendf(out, "%s%s", table, own[f->kind].column);
}

void field_append_type_sql(struct buf *out, const struct field *f, const char *table)
{
    if (f->kind == FIELD_DATA)
        append_call(out, "json_type", f, table);
    else
        buf_appendf(out, "%s", own[f->kind].type);
}
