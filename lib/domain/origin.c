/* The client's address behind trusted proxies, our own origin, the cross-site rule. */
#include "base/base.h"

#include <arpa/inet.h>

#include "domain/origin.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool origin_address_parse(struct origin_address *out, struct str text)
{
    char z[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, 0, text.n))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    if (inet_pton(AF_INET6, z, out->b) == 1)
        return true;
    memcpy(out->b, v4_mapped, sizeof(v4_mapped));
    return inet_pton(AF_INET, z, out->b + sizeof(v4_mapped)) == 1;
}

struct origin_address origin_address_v4(const void *bytes)
{
    struct origin_address a;
    memcpy(a.b, v4_mapped, sizeof(v4_mapped));
    memcpy(a.b + sizeof(v4_mapped), bytes, 4);
    return a;
}

struct str origin_address_text(const struct origin_address *a, char text[ORIGIN_ADDRESS_MAX + 1])
{
    bool v4 = memcmp(a->b, v4_mapped, sizeof(v4_mapped)) == 0;
    const uint8_t *bytes = v4 ? a->b + sizeof(v4_mapped) : a->b;
    return str_from_c(inet_ntop(v4 ? AF_INET : AF_INET6, bytes, text, ORIGIN_ADDRESS_MAX + 1));
}

static bool same_prefix(const struct origin_address *a, const struct origin_address *b,
                        unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->b, b->b, whole) != 0)
        return false;
    return rest == 0 || (a->b[whole] ^ b->b[whole]) >> (8 - rest) == 0;
}

/* An address, or address/bits, where bits of IPv4 count from its own first bit. */
static bool block_contains(struct str block, const struct origin_address *address)
{
    struct origin_address net;
    struct str head;
    uint64_t bits = 128;

    if (!str_next(&block, '/', &head) || !origin_address_parse(&net, str_trim(head)))
        return false;
    if (block.p) {
        bool v4 = str_find(head, ':') == head.n;
        if (!str_to_u64(str_trim(block), v4 ? 32 : 128, &bits))
            return false;
        bits += v4 ? 96 : 0;
    }
    return same_prefix(&net, address, (unsigned)bits);
}

bool origin_is_in_list(const struct conf_list *list, struct str address)
{
    struct origin_address a;
    bool numeric = origin_address_parse(&a, address);

    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->item[i], address) || (numeric && block_contains(list->item[i], &a)))
            return true;
    }
    return false;
}

static bool peer_is_trusted(const struct conf *c, const struct origin_request *r)
{
    return origin_is_in_list(&c->trusted_proxies, r->peer);
}

/* The last item of a comma-separated list, trimmed; *list loses it. */
static struct str take_last(struct str *list)
{
    size_t at = list->n;
    while (at > 0 && list->p[at - 1] != ',')
        at--;
    struct str item = str_trim(str_from(*list, at));
    list->n = at > 0 ? at - 1 : 0;
    return item;
}

struct str origin_client_address(const struct conf *c, const struct origin_request *r)
{
    struct str client = r->peer, rest = r->forwarded_for;
    struct origin_address a;

    while (rest.n > 0 && origin_is_in_list(&c->trusted_proxies, client)) {
        struct str before = take_last(&rest);
        if (!origin_address_parse(&a, before))
            break;
        client = before;
    }
    return client;
}

bool origin_is_https(const struct conf *c, const struct origin_request *r)
{
    if (c->public_url.n > 0)
        return str_starts_with(c->public_url, STR("https://"));
    if (r->forwarded_proto.n > 0 && peer_is_trusted(c, r)) {
        struct str list = r->forwarded_proto;
        return str_eq_nocase(take_last(&list), STR("https"));
    }
    return r->https;
}

/* scheme://host of a URL, without a path and without the scheme's own port. */
static struct str origin_part(struct str url)
{
    bool https = str_starts_with(url, STR("https://"));
    size_t start = https ? 8 : 7;
    if (!https && !str_starts_with(url, STR("http://")))
        return url;
    url.n = start + str_find(str_from(url, start), '/');
    struct str port = https ? STR(":443") : STR(":80");
    if (str_ends_with(url, port))
        url.n -= port.n;
    return url;
}

/* Is origin "<scheme>://<host>"? */
static bool is_scheme_and_host(struct str origin, bool https, struct str host)
{
    struct str scheme = https ? STR("https://") : STR("http://");
    struct str port = https ? STR(":443") : STR(":80");
    if (str_ends_with(host, port))
        host.n -= port.n;
    return host.n > 0 && str_starts_with(origin, scheme) &&
           str_eq_nocase(str_from(origin, scheme.n), host);
}

/* The host that the client asked for, as far as that can be believed. */
static struct str own_host(const struct conf *c, const struct origin_request *r)
{
    struct str list = r->forwarded_host;
    return list.n > 0 && peer_is_trusted(c, r) ? take_last(&list) : r->host;
}

static bool is_own(const struct conf *c, const struct origin_request *r, struct str origin)
{
    if (c->public_url.n > 0)
        return str_eq_nocase(origin, origin_part(c->public_url));
    return is_scheme_and_host(origin, origin_is_https(c, r), own_host(c, r));
}

/* As browsers write one: visible characters, the two slashes of scheme://host and no further. */
static bool is_origin(struct str s)
{
    size_t slashes = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
        slashes += s.p[i] == '/';
    }
    return slashes == 2;
}

struct str origin_own(const struct conf *c, const struct origin_request *r, struct arena *mem)
{
    struct str own = c->public_url;
    if (!own.n)
        own = arena_printf(mem, "%s://%.*s", origin_is_https(c, r) ? "https" : "http",
                           STR_ARG(own_host(c, r)));
    return is_origin(own) && !str_ends_with(own, STR("/")) ? own : STR_NULL;
}

bool origin_is_known(const struct conf *c, const struct origin_request *r)
{
    if (!is_origin(r->origin))
        return false;
    struct str origin = origin_part(r->origin);
    for (size_t i = 0; i < c->cors_origins.count; i++) {
        if (str_eq_nocase(origin, origin_part(c->cors_origins.item[i])))
            return true;
    }
    return is_own(c, r, origin);
}

/* Without an Origin. */
static bool is_fetched_by_own(const struct origin_request *r)
{
    return !r->sec_fetch_site.p || str_eq(r->sec_fetch_site, STR("same-origin")) ||
           str_eq(r->sec_fetch_site, STR("none"));
}

bool origin_is_allowed(const struct conf *c, const struct origin_request *r)
{
    return r->origin.p ? origin_is_known(c, r) : is_fetched_by_own(r);
}

bool origin_is_from_own(const struct conf *c, const struct origin_request *r)
{
    if (r->origin.p)
        return is_origin(r->origin) && is_own(c, r, origin_part(r->origin));
    return is_fetched_by_own(r);
}
