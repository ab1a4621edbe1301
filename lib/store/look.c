/* Looks at the disk, the folder, main.db. */
#include "base/base.h"

#include <unistd.h>

#include "base/clock.h"
#include "store/handle.h"
#include "store/look.h"

static enum err last_failure(struct store *s)
{
    int64_t at = s->failed_at;
    return at && clock_mono_ms() - at < LOOK_FAILED_MS ? (enum err)s->failed : OK;
}

enum err store_look(struct store *s, int64_t min_free_bytes, struct str *what)
{
    int64_t left = store_free_bytes(s);
    enum err e = last_failure(s);
    if (left < 0 || access(s->data_dir, R_OK | W_OK | X_OK) < 0) {
        *what = STR("The data folder cannot be read and written");
        return ERR_INTERNAL;
    }
    if (left < min_free_bytes) {
        *what = STR("The disk of the data folder has less than min_free_bytes left");
        return ERR_FULL;
    }
    if (e)
        *what = e == ERR_FULL ? STR("There was no room for the last write")
                              : STR("The last write failed");
    return e;
}

enum err store_probe(struct store *s)
{
    static const struct str sql = SQL("SELECT 1 FROM meta WHERE name = 'epoch'");
    struct space *main_db;
    bool has;
    enum err e = space_acquire(s, SPACE_MAIN, STR_NULL, &main_db);
    if (!e)
        e = db_has(main_db->db, sql, NO_VALUES, &has);
    space_release(main_db);
    return e;
}
