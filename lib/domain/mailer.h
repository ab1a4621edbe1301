/*
 * Sends what store/mailbox.h has queued: one thread of cubby.fcgi. A mail leaves the queue when
 * another has taken it, so a crash may send it twice and loses none; while one process sends it no
 * other does.
 */
#ifndef DOMAIN_MAILER_H
#define DOMAIN_MAILER_H

#include "domain/conf.h"
#include "domain/delivery.h"
#include "store/mailbox.h"

/* Longer than sending takes: who dies while he sends keeps others waiting so long. */
#define MAILER_LEASE_MS (DELIVERY_MS + 30000)

/* How often to look for mail of other processes, and for what is due again. */
#define MAILER_LOOK_MS 10000

/* The first wait, doubled with each failure up to the last; how old an unsent mail gets. */
#define MAILER_RETRY_MS     60000
#define MAILER_RETRY_MAX_MS (6 * INT64_C(3600000))
#define MAILER_GIVE_UP_MS   (48 * INT64_C(3600000))

struct mailer;

enum mailer_event {
    MAILER_SENT,
    MAILER_DEFERRED, /* tried again later */
    MAILER_DROPPED,  /* refused, or too old */
    MAILER_TROUBLE,  /* the queue itself: `why` is err_code's */
};

struct mailer_report {
    enum mailer_event event;
    int64_t id;
    struct str template;
    int64_t attempts; /* this one included */
    int code;         /* the server's or program's */
    const char *why;  /* without any address; NULL for MAILER_SENT */
};

/* Called on the mailer's thread. */
typedef void mailer_on_report(void *arg, const struct mailer_report *r);

/*
 * Check the settings and load the templates, both of which live as long as the mailer, in mem.
 * *out is NULL when no mail is configured. ERR_INVALID with *message for the log.
 */
enum err mailer_new(struct mailer **out, const struct conf *c, struct arena *mem,
                    struct str *message) must_check;

/* For store_options.mail. NULL for no mailer. */
const struct mailbox *mailer_mailbox(struct mailer *m);

/* From here on mails of this store are sent. The signals of the calling thread stay blocked. */
void mailer_start(struct mailer *m, struct store *st, mailer_on_report *on_report, void *arg);

/* Ends within a second or two; what is on its way is given back. NULL is fine, here and below. */
void mailer_stop(struct mailer *m);
void mailer_free(struct mailer *m);

/* What the thread does over and over: send one mail that is due. ERR_NOT_FOUND: none is. Others are
 * the store's. */
enum err mailer_step(struct mailer *m, struct store *st, mailer_on_report *on_report,
                     void *arg) must_check;

/* How long to wait after so many failures. */
int64_t mailer_backoff_ms(int64_t failures);

#endif
