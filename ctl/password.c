/* Passwords that are set: asked for on the terminal or read, looked at, hashed. */
#include "base/base.h"

#include <termios.h>
#include <unistd.h>

#include "commands.h"
#include "domain/account.h"
#include "domain/password.h"

#define HASH_QUEUE 1

/* A line of standard input, in mem; false at its end. What is typed on a terminal is not shown. */
static bool read_secret(struct ctl *c, const char *prompt, struct str *out)
{
    struct termios shown, hidden;
    char line[PASSWORD_MAX + 2];
    bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs(prompt, stderr);
    }
    bool read = fgets(line, sizeof line, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputs("\n", stderr);
    }
    size_t n = read ? strlen(line) : 0;
    if (n && line[n - 1] == '\n')
        n--;
    *out = arena_dup(&c->mem, str_make(line, n));
    return read;
}

static bool ask_password(struct ctl *c, struct str *out)
{
    struct str again;
    if (!ctl_option(c, "password-stdin") && !isatty(STDIN_FILENO)) {
        ctl_fail(c, "a password is needed: on a terminal, or with --password-stdin");
        return false;
    }
    if (!read_secret(c, "Password: ", out)) {
        ctl_fail(c, "there was no password on standard input");
        return false;
    }
    if (ctl_option(c, "password-stdin"))
        return true;
    if (read_secret(c, "Again: ", &again) && str_eq(*out, again))
        return true;
    ctl_fail(c, "the two passwords differ");
    return false;
}

static bool read_weak_list(struct ctl *c, struct weak_list *weak)
{
    struct str message = STR_NULL;
    *weak = (struct weak_list){.count = 0};
    if (!c->conf.password_list.n)
        return true;
    if (weak_load(weak, arena_dup(&c->mem, c->conf.password_list).p, &c->mem, &message) == OK)
        return true;
    ctl_fail(c, "%.*s", STR_ARG(message));
    return false;
}

bool ctl_password_hash(struct ctl *c, struct str *hash)
{
    struct str password, problem;
    struct weak_list weak;
    if (!ask_password(c, &password) || !read_weak_list(c, &weak))
        return false;
    if (!account_password_is_fit(password, &c->conf, &weak, &c->mem, &problem)) {
        ctl_fail(c, "%.*s", STR_ARG(problem));
        return false;
    }
    struct password_pool *pool = password_pool_new(1, HASH_QUEUE);
    enum err e = password_hash(pool, password, &c->mem, hash);
    password_pool_free(pool);
    if (e)
        ctl_fail_with(c, e, "the password");
    return e == OK;
}
