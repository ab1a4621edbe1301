/* What the texts of settings may be. */
#include "base/base.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sys/un.h>

#include "domain/conf_text.h"
#include "wire/mime.h"

/* Begins with '/', has no empty, "." or ".." segment and none of what would need escaping. */
bool conf_is_base_path(struct str s)
{
    struct str rest = str_from(s, 1), segment;
    if (s.p[0] != '/' || s.n == 1)
        return false;
    while (str_next(&rest, '/', &segment)) {
        if (!segment.n || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return false;
        for (size_t i = 0; i < segment.n; i++)
            if (!isalnum((unsigned char)segment.p[i]) && !memchr("-._~", segment.p[i], 4))
                return false;
    }
    return true;
}

/* plain://host[:port] or tls://host[:port], and nothing behind it. */
static bool is_host_url(struct str s, struct str plain, struct str tls)
{
    struct str host = STR_NULL;
    if (str_starts_with(s, plain))
        host = str_from(s, plain.n);
    else if (str_starts_with(s, tls))
        host = str_from(s, tls.n);
    if (!host.n || host.p[0] == ':')
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (!isalnum((unsigned char)host.p[i]) && !memchr("-._:[]", host.p[i], 6))
            return false;
    return true;
}

/* As a browser writes it in Origin. */
bool conf_is_origin(struct str s)
{
    return is_host_url(s, STR("http://"), STR("https://"));
}

/* An address, a CIDR block, or "unix:" for whoever comes over a unix socket. */
bool conf_is_network(struct str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t slash = str_find(s, '/');
    int64_t bits;
    if (str_eq(s, STR("unix:")))
        return true;
    if (slash >= sizeof text)
        return false;
    memcpy(text, s.p, slash);
    text[slash] = '\0';
    bool v4 = inet_pton(AF_INET, text, bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    return slash == s.n || str_to_i64(str_from(s, slash + 1), 0, v4 ? 32 : 128, &bits);
}

/* address:port with a numeric address, an IPv6 one in brackets; or unix: and an absolute path. */
bool conf_is_listen(struct str s)
{
    const struct str local = STR("unix:/");
    if (str_starts_with(s, local))
        return s.n > local.n && s.n - strlen("unix:") < sizeof((struct sockaddr_un *)0)->sun_path;
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    int64_t port;
    size_t colon = s.n;
    while (colon && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_i64(str_from(s, colon), 0, 65535, &port))
        return false;
    struct str host = str_make(s.p, colon - 1);
    bool v6 = host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (v6)
        host = str_make(host.p + 1, host.n - 2);
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    return inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

bool conf_is_log_level(struct str s)
{
    return str_eq(s, STR("error")) || str_eq(s, STR("warn")) || str_eq(s, STR("info")) ||
           str_eq(s, STR("debug"));
}

/* What stands behind "Name <local@domain>", or without a name. */
bool conf_is_sender(struct str s)
{
    struct mime_address address;
    return mime_parse_address(s, &address);
}

/* Credentials have settings of their own. */
bool conf_is_smtp_url(struct str s)
{
    return is_host_url(s, STR("smtp://"), STR("smtps://"));
}

bool conf_is_absolute(struct str s)
{
    return s.p[0] == '/';
}

bool conf_is_language(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}
