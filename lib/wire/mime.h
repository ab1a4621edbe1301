/*
 * Messages of the Internet (RFC 5322, 2045-2047): plain text and HTML as alternatives, UTF-8 in
 * quoted-printable, lines that end with CRLF and are short enough for any transport. Whatever the
 * parts hold, the message has just the headers listed here. Dots at the start of a line are the
 * transport's business.
 */
#ifndef WIRE_MIME_H
#define WIRE_MIME_H

#include "base/buf.h"
#include "base/err.h"

#define MIME_ADDRESS_MAX 254

struct mime_address {
    struct str name;    /* shown to people; may be empty */
    struct str address; /* local@domain */
};

struct mime_message {
    struct mime_address from;
    struct str to; /* an address */
    struct str subject;
    struct str text, html; /* html: empty for a message of text alone */
    int64_t date_ms;
    struct str id; /* of Message-ID, before the '@': letters, digits, '.', '-' (asserted) */
};

/* May s stand between '<' and '>' of a header or a command: one '@' and none of what would end it?
 * UTF-8 beyond ASCII passes (RFC 6532). */
bool mime_is_address(struct str s);

/* "a@example.org" or "Name <a@example.org>"; the name may be quoted. False for anything else. Both
 * look into s. */
bool mime_parse_address(struct str s, struct mime_address *out);

/* Append the message. ERR_INVALID when an address is none, or a text is not UTF-8. */
enum err mime_append(struct buf *out, const struct mime_message *m) must_check;

#endif
