/* Which of a client's offers of permessage-deflate is taken (RFC 6455 9.1, RFC 7692 7.1). */
#include "base/base.h"

#include "wire/ws.h"

#define WINDOW_MIN 8
#define WINDOW_MAX 15

enum param {
    NO_SERVER_TAKEOVER,
    NO_CLIENT_TAKEOVER,
    SERVER_WINDOW,
    CLIENT_WINDOW,
    PARAM_COUNT,
};

static const struct {
    struct str name;
    bool may_have_value, must_have_value;
} params[] = {
    [NO_SERVER_TAKEOVER] = {STR("server_no_context_takeover"), false, false},
    [NO_CLIENT_TAKEOVER] = {STR("client_no_context_takeover"), false, false},
    [SERVER_WINDOW] = {STR("server_max_window_bits"), true, true},
    [CLIENT_WINDOW] = {STR("client_max_window_bits"), true, false},
};
_Static_assert(ARRAY_LEN(params) == PARAM_COUNT, "a row for each");

struct offer {
    bool acceptable;
    bool given[PARAM_COUNT];
    uint8_t bits[PARAM_COUNT];
};

/* --- syntax: name [; param [= value]]..., with white space between all of them --- */

static void skip_space(struct str *s)
{
    while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
        *s = str_from(*s, 1);
}

static bool skip_char(struct str *s, char c)
{
    skip_space(s);
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_from(*s, 1);
    skip_space(s);
    return true;
}

static bool is_token_char(char c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alnum || (c != '\0' && memchr(others, c, sizeof(others) - 1));
}

static bool take_token(struct str *s, struct str *token)
{
    size_t n = 0;
    while (n < s->n && is_token_char(s->p[n]))
        n++;
    *token = str_make(s->p, n);
    *s = str_from(*s, n);
    return n > 0;
}

/* What is quoted must be a token as well (RFC 6455 9.1): no escapes. */
static bool take_value(struct str *s, struct str *value)
{
    bool quoted = s->n > 0 && s->p[0] == '"';
    if (quoted)
        *s = str_from(*s, 1);
    if (!take_token(s, value))
        return false;
    if (!quoted)
        return true;
    bool closed = s->n > 0 && s->p[0] == '"';
    *s = str_from(*s, 1);
    return closed;
}

/* --- meaning --- */

/* A number without leading zeros. */
static bool read_bits(struct str value, uint8_t *bits)
{
    uint64_t n = 0;
    if (!str_to_u64(value, WINDOW_MAX, &n) || n < WINDOW_MIN || value.p[0] == '0')
        return false;
    *bits = (uint8_t)n;
    return true;
}

/* value.p is NULL when there is none. False: the offer must be declined. */
static bool note_param(struct offer *o, struct str name, struct str value)
{
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        if (!str_eq(params[i].name, name))
            continue;
        if (o->given[i] || (value.p ? !params[i].may_have_value : params[i].must_have_value))
            return false;
        o->given[i] = true;
        return !value.p || read_bits(value, &o->bits[i]);
    }
    return false;
}

/* One offer from the front of *rest. False: this is no list of offers any more. */
static bool take_offer(struct str *rest, struct offer *o)
{
    struct str name, value;
    *o = (struct offer){.acceptable = false};
    if (!take_token(rest, &name))
        return false;
    o->acceptable = str_eq(name, STR("permessage-deflate"));
    while (skip_char(rest, ';')) {
        value = STR_NULL;
        if (!take_token(rest, &name) || (skip_char(rest, '=') && !take_value(rest, &value)))
            return false;
        o->acceptable = o->acceptable && note_param(o, name, value);
    }
    return rest->n == 0 || rest->p[0] == ',';
}

enum ws_deflate ws_negotiate(struct str offers, struct buf *answer)
{
    struct offer o = {.acceptable = false};
    while (!o.acceptable) {
        while (skip_char(&offers, ','))
            ; /* a list may have empty elements (RFC 9110 5.6.1) */
        if (!take_offer(&offers, &o))
            return WS_PLAIN;
    }
    buf_append_lit(answer, "permessage-deflate; server_no_context_takeover; "
                           "client_no_context_takeover");
    if (!o.given[SERVER_WINDOW])
        return WS_DEFLATE;
    buf_appendf(answer, "; server_max_window_bits=%d", o.bits[SERVER_WINDOW]);
    return o.bits[SERVER_WINDOW] == WINDOW_MAX ? WS_DEFLATE : WS_DEFLATE_READ;
}
