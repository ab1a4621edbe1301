/* The API as an OpenAPI 3.1 document: openapi.json, completed with what this installation has. */
#ifndef APP_API_DOCS_H
#define APP_API_DOCS_H

#include "domain/collection.h"
#include "domain/conf.h"

/* Append the document: openapi.json with the paths and schemas of c's collections, and our own
 * address. Takes about a millisecond, and ten times its size of mem. */
void api_docs_append(struct buf *out, const struct conf *conf, const struct collections *c,
                     struct arena *mem);

#endif
