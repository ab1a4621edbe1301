/* Collections in use: finding them, checking a client's object. Loading is declaration.c. */
#include "base/base.h"

#include "domain/collection.h"

const struct collection *collections_find(const struct collections *c, struct str name)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = str_cmp(name, c->list[mid].name);
        if (order == 0)
            return &c->list[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct rows_table *collections_tables(const struct collections *c, size_t *count)
{
    *count = c->count;
    return c->tables;
}

/* The members of a row that only the server sets. */
static const struct str own_members[] = {
    {"id", 2}, {"createdAt", 9}, {"updatedAt", 9}, {"version", 7}, {"userId", 6},
};

static bool has_own_members(struct json_value body)
{
    for (size_t i = 0; i < ARRAY_LEN(own_members); i++)
        if (!json_is_absent(json_get(body, own_members[i])))
            return true;
    return false;
}

/* The text to store: body without the members of ours, with the defaults it lacks. */
static struct str complete(const struct collection *c, struct json_value body, bool *changed,
                           struct arena *mem)
{
    struct buf text = BUF_INIT, defaults = BUF_INIT;
    *changed = has_own_members(body);
    json_append_without(&text, body, own_members, *changed ? ARRAY_LEN(own_members) : 0);
    schema_append_defaults(c->schema, body, &defaults);
    if (defaults.n > 0) {
        *changed = true;
        text.n--; /* the closing brace */
        if (text.n > 1)
            buf_append_ch(&text, ',');
        buf_append_str(&text, buf_str(&defaults));
        buf_append_ch(&text, '}');
    }
    struct str done = arena_dup(mem, buf_str(&text));
    buf_release(&text);
    buf_release(&defaults);
    return done;
}

enum err collection_validate(const struct collection *c, struct json_value body,
                             struct problems *problems, struct arena *mem, struct str *data)
{
    struct json doc;
    bool changed;
    problems->mem = mem;
    if (!json_is(body, JSON_OBJECT)) {
        problems->list[problems->count++] = (struct problem){STR("$"), STR("must be an object")};
        return ERR_VALIDATION;
    }
    *data = complete(c, body, &changed, mem);
    if (data->n > COLLECTION_ROW_MAX)
        return ERR_TOO_LARGE;
    if (changed) {
        enum err e = json_parse(&doc, *data, JSON_STRICT, mem);
        if (e)
            return e;
        body = json_root(&doc);
    }
    return schema_validate(c->schema, body, problems) ? OK : ERR_VALIDATION;
}
