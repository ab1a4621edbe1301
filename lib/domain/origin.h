/*
 * Where a request comes from: the client's address behind trusted proxies, our own origin, and the
 * cross-site rule (docs/protocol.md section 1). Reads settings and header values, nothing else.
 */
#ifndef DOMAIN_ORIGIN_H
#define DOMAIN_ORIGIN_H

#include "domain/conf.h"

/* What a server knows of a request's way here. Absent headers have p == NULL. */
struct origin_request {
    struct str peer; /* address of the connection's other end; "unix:" for a unix socket */
    bool https;      /* TLS ends here */
    struct str host;
    struct str origin, sec_fetch_site;
    struct str forwarded_for, forwarded_proto, forwarded_host; /* X-Forwarded-… */
};

/* A network address in 16 bytes; IPv4 as ::ffff:a.b.c.d. */
struct origin_address {
    uint8_t b[16];
};

/* A numeric IPv4 or IPv6 address; false for anything else. */
bool origin_address_parse(struct origin_address *out, struct str text);

/* The four bytes of an IPv4 address as they are on the wire. */
struct origin_address origin_address_v4(const void *bytes);

/* As text, '\0'-terminated. */
#define ORIGIN_ADDRESS_MAX 45
struct str origin_address_text(const struct origin_address *a, char text[ORIGIN_ADDRESS_MAX + 1]);

/* Is this address (text, or "unix:") one of the addresses or CIDR blocks in the list? */
bool origin_is_in_list(const struct conf_list *list, struct str address);

/*
 * The client's address: the peer, or where that is a trusted proxy the last entry of
 * X-Forwarded-For that is none. An entry that is no address ends the search. Borrowed from r.
 */
struct str origin_client_address(const struct conf *c, const struct origin_request *r);

/* Does the client speak https, to us or to the trusted proxy in front? public_url decides if set.
 */
bool origin_is_https(const struct conf *c, const struct origin_request *r);

/* Our own origin as the client sees it: public_url, else https or http and the host that it asked
 * for, where a trusted proxy may say which. In mem; STR_NULL when that is none. */
struct str origin_own(const struct conf *c, const struct origin_request *r, struct arena *mem);

/*
 * Is r->origin our own (public_url, else scheme and Host) or listed in cors_origins? False when it
 * is absent, "null" or no origin at all: one that is known can stand in a header line. For CORS.
 */
bool origin_is_known(const struct conf *c, const struct origin_request *r);

/*
 * The cross-site rule, for what acts by cookie: a present Origin must be known; without one a
 * present Sec-Fetch-Site must be same-origin or none; with neither the request is accepted.
 */
bool origin_is_allowed(const struct conf *c, const struct origin_request *r);

/* The same without cors_origins: a present Origin must be our own. */
bool origin_is_from_own(const struct conf *c, const struct origin_request *r);

#endif
