/* The providers of a folder: DIR/<name>.json, as domain/oidc.h describes them. */
#ifndef DOMAIN_OIDC_PROVIDER_H
#define DOMAIN_OIDC_PROVIDER_H

#include "domain/oidc.h"

#define OIDC_PROVIDERS_MAX 64

/* Read all of them, sorted by name, into mem. ERR_INVALID with *message. */
enum err oidc_providers_load(const char *dir, const struct fetch_options *fetch, struct arena *mem,
                             const struct oidc_provider **list, size_t *count,
                             struct str *message) must_check;

#endif
