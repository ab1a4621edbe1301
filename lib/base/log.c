/* Lines of key=value on standard error. */
#include "base/base.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LINE_MAX_BYTES 2048

static const char *program_name = "cubby";
static enum log_level max_level = LOG_LEVEL_INFO;

enum log_level log_level_parse(struct str name)
{
    if (str_eq(name, STR("error")))
        return LOG_LEVEL_ERROR;
    if (str_eq(name, STR("warn")))
        return LOG_LEVEL_WARN;
    return str_eq(name, STR("debug")) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void log_open(const char *program, enum log_level level)
{
    program_name = program;
    max_level = level;
}

/* A line from outside must not forge a second one. */
static void mask_control_characters(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = ' ';
}

static void write_line(const char *level, const char *fmt, va_list args)
{
    char line[LINE_MAX_BYTES], time[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_ms(), time);
    int head =
        snprintf(line, sizeof line, "time=%s program=%s level=%s ", time, program_name, level);
    int body = vsnprintf(line + head, sizeof line - (size_t)head, fmt, args);
    size_t n = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    mask_control_characters(line, n);
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nowhere left to say so */
}

#define DEFINE_LOG(function, lvl, word)                                                            \
    void function(const char *fmt, ...)                                                            \
    {                                                                                              \
        va_list args;                                                                              \
        if ((lvl) > max_level)                                                                     \
            return;                                                                                \
        va_start(args, fmt);                                                                       \
        write_line(word, fmt, args);                                                               \
        va_end(args);                                                                              \
    }

DEFINE_LOG(log_error, LOG_LEVEL_ERROR, "error")
DEFINE_LOG(log_warn, LOG_LEVEL_WARN, "warn")
DEFINE_LOG(log_info, LOG_LEVEL_INFO, "info")
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG, "debug")

void fatal(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_line("fatal", fmt, args);
    va_end(args);
    abort();
}
