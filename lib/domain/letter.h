/*
 * What mails say: templates DIR/<language>/<name>.txt (its first line is "Subject: …") and
 * <name>.html (the same for those who see HTML; may be missing), with {placeholders}. Read and
 * checked once at start, immutable afterwards.
 */
#ifndef DOMAIN_LETTER_H
#define DOMAIN_LETTER_H

#include "base/arena.h"
#include "base/err.h"

struct letters;

struct letter_request {
    struct str template;
    struct str language; /* "de", "de-AT"; where there is no such folder: the default one */
    struct str fields;   /* JSON: {"name":"value",…} */
    struct str to;       /* {to} */
    struct str base;     /* before the path of {link}: public_url and base_path */
    struct str site;     /* {site} */
};

/* html is empty where the template has none. */
struct letter {
    struct str subject, text, html;
};

/*
 * Load every language of dir. `language` must have every template; another may lack some. A file or
 * placeholder that no mail knows is ERR_INVALID with *message "file:line: what is wrong, what was
 * expected", in mem. The letters live in mem.
 */
enum err letters_load(struct letters **out, const char *dir, struct str language, struct arena *mem,
                      struct str *message) must_check;

/* In mem. ERR_NOT_FOUND: no such template. ERR_INVALID: a field that it needs is missing, or its
 * link is no path. */
enum err letters_render(const struct letters *l, const struct letter_request *r, struct arena *mem,
                        struct letter *out) must_check;

#endif
