/* Secrets and addresses of webhooks. */
#include "base/base.h"

#include "base/enc.h"
#include "domain/webhook_key.h"

#define SECRET_PREFIX "whsec_"

/* RFC 4648 section 4, with or without the padding that fits. */
static bool decode(struct str text, struct webhook_key *out)
{
    char url_safe[(WEBHOOK_KEY_MAX + 2) / 3 * 4];
    size_t length = text.n;
    while (length && text.p[length - 1] == '=')
        length--;
    if (length > sizeof url_safe || (length < text.n && (text.n % 4 || text.n - length > 2)))
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text.p[i];
        if (c == '-' || c == '_')
            return false;
        url_safe[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return base64url_decode(str_make(url_safe, length), out->bytes, sizeof out->bytes, &out->n);
}

bool webhook_secret_parse(struct str text, struct webhook_key *out)
{
    const struct str prefix = STR(SECRET_PREFIX);
    return str_starts_with(text, prefix) && decode(str_from(text, prefix.n), out) &&
           out->n >= WEBHOOK_KEY_MIN;
}

bool webhook_secret_is_valid(struct str text)
{
    struct webhook_key key;
    return webhook_secret_parse(text, &key);
}

static size_t scheme_length(struct str url)
{
    if (str_starts_with(url, STR("https://")))
        return strlen("https://");
    return str_starts_with(url, STR("http://")) ? strlen("http://") : 0;
}

/* Where host and port end. */
static size_t authority_end(struct str url)
{
    size_t end = scheme_length(url);
    while (end < url.n && !memchr("/?#", url.p[end], 3))
        end++;
    return end;
}

struct str webhook_url_label(struct str url)
{
    return str_make(url.p, authority_end(url));
}

static bool is_loopback(struct str authority)
{
    static const struct str hosts[] = {{"localhost", 9}, {"127.0.0.1", 9}, {"[::1]", 5}};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (str_starts_with(authority, hosts[i]) &&
            (authority.n == hosts[i].n || authority.p[hosts[i].n] == ':'))
            return true;
    return false;
}

bool webhook_url_is_valid(struct str url)
{
    size_t scheme = scheme_length(url);
    struct str authority = str_from(webhook_url_label(url), scheme);
    if (!scheme || !authority.n || authority.p[0] == ':' || url.n > 2048 ||
        str_find(authority, '@') < authority.n || str_find(url, '#') < url.n)
        return false;
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '\\')
            return false;
    return str_starts_with(url, STR("https://")) || is_loopback(authority);
}

bool webhook_pattern_is_valid(struct str pattern)
{
    return pattern.n > 0 && str_find(pattern, '*') + 1 >= pattern.n;
}

bool webhook_pattern_matches(struct str pattern, struct str name)
{
    size_t star = str_find(pattern, '*');
    return star < pattern.n ? str_starts_with(name, str_make(pattern.p, star))
                            : str_eq(pattern, name);
}
