/* A log line's text of key=value as a JSON object. Only log.c calls it: it takes what that makes.
 */
#ifndef BASE_LOG_JSON_H
#define BASE_LOG_JSON_H

#include "base/str.h"

/* Bytes of a text, and of what is made of it. */
#define LOG_TEXT_MAX 2048
#define LOG_JSON_MAX (4 * LOG_TEXT_MAX)

/*
 * Write the members of text, LOG_TEXT_MAX bytes at most and none of them a control character, to
 * out, which has LOG_JSON_MAX: each key=value and key="value" is one, whole numbers are
 * numbers, and the words between them are "message". Without braces; returns how many bytes.
 */
size_t log_json(char *out, struct str text);

#endif
