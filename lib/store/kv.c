/* The table kv: key → JSON text. */
#include "base/base.h"

#include "base/buf.h"
#include "store/kv.h"
#include "store/tables.h"

bool kv_key_is_reserved(struct str key)
{
    return str_starts_with(key, STR("__"));
}

enum err kv_get(struct space *sp, struct str key, struct arena *mem, struct str *value)
{
    static const struct str sql = SQL("SELECT value FROM kv WHERE key = ?1");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(key)), &s);
    if (e)
        return e;
    *value = arena_dup(mem, stmt_str(s, 0));
    stmt_reset(s);
    return OK;
}

/* A new key needs room, a known one does not. */
static enum err room_for(struct space *sp, struct str key)
{
    static const struct str sql = SQL("SELECT 1 FROM kv WHERE key = ?1");
    bool known;
    enum err e = tables_room(sp);
    if (e != ERR_QUOTA)
        return e;
    e = db_has(sp->db, sql, VALUES(v_str(key)), &known);
    return e || known ? e : ERR_QUOTA;
}

enum err kv_set(struct space *sp, struct str key, struct str value, int64_t now_ms)
{
    static const struct str sql =
        SQL("INSERT INTO kv(key, value, updated_at) VALUES(?1, ?2, ?3) ON CONFLICT(key)"
            " DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at");
    assert(sp->writing);
    enum err e = db_forgo_reserve(sp->db);
    if (!e)
        e = room_for(sp, key);
    return e ? e : db_run(sp->db, sql, VALUES(v_str(key), v_str(value), v_i64(now_ms)));
}

enum err kv_delete(struct space *sp, struct str key, bool *existed)
{
    static const struct str sql = SQL("DELETE FROM kv WHERE key = ?1");
    assert(sp->writing);
    enum err e = db_run(sp->db, sql, VALUES(v_str(key)));
    *existed = !e && db_changes(sp->db) > 0;
    return e;
}

/* The least text above all that start with prefix; no UTF-8 text has a byte 0xff. */
static void append_end(struct buf *out, struct str prefix)
{
    size_t n = prefix.n;
    while (n > 0 && (unsigned char)prefix.p[n - 1] == 0xff)
        n--;
    if (n == 0) {
        buf_append_ch(out, (char)0xff);
        return;
    }
    buf_append(out, prefix.p, n);
    out->p[n - 1]++;
}

/* Where to start: at the prefix, or right behind `after` (after and a zero byte is the next text).
 */
static void append_start(struct buf *out, struct str prefix, struct str after)
{
    if (after.p && str_cmp(after, prefix) >= 0) {
        buf_append_str(out, after);
        buf_append_ch(out, '\0');
        return;
    }
    buf_reserve(out, 1); /* an empty text, not NULL */
    buf_append_str(out, prefix);
}

enum err kv_list(struct space *sp, struct str prefix, struct str after, size_t limit, bool *more,
                 bool (*on_pair)(void *arg, struct str key, struct str value), void *arg)
{
    static const struct str sql = SQL("SELECT key, value FROM kv WHERE key >= ?1 AND key < ?2"
                                      " ORDER BY key LIMIT ?3");
    struct buf start = BUF_INIT, end = BUF_INIT;
    struct stmt *s;
    bool row, go_on = true;
    *more = false;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    append_start(&start, prefix, after);
    append_end(&end, prefix);
    stmt_bind_str(s, 1, buf_str(&start));
    stmt_bind_str(s, 2, buf_str(&end));
    stmt_bind_i64(s, 3, (int64_t)limit + 1);
    for (size_t n = 0; !(e = stmt_step(s, &row)) && row; n++) {
        *more = n == limit || !go_on;
        if (*more)
            break;
        go_on = on_pair(arg, stmt_str(s, 0), stmt_str(s, 1));
    }
    stmt_reset(s);
    buf_release(&end);
    buf_release(&start);
    return e;
}
