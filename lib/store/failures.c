/* The table failure of main.db: a row for each who failed lately, with thousandths of failures. */
#include "base/base.h"

#include "store/failures.h"

#define ONE       1000
#define SECOND_MS INT64_C(1000)

static bool is_off(const struct failures *f)
{
    return f->harmless <= 0 || f->max_ms <= 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The row of f, zeros where there is none. */
static enum err find(struct space *sp, const struct failures *f, int64_t *points, int64_t *last_at)
{
    static const struct str sql =
        SQL("SELECT points, last_at FROM failure WHERE scope = ?1 AND subject = ?2");
    struct stmt *s;
    *points = *last_at = 0;
    enum err e = db_row(sp->db, sql, VALUES(v_str(f->scope), v_str(f->subject)), &s);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    *points = stmt_i64(s, 0);
    *last_at = stmt_i64(s, 1);
    stmt_reset(s);
    return OK;
}

/* What is left of them after `ms`; a clock that was set back forgets nothing. */
static int64_t remember(const struct failures *f, int64_t points, int64_t ms)
{
    if (ms >= FAILURES_KEEP_MS)
        return 0;
    if (ms <= 0 || !f->forget_ms)
        return points;
    int64_t forgotten = ms * ONE / f->forget_ms;
    return forgotten < points ? points - forgotten : 0;
}

/* How long after the last of so many failures the next attempt may be. */
static int64_t delay_of(const struct failures *f, int64_t points)
{
    int64_t over = points / ONE - f->harmless;
    if (over < 0)
        return 0;
    return over < 40 ? least(SECOND_MS << over, f->max_ms) : f->max_ms;
}

static enum err wait_of(struct space *sp, const struct failures *f, int64_t now_ms,
                        int64_t *wait_ms)
{
    int64_t points, last_at;
    enum err e = find(sp, f, &points, &last_at);
    int64_t passed = now_ms > last_at ? now_ms - last_at : 0;
    int64_t delay = e ? 0 : delay_of(f, remember(f, points, passed));
    *wait_ms = delay > passed ? delay - passed : 0;
    return e;
}

enum err failures_check(struct space *sp, const struct failures *f, size_t count, int64_t now_ms,
                        int64_t *retry_ms)
{
    *retry_ms = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t wait_ms;
        if (is_off(&f[i]))
            continue;
        enum err e = wait_of(sp, &f[i], now_ms, &wait_ms);
        if (e)
            return e;
        if (wait_ms > *retry_ms)
            *retry_ms = wait_ms;
    }
    return *retry_ms ? ERR_RATE_LIMIT : OK;
}

/* --- counting --------------------------------------------------------------------------------- */

static enum err drop_old(struct space *sp, int64_t now_ms)
{
    static const struct str old = SQL("DELETE FROM failure WHERE last_at <= ?1");
    static const struct str many =
        SQL("DELETE FROM failure WHERE n <= (SELECT max(n) FROM failure) - ?1");
    enum err e = db_run(sp->db, old, VALUES(v_i64(now_ms - FAILURES_KEEP_MS)));
    return e ? e : db_run(sp->db, many, VALUES(v_i64(FAILURES_ROWS_MAX)));
}

static enum err set(struct space *sp, const struct failures *f, int64_t points, int64_t at)
{
    static const struct str sql =
        SQL("INSERT INTO failure(scope, subject, points, last_at) VALUES(?1, ?2, ?3, ?4)"
            " ON CONFLICT(scope, subject) DO UPDATE SET points = ?3, last_at = ?4");
    return db_run(sp->db, sql,
                  VALUES(v_str(f->scope), v_str(f->subject), v_i64(points), v_i64(at)));
}

static enum err add(struct space *sp, struct failures *f, int64_t now_ms)
{
    enum err e = find(sp, f, &f->was.points, &f->was.last_at);
    if (e)
        return e;
    f->is.points = remember(f, f->was.points, now_ms - f->was.last_at) + ONE;
    f->is.last_at = now_ms;
    return set(sp, f, f->is.points, f->is.last_at);
}

enum err failures_take_within(struct space *sp, struct failures *f, size_t count, int64_t now_ms,
                              int64_t *retry_ms)
{
    assert(sp->kind == SPACE_MAIN && sp->writing);
    enum err e = failures_check(sp, f, count, now_ms, retry_ms);
    if (e == OK)
        e = drop_old(sp, now_ms);
    for (size_t i = 0; e == OK && i < count; i++)
        if (!is_off(&f[i]))
            e = add(sp, &f[i], now_ms);
    return e;
}

/* Where others failed meanwhile only the one of f goes. */
enum err failures_forgive_within(struct space *sp, const struct failures *f)
{
    int64_t points, last_at;
    assert(sp->kind == SPACE_MAIN && sp->writing);
    if (is_off(f))
        return OK;
    enum err e = find(sp, f, &points, &last_at);
    if (e || points < ONE)
        return e;
    if (points != f->is.points || last_at != f->is.last_at)
        return set(sp, f, points - ONE, last_at);
    return f->was.points ? set(sp, f, f->was.points, f->was.last_at) : failures_clear_within(sp, f);
}

enum err failures_clear_within(struct space *sp, const struct failures *f)
{
    static const struct str sql = SQL("DELETE FROM failure WHERE scope = ?1 AND subject = ?2");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    if (is_off(f))
        return OK;
    return db_run(sp->db, sql, VALUES(v_str(f->scope), v_str(f->subject)));
}
