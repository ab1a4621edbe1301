/* The key-value store of a user (docs/protocol.md section 3): /data and /api/data. */
#include "base/base.h"

#include "base/utf8.h"
#include "res/res.h"
#include "store/kv.h"
#include "store/query.h"

static enum err check_key(struct req *r, struct str key)
{
    if (key.n == 0 || key.n > KV_KEY_MAX)
        return req_fail(r, ERR_INVALID, "A key has 1 to %d bytes", KV_KEY_MAX);
    if (kv_key_is_reserved(key))
        return req_fail(r, ERR_INVALID, "Keys that begin with __ are reserved");
    return OK;
}

static enum err read_one(struct req *r, struct str key)
{
    struct str value = STR("null");
    enum err e = check_key(r, key);
    if (!e)
        e = kv_get(r->space, key, r->mem, &value);
    if (e && e != ERR_NOT_FOUND)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":");
    buf_append_str(&r->body_out, value);
    buf_append_ch(&r->body_out, '}');
    return OK;
}

/* A page of pairs being written. */
struct page {
    struct buf *out;
    struct buf last; /* the key written last */
    size_t count;
};

static bool append_pair(void *arg, struct str key, struct str value)
{
    struct page *p = arg;
    if (p->count++ > 0)
        buf_append_ch(p->out, ',');
    json_append_string(p->out, key);
    buf_append_ch(p->out, ':');
    buf_append_str(p->out, value);
    buf_reset(&p->last);
    buf_append_str(&p->last, key);
    return p->out->n < QUERY_PAGE_BYTES;
}

static enum err read_limit(struct req *r, size_t *limit)
{
    struct str text = form_get(&r->params, STR("limit"));
    int64_t n = QUERY_LIMIT_DEFAULT;
    if (text.p && (!str_to_capped(text, QUERY_LIMIT_MAX, &n) || n < 1))
        return req_fail(r, ERR_INVALID_QUERY, "limit is a whole number from 1");
    *limit = (size_t)n;
    return OK;
}

static enum err read_many(struct req *r, struct str prefix)
{
    struct page page = {.out = &r->body_out};
    size_t limit = 0;
    bool more;
    if (prefix.n > KV_KEY_MAX || kv_key_is_reserved(prefix))
        return req_fail(r, ERR_INVALID, "Keys that begin with __ are reserved");
    enum err e = read_limit(r, &limit);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":{");
    e = kv_list(r->space, prefix, form_get(&r->params, STR("after")), limit, &more, append_pair,
                &page);
    buf_append_ch(&r->body_out, '}');
    if (!e && more) {
        buf_append_lit(&r->body_out, ",\"next\":");
        json_append_string(&r->body_out, buf_str(&page.last));
    }
    buf_append_ch(&r->body_out, '}');
    buf_release(&page.last);
    return e;
}

enum err data_read(struct req *r)
{
    struct str key = form_get(&r->params, STR("key"));
    struct str prefix = form_get(&r->params, STR("prefix"));
    if (!key.p && prefix.p)
        return read_many(r, prefix);
    return read_one(r, key.p ? key : STR("data"));
}

enum err data_write(struct req *r)
{
    struct str key;
    struct json_value value = json_get(req_json(r), STR("value"));
    if (!req_json_string(r, STR("key"), &key))
        return req_fail(r, ERR_INVALID, "key is missing or no string");
    if (str_find(key, '\0') < key.n)
        return req_fail(r, ERR_INVALID, "A key cannot hold the character U+0000");
    enum err e = check_key(r, key);
    if (e)
        return e;
    if (json_is_absent(value))
        return req_fail(r, ERR_INVALID, "value is missing");
    struct str text = json_raw(value);
    if (text.n > KV_VALUE_MAX)
        return req_fail(r, ERR_TOO_LARGE, "A value has at most 128 KiB");
    e = change_kv_set(&r->change, key, text);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":{\"key\":");
    json_append_string(&r->body_out, key);
    buf_append_lit(&r->body_out, ",\"value\":");
    buf_append_str(&r->body_out, text);
    buf_append_lit(&r->body_out, "}}");
    return OK;
}

enum err data_remove(struct req *r)
{
    struct str key = form_get(&r->params, STR("key"));
    if (!key.p)
        return req_fail(r, ERR_INVALID, "Say which key: DELETE /data?key=…");
    enum err e = check_key(r, key);
    if (!e)
        e = change_kv_delete(&r->change, key);
    if (!e)
        req_ok(r);
    return e;
}
