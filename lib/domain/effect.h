/* Inside of effects, for the loader alone; others use domain/collection.h. */
#ifndef DOMAIN_EFFECT_H
#define DOMAIN_EFFECT_H

#include "domain/collection.h"

struct effect {
    struct str target;
    struct json values; /* an object; "{title}" in its strings is filled in */
};

#endif
