/*
 * Answers kept for idempotency keys: written in the transaction of the write they answer. A key is
 * unique in its space: where several users write to one space, the caller puts the user before it.
 */
#ifndef STORE_IDEM_H
#define STORE_IDEM_H

#include "base/arena.h"
#include "store/space.h"

#define IDEM_KEEP_MS (24 * 3600 * 1000LL)
#define IDEM_MAX     100000 /* answers kept in main.db and shared spaces: these have no quota */

struct idem_answer {
    int status;
    struct str
        headers; /* "Name: value\r\n"… of the answer that must be given again (ETag, X-Event-Id) */
    struct str body;
};

/*
 * Look the key up. `fingerprint` is the SHA-256 of method, target and body. OK: the answer, strings
 * in mem. ERR_NOT_FOUND: not used within 24 h. ERR_IDEMPOTENCY: used for another request.
 */
enum err idem_find(struct space *sp, struct str key, struct str fingerprint, int64_t now_ms,
                   struct arena *mem, struct idem_answer *out) must_check;

/* Keep the answer; in the write transaction (asserted). Drops those older than 24 h, and the
 * oldest beyond IDEM_MAX, as it goes. */
enum err idem_keep(struct space *sp, struct str key, struct str fingerprint, int64_t now_ms,
                   const struct idem_answer *a) must_check;

#endif
