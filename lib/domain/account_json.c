/* Accounts, sessions, activity, passkeys and second factors as JSON. */
#include "base/base.h"

#include "domain/account_json.h"
#include "store/factors.h"
#include "store/rows.h"
#include "wire/json.h"

void account_append_members(struct buf *out, const struct account *a)
{
    buf_append_lit(out, "\"id\":");
    json_append_string(out, a->id);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, a->email);
    buf_append_lit(out, ",\"createdAt\":");
    row_append_time(out, a->created_at);
    buf_appendf(out, ",\"emailVerified\":%s,\"disabledAt\":", a->email_verified ? "true" : "false");
    row_append_time_or_null(out, a->disabled_at);
}

void session_append(struct buf *out, const struct session *s, struct str current_sid)
{
    buf_append_lit(out, "{\"id\":");
    json_append_string(out, s->id);
    buf_append_lit(out, ",\"createdAt\":");
    row_append_time(out, s->created_at);
    buf_append_lit(out, ",\"lastSeenAt\":");
    row_append_time(out, s->last_seen_at);
    buf_append_lit(out, ",\"userAgent\":");
    json_append_string(out, s->user_agent);
    buf_append_lit(out, ",\"ip\":");
    json_append_string(out, s->ip);
    buf_append_str(out, str_eq(s->id, current_sid) ? STR(",\"current\":true}")
                                                   : STR(",\"current\":false}"));
}

void activity_append(struct buf *out, const struct activity *a)
{
    buf_append_lit(out, "{\"id\":");
    buf_append_i64(out, a->id);
    buf_append_lit(out, ",\"at\":");
    row_append_time(out, a->at);
    buf_append_lit(out, ",\"kind\":");
    json_append_string(out, a->kind);
    buf_append_lit(out, ",\"ip\":");
    json_append_string(out, a->ip);
    buf_append_lit(out, ",\"userAgent\":");
    json_append_string(out, a->user_agent);
    if (a->detail.n) {
        buf_append_lit(out, ",\"detail\":");
        json_append_string(out, a->detail);
    }
    buf_append_ch(out, '}');
}

void passkey_append_members(struct buf *out, const struct passkey *k)
{
    buf_append_lit(out, "\"id\":");
    json_append_string(out, k->id);
    buf_append_lit(out, ",\"name\":");
    json_append_string(out, k->name);
    buf_append_lit(out, ",\"createdAt\":");
    row_append_time(out, k->created_at);
    buf_append_lit(out, ",\"lastUsedAt\":");
    row_append_time_or_null(out, k->last_used_at);
}

void passkey_append_transports(struct buf *out, const struct passkey *k)
{
    struct str rest = k->transports, word;
    buf_append_lit(out, "\"transports\":[");
    while (str_next(&rest, ' ', &word)) {
        if (!word.n)
            continue;
        if (out->p[out->n - 1] != '[')
            buf_append_ch(out, ',');
        json_append_string(out, word);
    }
    buf_append_ch(out, ']');
}

enum err totp_append_state(struct buf *out, struct space *sp)
{
    bool on;
    int64_t left = 0;
    enum err e = factors_is_on(sp, &on);
    if (e == OK)
        e = factors_recovery_left(sp, &left);
    if (e == OK)
        buf_appendf(out, "\"enabled\":%s,\"recoveryCodesLeft\":%lld", on ? "true" : "false",
                    (long long)left);
    return e;
}
