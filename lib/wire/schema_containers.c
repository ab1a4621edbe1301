/* Checking arrays and objects: their size, their elements and members, and what these must be. */
#include "base/base.h"

#include "base/map.h"
#include "wire/schema_run.h"

static const char *plural(size_t n, const char *one, const char *several)
{
    return n == 1 ? one : several;
}

/* --- arrays -------------------------------------------------------------------------------------
 */

static bool check_items(struct schema_run *r, const struct schema_node *node, struct json_value v,
                        const struct place *at)
{
    bool ok = true;
    struct place here = {.up = at};
    for (struct json_value e = json_first(v); !json_is_absent(e); e = json_next(v, e)) {
        const struct schema_node *schema = here.index < node->prefix_items.count
                                               ? node->prefix_items.list[here.index]
                                               : node->items;
        ok &= !schema || schema_check(r, schema, e, &here);
        if (!ok && schema_has_enough(r))
            return false;
        here.index++;
    }
    return ok;
}

static bool check_contains(struct schema_run *r, const struct schema_node *node,
                           struct json_value v, const struct place *at)
{
    for (struct json_value e = json_first(v); !json_is_absent(e); e = json_next(v, e))
        if (schema_fits(r, node->contains, e, at))
            return true;
    return schema_problem(r, at, "must contain an item of the required form");
}

/* Equal items have equal canonical texts; a keyed hash finds these in linear time. */
static bool check_unique(struct schema_run *r, struct json_value v, const struct place *at)
{
    bool unique = true;
    struct map seen = MAP_INIT;
    struct buf text = BUF_INIT;
    struct arena kept = ARENA_INIT;
    struct place here = {.up = at};
    for (struct json_value e = json_first(v); !json_is_absent(e); e = json_next(v, e)) {
        buf_reset(&text);
        json_append_canonical(&text, e);
        if (map_put(&seen, arena_dup(&kept, buf_str(&text)), r)) {
            unique = schema_problem(r, &here, "is the same as an earlier item");
            break;
        }
        here.index++;
    }
    arena_release(&kept);
    buf_release(&text);
    map_release(&seen);
    return unique;
}

bool schema_check_array(struct schema_run *r, const struct schema_node *node, struct json_value v,
                        const struct place *at)
{
    bool ok = true;
    if (json_count(v) < node->min_items)
        ok = schema_problem(r, at, "must have at least %zu %s", node->min_items,
                            plural(node->min_items, "item", "items"));
    if (json_count(v) > node->max_items)
        ok = schema_problem(r, at, "must have at most %zu %s", node->max_items,
                            plural(node->max_items, "item", "items"));
    if (!ok && schema_has_enough(r))
        return false;
    if (node->items || node->prefix_items.count)
        ok &= check_items(r, node, v, at);
    if (node->contains)
        ok &= check_contains(r, node, v, at);
    if (node->unique_items && ok)
        ok &= check_unique(r, v, at);
    return ok;
}

/* --- objects ------------------------------------------------------------------------------------
 */

/* The member name is a value of its own here; its problems are told of the member. */
static bool check_name(struct schema_run *r, const struct schema_node *node, struct json_value v,
                       const struct place *at)
{
    struct problems found = {.mem = r->mem};
    struct problems *outer = r->problems;
    r->problems = outer ? &found : NULL;
    bool ok = schema_check(r, node, json_key(v), at);
    r->problems = outer;
    for (size_t i = 0; i < found.count; i++)
        schema_problem(r, at, "has a name that %.*s", STR_ARG(found.list[i].message));
    return ok;
}

/* Check a member against all that names it. */
static bool check_member(struct schema_run *r, const struct schema_node *node,
                         const struct schema_property *property, struct json_value v,
                         const struct place *at)
{
    bool ok = true, named = property && property->schema;
    if (named)
        ok &= schema_check(r, property->schema, v, at);
    for (size_t i = 0; i < node->pattern_properties.count; i++) {
        const struct schema_pattern_property *p = &node->pattern_properties.list[i];
        if (pattern_matches(p->pattern, at->name)) {
            named = true;
            ok &= schema_check(r, p->schema, v, at);
        }
    }
    if (!named && node->additional_properties) {
        if (node->additional_properties->never)
            ok = schema_problem(r, at, "is not an allowed property");
        else
            ok &= schema_check(r, node->additional_properties, v, at);
    }
    if (node->property_names)
        ok &= check_name(r, node->property_names, v, at);
    return ok;
}

static bool has_names(struct schema_run *r, struct json_value v, const struct schema_names *names,
                      struct str because, const struct place *at)
{
    bool ok = true;
    because = place_shorten(because, 80, r->mem);
    for (size_t i = 0; i < names->count; i++) {
        if (!json_is_absent(json_get(v, names->list[i])))
            continue;
        const struct place missing = {.up = at, .name = names->list[i]};
        if (because.p)
            ok = schema_problem(r, &missing, "is required when %.*s is given", STR_ARG(because));
        else
            ok = schema_problem(r, &missing, "is required");
        if (schema_has_enough(r))
            break;
    }
    return ok;
}

static bool check_members(struct schema_run *r, const struct schema_node *node, struct json_value v,
                          const struct place *at)
{
    bool ok = true;
    size_t required = 0;
    for (struct json_value m = json_first(v); !json_is_absent(m); m = json_next(v, m)) {
        const struct place here = {.up = at, .name = json_string(json_key(m), r->mem)};
        const struct schema_property *property = schema_find_property(node, here.name);
        required += property && property->required;
        ok &= check_member(r, node, property, m, &here);
        if (!ok && schema_has_enough(r))
            return false;
    }
    if (required < node->required.count)
        ok &= has_names(r, v, &node->required, STR_NULL, at);
    return ok;
}

bool schema_check_object(struct schema_run *r, const struct schema_node *node, struct json_value v,
                         const struct place *at)
{
    bool ok = true;
    if (json_count(v) < node->min_properties)
        ok = schema_problem(r, at, "must have at least %zu %s", node->min_properties,
                            plural(node->min_properties, "property", "properties"));
    if (json_count(v) > node->max_properties)
        ok = schema_problem(r, at, "must have at most %zu %s", node->max_properties,
                            plural(node->max_properties, "property", "properties"));
    if (!ok && schema_has_enough(r))
        return false;
    if (node->looks_at_members)
        ok &= check_members(r, node, v, at);
    for (size_t i = 0; i < node->dependent_required.count; i++) {
        const struct schema_dependent *d = &node->dependent_required.list[i];
        if (!json_is_absent(json_get(v, d->name)))
            ok &= has_names(r, v, &d->needs, d->name, at);
    }
    return ok;
}
