/* What one request is called in the logs of all programs that it passes: X-Request-Id. */
#ifndef BASE_REQUEST_ID_H
#define BASE_REQUEST_ID_H

#include "base/arena.h"

#define REQUEST_ID_MAX 64

/* May it be one? 1 to REQUEST_ID_MAX letters, digits and "-._:@": nothing that a log or a header
 * would have to escape. */
bool request_id_is_valid(struct str s);

/* The one that came, where it is valid; else a new one, in mem. */
struct str request_id_of(struct str given, struct arena *mem);

#endif
