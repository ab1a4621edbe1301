/* Rows of the collection `notes` as notes. */
#include "base/base.h"

#include "store/notes.h"
#include "wire/json.h"

/* The text as JSON, with its quotes: a piece of data, or empty where a declaration of one's own
 * names no text. */
static enum err find_text(struct str data, struct arena *mem, struct str *text)
{
    struct json doc;
    if (json_parse(&doc, data, JSON_STRICT, mem) || !json_is(json_root(&doc), JSON_OBJECT))
        return ERR_CORRUPT;
    struct json_value v = json_get(json_root(&doc), STR("text"));
    *text = json_is(v, JSON_STRING) ? json_raw(v) : STR("\"\"");
    return OK;
}

static void append(struct buf *out, const struct row *r, struct str text, struct str user_id)
{
    buf_append_lit(out, "{\"id\":\"");
    buf_append_str(out, r->id);
    buf_append_lit(out, "\",\"text\":");
    buf_append_str(out, text);
    buf_append_lit(out, ",\"userId\":");
    json_append_string(out, user_id);
    buf_append_lit(out, ",\"created\":");
    row_append_time(out, r->created_at);
    buf_append_lit(out, ",\"updated\":");
    row_append_time(out, r->updated_at);
    buf_append_ch(out, '}');
}

enum err note_append(struct buf *out, const struct row *r, struct str user_id)
{
    struct arena mem = ARENA_INIT;
    struct str text;
    enum err e = find_text(r->data, &mem, &text);
    if (!e)
        append(out, r, text, user_id);
    arena_release(&mem);
    return e;
}

/* A reader may meet a file that the app has not brought up to date. */
static enum err has_table(struct space *sp, bool *there)
{
    static const struct str sql =
        SQL("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'c_notes'");
    return db_has(sp->db, sql, NO_VALUES, there);
}

static enum err append_all(struct space *sp, struct str user_id, struct buf *out)
{
    /* Ids rise in commit order. */
    static const struct str sql =
        SQL("SELECT id, data, created_at, updated_at FROM c_notes ORDER BY id DESC LIMIT ?1");
    struct arena mem = ARENA_INIT;
    struct stmt *s;
    bool more;
    size_t count = 0, bytes = 0;
    enum err e = db_rows(sp->db, sql, VALUES(v_i64(NOTES_MAX)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &more)) && more) {
        struct row row = {.id = stmt_str(s, 0),
                          .data = stmt_str(s, 1),
                          .created_at = stmt_i64(s, 2),
                          .updated_at = stmt_i64(s, 3)};
        struct str text;
        arena_reset(&mem);
        e = find_text(row.data, &mem, &text);
        if (e || (bytes += text.n) > NOTES_TEXT_BYTES)
            break;
        if (count++ > 0)
            buf_append_ch(out, ',');
        append(out, &row, text, user_id);
    }
    stmt_reset(s);
    arena_release(&mem);
    return e;
}

enum err notes_list(struct space *sp, struct str user_id, struct buf *out)
{
    bool there = false;
    enum err e = has_table(sp, &there);
    if (e)
        return e;
    buf_append_ch(out, '[');
    if (there)
        e = append_all(sp, user_id, out);
    buf_append_ch(out, ']');
    return e;
}
