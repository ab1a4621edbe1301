/* Prototypes of all handlers; their bodies are in res/<resource>.c, their rows in routes.c. */
#ifndef APP_RES_H
#define APP_RES_H

#include "auth.h"
#include "req.h"
#include "store/accounts.h"
#include "store/activity.h"
#include "store/passkeys.h"
#include "store/sessions.h"

/* account.c */
enum err account_signup(struct req *r);
enum err account_login(struct req *r);
enum err account_logout(struct req *r);
enum err account_me(struct req *r);
enum err account_refresh(struct req *r);
enum err account_signup_form(struct req *r);
enum err account_login_form(struct req *r);
enum err account_logout_form(struct req *r);
enum err account_profile(struct req *r);
/* The answer of a sign-in, and the page where browsers go on with r->login_token; it stands behind
 * the '#': no server sees it. Not handlers. */
void account_answer_signed_in(struct req *r, const struct account *a, const struct auth_tokens *t);
struct str account_second_page(struct req *r);

/* password.c */
enum err password_reset_request(struct req *r);
enum err password_reset_confirm(struct req *r);
enum err password_change(struct req *r);

/* email.c */
enum err email_change(struct req *r);
enum err email_verify(struct req *r);

/* sessions.c */
enum err sessions_get_all(struct req *r);
enum err sessions_remove(struct req *r);
enum err activity_get(struct req *r);

/* export.c */
enum err account_export(struct req *r);

/* usage.c */
enum err account_usage(struct req *r);

/* deletion.c */
enum err account_delete(struct req *r);

/* oauth.c */
enum err oauth_providers(struct req *r);
enum err oauth_begin(struct req *r);
enum err oauth_link(struct req *r);
enum err oauth_callback(struct req *r);

/* identities.c */
enum err identities_show(struct req *r);
enum err identities_unlink(struct req *r);

/* totp.c */
enum err totp_show(struct req *r);
enum err totp_begin(struct req *r);
enum err totp_confirm(struct req *r);
enum err totp_remove(struct req *r);
enum err totp_renew_codes(struct req *r);
enum err login_totp(struct req *r);
enum err login_recovery(struct req *r);

/* codes.c */
enum err login_code_request(struct req *r);
enum err login_code(struct req *r);

/* passkeys.c */
enum err passkeys_begin(struct req *r);
enum err passkeys_post(struct req *r);
enum err passkeys_show(struct req *r);
enum err passkeys_drop(struct req *r);

/* login_passkey.c */
enum err login_passkey_begin(struct req *r);
enum err login_passkey(struct req *r);

/* ticket.c */
enum err ticket_post(struct req *r);

/* kv.c */
enum err data_read(struct req *r);
enum err data_write(struct req *r);
enum err data_remove(struct req *r);

/* rows.c */
enum err rows_post(struct req *r);
enum err rows_show(struct req *r);
enum err rows_put(struct req *r);
enum err rows_patch(struct req *r);
enum err rows_remove(struct req *r);
enum err rows_clear(struct req *r);
enum err rows_list(struct req *r);
enum err rows_total(struct req *r);
enum err notifications_mark_read(struct req *r);
/* rows_list with another name for the member that holds the rows; not a handler itself. */
enum err rows_list_as(struct req *r, const char *member);

/*
 * What the handlers of rows.c do before they answer, for resources that answer otherwise. As there
 * r->args are the collection's name and the row's id; If-Match is looked at. Strings in r->mem.
 */
enum err rows_make(struct req *r, struct json_value body, struct row *row);
enum err rows_find(struct req *r, struct row *row);
enum err rows_change(struct req *r, struct json_value patch, enum change_merge how,
                     struct row *row);
enum err rows_drop(struct req *r);

/* notes.c */
enum err notes_get(struct req *r);
enum err notes_count(struct req *r);
enum err notes_post(struct req *r);
enum err notes_put(struct req *r);
enum err notes_remove(struct req *r);

/* batch.c */
enum err batch_run(struct req *r);

/* changes.c */
enum err changes_poll(struct req *r);

/* demo.c */
enum err demo_broadcast(struct req *r);

/* pages.c */
enum err posts_list(struct req *r);
enum err posts_post(struct req *r);
enum err posts_remove(struct req *r);

/* counters.c */
enum err counters_increment(struct req *r);
enum err counters_decrement(struct req *r);
enum err counters_set_value(struct req *r);
enum err counters_reset(struct req *r);
enum err counters_make(struct req *r);
enum err counters_remove(struct req *r);
enum err counters_value(struct req *r);
enum err counters_metadata(struct req *r);
enum err counters_recent(struct req *r);
enum err counters_all(struct req *r);
enum err counters_page(struct req *r);
enum err counters_button_increment(struct req *r);
enum err counters_button_decrement(struct req *r);

/* organizations.c */
enum err organizations_post(struct req *r);
enum err organizations_list(struct req *r);
enum err organizations_show(struct req *r);
enum err organizations_drop(struct req *r);
enum err organizations_invite(struct req *r);
enum err organizations_accept(struct req *r);
enum err organizations_remove_member(struct req *r);

/* admin.c */
enum err admin_page(struct req *r);
enum err admin_login(struct req *r);
enum err admin_logout(struct req *r);
enum err admin_ticket(struct req *r);

/* admin_overview.c */
enum err admin_overview(struct req *r);
enum err admin_errors(struct req *r);

/* admin_users.c */
enum err admin_users(struct req *r);
enum err admin_user(struct req *r);
enum err admin_user_disable(struct req *r);
enum err admin_user_enable(struct req *r);
enum err admin_user_revoke(struct req *r);

/* ops.c */
enum err ops_healthz(struct req *r);
enum err ops_metrics(struct req *r);
enum err ops_docs(struct req *r);

#endif
