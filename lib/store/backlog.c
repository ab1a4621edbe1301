/* The queues of main.db, counted. Their rows are numbered as they come: the first is the oldest. */
#include "base/base.h"

#include "store/backlog.h"

static enum err read_queue(struct space *main_db, struct str sql, struct backlog *out)
{
    struct stmt *s;
    enum err e = db_row(main_db->db, sql, NO_VALUES, &s);
    if (e)
        return e;
    *out = (struct backlog){.count = stmt_i64(s, 0), .since = stmt_i64(s, 1)};
    stmt_reset(s);
    return OK;
}

enum err backlog_read(struct store *st, struct backlog out[BACKLOGS])
{
    static const struct str queues[BACKLOGS] = {
        [BACKLOG_MAIL] = SQL("SELECT count(*), (SELECT created_at FROM mail ORDER BY id LIMIT 1)"
                             " FROM mail"),
        [BACKLOG_OUTBOX] = SQL("SELECT count(*), (SELECT at FROM outbox ORDER BY id LIMIT 1)"
                               " FROM outbox"),
    };
    struct space *main_db;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &main_db);
    for (size_t i = 0; !e && i < BACKLOGS; i++)
        e = read_queue(main_db, queues[i], &out[i]);
    space_release(main_db); /* NULL where it could not be had */
    return e;
}
