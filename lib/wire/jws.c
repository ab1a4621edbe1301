/* The parts of a JWS, and members of the JSON in them. */
#include "base/base.h"

#include <math.h>

#include "base/enc.h"
#include "wire/jws.h"

bool jws_split(struct jws *out, struct str token)
{
    struct str rest = token;
    if (!str_next(&rest, '.', &out->header) || !str_next(&rest, '.', &out->payload) || !rest.p)
        return false;
    out->signature = rest; /* a fourth part's dot fails as base64url */
    out->signed_text = str_make(token.p, out->header.n + 1 + out->payload.n);
    return true;
}

bool jws_object(struct json *doc, struct str part, struct arena *mem)
{
    size_t n;
    char *text = arena_alloc(mem, part.n);
    return base64url_decode(part, text, part.n, &n) &&
           json_parse(doc, str_make(text, n), JSON_STRICT, mem) == OK &&
           json_is(json_root(doc), JSON_OBJECT);
}

struct str jws_string(struct json_value object, struct str name, struct arena *mem)
{
    struct json_value v = json_get(object, name);
    return json_is(v, JSON_STRING) ? json_string(v, mem) : STR_NULL;
}

bool jws_time(struct json_value claims, struct str name, int64_t *out)
{
    struct json_value v = json_get(claims, name);
    double seconds;
    if (json_is_absent(v) || json_to_i64(v, out))
        return true;
    if (!json_to_double(v, &seconds))
        return false;
    if (seconds >= 0x1p63)
        *out = INT64_MAX;
    else
        *out = seconds <= -0x1p63 ? INT64_MIN : (int64_t)ceil(seconds);
    return true;
}
