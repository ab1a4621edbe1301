/* Lines of key=value, or the same as JSON, on standard error. */
#include "base/base.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_json.h"
#include "base/request_id.h"

static const char *program_name = "cubby";
static enum log_level max_level = LOG_LEVEL_INFO;
static bool as_json;

/* Of the request that this thread is about; empty: none. */
static _Thread_local char request[REQUEST_ID_MAX + 1];

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

void log_use_json(bool on)
{
    as_json = on;
}

void log_request(struct str id)
{
    size_t n = id.n < REQUEST_ID_MAX ? id.n : REQUEST_ID_MAX;
    if (n)
        memcpy(request, id.p, n);
    request[n] = '\0';
}

/* A line from outside must not forge a second one. */
static void mask_control_characters(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = ' ';
}

/* Append to text as printf does; what does not fit is cut off. */
static void append(char *text, size_t *n, const char *fmt, va_list args)
{
    int more = vsnprintf(text + *n, LOG_TEXT_MAX - *n, fmt, args);
    *n += more > 0 ? (size_t)more : 0;
    *n = *n < LOG_TEXT_MAX ? *n : LOG_TEXT_MAX - 1;
}

static void append_head(char *text, size_t *n, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append(text, n, fmt, args);
    va_end(args);
}

static void write_bytes(const char *p, size_t n)
{
    if (write(STDERR_FILENO, p, n) < 0)
        return; /* nowhere left to say so */
}

static void write_line(const char *level, const char *fmt, va_list args)
{
    char text[LOG_TEXT_MAX + 1], json[LOG_JSON_MAX + 3], time[CLOCK_ISO_LEN + 1];
    size_t n = 0;
    clock_iso(clock_wall_ms(), time);
    append_head(text, &n, "time=%s program=%s level=%s ", time, program_name, level);
    if (*request)
        append_head(text, &n, "request=%s ", request);
    append(text, &n, fmt, args);
    mask_control_characters(text, n);
    if (!as_json) {
        text[n++] = '\n';
        write_bytes(text, n);
        return;
    }
    json[0] = '{';
    n = 1 + log_json(json + 1, str_make(text, n));
    json[n++] = '}';
    json[n++] = '\n';
    write_bytes(json, n);
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
