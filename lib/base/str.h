/*
 * Borrowed bytes: struct str looks and never frees. Not necessarily '\0'-terminated; p may be NULL
 * when n is 0 ("absent" is told from "empty" by p == NULL where a header says so).
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/base.h"

struct str {
    const char *p;
    size_t n;
};

/* A string literal as str. */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_NULL ((struct str){NULL, 0})

/* For printf: log_info("path=%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct str str_make(const char *p, size_t n)
{
    return (struct str){p, n};
}

/* The bytes before the '\0' of c (NULL: an absent str). For the environment and literals only. */
struct str str_from_c(const char *c);

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case-insensitive. */
bool str_eq_nocase(struct str a, struct str b);

/* Byte order, like memcmp; a prefix sorts first. */
int str_cmp(struct str a, struct str b);

bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);

/* Position of the first c in s, or s.n. */
size_t str_find(struct str s, char c);

/* The part of s from position `from` (clamped) to its end. */
struct str str_from(struct str s, size_t from);

/* s without ASCII white space at both ends. */
struct str str_trim(struct str s);

/*
 * Split *rest at the first sep: the part before it goes to *head, the part after it stays in *rest.
 * Without a sep *head is everything and *rest becomes STR_NULL. False when *rest is STR_NULL
 * (p == NULL): a loop `while (str_next(&rest, ',', &item))` sees every item, empty ones included.
 */
bool str_next(struct str *rest, char sep, struct str *head);

/* Decimal digits with an optional '-', nothing else, within [min, max]; false otherwise. */
bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out);

/* Digits only; a number above max counts as max. *out is left alone on failure. */
bool str_to_capped(struct str s, int64_t max, int64_t *out);

/* Decimal digits only, at most max; false otherwise. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

#endif
