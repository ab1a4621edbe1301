/*
 * cubbyctl: what an administrator does to an installation from a shell. One struct for the run of
 * one command; the table of commands is commands.c.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "domain/bus.h"
#include "domain/collection.h"
#include "domain/conf.h"
#include "domain/organization.h"
#include "domain/relay.h"
#include "domain/weak.h"
#include "store/accounts.h"
#include "store/activity.h"
#include "store/backup.h"

#define CTL_WORDS_MAX   4
#define CTL_OPTIONS_MAX 6

/* What a command ends with. */
#define CTL_DONE   0
#define CTL_FAILED 1 /* refused, or something is wrong with the data */
#define CTL_USAGE  2

/* --name or --name VALUE. */
struct ctl_option {
    const char *name;
    const char *value; /* what it is, for the help; NULL: the option stands alone */
    const char *help;
};

struct ctl {
    const struct ctl_command *command;
    const char *config; /* NULL: $CUBBY_CONFIG, else none */
    bool json;
    size_t word_count;
    const char *words[CTL_WORDS_MAX];    /* NULL behind the last */
    const char *values[CTL_OPTIONS_MAX]; /* of command->options, in their order; NULL: not given */
    struct conf conf;
    struct collections collections;
    struct store *store;  /* NULL before ctl_open() */
    struct bus_pub *bus;  /* NULL before ctl_tell() */
    int64_t progress_at;  /* ms of the last line of progress, 0: none was shown */
    const char *progress; /* what goes on */
    struct arena mem;
};

/* --- open.c: the installation --- */

/* Load the settings. False: it was said why. */
bool ctl_load(struct ctl *c) must_check;

/* The same for a command that works on the data folder: files of another user's making would keep
 * the programs out. */
bool ctl_load_data(struct ctl *c) must_check;

/* The settings, the declarations, and the store: to write, or `reader`. False: it was said why. */
bool ctl_open(struct ctl *c, bool reader) must_check;
void ctl_close(struct ctl *c);

/* The data folder of the settings, for those that do without the store. */
const char *ctl_data_dir(struct ctl *c);

/* The programs that run hear that the sessions of this account are to be looked at again. */
void ctl_tell_revoked(struct ctl *c, struct str user_id);

struct relay_line ctl_relay(struct ctl *c);
struct organization_call ctl_call(struct ctl *c, struct space *main_db, struct str user_id);

/* The account of this address or id. False: it was said that there is none. */
bool ctl_find_user(struct ctl *c, const char *who, struct account *out) must_check;

/* --- password.c --- */

/*
 * The hash of a password that may be set: of the first line of standard input (the option
 * password-stdin, which the command has), or asked for on the terminal. False: it was said why.
 */
bool ctl_password_hash(struct ctl *c, struct str *hash) must_check;

/* --- account.c --- */

/* A line in the account's activity, in the caller's transaction. */
enum err ctl_account_note(struct space *sp, enum activity_kind kind, struct str detail) must_check;

/* The account's file and row; an account without a file cannot be. */
enum err ctl_account_make(struct ctl *c, const struct account *a) must_check;

/* All sessions, and a line in the activity; the streams end as soon as the programs hear of it. */
enum err ctl_account_end_sessions(struct ctl *c, struct str id, enum activity_kind kind) must_check;

/* The account and all its data. ERR_CONFLICT: it owns an organization with members. */
enum err ctl_account_drop(struct ctl *c, struct str id) must_check;

/* --- export.c --- */

/* The option --format, which the command has; *is_csv stays as it is where it is not given. False:
 * it was said what it takes. */
bool ctl_read_format(struct ctl *c, bool *is_csv) must_check;

/* --- output.c --- */

/* The option's value ("" for one that stands alone), NULL: it was not given. Asserts that the
 * command has it. */
const char *ctl_option(const struct ctl *c, const char *name);

/* Say on standard error (and, with --json, as {"ok":false,"error":…} on standard output) what went
 * wrong; CTL_FAILED. */
int ctl_fail(struct ctl *c, const char *fmt, ...) printf_like(2, 3);

/* The same for an error of the store, about `what`. */
int ctl_fail_with(struct ctl *c, enum err e, const char *what);

/* Print text with a line end. */
void ctl_print(struct str text);

/* A bar on standard error, where that is a terminal; ctl_progress_end() removes it. */
struct progress ctl_progress(struct ctl *c, const char *what);
void ctl_progress_end(struct ctl *c);

/* "1.5 MiB" in mem. */
struct str ctl_bytes(struct ctl *c, int64_t bytes);

#endif
