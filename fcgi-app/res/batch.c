/* POST /api/batch: up to 100 calls of the routes that allow it, in one transaction. */
#include "base/base.h"

#include "res/res.h"
#include "routes.h"

#define OPERATIONS_MAX 100
#define ANSWER_MAX     (32 * 1024 * 1024) /* bytes of all results */

static bool read_method(struct str name, enum method *out)
{
    static const struct {
        struct str name;
        enum method method;
    } methods[] = {
        {{"GET", 3}, METHOD_GET},     {{"POST", 4}, METHOD_POST},     {{"PUT", 3}, METHOD_PUT},
        {{"PATCH", 5}, METHOD_PATCH}, {{"DELETE", 6}, METHOD_DELETE},
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (!str_eq(methods[i].name, name))
            continue;
        *out = methods[i].method;
        return true;
    }
    return false;
}

/* A request that shares the batch's sign-in, space and change, and nothing else. */
static struct req sub_request(const struct req *r)
{
    return (struct req){
        .app = r->app,
        .mem = r->mem,
        .remote_addr = r->remote_addr,
        .https = r->https,
        .signed_in = r->signed_in,
        .by_cookie = r->by_cookie,
        .who = r->who,
        .space = r->space,
        .change = r->change,
    };
}

static enum err read_target(struct req *sub, struct json_value operation)
{
    struct json_value method = json_get(operation, STR("method"));
    struct json_value path = json_get(operation, STR("path"));
    if (!json_is(method, JSON_STRING) || !json_is(path, JSON_STRING) ||
        !read_method(json_string(method, sub->mem), &sub->method))
        return req_fail(sub, ERR_INVALID, "An operation has a method, a path and perhaps a body");
    struct str target = json_string(path, sub->mem);
    size_t mark = str_find(target, '?');
    sub->path = str_make(target.p, mark);
    sub->query = mark < target.n ? str_from(target, mark + 1) : STR_NULL;
    if (form_parse(&sub->params, sub->query, sub->mem))
        return req_fail(sub, ERR_INVALID_QUERY, "The query of the path is not valid");
    if (form_count(&sub->params, STR("org")) > 0)
        return req_fail(sub, ERR_INVALID, "All operations of a batch work on the batch's space");
    return OK;
}

static enum err find_route(struct req *sub)
{
    sub->route = routes_match(sub, &sub->allow);
    if (!sub->route)
        return sub->allow ? ERR_METHOD : ERR_NOT_FOUND;
    if (!(sub->route->need & IN_BATCH))
        return req_fail(sub, ERR_INVALID, "This call cannot be part of a batch");
    if (sub->space->kind == SPACE_ORG && !(sub->route->need & IN_ORG))
        return req_fail(sub, ERR_NOT_FOUND, "An organization has none of these");
    return OK;
}

static enum err read_body(struct req *sub, struct json_value operation)
{
    struct json_value body = json_get(operation, STR("body"));
    if (!(sub->route->need & NEED_JSON))
        return OK;
    if (!json_is(body, JSON_OBJECT))
        return req_fail(sub, ERR_INVALID_JSON, "The body of this call is a JSON object");
    struct json_limits limits = sub->route->need & ALLOW_NUL ? JSON_WITH_NUL : JSON_STRICT;
    enum err e = json_parse(&sub->json, json_raw(body), limits, sub->mem);
    return e ? req_fail(sub, e, "The body is not valid JSON: %s", sub->json.error) : OK;
}

static enum err run(struct req *sub, struct json_value operation)
{
    enum err e = read_target(sub, operation);
    if (!e)
        e = find_route(sub);
    if (!e)
        e = read_body(sub, operation);
    return e ? e : sub->route->handler(sub);
}

static void append_result(struct buf *out, const struct req *sub)
{
    buf_append_lit(out, "{\"status\":");
    buf_append_i64(out, sub->status ? sub->status : 200);
    buf_append_lit(out, ",\"body\":");
    buf_append_str(out, sub->body_out.n ? buf_str(&sub->body_out) : STR("null"));
    buf_append_ch(out, '}');
}

/* The failure of one is the failure of all. */
static void take_failure(struct req *r, const struct req *sub, size_t index)
{
    r->message = sub->message;
    r->code = sub->code;
    r->problems = sub->problems;
    r->retry_after_s = sub->retry_after_s;
    r->error_members = arena_printf(r->mem, "\"index\":%zu%s%.*s", index,
                                    sub->error_members.n ? "," : "", STR_ARG(sub->error_members));
}

static enum err run_at(struct req *r, struct json_value operation, size_t index)
{
    struct req sub = sub_request(r);
    enum err e = run(&sub, operation);
    if (!e && r->body_out.n + sub.body_out.n > ANSWER_MAX)
        e = req_fail(&sub, ERR_TOO_LARGE, "The results of this batch are too large together");
    r->change = sub.change;
    if (e)
        take_failure(r, &sub, index);
    else
        append_result(&r->body_out, &sub);
    buf_release(&sub.head);
    buf_release(&sub.body_out);
    return e;
}

enum err batch_run(struct req *r)
{
    struct json_value list = json_get(req_json(r), STR("operations"));
    size_t index = 0;
    if (!json_is(list, JSON_ARRAY) || json_count(list) > OPERATIONS_MAX)
        return req_fail(r, ERR_INVALID, "operations is an array of at most %d", OPERATIONS_MAX);
    buf_append_lit(&r->body_out, "{\"ok\":true,\"results\":[");
    for (struct json_value v = json_first(list); !json_is_absent(v); v = json_next(list, v)) {
        if (index > 0)
            buf_append_ch(&r->body_out, ',');
        enum err e = run_at(r, v, index++);
        if (e)
            return e;
    }
    buf_append_lit(&r->body_out, "]}");
    return OK;
}
