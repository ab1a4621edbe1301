/* The settings of webhooks, one text at a time: keys, addresses, patterns. */
#ifndef DOMAIN_WEBHOOK_KEY_H
#define DOMAIN_WEBHOOK_KEY_H

#include "base/str.h"

/* Bytes of a key. */
#define WEBHOOK_KEY_MIN 24
#define WEBHOOK_KEY_MAX 64

struct webhook_key {
    unsigned char bytes[WEBHOOK_KEY_MAX];
    size_t n;
};

/* "whsec_" and the key in base64. False: something else. */
bool webhook_secret_parse(struct str text, struct webhook_key *out);
bool webhook_secret_is_valid(struct str text);

/* https://…, or http:// to localhost, 127.0.0.1 or [::1]; without user and password. */
bool webhook_url_is_valid(struct str url);

/* A name, or the beginning of one and a '*'. */
bool webhook_pattern_is_valid(struct str pattern);
bool webhook_pattern_matches(struct str pattern, struct str name);

/* Scheme, host and port: what may be shown of an address. */
struct str webhook_url_label(struct str url);

#endif
