/* Checking a value against a compiled schema: types, scalars, and schemas made of schemas. */
#include "base/base.h"

#include <stdarg.h>

#include "base/utf8.h"
#include "wire/schema_run.h"

/*
 * Nodes within nodes; a value 64 deep under a schema of three layers per level stays far below.
 * Bounds the C stack.
 */
#define RUN_DEPTH 1000

/* Each schema may look at each value this often on average; only circles of `$ref`s need more. */
#define RUN_REPEATS 4

bool schema_problem(struct schema_run *r, const struct place *at, const char *fmt, ...)
{
    if (schema_has_enough(r))
        return false;
    char message[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    r->problems->list[r->problems->count++] = (struct problem){
        .path = place_text(at, r->mem), .message = arena_dup(r->mem, str_from_c(message))};
    return false;
}

/* "s" for what there are several of. */
static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* --- types --------------------------------------------------------------------------------------
 */

static bool has_type(const struct schema_node *node, struct json_value v)
{
    if (node->types == 0 || node->types & 1u << json_type(v))
        return true;
    if (json_type(v) != JSON_NUMBER || !(node->types & SCHEMA_WHOLE))
        return false;
    struct json_number n = json_number_read(json_raw(v));
    return json_number_is_whole(&n);
}

static bool wrong_type(struct schema_run *r, const struct schema_node *node, const struct place *at)
{
    static const struct {
        unsigned bit;
        const char *words;
    } types[] = {
        {1u << JSON_STRING, "a string"},  {1u << JSON_NUMBER, "a number"},
        {SCHEMA_WHOLE, "a whole number"}, {1u << JSON_TRUE, "true or false"},
        {1u << JSON_ARRAY, "a list"},     {1u << JSON_OBJECT, "an object"},
        {1u << JSON_NULL, "null"},
    };
    char words[128] = "";
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (node->types & types[i].bit)
            n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", n ? " or " : "",
                                  types[i].words);
    return schema_problem(r, at, "must be %s", words);
}

static bool is_among(const struct schema_values *values, struct json_value v)
{
    for (size_t i = 0; i < values->count; i++)
        if (json_equal(values->list[i], v))
            return true;
    return false;
}

static bool check_values(struct schema_run *r, const struct schema_node *node, struct json_value v,
                         const struct place *at)
{
    bool ok = true;
    if (node->enumeration && !is_among(node->enumeration, v))
        ok = schema_problem(r, at, "must be one of %.*s", STR_ARG(node->enumeration->text));
    if (node->constant && !is_among(node->constant, v))
        ok = schema_problem(r, at, "must be %.*s", STR_ARG(node->constant->text));
    return ok;
}

/* --- numbers ------------------------------------------------------------------------------------
 */

static bool check_number(struct schema_run *r, const struct schema_node *node, struct json_value v,
                         const struct place *at)
{
    const struct {
        const struct schema_number *limit;
        int low, high; /* how the value may compare */
        const char *words;
    } limits[] = {
        {node->minimum, 0, 1, "at least"},
        {node->maximum, -1, 0, "at most"},
        {node->exclusive_minimum, 1, 1, "more than"},
        {node->exclusive_maximum, -1, -1, "less than"},
    };
    bool ok = true;
    struct json_number n = json_number_read(json_raw(v));
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        if (!limits[i].limit)
            continue;
        int order = json_number_compare(&n, &limits[i].limit->value);
        if (order < limits[i].low || order > limits[i].high)
            ok = schema_problem(r, at, "must be %s %.*s", limits[i].words,
                                STR_ARG(limits[i].limit->text));
    }
    if (node->multiple_of && !json_number_is_multiple(&n, &node->multiple_of->value))
        ok = schema_problem(r, at, "must be a multiple of %.*s", STR_ARG(node->multiple_of->text));
    return ok;
}

/* --- strings ------------------------------------------------------------------------------------
 */

static bool check_length(struct schema_run *r, const struct schema_node *node, struct str s,
                         const struct place *at)
{
    /* A code point is one to four bytes: most lengths need no counting. */
    if (s.n / 4 >= node->min_length && s.n <= node->max_length)
        return true;
    size_t length = utf8_count(s);
    if (length < node->min_length)
        return schema_problem(r, at, "must be at least %zu character%s long", node->min_length,
                              plural(node->min_length));
    if (length > node->max_length)
        return schema_problem(r, at, "must be at most %zu character%s long", node->max_length,
                              plural(node->max_length));
    return true;
}

static bool check_string(struct schema_run *r, const struct schema_node *node, struct json_value v,
                         const struct place *at)
{
    if (node->min_length == 0 && node->max_length == SIZE_MAX && !node->pattern && !node->format)
        return true;
    struct str s = json_string(v, r->mem);
    bool ok = check_length(r, node, s, at);
    if (node->format && !node->format->fits(s))
        ok = schema_problem(r, at, "%s", node->format->message);
    /* A limit on the length is a limit on the pattern's work too. */
    if (ok && node->pattern && !pattern_matches(node->pattern, s)) {
        struct str text = place_shorten(pattern_text(node->pattern), 200, r->mem);
        ok = schema_problem(r, at, "must match the pattern %.*s", STR_ARG(text));
    }
    return ok;
}

/* --- schemas of schemas -------------------------------------------------------------------------
 */

/* How many of the schemas v fits, counted up to `enough`. */
static size_t count_fitting(struct schema_run *r, const struct schema_list *list,
                            struct json_value v, const struct place *at, size_t enough)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count && n < enough; i++)
        n += schema_fits(r, list->list[i], v, at);
    return n;
}

static bool check_condition(struct schema_run *r, const struct schema_node *node,
                            struct json_value v, const struct place *at)
{
    const struct schema_node *rest =
        schema_fits(r, node->if_fits, v, at) ? node->then_fit : node->else_fit;
    return !rest || schema_check(r, rest, v, at);
}

static bool check_combinations(struct schema_run *r, const struct schema_node *node,
                               struct json_value v, const struct place *at)
{
    bool ok = !node->ref || schema_check(r, node->ref, v, at);
    for (size_t i = 0; i < node->all_of.count; i++)
        ok &= schema_check(r, node->all_of.list[i], v, at);
    if (node->any_of.count && count_fitting(r, &node->any_of, v, at, 1) == 0)
        ok = schema_problem(r, at, "must have one of the allowed forms");
    if (node->one_of.count && count_fitting(r, &node->one_of, v, at, 2) != 1)
        ok = schema_problem(r, at, "must have exactly one of the allowed forms");
    if (node->not_fitting && schema_fits(r, node->not_fitting, v, at))
        ok = schema_problem(r, at, "has a form that is not allowed");
    if (node->if_fits)
        ok &= check_condition(r, node, v, at);
    return ok;
}

/* --- the walk -----------------------------------------------------------------------------------
 */

static bool check_content(struct schema_run *r, const struct schema_node *node, struct json_value v,
                          const struct place *at)
{
    switch (json_type(v)) {
    case JSON_NUMBER:
        return check_number(r, node, v, at);
    case JSON_STRING:
        return check_string(r, node, v, at);
    case JSON_ARRAY:
        return schema_check_array(r, node, v, at);
    case JSON_OBJECT:
        return schema_check_object(r, node, v, at);
    default:
        return true;
    }
}

static bool check_node(struct schema_run *r, const struct schema_node *node, struct json_value v,
                       const struct place *at)
{
    if (node->never)
        return schema_problem(r, at, "is not allowed");
    if (!has_type(node, v))
        return wrong_type(r, node, at);
    bool ok = check_values(r, node, v, at);
    if (ok || !schema_has_enough(r))
        ok &= check_content(r, node, v, at);
    if (node->is_combined && (ok || !schema_has_enough(r)))
        ok &= check_combinations(r, node, v, at);
    return ok;
}

bool schema_check(struct schema_run *r, const struct schema_node *node, struct json_value v,
                  const struct place *at)
{
    if (r->budget == 0 || r->depth == RUN_DEPTH)
        r->gave_up = true;
    if (r->gave_up)
        return false;
    r->budget--;
    r->depth++;
    bool ok = check_node(r, node, v, at);
    r->depth--;
    return ok;
}

bool schema_fits(struct schema_run *r, const struct schema_node *node, struct json_value v,
                 const struct place *at)
{
    struct problems *problems = r->problems;
    r->problems = NULL;
    bool ok = schema_check(r, node, v, at);
    r->problems = problems;
    return ok;
}

bool schema_validate(const struct schema *s, struct json_value v, struct problems *problems)
{
    const struct place root = {.name = STR("$")};
    uint64_t values = (uint64_t)(json_token(v)->next - v.at) + 1;
    struct schema_run r = {
        .problems = problems, .mem = problems->mem, .budget = RUN_REPEATS * values * s->node_count};
    bool ok = schema_check(&r, s->root, v, &root);
    if (!r.gave_up)
        return ok;
    r.gave_up = false;
    return schema_problem(&r, &root, "is too deeply nested to be checked");
}
