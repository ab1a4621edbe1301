/* Counters (docs/protocol.md section 6): /rpc/counter… in both forms, and the page /counter. */
#include "base/base.h"

#include "domain/counter.h"
#include "res/res.h"
#include "routes.h"

#define HISTORY_LIMIT_DEFAULT 50
#define HISTORY_LATEST        5

/* The rules of static pages (apache-conf), which this page is none of. */
#define PAGE_HEAD                                                                                  \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self';"            \
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"              \
    " frame-ancestors 'none'\r\nReferrer-Policy: same-origin\r\n"

/* --- what comes and what goes ------------------------------------------------------------------
 */

static struct json_value input(const struct req *r)
{
    struct json_value body = req_json(r);
    return r->route->need & RPC_WRAPPED ? json_get(body, STR("json")) : body;
}

static struct buf *begin_output(struct req *r)
{
    if (r->route->need & RPC_WRAPPED)
        buf_append_lit(&r->body_out, "{\"json\":");
    return &r->body_out;
}

static enum err end_output(struct req *r)
{
    if (r->route->need & RPC_WRAPPED)
        buf_append_ch(&r->body_out, '}');
    return OK;
}

static enum err read_name(struct req *r, struct str *name)
{
    struct json_value v = json_get(input(r), STR("name"));
    *name = json_is(v, JSON_STRING) ? json_string(v, r->mem) : STR_NULL;
    if (counter_name_is_valid(*name))
        return OK;
    return req_fail(r, ERR_INVALID, "name is a text of 1 to %d letters, digits, _ and -",
                    COUNTER_NAME_MAX);
}

static enum err not_found(struct req *r, struct str name)
{
    r->code = STR("COUNTER_NOT_FOUND");
    return req_fail(r, ERR_NOT_FOUND, "There is no counter %.*s", STR_ARG(name));
}

static enum err explain(struct req *r, enum err e, struct str name)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return not_found(r, name);
    case ERR_CONFLICT:
        return req_fail(r, e, "There is a counter %.*s already", STR_ARG(name));
    case ERR_QUOTA:
        return req_fail(r, e, "There is no room for another counter");
    case ERR_FORBIDDEN:
        return req_fail(r, e, "The counter %.*s always exists", STR_ARG(name));
    default:
        return e;
    }
}

static struct counter_rules rules(const struct req *r)
{
    const struct conf *c = r->app->conf;
    return (struct counter_rules){c->counters_auto_create, c->counters_max};
}

/* --- changes -----------------------------------------------------------------------------------
 */

/* Entries being written, with commas between them. */
struct items {
    struct buf *out;
    int64_t count;
};

static void append_entry(void *arg, const struct counter_entry *e)
{
    struct items *items = arg;
    buf_append_str(items->out, items->count++ ? STR(",{\"id\":") : STR("{\"id\":"));
    buf_append_i64(items->out, e->id);
    buf_append_lit(items->out, ",\"operation\":");
    json_append_string(items->out, e->operation);
    buf_append_lit(items->out, ",\"previousValue\":");
    buf_append_i64(items->out, e->previous);
    buf_append_lit(items->out, ",\"newValue\":");
    buf_append_i64(items->out, e->value);
    buf_append_lit(items->out, ",\"timestamp\":");
    counter_append_time(items->out, e->at);
    buf_append_ch(items->out, '}');
}

static enum err append_history(struct req *r, struct buf *out, int64_t id, size_t limit)
{
    struct items items = {.out = out};
    buf_append_ch(out, '[');
    enum err e = counters_history(r->space, id, limit, append_entry, &items);
    buf_append_ch(out, ']');
    return e;
}

static enum err apply(struct req *r, enum counter_op op, struct str name, int64_t number,
                      struct counter *after, struct counter_entry *entry)
{
    struct counter_rules allowed = rules(r);
    enum err e = counter_change(&r->change, &allowed, op, name, number, after, entry);
    if (e == ERR_INVALID)
        return req_fail(r, e, "The value would not fit 64 bits");
    return explain(r, e, name);
}

static enum err change(struct req *r, enum counter_op op, int64_t number)
{
    struct counter after;
    struct counter_entry entry;
    struct str name;
    enum err e = read_name(r, &name);
    if (!e)
        e = apply(r, op, name, number, &after, &entry);
    if (e)
        return e;
    struct buf *out = begin_output(r);
    buf_append_lit(out, "{\"name\":");
    json_append_string(out, name);
    buf_append_lit(out, ",\"value\":");
    buf_append_i64(out, entry.value);
    buf_append_lit(out, ",\"previousValue\":");
    buf_append_i64(out, entry.previous);
    buf_append_lit(out, ",\"metadata\":");
    counter_append_metadata(out, &after);
    buf_append_lit(out, ",\"latestHistory\":");
    e = append_history(r, out, after.id, HISTORY_LATEST);
    buf_append_lit(out, ",\"timestamp\":");
    counter_append_time(out, entry.at);
    buf_append_ch(out, '}');
    return e ? e : end_output(r);
}

static enum err change_by_amount(struct req *r, enum counter_op op)
{
    struct json_value v = json_get(input(r), STR("amount"));
    int64_t amount = 1;
    if (!json_is_absent(v) && (!json_to_i64(v, &amount) || amount < 1))
        return req_fail(r, ERR_INVALID, "amount is a whole number above 0, of at most 64 bits");
    return change(r, op, amount);
}

enum err counters_increment(struct req *r)
{
    return change_by_amount(r, COUNTER_INCREMENT);
}

enum err counters_decrement(struct req *r)
{
    return change_by_amount(r, COUNTER_DECREMENT);
}

enum err counters_set_value(struct req *r)
{
    int64_t value;
    if (!json_to_i64(json_get(input(r), STR("value")), &value))
        return req_fail(r, ERR_INVALID, "value is a whole number of at most 64 bits");
    return change(r, COUNTER_SET_VALUE, value);
}

enum err counters_reset(struct req *r)
{
    return change(r, COUNTER_RESET, 0);
}

static enum err answer_success(struct req *r, struct str name)
{
    struct buf *out = begin_output(r);
    buf_append_lit(out, "{\"success\":true,\"name\":");
    json_append_string(out, name);
    buf_append_ch(out, '}');
    return end_output(r);
}

enum err counters_make(struct req *r)
{
    struct counter_rules allowed = rules(r);
    struct str name;
    enum err e = read_name(r, &name);
    if (!e)
        e = explain(r, counter_create(&r->change, &allowed, name), name);
    return e ? e : answer_success(r, name);
}

enum err counters_remove(struct req *r)
{
    struct str name;
    enum err e = read_name(r, &name);
    if (!e)
        e = explain(r, counter_delete(&r->change, name), name);
    return e ? e : answer_success(r, name);
}

/* --- reads -------------------------------------------------------------------------------------
 */

enum err counters_value(struct req *r)
{
    struct counter c = {.value = 0};
    struct str name;
    enum err e = read_name(r, &name);
    if (!e)
        e = counters_get(r->space, name, r->mem, &c);
    if (e && e != ERR_NOT_FOUND)
        return e;
    struct buf *out = begin_output(r);
    buf_append_lit(out, "{\"name\":");
    json_append_string(out, name);
    buf_append_lit(out, ",\"value\":");
    buf_append_i64(out, c.value);
    buf_append_ch(out, '}');
    return end_output(r);
}

static enum err find(struct req *r, struct counter *c)
{
    struct str name;
    enum err e = read_name(r, &name);
    return e ? e : explain(r, counters_get(r->space, name, r->mem, c), name);
}

enum err counters_metadata(struct req *r)
{
    struct counter c;
    enum err e = find(r, &c);
    if (e)
        return e;
    counter_append_metadata(begin_output(r), &c);
    return end_output(r);
}

enum err counters_recent(struct req *r)
{
    struct json_value v = json_get(input(r), STR("limit"));
    struct counter c;
    int64_t limit = HISTORY_LIMIT_DEFAULT;
    if (!json_is_absent(v) &&
        (!json_to_i64(v, &limit) || limit < 1 || limit > COUNTER_HISTORY_KEPT))
        return req_fail(r, ERR_INVALID, "limit is a whole number from 1 to %d",
                        COUNTER_HISTORY_KEPT);
    enum err e = find(r, &c);
    if (!e)
        e = append_history(r, begin_output(r), c.id, (size_t)limit);
    return e ? e : end_output(r);
}

static void append_counter(void *arg, const struct counter *c)
{
    struct items *items = arg;
    if (items->count++)
        buf_append_ch(items->out, ',');
    counter_append_metadata(items->out, c);
}

enum err counters_all(struct req *r)
{
    struct items items = {.out = begin_output(r)};
    buf_append_lit(items.out, "{\"counters\":[");
    enum err e = counters_list(r->space, append_counter, &items);
    buf_append_lit(items.out, "],\"count\":");
    buf_append_i64(items.out, items.count);
    buf_append_ch(items.out, '}');
    return e ? e : end_output(r);
}

/* --- the page ----------------------------------------------------------------------------------
 */

static void append_button(struct req *r, const char *op, const char *label)
{
    buf_appendf(&r->body_out,
                "<form method=\"post\" action=\"%.*s/api/counter/%s\">"
                "<button type=\"submit\">%s</button></form>\n",
                STR_ARG(r->app->conf->base_path), op, label);
}

enum err counters_page(struct req *r)
{
    struct str base = r->app->conf->base_path;
    struct counter c;
    enum err e = counters_get(r->space, COUNTER_GLOBAL, r->mem, &c);
    if (e)
        return e;
    r->content_type = STR("text/html; charset=utf-8");
    buf_append_lit(&r->head, PAGE_HEAD);
    buf_appendf(
        &r->body_out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Counter · Cubby</title>\n"
        "<link rel=\"icon\" href=\"%.*s/icon.svg\" type=\"image/svg+xml\">\n"
        "<link rel=\"stylesheet\" href=\"%.*s/style.css\">\n"
        "<script type=\"module\" src=\"%.*s/js/live.js\"></script>\n</head>\n"
        "<body data-live-key=\"" COUNTER_KEY "\">\n<main class=\"card counter\">\n"
        "<h1>Counter</h1>\n",
        STR_ARG(base), STR_ARG(base), STR_ARG(base));
    counter_append_html(&r->body_out, &c);
    append_button(r, "decrement", "Take one");
    append_button(r, "increment", "Add one");
    buf_append_lit(&r->body_out, "</main>\n</body>\n</html>\n");
    return OK;
}

static enum err press(struct req *r, enum counter_op op)
{
    struct counter after;
    struct counter_entry entry;
    return apply(r, op, COUNTER_GLOBAL, 1, &after, &entry);
}

enum err counters_button_increment(struct req *r)
{
    return press(r, COUNTER_INCREMENT);
}

enum err counters_button_decrement(struct req *r)
{
    return press(r, COUNTER_DECREMENT);
}
