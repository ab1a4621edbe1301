/* Cookies (RFC 6265): read the request header, write Set-Cookie values. */
#ifndef WIRE_COOKIE_H
#define WIRE_COOKIE_H

#include "base/buf.h"

/*
 * Value of the first cookie of that name in a Cookie header, or STR_NULL. Names are compared
 * exactly; quotes around the value are dropped; malformed pairs are skipped.
 */
struct str cookie_get(struct str header, struct str name);

struct cookie {
    struct str name, value; /* value: characters of RFC 6265 cookie-octet only (asserted) */
    struct str path;
    int64_t max_age; /* seconds; 0 removes it */
    bool secure;
    bool strict; /* SameSite=Strict in place of Lax */
};

/* Append the Set-Cookie value: HttpOnly and SameSite always. */
void cookie_append(struct buf *out, const struct cookie *c);

#endif
