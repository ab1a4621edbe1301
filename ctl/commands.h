/* The table of commands, and what is made of it: help and shell completion. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl.h"

struct ctl_command {
    const char *name; /* one word or two */
    const char *args; /* for the help */
    const char *summary;
    int (*run)(struct ctl *c); /* an exit code */
    size_t words_min, words_max;
    struct ctl_option options[CTL_OPTIONS_MAX]; /* up to the first without a name */
    const char *more;                           /* the help's last paragraph, or NULL */
};

/* The command that the words begin with; *used says how many are its name. NULL: none. */
const struct ctl_command *commands_find(const char *const *words, size_t count, size_t *used);

void commands_print_usage(FILE *to);
void commands_print_help(const struct ctl_command *command);

int admin_create(struct ctl *c);
int admin_delete(struct ctl *c);
int admin_list(struct ctl *c);
int admin_reset(struct ctl *c);
int backup_run(struct ctl *c);
int commands_completion(struct ctl *c);
int doctor_run(struct ctl *c);
int export_run(struct ctl *c);
int import_run(struct ctl *c);
int restore_run(struct ctl *c);
int stats_run(struct ctl *c);
int tail_run(struct ctl *c);
int token_run(struct ctl *c);
int upkeep_migrate(struct ctl *c);
int upkeep_vacuum(struct ctl *c);
int user_create(struct ctl *c);
int user_delete(struct ctl *c);
int user_disable(struct ctl *c);
int user_enable(struct ctl *c);
int user_impersonate(struct ctl *c);
int user_list(struct ctl *c);
int user_show(struct ctl *c);
int verify_run(struct ctl *c);
int webhooks_run(struct ctl *c);
int webhooks_status(struct ctl *c);
int webhooks_test(struct ctl *c);

#endif
