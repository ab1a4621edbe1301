/*
 * First include of every .c file: the integer types, the few macros used everywhere, and the
 * functions that do not compile here.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The result is an error code: looking at it is not optional. */
#define must_check __attribute__((warn_unused_result))

#define printf_like(fmt, first) __attribute__((format(printf, fmt, first)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#include "base/banned.h"

#endif
