/* The table attempt of main.db: a row per counted attempt, until it leaves its window. */
#include "base/base.h"

#include "store/limits.h"

/*
 * When an attempt may pass again, in ms from now: 0 is at once. It may when the oldest of the
 * newest `max` attempts has left the window.
 */
static enum err wait_of(struct space *sp, const struct limit *l, int64_t now_ms, int64_t *wait_ms)
{
    static const struct str sql =
        SQL("SELECT expires FROM attempt WHERE scope = ?1 AND subject = ?2 AND expires > ?3"
            " ORDER BY expires DESC, n DESC LIMIT 1 OFFSET ?4");
    int64_t expires;
    enum err e = db_i64(
        sp->db, sql, VALUES(v_str(l->scope), v_str(l->subject), v_i64(now_ms), v_i64(l->max - 1)),
        &expires);
    *wait_ms = expires ? expires - now_ms : 0;
    return e;
}

enum err limits_check(struct space *sp, const struct limit *limits, size_t count, int64_t now_ms,
                      int64_t *retry_ms)
{
    *retry_ms = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t wait_ms;
        if (!limits[i].max)
            continue;
        enum err e = wait_of(sp, &limits[i], now_ms, &wait_ms);
        if (e)
            return e;
        if (wait_ms > *retry_ms)
            *retry_ms = wait_ms;
    }
    return *retry_ms ? ERR_RATE_LIMIT : OK;
}

static enum err add(struct space *sp, const struct limit *l, int64_t now_ms)
{
    static const struct str sql =
        SQL("INSERT INTO attempt(scope, subject, expires, n) VALUES(?1, ?2, ?3,"
            " (SELECT coalesce(max(n), 0) + 1 FROM attempt"
            " WHERE scope = ?1 AND subject = ?2 AND expires = ?3))");
    return db_run(sp->db, sql,
                  VALUES(v_str(l->scope), v_str(l->subject), v_i64(now_ms + l->window_ms)));
}

static enum err drop_expired(struct space *sp, int64_t now_ms)
{
    static const struct str sql = SQL("DELETE FROM attempt WHERE expires <= ?1");
    return db_run(sp->db, sql, VALUES(v_i64(now_ms)));
}

static enum err count_all(struct space *sp, const struct limit *limits, size_t count,
                          int64_t now_ms)
{
    enum err e = drop_expired(sp, now_ms);
    for (size_t i = 0; !e && i < count; i++)
        if (limits[i].max)
            e = add(sp, &limits[i], now_ms);
    return e;
}

static bool all_off(const struct limit *limits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (limits[i].max)
            return false;
    return true;
}

enum err limits_take_within(struct space *sp, const struct limit *limits, size_t count,
                            int64_t now_ms, int64_t *retry_ms)
{
    assert(sp->kind == SPACE_MAIN && sp->writing);
    enum err e = limits_check(sp, limits, count, now_ms, retry_ms);
    return e ? e : count_all(sp, limits, count, now_ms);
}

enum err limits_take(struct store *st, const struct limit *limits, size_t count, int64_t now_ms,
                     int64_t *retry_ms)
{
    struct space *sp;
    *retry_ms = 0;
    if (all_off(limits, count))
        return OK;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    /* A look first: who hammers a limit that is used up costs a read, not a write to the disk. */
    e = limits_check(sp, limits, count, now_ms, retry_ms);
    if (!e)
        e = space_begin_write(sp);
    if (!e)
        e = limits_take_within(sp, limits, count, now_ms, retry_ms);
    if (!e)
        e = space_commit(sp);
    space_release(sp);
    return e;
}
