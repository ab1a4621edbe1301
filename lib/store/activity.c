/* The table activity of a user's file. */
#include "base/base.h"

#include "base/utf8.h"
#include "store/activity.h"

static const struct {
    struct str word;
    bool foreign;
} kinds[] = {
#define X(name, word, foreign) [name] = {{word, sizeof(word) - 1}, foreign},
    ACTIVITY_LIST(X)
#undef X
};

/* The words of the foreign kinds, as a list for SQL's IN. */
#define FOREIGN_true(word)           ",'" word "'"
#define FOREIGN_false(word)          ""
#define FOREIGN_WORDS                "'-'" ACTIVITY_LIST(FOREIGN)
#define FOREIGN(name, word, foreign) FOREIGN_##foreign(word)

/* As much as is kept, ending with a whole character; nothing where it is no UTF-8. */
static struct str shortened(struct str s)
{
    if (s.n > ACTIVITY_TEXT_MAX) {
        s.n = ACTIVITY_TEXT_MAX;
        while (s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
            s.n--;
    }
    return s.p && utf8_is_valid(s) ? s : STR("");
}

static enum err prune(struct space *sp, struct str sql, int64_t keep)
{
    return db_run(sp->db, sql, VALUES(v_i64(keep)));
}

enum err activity_add(struct space *sp, enum activity_kind kind, const struct activity_from *from,
                      struct str detail)
{
    static const struct str insert = SQL("INSERT INTO activity(at, kind, ip, user_agent, detail)"
                                         " VALUES(?1, ?2, ?3, ?4, ?5)");
    static const struct str surplus =
        SQL("DELETE FROM activity WHERE id <="
            " (SELECT id FROM activity ORDER BY id DESC LIMIT 1 OFFSET ?1)");
    static const struct str foreign_surplus =
        SQL("DELETE FROM activity WHERE kind IN (" FOREIGN_WORDS ") AND id <="
            " (SELECT id FROM activity WHERE kind IN (" FOREIGN_WORDS ")"
            " ORDER BY id DESC LIMIT 1 OFFSET ?1)");
    assert(sp->kind == SPACE_USER && sp->writing);
    enum err e = db_run(sp->db, insert,
                        VALUES(v_i64(from->now), v_str(kinds[kind].word),
                               v_str(from->ip.p ? from->ip : STR("")),
                               v_str(shortened(from->user_agent)), v_str(shortened(detail))));
    if (!e && kinds[kind].foreign)
        e = prune(sp, foreign_surplus, ACTIVITY_FOREIGN_MAX);
    return e ? e : prune(sp, surplus, ACTIVITY_MAX);
}

enum err activity_list(struct space *sp, int64_t before, int64_t limit,
                       void (*on_activity)(void *arg, const struct activity *a), void *arg)
{
    static const struct str sql = SQL("SELECT id, at, kind, ip, user_agent, detail FROM activity"
                                      " WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, sql, VALUES(v_i64(before ? before : INT64_MAX), v_i64(limit)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        struct activity a = {stmt_i64(s, 0), stmt_i64(s, 1), stmt_str(s, 2),
                             stmt_str(s, 3), stmt_str(s, 4), stmt_str(s, 5)};
        on_activity(arg, &a);
    }
    return e;
}
