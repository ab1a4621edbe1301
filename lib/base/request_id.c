/* Request ids: taken where they are harmless, else made. */
#include "base/base.h"

#include "base/rand.h"
#include "base/request_id.h"

static bool is_harmless(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && memchr("-._:@", c, 5));
}

bool request_id_is_valid(struct str s)
{
    if (s.n < 1 || s.n > REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_harmless(s.p[i]))
            return false;
    return true;
}

struct str request_id_of(struct str given, struct arena *mem)
{
    if (request_id_is_valid(given))
        return given;
    char *id = arena_alloc(mem, RAND_ID_LEN + 1);
    rand_id(id);
    return str_make(id, RAND_ID_LEN);
}
