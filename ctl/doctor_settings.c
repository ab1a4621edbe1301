/* Checks of the settings: that they load, who can read them, how good the secrets are, mail. */
#include "base/base.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "domain/mailer.h"
#include "domain/origin.h"
#include "domain/smtp.h"
#include "store/folder.h"

#define SECRET_BITS 96 /* counted in the bytes that are there: 16 random ones in hex seem less */
#define WORD_BITS   2  /* of entropy in a letter of words, generously */
#define MAIL_MS     8000

void check_settings(struct doctor *d)
{
    struct str message = STR_NULL;
    const char *config = d->ctl->config;
    d->settings = config ? config : "the environment (CUBBY_…)";
    if (conf_load(&d->ctl->conf, config, environ, d->mem, &message)) {
        doctor_fault(d,
                     TEXT(d,
                          "%s; the programs do not start with it; docs/settings.md has every "
                          "setting",
                          d->settings),
                     "%.*s", STR_ARG(message));
        return;
    }
    d->has_settings = true;
    doctor_ok(d, "from %s%s", config ? config : "the environment",
              config ? " and the environment" : "");
}

/* --- who can read them ------------------------------------------------------------------------ */

/* `group`: it may read, as www-data or cubby does. */
static void check_file(struct doctor *d, const char *path, bool group, const char *what)
{
    struct stat st;
    mode_t bad = group ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if (stat(path, &st) < 0 || !(st.st_mode & bad))
        return;
    doctor_fault(d, TEXT(d, "chmod %s %s", group ? "640" : "600", path),
                 "%s: others can %s it, and it holds %s (mode %03o)", path,
                 st.st_mode & (S_IWGRP | S_IWOTH) ? "write" : "read", what,
                 (unsigned)st.st_mode & 0777);
}

/* A file of that name in the same folder. */
static const char *beside(struct doctor *d, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) : 1;
    return TEXT(d, "%.*s/%s", n, slash ? path : ".", name);
}

static bool file_has_secret(struct doctor *d)
{
    struct conf c;
    struct str ignored;
    enum err e = conf_load(&c, d->ctl->config, NULL, d->mem, &ignored);
    (void)e; /* what is not there may be in the environment */
    return c.jwt_secret.n || c.jwt_secret_previous.n || c.mail_password.n || c.metrics_token.n;
}

void check_settings_files(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    struct folder_names names = {.count = 0};
    const char *config = d->ctl->config;
    if (config && file_has_secret(d))
        check_file(d, config, true, "secrets");
    if (config)
        check_file(d, beside(d, config, "cubby.env"), true, "secrets");
    check_file(d, TEXT(d, "%.*s/jwt_secret", STR_ARG(c->data_dir)), false, "the secret");
    if (c->push_tls_key.n)
        check_file(d, c->push_tls_key.p, true, "the private key of push_tls_cert");
    if (c->oauth_dir.n && folder_read(c->oauth_dir.p, d->mem, &names) == OK)
        for (size_t i = 0; i < names.count; i++)
            check_file(d, TEXT(d, "%s/%.*s", c->oauth_dir.p, STR_ARG(names.list[i])), true,
                       "a client secret");
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* The shortest part that all of it is a repetition of. */
static size_t period(struct str s)
{
    size_t p = 1;
    while (p < s.n && memcmp(s.p, s.p + p, s.n - p) != 0)
        p++;
    return p;
}

/* Shannon's, of single bytes. */
static double entropy(struct str s)
{
    double bits = 0, count[256] = {0};
    for (size_t i = 0; i < s.n; i++)
        count[(unsigned char)s.p[i]]++;
    for (size_t i = 0; i < ARRAY_LEN(count); i++)
        if (count[i] > 0)
            bits -= count[i] * log2(count[i] / (double)s.n);
    return bits;
}

/* Most bytes are the neighbours of those before them: abcdef, 98765, aaaa. */
static bool is_sequence(struct str s)
{
    size_t near = 0;
    for (size_t i = 1; i < s.n; i++)
        near += abs(s.p[i] - s.p[i - 1]) <= 1;
    return near * 2 > s.n;
}

static bool is_words(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz -_.,!", s.p[i] | 0x20))
            return false;
    return s.n > 0;
}

static bool has_known_word(struct str s)
{
    static const char *const known[] = {"changeme",  "change-me", "change_me", "change me",
                                        "example",   "your-",     "your_",     "replace",
                                        "secret of", "benchmark", "insecure",  "password"};
    struct buf lower = BUF_INIT;
    bool has = false;
    for (size_t i = 0; i < s.n; i++)
        buf_append_ch(&lower, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i]);
    for (size_t i = 0; !has && i < ARRAY_LEN(known); i++)
        has = s.n && memmem(lower.p, lower.n, known[i], strlen(known[i]));
    buf_release(&lower);
    return has;
}

/* NULL: good enough. */
static const char *weakness(struct str secret)
{
    struct str once = str_make(secret.p, period(secret));
    double bits = is_words(once) ? (double)once.n * WORD_BITS : entropy(once);
    return has_known_word(secret) ? "is that of an example"
           : once.n < secret.n    ? "is a repetition"
           : is_sequence(secret)  ? "is a sequence"
           : bits < SECRET_BITS   ? "can be guessed"
                                  : NULL;
}

void check_secret(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    const char *fix = TEXT(d,
                           "a new jwt_secret in %s (`openssl rand -base64 48`), then restart both "
                           "programs; everybody signs in again",
                           d->settings);
    const char *now = weakness(c->jwt_secret), *before = NULL;
    if (c->jwt_secret_previous.n)
        before = weakness(c->jwt_secret_previous);
    if (now)
        doctor_fault(d, fix, "jwt_secret %s: who guesses it acts for every user", now);
    if (before)
        doctor_fault(d, TEXT(d, "take jwt_secret_previous out of %s", d->settings),
                     "jwt_secret_previous %s, and its tokens are still taken", before);
    if (str_eq(c->jwt_secret, c->jwt_secret_previous))
        doctor_warn(d, TEXT(d, "take jwt_secret_previous out of %s", d->settings),
                    "jwt_secret_previous is jwt_secret");
    if (c->metrics_token.n && c->metrics_token.n < 16)
        doctor_warn(d, TEXT(d, "a longer metrics_token in %s", d->settings),
                    "metrics_token has only %zu bytes", c->metrics_token.n);
}

static bool is_loopback(struct str url)
{
    return !url.n || str_starts_with(url, STR("http://localhost")) ||
           str_starts_with(url, STR("http://127."));
}

void check_development(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    const struct {
        bool on;
        const char *name, *does;
    } all[] = {
        {c->dev_show_reset_token, "dev_show_reset_token", "anybody can set anybody's password"},
        {c->test_endpoints, "test_endpoints", "/push/echo is open"},
        {c->oauth_loopback_http, "oauth_loopback_http", "providers need no TLS"},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const char *fix = TEXT(d, "%s = off in %s", all[i].name, d->settings);
        if (all[i].on && is_loopback(c->public_url))
            doctor_warn(d, fix, "%s is on: %s", all[i].name, all[i].does);
        else if (all[i].on)
            doctor_fault(d, fix, "%s is on: %s", all[i].name, all[i].does);
    }
}

/* --- mail ------------------------------------------------------------------------------------- */

static void try_server(struct doctor *d)
{
    static const atomic_bool never = false;
    const struct conf *c = &d->ctl->conf;
    struct smtp *s = smtp_new(&(struct smtp_options){.url = c->mail_smtp,
                                                     .user = c->mail_user,
                                                     .password = c->mail_password,
                                                     .ca = c->mail_ca,
                                                     .timeout_ms = MAIL_MS,
                                                     .stop = &never});
    struct delivery end = smtp_try(s);
    smtp_free(s);
    if (end.end == DELIVERY_SENT)
        doctor_ok(d, "%.*s takes mails", STR_ARG(c->mail_smtp));
    else
        doctor_fault(d,
                     TEXT(d, "mail_smtp, mail_user, mail_password and mail_ca in %s", d->settings),
                     "%.*s: %s%s", STR_ARG(c->mail_smtp), end.why,
                     end.code ? TEXT(d, " (reply %d)", end.code) : "");
}

void check_mail(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    struct str message = STR_NULL;
    struct mailer *mailer = NULL;
    if (!c->mail_smtp.n && !c->mail_sendmail.n) {
        doctor_ok(d, "no mail is sent: neither mail_smtp nor mail_sendmail is set");
        return;
    }
    if (mailer_new(&mailer, c, d->mem, &message))
        doctor_fault(d, TEXT(d, "mail_from, public_url and mail_templates in %s", d->settings),
                     "%.*s", STR_ARG(message));
    else if (c->mail_smtp.n)
        try_server(d);
    mailer_free(mailer);
}

/* --- proxies ---------------------------------------------------------------------------------- */

/* Where the web server of this machine comes from, as cubby-pushd sees it. */
void check_proxies(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    struct str listen = c->push_listen;
    struct str peer = str_starts_with(listen, STR("unix:"))   ? STR("unix:")
                      : str_starts_with(listen, STR("127."))  ? STR("127.0.0.1")
                      : str_starts_with(listen, STR("[::1]")) ? STR("::1")
                                                              : STR_NULL;
    if (!doctor_pushd_runs(d))
        doctor_skip(d, "cubby-pushd does not answer at %.*s", STR_ARG(listen));
    else if (!peer.n)
        doctor_ok(d, "cubby-pushd listens beyond this machine, at %.*s", STR_ARG(listen));
    else if (!origin_is_in_list(&c->trusted_proxies, peer))
        doctor_fault(
            d, TEXT(d, "trusted_proxies = 127.0.0.1 ::1 unix: in %s", d->settings),
            "trusted_proxies has not %.*s, where the web server comes to cubby-pushd from: "
            "all its clients count as one address, and as http",
            STR_ARG(peer));
}
