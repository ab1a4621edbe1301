/* The change log of a space: one row per event, trimmed from the oldest end as it grows. */
#include "base/base.h"

#include "base/clock.h"
#include "store/event.h"

#define TRIM_EVERY 64 /* appends between two looks at log_keep_events */

/* Read the head once per transaction; all its events carry one time. */
static enum err know_head(struct space *sp)
{
    static const struct str sql =
        SQL("SELECT seq, at, bytes FROM change ORDER BY seq DESC LIMIT 1");
    struct stmt *s;
    if (sp->log.known)
        return OK;
    enum err e = db_row(sp->db, sql, NO_VALUES, &s);
    if (e && e != ERR_NOT_FOUND)
        return e;
    sp->log.seq = e ? 0 : (uint64_t)stmt_i64(s, 0);
    sp->log.at = e ? 0 : stmt_i64(s, 1);
    sp->log.bytes = e ? 0 : stmt_i64(s, 2);
    if (!e)
        stmt_reset(s);
    int64_t now = clock_wall_ms();
    if (sp->log.at < now)
        sp->log.at = now;
    sp->log.known = true;
    return OK;
}

enum err event_next(struct space *sp, uint64_t *seq, int64_t *at)
{
    assert(sp->writing);
    enum err e = know_head(sp);
    *seq = sp->log.seq + 1;
    *at = sp->log.at;
    return e;
}

/* The last event that must go so that those after it have at most log_keep_bytes; 0: none. */
static enum err surplus_by_bytes(struct space *sp, int64_t keep, uint64_t *last)
{
    static const struct str sql =
        SQL("SELECT seq FROM change WHERE bytes >= ?1 ORDER BY seq LIMIT 1");
    struct stmt *s;
    bool row;
    *last = 0;
    if (!keep || sp->log.bytes <= keep)
        return OK;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, sp->log.bytes - keep);
    e = stmt_step(s, &row);
    if (!e && row)
        *last = (uint64_t)stmt_i64(s, 0);
    stmt_reset(s);
    return e;
}

static enum err trim(struct space *sp)
{
    static const struct str sql = SQL("DELETE FROM change WHERE seq <= ?1");
    const struct store_options *o = store_options(sp->store);
    uint64_t keep = (uint64_t)o->log_keep_events, last;
    struct stmt *s;
    enum err e = surplus_by_bytes(sp, o->log_keep_bytes, &last);
    if (e)
        return e;
    if (keep && sp->log.seq > keep && last < sp->log.seq - keep)
        last = sp->log.seq - keep;
    if (last >= sp->log.seq)
        last = sp->log.seq - 1;
    if (last == 0)
        return OK;
    e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, (int64_t)last);
    return stmt_run(s);
}

/* Look whether to trim every so many events, and each time an eighth of the bytes was added. */
static bool trim_is_due(const struct space *sp, int64_t bytes_before)
{
    int64_t eighth = store_options(sp->store)->log_keep_bytes / 8;
    return sp->log.seq % TRIM_EVERY == 0 ||
           (eighth > 0 && bytes_before / eighth != sp->log.bytes / eighth);
}

enum err event_append(struct space *sp, struct str name, struct str data, struct event *out)
{
    static const struct str sql =
        SQL("INSERT INTO change(seq, at, bytes, name, data) VALUES(?1, ?2, ?3, ?4, ?5)");
    struct stmt *s;
    assert(sp->writing);
    enum err e = know_head(sp);
    if (!e)
        e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    int64_t before = sp->log.bytes, bytes = before + (int64_t)(name.n + data.n);
    stmt_bind_i64(s, 1, (int64_t)sp->log.seq + 1);
    stmt_bind_i64(s, 2, sp->log.at);
    stmt_bind_i64(s, 3, bytes);
    stmt_bind_str(s, 4, name);
    stmt_bind_str(s, 5, data);
    e = stmt_run(s);
    if (e)
        return e;
    sp->log.seq++;
    sp->log.bytes = bytes;
    *out = (struct event){sp->log.seq, sp->log.at, name, data};
    return trim_is_due(sp, before) ? trim(sp) : OK;
}

enum err event_bounds(struct space *sp, uint64_t *oldest, uint64_t *newest)
{
    /* Not min() and max() in one SELECT: that would read the whole log. */
    static const struct str sql = SQL("SELECT (SELECT seq FROM change ORDER BY seq LIMIT 1),"
                                      " (SELECT seq FROM change ORDER BY seq DESC LIMIT 1)");
    struct stmt *s;
    *oldest = *newest = 0;
    enum err e = db_row(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e;
    *oldest = (uint64_t)stmt_i64(s, 0);
    *newest = (uint64_t)stmt_i64(s, 1);
    stmt_reset(s);
    return OK;
}

enum err event_before(struct space *sp, int64_t at, uint64_t *seq)
{
    static const struct str sql =
        SQL("SELECT seq FROM change WHERE at < ?1 ORDER BY seq DESC LIMIT 1");
    int64_t found;
    enum err e = db_i64(sp->db, sql, VALUES(v_i64(at)), &found);
    *seq = (uint64_t)found;
    return e;
}

enum err event_read(struct space *sp, uint64_t after, size_t max_events, size_t max_bytes,
                    enum err (*on_event)(void *arg, const struct event *e), void *arg)
{
    static const struct str sql =
        SQL("SELECT seq, at, name, data FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    struct stmt *s;
    bool row;
    size_t bytes = 0;
    enum err e = db_rows(sp->db, sql,
                         VALUES(v_i64(after > INT64_MAX ? INT64_MAX : (int64_t)after),
                                v_i64(max_events > INT64_MAX ? INT64_MAX : (int64_t)max_events)),
                         &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        struct event event = {(uint64_t)stmt_i64(s, 0), stmt_i64(s, 1), stmt_str(s, 2),
                              stmt_str(s, 3)};
        bool first = bytes == 0;
        bytes += event.data.n;
        if (!first && bytes > max_bytes)
            break;
        e = on_event(arg, &event);
        if (e)
            break;
    }
    stmt_reset(s);
    return e;
}

void event_id_append(struct buf *out, struct str epoch, uint64_t seq)
{
    buf_append_str(out, epoch);
    buf_append_ch(out, '.');
    buf_append_u64(out, seq);
}

bool event_id_parse(struct str text, struct str *epoch, uint64_t *seq)
{
    size_t dot = str_find(text, '.');
    if (dot != EPOCH_LEN)
        return false;
    *epoch = str_make(text.p, dot);
    return str_to_u64(str_from(text, dot + 1), INT64_MAX, seq);
}

enum err event_resume(struct space *sp, struct str id, uint64_t *after)
{
    struct str epoch;
    uint64_t oldest, newest;
    if (!event_id_parse(id, &epoch, after) || !str_eq(epoch, str_make(sp->epoch, EPOCH_LEN)))
        return ERR_NOT_FOUND;
    enum err e = event_bounds(sp, &oldest, &newest);
    if (e)
        return e;
    return *after <= newest && *after + 1 >= oldest ? OK : ERR_NOT_FOUND;
}
