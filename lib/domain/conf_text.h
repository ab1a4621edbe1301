/* What the texts of settings may be; none of them is empty. Only conf.c asks. */
#ifndef DOMAIN_CONF_TEXT_H
#define DOMAIN_CONF_TEXT_H

#include "base/str.h"

/* Begins with '/', has no empty, "." or ".." segment and none of what would need escaping. */
bool conf_is_base_path(struct str s);
/* scheme://host[:port], as a browser writes it in Origin. */
bool conf_is_origin(struct str s);
/* An address, a CIDR block, or "unix:" for whoever comes over a unix socket. */
bool conf_is_network(struct str s);
/* address:port with a numeric address, an IPv6 one in brackets; or unix: and an absolute path. */
bool conf_is_listen(struct str s);
bool conf_is_log_level(struct str s);
/* What stands behind "Name <local@domain>", or without a name. */
bool conf_is_sender(struct str s);
/* smtp://host[:port] or smtps://host[:port]: credentials have settings of their own. */
bool conf_is_smtp_url(struct str s);
bool conf_is_absolute(struct str s);
bool conf_is_language(struct str s);

#endif
