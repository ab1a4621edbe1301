/* What the two files that compile a JSON Schema share: nodes (schema.c), keywords of a node. */
#ifndef WIRE_SCHEMA_COMPILE_H
#define WIRE_SCHEMA_COMPILE_H

#include "wire/schema_node.h"

/* A node and where it came from: what a $ref can lead to. */
struct schema_origin {
    struct schema_origin *next;
    const struct tree *tree;
    struct schema_node *node;
};

/* A $ref; followed when all nodes are there. */
struct schema_reference {
    struct schema_reference *next;
    struct str target;
    struct schema_node *from;
    struct str place;
};

struct schema_compiler {
    struct schema *schema;
    const struct tree *root;
    struct schema_origin *origins;
    struct schema_reference *references;
    struct arena *mem; /* for errors and what is needed only while compiling */
    struct str *error;
};

/* The node of a schema, with all below it; NULL after an error. */
struct schema_node *schema_compile_node(struct schema_compiler *c, const struct tree *t,
                                        const struct place *at);

/* Read one member of a schema into its node; false after an error. */
bool schema_read_keyword(struct schema_compiler *c, struct schema_node *node,
                         const struct tree *value, const struct place *at);

#endif
