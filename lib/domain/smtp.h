/*
 * Mail by SMTP (RFC 5321): hands one message to a mail server and says what it replied. Dots, the
 * connection, TLS and signing in are libcurl's.
 */
#ifndef DOMAIN_SMTP_H
#define DOMAIN_SMTP_H

#include "base/arena.h"
#include "base/err.h"
#include "domain/delivery.h"

/* '\0'-terminated, live as long as the struct smtp. */
struct smtp_options {
    struct str url;            /* smtp://host[:port] or smtps://host[:port] */
    struct str user, password; /* user empty: the server knows us otherwise */
    struct str ca;             /* PEM file of who vouches for the server; empty: the system's */
    long timeout_ms;           /* for one mail, connecting included */
    const atomic_bool *stop;   /* becomes true when the process ends */
};

struct smtp;

/*
 * smtps:// is TLS from the first byte. On smtp:// TLS (STARTTLS) is a must where there are
 * credentials or a CA; else it is used where the server offers it, unverified, as between mail
 * servers. Does not connect.
 */
struct smtp *smtp_new(const struct smtp_options *o);

/* NULL is fine. */
void smtp_free(struct smtp *s);

/* Blocks, timeout_ms at most, and about a second once *stop is true. The connection is kept for the
 * next. */
struct delivery smtp_send(struct smtp *s, const struct envelope *e);

/* Connect, TLS, sign in, and no more. DELIVERY_SENT: a mail would be let in. Blocks as above. */
struct delivery smtp_try(struct smtp *s);

/* Nothing to send in the near future: close the connection. */
void smtp_rest(struct smtp *s);

#endif
