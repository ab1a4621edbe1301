/* JSON documents of tests, parsed from literals that lie against an unreadable page. */
#ifndef TESTS_LIB_JSON_DOC_H
#define TESTS_LIB_JSON_DOC_H

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/json.h"

/* The root of a text that has to be right; all of it lives in mem. */
static inline struct json_value json_doc(struct arena *mem, const char *text)
{
    struct json *doc = arena_alloc(mem, sizeof *doc);
    struct str copy = arena_dup(mem, guard_copy(str_from_c(text)));
    enum err e = json_parse(doc, copy, JSON_WITH_NUL, mem);
    if (e != OK)
        fail_msg("%s: %s at %zu", text, doc->error, doc->error_at);
    return json_root(doc);
}

#define assert_str(s, expected)                                                                    \
    do {                                                                                           \
        struct str got_ = (s);                                                                     \
        if (!str_eq(got_, str_from_c(expected)))                                                   \
            fail_msg("got %.*s", STR_ARG(got_));                                                   \
    } while (0)

#endif
