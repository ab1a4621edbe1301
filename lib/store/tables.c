/*
 * Tables, indexes and full-text tables of declared collections, made to match the declarations.
 *
 *   c_<name>             the rows. n is the rowid by name: stable, for the full-text table
 *   i_<name>:<path>      index of a declared field, with the id behind it to break ties in order
 *   f_<name>             full text without content of its own, kept by the triggers f_<name>:*
 *   meta 'rows'          rows and keys of the space while quota_rows is set, by triggers count:*
 */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "store/handle.h"
#include "store/tables.h"

#define FORMAT "1" /* of what this file makes: raise it to have every file brought up to date */

void tables_hash(const struct store_options *o, enum space_kind kind, char *out)
{
    unsigned char hash[SHA256_LEN];
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
    sha256(buf_str(&text), hash);
    hex_encode(hash, TABLES_HASH_LEN / 2, out);
    buf_release(&text);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_word(struct str s, bool dots)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool word = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    (ch >= '0' && ch <= '9') || ch == '_';
        if (!word && !(dots && ch == '.'))
            return false;
    }
    return s.n > 0;
}

static void field_of(struct buf *out, const char *row, struct str path)
{
    static const struct {
        struct str path;
        const char *column;
    } columns[] = {{SQL("id"), "id"},
                   {SQL("createdAt"), "created_at"},
                   {SQL("updatedAt"), "updated_at"},
                   {SQL("version"), "version"}};
    struct str rest = path, name;
    assert(is_word(path, true));
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (str_eq(path, columns[i].path)) {
            buf_appendf(out, "%s%s", row, columns[i].column);
            return;
        }
    buf_appendf(out, "json_extract(%sdata,'$", row);
    while (str_next(&rest, '.', &name))
        buf_appendf(out, ".\"%.*s\"", STR_ARG(name));
    buf_append_lit(out, "')");
}

void tables_field(struct buf *out, struct str path)
{
    field_of(out, "", path);
}

/* --- one collection --------------------------------------------------------------------------- */

static enum err exec(struct space *sp, struct buf *sql)
{
    enum err e = db_exec(sp->db, sql->p);
    buf_reset(sql);
    return e;
}

static bool is_declared_index(const struct rows_table *t, struct str index)
{
    size_t prefix = sizeof "i_" - 1 + t->name.n + 1;
    for (size_t i = 0; i < t->index_count; i++)
        if (str_eq(str_from(index, prefix), t->indexes[i]))
            return true;
    return false;
}

/* Append DROP INDEX for each of the table's indexes that is no longer declared. */
static enum err drop_stale_indexes(struct space *sp, const struct rows_table *t, struct buf *sql)
{
    static const struct str list =
        SQL("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'c_' || ?1"
            " AND name GLOB 'i_*'");
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, list, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, t->name);
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
        buf_appendf(sql, "CREATE INDEX IF NOT EXISTS \"i_%.*s:%.*s\" ON c_%.*s(", STR_ARG(t->name),
                    STR_ARG(t->indexes[i]), STR_ARG(t->name));
        tables_field(sql, t->indexes[i]);
        buf_append_lit(sql, ", id);");
    }
    enum err e = exec(sp, sql);
    return e ? e : drop_stale_indexes(sp, t, sql);
}

/* " expression, expression" of the searched fields of a row ("new.", "old." or "" for plain). */
static void search_fields(struct buf *sql, const struct rows_table *t, const char *row)
{
    for (size_t i = 0; i < t->search_count; i++) {
        buf_append_lit(sql, ", ");
        field_of(sql, row, t->search[i]);
    }
}

static void search_columns(struct buf *sql, const struct rows_table *t)
{
    for (size_t i = 0; i < t->search_count; i++)
        buf_appendf(sql, "%s\"s:%.*s\"", i ? ", " : "", STR_ARG(t->search[i]));
}

static void search_add(struct buf *sql, const struct rows_table *t)
{
    buf_appendf(sql, " INSERT INTO f_%.*s(rowid, ", STR_ARG(t->name));
    search_columns(sql, t);
    buf_append_lit(sql, ") SELECT new.n");
    search_fields(sql, t, "new.");
    buf_append_ch(sql, ';');
}

/* A table without content must be told what it indexed to forget it. */
static void search_forget(struct buf *sql, const struct rows_table *t)
{
    buf_appendf(sql, " INSERT INTO f_%.*s(f_%.*s, rowid, ", STR_ARG(t->name), STR_ARG(t->name));
    search_columns(sql, t);
    buf_append_lit(sql, ") SELECT 'delete', old.n");
    search_fields(sql, t, "old.");
    buf_append_ch(sql, ';');
}

static void search_triggers(struct buf *sql, const struct rows_table *t)
{
    buf_appendf(sql, "CREATE TRIGGER \"f_%.*s:insert\" AFTER INSERT ON c_%.*s BEGIN",
                STR_ARG(t->name), STR_ARG(t->name));
    search_add(sql, t);
    buf_appendf(sql, " END; CREATE TRIGGER \"f_%.*s:delete\" AFTER DELETE ON c_%.*s BEGIN",
                STR_ARG(t->name), STR_ARG(t->name));
    search_forget(sql, t);
    buf_appendf(sql, " END; CREATE TRIGGER \"f_%.*s:update\" AFTER UPDATE OF data ON c_%.*s BEGIN",
                STR_ARG(t->name), STR_ARG(t->name));
    search_forget(sql, t);
    search_add(sql, t);
    buf_append_lit(sql, " END;");
}

/* The statement that made the full-text table, empty when there is none. */
static enum err search_made_by(struct space *sp, const struct rows_table *t, struct buf *out)
{
    static const struct str find =
        SQL("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'f_' || ?1");
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, find, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, t->name);
    e = stmt_step(s, &row);
    if (!e && row)
        buf_append_str(out, stmt_str(s, 0));
    stmt_reset(s);
    return e;
}

static void search_drop(struct buf *sql, const struct rows_table *t)
{
    static const char *const events[] = {"insert", "delete", "update"};
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        buf_appendf(sql, "DROP TRIGGER IF EXISTS \"f_%.*s:%s\";", STR_ARG(t->name), events[i]);
    buf_appendf(sql, "DROP TABLE IF EXISTS f_%.*s;", STR_ARG(t->name));
}

static void search_fill(struct buf *sql, const struct rows_table *t)
{
    buf_appendf(sql, ";INSERT INTO f_%.*s(rowid, ", STR_ARG(t->name));
    search_columns(sql, t);
    buf_append_lit(sql, ") SELECT n");
    search_fields(sql, t, "");
    buf_appendf(sql, " FROM c_%.*s;", STR_ARG(t->name));
}

static enum err sync_search(struct space *sp, const struct rows_table *t, struct buf *sql)
{
    struct buf made = BUF_INIT, wanted = BUF_INIT;
    if (t->search_count) {
        buf_appendf(&wanted, "CREATE VIRTUAL TABLE f_%.*s USING fts5(", STR_ARG(t->name));
        search_columns(&wanted, t);
        buf_append_lit(&wanted, ", content='')");
    }
    enum err e = search_made_by(sp, t, &made);
    if (e || str_eq(buf_str(&made), buf_str(&wanted)))
        goto out;
    search_drop(sql, t);
    if (t->search_count) {
        buf_append_str(sql, buf_str(&wanted));
        search_fill(sql, t);
        search_triggers(sql, t);
    }
    e = exec(sp, sql);
out:
    buf_release(&wanted);
    buf_release(&made);
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
    enum err e = db_stmt(sp->db, list, &s);
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

enum err tables_room(struct space *sp)
{
    static const struct str sql = SQL("SELECT value FROM meta WHERE name = 'rows'");
    int64_t quota = store_options(sp->store)->quota_rows;
    struct stmt *s;
    bool row;
    assert(sp->writing);
    if (!quota)
        return OK;
    enum err e = db_stmt(sp->db, sql, &s);
    if (!e)
        e = stmt_step(s, &row);
    if (e)
        return e;
    if (row && stmt_i64(s, 0) >= quota)
        e = ERR_QUOTA;
    stmt_reset(s);
    return e;
}

/* --- all -------------------------------------------------------------------------------------- */

enum err tables_match(struct space *sp, bool *match)
{
    static const struct str sql = SQL("SELECT 1 FROM meta WHERE name = 'tables' AND value = ?1");
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, str_make(sp->store->tables_hash[sp->kind], TABLES_HASH_LEN));
    e = stmt_step(s, match);
    stmt_reset(s);
    return e;
}

static enum err keep_hash(struct space *sp)
{
    static const struct str sql = SQL("REPLACE INTO meta VALUES('tables', ?1)");
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, str_make(sp->store->tables_hash[sp->kind], TABLES_HASH_LEN));
    return stmt_run(s);
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
        assert(is_word(o->tables[i].name, false));
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
