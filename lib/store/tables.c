/*
 * Tables, indexes and full-text tables of declared collections, made to match the declarations.
 *
 *   c_<name>         the rows (store/field.h); n is the rowid by name: stable, for the full text
 *   i_<name>:<path>  index of a declared field, with the id behind it to break ties in order
 *   s_<name>         full text (store/search.h)
 *   meta 'rows'      rows and keys of the space while quota_rows is set, kept by triggers count:*
 */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "store/field.h"
#include "store/handle.h"
#include "store/search.h"
#include "store/tables.h"

#define FORMAT "1" /* of what this file makes: raise it to have every file brought up to date */

static void hash_of(struct str text, char out[TABLES_HASH_LEN + 1])
{
    unsigned char hash[SHA256_LEN];
    sha256(text, hash);
    hex_encode(hash, TABLES_HASH_LEN / 2, out);
}

void tables_hash(const struct store_options *o, enum space_kind kind, char *out)
{
    struct buf text = BUF_INIT;
    buf_append_lit(&text, FORMAT);
    buf_append_ch(&text, o->quota_rows ? '#' : '-');
    for (size_t i = 0; i < o->table_count; i++) {
        const struct rows_table *t = &o->tables[i];
        if (t->scope != kind)
            continue;
        buf_appendf(&text, "\n%.*s:", STR_ARG(t->name));
        for (size_t k = 0; k < t->index_count; k++)
            buf_appendf(&text, " %.*s", STR_ARG(t->indexes[k]));
        for (size_t k = 0; k < t->search_count; k++)
            buf_appendf(&text, " ?%.*s", STR_ARG(t->search[k]));
    }
    hash_of(buf_str(&text), out);
    buf_release(&text);
}

/* Run the text (its statements, if any) and empty it. */
static enum err exec(struct space *sp, struct buf *sql)
{
    enum err e = sql->n ? db_exec(sp->db, sql->p) : OK;
    buf_reset(sql);
    return e;
}

/* --- rows and their indexes ------------------------------------------------------------------- */

static bool is_declared_index(const struct rows_table *t, struct str index)
{
    struct str path = str_from(index, sizeof "i_" - 1 + t->name.n + 1);
    for (size_t i = 0; i < t->index_count; i++)
        if (str_eq(path, t->indexes[i]))
            return true;
    return false;
}

/* Drop each of the table's indexes that is no longer declared. */
static enum err drop_stale_indexes(struct space *sp, const struct rows_table *t, struct buf *sql)
{
    static const struct str list =
        SQL("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'c_' || ?1"
            " AND name GLOB 'i_*'");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, list, VALUES(v_str(t->name)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row)
        if (!is_declared_index(t, stmt_str(s, 0)))
            buf_appendf(sql, "DROP INDEX \"%.*s\";", STR_ARG(stmt_str(s, 0)));
    return e ? e : exec(sp, sql);
}

static enum err sync_rows(struct space *sp, const struct rows_table *t, struct buf *sql)
{
    buf_appendf(sql,
                "CREATE TABLE IF NOT EXISTS c_%.*s(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
                " data TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
                " version INTEGER NOT NULL);",
                STR_ARG(t->name));
    for (size_t i = 0; i < t->index_count; i++) {
        struct field f;
        bool good = field_parse(&f, t->indexes[i]);
        assert(good);
        if (f.kind == FIELD_ID || f.kind == FIELD_USER_ID)
            continue; /* has one already, and has one value in a file */
        buf_appendf(sql, "CREATE INDEX IF NOT EXISTS \"i_%.*s:%.*s\" ON c_%.*s(", STR_ARG(t->name),
                    STR_ARG(t->indexes[i]), STR_ARG(t->name));
        field_append_sql(sql, &f, "");
        buf_append_lit(sql, ", id);");
    }
    enum err e = exec(sp, sql);
    return e ? e : drop_stale_indexes(sp, t, sql);
}

/* --- full text -------------------------------------------------------------------------------- */

/* Is it this text, by its hash, that made the table's full text last? */
static enum err search_matches(struct space *sp, struct str name, const char *hash, bool *match)
{
    static const struct str sql =
        SQL("SELECT 1 FROM meta WHERE name = 'search:' || ?1 AND value = ?2");
    return db_has(sp->db, sql, VALUES(v_str(name), v_str(str_make(hash, TABLES_HASH_LEN))), match);
}

static enum err sync_search(struct space *sp, const struct rows_table *t, struct buf *sql)
{
    char hash[TABLES_HASH_LEN + 1];
    struct buf create = BUF_INIT;
    bool match;
    if (t->search_count)
        search_append_create(&create, t);
    hash_of(buf_str(&create), hash);
    enum err e = search_matches(sp, t->name, hash, &match);
    if (e || match)
        goto out;
    search_append_drop(sql, t->name);
    buf_append_str(sql, buf_str(&create));
    buf_appendf(sql, "REPLACE INTO meta VALUES('search:%.*s', '%s');", STR_ARG(t->name), hash);
    e = exec(sp, sql);
out:
    buf_release(&create);
    return e;
}

/* --- quota_rows ------------------------------------------------------------------------------- */

static void count_table(struct buf *sql, const char *prefix, struct str name)
{
    static const struct {
        const char *event, *step;
    } triggers[] = {{"insert", "+ 1"}, {"delete", "- 1"}};
    for (size_t i = 0; i < ARRAY_LEN(triggers); i++)
        buf_appendf(sql,
                    "CREATE TRIGGER IF NOT EXISTS \"count:%s%.*s:%s\" AFTER %s ON %s%.*s BEGIN"
                    " UPDATE meta SET value = value %s WHERE name = 'rows'; END;",
                    prefix, STR_ARG(name), triggers[i].event, triggers[i].event, prefix,
                    STR_ARG(name), triggers[i].step);
    buf_appendf(sql,
                "UPDATE meta SET value = value + (SELECT count(*) FROM %s%.*s)"
                " WHERE name = 'rows';",
                prefix, STR_ARG(name));
}

static enum err drop_counting(struct space *sp, struct buf *sql)
{
    static const struct str list =
        SQL("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'count:*'");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, list, NO_VALUES, &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row)
        buf_appendf(sql, "DROP TRIGGER \"%.*s\";", STR_ARG(stmt_str(s, 0)));
    buf_append_lit(sql, "DELETE FROM meta WHERE name = 'rows';");
    return e ? e : exec(sp, sql);
}

static enum err sync_counting(struct space *sp, struct buf *sql)
{
    const struct store_options *o = store_options(sp->store);
    enum err e = drop_counting(sp, sql);
    if (e || !o->quota_rows || (sp->kind != SPACE_USER && sp->kind != SPACE_ORG))
        return e;
    buf_append_lit(sql, "INSERT INTO meta VALUES('rows', 0);");
    count_table(sql, "", STR("kv"));
    for (size_t i = 0; i < o->table_count; i++)
        if (o->tables[i].scope == sp->kind)
            count_table(sql, "c_", o->tables[i].name);
    return exec(sp, sql);
}

enum err tables_count(struct space *sp, int64_t *count)
{
    static const struct str sql = SQL("SELECT value FROM meta WHERE name = 'rows'");
    struct stmt *s;
    bool row;
    *count = -1;
    if (!store_options(sp->store)->quota_rows)
        return OK;
    enum err e = db_stmt(sp->db, sql, &s);
    if (!e)
        e = stmt_step(s, &row);
    if (e)
        return e;
    if (row)
        *count = stmt_i64(s, 0);
    stmt_reset(s);
    return OK;
}

enum err tables_room(struct space *sp)
{
    int64_t quota = store_options(sp->store)->quota_rows, count;
    assert(sp->writing);
    enum err e = tables_count(sp, &count);
    return e ? e : quota && count >= quota ? ERR_QUOTA : OK;
}

/* --- all -------------------------------------------------------------------------------------- */

enum err tables_match(struct space *sp, bool *match)
{
    static const struct str sql = SQL("SELECT 1 FROM meta WHERE name = 'tables' AND value = ?1");
    return db_has(sp->db, sql,
                  VALUES(v_str(str_make(sp->store->tables_hash[sp->kind], TABLES_HASH_LEN))),
                  match);
}

static enum err keep_hash(struct space *sp)
{
    static const struct str sql = SQL("REPLACE INTO meta VALUES('tables', ?1)");
    return db_run(sp->db, sql,
                  VALUES(v_str(str_make(sp->store->tables_hash[sp->kind], TABLES_HASH_LEN))));
}

enum err tables_sync(struct space *sp)
{
    const struct store_options *o = store_options(sp->store);
    struct buf sql = BUF_INIT;
    bool match;
    assert(sp->writing);
    enum err e = tables_match(sp, &match);
    if (e || match)
        return e;
    for (size_t i = 0; !e && i < o->table_count; i++) {
        if (o->tables[i].scope != sp->kind)
            continue;
        e = sync_rows(sp, &o->tables[i], &sql);
        if (!e)
            e = sync_search(sp, &o->tables[i], &sql);
    }
    if (!e)
        e = sync_counting(sp, &sql);
    if (!e)
        e = keep_hash(sp);
    buf_release(&sql);
    return e;
}
