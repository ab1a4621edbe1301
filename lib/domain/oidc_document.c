/* Fetching what a provider publishes when it is due, and no more often. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/oidc_document.h"

void oidc_document_init(struct oidc_document *d)
{
    *d = (struct oidc_document){.text = BUF_INIT};
    pthread_mutex_init(&d->lock, NULL);
}

void oidc_document_release(struct oidc_document *d)
{
    buf_release(&d->text);
    pthread_mutex_destroy(&d->lock);
}

static int64_t keep_ms(int64_t max_age_s)
{
    if (max_age_s < 0)
        max_age_s = OIDC_KEEP_DEFAULT_S;
    if (max_age_s < OIDC_KEEP_MIN_S)
        max_age_s = OIDC_KEEP_MIN_S;
    return (max_age_s < OIDC_KEEP_MAX_S ? max_age_s : OIDC_KEEP_MAX_S) * 1000;
}

static enum err ask(struct oidc_document *d, const struct fetch_options *options,
                    const struct oidc_wish *w, struct arena *mem, const char **why)
{
    struct fetch_answer answer;
    enum err e = fetch(options, &(struct fetch_request){.url = w->url}, mem, &answer, why);
    int64_t now = clock_mono_ms();
    if (e == OK && answer.status != 200)
        *why = "the provider does not publish what it should: its answer is not 200";
    else if (e == OK && !w->is_good(w->arg, answer.body, mem))
        *why = "the provider does not publish what it should: its answer has not the form";
    else if (e == OK) {
        buf_reset(&d->text);
        buf_append_str(&d->text, answer.body);
        d->edition++;
        d->good_until = now + keep_ms(answer.max_age_s);
        return OK;
    }
    d->ask_from = now + OIDC_RETRY_MS;
    return ERR_PROVIDER;
}

/* With the lock held. */
static enum err see_to(struct oidc_document *d, const struct fetch_options *options,
                       const struct oidc_wish *w, struct arena *mem, const char **why)
{
    int64_t now = clock_mono_ms();
    bool good = d->edition && now < d->good_until;
    bool renew = good && d->edition == w->newer_than && now >= d->renew_from;
    if (good && !renew)
        return OK;
    if (now < d->ask_from) {
        *why = "the provider has failed a moment ago";
        return ERR_PROVIDER;
    }
    if (renew)
        d->renew_from = now + OIDC_ROTATE_MS;
    return ask(d, options, w, mem, why);
}

enum err oidc_document_get(struct oidc_document *d, const struct fetch_options *options,
                           const struct oidc_wish *w, struct arena *mem, struct str *text,
                           uint64_t *edition, const char **why)
{
    pthread_mutex_lock(&d->lock);
    enum err e = see_to(d, options, w, mem, why);
    if (e == OK) {
        *text = arena_dup(mem, buf_str(&d->text));
        *edition = d->edition;
    }
    pthread_mutex_unlock(&d->lock);
    return e;
}
