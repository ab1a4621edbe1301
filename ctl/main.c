/* cubbyctl: reads the command line, and runs the row of the table that it names. */
#include "base/base.h"

#include <signal.h>

#include "base/log.h"
#include "commands.h"

/* Words and options as they were given, before it is known whose options they are. */
struct line {
    const char *words[CTL_WORDS_MAX + 2];
    size_t word_count;
    bool help;
};

static int refuse(const char *what, const char *which)
{
    fprintf(stderr, "cubbyctl: %s: %s; see `cubbyctl --help`\n", which, what);
    return CTL_USAGE;
}

/* Index of the command's option with this name, or CTL_OPTIONS_MAX. */
static size_t find_option(const struct ctl_command *command, struct str name)
{
    size_t i = 0;
    while (i < CTL_OPTIONS_MAX &&
           !(command->options[i].name && str_eq(name, str_from_c(command->options[i].name))))
        i++;
    return i;
}

/*
 * argv[*at] is an option: take it, and its value in the same or the next argument. Options that all
 * commands have may stand before the command.
 */
static int read_option(struct ctl *c, struct line *l, char **argv, int *at)
{
    struct str text = str_from_c(argv[*at] + 2), name;
    str_next(&text, '=', &name);
    bool is_config = str_eq(name, STR("config"));
    size_t i = c->command ? find_option(c->command, name) : CTL_OPTIONS_MAX;
    bool takes = is_config || (i < CTL_OPTIONS_MAX && c->command->options[i].value);
    const char *value = text.p;
    if (takes && !value && (value = argv[*at + 1]) != NULL)
        ++*at;
    if (takes && !value)
        return refuse("it needs a value", argv[*at]);
    if (!takes && text.p)
        return refuse("it takes no value", argv[*at]);
    if (is_config)
        c->config = value;
    else if (str_eq(name, STR("json")))
        c->json = true;
    else if (str_eq(name, STR("help")))
        l->help = true;
    else if (i < CTL_OPTIONS_MAX)
        c->values[i] = takes ? value : "";
    else
        return refuse("no such option", argv[*at]);
    return CTL_DONE;
}

static int read_line(struct ctl *c, struct line *l, int argc, char **argv)
{
    bool options = true;
    size_t used = 0;
    int code = CTL_DONE;
    for (int i = 1; !code && i < argc; i++) {
        bool is_option = options && argv[i][0] == '-' && argv[i][1] == '-';
        if (is_option && !argv[i][2])
            options = false;
        else if (is_option)
            code = read_option(c, l, argv, &i);
        else if (l->word_count == ARRAY_LEN(l->words))
            code = refuse("too many words", argv[i]);
        else
            l->words[l->word_count++] = argv[i];
        if (!c->command)
            c->command = commands_find(l->words, l->word_count, &used);
    }
    for (size_t i = used; i < l->word_count && c->command; i++)
        if (c->word_count < CTL_WORDS_MAX)
            c->words[c->word_count++] = l->words[i];
    return code;
}

static int run(struct ctl *c, const struct line *l)
{
    if (l->help && c->command) {
        commands_print_help(c->command);
        return CTL_DONE;
    }
    if (l->help || !c->command) {
        if (l->word_count)
            return refuse("no such command", l->words[0]);
        commands_print_usage(l->help ? stdout : stderr);
        return l->help ? CTL_DONE : CTL_USAGE;
    }
    if (c->word_count < c->command->words_min || c->word_count > c->command->words_max) {
        fprintf(stderr, "usage: cubbyctl %s %s\n", c->command->name, c->command->args);
        return CTL_USAGE;
    }
    int code = c->command->run(c);
    if (fflush(stdout) != 0 && !code)
        code = ctl_fail(c, "standard output cannot be written to");
    return code;
}

int main(int argc, char **argv)
{
    struct ctl c = {.config = getenv("CUBBY_CONFIG"), .mem = ARENA_INIT};
    struct line l = {.word_count = 0};
    log_open("cubbyctl", LOG_LEVEL_WARN);
    signal(SIGPIPE, SIG_IGN);
    int code = read_line(&c, &l, argc, argv);
    if (!code)
        code = run(&c, &l);
    ctl_close(&c);
    return code;
}
