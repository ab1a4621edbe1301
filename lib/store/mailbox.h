/*
 * The queue of mail in main.db: what was written in a transaction is sent after its commit, by
 * whichever process claims it, however often processes die between. How a mail looks and travels
 * is domain/mailer.h's.
 */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "store/space.h"

#define MAILBOX_MAX     10000 /* mails that may wait */
#define MAILBOX_NOTICES 30    /* notices an hour to one address, where mails are paced at all */
#define MAIL_FIELDS_MAX 8

/* What the process that opens the store says of mail (store_options.mail). Lives as long as it. */
struct mailbox {
    int64_t per_address;        /* mails an hour to one address, 0: no limit */
    void (*on_mail)(void *arg); /* something was queued; called within the transaction; or NULL */
    void *arg;
};

/* For the placeholder {name} of a template. "link" is a path that begins with '/', without the
 * base path: the mail has public_url before it. */
struct mail_field {
    struct str name, value;
};

struct mail {
    struct str to;       /* as accounts keep addresses */
    struct str template; /* fcgi-app/mail/<language>/<template>.txt */
    struct str language; /* "de", "de-AT"; empty or without templates: the setting mail_language */
    const struct mail_field *fields;
    size_t count;
    bool notice; /* of something that was done to the account: paced apart, so that nobody can keep
                    it back by asking for other mails first */
};

/*
 * Queue a mail, in a write transaction of main.db (asserted). OK also when nothing is queued:
 * no mail is configured (store_options.mail is NULL), or the address had its share of the hour, so
 * that no answer tells of it. ERR_BUSY: MAILBOX_MAX wait already; the transaction may go on.
 */
enum err mail_enqueue(struct space *sp, const struct mail *m) must_check;

/* What waits for this address is not sent, but for what is on its way already; in a write
 * transaction of main.db (asserted). */
enum err mail_drop(struct space *sp, struct str to) must_check;

/* A mail that this process may send until `lease`. */
struct mail_claim {
    int64_t id;
    struct str to, template, language;
    struct str fields; /* JSON: {"name":"value",…} */
    int64_t created_at;
    int64_t attempts; /* that failed before */
    int64_t lease;
};

/*
 * Take the mail that is due longest, for lease_ms: nobody else gets it meanwhile. ERR_NOT_FOUND:
 * none is due. Strings in mem. Each a short transaction of its own, as the next three.
 */
enum err mailbox_claim(struct store *st, int64_t now, int64_t lease_ms, struct arena *mem,
                       struct mail_claim *out) must_check;

/* It was sent, or never will be. */
enum err mailbox_remove(struct store *st, const struct mail_claim *c) must_check;

/* It could not be sent: not before due_at again. Nothing happens when the lease has gone to another
 * meanwhile. */
enum err mailbox_retry(struct store *st, const struct mail_claim *c, int64_t due_at) must_check;

/* It was not tried: at once again, by anyone. */
enum err mailbox_give_back(struct store *st, const struct mail_claim *c) must_check;

#endif
