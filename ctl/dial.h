/*
 * A connection to a web server whose bytes one sees: TCP, TLS where the address says https, and
 * what comes when. Requests are written out, answers are read as they arrive. The certificate is
 * checked, but one that cannot be trusted is told of and does not end it.
 */
#ifndef CTL_DIAL_H
#define CTL_DIAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct dial_to {
    const char *origin; /* http[s]://host[:port] */
    const char *ca;     /* PEM file of who vouches for the certificate; NULL: the system's */
    const char *path;   /* a unix socket in place of host and port; NULL: none */
    const char *from;   /* own address of the connection; NULL: the system's choice */
    int64_t timeout_ms; /* to connect, and to shake hands */
};

struct dial; /* an open connection */

/* NULL: *why is a clause, in mem or constant. */
struct dial *dial_open(const struct dial_to *to, struct arena *mem, const char **why);
/* NULL is fine. */
void dial_close(struct dial *d);

/* Both ends, numeric; live as long as d. */
const char *dial_peer(const struct dial *d);
const char *dial_own(const struct dial *d);

/* When the server's certificate ends, unix seconds; 0: there is none. */
int64_t dial_certificate_until(const struct dial *d);
/* Why it is not to be trusted; NULL: it is, or there is none. */
const char *dial_distrust(const struct dial *d);

/* All of it; false: the connection is over. */
bool dial_send(struct dial *d, struct str bytes) must_check;

enum dial_got {
    DIAL_BYTES,  /* some were appended */
    DIAL_CLOSED, /* by the other end */
    DIAL_SILENT, /* nothing until then */
};

/* What comes first: bytes, the end, or until_ms of clock_mono_ms(). */
enum dial_got dial_read(struct dial *d, struct buf *to, int64_t until_ms) must_check;

/* The two of them at once: the first with something to read, or NULL: until_ms came. */
struct dial *dial_wait(struct dial *const *all, size_t count, int64_t until_ms);

/* --- an answer --- */

/* status 0: none came, and `why` says what did. Strings in mem. */
struct dial_answer {
    int status;
    struct str head; /* the status line and the lines behind it */
    struct str body; /* what had come of it, as it was sent */
    bool has_head;   /* to its end */
    const char *why;
};

struct str dial_header(const struct dial_answer *a, struct str name);

/* The Date of the answer, unix seconds; 0: there is none. */
int64_t dial_date(const struct dial_answer *a);

/* The head, and of the body what comes within it, in time. */
void dial_head(struct dial *d, int64_t until_ms, struct arena *mem, struct dial_answer *out);

/* The same until `wanted` is in the body, or the body is over (by its length or with the
 * connection), or until_ms. False: what is wanted did not come. */
bool dial_body(struct dial *d, int64_t until_ms, struct str wanted, struct arena *mem,
               struct dial_answer *a);

#endif
