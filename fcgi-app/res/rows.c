/* Rows of collections (docs/protocol.md section 4). */
#include "base/base.h"

#include "res/res.h"
#include "store/query.h"

#define CLEAR_MAX 1000

/* Where rows.c finds the parts of its paths: /api/{c}/{id}. */
enum { ARG_COLLECTION, ARG_ID };

/* The collection of the path, if it is one of the space that was opened. */
static enum err find(struct req *r, const struct collection **out)
{
    struct str name = r->args[ARG_COLLECTION];
    *out = collections_find(r->app->collections, name);
    if (!*out)
        return req_fail(r, ERR_NOT_FOUND, "There is no such collection");
    if ((*out)->table.scope != r->space->kind)
        return req_fail(r, ERR_NOT_FOUND, "This collection belongs to %s",
                        (*out)->table.scope == SPACE_ORG ? "organizations: add ?org=<id>"
                                                         : "users: leave ?org= out");
    return OK;
}

static struct str owner(const struct req *r)
{
    return str_from_c(r->space->id);
}

static void answer_row(struct req *r, const struct row *row)
{
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":");
    row_append(&r->body_out, row, owner(r));
    buf_append_ch(&r->body_out, '}');
}

static struct str etag(struct req *r, const struct row *row)
{
    return arena_printf(r->mem, "\"%lld\"", (long long)row->version);
}

/* 412 with the row as it is. */
static enum err refuse_stale(struct req *r, const struct row *current)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "\"data\":");
    row_append(&b, current, owner(r));
    r->error_members = arena_dup(r->mem, buf_str(&b));
    buf_release(&b);
    return ERR_PRECONDITION;
}

/* Does If-Match (RFC 9110 13.1.1) name this tag? Strong comparison: W/"3" names none. */
static bool if_match_names(struct str value, struct str tag)
{
    struct str item;
    while (str_next(&value, ',', &item)) {
        item = str_trim(item);
        if (str_eq(item, STR("*")) || str_eq(item, tag))
            return true;
    }
    return false;
}

static enum err check_if_match(struct req *r, const struct collection *c)
{
    struct row row;
    if (!r->headers.if_match.p)
        return OK;
    enum err e = rows_get(r->space, &c->table, r->args[ARG_ID], r->mem, &row);
    if (!e && !if_match_names(r->headers.if_match, etag(r, &row)))
        e = refuse_stale(r, &row);
    return e;
}

enum err rows_make(struct req *r, struct json_value body, struct row *row)
{
    const struct collection *c;
    struct str data;
    enum err e = find(r, &c);
    if (!e)
        e = collection_validate(c, body, &r->problems, r->mem, &data);
    return e ? e : change_row_create(&r->change, c, data, row);
}

enum err rows_post(struct req *r)
{
    struct row row;
    enum err e = rows_make(r, req_json(r), &row);
    if (!e)
        answer_row(r, &row);
    return e;
}

enum err rows_find(struct req *r, struct row *row)
{
    const struct collection *c;
    enum err e = find(r, &c);
    return e ? e : rows_get(r->space, &c->table, r->args[ARG_ID], r->mem, row);
}

enum err rows_show(struct req *r)
{
    struct row row;
    enum err e = rows_find(r, &row);
    if (e)
        return e;
    req_header(r, STR("ETag"), etag(r, &row));
    answer_row(r, &row);
    return OK;
}

enum err rows_change(struct req *r, struct json_value patch, enum change_merge how, struct row *row)
{
    const struct collection *c;
    enum err e = find(r, &c);
    if (!e)
        e = check_if_match(r, c);
    if (!e)
        e = change_row_update(&r->change, c, r->args[ARG_ID], patch, how, 0, &r->problems, row);
    if (!e)
        req_header(r, STR("ETag"), etag(r, row));
    return e;
}

static enum err update(struct req *r, struct json_value patch, enum change_merge how)
{
    struct row row;
    enum err e = rows_change(r, patch, how, &row);
    if (!e)
        answer_row(r, &row);
    return e;
}

enum err rows_put(struct req *r)
{
    return update(r, req_json(r), MERGE_MEMBERS);
}

enum err rows_patch(struct req *r)
{
    return update(r, req_json(r), MERGE_PATCH);
}

enum err rows_drop(struct req *r)
{
    const struct collection *c;
    enum err e = find(r, &c);
    if (!e)
        e = check_if_match(r, c);
    return e ? e : change_row_delete(&r->change, c, r->args[ARG_ID]);
}

enum err rows_remove(struct req *r)
{
    enum err e = rows_drop(r);
    if (!e)
        req_ok(r);
    return e;
}

/* Clearing takes all there is: who names some of the rows must not lose the others. */
static enum err refuse_conditions(struct req *r)
{
    static const struct str names[] = {{"where", 5}, {"q", 1},      {"order", 5},
                                       {"limit", 5}, {"offset", 6}, {"cursor", 6}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (form_count(&r->params, names[i]) > 0)
            return req_fail(r, ERR_INVALID_QUERY, "Clearing a collection takes no %.*s",
                            STR_ARG(names[i]));
    return OK;
}

enum err rows_clear(struct req *r)
{
    const struct collection *c;
    size_t deleted;
    bool more;
    enum err e = find(r, &c);
    if (!e)
        e = refuse_conditions(r);
    if (!e)
        e = change_rows_clear(&r->change, c, CLEAR_MAX, &deleted, &more);
    if (!e)
        buf_appendf(&r->body_out, "{\"ok\":true,\"deleted\":%zu,\"more\":%s}", deleted,
                    more ? "true" : "false");
    return e;
}

/* The collection and the query, checked. */
static enum err read_query(struct req *r, struct query **q)
{
    const struct collection *c;
    enum err e = find(r, &c);
    return e ? e : query_parse(q, &r->params, &c->table, r->mem, &r->message);
}

enum err rows_list_as(struct req *r, const char *member)
{
    struct query *q;
    struct query_result result;
    struct buf *out = &r->body_out;
    enum err e = read_query(r, &q);
    if (e)
        return e;
    buf_appendf(out, "{\"ok\":true,\"%s\":[", member);
    e = query_list(r->space, q, owner(r), out, r->mem, &result);
    if (e)
        return e;
    buf_append_ch(out, ']');
    if (result.has_total) {
        buf_append_lit(out, ",\"total\":");
        buf_append_i64(out, result.total);
    }
    if (result.next.p) {
        buf_append_lit(out, ",\"next\":");
        json_append_string(out, result.next);
    }
    buf_append_ch(out, '}');
    return OK;
}

enum err rows_list(struct req *r)
{
    return rows_list_as(r, "data");
}

enum err rows_total(struct req *r)
{
    struct query *q;
    int64_t count;
    enum err e = read_query(r, &q);
    if (!e)
        e = query_count(r->space, q, &count);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"count\":");
    buf_append_i64(&r->body_out, count);
    buf_append_ch(&r->body_out, '}');
    return OK;
}

enum err notifications_mark_read(struct req *r)
{
    struct json patch;
    enum err e = json_parse(&patch, STR("{\"read\":true}"), JSON_STRICT, r->mem);
    assert(!e);
    r->args[ARG_ID] = r->args[0];
    r->args[ARG_COLLECTION] = STR("notifications");
    return update(r, json_root(&patch), MERGE_MEMBERS);
}
