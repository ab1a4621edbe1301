/* What is said: results, failures, progress. */
#include "base/base.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "commands.h"
#include "wire/json.h"

#define PROGRESS_MS 100 /* between two lines of progress */
#define BAR         30

const char *ctl_option(const struct ctl *c, const char *name)
{
    for (size_t i = 0; i < CTL_OPTIONS_MAX; i++)
        if (c->command->options[i].name && strcmp(c->command->options[i].name, name) == 0)
            return c->values[i];
    assert(!"the command has this option");
    return NULL;
}

void ctl_print(struct str text)
{
    printf("%.*s\n", STR_ARG(text));
}

int ctl_fail(struct ctl *c, const char *fmt, ...)
{
    char text[1024];
    struct buf json = BUF_INIT;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ctl_progress_end(c);
    fprintf(stderr, "cubbyctl %s: %s\n", c->command->name, text);
    if (c->json) {
        buf_append_lit(&json, "{\"ok\":false,\"error\":");
        json_append_string(&json, str_from_c(text));
        buf_append_ch(&json, '}');
        ctl_print(buf_str(&json));
        buf_release(&json);
    }
    return CTL_FAILED;
}

static const char *advice(enum err e)
{
    switch (e) {
    case ERR_BUSY:
        return "it is in use: try again";
    case ERR_FULL:
        return "the disk is full: make room, and try again";
    case ERR_CORRUPT:
        return "the file is damaged: `cubbyctl verify` says where, `cubbyctl restore --user` puts "
               "a backup in its place";
    case ERR_TOO_NEW:
        return "a newer version of this program wrote the file: use that one";
    case ERR_NOT_FOUND:
        return "there is no such thing";
    default:
        return NULL;
    }
}

int ctl_fail_with(struct ctl *c, enum err e, const char *what)
{
    const char *text = advice(e);
    return text ? ctl_fail(c, "%s: %s", what, text)
                : ctl_fail(c, "%s: %.*s", what, STR_ARG(err_text(e)));
}

/* --- progress --------------------------------------------------------------------------------- */

static void show_progress(void *arg, size_t done, size_t total)
{
    struct ctl *c = arg;
    char bar[BAR + 1];
    int64_t now = clock_mono_ms();
    if (c->progress_at && now - c->progress_at < PROGRESS_MS)
        return;
    size_t full = total ? done * BAR / total : 0;
    for (size_t i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r%s [%s] %zu of %zu ", c->progress, bar, done, total);
    c->progress_at = now;
}

struct progress ctl_progress(struct ctl *c, const char *what)
{
    c->progress = what;
    return (struct progress){isatty(STDERR_FILENO) ? show_progress : NULL, c};
}

void ctl_progress_end(struct ctl *c)
{
    if (c->progress_at)
        fputs("\r\033[K", stderr);
    c->progress_at = 0;
}

struct str ctl_bytes(struct ctl *c, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes / 1024;
    size_t unit = 0;
    if (bytes < 1024)
        return arena_printf(&c->mem, "%lld B", (long long)bytes);
    while (n >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        n /= 1024;
        unit++;
    }
    return arena_printf(&c->mem, "%.1f %s", n, units[unit]);
}
