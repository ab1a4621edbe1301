/* Inside of the letters (letter.c, letter_load.c): what mails there are, and their templates cut
 * into pieces. Nobody else includes this. */
#ifndef DOMAIN_LETTER_FORM_H
#define DOMAIN_LETTER_FORM_H

#include "domain/letter.h"

/* The placeholders of all mails. */
#define FIELDS(X)                                                                                  \
    X(LINK, "link")                                                                                \
    X(CODE, "code")                                                                                \
    X(EMAIL, "email")                                                                              \
    X(ORGANIZATION, "organization")                                                                \
    X(INVITER, "inviter")                                                                          \
    X(PROVIDER, "provider")                                                                        \
    X(IP, "ip")                                                                                    \
    X(TO, "to")                                                                                    \
    X(SITE, "site")

#define HAS(field) (1u << (field))
#define ALWAYS     (HAS(TO) | HAS(SITE))

/*
 * The mails, and the placeholders that each may have. To add one: a row here, a .txt and perhaps an
 * .html in each folder of fcgi-app/mail. email_changed goes to the old address, {email} is the new.
 * {ip} is where a notice's deed was done from.
 */
#define KINDS(X)                                                                                   \
    X("verify_email", HAS(LINK) | ALWAYS)                                                          \
    X("reset_password", HAS(LINK) | ALWAYS)                                                        \
    X("login_code", HAS(CODE) | ALWAYS)                                                            \
    X("email_changed", HAS(EMAIL) | ALWAYS)                                                        \
    X("notice_password", HAS(IP) | ALWAYS)                                                         \
    X("notice_factor_on", HAS(IP) | ALWAYS)                                                        \
    X("notice_factor_off", HAS(IP) | ALWAYS)                                                       \
    X("notice_recovery_made", HAS(IP) | ALWAYS)                                                    \
    X("notice_recovery_used", HAS(IP) | ALWAYS)                                                    \
    X("notice_passkey_added", HAS(IP) | ALWAYS)                                                    \
    X("notice_passkey_removed", HAS(IP) | ALWAYS)                                                  \
    X("notice_provider_linked", HAS(PROVIDER) | HAS(IP) | ALWAYS)                                  \
    X("notice_provider_unlinked", HAS(PROVIDER) | HAS(IP) | ALWAYS)                                \
    X("invitation", HAS(LINK) | HAS(ORGANIZATION) | HAS(INVITER) | ALWAYS)

enum field {
#define X(field, name) field,
    FIELDS(X)
#undef X
        FIELD_COUNT
};

#define X(name, fields) +1
enum { KIND_COUNT = 0 KINDS(X) };
#undef X

struct kind {
    const char *name;
    unsigned fields;
};

extern const struct kind letter_kinds[KIND_COUNT];
extern const char *const letter_field_names[FIELD_COUNT];

/* A piece of a text: bytes as they are, or what stands for a placeholder. */
struct piece {
    struct str literal;
    enum field field; /* FIELD_COUNT: the literal */
};

struct text {
    struct piece *pieces;
    size_t count; /* 0: there is no such text */
};

struct form {
    struct text subject, text, html;
};

struct language {
    struct str name;
    struct form forms[KIND_COUNT];
};

struct letters {
    struct language *languages;
    size_t count;
    const struct language *fallback;
};

/* NULL for a name that no mail has. */
const struct kind *letter_kind(struct str name);

/* NULL where there is none. */
const struct language *letter_language(const struct letters *all, struct str name);

#endif
