/* Any query string is either refused with a sentence or becomes statements that SQLite runs. */
#include "base/base.h"

#include "store/query.h"
#include "store/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str search[] = {{"s", 1}};
static struct rows_table table = {
    .name = {"t", 1}, .scope = SPACE_USER, .search = search, .search_count = 1};

/* One table in memory with a few rows, made once. */
static struct db *database(void)
{
    static struct db *db;
    struct buf sql = BUF_INIT;
    if (db)
        return db;
    enum err e = db_open(&db, ":memory:", &(struct db_options){.create = false});
    buf_append_lit(
        &sql,
        "CREATE TABLE c_t(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL,"
        " created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL);");
    search_append_create(&sql, &table);
    for (int i = 0; i < 3; i++)
        buf_appendf(&sql,
                    "INSERT INTO c_t VALUES(%d,'01890000-0000-7000-8000-00000000000%d',"
                    "'{\"a\":{\"b\":%d},\"s\":\"x y\",\"l\":[1,\"2\",null,true]}',%d,%d,1);",
                    i, i, i, i, i);
    if (!e)
        e = db_exec(db, sql.p);
    assert(!e);
    buf_release(&sql);
    return db;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct space sp = {.kind = SPACE_USER, .id = "0123", .db = database()};
    struct str message = STR_NULL, text = str_make((const char *)data, size);
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    struct query_result result;
    struct query *q;
    struct form params;
    int64_t count;
    if (form_parse(&params, text, &mem))
        goto out;
    if (query_parse(&q, &params, &table, &mem, &message)) {
        assert(message.n > 0);
        goto out;
    }
    assert(query_list(&sp, q, STR("0123"), &out, &mem, &result) == OK);
    assert(query_count(&sp, q, &count) == OK && (int64_t)result.rows <= count);
out:
    buf_release(&out);
    arena_release(&mem);
    return 0;
}
