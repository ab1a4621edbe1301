/*
 * Schema steps. To change a kind of file: append a step to its list (a step that was ever released
 * is never edited) and a test that opens a file of the version before.
 * Tables of collections are not here but in store/tables.c: they follow the declarations.
 */
#include "base/base.h"

#include "store/handle.h"
#include "store/migrate.h"
#include "store/tables.h"

/* value has no type, so a counter stays a number and an epoch of digits stays text. */
#define META                                                                                       \
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"                               \
    "INSERT INTO meta VALUES('epoch', lower(hex(randomblob(4))));"

/* bytes: of name and data, of this event and all before it. Before data, so that finding where to
 * trim reads no overflow pages. */
#define CHANGE                                                                                     \
    "CREATE TABLE change(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, bytes INTEGER NOT NULL,"    \
    " name TEXT NOT NULL, data TEXT NOT NULL);"

#define IDEM                                                                                       \
    "CREATE TABLE idem(n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,"      \
    " fingerprint TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL,"                  \
    " body TEXT NOT NULL);"

#define KV                                                                                         \
    "CREATE TABLE kv(key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at INTEGER NOT NULL)"      \
    " WITHOUT ROWID;"

#define SESSION                                                                                    \
    "CREATE TABLE session(id TEXT PRIMARY KEY, created_at INTEGER NOT NULL,"                       \
    " last_seen_at INTEGER NOT NULL, user_agent TEXT NOT NULL, ip TEXT NOT NULL,"                  \
    " jti TEXT NOT NULL, iat INTEGER NOT NULL, exp INTEGER NOT NULL, kid TEXT NOT NULL,"           \
    " previous_jti TEXT, rotated_at INTEGER) WITHOUT ROWID;"

#define ACCOUNT                                                                                    \
    "CREATE TABLE account(id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE,"                        \
    " password_hash TEXT NOT NULL, created_at INTEGER NOT NULL, email_verified INTEGER NOT NULL)"  \
    " WITHOUT ROWID;"

/* One row per counted attempt, until it leaves its window. */
#define ATTEMPT                                                                                    \
    "CREATE TABLE attempt(scope TEXT NOT NULL, subject TEXT NOT NULL, expires INTEGER NOT NULL,"   \
    " n INTEGER NOT NULL, PRIMARY KEY(scope, subject, expires, n)) WITHOUT ROWID;"                 \
    "CREATE INDEX attempt_expires ON attempt(expires);"

/* The id of a counter's history is the number of the event that tells of it: it rises for ever. */
#define COUNTER                                                                                    \
    "CREATE TABLE counter(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"        \
    " value INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"           \
    " operation_count INTEGER NOT NULL);"                                                          \
    "CREATE TABLE counter_history(counter INTEGER NOT NULL REFERENCES counter ON DELETE CASCADE,"  \
    " id INTEGER NOT NULL, operation TEXT NOT NULL, previous_value INTEGER NOT NULL,"              \
    " new_value INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(counter, id)) WITHOUT ROWID;"

#define IDENTITY                                                                                   \
    "CREATE TABLE identity(provider TEXT NOT NULL, subject TEXT NOT NULL, user_id TEXT NOT NULL,"  \
    " email TEXT NOT NULL, linked_at INTEGER NOT NULL, PRIMARY KEY(provider, subject))"            \
    " WITHOUT ROWID;"                                                                              \
    "CREATE INDEX identity_user ON identity(user_id);"

/* lease: until when the process that took it may send it. */
#define MAIL                                                                                       \
    "CREATE TABLE mail(id INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL,"             \
    " template TEXT NOT NULL, language TEXT NOT NULL, data TEXT NOT NULL,"                         \
    " created_at INTEGER NOT NULL, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"  \
    " lease INTEGER NOT NULL DEFAULT 0);"                                                          \
    "CREATE INDEX mail_due ON mail(due_at);"                                                       \
    "CREATE INDEX mail_recipient ON mail(recipient, created_at);"

/* user_id: NULL until the address has an account. */
#define ORGANIZATION                                                                               \
    "CREATE TABLE organization(id TEXT PRIMARY KEY, name TEXT NOT NULL, owner_id TEXT NOT NULL,"   \
    " created_at INTEGER NOT NULL) WITHOUT ROWID;"                                                 \
    "CREATE INDEX organization_owner ON organization(owner_id);"                                   \
    "CREATE TABLE member(id TEXT PRIMARY KEY, organization_id TEXT NOT NULL"                       \
    " REFERENCES organization ON DELETE CASCADE, email TEXT NOT NULL, user_id TEXT,"               \
    " role TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, joined_at INTEGER,"   \
    " UNIQUE(organization_id, email)) WITHOUT ROWID;"                                              \
    "CREATE INDEX member_email ON member(email);"                                                  \
    "CREATE INDEX member_user ON member(user_id);"

/* Events that other files must get: their meta has the number of the last one they took. */
#define OUTBOX                                                                                     \
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, space_kind INTEGER NOT NULL,"       \
    " space_id TEXT NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL, at INTEGER NOT NULL);"       \
    "CREATE INDEX outbox_space ON outbox(space_kind, space_id, id);"

/* Failed sign-ins, in thousandths. n: the newest rows are kept. */
#define FAILURE                                                                                    \
    "CREATE TABLE failure(n INTEGER PRIMARY KEY, scope TEXT NOT NULL, subject TEXT NOT NULL,"      \
    " points INTEGER NOT NULL, last_at INTEGER NOT NULL, UNIQUE(scope, subject));"                 \
    "CREATE INDEX failure_last_at ON failure(last_at);"

/* Codes by mail, of which only keyed hashes are kept. */
#define LOGIN_CODE                                                                                 \
    "CREATE TABLE login_code(email TEXT PRIMARY KEY, hash TEXT NOT NULL,"                          \
    " expires INTEGER NOT NULL, attempts INTEGER NOT NULL) WITHOUT ROWID;"                         \
    "CREATE INDEX login_code_expires ON login_code(expires);"

/* Tokens and codes that work once, and were used. */
#define ONCE                                                                                       \
    "CREATE TABLE once(id TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;"              \
    "CREATE INDEX once_expires ON once(expires);"

#define ACTIVITY                                                                                   \
    "CREATE TABLE activity(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"             \
    " kind TEXT NOT NULL, ip TEXT NOT NULL, user_agent TEXT NOT NULL, detail TEXT NOT NULL);"

#define FACTORS                                                                                    \
    "CREATE TABLE totp(one INTEGER PRIMARY KEY CHECK(one = 1), secret TEXT NOT NULL,"              \
    " created_at INTEGER NOT NULL, confirmed_at INTEGER, last_step INTEGER NOT NULL DEFAULT 0);"   \
    "CREATE TABLE recovery(hash TEXT PRIMARY KEY, used_at INTEGER) WITHOUT ROWID;"                 \
    "CREATE TABLE passkey(id TEXT PRIMARY KEY, public_key TEXT NOT NULL,"                          \
    " algorithm INTEGER NOT NULL, sign_count INTEGER NOT NULL, backup_eligible INTEGER NOT NULL,"  \
    " name TEXT NOT NULL, transports TEXT NOT NULL, created_at INTEGER NOT NULL,"                  \
    " last_used_at INTEGER) WITHOUT ROWID;"

/* Who may see the admin page: not accounts. Of a session only a hash of its token is kept; used_at:
 * of what its owner did, for the idle ones. */
#define ADMIN                                                                                      \
    "CREATE TABLE admin(id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE,"                          \
    " password_hash TEXT NOT NULL, totp_secret TEXT NOT NULL,"                                     \
    " last_step INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,"                          \
    " last_login_at INTEGER) WITHOUT ROWID;"                                                       \
    "CREATE TABLE admin_session(hash TEXT PRIMARY KEY, admin_id TEXT NOT NULL"                     \
    " REFERENCES admin ON DELETE CASCADE, created_at INTEGER NOT NULL, used_at INTEGER NOT NULL)"  \
    " WITHOUT ROWID;"                                                                              \
    "CREATE INDEX admin_session_admin ON admin_session(admin_id, used_at);"

/* NULL: it may be signed in to. */
#define DISABLED "ALTER TABLE account ADD COLUMN disabled_at INTEGER;"

static const char *const main_steps[] = {
    META ACCOUNT ATTEMPT, IDENTITY MAIL ORGANIZATION OUTBOX FAILURE LOGIN_CODE ONCE IDEM DISABLED,
    ADMIN};
static const char *const user_steps[] = {META CHANGE KV IDEM SESSION, ACTIVITY FACTORS ONCE};
static const char *const org_steps[] = {META CHANGE KV IDEM};
static const char *const shared_steps[] = {META CHANGE IDEM, COUNTER};

static const struct {
    const char *const *list;
    int64_t count; /* the version of a file that has them all */
    int64_t read;  /* from this version on it has what a reader looks at */
} steps[SPACE_KINDS] = {
    [SPACE_MAIN] = {main_steps, ARRAY_LEN(main_steps), 2},
    [SPACE_USER] = {user_steps, ARRAY_LEN(user_steps), 1},
    [SPACE_ORG] = {org_steps, ARRAY_LEN(org_steps), 1},
    [SPACE_SHARED] = {shared_steps, ARRAY_LEN(shared_steps), 1},
};

int64_t migrate_version(enum space_kind kind)
{
    return steps[kind].count;
}

enum err migrate_read_version(struct db *db, int64_t *version)
{
    static const struct str sql = SQL("PRAGMA user_version");
    return db_i64(db, sql, NO_VALUES, version);
}

static enum err apply(struct space *sp, int64_t from)
{
    char sql[64];
    enum err e = OK;
    for (int64_t i = from; !e && i < steps[sp->kind].count; i++)
        e = db_exec(sp->db, steps[sp->kind].list[i]);
    if (!e)
        e = tables_sync(sp);
    if (e || from == steps[sp->kind].count)
        return e;
    snprintf(sql, sizeof sql, "PRAGMA user_version=%lld", (long long)steps[sp->kind].count);
    return db_exec(sp->db, sql);
}

static enum err is_current(struct space *sp, bool create, bool *current)
{
    int64_t version;
    *current = false;
    enum err e = migrate_read_version(sp->db, &version);
    if (e)
        return e;
    if (version > steps[sp->kind].count)
        return ERR_TOO_NEW;
    if (version == 0 && !create)
        return ERR_NOT_FOUND;
    return version == steps[sp->kind].count ? tables_match(sp, current) : OK;
}

enum err migrate(struct space *sp, bool create)
{
    bool current;
    int64_t version;
    enum err e = is_current(sp, create, &current);
    if (e || current)
        return e;
    e = space_begin_write(sp);
    if (e)
        return e;
    e = migrate_read_version(sp->db, &version); /* another process may have been faster */
    if (!e)
        e = version > steps[sp->kind].count ? ERR_TOO_NEW : apply(sp, version);
    if (!e)
        return space_commit(sp);
    space_rollback(sp);
    return e;
}

enum err migrate_check(struct space *sp)
{
    int64_t version;
    enum err e = migrate_read_version(sp->db, &version);
    if (e)
        return e;
    if (version == 0)
        return ERR_NOT_FOUND;
    if (version > steps[sp->kind].count)
        return ERR_TOO_NEW;
    return version < steps[sp->kind].read ? ERR_BUSY : OK;
}
