/* Schema steps per kind of space: numbered by PRAGMA user_version, append only. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/space.h"

/*
 * Bring the file up to date in one transaction, collections' tables and indexes included.
 * ERR_TOO_NEW: newer than this program. A file at version 0 was never finished: it is made now, or
 * ERR_NOT_FOUND without `create`.
 */
enum err migrate(struct space *sp, bool create) must_check;

/* A reader's check: OK when the file has what readers look at, ERR_TOO_NEW, ERR_NOT_FOUND when not
 * made yet, ERR_BUSY when a writer has yet to bring it up to date. */
enum err migrate_check(struct space *sp) must_check;

/* The version that this program makes of a file of that kind. */
int64_t migrate_version(enum space_kind kind);

/* The first version of a main.db that knows administrators. */
#define MIGRATE_MAIN_ADMINS 3

/* The version of an open file: 0 for one that was never finished. */
enum err migrate_read_version(struct db *db, int64_t *version) must_check;

#endif
