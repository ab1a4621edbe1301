/*
 * Lines of key=value (logfmt), or of JSON. Never a token, a password, an address or a row. Nothing
 * under lib/ calls these except mem.c and fatal errors of our own making: errors are returned.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* "error", "warn", "debug"; everything else is LOG_LEVEL_INFO. */
enum log_level log_level_parse(struct str name);

/*
 * Set the program's name and the least important level written. Lines go to standard error, one
 * write(2) each, so that lines of several threads and processes never mix.
 */
void log_open(const char *program, enum log_level level);

/* From now on each line is a JSON object of the same members; words that belong to none are
 * "message". */
void log_use_json(bool on);

/* This thread's lines are about that request from now on, until the next call; empty: about none.
 * The id is copied. */
void log_request(struct str id);

void log_error(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
void log_info(const char *fmt, ...) printf_like(1, 2);
void log_debug(const char *fmt, ...) printf_like(1, 2);

/* Write the line and abort: our own mistake or no memory. */
void fatal(const char *fmt, ...) printf_like(1, 2) __attribute__((noreturn));

#endif
