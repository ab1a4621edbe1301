/* Checks of the public URL: what answers there, as what, and how requests arrive. */
#include "base/base.h"

#include "base/clock.h"
#include "doctor.h"

#define CLOCK_FAULT_S 30 /* tickets are good for so long */
#define CLOCK_WARN_S  5
#define EXPIRES_S     (14 * INT64_C(86400))

void check_url(struct doctor *d)
{
    if (!doctor_read_url(d)) {
        doctor_skip(d, "%s", d->no_url);
        return;
    }
    doctor_ask(d, &(struct doctor_ask){.path = "/healthz"}, &d->health);
    if (!d->health.status) {
        doctor_fault(d,
                     TEXT(d,
                          "start the web server, or correct public_url in %s (scheme, host, port)",
                          d->settings),
                     "%s: %s", d->origin, d->health.why);
        return;
    }
    d->is_reached = true;
    d->server = doctor_server(dial_header(&d->health, STR("Server")));
    doctor_leave_mark(d);
    doctor_ok(d, "%s%s answers", d->origin, d->base);
}

static bool is_loopback(struct str host)
{
    return str_starts_with(host, STR("127.")) || str_starts_with(host, STR("localhost")) ||
           str_starts_with(host, STR("[::1]"));
}

/* --- where it is ------------------------------------------------------------------------------ */

static bool is_well_at(struct doctor *d, const char *base)
{
    const char *kept = d->base;
    struct dial_answer a;
    d->base = base;
    doctor_ask(d, &(struct doctor_ask){.path = "/healthz"}, &a);
    d->base = kept;
    return doctor_is_well(&a);
}

static void check_redirect(struct doctor *d)
{
    struct str to = dial_header(&d->health, STR("Location"));
    if (d->health.status < 301 || d->health.status > 308 || !to.n)
        return;
    d->misplaced = "the public URL leads elsewhere";
    doctor_fault(d, TEXT(d, "public_url in %s: the address that users end up at", d->settings),
                 "%s leads to %.*s", d->origin, STR_ARG(to));
}

/* Below another base path than base it may be well. */
static void check_base(struct doctor *d)
{
    const char *set = d->has_settings ? TEXT(d, "%.*s", STR_ARG(d->ctl->conf.base_path)) : "";
    const char *other = strcmp(d->base, set) != 0 ? set : "";
    if (doctor_is_well(&d->health) || d->misplaced)
        return;
    if (strcmp(d->base, other) != 0 && is_well_at(d, other)) {
        d->misplaced = "Cubby is below another path";
        doctor_fault(d,
                     TEXT(d,
                          "base_path = %s in %s, and CUBBY_BASE_PATH of the web server's file the "
                          "same",
                          other, d->settings),
                     "Cubby answers at %s%s/, not at %s%s/", d->origin, other, d->origin, d->base);
    }
}

void check_address(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    if (d->has_settings && c->public_url.n && !str_eq(c->public_url, str_from_c(d->origin)))
        doctor_fault(d, TEXT(d, "public_url = %s in %s", d->origin, d->settings),
                     "public_url is %.*s, but this is %s: pages there may not write, and mails and "
                     "passkeys are for the other",
                     STR_ARG(c->public_url), d->origin);
    check_redirect(d);
    check_base(d);
    if (!d->is_https && !is_loopback(str_from_c(d->host)))
        doctor_warn(d,
                    TEXT(d, "TLS in the web server, then public_url = https://%s in %s", d->host,
                         d->settings),
                    "%s is not encrypted: passwords and cookies can be read on the way", d->origin);
}

/* --- certificate and clock -------------------------------------------------------------------- */

void doctor_certificate(struct doctor *d, const struct dial *dial, const char *where, bool named)
{
    int64_t until = dial_certificate_until(dial), now = clock_wall_ms() / 1000;
    const char *distrust = dial_distrust(dial);
    char iso[CLOCK_ISO_LEN + 1] = "";
    clock_iso(until * 1000, iso);
    if (until && until < now)
        doctor_fault(d, TEXT(d, "a new certificate: %s", where), "the certificate ended at %s",
                     iso);
    else if (distrust && named)
        doctor_fault(d,
                     TEXT(d,
                          "a certificate for this host, with its chain: %s (--ca names a PEM file "
                          "of another authority)",
                          where),
                     "browsers do not trust the certificate: %s", distrust);
    else if (until && until < now + EXPIRES_S)
        doctor_warn(d, TEXT(d, "a new certificate: %s", where), "the certificate ends soon, at %s",
                    iso);
    else
        doctor_ok(d, "the certificate is good until %s", iso);
}

void check_certificate(struct doctor *d)
{
    static const char *const where[] = {
        "SSLCertificateFile in apache.conf", "ssl.pemfile in lighttpd-tls.conf",
        "ssl_certificate in nginx.conf", "the web server's configuration"};
    struct dial_answer a;
    if (!d->is_https) {
        doctor_ok(d, "no TLS");
        return;
    }
    struct dial *dial = doctor_begin(d, &(struct doctor_ask){.path = "/healthz"}, &a);
    if (dial)
        doctor_certificate(d, dial, where[d->server], true);
    dial_close(dial);
}

void check_clock(struct doctor *d)
{
    int64_t date = dial_date(&d->health), off = d->started_at / 1000 - date;
    const char *fix = "the clocks of both machines (timedatectl set-ntp true)";
    if (off < 0)
        off = -off;
    if (!date)
        doctor_skip(d, "the answer has no Date");
    else if (off > CLOCK_FAULT_S)
        doctor_fault(d, fix,
                     "the clock of %s and this machine's are %lld s apart: tokens end at the "
                     "wrong time",
                     d->host, (long long)off);
    else if (off > CLOCK_WARN_S)
        doctor_warn(d, fix, "the clock of %s and this machine's are %lld s apart", d->host,
                    (long long)off);
}

/* --- the app ---------------------------------------------------------------------------------- */

static bool is_gateway_failure(int status)
{
    return status == 500 || (status >= 502 && status <= 504);
}

void check_app(struct doctor *d)
{
    const struct dial_answer *a = &d->health;
    if (d->misplaced) {
        doctor_skip(d, "%s", d->misplaced);
    } else if (doctor_is_well(a) && doctor_is_cubby(a)) {
        d->has_app = true;
    } else if (doctor_is_cubby(a)) {
        doctor_fault(d,
                     "what its log says (journalctl -u cubby): a full disk, or a file that it "
                     "cannot use",
                     "cubby.fcgi is not well: %s", doctor_status(d, a));
    } else if (is_gateway_failure(a->status)) {
        doctor_fault(d, doctor_directive(d, TROUBLE_APP),
                     "status %d: the web server does not reach cubby.fcgi", a->status);
    } else {
        d->misplaced = "another program answers there";
        doctor_fault(d,
                     TEXT(d,
                          "public_url and base_path in %s; or the web server sends %s/healthz "
                          "elsewhere: %s",
                          d->settings, d->base, doctor_directive(d, TROUBLE_APP)),
                     "%s%s/healthz is answered by another program (status %d)", d->origin, d->base,
                     a->status);
    }
}

void check_cookies(struct doctor *d)
{
    struct dial_answer a;
    doctor_ask(d, &(struct doctor_ask){.path = "/logout"}, &a);
    struct str cookie = dial_header(&a, STR("Set-Cookie"));
    bool secure = cookie.n && memmem(cookie.p, cookie.n, "; Secure", 8);
    const char *path = TEXT(d, "; Path=%s;", *d->base ? d->base : "/");
    if (!cookie.n)
        doctor_skip(d, "no cookie was set (%s)", doctor_status(d, &a));
    else if (d->is_https && !secure)
        doctor_fault(
            d,
            TEXT(d,
                 "public_url = %s in %s (else X-Forwarded-Proto of a proxy in "
                 "trusted_proxies decides)",
                 d->origin, d->settings),
            "cookies are not Secure, though this is https: a browser sends them in the clear");
    else if (!d->is_https && secure)
        doctor_fault(
            d, TEXT(d, "public_url in %s: http, or visit it by https", d->settings),
            "cookies are Secure, though this is http: no browser keeps them, nobody can sign "
            "in");
    else if (!memmem(cookie.p, cookie.n, path, strlen(path)))
        doctor_fault(d, TEXT(d, "base_path = %s in %s", d->base, d->settings),
                     "cookies are for another path than %s/", d->base);
}

/* Sent by the header, and, where that is refused, by the cookie. */
void check_authorization(struct doctor *d)
{
    struct dial_answer a;
    struct doctor_ask me = {.path = "/api/me", .lines = doctor_by_header(d)};
    doctor_ask(d, &me, &a);
    if (a.status == 200) {
        d->has_authorization = true;
        return;
    }
    int status = a.status;
    me.lines = doctor_by_cookie(d);
    doctor_ask(d, &me, &a);
    if (a.status == 200)
        doctor_fault(d, doctor_directive(d, TROUBLE_AUTHORIZATION),
                     "the header Authorization does not arrive at cubby.fcgi (status %d)", status);
    else
        doctor_fault(
            d,
            TEXT(d, "the same jwt_secret and data_dir for cubby.fcgi as in %s, and restart it",
                 d->settings),
            "cubby.fcgi takes no token of these settings: it runs with another jwt_secret or "
            "data_dir (%s)",
            doctor_status(d, &a));
}

/* --- the client's address --------------------------------------------------------------------- */

/* From an address of our own that no proxy has: of loopback there are many. */
void check_client_address(struct doctor *d)
{
    const char *body =
        TEXT(d, "{\"email\":\"doctor@cubby.invalid\",\"password\":\"%s\"}", d->password);
    struct doctor_ask login = {.method = "POST", .path = "/api/login", .body = body};
    struct dial_answer a;
    struct dial *dial = doctor_begin(d, &(struct doctor_ask){.path = "/healthz"}, &a);
    bool loopback = dial && str_starts_with(str_from_c(dial_peer(dial)), STR("127."));
    const char *own = loopback ? "127.0.0.2" : dial ? TEXT(d, "%s", dial_own(dial)) : "";
    dial_close(dial);
    login.from = loopback ? own : NULL;
    doctor_ask(d, &login, &a);
    const char *seen = a.status == 200 ? doctor_account_address(d) : "";
    if (!*seen)
        doctor_skip(d, "a sign-in was not answered with a session (%s)", doctor_status(d, &a));
    else if (strcmp(seen, own) == 0)
        doctor_ok(d, "clients are seen with their own address");
    else if (str_starts_with(str_from_c(seen), STR("127.")) || strcmp(seen, "::1") == 0 ||
             strcmp(seen, "unix:") == 0)
        doctor_fault(
            d,
            TEXT(d, "trusted_proxies = 127.0.0.1 ::1 unix: in %s; %s", d->settings,
                 doctor_directive(d, TROUBLE_FORWARDED)),
            "cubby.fcgi sees the proxy's address %s for every client: limits count all of them "
            "as one",
            seen);
    else
        doctor_ok(d, "this machine is seen as %s", seen);
}
