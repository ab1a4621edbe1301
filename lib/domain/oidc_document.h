/* Something that a provider publishes (its discovery document, its keys), kept while it lasts.
 * Shared by the threads of the process; who asks for it may wait for the provider. */
#ifndef DOMAIN_OIDC_DOCUMENT_H
#define DOMAIN_OIDC_DOCUMENT_H

#include <pthread.h>

#include "domain/oidc.h"

/* Times are monotonic milliseconds. */
struct oidc_document {
    pthread_mutex_t lock; /* held while the provider is asked: one asks for all who wait */
    struct buf text;      /* empty: none yet */
    uint64_t edition;     /* of the text, from 1 */
    int64_t good_until;   /* of the text */
    int64_t ask_from;     /* not before: the last try has failed */
    int64_t renew_from;   /* not before, as long as the text is good */
};

void oidc_document_init(struct oidc_document *d);
void oidc_document_release(struct oidc_document *d);

struct oidc_wish {
    struct str url;
    bool (*is_good)(const void *arg, struct str text, struct arena *mem); /* worth keeping? */
    const void *arg;
    uint64_t newer_than; /* the edition that would not do, however good it is; 0: any will */
};

/*
 * *text in mem, and its edition. A newer one than wished for is fetched no more often than every
 * OIDC_ROTATE_MS: what there is comes in between. ERR_PROVIDER with *why; another call within
 * OIDC_RETRY_MS fails at once.
 */
enum err oidc_document_get(struct oidc_document *d, const struct fetch_options *fetch,
                           const struct oidc_wish *wish, struct arena *mem, struct str *text,
                           uint64_t *edition, const char **why) must_check;

#endif
