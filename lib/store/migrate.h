/* Schema steps per kind of space: numbered by PRAGMA user_version, append only. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/space.h"

/* Bring the file up to date in one transaction, collections' tables and indexes included.
 * ERR_TOO_NEW: newer than this program. */
enum err migrate(struct space *sp) must_check;

/* A reader's check: OK when the file is at this program's version, ERR_TOO_NEW, or ERR_NOT_FOUND
 * when not made yet. */
enum err migrate_check(struct space *sp) must_check;

#endif
