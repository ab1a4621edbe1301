/*
 * A compiled JSON Schema, shared by the files that make one (schema.c, schema_keywords.c) and run
 * it (schema_run.c). Everything lives in the schema's arena and never changes.
 */
#ifndef WIRE_SCHEMA_NODE_H
#define WIRE_SCHEMA_NODE_H

#include "wire/format.h"
#include "wire/json_number.h"
#include "wire/pattern.h"
#include "wire/place.h"
#include "wire/schema.h"

/* Bits of `types`: 1u << enum json_type, and this one for numbers that are whole. */
#define SCHEMA_WHOLE (1u << 7)

struct schema_node;

/* A limit: its value, and how it reads. */
struct schema_number {
    struct json_number value;
    struct str text;
};

/* Values to be equal to. */
struct schema_values {
    struct json_value *list;
    size_t count;
    struct str text; /* all of them, for messages */
};

struct schema_list {
    const struct schema_node **list;
    size_t count;
};

struct schema_names {
    struct str *list;
    size_t count;
};

/* A member that `properties` or `required` names. */
struct schema_property {
    struct str name;
    const struct schema_node *schema; /* NULL: only required */
    struct str default_text;          /* p == NULL: none */
    bool required;
};

struct schema_properties {
    struct schema_property *list; /* in the order of struct str names: length, then bytes */
    size_t count;
};

struct schema_pattern_property {
    const struct pattern *pattern;
    const struct schema_node *schema;
};

struct schema_pattern_properties {
    struct schema_pattern_property *list;
    size_t count;
};

struct schema_dependent {
    struct str name;
    struct schema_names needs;
};

struct schema_dependents {
    struct schema_dependent *list;
    size_t count;
};

/* One schema. A pointer that is NULL or a count that is 0: the keyword was not given. */
struct schema_node {
    bool never;      /* the schema `false` */
    unsigned types;  /* 0: any */
    uint32_t number; /* among all nodes of the schema */

    /* Whether there is any keyword of a kind, to skip the kind at once. */
    bool is_combined, looks_at_members;

    const struct schema_values *enumeration, *constant;

    const struct schema_number *minimum, *maximum, *exclusive_minimum, *exclusive_maximum;
    const struct schema_number *multiple_of;

    size_t min_length, max_length; /* code points; SIZE_MAX: no limit */
    const struct pattern *pattern;
    const struct format *format;

    size_t min_items, max_items;
    bool unique_items;
    struct schema_list prefix_items;
    const struct schema_node *items, *contains;

    size_t min_properties, max_properties;
    struct schema_names required; /* in the order of the declaration */
    struct schema_properties properties;
    struct schema_pattern_properties pattern_properties;
    const struct schema_node *additional_properties, *property_names;
    struct schema_dependents dependent_required;

    const struct schema_node *ref;
    struct schema_list all_of, any_of, one_of;
    const struct schema_node *not_fitting; /* `not` */
    const struct schema_node *if_fits, *then_fit, *else_fit;

    struct str default_text; /* p == NULL: none */
};

/* What must be given back one by one when the schema goes. */
struct schema_pattern {
    struct pattern *pattern;
    struct schema_pattern *next;
};

struct schema {
    struct arena mem;
    const struct schema_node *root;
    struct schema_names property_order; /* of the root's properties, as they were declared */
    uint32_t node_count;
    struct schema_pattern *patterns;
};

/* Length first, then bytes: the order of schema_properties. */
static inline int schema_compare_names(struct str a, struct str b)
{
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

/* The row for a name, or NULL. */
static inline const struct schema_property *schema_find_property(const struct schema_node *node,
                                                                 struct str name)
{
    size_t low = 0, high = node->properties.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = schema_compare_names(name, node->properties.list[middle].name);
        if (order == 0)
            return &node->properties.list[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

#endif
