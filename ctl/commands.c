/*
 * The table of commands. To add one:
 *   1. a row here, in the order of the help;
 *   2. its function in the file of its group, declared in commands.h;
 *   3. docs/man/cubbyctl.1, and a test in tests/ctl/.
 */
#include "base/base.h"

#include "commands.h"

static const struct ctl_command commands[] = {
    {"user list", "", "List the accounts", user_list, 0, 0, {{0}}, NULL},
    {"user show",
     "USER",
     "Show an account, its size and its sessions",
     user_show,
     1,
     1,
     {{0}},
     "USER is an address or an id."},
    {"user create",
     "EMAIL",
     "Make an account",
     user_create,
     1,
     1,
     {{"password-stdin", NULL, "the password is the first line of standard input"},
      {"no-password", NULL, "it has none: its owner asks for a new one by mail"},
      {"verified", NULL, "its address counts as verified"}},
     "Without an option the password is asked for on the terminal."},
    {"user disable",
     "USER",
     "End all sessions of an account and refuse new ones",
     user_disable,
     1,
     1,
     {{0}},
     NULL},
    {"user enable", "USER", "Let an account sign in again", user_enable, 1, 1, {{0}}, NULL},
    {"user delete",
     "USER",
     "Delete an account and all its data",
     user_delete,
     1,
     1,
     {{"yes", NULL, "do it"}},
     "An account that owns an organization with members is not deleted."},
    {"user impersonate",
     "USER",
     "Print a token that acts as this account",
     user_impersonate,
     1,
     1,
     {{"expires", "SECONDS", "how long it is good (900)"}},
     "The account's activity tells of it."},
    {"admin create",
     "EMAIL",
     "Make an administrator of the admin page",
     admin_create,
     1,
     1,
     {{"password-stdin", NULL, "the password is the first line of standard input"}},
     "Prints the secret of the authenticator app, once. The setting admin turns the page on."},
    {"admin list", "", "List the administrators", admin_list, 0, 0, {{0}}, NULL},
    {"admin reset",
     "EMAIL",
     "Give an administrator a new password and a new secret",
     admin_reset,
     1,
     1,
     {{"password-stdin", NULL, "the password is the first line of standard input"}},
     "Its sessions end. Prints the secret of the authenticator app, once."},
    {"admin delete",
     "EMAIL",
     "Remove an administrator, whose sessions end",
     admin_delete,
     1,
     1,
     {{0}},
     NULL},
    {"token",
     "CLAIMS",
     "Print a backend token of these claims, a JSON object",
     token_run,
     1,
     1,
     {{"expires", "SECONDS", "how long it is good; else for ever"}},
     "CLAIMS needs a \"userId\" or \"sub\"."},
    {"backup",
     "FOLDER",
     "Back up the data folder into a new folder within FOLDER",
     backup_run,
     1,
     1,
     {{"full", NULL, "copy everything: no hard links to the backup before"},
      {"rate", "MIB", "copy so much a second (32); 0: as fast as it goes"}},
     "Cubby may run meanwhile. What did not change since the backup before takes no room."},
    {"restore",
     "BACKUP",
     "Put a backup, or one account of it, in place",
     restore_run,
     1,
     1,
     {{"user", "USER", "this account alone, while Cubby runs or not"},
      {"at", "TIME", "the newest that was finished by TIME (2026-01-31T23:59:59.000Z)"},
      {"force", NULL, "replace what is there; it is kept in replaced-<time>"}},
     "BACKUP is one, or a folder of them: then the newest. Everyone has to sign in again."},
    {"export",
     "[USER] TO",
     "Write an account's data, or that of all, to files",
     export_run,
     1,
     2,
     {{"all", NULL, "every account, into the folder TO; no USER"},
      {"format", "json|csv", "a document (json), or a folder of tables (csv)"},
      {"force", NULL, "replace TO; a folder is kept as TO.replaced-<time>"}},
     "The document is that of GET /api/account/export."},
    {"import",
     "USER FROM",
     "Put the rows and keys of a file, or of a folder of CSV, into an account",
     import_run,
     2,
     2,
     {{"format", "json|csv", "what FROM is; else its name says so"},
      {"collection", "NAME", "this one alone; data: the keys. Of CSV: what the file has"},
      {"update", NULL, "rows and keys that are there already become those of FROM"},
      {"skip", NULL, "they stay as they are"},
      {"dry-run", NULL, "say what would be done"}},
     "Cubby may run meanwhile. All is checked before anything is written."},
    {"verify",
     "[BACKUP]",
     "Check every file of the data folder, or of a backup",
     verify_run,
     0,
     1,
     {{0}},
     "Exits with 1 when something is wrong."},
    {"migrate",
     "",
     "Bring every file up to date with this program and the declarations",
     upkeep_migrate,
     0,
     0,
     {{0}},
     "Files are brought up to date when they are first used, too."},
    {"vacuum",
     "[USER]",
     "Give the disk back what deletions left free",
     upkeep_vacuum,
     0,
     1,
     {{0}},
     "Writers of a file wait while it is rewritten."},
    {"tail",
     "[USER]",
     "Print events as they happen",
     tail_run,
     0,
     1,
     {{"seconds", "SECONDS", "end after so long"}},
     "Of every account, organization and shared space, or of one account."},
    {"stats",
     "",
     "Print how many of what there are, and their sizes",
     stats_run,
     0,
     0,
     {{0}},
     NULL},
    {"doctor",
     "",
     "Find what is wrong with the installation, and say what to change",
     doctor_run,
     0,
     0,
     {{"url", "URL", "where users see it; else public_url and base_path"},
      {"no-wait", NULL, "do not wait 70 s to see whether idle streams are cut"},
      {"apache-conf", "FILE", "where Apache's MaxRequestWorkers stands"},
      {"ca", "FILE", "PEM file of who vouches for the certificate"}},
     "Exits with 1 when there is a fault. Makes an account for its requests, and deletes it."},
    {"webhooks run",
     "",
     "Send what the receivers of webhooks have not got yet",
     webhooks_run,
     0,
     0,
     {{0}},
     "For cron where no cubby-pushd runs. Exits with 1 when a receiver did not take something."},
    {"webhooks status",
     "",
     "Print how far each receiver of webhooks is",
     webhooks_status,
     0,
     0,
     {{0}},
     NULL},
    {"webhooks test",
     "URL",
     "Send a signed test event to an address",
     webhooks_test,
     1,
     1,
     {{0}},
     NULL},
    {"completion",
     "",
     "Print completion for bash",
     commands_completion,
     0,
     0,
     {{0}},
     "Used by: source <(cubbyctl completion)"},
};

const struct ctl_command *commands_find(const char *const *words, size_t count, size_t *used)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct str name = str_from_c(commands[i].name), word;
        bool same = true;
        size_t n = 0;
        while (same && str_next(&name, ' ', &word)) {
            same = n < count && str_eq(word, str_from_c(words[n]));
            n++;
        }
        if (same) {
            *used = n;
            return &commands[i];
        }
    }
    return NULL;
}

static size_t option_count(const struct ctl_command *command)
{
    size_t n = 0;
    while (n < CTL_OPTIONS_MAX && command->options[n].name)
        n++;
    return n;
}

void commands_print_usage(FILE *to)
{
    fputs("usage: cubbyctl [--config FILE] [--json] COMMAND\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-17s %-9s %s\n", commands[i].name, commands[i].args, commands[i].summary);
    fputs("\nSettings are those of cubby.fcgi: the file, then the environment. `cubbyctl COMMAND "
          "--help` says more.\n",
          to);
}

void commands_print_help(const struct ctl_command *command)
{
    printf("usage: cubbyctl %s%s%s\n\n%s.\n", command->name, *command->args ? " " : "",
           command->args, command->summary);
    if (command->more)
        printf("%s\n", command->more);
    puts("");
    for (size_t i = 0; i < option_count(command); i++) {
        const struct ctl_option *o = &command->options[i];
        printf("  --%s %-*s %s\n", o->name, (int)(20 - strlen(o->name)), o->value ? o->value : "",
               o->help);
    }
    puts("  --config FILE          the settings file, else $CUBBY_CONFIG\n"
         "  --json                 print JSON");
}

/* --- completion ------------------------------------------------------------------------------- */

/* The first words of all commands, or the second ones behind `first`. */
static void print_words(const char *first)
{
    struct str last = STR("");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct str rest = str_from_c(commands[i].name), head;
        str_next(&rest, ' ', &head);
        if (first && (!rest.p || !str_eq(head, str_from_c(first))))
            continue;
        struct str word = first ? rest : head;
        if (!str_eq(word, last))
            printf("%.*s ", STR_ARG(word));
        last = word;
    }
}

int commands_completion(struct ctl *c)
{
    (void)c;
    puts("# bash completion of cubbyctl: source <(cubbyctl completion)\n"
         "_cubbyctl() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
         "    case \"${COMP_WORDS[*]:1:COMP_CWORD-1}\" in");
    fputs("    '') words='", stdout);
    print_words(NULL);
    fputs("--config --json --help' ;;\n    user) words='", stdout);
    print_words("user");
    fputs("' ;;\n    admin) words='", stdout);
    print_words("admin");
    puts("' ;;");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        printf("    '%s'*) words='", commands[i].name);
        for (size_t k = 0; k < option_count(&commands[i]); k++)
            printf("--%s ", commands[i].options[k].name);
        puts("--config --json --help' ;;");
    }
    puts("    esac\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "}\n"
         "complete -F _cubbyctl cubbyctl");
    return CTL_DONE;
}
