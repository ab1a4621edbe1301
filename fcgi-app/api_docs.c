/*
 * The OpenAPI document: openapi.json is part of the program; what stands there under /api/{c} is
 * said again for each collection, with its own name and schema.
 */
#include "base/base.h"

#include "api_docs.h"
#include "wire/json.h"

/* openapi.json, and a '\0'. */
__asm__(".pushsection .rodata\n"
        "openapi_text: .incbin \"fcgi-app/openapi.json\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char openapi_text[];

/* What a path of any collection says, and what it says of one. */
#define ANY_PATH      "/api/{c}"
#define ANY_PARAMETER "{ \"$ref\": \"#/components/parameters/in_path_c\" }"

struct replacement {
    struct str from, to;
};

static void append_replaced(struct buf *out, struct str text, const struct replacement *list,
                            size_t n)
{
    for (size_t at = 0; at < text.n;) {
        struct str rest = str_from(text, at);
        size_t i = 0;
        while (i < n && !str_starts_with(rest, list[i].from))
            i++;
        if (i == n) {
            buf_append_ch(out, text.p[at++]);
            continue;
        }
        buf_append_str(out, list[i].to);
        at += list[i].from.n;
    }
}

/* The paths of one collection, but for those that the table has: they win. */
static void append_paths(struct buf *out, struct json_value paths, struct str name,
                         struct arena *mem)
{
    const struct replacement list[] = {
        {STR("\"parameters\": [" ANY_PARAMETER "],"), STR("")},
        {STR(ANY_PARAMETER ", "), STR("")},
        {STR("\"anyRows."), arena_printf(mem, "\"%.*s.", STR_ARG(name))},
        {STR("/AnyRow\""), arena_printf(mem, "/%.*s\"", STR_ARG(name))},
        {STR("/AnyInput\""), arena_printf(mem, "/%.*s.input\"", STR_ARG(name))},
        {STR("/RowAnswer\""), arena_printf(mem, "/%.*s.answer\"", STR_ARG(name))},
    };
    struct json_value member = json_first(paths);
    for (; !json_is_absent(member); member = json_next(paths, member)) {
        struct str path = json_string(json_key(member), mem);
        if (!str_starts_with(path, STR(ANY_PATH)))
            continue;
        path = arena_printf(mem, "/api/%.*s%.*s", STR_ARG(name),
                            STR_ARG(str_from(path, sizeof ANY_PATH - 1)));
        if (!json_is_absent(json_get(paths, path)))
            continue;
        buf_append_ch(out, ',');
        json_append_string(out, path);
        buf_append_ch(out, ':');
        append_replaced(out, json_raw(member), list, ARRAY_LEN(list));
    }
}

/* A declaration's schema without some of its members; its $id keeps its own "#/$defs/…" right. */
static void append_schema(struct buf *out, const struct collection *c, const char *what,
                          const struct str *drop, size_t n, struct arena *mem)
{
    struct buf text = BUF_INIT;
    struct json doc;
    enum err e = json_parse(&doc, c->schema_text, JSON_WITH_NUL, mem);
    assert(e == OK); /* it was read before */
    json_append_without(&text, json_root(&doc), drop, n);
    buf_appendf(out, "{\"$id\":\"urn:cubby:%.*s:%s\"", STR_ARG(c->name), what);
    if (text.n > 2)
        buf_append_ch(out, ',');
    buf_append_str(out, str_from(buf_str(&text), 1));
    buf_release(&text);
}

/* What is sent is as declared; what comes back has five members more, so that what is said of all
 * members' number and names does not hold there. */
static void append_schemas(struct buf *out, const struct collection *c, struct arena *mem)
{
    static const struct str closed[] = {
        {"additionalProperties", 20},
        {"propertyNames", 13},
        {"minProperties", 13},
        {"maxProperties", 13},
    };
    struct str name = c->name;
    buf_appendf(out, ",\"%.*s.input\":", STR_ARG(name));
    append_schema(out, c, "input", NULL, 0, mem);
    buf_appendf(out, ",\"%.*s\":{\"allOf\":[{\"$ref\":\"#/components/schemas/AnyRow\"},",
                STR_ARG(name));
    append_schema(out, c, "row", closed, ARRAY_LEN(closed), mem);
    buf_appendf(out,
                "]},\"%.*s.answer\":{\"type\":\"object\",\"required\":[\"ok\",\"data\"],"
                "\"properties\":{\"ok\":{\"const\":true},"
                "\"data\":{\"$ref\":\"#/components/schemas/%.*s\"}}}",
                STR_ARG(name), STR_ARG(name));
}

/* An object with more members at its end; it has some already. */
static void append_open(struct buf *out, struct json_value object)
{
    struct str text = json_raw(object);
    buf_append(out, text.p, text.n - 1);
}

static void append_all_paths(struct buf *out, struct json_value paths, const struct collections *c,
                             struct arena *mem)
{
    append_open(out, paths);
    for (size_t i = 0; i < c->count; i++)
        append_paths(out, paths, c->list[i].name, mem);
    buf_append_ch(out, '}');
}

/* Its last member is the schemas. */
static void append_components(struct buf *out, struct json_value components,
                              const struct collections *c, struct arena *mem)
{
    struct json_value member = json_first(components);
    const char *between = "{";
    for (; !json_is_absent(member); member = json_next(components, member)) {
        buf_append_str(out, str_from_c(between));
        buf_append_str(out, json_raw(json_key(member)));
        buf_append_ch(out, ':');
        between = ",";
        if (!str_eq(json_string(json_key(member), mem), STR("schemas"))) {
            buf_append_str(out, json_raw(member));
            continue;
        }
        append_open(out, member);
        for (size_t i = 0; i < c->count; i++)
            append_schemas(out, &c->list[i], mem);
        buf_append_ch(out, '}');
    }
    buf_append_ch(out, '}');
}

static void append_servers(struct buf *out, const struct conf *conf, struct arena *mem)
{
    struct str url =
        arena_printf(mem, "%.*s%.*s", STR_ARG(conf->public_url), STR_ARG(conf->base_path));
    buf_append_lit(out, "[{\"url\":");
    json_append_string(out, url.n ? url : STR("/"));
    buf_append_lit(out, "}]");
}

void api_docs_append(struct buf *out, const struct conf *conf, const struct collections *c,
                     struct arena *mem)
{
    struct str text = str_from_c(openapi_text);
    const char *between = "{";
    struct json doc;
    enum err e = json_parse(&doc, text, JSON_STRICT, mem);
    assert(e == OK); /* the tests look at it */
    struct json_value root = json_root(&doc), member = json_first(root);
    for (; !json_is_absent(member); member = json_next(root, member)) {
        struct str name = json_string(json_key(member), mem);
        buf_append_str(out, str_from_c(between));
        json_append_string(out, name);
        buf_append_ch(out, ':');
        between = ",";
        if (str_eq(name, STR("servers")))
            append_servers(out, conf, mem);
        else if (str_eq(name, STR("paths")))
            append_all_paths(out, member, c, mem);
        else if (str_eq(name, STR("components")))
            append_components(out, member, c, mem);
        else
            buf_append_str(out, json_raw(member));
    }
    buf_append_ch(out, '}');
}
