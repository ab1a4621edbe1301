/* Accounts and organizations, as the paths of their files. */
#include "base/base.h"

#include "store/census.h"
#include "store/tree.h"

static void add(struct census *c, enum space_kind kind, struct str id, bool leaving,
                struct arena *mem)
{
    if (!space_id_is_valid(kind, id))
        return;
    struct str path = arena_dup(mem, tree_path(kind, id, mem));
    if (map_get(&c->by_path, path))
        return;
    struct census_entry *entry = arena_alloc(mem, sizeof *entry);
    *entry = (struct census_entry){kind, arena_dup(mem, id), leaving};
    map_put(&c->by_path, path, entry);
}

/* What waits in the outbox for a space that has no row is the news of its end. */
enum err census_read(struct census *c, struct db *main_db, struct arena *mem)
{
    static const struct str sql =
        SQL("SELECT 1, id, 0 FROM account UNION ALL SELECT 2, id, 0 FROM organization"
            " UNION ALL SELECT space_kind, space_id, 1 FROM outbox");
    static_assert(SPACE_USER == 1 && SPACE_ORG == 2, "the numbers in the statement");
    struct stmt *s;
    bool row;
    enum err e = db_rows(main_db, sql, NO_VALUES, &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        int64_t kind = stmt_i64(s, 0);
        if (kind == SPACE_USER || kind == SPACE_ORG)
            add(c, (enum space_kind)kind, stmt_str(s, 1), stmt_i64(s, 2) != 0, mem);
    }
    return e;
}

void census_release(struct census *c)
{
    map_release(&c->by_path);
}
