/*
 * The keywords of JSON Schema: one row of keywords[] each. To add one: a field in schema_node.h, a
 * row here (with a reader, if none of them fits), a check in schema_run.c.
 */
#include "base/base.h"

#include "wire/schema_compile.h"

static bool fail(struct schema_compiler *c, const struct place *at, const char *message)
{
    *c->error = arena_printf(c->mem, "%s: %s", place_text(at, c->mem).p, message);
    return false;
}

static void *keep(struct schema_compiler *c, size_t count, size_t size)
{
    return arena_zalloc(&c->schema->mem, count, size);
}

static struct str keep_str(struct schema_compiler *c, struct str s)
{
    return arena_dup(&c->schema->mem, s);
}

static struct str keep_text(struct schema_compiler *c, const struct tree *t)
{
    struct buf text = BUF_INIT;
    tree_print(t, &text);
    struct str kept = keep_str(c, buf_str(&text));
    buf_release(&text);
    return kept;
}

/* --- readers ------------------------------------------------------------------------------------
 */

static bool read_nothing(struct schema_compiler *c, const struct tree *value,
                         const struct place *at, struct schema_node *node, void *field)
{
    (void)c, (void)value, (void)at, (void)node, (void)field;
    return true;
}

/* A size_t. */
static bool read_count(struct schema_compiler *c, const struct tree *value, const struct place *at,
                       struct schema_node *node, void *field)
{
    (void)node;
    int64_t count;
    if (!tree_integer(value, &count) || count < 0)
        return fail(c, at, "must be a whole number, 0 or more");
    *(size_t *)field = (size_t)count;
    return true;
}

/* A bool. */
static bool read_switch(struct schema_compiler *c, const struct tree *value, const struct place *at,
                        struct schema_node *node, void *field)
{
    (void)node;
    if (!tree_is(value, JSON_TRUE) && !tree_is(value, JSON_FALSE))
        return fail(c, at, "must be true or false");
    *(bool *)field = tree_is(value, JSON_TRUE);
    return true;
}

/* A const struct schema_number *. */
static bool read_number(struct schema_compiler *c, const struct tree *value, const struct place *at,
                        struct schema_node *node, void *field)
{
    (void)node;
    if (!tree_is(value, JSON_NUMBER))
        return fail(c, at, "must be a number");
    struct schema_number *number = keep(c, 1, sizeof *number);
    number->text = keep_text(c, value);
    number->value = json_number_read(number->text);
    *(const struct schema_number **)field = number;
    return true;
}

static bool read_multiple(struct schema_compiler *c, const struct tree *value,
                          const struct place *at, struct schema_node *node, void *field)
{
    if (!tree_is(value, JSON_NUMBER) || tree_number(value) <= 0)
        return fail(c, at, "must be a number above 0");
    return read_number(c, value, at, node, field);
}

/* A const struct schema_node *. */
static bool read_schema(struct schema_compiler *c, const struct tree *value, const struct place *at,
                        struct schema_node *node, void *field)
{
    (void)node;
    return (*(const struct schema_node **)field = schema_compile_node(c, value, at)) != NULL;
}

/* A struct schema_list. */
static bool read_schemas(struct schema_compiler *c, const struct tree *value,
                         const struct place *at, struct schema_node *node, void *field)
{
    (void)node;
    struct schema_list *list = field;
    if (!tree_is(value, JSON_ARRAY) || tree_count(value) == 0)
        return fail(c, at, "must be a list of schemas");
    list->list = keep(c, tree_count(value), sizeof(struct schema_node *));
    for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
        const struct place here = {.up = at, .index = list->count};
        if (!(list->list[list->count++] = schema_compile_node(c, t, &here)))
            return false;
    }
    return true;
}

/* A struct schema_names. */
static bool read_names(struct schema_compiler *c, const struct tree *value, const struct place *at,
                       struct schema_node *node, void *field)
{
    (void)node;
    struct schema_names *names = field;
    if (!tree_is(value, JSON_ARRAY))
        return fail(c, at, "must be a list of names");
    names->list = keep(c, tree_count(value), sizeof *names->list);
    for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
        if (!tree_is(t, JSON_STRING))
            return fail(c, at, "must be a list of names");
        for (size_t i = 0; i < names->count; i++)
            if (str_eq(names->list[i], tree_string(t)))
                return fail(c, at, "must not hold a name twice");
        names->list[names->count++] = keep_str(c, tree_string(t));
    }
    return true;
}

/* The bits of one type's name, 0 if there is none. */
static unsigned type_bits(const struct tree *t)
{
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {
        {"null", 1u << JSON_NULL},     {"boolean", 1u << JSON_FALSE | 1u << JSON_TRUE},
        {"integer", SCHEMA_WHOLE},     {"number", 1u << JSON_NUMBER},
        {"string", 1u << JSON_STRING}, {"array", 1u << JSON_ARRAY},
        {"object", 1u << JSON_OBJECT},
    };
    for (size_t i = 0; tree_is(t, JSON_STRING) && i < ARRAY_LEN(types); i++)
        if (str_eq(tree_string(t), str_from_c(types[i].name)))
            return types[i].bits;
    return 0;
}

static bool read_types(struct schema_compiler *c, const struct tree *value, const struct place *at,
                       struct schema_node *node, void *field)
{
    (void)node;
    unsigned *types = field;
    if (tree_is(value, JSON_ARRAY)) {
        for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
            unsigned bits = type_bits(t);
            if (!bits || *types & bits)
                return fail(c, at, "must be a list of different types");
            *types |= bits;
        }
    } else {
        *types = type_bits(value);
    }
    return *types || fail(c, at, "must be null, boolean, integer, number, string, array or object");
}

/* A const struct schema_values *, of one value. */
static bool keep_values(struct schema_compiler *c, const struct tree *first, size_t count,
                        void *field)
{
    struct schema_values *values = keep(c, 1, sizeof *values);
    values->list = keep(c, count, sizeof *values->list);
    struct buf text = BUF_INIT;
    for (const struct tree *t = first; values->count < count; t = tree_next(t)) {
        struct json *doc = keep(c, 1, sizeof *doc);
        enum err e = json_parse(doc, keep_text(c, t), JSON_STRICT, &c->schema->mem);
        assert(e == OK);
        values->list[values->count++] = json_root(doc);
        if (text.n)
            buf_append_lit(&text, ", ");
        buf_append_str(&text, doc->text);
    }
    values->text = place_shorten(buf_str(&text), 300, &c->schema->mem);
    values->text = keep_str(c, values->text);
    buf_release(&text);
    *(const struct schema_values **)field = values;
    return true;
}

static bool read_constant(struct schema_compiler *c, const struct tree *value,
                          const struct place *at, struct schema_node *node, void *field)
{
    (void)node, (void)at;
    return keep_values(c, value, 1, field);
}

static bool read_enumeration(struct schema_compiler *c, const struct tree *value,
                             const struct place *at, struct schema_node *node, void *field)
{
    (void)node;
    if (!tree_is(value, JSON_ARRAY) || tree_count(value) == 0)
        return fail(c, at, "must be a list of values");
    return keep_values(c, tree_first(value), tree_count(value), field);
}

static const struct pattern *keep_pattern(struct schema_compiler *c, struct str text,
                                          const struct place *at)
{
    struct pattern *pattern;
    struct str why;
    if (pattern_compile(&pattern, text, c->mem, &why) != OK) {
        fail(c, at, arena_printf(c->mem, "invalid pattern: %s", why.p).p);
        return NULL;
    }
    struct schema_pattern *kept = keep(c, 1, sizeof *kept);
    *kept = (struct schema_pattern){pattern, c->schema->patterns};
    c->schema->patterns = kept;
    return pattern;
}

static bool read_pattern(struct schema_compiler *c, const struct tree *value,
                         const struct place *at, struct schema_node *node, void *field)
{
    (void)field;
    if (!tree_is(value, JSON_STRING))
        return fail(c, at, "must be a pattern in quotes");
    return (node->pattern = keep_pattern(c, tree_string(value), at)) != NULL;
}

static bool read_format(struct schema_compiler *c, const struct tree *value, const struct place *at,
                        struct schema_node *node, void *field)
{
    (void)field;
    if (!tree_is(value, JSON_STRING) || !(node->format = format_find(tree_string(value))))
        return fail(c, at, "must be date-time, date, time, email, uri, uuid, ipv4 or ipv6");
    return true;
}

static bool read_default(struct schema_compiler *c, const struct tree *value,
                         const struct place *at, struct schema_node *node, void *field)
{
    (void)at, (void)field;
    node->default_text = keep_text(c, value);
    return true;
}

static bool read_ref(struct schema_compiler *c, const struct tree *value, const struct place *at,
                     struct schema_node *node, void *field)
{
    (void)field;
    if (!tree_is(value, JSON_STRING))
        return fail(c, at, "must be a reference in quotes");
    struct schema_reference *r = arena_alloc(c->mem, sizeof *r);
    *r = (struct schema_reference){c->references, tree_string(value), node, place_text(at, c->mem)};
    c->references = r;
    return true;
}

static bool read_definitions(struct schema_compiler *c, const struct tree *value,
                             const struct place *at, struct schema_node *node, void *field)
{
    (void)node, (void)field;
    if (!tree_is(value, JSON_OBJECT))
        return fail(c, at, "must be an object of schemas");
    for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
        const struct place here = {.up = at, .name = tree_name(t)};
        if (!schema_compile_node(c, t, &here))
            return false;
    }
    return true;
}

static bool read_properties(struct schema_compiler *c, const struct tree *value,
                            const struct place *at, struct schema_node *node, void *field)
{
    (void)node;
    struct schema_properties *properties = field;
    if (!tree_is(value, JSON_OBJECT))
        return fail(c, at, "must be an object of schemas");
    properties->list = keep(c, tree_count(value), sizeof *properties->list);
    for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
        const struct place here = {.up = at, .name = tree_name(t)};
        const struct schema_node *schema = schema_compile_node(c, t, &here);
        if (!schema)
            return false;
        properties->list[properties->count++] =
            (struct schema_property){.name = keep_str(c, tree_name(t)),
                                     .schema = schema,
                                     .default_text = schema->default_text};
    }
    return true;
}

static bool read_pattern_properties(struct schema_compiler *c, const struct tree *value,
                                    const struct place *at, struct schema_node *node, void *field)
{
    (void)node;
    struct schema_pattern_properties *properties = field;
    if (!tree_is(value, JSON_OBJECT))
        return fail(c, at, "must be an object of schemas");
    properties->list = keep(c, tree_count(value), sizeof *properties->list);
    for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
        const struct place here = {.up = at, .name = tree_name(t)};
        struct schema_pattern_property *p = &properties->list[properties->count++];
        if (!(p->pattern = keep_pattern(c, tree_name(t), &here)) ||
            !(p->schema = schema_compile_node(c, t, &here)))
            return false;
    }
    return true;
}

static bool read_dependents(struct schema_compiler *c, const struct tree *value,
                            const struct place *at, struct schema_node *node, void *field)
{
    struct schema_dependents *dependents = field;
    if (!tree_is(value, JSON_OBJECT))
        return fail(c, at, "must be an object of lists of names");
    dependents->list = keep(c, tree_count(value), sizeof *dependents->list);
    for (const struct tree *t = tree_first(value); t; t = tree_next(t)) {
        const struct place here = {.up = at, .name = tree_name(t)};
        struct schema_dependent *d = &dependents->list[dependents->count++];
        d->name = keep_str(c, tree_name(t));
        if (!read_names(c, t, &here, node, &d->needs))
            return false;
    }
    return true;
}

/* --- the list -----------------------------------------------------------------------------------
 */

#define FIELD(name) offsetof(struct schema_node, name)

static const struct keyword {
    const char *name;
    bool (*read)(struct schema_compiler *c, const struct tree *value, const struct place *at,
                 struct schema_node *node, void *field);
    size_t field; /* what read's last argument points at */
} keywords[] = {
    {"type", read_types, FIELD(types)},
    {"enum", read_enumeration, FIELD(enumeration)},
    {"const", read_constant, FIELD(constant)},
    {"minimum", read_number, FIELD(minimum)},
    {"maximum", read_number, FIELD(maximum)},
    {"exclusiveMinimum", read_number, FIELD(exclusive_minimum)},
    {"exclusiveMaximum", read_number, FIELD(exclusive_maximum)},
    {"multipleOf", read_multiple, FIELD(multiple_of)},
    {"minLength", read_count, FIELD(min_length)},
    {"maxLength", read_count, FIELD(max_length)},
    {"pattern", read_pattern, FIELD(pattern)},
    {"format", read_format, FIELD(format)},
    {"minItems", read_count, FIELD(min_items)},
    {"maxItems", read_count, FIELD(max_items)},
    {"uniqueItems", read_switch, FIELD(unique_items)},
    {"prefixItems", read_schemas, FIELD(prefix_items)},
    {"items", read_schema, FIELD(items)},
    {"contains", read_schema, FIELD(contains)},
    {"minProperties", read_count, FIELD(min_properties)},
    {"maxProperties", read_count, FIELD(max_properties)},
    {"required", read_names, FIELD(required)},
    {"properties", read_properties, FIELD(properties)},
    {"patternProperties", read_pattern_properties, FIELD(pattern_properties)},
    {"additionalProperties", read_schema, FIELD(additional_properties)},
    {"propertyNames", read_schema, FIELD(property_names)},
    {"dependentRequired", read_dependents, FIELD(dependent_required)},
    {"$ref", read_ref, FIELD(ref)},
    {"$defs", read_definitions, 0},
    {"allOf", read_schemas, FIELD(all_of)},
    {"anyOf", read_schemas, FIELD(any_of)},
    {"oneOf", read_schemas, FIELD(one_of)},
    {"not", read_schema, FIELD(not_fitting)},
    {"if", read_schema, FIELD(if_fits)},
    {"then", read_schema, FIELD(then_fit)},
    {"else", read_schema, FIELD(else_fit)},
    {"default", read_default, FIELD(default_text)},
    /* Annotations: for readers, not for checking. */
    {"$schema", read_nothing, 0},
    {"$id", read_nothing, 0},
    {"$comment", read_nothing, 0},
    {"title", read_nothing, 0},
    {"description", read_nothing, 0},
    {"examples", read_nothing, 0},
    {"deprecated", read_nothing, 0},
    {"readOnly", read_nothing, 0},
    {"writeOnly", read_nothing, 0},
};

bool schema_read_keyword(struct schema_compiler *c, struct schema_node *node,
                         const struct tree *value, const struct place *at)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_eq(tree_name(value), str_from_c(keywords[i].name)))
            return keywords[i].read(c, value, at, node, (char *)node + keywords[i].field);
    return fail(c, at, "unknown keyword");
}
