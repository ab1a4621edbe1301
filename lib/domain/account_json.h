/* An account and what belongs to it, in JSON: in answers, in the export, for administrators. */
#ifndef DOMAIN_ACCOUNT_JSON_H
#define DOMAIN_ACCOUNT_JSON_H

#include "base/buf.h"
#include "store/accounts.h"
#include "store/activity.h"
#include "store/identities.h"
#include "store/organizations.h"
#include "store/passkeys.h"
#include "store/sessions.h"

/* Members without the brackets, as an administrator sees them:
 * "id":…,"email":…,"createdAt":…,"emailVerified":…,"disabledAt":… */
void account_append_members(struct buf *out, const struct account *a);

/* current_sid p == NULL: none is current. */
void session_append(struct buf *out, const struct session *s, struct str current_sid);
void activity_append(struct buf *out, const struct activity *a);

/* Members without the brackets: "id":…,"name":…,"createdAt":…,"lastUsedAt":…, and
 * "transports":[…]. */
void passkey_append_members(struct buf *out, const struct passkey *k);
void passkey_append_transports(struct buf *out, const struct passkey *k);

/* "enabled":…,"recoveryCodesLeft":… */
enum err totp_append_state(struct buf *out, struct space *sp) must_check;

#endif
