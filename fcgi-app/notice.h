/*
 * Mails that tell the owner of an account what was done to it, so that he learns of what he did not
 * do himself. Only a verified address gets them. They are paced apart from other mails
 * (store/mailbox.h). That an address was changed is links.h's to tell.
 */
#ifndef APP_NOTICE_H
#define APP_NOTICE_H

#include "req.h"
#include "store/accounts.h"

/* What was done, and its template. To add one: a row, a row in domain/letter_form.h, the texts in
 * fcgi-app/mail. */
#define NOTICE_LIST(X)                                                                             \
    X(NOTICE_PASSWORD, "notice_password")                                                          \
    X(NOTICE_FACTOR_ON, "notice_factor_on")                                                        \
    X(NOTICE_FACTOR_OFF, "notice_factor_off")                                                      \
    X(NOTICE_RECOVERY_MADE, "notice_recovery_made")                                                \
    X(NOTICE_RECOVERY_USED, "notice_recovery_used")                                                \
    X(NOTICE_PASSKEY_ADDED, "notice_passkey_added")                                                \
    X(NOTICE_PASSKEY_REMOVED, "notice_passkey_removed")                                            \
    X(NOTICE_PROVIDER_LINKED, "notice_provider_linked")                                            \
    X(NOTICE_PROVIDER_UNLINKED, "notice_provider_unlinked")

enum notice {
#define X(name, template) name,
    NOTICE_LIST(X)
#undef X
};

/*
 * Queue the mail in the caller's write transaction of main.db. `provider`: of the last two kinds,
 * else STR_NULL. OK also where no more mail can be queued: the caller's work is worth more.
 */
enum err notice_mail_within(struct req *r, struct space *main, const struct account *a,
                            enum notice what, struct str provider) must_check;

/*
 * The same in a transaction of its own: the caller may hold the user's space, not main.db. Best
 * right before the commit of what it tells of, so that a crash loses no notice.
 */
enum err notice_mail(struct req *r, struct str user_id, enum notice what,
                     struct str provider) must_check;

#endif
