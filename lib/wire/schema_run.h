/* What the two files that check values share: the walk (schema_run.c), arrays and objects. */
#ifndef WIRE_SCHEMA_RUN_H
#define WIRE_SCHEMA_RUN_H

#include "wire/schema_node.h"

/* One validation. */
struct schema_run {
    struct problems *problems; /* NULL while only yes or no is asked */
    struct arena *mem;
    uint64_t budget; /* nodes that may still be entered */
    unsigned depth;  /* of this recursion */
    bool gave_up;    /* the answer is no, whatever the schemas around say */
};

/* v fits node; problems are noted unless the run is quiet. */
bool schema_check(struct schema_run *r, const struct schema_node *node, struct json_value v,
                  const struct place *at);

/* The same without noting problems. */
bool schema_fits(struct schema_run *r, const struct schema_node *node, struct json_value v,
                 const struct place *at);

/* Note a problem; always false. */
bool schema_problem(struct schema_run *r, const struct place *at, const char *fmt, ...)
    printf_like(3, 4);

/* Nothing is gained by finding more problems. */
static inline bool schema_has_enough(const struct schema_run *r)
{
    return !r->problems || r->problems->count == PROBLEMS_MAX || r->gave_up;
}

bool schema_check_array(struct schema_run *r, const struct schema_node *node, struct json_value v,
                        const struct place *at);
bool schema_check_object(struct schema_run *r, const struct schema_node *node, struct json_value v,
                         const struct place *at);

#endif
