/* E-mail addresses, as accounts keep them. */
#ifndef DOMAIN_ADDRESS_H
#define DOMAIN_ADDRESS_H

#include "base/arena.h"

#define ADDRESS_MAX 254 /* RFC 5321 4.5.3.1.3, without the angle brackets */

/* Trimmed and lower-cased, in mem: what an account is looked for by. */
struct str address_normal(struct str text, struct arena *mem);

/* Is a normal address one that HTML's <input type=email> takes? */
bool address_is_valid(struct str address);

#endif
