/* One row or pair of a file, checked as if a client had sent it. */
#include "base/base.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "import.h"
#include "store/kv.h"

void import_add_problem(struct problems *problems, const char *path, const char *message)
{
    if (problems->count < PROBLEMS_MAX)
        problems->list[problems->count++] = (struct problem){str_from_c(path), str_from_c(message)};
}

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.p[i];
        if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return s.n == UUID_LEN;
}

/* A UUID of version 8 (RFC 9562 5.8). */
static struct str make_id(const struct incoming *item, struct arena *mem)
{
    unsigned char hash[SHA256_LEN];
    char hex[2 * 16 + 1];
    sha256(arena_printf(mem, "%.*s %lld %.*s", STR_ARG(item->collection->name),
                        (long long)item->number, STR_ARG(item->text)),
           hash);
    hash[6] = (unsigned char)(0x80 | (hash[6] & 0x0f));
    hash[8] = (unsigned char)(0x80 | (hash[8] & 0x3f));
    hex_encode(hash, 16, hex);
    return arena_printf(mem, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}

static void read_id(const struct incoming *item, struct json_value v, struct arena *mem,
                    struct problems *problems, struct row *row)
{
    row->id = json_is(v, JSON_STRING) ? json_string(v, mem) : STR_NULL;
    if (json_is_absent(v))
        row->id = make_id(item, mem);
    else if (!is_id(row->id))
        import_add_problem(problems, "id", "must be a UUID in lower case, or not be there");
}

static void read_time(struct json_value v, const char *name, struct arena *mem,
                      struct problems *problems, int64_t *ms)
{
    *ms = 0;
    if (json_is_absent(v))
        return;
    if (!json_is(v, JSON_STRING) || !clock_from_iso(json_string(v, mem), ms) || *ms <= 0)
        import_add_problem(problems, name, "must be a time like 2026-01-31T23:59:59.000Z");
}

static enum err read_row(const struct incoming *item, struct json_value whole, struct arena *mem,
                         struct problems *problems, struct row *row)
{
    struct json_value version = json_get(whole, STR("version"));
    enum err e = collection_validate(item->collection, whole, problems, mem, &row->data);
    if (e == ERR_TOO_LARGE)
        import_add_problem(problems, "$", "must be shorter than 4 MiB");
    if (!json_is(whole, JSON_OBJECT))
        return ERR_VALIDATION;
    read_id(item, json_get(whole, STR("id")), mem, problems, row);
    read_time(json_get(whole, STR("createdAt")), "createdAt", mem, problems, &row->created_at);
    read_time(json_get(whole, STR("updatedAt")), "updatedAt", mem, problems, &row->updated_at);
    if (!json_is_absent(version) && (!json_to_i64(version, &row->version) || row->version < 1))
        import_add_problem(problems, "version", "must be a whole number from 1");
    return e == ERR_TOO_LARGE || problems->count ? ERR_VALIDATION : e;
}

static enum err read_pair(const struct incoming *item, struct problems *problems, struct row *row)
{
    row->id = item->key;
    row->data = item->text;
    if (!item->key.n || item->key.n > KV_KEY_MAX)
        import_add_problem(problems, "key", "must have 1 to 512 bytes");
    else if (kv_key_is_reserved(item->key))
        import_add_problem(problems, "key", "must not begin with __, which is reserved");
    if (item->text.n > KV_VALUE_MAX)
        import_add_problem(problems, "value", "must be shorter than 128 KiB");
    return problems->count ? ERR_VALIDATION : OK;
}

enum err import_read_item(const struct incoming *item, struct arena *mem, struct problems *problems,
                          struct row *row)
{
    struct json doc;
    *problems = (struct problems){.mem = mem};
    *row = (struct row){.version = 0};
    if (json_parse(&doc, item->text, item->collection ? JSON_STRICT : JSON_WITH_NUL, mem) != OK) {
        import_add_problem(problems, item->collection ? "$" : "value",
                           arena_printf(mem, "must be JSON: %s", doc.error).p);
        return ERR_VALIDATION;
    }
    return item->collection ? read_row(item, json_root(&doc), mem, problems, row)
                            : read_pair(item, problems, row);
}
