/* What happens to every request around its handler. */
#include "base/base.h"

#include "admin.h"
#include "answer.h"
#include "attempts.h"
#include "auth.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/request_id.h"
#include "dispatch.h"
#include "lookout.h"
#include "membership.h"
#include "metrics.h"
#include "store/event.h"
#include "store/idem.h"

#define IDEMPOTENCY_KEY_MAX 128

static enum lane lane_of(const struct route *route)
{
    unsigned need = route ? route->need : 0;
    return need & (LONG_POLL | STREAMED) ? LANE_POLL
           : need & HASHES               ? LANE_HASH
           : need & FETCHES              ? LANE_FETCH
                                         : LANE_REQUEST;
}

enum lane dispatch_route(struct req *r)
{
    r->route = routes_match(r, &r->allow);
    return r->method == METHOD_OPTIONS ? LANE_REQUEST : lane_of(r->route);
}

/* --- the body --------------------------------------------------------------------------------- */

static bool is_type(struct str content_type, struct str type)
{
    struct str bare = str_make(content_type.p, str_find(content_type, ';'));
    return str_eq_nocase(str_trim(bare), type);
}

/* JSON, or the type that RFC 7396 gives a PATCH. */
static bool is_json(const struct req *r)
{
    struct str type = r->headers.content_type;
    return is_type(type, STR("application/json")) ||
           (r->method == METHOD_PATCH && is_type(type, STR("application/merge-patch+json")));
}

static enum err read_form(struct req *r, struct form *f)
{
    struct str type = r->headers.content_type;
    if (is_type(type, STR("application/x-www-form-urlencoded")))
        return form_parse(f, r->body, r->mem);
    if (is_type(type, STR("multipart/form-data")))
        return form_parse_multipart(f, type, r->body, r->mem);
    return ERR_MEDIA_TYPE;
}

/* A form becomes an object of strings. */
static enum err read_body(struct req *r)
{
    unsigned need = r->route->need;
    struct str type = r->headers.content_type, text = r->body;
    struct json_limits limits = need & ALLOW_NUL ? JSON_WITH_NUL : JSON_STRICT;
    struct buf converted = BUF_INIT;
    struct form form;
    enum err e = OK;

    if ((need & BODY_OPTIONAL) && !text.n) {
        text = STR("{}");
    } else if (type.n && !is_json(r)) {
        e = need & ALLOW_FORM ? read_form(r, &form) : ERR_MEDIA_TYPE;
        if (e)
            return e;
        r->form = true;
        form_append_json(&form, &converted);
        text = arena_dup(r->mem, buf_str(&converted));
        buf_release(&converted);
    }
    e = json_parse(&r->json, text, limits, r->mem);
    if (e == ERR_INVALID_JSON)
        return req_fail(r, e, "The body is not valid JSON: %s at byte %zu", r->json.error,
                        r->json.error_at);
    if (e == OK && !json_is(json_root(&r->json), JSON_OBJECT))
        return req_fail(r, ERR_INVALID_JSON, "The body must be a JSON object");
    return e;
}

/* --- idempotency keys ------------------------------------------------------------------------- */

/* What of r the kept answer belongs to. */
struct idem {
    struct str key;
    unsigned char print[SHA256_LEN];
    size_t head_from; /* header lines from here on are the handler's */
};

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

static struct str fingerprint(const struct idem *i)
{
    return str_make((const char *)i->print, sizeof i->print);
}

static enum err idem_init(struct idem *i, struct req *r)
{
    struct buf text = BUF_INIT;
    i->key = r->headers.idempotency_key;
    if (!i->key.p)
        return OK;
    if (!i->key.n || i->key.n > IDEMPOTENCY_KEY_MAX || !is_printable(i->key))
        return req_fail(r, ERR_INVALID, "Idempotency-Key must be 1 to %d printable characters",
                        IDEMPOTENCY_KEY_MAX);
    buf_appendf(&text, "%u %.*s?%.*s\n", (unsigned)r->method, STR_ARG(r->path), STR_ARG(r->query));
    buf_append_str(&text, r->body);
    sha256(buf_str(&text), i->print);
    buf_release(&text);
    return OK;
}

/* The content type travels as the first line of the kept header lines. */
static void replay(struct req *r, const struct idem_answer *a)
{
    struct str lines = a->headers;
    if (!str_next(&lines, '\n', &r->content_type))
        r->content_type = STR_NULL;
    r->status = a->status;
    buf_append_str(&r->head, lines);
    buf_append_lit(&r->head, "Idempotent-Replayed: true\r\n");
    buf_append_str(&r->body_out, a->body);
}

static enum err keep(struct idem *i, struct req *r)
{
    struct str lines = str_from(buf_str(&r->head), i->head_from);
    return idem_keep(
        r->space, i->key, fingerprint(i), clock_wall_ms(),
        &(struct idem_answer){
            .status = r->status ? r->status : 200,
            .headers = arena_printf(r->mem, "%.*s\n%.*s", STR_ARG(r->content_type), STR_ARG(lines)),
            .body = buf_str(&r->body_out),
        });
}

/* --- the handler in its transaction ----------------------------------------------------------- */

static void add_event_id(struct req *r, struct str name, uint64_t seq)
{
    buf_append_str(&r->head, name);
    buf_append_lit(&r->head, ": ");
    event_id_append(&r->head, str_make(r->space->epoch, EPOCH_LEN), seq);
    buf_append_lit(&r->head, "\r\n");
}

static enum err commit(struct req *r)
{
    bool news = change_last_seq(&r->change) > 0;
    enum err e = change_commit(&r->change);
    if (e == OK && news && r->app->wake)
        wake_notify(r->app->wake, r->space);
    if (e == OK && (r->route->need & IN_MAIN)) {
        space_release(r->space);
        r->space = NULL;
        if (r->organization_id.p)
            membership_deliver_to(r, r->organization_id);
        membership_deliver(r, r->who.user_id);
    }
    return e;
}

/* In a space that many write to, a key is its user's own, a visitor's that of his address. */
static struct str own_key(const struct req *r, struct str key)
{
    if (r->space->kind == SPACE_USER)
        return key;
    return arena_printf(r->mem, "%s %.*s %.*s", r->signed_in ? "user" : "visitor",
                        STR_ARG(r->signed_in ? r->who.user_id : r->remote_addr), STR_ARG(key));
}

static enum err handle_write(struct req *r, struct idem *idem)
{
    struct idem_answer kept;
    enum err e = OK;
    if (idem->key.p) {
        idem->key = own_key(r, idem->key);
        idem->head_from = r->head.n;
        e = idem_find(r->space, idem->key, fingerprint(idem), clock_wall_ms(), r->mem, &kept);
        if (e == OK) {
            replay(r, &kept);
            change_rollback(&r->change);
            return OK;
        }
        e = e == ERR_NOT_FOUND ? OK : e;
    }
    r->change.request_id = r->request_id;
    if (e == OK)
        e = r->route->handler(r);
    if (e == OK && change_last_seq(&r->change))
        add_event_id(r, STR("X-Event-Id"), change_last_seq(&r->change));
    if (e == OK && idem->key.p)
        e = keep(idem, r);
    if (e == OK)
        return commit(r);
    change_rollback(&r->change);
    return e;
}

/* The handler of a long poll may have given the space back, and looked again later. */
static enum err handle_read(struct req *r)
{
    enum err e = r->route->handler(r), seen;
    uint64_t oldest, newest;
    if (!r->space || (e && e != ERR_NOT_FOUND)) /* that nothing is there is an answer too */
        return e;
    seen = event_bounds(r->space, &oldest, &newest);
    if (seen)
        return seen;
    add_event_id(r, STR("X-As-Of"), newest);
    return e ? e : space_commit(r->space);
}

static enum err handle(struct req *r, struct idem *idem)
{
    if (!r->space)
        return r->route->handler(r);
    return r->route->need & NEED_WRITE ? handle_write(r, idem) : handle_read(r);
}

/* --- from line to answer ---------------------------------------------------------------------- */

static enum err method_not_allowed(struct req *r)
{
    req_header(r, STR("Allow"), routes_allow(r->allow, r->mem));
    return ERR_METHOD;
}

/* What can be refused before anyone asks who it is. */
static enum err refuse_early(struct req *r)
{
    unsigned need = r->route->need;
    if ((need & NEED_DEMO) && !r->app->conf->demo)
        return ERR_NOT_FOUND;
    if (r->lane_full)
        metrics_count_full(r->app->metrics, lane_of(r->route));
    if (r->lane_full && (need & (HASHES | STREAMED | FETCHES)))
        return ERR_BUSY;
    if (r->body_too_large)
        return ERR_TOO_LARGE;
    if (r->body_broken)
        return req_fail(r, ERR_INVALID, "The body ended early or came too slowly");
    if ((need & IN_ADMIN) && (need & (NEED_ADMIN | SETS_COOKIES)))
        return admin_is_own_page(r) ? OK : ERR_CROSS_SITE;
    return (need & SETS_COOKIES) && !auth_is_same_site(r) ? ERR_CROSS_SITE : OK;
}

/* What r's row needs; whether visitors may come to the counters is a setting. */
static unsigned needs(const struct req *r)
{
    const struct conf *c = r->app->conf;
    unsigned need = r->route->need;
    if (!(need & IN_COUNTERS))
        return need;
    bool open = need & NEED_WRITE ? c->counters_public_write : c->counters_public;
    return need | (open ? MAYBE_USER : NEED_USER);
}

/* Sign in where that can be, and begin the handler's transaction. */
static enum err enter(struct req *r, unsigned need, bool can_sign_in)
{
    enum err e = OK;
    if (can_sign_in)
        e = auth_enter(r, (need & NEED_WRITE) && !(need & (IN_COUNTERS | IN_MAIN)));
    if (e == ERR_UNAUTHORIZED && (need & MAYBE_USER))
        e = OK;
    if (e == OK && (need & IN_MAIN))
        return auth_enter_main(r);
    return e || !(need & IN_COUNTERS) ? e : auth_enter_counters(r, need & NEED_WRITE);
}

static enum err answer(struct req *r)
{
    unsigned need = needs(r);
    bool signs_in = need & (NEED_USER | MAYBE_USER);
    struct idem idem = {.key = STR_NULL};
    enum err sign_in = OK, e = refuse_early(r);
    if (e)
        return e;
    if (need & NEED_ADMIN)
        e = admin_enter(r);
    if (e)
        return e;
    if (signs_in)
        sign_in = auth_identify(r);
    if (sign_in && (sign_in != ERR_UNAUTHORIZED || (need & NEED_USER)))
        return sign_in;
    e = form_parse(&r->params, r->query, r->mem);
    if (e)
        return req_fail(r, ERR_INVALID_QUERY, "The query string is not valid");
    if (need & NEED_JSON)
        e = read_body(r);
    if (e == OK && (need & NEED_WRITE))
        e = idem_init(&idem, r);
    if (e == OK)
        e = enter(r, need, signs_in && sign_in == OK);
    return e ? e : handle(r, &idem);
}

static const char *method_name(enum method m)
{
    switch (m) {
    case METHOD_GET:
        return "GET";
    case METHOD_HEAD:
        return "HEAD";
    case METHOD_POST:
        return "POST";
    case METHOD_PUT:
        return "PUT";
    case METHOD_PATCH:
        return "PATCH";
    case METHOD_DELETE:
        return "DELETE";
    case METHOD_OPTIONS:
        return "OPTIONS";
    case METHOD_OTHER:
        break;
    }
    return "other";
}

/* One line for whoever runs this; never the path itself, which may hold a key or a name. */
static void report(const struct req *r, enum err e, int64_t us)
{
    const char *route = r->route ? r->route->path : "-", *method = method_name(r->method);
    int status = r->status ? r->status : 200;
    struct str code = e ? err_code(e) : STR("ok");
    if (status >= 500 && e != ERR_QUOTA)
        lookout_note(r->app->lookout, r, method, e, r->space ? db_error(r->space->db) : "");
    if (status >= 500 && e != ERR_BUSY && e != ERR_QUOTA) {
        log_error("method=%s route=%s status=%d code=%.*s us=%lld space=%s detail=\"%s\"", method,
                  route, status, STR_ARG(code), (long long)us, r->space ? r->space->id : "-",
                  r->space ? db_error(r->space->db) : "");
        return;
    }
    (r->app->conf->log_requests ? log_info : log_debug)(
        "method=%s route=%s status=%d code=%.*s bytes=%zu us=%lld", method, route, status,
        STR_ARG(code), r->body_out.n, (long long)us);
}

void dispatch(struct req *r)
{
    int64_t start = clock_mono_us();
    enum err e = OK;

    r->problems.mem = r->mem;
    r->request_id = request_id_of(r->headers.request_id, r->mem);
    log_request(r->request_id);
    if (!r->route && !r->allow)
        dispatch_route(r);
    metrics_begin(r->app->metrics, lane_of(r->route));
    if (r->method == METHOD_OPTIONS)
        answer_options(r);
    else if (!r->route)
        e = r->allow ? method_not_allowed(r) : ERR_NOT_FOUND;
    else
        e = answer(r);
    if (e != ERR_INVALID_CREDENTIALS)
        attempts_forgive(r);
    if (e)
        answer_failure(r, e);
    answer_cors(r);
    int64_t us = clock_mono_us() - start;
    report(r, e, us);
    metrics_end(r->app->metrics, lane_of(r->route), r->status ? r->status : 200, e, us);
    space_release(r->space);
    r->space = NULL;
}
