/* The table of routes, and how a path finds its row. */
#include "base/base.h"

#include "admin.h"
#include "base/enc.h"
#include "base/utf8.h"
#include "res/res.h"
#include "routes.h"

/* What nearly every write needs. */
#define WRITE (NEED_USER | NEED_WRITE)

/* An operation on counters in both its forms: plain JSON, and wrapped as oRPC clients have it. */
#define COUNTER(op, need, handler, doc)                                                            \
    {METHOD_POST, "/rpc/counter." op, IN_COUNTERS | NEED_JSON | (need), handler, doc},             \
    {                                                                                              \
        METHOD_POST, "/rpc/counter/" op, IN_COUNTERS | NEED_JSON | RPC_WRAPPED | (need), handler,  \
            doc " Wrapped in {\"json\":…}."                                                      \
    }

/*
 * To add one:
 *   1. a row here: methods, path, what it needs, handler, one line of documentation;
 *   2. the handler's prototype in res/res.h and its body in res/<resource>.c;
 *   3. a test of what it does in tests/app/<resource>.c;
 *   4. its line in docs/protocol.md.
 * Literal segments win over {names}, whatever the method: GET /api/me never is a collection "me".
 */
const struct route routes[] = {
    /* Accounts */
    {METHOD_POST, "/api/signup", NEED_JSON | ALLOW_FORM | SETS_COOKIES | HASHES, account_signup,
     "Make an account and sign in."},
    {METHOD_POST, "/api/login", NEED_JSON | ALLOW_FORM | SETS_COOKIES | HASHES, account_login,
     "Sign in with address and password."},
    {METHOD_POST, "/api/login/totp", NEED_JSON | ALLOW_FORM | SETS_COOKIES, login_totp,
     "The second step of a sign-in: a code of the authenticator app."},
    {METHOD_POST, "/api/login/recovery", NEED_JSON | ALLOW_FORM | SETS_COOKIES, login_recovery,
     "The second step of a sign-in: a recovery code."},
    {METHOD_POST, "/api/login/code/request", NEED_JSON | ALLOW_FORM, login_code_request,
     "Mail a code that signs in, where the address is the verified one of an account."},
    {METHOD_POST, "/api/login/code", NEED_JSON | ALLOW_FORM | SETS_COOKIES, login_code,
     "Sign in with address and such a code."},
    {METHOD_POST, "/api/login/passkey/options", 0, login_passkey_begin,
     "What a browser needs to sign in with a passkey."},
    {METHOD_POST, "/api/login/passkey", NEED_JSON | SETS_COOKIES, login_passkey,
     "Sign in with a passkey, without a name or password."},
    {METHOD_POST, "/api/logout", SETS_COOKIES, account_logout,
     "End this session; ?all=1 ends all of the account."},
    {METHOD_GET, "/api/me", NEED_USER, account_me, "Who is signed in."},
    {METHOD_POST, "/api/refresh", NEED_JSON | ALLOW_FORM | BODY_OPTIONAL | SETS_COOKIES,
     account_refresh, "A new pair of tokens for a refresh token."},
    {METHOD_POST, "/api/password-reset/request", NEED_JSON | ALLOW_FORM, password_reset_request,
     "Mail a link that sets a new password, where the address has an account."},
    {METHOD_POST, "/api/password-reset/confirm", NEED_JSON | ALLOW_FORM | HASHES,
     password_reset_confirm, "Set a new password by such a link's token; ends every session."},
    {METHOD_POST, "/api/password", NEED_USER | NEED_JSON | ALLOW_FORM | HASHES, password_change,
     "Set a new password; ends the other sessions."},
    {METHOD_POST, "/api/email", NEED_USER | NEED_JSON | ALLOW_FORM | HASHES, email_change,
     "Mail a link that makes the address the account's."},
    {METHOD_POST, "/api/email/verify", NEED_JSON | ALLOW_FORM, email_verify,
     "Take the address of such a link's token."},
    {METHOD_GET, "/api/sessions", NEED_USER, sessions_get_all, "Where the account is signed in."},
    {METHOD_DELETE, "/api/sessions/{id}", NEED_USER, sessions_remove, "End a session."},
    {METHOD_DELETE, "/api/account", NEED_USER | NEED_JSON | ALLOW_FORM | BODY_OPTIONAL | HASHES,
     account_delete, "Delete the account and everything of it."},
    {METHOD_GET, "/api/account/export", NEED_USER | STREAMED, account_export,
     "Everything of the account as one JSON document."},
    {METHOD_GET, "/api/account/activity", NEED_USER, activity_get,
     "What happened to the account: ?limit=, ?cursor=."},
    {METHOD_GET, "/api/account/usage", NEED_USER | IN_ORG, account_usage,
     "Bytes and rows stored, and how many there may be."},
    {METHOD_GET, "/api/totp", NEED_USER, totp_show, "Is the second factor on?"},
    {METHOD_POST, "/api/totp", NEED_USER | NEED_JSON | ALLOW_FORM | HASHES, totp_begin,
     "A secret for an authenticator app."},
    {METHOD_POST, "/api/totp/confirm", NEED_USER | NEED_JSON | ALLOW_FORM, totp_confirm,
     "A first code of the app: the second factor is on."},
    {METHOD_DELETE, "/api/totp", NEED_USER | NEED_JSON | ALLOW_FORM | HASHES, totp_remove,
     "Turn the second factor off."},
    {METHOD_POST, "/api/totp/recovery-codes", NEED_USER | NEED_JSON | ALLOW_FORM | HASHES,
     totp_renew_codes, "New recovery codes in place of the old ones."},
    {METHOD_GET, "/api/passkeys", NEED_USER, passkeys_show, "The account's passkeys."},
    {METHOD_POST, "/api/passkeys/options",
     NEED_USER | NEED_JSON | ALLOW_FORM | BODY_OPTIONAL | HASHES, passkeys_begin,
     "What a browser needs to make a passkey; asks for the password."},
    {METHOD_POST, "/api/passkeys", WRITE | NEED_JSON, passkeys_post, "Add the passkey it made."},
    {METHOD_DELETE, "/api/passkeys/{id}", WRITE, passkeys_drop, "Remove a passkey."},
    {METHOD_POST, "/signup", NEED_JSON | ALLOW_FORM | SETS_COOKIES | HASHES, account_signup_form,
     "The form: as /api/signup, then 303 to /."},
    {METHOD_POST, "/login", NEED_JSON | ALLOW_FORM | SETS_COOKIES | HASHES, account_login_form,
     "The form: as /api/login, then 303 to /."},
    {METHOD_GET | METHOD_POST, "/logout", SETS_COOKIES, account_logout_form,
     "As /api/logout, then 303 to /."},
    {METHOD_GET, "/protected/profile", NEED_USER, account_profile, "Who is signed in."},
    {METHOD_POST, "/api/ticket", NEED_USER, ticket_post, "A ticket that opens one stream."},
    {METHOD_GET, "/api/auth/providers", 0, oauth_providers,
     "The OpenID providers that one can sign in with."},
    {METHOD_GET, "/api/auth/oauth/{provider}", FETCHES, oauth_begin,
     "303 to an OpenID provider to sign in."},
    {METHOD_POST, "/api/auth/oauth/{provider}",
     NEED_USER | NEED_JSON | ALLOW_FORM | BODY_OPTIONAL | SETS_COOKIES | FETCHES, oauth_link,
     "Begin to link an identity at an OpenID provider to the account."},
    {METHOD_GET, "/api/auth/oauth/{provider}/callback", FETCHES, oauth_callback,
     "Where the provider sends the browser back to."},
    {METHOD_GET, "/api/account/identities", NEED_USER, identities_show,
     "The account's identities at OpenID providers."},
    {METHOD_DELETE, "/api/account/identities/{provider}",
     NEED_USER | NEED_JSON | ALLOW_FORM | BODY_OPTIONAL | HASHES, identities_unlink,
     "Unlink the identity at a provider."},

    /* Key-value store */
    {METHOD_GET, "/data", NEED_USER | IN_BATCH, data_read,
     "The value of a key, or keys by prefix."},
    {METHOD_POST, "/data", WRITE | NEED_JSON | ALLOW_NUL | ALLOW_FORM | IN_BATCH, data_write,
     "Set a key."},
    {METHOD_DELETE, "/data", WRITE | IN_BATCH, data_remove, "Remove a key."},
    {METHOD_GET, "/api/data", NEED_USER | IN_BATCH, data_read, "As /data."},
    {METHOD_POST, "/api/data", WRITE | NEED_JSON | ALLOW_NUL | ALLOW_FORM | IN_BATCH, data_write,
     "As /data."},
    {METHOD_DELETE, "/api/data", WRITE | IN_BATCH, data_remove, "As /data."},

    /* Collections */
    {METHOD_POST, "/api/batch", WRITE | IN_ORG | NEED_JSON | ALLOW_NUL, batch_run,
     "Up to 100 calls of collections and data in one transaction."},
    {METHOD_GET, "/api/changes", NEED_USER | IN_ORG | LONG_POLL, changes_poll,
     "Events after ?since=, waiting up to ?wait= seconds for one."},
    {METHOD_POST, "/api/demo/broadcast", WRITE | NEED_JSON | NEED_DEMO, demo_broadcast,
     "Tell everyone who is connected."},
    {METHOD_PUT, "/api/notifications/{id}/read", WRITE | IN_BATCH, notifications_mark_read,
     "Mark a notification as read."},
    {METHOD_GET, "/posts", NEED_USER, posts_list, "The rows of posts."},
    {METHOD_POST, "/posts", WRITE | NEED_JSON | ALLOW_FORM, posts_post,
     "Make a post; a form is answered with 303 to /."},
    {METHOD_DELETE, "/posts/{id}", WRITE, posts_remove, "Remove a post."},
    {METHOD_GET, "/api/notes", NEED_USER | IN_BATCH | NOTE_ERRORS, notes_get, "The newest notes."},
    {METHOD_POST, "/api/notes", WRITE | NEED_JSON | ALLOW_FORM | IN_BATCH | NOTE_ERRORS, notes_post,
     "Make a note."},
    {METHOD_GET, "/api/notes/count", NEED_USER | IN_BATCH, notes_count,
     "How many notes fulfil the conditions."},
    {METHOD_PUT | METHOD_PATCH, "/api/notes/{id}", WRITE | NEED_JSON | IN_BATCH | NOTE_ERRORS,
     notes_put, "Change a note's text."},
    {METHOD_DELETE, "/api/notes/{id}", WRITE | IN_BATCH | NOTE_ERRORS, notes_remove,
     "Remove a note."},
    {METHOD_GET, "/api/{c}", NEED_USER | IN_ORG | IN_BATCH, rows_list,
     "Rows: where, order, limit, offset or cursor, count, q."},
    {METHOD_POST, "/api/{c}", WRITE | IN_ORG | NEED_JSON | ALLOW_FORM | IN_BATCH, rows_post,
     "Make a row."},
    {METHOD_DELETE, "/api/{c}", WRITE | IN_ORG | IN_BATCH, rows_clear,
     "Remove rows, at most 1,000 a call."},
    {METHOD_GET, "/api/{c}/count", NEED_USER | IN_ORG | IN_BATCH, rows_total,
     "How many rows fulfil the conditions."},
    {METHOD_GET, "/api/{c}/{id}", NEED_USER | IN_ORG | IN_BATCH, rows_show, "One row."},
    {METHOD_PUT, "/api/{c}/{id}", WRITE | IN_ORG | NEED_JSON | IN_BATCH, rows_put,
     "Replace the given members of a row."},
    {METHOD_PATCH, "/api/{c}/{id}", WRITE | IN_ORG | NEED_JSON | IN_BATCH, rows_patch,
     "Update a row by JSON Merge Patch."},
    {METHOD_DELETE, "/api/{c}/{id}", WRITE | IN_ORG | IN_BATCH, rows_remove, "Remove a row."},

    /* Organizations */
    {METHOD_POST, "/api/organizations", WRITE | IN_MAIN | NEED_JSON | ALLOW_FORM,
     organizations_post, "Make an organization; a form is answered with 303 to /organizations."},
    {METHOD_GET, "/api/organizations", NEED_USER, organizations_list,
     "The organizations one owns, and those one is a member of or invited to."},
    {METHOD_GET, "/api/organizations/{id}", NEED_USER, organizations_show,
     "An organization and its members."},
    {METHOD_DELETE, "/api/organizations/{id}", WRITE | IN_MAIN, organizations_drop,
     "Remove an organization with all its rows."},
    {METHOD_POST, "/api/organizations/{id}/members", WRITE | IN_MAIN | NEED_JSON,
     organizations_invite, "Invite an address."},
    {METHOD_DELETE, "/api/organizations/{id}/members/{userId}", WRITE | IN_MAIN,
     organizations_remove_member, "Remove a member, or leave."},
    {METHOD_POST, "/api/organizations/{id}/accept", WRITE | IN_MAIN, organizations_accept,
     "Join after an invitation."},

    /* Counters */
    COUNTER("increment", NEED_WRITE, counters_increment, "Add an amount to a counter."),
    COUNTER("decrement", NEED_WRITE, counters_decrement, "Take an amount from a counter."),
    COUNTER("setValue", NEED_WRITE, counters_set_value, "Give a counter a value."),
    COUNTER("reset", NEED_WRITE, counters_reset, "Set a counter to 0."),
    COUNTER("create", NEED_WRITE, counters_make, "Make a counter."),
    COUNTER("delete", NEED_WRITE, counters_remove, "Remove a counter and its history."),
    COUNTER("getValue", 0, counters_value, "The value of a counter; 0 for an unknown one."),
    COUNTER("getMetadata", 0, counters_metadata, "A counter, its times, how often it changed."),
    COUNTER("getHistory", 0, counters_recent, "A counter's newest changes."),
    COUNTER("listAll", BODY_OPTIONAL, counters_all, "All counters."),
    {METHOD_GET, "/counter", IN_COUNTERS, counters_page, "global-counter as a page."},
    {METHOD_POST, "/api/counter/increment", IN_COUNTERS | NEED_WRITE, counters_button_increment,
     "Add 1 to global-counter."},
    {METHOD_POST, "/api/counter/decrement", IN_COUNTERS | NEED_WRITE, counters_button_decrement,
     "Take 1 from global-counter."},

    /* The admin page */
    {METHOD_GET, "/admin", IN_ADMIN, admin_page, "The admin page."},
    {METHOD_POST, "/api/admin/login", IN_ADMIN | NEED_JSON | SETS_COOKIES | HASHES, admin_login,
     "Sign an administrator in: address, password and code of the authenticator app."},
    {METHOD_POST, "/api/admin/logout", IN_ADMIN | SETS_COOKIES, admin_logout,
     "End the administrator's session."},
    {METHOD_POST, "/api/admin/ticket", IN_ADMIN | NEED_ADMIN | BY_ITSELF, admin_ticket,
     "A ticket that opens the stream of all events, once."},
    {METHOD_GET, "/api/admin/overview", IN_ADMIN | NEED_ADMIN | BY_ITSELF, admin_overview,
     "How many of what there are, how large, and what this process has answered."},
    {METHOD_GET, "/api/admin/errors", IN_ADMIN | NEED_ADMIN | BY_ITSELF, admin_errors,
     "What this process has answered with 5xx, the newest first."},
    {METHOD_GET, "/api/admin/users", IN_ADMIN | NEED_ADMIN, admin_users,
     "Accounts by address: ?query=, ?limit=, ?cursor=."},
    {METHOD_GET, "/api/admin/users/{id}", IN_ADMIN | NEED_ADMIN, admin_user,
     "An account, its size, sessions and activity."},
    {METHOD_POST, "/api/admin/users/{id}/disable", IN_ADMIN | NEED_ADMIN, admin_user_disable,
     "End all sessions of an account and refuse new ones."},
    {METHOD_POST, "/api/admin/users/{id}/enable", IN_ADMIN | NEED_ADMIN, admin_user_enable,
     "Let an account sign in again."},
    {METHOD_POST, "/api/admin/users/{id}/sessions/revoke", IN_ADMIN | NEED_ADMIN, admin_user_revoke,
     "End all sessions of an account."},

    /* Operations */
    {METHOD_GET, "/healthz", 0, ops_healthz, "Is the service there?"},
    {METHOD_GET, "/metrics", 0, ops_metrics, "Counters for Prometheus."},
    {METHOD_GET, "/api/docs", 0, ops_docs, "This API as an OpenAPI 3.1 document."},
};

const size_t route_count = ARRAY_LEN(routes);

#define SEGMENTS_MAX 8

/* A path cut at its slashes, each segment decoded after the cut: "a%2Fb" is one segment. */
struct segments {
    size_t count;
    struct str at[SEGMENTS_MAX];
};

static bool split(struct segments *s, struct str path, struct arena *mem)
{
    struct str rest = str_from(path, 1), raw;
    s->count = 0;
    if (!path.n || path.p[0] != '/')
        return false;
    while (str_next(&rest, '/', &raw)) {
        struct str *segment = &s->at[s->count];
        if (s->count++ == SEGMENTS_MAX || !percent_decode(mem, raw, false, segment))
            return false;
        if (segment->p != raw.p && (!utf8_is_valid(*segment) || str_find(*segment, 0) < segment->n))
            return false;
    }
    return true;
}

/* The paths of the admin page have no row but those of IN_ADMIN, and these no other path. */
static bool is_of_admin(const struct segments *s)
{
    bool api = s->count > 1 && str_eq(s->at[0], STR("api"));
    return s->count > 0 && str_eq(s->at[api ? 1 : 0], STR("admin"));
}

/* The segment at *pattern, a slash first; *pattern moves behind it. False at the end. */
static bool next_segment(const char **pattern, struct str *segment)
{
    if (**pattern != '/')
        return false;
    *segment = str_make(*pattern + 1, strcspn(*pattern + 1, "/"));
    *pattern = segment->p + segment->n;
    return true;
}

static bool is_name(struct str pattern_segment)
{
    return str_starts_with(pattern_segment, STR("{"));
}

/*
 * Does the pattern fit? *literal gets a bit for each segment that is no {name}, the first segment's
 * the highest: of two patterns that fit, the larger number is the more literal one.
 */
static bool fits(const char *pattern, const struct segments *s, unsigned *literal)
{
    struct str wanted;
    *literal = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!next_segment(&pattern, &wanted))
            return false;
        if (is_name(wanted) ? s->at[i].n == 0 : !str_eq(wanted, s->at[i]))
            return false;
        if (!is_name(wanted))
            *literal |= 1u << (SEGMENTS_MAX - i);
    }
    return *pattern == '\0';
}

static void fill_args(struct req *r, const char *pattern, const struct segments *s)
{
    struct str wanted;
    size_t count = 0;
    for (size_t i = 0; next_segment(&pattern, &wanted); i++) {
        if (!is_name(wanted))
            continue;
        assert(count < REQ_ARGS_MAX);
        r->args[count++] = s->at[i];
    }
}

const struct route *routes_match(struct req *r, unsigned *allow)
{
    const struct route *best = NULL;
    struct segments s;
    unsigned best_literal = 0, literal;
    unsigned method = r->method == METHOD_HEAD ? METHOD_GET : r->method;

    *allow = 0;
    if (!split(&s, r->path, r->mem))
        return NULL;
    unsigned admin = is_of_admin(&s) ? IN_ADMIN : 0;
    if (admin && !admin_is_open(r))
        return NULL;
    for (const struct route *row = routes; row < routes + route_count; row++) {
        if ((row->need & IN_ADMIN) != admin || !fits(row->path, &s, &literal) ||
            (*allow && literal < best_literal))
            continue;
        if (literal > best_literal || !*allow) {
            best = NULL;
            *allow = 0;
        }
        best_literal = literal;
        *allow |= row->methods;
        if (!best && (row->methods & method))
            best = row;
    }
    if (best)
        fill_args(r, best->path, &s);
    return best;
}

struct str routes_allow(unsigned methods, struct arena *mem)
{
    return arena_printf(mem, "%s%s%s%s%sOPTIONS", methods & METHOD_GET ? "GET, HEAD, " : "",
                        methods & METHOD_POST ? "POST, " : "", methods & METHOD_PUT ? "PUT, " : "",
                        methods & METHOD_PATCH ? "PATCH, " : "",
                        methods & METHOD_DELETE ? "DELETE, " : "");
}
