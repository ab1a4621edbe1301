/*
 * The only user of cJSON. It sees strictly checked text alone: depth, names and \u0000 are settled
 * before; numbers it could not hold exactly, or would stop reading at 63 characters, are refused.
 */
#include "base/base.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "base/log.h"
#include "base/utf8.h"
#include "wire/tree.h"

#define EXACT_MAX         (INT64_C(1) << 53)
#define NUMBER_CHARACTERS 60

/* A struct tree is a cJSON under another name; nothing looks inside but through these two. */
static const cJSON *item(const struct tree *t)
{
    return (const cJSON *)(const void *)t;
}

static const struct tree *node(const cJSON *c)
{
    return (const struct tree *)(const void *)c;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static struct str describe(struct str text, size_t at, const char *error, struct arena *mem)
{
    size_t line = 1, begin = 0;
    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    size_t column = utf8_count(str_make(text.p + begin, at - begin)) + 1;
    return arena_printf(mem, "line %zu, column %zu: %s", line, column, error);
}

/* What is wrong with a number, or NULL. */
static const char *number_error(struct json_value v)
{
    int64_t whole;
    double d;
    if (json_raw(v).n > NUMBER_CHARACTERS)
        return "a number has too many digits";
    bool fits = json_to_i64(v, &whole) ? whole >= -EXACT_MAX && whole <= EXACT_MAX
                                       : json_to_double(v, &d) && fabs(d) <= (double)EXACT_MAX;
    return fits ? NULL : "a number is beyond 9007199254740992 (2^53) in size";
}

enum err tree_parse(struct tree **out, struct str text, struct arena *mem, struct str *error)
{
    struct json doc;
    enum err e = json_parse(&doc, text, JSON_STRICT, mem);
    if (e != OK) {
        *error = describe(text, doc.error_at, doc.error, mem);
        return e;
    }
    for (uint32_t i = 0; i < doc.count; i++) {
        if (doc.tokens[i].type != JSON_NUMBER)
            continue;
        const char *wrong = number_error((struct json_value){&doc, i});
        if (wrong) {
            *error = describe(text, doc.tokens[i].start, wrong, mem);
            return ERR_INVALID_JSON;
        }
    }
    cJSON *root = cJSON_ParseWithLength(text.p, text.n);
    if (!root)
        fatal("tree: no memory: bytes=%zu", text.n);
    *out = (struct tree *)(void *)root;
    return OK;
}

void tree_free(struct tree *root)
{
    cJSON_Delete((cJSON *)(void *)root);
}

/* --- walking ------------------------------------------------------------------------------------
 */

enum json_type tree_type(const struct tree *t)
{
    switch (item(t)->type & 0xff) {
    case cJSON_False:
        return JSON_FALSE;
    case cJSON_True:
        return JSON_TRUE;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

bool tree_is(const struct tree *t, enum json_type type)
{
    return t && tree_type(t) == type;
}

const struct tree *tree_get(const struct tree *obj, const char *name)
{
    if (!tree_is(obj, JSON_OBJECT))
        return NULL;
    return node(cJSON_GetObjectItemCaseSensitive(item(obj), name));
}

const struct tree *tree_first(const struct tree *t)
{
    return node(item(t)->child);
}

const struct tree *tree_next(const struct tree *t)
{
    return node(item(t)->next);
}

size_t tree_count(const struct tree *t)
{
    size_t n = 0;
    for (const struct tree *c = tree_first(t); c; c = tree_next(c))
        n++;
    return n;
}

struct str tree_name(const struct tree *t)
{
    return str_from_c(item(t)->string);
}

struct str tree_string(const struct tree *t)
{
    assert(tree_is(t, JSON_STRING));
    return str_from_c(item(t)->valuestring);
}

double tree_number(const struct tree *t)
{
    assert(tree_is(t, JSON_NUMBER));
    return item(t)->valuedouble;
}

bool tree_integer(const struct tree *t, int64_t *out)
{
    if (!tree_is(t, JSON_NUMBER))
        return false;
    double d = tree_number(t);
    if (d != trunc(d) || fabs(d) > (double)EXACT_MAX)
        return false;
    *out = (int64_t)d;
    return true;
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* The shortest of the two usual forms that reads back as the same double. */
static void print_number(const struct tree *t, struct buf *out)
{
    int64_t whole;
    if (tree_integer(t, &whole)) {
        buf_append_i64(out, whole);
        return;
    }
    char text[40];
    snprintf(text, sizeof text, "%.15g", tree_number(t));
    if (strtod(text, NULL) != tree_number(t))
        snprintf(text, sizeof text, "%.17g", tree_number(t));
    buf_append_str(out, str_from_c(text));
}

static void print_children(const struct tree *t, struct buf *out)
{
    for (const struct tree *c = tree_first(t); c; c = tree_next(c)) {
        if (c != tree_first(t))
            buf_append_ch(out, ',');
        if (tree_is(t, JSON_OBJECT)) {
            json_append_string(out, tree_name(c));
            buf_append_ch(out, ':');
        }
        tree_print(c, out);
    }
}

void tree_print(const struct tree *t, struct buf *out)
{
    switch (tree_type(t)) {
    case JSON_NULL:
        buf_append_lit(out, "null");
        return;
    case JSON_FALSE:
        buf_append_lit(out, "false");
        return;
    case JSON_TRUE:
        buf_append_lit(out, "true");
        return;
    case JSON_NUMBER:
        print_number(t, out);
        return;
    case JSON_STRING:
        json_append_string(out, tree_string(t));
        return;
    case JSON_ARRAY:
        buf_append_ch(out, '[');
        print_children(t, out);
        buf_append_ch(out, ']');
        return;
    case JSON_OBJECT:
        buf_append_ch(out, '{');
        print_children(t, out);
        buf_append_ch(out, '}');
        return;
    }
}
