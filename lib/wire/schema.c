/* Compiling a JSON Schema: nodes, where each $ref leads, and that none leads in a circle. */
#include "base/base.h"

#include "base/enc.h"
#include "base/mem.h"
#include "wire/schema_compile.h"

/* Schemas that apply to one and the same value, within each other. */
#define IN_PLACE_DEPTH 256

static bool fail(struct schema_compiler *c, struct str place, const char *message)
{
    *c->error = arena_printf(c->mem, "%.*s: %s", STR_ARG(place), message);
    return false;
}

/* --- nodes --------------------------------------------------------------------------------------
 */

static struct schema_node *node_new(struct schema_compiler *c, const struct tree *t)
{
    struct schema_node *node = arena_zalloc(&c->schema->mem, 1, sizeof *node);
    node->number = c->schema->node_count++;
    node->max_length = node->max_items = node->max_properties = SIZE_MAX;
    struct schema_origin *origin = arena_alloc(c->mem, sizeof *origin);
    *origin = (struct schema_origin){c->origins, t, node};
    c->origins = origin;
    return node;
}

static int compare_properties(const void *a, const void *b)
{
    const struct schema_property *x = a, *y = b;
    return schema_compare_names(x->name, y->name);
}

/* One sorted table of the names in `properties` and `required`, to be looked up in one search. */
static void join_required(struct schema_compiler *c, struct schema_node *node)
{
    struct schema_properties *p = &node->properties;
    struct schema_names *required = &node->required;
    size_t given = p->count;
    struct schema_property *list =
        arena_zalloc(&c->schema->mem, given + required->count, sizeof *list);
    if (given)
        memcpy(list, p->list, given * sizeof *list);
    for (size_t i = 0; i < required->count; i++) {
        size_t k = 0;
        while (k < given && !str_eq(list[k].name, required->list[i]))
            k++;
        if (k == given)
            list[k = p->count++].name = required->list[i];
        list[k].required = true;
    }
    p->list = list;
    qsort(list, p->count, sizeof *list, compare_properties);
}

static void note_kinds(struct schema_node *node, const struct tree *t)
{
    node->is_combined = tree_get(t, "$ref") || node->all_of.count || node->any_of.count ||
                        node->one_of.count || node->not_fitting || node->if_fits;
    node->looks_at_members = node->properties.count || node->pattern_properties.count ||
                             node->additional_properties || node->property_names;
}

struct schema_node *schema_compile_node(struct schema_compiler *c, const struct tree *t,
                                        const struct place *at)
{
    struct schema_node *node = node_new(c, t);
    if (tree_is(t, JSON_TRUE))
        return node;
    if (tree_is(t, JSON_FALSE)) {
        node->never = true;
        return node;
    }
    if (!tree_is(t, JSON_OBJECT)) {
        fail(c, place_text(at, c->mem), "must be a schema: an object, true or false");
        return NULL;
    }
    for (const struct tree *keyword = tree_first(t); keyword; keyword = tree_next(keyword)) {
        const struct place here = {.up = at, .name = tree_name(keyword)};
        if (!schema_read_keyword(c, node, keyword, &here))
            return NULL;
    }
    join_required(c, node);
    note_kinds(node, t);
    return node;
}

/* --- references ---------------------------------------------------------------------------------
 */

/* A step of a JSON Pointer in a URI fragment (RFC 6901 sections 4 and 6), decoded; or STR_NULL. */
static struct str decode_step(struct schema_compiler *c, struct str step)
{
    struct str decoded;
    if (!percent_decode(c->mem, step, false, &decoded))
        return STR_NULL;
    char *copy = arena_alloc(c->mem, decoded.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < decoded.n; i++) {
        char ch = decoded.p[i];
        if (ch == '~') {
            i++;
            if (i == decoded.n || (decoded.p[i] != '0' && decoded.p[i] != '1'))
                return STR_NULL;
            ch = decoded.p[i] == '0' ? '~' : '/';
        }
        copy[n++] = ch;
    }
    copy[n] = '\0';
    return str_make(copy, n);
}

/* The child of t that a step of a pointer names, or NULL. */
static const struct tree *take_step(struct schema_compiler *c, const struct tree *t,
                                    struct str step)
{
    step = decode_step(c, step);
    if (!step.p || memchr(step.p, '\0', step.n))
        return NULL;
    if (tree_is(t, JSON_OBJECT))
        return tree_get(t, step.p);
    uint64_t index;
    if (!tree_is(t, JSON_ARRAY) || !str_to_u64(step, UINT32_MAX, &index))
        return NULL;
    t = tree_first(t);
    while (t && index--)
        t = tree_next(t);
    return t;
}

/* The schema that "#" or "#/$defs/x" stands for, or NULL. */
static struct schema_node *find_target(struct schema_compiler *c, struct str target)
{
    const struct tree *t = c->root;
    struct str step;
    if (!str_starts_with(target, STR("#")))
        return NULL;
    target = str_from(target, 1);
    if (target.n > 0) {
        if (target.p[0] != '/')
            return NULL;
        target = str_from(target, 1);
        while (t && str_next(&target, '/', &step))
            t = take_step(c, t, step);
    }
    for (struct schema_origin *o = c->origins; t && o; o = o->next)
        if (o->tree == t)
            return o->node;
    return NULL;
}

static bool resolve_references(struct schema_compiler *c)
{
    for (struct schema_reference *r = c->references; r; r = r->next)
        if (!(r->from->ref = find_target(c, r->target)))
            return fail(c, r->place, "leads to no schema in this file");
    return true;
}

/* --- circles ------------------------------------------------------------------------------------
 */

enum visit { UNSEEN, IN_PROGRESS, ENDS };

static bool ends(const struct schema_node *node, enum visit *visits, unsigned depth);

static bool all_end(const struct schema_list *list, enum visit *visits, unsigned depth)
{
    for (size_t i = 0; i < list->count; i++)
        if (!ends(list->list[i], visits, depth))
            return false;
    return true;
}

/*
 * Following the schemas that apply to the same value comes to an end. (One that leads back to
 * itself by way of a member or an element ends with the value.)
 */
static bool ends(const struct schema_node *node, enum visit *visits, unsigned depth)
{
    if (!node || visits[node->number] == ENDS)
        return true;
    if (visits[node->number] == IN_PROGRESS || depth == 0)
        return false;
    visits[node->number] = IN_PROGRESS;
    const struct schema_node *single[] = {node->ref, node->not_fitting, node->if_fits,
                                          node->then_fit, node->else_fit};
    for (size_t i = 0; i < ARRAY_LEN(single); i++)
        if (!ends(single[i], visits, depth - 1))
            return false;
    if (!all_end(&node->all_of, visits, depth - 1) || !all_end(&node->any_of, visits, depth - 1) ||
        !all_end(&node->one_of, visits, depth - 1))
        return false;
    visits[node->number] = ENDS;
    return true;
}

static bool check_circles(struct schema_compiler *c)
{
    enum visit *visits = arena_zalloc(c->mem, c->schema->node_count, sizeof *visits);
    for (struct schema_reference *r = c->references; r; r = r->next)
        if (!ends(r->from, visits, IN_PLACE_DEPTH))
            return fail(c, r->place, "leads back to itself, or too far");
    return true;
}

/* --- a whole schema -----------------------------------------------------------------------------
 */

/* The names of the root's properties in the order of the declaration. */
static void keep_order(struct schema_compiler *c)
{
    const struct tree *properties = tree_get(c->root, "properties");
    struct schema_names *order = &c->schema->property_order;
    if (!properties)
        return;
    order->list = arena_zalloc(&c->schema->mem, tree_count(properties), sizeof *order->list);
    for (const struct tree *t = tree_first(properties); t; t = tree_next(t))
        order->list[order->count++] = arena_dup(&c->schema->mem, tree_name(t));
}

enum err schema_compile(struct schema **out, const struct tree *t, struct arena *mem,
                        struct str *error)
{
    struct schema *s = mem_zalloc(1, sizeof *s);
    struct schema_compiler c = {.schema = s, .root = t, .mem = mem, .error = error};
    const struct place root = {.name = STR("schema")};
    s->root = schema_compile_node(&c, t, &root);
    if (!s->root || !resolve_references(&c) || !check_circles(&c)) {
        schema_free(s);
        return ERR_INVALID;
    }
    keep_order(&c);
    *out = s;
    return OK;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (struct schema_pattern *p = s->patterns; p; p = p->next)
        pattern_free(p->pattern);
    arena_release(&s->mem);
    mem_free(s);
}

void schema_append_defaults(const struct schema *s, struct json_value v, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < s->property_order.count; i++) {
        struct str name = s->property_order.list[i];
        const struct schema_property *p = schema_find_property(s->root, name);
        if (!p->default_text.p || !json_is_absent(json_get(v, name)))
            continue;
        if (!first)
            buf_append_ch(out, ',');
        first = false;
        json_append_string(out, name);
        buf_append_ch(out, ':');
        buf_append_str(out, p->default_text);
    }
}
