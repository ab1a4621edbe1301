/* Full text: the FTS5 tables of collections, and the client's words as an FTS5 expression. */
#include "base/base.h"

#include "store/field.h"
#include "store/search.h"

/* "f0,f1": columns are numbered, their order is the declaration's. */
static void append_columns(struct buf *out, const struct rows_table *t)
{
    for (size_t i = 0; i < t->search_count; i++)
        buf_appendf(out, ",f%zu", i);
}

static void append_values(struct buf *out, const struct rows_table *t, const char *table)
{
    for (size_t i = 0; i < t->search_count; i++) {
        struct field f;
        bool good = field_parse(&f, t->search[i]);
        assert(good && f.kind == FIELD_DATA);
        buf_append_ch(out, ',');
        field_append_sql(out, &f, table);
    }
}

/* INSERT the words of new.*, or (FTS5's way to delete without content) take out those of old.*. */
static void append_change(struct buf *out, const struct rows_table *t, bool insert)
{
    const char *row = insert ? "new." : "old.";
    buf_appendf(out, "INSERT INTO s_%.*s(", STR_ARG(t->name));
    if (!insert)
        buf_appendf(out, "s_%.*s,", STR_ARG(t->name));
    buf_append_lit(out, "rowid");
    append_columns(out, t);
    buf_appendf(out, ")VALUES(%s%sn", insert ? "" : "'delete',", row);
    append_values(out, t, row);
    buf_append_lit(out, ");");
}

static void append_trigger(struct buf *out, const struct rows_table *t, const char *suffix,
                           const char *when)
{
    buf_appendf(out, "CREATE TRIGGER s_%.*s_%s AFTER %s ON c_%.*s BEGIN ", STR_ARG(t->name), suffix,
                when, STR_ARG(t->name));
}

void search_append_create(struct buf *out, const struct rows_table *t)
{
    assert(t->search_count > 0);
    buf_appendf(out, "CREATE VIRTUAL TABLE s_%.*s USING fts5(content=''", STR_ARG(t->name));
    append_columns(out, t);
    buf_append_lit(out, ",tokenize='unicode61 remove_diacritics 2');");
    buf_appendf(out, "INSERT INTO s_%.*s(rowid", STR_ARG(t->name));
    append_columns(out, t);
    buf_append_lit(out, ")SELECT n");
    append_values(out, t, "");
    buf_appendf(out, " FROM c_%.*s;", STR_ARG(t->name));
    append_trigger(out, t, "insert", "INSERT");
    append_change(out, t, true);
    buf_append_lit(out, "END;");
    append_trigger(out, t, "delete", "DELETE");
    append_change(out, t, false);
    buf_append_lit(out, "END;");
    append_trigger(out, t, "update", "UPDATE OF data");
    append_change(out, t, false);
    append_change(out, t, true);
    buf_append_lit(out, "END;");
}

void search_append_drop(struct buf *out, struct str table_name)
{
    static const char *const suffix[] = {"insert", "delete", "update"};
    for (size_t i = 0; i < ARRAY_LEN(suffix); i++)
        buf_appendf(out, "DROP TRIGGER IF EXISTS s_%.*s_%s;", STR_ARG(table_name), suffix[i]);
    buf_appendf(out, "DROP TABLE IF EXISTS s_%.*s;", STR_ARG(table_name));
}

void search_append_condition(struct buf *out, const struct rows_table *t, size_t number)
{
    buf_appendf(out, "c.n IN(SELECT rowid FROM s_%.*s WHERE s_%.*s MATCH ?%zu)", STR_ARG(t->name),
                STR_ARG(t->name), number);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r'); /* as str_trim() has it */
}

/* The next word or "quoted words" of *rest, without quotes; false at the end. */
static bool next_term(struct str *rest, struct str *term, bool *prefix)
{
    *rest = str_trim(*rest);
    if (rest->n == 0)
        return false;
    bool quoted = rest->p[0] == '"';
    if (quoted)
        *rest = str_from(*rest, 1);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != '"' && (quoted || !is_space(rest->p[n])))
        n++;
    *term = str_make(rest->p, n);
    *rest = str_from(*rest, n + (quoted && n < rest->n));
    *prefix = !quoted && n > 0 && term->p[n - 1] == '*';
    if (*prefix)
        term->n--;
    return true;
}

enum err search_expression(struct str q, struct arena *mem, struct str *out)
{
    char *p = arena_alloc(mem, 6 * q.n + 8); /* each byte may become a term: `"x"* ` */
    size_t n = 0;
    struct str term;
    bool prefix;
    while (next_term(&q, &term, &prefix)) {
        if (term.n == 0)
            continue;
        p[n++] = '"';
        memcpy(p + n, term.p, term.n);
        n += term.n;
        p[n++] = '"';
        if (prefix)
            p[n++] = '*';
        p[n++] = ' ';
    }
    *out = str_make(p, n);
    return n > 0 ? OK : ERR_INVALID_QUERY;
}
