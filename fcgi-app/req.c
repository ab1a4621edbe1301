/* The words a handler answers with, and how it reads its body. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

#include "req.h"

enum err req_fail(struct req *r, enum err e, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assert(n >= 0);
    size_t shown = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    r->message = arena_dup(r->mem, str_make(text, shown));
    return e;
}

struct json_value req_json(const struct req *r)
{
    return json_root(&r->json);
}

bool req_json_string(struct req *r, struct str name, struct str *out)
{
    struct json_value v = json_get(req_json(r), name);
    if (!json_is(v, JSON_STRING))
        return false;
    *out = json_string(v, r->mem);
    return true;
}

void req_header(struct req *r, struct str name, struct str value)
{
    for (size_t i = 0; i < value.n; i++)
        assert((unsigned char)value.p[i] >= ' ');
    buf_append_str(&r->head, name);
    buf_append_lit(&r->head, ": ");
    buf_append_str(&r->head, value);
    buf_append_lit(&r->head, "\r\n");
}

enum err req_redirect(struct req *r, struct str path)
{
    struct str base = r->app->conf->base_path;
    r->status = 303;
    req_header(r, STR("Location"), arena_printf(r->mem, "%.*s%.*s", STR_ARG(base), STR_ARG(path)));
    return OK;
}

void req_ok(struct req *r)
{
    buf_append_lit(&r->body_out, "{\"ok\":true}");
}
