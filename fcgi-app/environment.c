/* What a web server says of a request in variables → struct req. */
#include "base/base.h"

#include "domain/origin.h"
#include "environment.h"

/* What a variable becomes. */
static const struct {
    const char *name;
    size_t n;
    size_t offset; /* of a struct str in struct req */
} variables[] = {
#define VARIABLE(name, field)                                                                      \
    {                                                                                              \
        name, sizeof(name) - 1, offsetof(struct req, field)                                        \
    }
    /* By length, so that the search ends early. */
    VARIABLE("HTTP_HOST", headers.host),
    VARIABLE("REMOTE_ADDR", peer_addr),
    VARIABLE("REQUEST_URI", path),
    VARIABLE("HTTP_COOKIE", headers.cookie),
    VARIABLE("HTTP_ACCEPT", headers.accept),
    VARIABLE("HTTP_ORIGIN", headers.origin),
    VARIABLE("CONTENT_TYPE", headers.content_type),
    VARIABLE("HTTP_IF_MATCH", headers.if_match),
    VARIABLE("HTTP_USER_AGENT", headers.user_agent),
    VARIABLE("HTTP_X_REQUEST_ID", headers.request_id),
    VARIABLE("HTTP_AUTHORIZATION", headers.authorization),
    VARIABLE("HTTP_LAST_EVENT_ID", headers.last_event_id),
    VARIABLE("HTTP_SEC_FETCH_SITE", headers.sec_fetch_site),
    VARIABLE("HTTP_IDEMPOTENCY_KEY", headers.idempotency_key),
    VARIABLE("HTTP_X_FORWARDED_FOR", headers.forwarded_for),
    VARIABLE("HTTP_X_FORWARDED_HOST", headers.forwarded_host),
    VARIABLE("HTTP_X_FORWARDED_PROTO", headers.forwarded_proto),
    VARIABLE("HTTP_ACCESS_CONTROL_REQUEST_METHOD", headers.preflight_method),
#undef VARIABLE
};

static enum method method_of(struct str s)
{
    static const struct {
        struct str name;
        enum method method;
    } names[] = {
        {{"GET", 3}, METHOD_GET},         {{"HEAD", 4}, METHOD_HEAD},
        {{"POST", 4}, METHOD_POST},       {{"PUT", 3}, METHOD_PUT},
        {{"PATCH", 5}, METHOD_PATCH},     {{"DELETE", 6}, METHOD_DELETE},
        {{"OPTIONS", 7}, METHOD_OPTIONS},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(s, names[i].name))
            return names[i].method;
    return METHOD_OTHER;
}

static void take_variable(struct req *r, struct str name, struct str value, int64_t *length)
{
    for (size_t i = 0; i < ARRAY_LEN(variables) && variables[i].n <= name.n; i++) {
        if (variables[i].n == name.n && memcmp(variables[i].name, name.p, name.n) == 0) {
            struct str *field = (struct str *)(void *)((char *)r + variables[i].offset);
            *field = value;
            return;
        }
    }
    if (str_eq(name, STR("REQUEST_METHOD")))
        r->method = method_of(value);
    else if (str_eq(name, STR("CONTENT_LENGTH")) && !str_to_i64(value, 0, INT64_MAX, length))
        *length = -1;
    else if (str_eq(name, STR("HTTPS")))
        r->https = str_eq_nocase(value, STR("on")) || str_eq(value, STR("1"));
    else if (str_eq(name, STR("CUBBY_METRICS")))
        r->local_metrics = str_eq(value, STR("on"));
}

/* REQUEST_URI is the one thing all web servers agree on: as it was sent, but for one that Apache
 * passes whole ("http://host/path"). */
static void cut_target(struct req *r)
{
    struct str target = r->path, base = r->app->conf->base_path;
    if (target.n && target.p[0] != '/') {
        size_t scheme = str_find(target, ':');
        struct str rest = str_from(target, scheme + 3);
        target = str_from(rest, str_find(rest, '/'));
    }
    size_t mark = str_find(target, '?');
    r->path = str_make(target.p, mark);
    r->query = mark < target.n ? str_from(target, mark + 1) : STR_NULL;
    if (base.n && str_starts_with(r->path, base) &&
        (r->path.n == base.n || r->path.p[base.n] == '/'))
        r->path = str_from(r->path, base.n);
}

void environment_read(struct req *r, char **env, int64_t *length)
{
    *length = -1;
    for (; *env; env++) {
        const char *value = strchr(*env, '=');
        if (value)
            take_variable(r, str_make(*env, (size_t)(value - *env)), str_from_c(value + 1), length);
    }
    cut_target(r);
    struct origin_request o = {
        .peer = r->peer_addr,
        .https = r->https,
        .forwarded_for = r->headers.forwarded_for,
        .forwarded_proto = r->headers.forwarded_proto,
    };
    r->remote_addr = origin_client_address(r->app->conf, &o);
    r->https = origin_is_https(r->app->conf, &o);
}
