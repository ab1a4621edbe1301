/*
 * Everything of an account as one JSON document, made part by part: the memory it takes is that of
 * one part and one row. Where each part reads for itself (no transaction around them), a change
 * meanwhile may be in it or not: "asOf" and "until" say between which events.
 */
#ifndef DOMAIN_EXPORT_H
#define DOMAIN_EXPORT_H

#include "domain/collection.h"

struct export_order {
    struct store *store;
    const struct collections *collections;
    struct str user_id;
    struct str session_id; /* the current one; p == NULL: none is */
};

struct export;

/* In mem, which it uses for little more. */
struct export *export_new(const struct export_order *o, struct arena *mem);

/* Append the next part, of the account's space; *more: further ones follow. */
enum err export_part(struct export *x, struct space *sp, struct buf *out, bool *more) must_check;

#endif
