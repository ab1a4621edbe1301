/*
 * Putting files of a backup in place. Nothing is replaced before all that comes was checked against
 * the backup's list and against the versions this program knows; what is replaced is kept in the
 * folder replaced-<time> of the data folder. Restored files have a new epoch, so everyone who reads
 * their log starts anew, and no sessions, so that none that was ended comes back.
 */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include "store/accounts.h"
#include "store/backup.h"

struct restore_order {
    const char *from; /* a backup, as backup_find has it */
    const char *data_dir;
    bool force; /* replace what is there */
    struct progress progress;
};

struct restore_result {
    size_t files;
    struct str kept; /* the folder of what was there before, in mem; p == NULL: nothing was */
};

/*
 * All of it. Nobody else may use the data folder: ERR_BUSY. ERR_CONFLICT: there is data, and no
 * `force`; ERR_CORRUPT, ERR_TOO_NEW, ERR_FULL. *message is a sentence in mem with the file.
 * Cut short at any moment it leaves what was there, or a folder `restoring` that keeps the programs
 * from starting until it is restored again.
 */
enum err restore_all(const struct restore_order *o, struct arena *mem, struct restore_result *out,
                     struct str *message) must_check;

/*
 * One account: its file, and its row in main.db where that is gone; while others use the store.
 * `who` is its address in the backup, or its id. Memberships stay what they are.
 */
enum err restore_user(struct store *s, const struct restore_order *o, struct str who,
                      struct arena *mem, struct account *account, struct restore_result *out,
                      struct str *message) must_check;

#endif
