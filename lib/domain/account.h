/* Accounts as a whole: what is theirs in main.db, and what their passwords have to be. */
#ifndef DOMAIN_ACCOUNT_H
#define DOMAIN_ACCOUNT_H

#include "domain/conf.h"
#include "domain/organization.h"
#include "domain/weak.h"

/* May it be set, by the settings and the list? Else *problem is a sentence, in mem. */
bool account_password_is_fit(struct str password, const struct conf *c, const struct weak_list *w,
                             struct arena *mem, struct str *problem);

/*
 * Everything of c->user_id in main.db goes, in the caller's write transaction; after the commit the
 * relay deletes the file (domain/relay.h). Sessions are ended before. ERR_CONFLICT: it owns an
 * organization with members; ERR_NOT_FOUND.
 */
enum err account_forget(struct organization_call *c) must_check;

#endif
