/* The table of settings, and how a file's line or a variable's value becomes a field of it. */
#include "base/base.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>

#include "domain/conf.h"
#include "domain/conf_text.h"
#include "domain/password.h"
#include "domain/webhook_key.h"

enum kind {
    TEXT,   /* struct str of min..max bytes */
    NUMBER, /* int64_t from min to max */
    SWITCH, /* bool: the words `yes` and `no` of the row, "on" and "off" by default */
    LIST,   /* struct conf_list: items between commas or white space */
};

struct setting {
    const char *name;
    enum kind kind;
    size_t offset; /* of the field in struct conf */
    const char *fallback;
    int64_t min, max;
    bool secret; /* never repeated in a message */
    bool fixed;  /* cubby-pushd cannot change it while it runs */
    const char *yes, *no;
    bool (*check)(struct str value); /* of a text that is not empty, of each item of a list */
    const char *expected;            /* what `check` accepts */
    const char *doc;
};

/* --- the table -------------------------------------------------------------------------------- */

#define AT(field) offsetof(struct conf, field)
#define MANY      INT64_C(1000000000000000)

/*
 * To add a setting: a field in struct conf, a row here, and the lines that
 * `cubby.fcgi --print-config` gives for it in apache-conf/cubby.ini.
 */
static const struct setting settings[] = {
    {"jwt_secret", TEXT, AT(jwt_secret), "", 32, 4096, .secret = true,
     .doc = "Key that signs tokens, its bytes as they are. Must be set; 32 random bytes or more."},
    {"jwt_secret_previous", TEXT, AT(jwt_secret_previous), "", 32, 4096, .secret = true,
     .doc = "The key before it: its tokens stay good while it is listed here."},
    {"data_dir", TEXT, AT(data_dir), "data", 1, 3072, .fixed = true,
     .doc = "Folder of all data. Made with mode 0700; on a local disk."},
    {"bus_dir", TEXT, AT(bus_dir), "", 0, 80, .fixed = true,
     .doc = "Folder of the sockets between the two programs. Empty: run/bus in data_dir."},
    {"collections_dir", TEXT, AT(collections_dir), "fcgi-app/collections", 1, 3072,
     .doc = "Folder of the collections' declarations, one JSON file each."},
    {"base_path", TEXT, AT(base_path), "", 0, 256, .check = conf_is_base_path,
     .expected = "a path such as /cubby, without a final slash",
     .doc = "Path below which Cubby is served. Empty: the root."},
    {"public_url", TEXT, AT(public_url), "", 0, 256, .check = conf_is_origin,
     .expected = "scheme and host such as https://example.org, without a path",
     .doc = "The origin users see; passkeys are for it. Empty: the request's own scheme and host."},
    {"cors_origins", LIST, AT(cors_origins), "", .check = conf_is_origin,
     .expected = "origins such as https://app.example.org",
     .doc = "Other origins whose pages may call Cubby with cookies."},
    {"trusted_proxies", LIST, AT(trusted_proxies), "", .check = conf_is_network,
     .expected = "addresses, blocks such as 10.0.0.0/8, or unix:",
     .doc = "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."},
    {"max_body", NUMBER, AT(max_body), "1048576", 0, 1 << 30,
     .doc = "Largest request body in bytes."},
    {"quota_bytes", NUMBER, AT(quota_bytes), "1073741824", 0, MANY,
     .doc = "Largest data file of a user or organization in bytes."},
    {"quota_rows", NUMBER, AT(quota_rows), "1000000", 0, MANY,
     .doc = "Most rows and keys of a user or organization."},
    {"min_free_bytes", NUMBER, AT(min_free_bytes), "67108864", 0, MANY,
     .doc = "Free bytes on the disk of the data folder below which both programs are not well "
            "(/healthz: 503)."},
    {"limit_auth_per_address", NUMBER, AT(limit_auth_per_address), "5", 0, 1000000,
     .doc = "Sign-ups and log-ins a minute for one e-mail address."},
    {"limit_auth_per_ip", NUMBER, AT(limit_auth_per_ip), "20", 0, 1000000,
     .doc = "Sign-ups and log-ins a minute from one client address."},
    {"delay_after_failures", NUMBER, AT(delay_after_failures), "10", 0, 1000000,
     .doc =
         "Failed sign-ins in a row of one e-mail address until the next has to wait, 1 second at "
         "first, twice as long each time. Off also with limit_auth_per_address."},
    {"delay_after_failures_per_ip", NUMBER, AT(delay_after_failures_per_ip), "50", 0, 1000000,
     .doc = "The same from one client address, of which one a minute is forgotten. Off also with "
            "limit_auth_per_ip."},
    {"delay_max", NUMBER, AT(delay_max), "900", 0, 24 * 3600,
     .doc = "The longest such wait in seconds."},
    {"login_codes", SWITCH, AT(login_codes), "on",
     .doc = "A code by mail signs in, in place of a password, where the address is verified."},
    {"password_min", NUMBER, AT(password_min), "8", PASSWORD_MIN, 64,
     .doc = "Characters that a password must have when it is set."},
    {"password_list", TEXT, AT(password_list), "", 0, 3072,
     .doc = "File of common passwords, one a line, that nobody may set. Empty: all may be set."},
    {"session_max_age", NUMBER, AT(session_max_age), "2592000", 0, MANY,
     .doc = "Seconds after a sign-in until one has to sign in again, however often one comes."},
    {"synchronous", SWITCH, AT(synchronous_full), "full", .yes = "full", .no = "normal",
     .doc = "full: an answered write survives a power cut. normal: it may not, and is faster."},
    {"busy_timeout", NUMBER, AT(busy_timeout), "5000", 1, 600000, .fixed = true,
     .doc = "Milliseconds a request waits for a busy data file before 503."},
    {"handle_cache", NUMBER, AT(handle_cache), "400", 1, 100000, .fixed = true,
     .doc = "Data files each process keeps open (3 descriptors and about 70 KB each)."},
    {"log_keep_events", NUMBER, AT(log_keep_events), "1000", 0, MANY,
     .doc = "Events kept of each space for streams that come back."},
    {"log_keep_bytes", NUMBER, AT(log_keep_bytes), "16777216", 0, MANY,
     .doc = "Bytes of such events kept; they count in quota_bytes."},
    {"threads", NUMBER, AT(threads), "0", 0, 1024,
     .doc = "Requests one process answers at a time. 0: twice the cores, at least 4."},
    {"poll_workers", NUMBER, AT(poll_workers), "32", 0, 1024,
     .doc = "Long polls that may wait at a time; 0: none waits, each is answered at once."},
    {"hash_queue", NUMBER, AT(hash_queue), "64", 1, 100000,
     .doc = "Log-ins that may wait for a password hash before 503."},
    {"push_listen", TEXT, AT(push_listen), "127.0.0.1:8090", 1, 128, .check = conf_is_listen,
     .expected = "address:port such as 127.0.0.1:8090 or [::1]:8090, or unix:/path", .fixed = true,
     .doc = "Where cubby-pushd listens: an address and port, or unix: and a path (mode 0660)."},
    {"push_tls_listen", TEXT, AT(push_tls_listen), "", 0, 128, .check = conf_is_listen,
     .expected = "address:port such as 0.0.0.0:8443 or [::]:8443, or unix:/path", .fixed = true,
     .doc = "Where cubby-pushd listens for TLS (https, wss). Empty: nowhere."},
    {"push_tls_cert", TEXT, AT(push_tls_cert), "", 0, 3072,
     .doc = "Its certificate with the chain behind it, a PEM file."},
    {"push_tls_key", TEXT, AT(push_tls_key), "", 0, 3072,
     .doc = "The certificate's private key, a PEM file without a passphrase."},
    {"push_metrics_listen", TEXT, AT(push_metrics_listen), "", 0, 128, .check = conf_is_listen,
     .expected = "address:port such as 127.0.0.1:9091, or unix:/path", .fixed = true,
     .doc = "Where cubby-pushd answers /metrics without a token: loopback. Empty: nowhere."},
    {"push_buffer", NUMBER, AT(push_buffer), "262144", 4096, 1 << 30,
     .doc = "Bytes that may wait for a slow reader of a stream."},
    {"push_max_connections", NUMBER, AT(push_max_connections), "65536", 0, 10000000,
     .doc = "Connections of cubby-pushd."},
    {"push_max_connections_per_user", NUMBER, AT(push_max_connections_per_user), "100", 0, 10000000,
     .doc = "Streams of one user."},
    {"push_max_connections_per_ip", NUMBER, AT(push_max_connections_per_ip), "1000", 0, 10000000,
     .doc = "Streams from one client address."},
    {"push_max_rooms_per_connection", NUMBER, AT(push_max_rooms_per_connection), "50", 0, 10000,
     .doc = "Rooms that one connection can be in."},
    {"push_max_rooms_per_user", NUMBER, AT(push_max_rooms_per_user), "500", 0, MANY,
     .doc = "Rooms that one user can be in, on all connections together."},
    {"push_broadcast_rate", NUMBER, AT(push_broadcast_rate), "50", 0, 1000000,
     .doc = "Broadcasts a second of one connection; twice as many at once."},
    {"push_reader_threads", NUMBER, AT(push_reader_threads), "2", 1, 64, .fixed = true,
     .doc = "Threads of cubby-pushd that read data files."},
    {"stream_max_age", NUMBER, AT(stream_max_age), "3600", 0, 30 * 24 * 3600,
     .doc = "Seconds after which a stream ends and its client comes back, give or take 10 %."},
    {"rooms", SWITCH, AT(rooms), "off", .doc = "Rooms for any signed-in user."},
    {"live_public", SWITCH, AT(live_public), "off", .doc = "Visitors may follow live pages."},
    {"counters_public", SWITCH, AT(counters_public), "off", .doc = "Visitors may read counters."},
    {"counters_public_write", SWITCH, AT(counters_public_write), "off",
     .doc = "Visitors may change counters."},
    {"counters_auto_create", SWITCH, AT(counters_auto_create), "on",
     .doc = "The first write to a counter makes it."},
    {"counters_max", NUMBER, AT(counters_max), "10000", 0, MANY,
     .doc = "Counters that may exist; 507 for one more."},
    {"mail_from", TEXT, AT(mail_from), "", 3, 512, .check = conf_is_sender,
     .expected = "an address such as cubby@example.org or Cubby <cubby@example.org>",
     .doc = "Who mails come from. Must be set where mails are sent, and public_url too."},
    {"mail_smtp", TEXT, AT(mail_smtp), "", 8, 512, .check = conf_is_smtp_url,
     .expected = "smtp://host[:port] or smtps://host[:port]",
     .doc = "The server that takes mails, such as smtp://mail.example.org:587. Without it, and "
            "without mail_sendmail, no mail is sent."},
    {"mail_user", TEXT, AT(mail_user), "", 0, 512,
     .doc = "Name to sign in with there. With it, TLS is a must (STARTTLS on smtp://)."},
    {"mail_password", TEXT, AT(mail_password), "", 0, 4096, .secret = true,
     .doc = "The password of that name."},
    {"mail_ca", TEXT, AT(mail_ca), "", 0, 3072,
     .doc = "PEM file of who vouches for the server's certificate; makes TLS a must. Empty: those "
            "whom the system trusts."},
    {"mail_sendmail", TEXT, AT(mail_sendmail), "", 0, 3072, .check = conf_is_absolute,
     .expected = "a program's full path such as /usr/sbin/sendmail",
     .doc = "Instead of a server: the program that takes mails, called with -t -i."},
    {"mail_templates", TEXT, AT(mail_templates), "fcgi-app/mail", 1, 3072,
     .doc = "Folder of the mails' texts: one folder for each language."},
    {"mail_language", TEXT, AT(mail_language), "en", 1, 35, .check = conf_is_language,
     .expected = "a language such as en or de",
     .doc = "Language of mails to those whose own is not there."},
    {"mail_per_address", NUMBER, AT(mail_per_address), "10", 0, 1000000,
     .doc = "Mails an hour to one address; more are not sent, and no answer tells."},
    {"oauth_dir", TEXT, AT(oauth_dir), "", 0, 3072,
     .doc = "Folder of the OpenID Connect providers, one JSON file each. Empty: none."},
    {"oauth_ca_file", TEXT, AT(oauth_ca_file), "", 0, 3072,
     .doc = "Who vouches for providers' certificates, a PEM file. Empty: the system's."},
    {"oauth_timeout", NUMBER, AT(oauth_timeout), "5000", 100, 60000,
     .doc = "Milliseconds a provider may take for an answer; a sign-in asks up to five times."},
    {"oauth_workers", NUMBER, AT(oauth_workers), "16", 1, 1024,
     .doc = "Sign-ins that may wait for a provider at a time; 503 beyond."},
    {"oauth_loopback_http", SWITCH, AT(oauth_loopback_http), "off",
     .doc = "Development only: providers at http:// on this machine."},
    {"webhook_url", LIST, AT(webhook_url), "", .fixed = true, .check = webhook_url_is_valid,
     .expected = "addresses such as https://example.org/hook; http:// only to localhost, "
                 "127.0.0.1 or [::1]",
     .doc = "Where every event is sent to, signed, in the order of its space: docs/webhooks.md. "
            "Empty: nowhere."},
    {"webhook_secret", LIST, AT(webhook_secret), "", .secret = true, .fixed = true,
     .check = webhook_secret_is_valid, .expected = "whsec_ and 24 to 64 random bytes in base64",
     .doc = "Keys that sign what is sent there, each whsec_ and base64. Must be set with "
            "webhook_url; several while one takes the place of another."},
    {"webhook_events", LIST, AT(webhook_events), "", .fixed = true,
     .check = webhook_pattern_is_valid, .expected = "event names such as kv:set, or table:posts:*",
     .doc = "Which events are sent: names, or beginnings of names and a '*'. Empty: all."},
    {"webhook_ca_file", TEXT, AT(webhook_ca_file), "", 0, 3072, .fixed = true,
     .doc = "Who vouches for receivers' certificates, a PEM file. Empty: the system's."},
    {"webhook_timeout", NUMBER, AT(webhook_timeout), "10000", 100, 60000, .fixed = true,
     .doc = "Milliseconds a receiver may take for an answer."},
    {"webhook_concurrency", NUMBER, AT(webhook_concurrency), "8", 1, 64, .fixed = true,
     .doc = "Requests on their way to one address at a time, each of another space."},
    {"webhook_retry_first", NUMBER, AT(webhook_retry_first), "1000", 10, 600000, .fixed = true,
     .doc = "Milliseconds until an event that was not taken is sent again, doubled each time."},
    {"webhook_retry_max", NUMBER, AT(webhook_retry_max), "300", 1, 86400, .fixed = true,
     .doc = "The longest such wait in seconds."},
    {"org_auto_accept", SWITCH, AT(org_auto_accept), "on",
     .doc = "An invited address is a member at once. off: after accepting."},
    {"orgs_max", NUMBER, AT(orgs_max), "100", 0, MANY,
     .doc = "Organizations that one user may own; 507 for one more."},
    {"org_members_max", NUMBER, AT(org_members_max), "1000", 0, MANY,
     .doc = "Members of an organization, invited ones included; 507 for one more."},
    {"limit_invitations", NUMBER, AT(limit_invitations), "100", 0, MANY,
     .doc = "Invitations an hour of one user."},
    {"admin", SWITCH, AT(admin), "off",
     .doc = "The admin page, /admin, for administrators that cubbyctl makes."},
    {"admin_from", LIST, AT(admin_from), "127.0.0.0/8 ::1", .check = conf_is_network,
     .expected = "addresses, blocks such as 10.0.0.0/8, or unix:",
     .doc = "Client addresses that see the admin page; for all others it is not there."},
    {"demo", SWITCH, AT(demo), "off", .doc = "The demonstration's endpoints."},
    {"dev_show_reset_token", SWITCH, AT(dev_show_reset_token), "off",
     .doc = "Development only: password resets are answered with their token."},
    {"test_endpoints", SWITCH, AT(test_endpoints), "off", .doc = "Tests only: /push/echo."},
    {"metrics_token", TEXT, AT(metrics_token), "", 0, 256, .secret = true,
     .doc = "Bearer token that opens /metrics on the public listener. Empty: 404 there."},
    {"log_level", TEXT, AT(log_level), "info", 1, 8, .check = conf_is_log_level,
     .expected = "error, warn, info or debug",
     .doc = "error, warn, info or debug; debug has a line for every request."},
    {"log_format", SWITCH, AT(log_json), "logfmt", .yes = "json", .no = "logfmt",
     .doc = "Lines of key=value, or one JSON object a line, on standard error."},
    {"log_requests", SWITCH, AT(log_requests), "off",
     .doc = "A line for every request at the level info: method, route, status, times, its id."},
};

static const struct setting *setting_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (str_eq(name, str_from_c(settings[i].name)))
            return &settings[i];
    return NULL;
}

/* --- one value -------------------------------------------------------------------------------- */

/* Where values come from, and the first failure. */
struct loading {
    struct conf *conf;
    const char *path;
    FILE *file;
    unsigned line; /* of the file, read last */
    struct arena *mem;
    struct str message;
};

static const char *yes_word(const struct setting *s)
{
    return s->yes ? s->yes : "on";
}

static const char *no_word(const struct setting *s)
{
    return s->no ? s->no : "off";
}

static struct str expectation(const struct setting *s, struct arena *mem)
{
    if (s->expected)
        return str_from_c(s->expected);
    if (s->kind == NUMBER)
        return arena_printf(mem, "a whole number from %lld to %lld", (long long)s->min,
                            (long long)s->max);
    if (s->kind == SWITCH)
        return arena_printf(mem, "%s or %s", yes_word(s), no_word(s));
    return arena_printf(mem, "%lld to %lld bytes", (long long)s->min, (long long)s->max);
}

static bool set_list(const struct setting *s, struct conf_list *list, struct str value)
{
    size_t at = 0;
    while (at < value.n) {
        size_t end = at;
        while (end < value.n && value.p[end] != ',' && !isspace((unsigned char)value.p[end]))
            end++;
        struct str item = str_make(value.p + at, end - at);
        at = end + 1;
        if (!item.n)
            continue;
        if (list->count == CONF_LIST_MAX || !s->check(item))
            return false;
        list->item[list->count++] = item;
    }
    return true;
}

static bool set_switch(const struct setting *s, bool *field, struct str value)
{
    *field = str_eq(value, str_from_c(yes_word(s)));
    return *field || str_eq(value, str_from_c(no_word(s)));
}

static bool set_text(const struct setting *s, struct str *field, struct str value)
{
    *field = value;
    if (value.n == 0)
        return s->min == 0 || *s->fallback == '\0';
    return (int64_t)value.n >= s->min && (int64_t)value.n <= s->max &&
           (!s->check || s->check(value));
}

/* value lives as long as the conf. */
static bool set(struct conf *c, const struct setting *s, struct str value)
{
    void *field = (char *)c + s->offset;
    switch (s->kind) {
    case TEXT:
        return set_text(s, field, value);
    case NUMBER:
        return str_to_i64(value, s->min, s->max, field);
    case SWITCH:
        return set_switch(s, field, value);
    case LIST:
        return set_list(s, field, value);
    }
    return false;
}

/* `where` is "file:line" or the variable's name. */
static bool set_or_explain(struct loading *l, const struct setting *s, struct str where,
                           struct str value)
{
    if (set(l->conf, s, arena_dup(l->mem, value)))
        return true;
    struct str shown = s->secret ? STR("a secret of the wrong length") : value;
    l->message = arena_printf(l->mem, "%.*s: %s = %.*s: expected %.*s", STR_ARG(where), s->name,
                              STR_ARG(shown), STR_ARG(expectation(s, l->mem)));
    return false;
}

/* --- the file --------------------------------------------------------------------------------- */

/* fgets that counts, because Debian's inih does not hand out line numbers. */
static char *read_line(char *out, int size, void *arg)
{
    struct loading *l = arg;
    if (l->message.p || !fgets(out, size, l->file))
        return NULL;
    l->line++;
    return out;
}

static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
    struct loading *l = arg;
    const struct setting *s = *section ? NULL : setting_find(str_from_c(name));
    struct str where = arena_printf(l->mem, "%s:%u", l->path, l->line);
    if (l->message.p)
        return 0;
    if (s)
        return set_or_explain(l, s, where, str_from_c(value));
    l->message = arena_printf(l->mem, "%.*s: %s: no such setting%s; expected one of cubby.ini",
                              STR_ARG(where), name, *section ? " in a [section]" : "");
    return 0;
}

static enum err read_file(struct loading *l)
{
    l->file = fopen(l->path, "re");
    if (!l->file) {
        l->message = arena_printf(l->mem, "%s: %s; expected a settings file", l->path,
                                  strerrordesc_np(errno));
        return ERR_INVALID;
    }
    /* The library's default, 200 bytes, cuts lists of origins in the middle. */
    ini_max_line = 8192;
    ini_stop_on_first_error = true;
    int bad_line = ini_parse_stream(read_line, l, on_setting, l);
    fclose(l->file);
    if (bad_line && !l->message.p)
        l->message =
            arena_printf(l->mem, "%s:%d: not a setting; expected name = value", l->path, bad_line);
    return l->message.p ? ERR_INVALID : OK;
}

/* --- the environment -------------------------------------------------------------------------- */

#define PREFIX "CUBBY_"

static bool same_variable(const char *variable, const char *name)
{
    while (*name && toupper((unsigned char)*name) == *variable)
        name++, variable++;
    return *name == '\0' && *variable == '=';
}

static enum err read_variable(struct loading *l, const struct setting *s, const char *variable)
{
    struct str text = str_from_c(variable);
    struct str name = str_make(variable, str_find(text, '='));
    struct str value = str_from(text, name.n + 1);
    if (s->kind == LIST) /* it wins: it does not add */
        memset((char *)l->conf + s->offset, 0, sizeof(struct conf_list));
    return set_or_explain(l, s, name, value) ? OK : ERR_INVALID;
}

/* Variables of other names are left alone: other programs may share the prefix. */
static enum err read_environment(struct loading *l, char **env)
{
    for (; env && *env; env++) {
        if (strncmp(*env, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
            if (!same_variable(*env + sizeof PREFIX - 1, settings[i].name))
                continue;
            enum err e = read_variable(l, &settings[i], *env);
            if (e)
                return e;
        }
    }
    return OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

static enum err check_whole(struct loading *l)
{
    struct conf *c = l->conf;
    if (!c->bus_dir.n)
        c->bus_dir = arena_printf(l->mem, "%.*s/run/bus", STR_ARG(c->data_dir));
    if (!c->jwt_secret.n)
        l->message =
            arena_printf(l->mem, "jwt_secret is not set; expected at least 32 bytes in the "
                                 "settings file or in " PREFIX "JWT_SECRET");
    else if (c->push_tls_listen.n && !(c->push_tls_cert.n && c->push_tls_key.n))
        l->message = STR("push_tls_listen is set; expected push_tls_cert and push_tls_key too");
    else if (c->webhook_url.count && !c->webhook_secret.count)
        l->message = STR("webhook_url is set; expected webhook_secret too");
    else if (c->mail_smtp.n && c->mail_sendmail.n)
        l->message = STR("mail_smtp and mail_sendmail are set; expected one of them");
    return l->message.p ? ERR_INVALID : OK;
}

enum err conf_load(struct conf *c, const char *path, char **env, struct arena *mem,
                   struct str *message)
{
    struct loading l = {.conf = c, .path = path, .mem = mem};
    enum err e = OK;
    *c = (struct conf){0};
    *message = STR_NULL;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        bool fits = set(c, &settings[i], str_from_c(settings[i].fallback));
        assert(fits);
    }
    if (path)
        e = read_file(&l);
    if (e == OK)
        e = read_environment(&l, env);
    if (e == OK)
        e = check_whole(&l);
    *message = l.message;
    return e;
}

/* --- while a program runs --------------------------------------------------------------------- */

static bool keep_list(struct conf_list *is, const struct conf_list *was, struct arena *mem)
{
    bool other = is->count != was->count;
    for (size_t i = 0; i < was->count; i++) {
        other = other || !str_eq(is->item[i], was->item[i]);
        is->item[i] = arena_dup(mem, was->item[i]);
    }
    is->count = was->count;
    return other;
}

/* Give a fixed setting of *c its value in *old; true: it had another. */
static bool keep(struct conf *c, const struct conf *old, const struct setting *s, struct arena *mem)
{
    void *field = (char *)c + s->offset;
    const void *before = (const char *)old + s->offset;
    if (s->kind == NUMBER) {
        int64_t was = *(const int64_t *)before, is = *(int64_t *)field;
        *(int64_t *)field = was;
        return is != was;
    }
    if (s->kind == LIST)
        return keep_list(field, before, mem);
    struct str was = *(const struct str *)before, is = *(struct str *)field;
    *(struct str *)field = arena_dup(mem, was);
    return !str_eq(is, was);
}

struct str conf_keep_fixed(struct conf *c, const struct conf *old, struct arena *mem)
{
    struct str names = STR_NULL;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        assert(!s->fixed || s->kind != SWITCH);
        if (s->fixed && keep(c, old, s, mem))
            names = arena_printf(mem, "%.*s%s%s", STR_ARG(names), names.n ? "," : "", s->name);
    }
    return names;
}

static void print_type(const struct setting *s)
{
    if (s->kind == SWITCH)
        printf("%s | %s", yes_word(s), no_word(s));
    else if (s->kind == NUMBER)
        printf("%lld to %lld%s", (long long)s->min, (long long)s->max,
               s->min == 0 && !strstr(s->doc, "0:") ? ", 0 is off" : "");
    else if (s->kind == LIST)
        printf("list");
    else
        printf("text");
}

void conf_print_defaults(void)
{
    printf("; Every setting of Cubby with its default. Each can also be given in the environment\n"
           "; as " PREFIX
           "<NAME> in upper case, which wins. A wrong value or name stops the start.\n");
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        printf("\n; %s\n; (", s->doc);
        print_type(s);
        printf(")\n;%s = %s\n", s->name, s->fallback);
    }
}
