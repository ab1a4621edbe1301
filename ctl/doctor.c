/*
 * cubbyctl doctor: the table of checks, and the report. To add one: a row below, a function
 * check_<name> in the file of its theme, a planted fault in tests/ctl/doctor.mjs.
 */
#include "base/base.h"

#include <signal.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/mem.h"
#include "doctor.h"
#include "wire/json.h"

/* What has to be there for a check. */
enum need {
    NEED_SETTINGS = 1u << 0,
    NEED_DATA = 1u << 1,    /* the data folder, which this user may read */
    NEED_URL = 1u << 2,     /* something answers there */
    NEED_APP = 1u << 3,     /* cubby.fcgi does */
    NEED_ACCOUNT = 1u << 4, /* one of this run's own */
    NEED_PUSH = 1u << 5,    /* cubby-pushd answers there */
    NEED_SSE = 1u << 6,     /* a stream of events is open */
    NEED_STREAM = 1u << 7,  /* that, or a WebSocket */
};

struct doctor_check {
    const char *name;
    unsigned need;
    void (*run)(struct doctor *d);
    const char *good; /* what is so when it says nothing; NULL: it always says something */
};

static const struct doctor_check checks[] = {
    {"settings", 0, check_settings, NULL},
    {"settings-files", NEED_SETTINGS, check_settings_files,
     "nobody else can read the secrets in them"},
    {"secret", NEED_SETTINGS, check_secret, "cannot be guessed"},
    {"development", NEED_SETTINGS, check_development, "what is for development is off"},
    {"mail", NEED_SETTINGS, check_mail, NULL},
    {"data-folder", NEED_SETTINGS, check_data_folder, NULL},
    {"owner", NEED_SETTINGS | NEED_DATA, check_owner, "all files belong to who asks"},
    {"permissions", NEED_SETTINGS | NEED_DATA, check_permissions, "nobody else can open the files"},
    {"disk", NEED_SETTINGS | NEED_DATA, check_disk, NULL},
    {"file-system", NEED_SETTINGS | NEED_DATA, check_file_system, "a local one"},
    {"sqlite", 0, check_sqlite, NULL},
    {"restore", NEED_SETTINGS | NEED_DATA, check_restore, "none was cut short"},
    {"databases", NEED_SETTINGS | NEED_DATA, check_databases, NULL},
    {"file-times", NEED_SETTINGS | NEED_DATA, check_file_times, "none is of the future"},
    {"descriptors", NEED_SETTINGS | NEED_DATA, check_descriptors,
     "the programs may have enough files open"},
    {"push-tls", NEED_SETTINGS, check_push_tls, NULL},
    {"proxies", NEED_SETTINGS, check_proxies,
     "the web server is trusted to say who its clients are"},
    {"url", 0, check_url, NULL},
    {"address", NEED_URL, check_address, "as the settings have it"},
    {"certificate", NEED_URL, check_certificate, NULL},
    {"clock", NEED_URL, check_clock, "as here"},
    {"app", NEED_URL, check_app, "cubby.fcgi answers"},
    {"cookies", NEED_APP, check_cookies, "as they have to be"},
    {"authorization", NEED_APP | NEED_ACCOUNT, check_authorization, "the header arrives"},
    {"client-address", NEED_APP | NEED_ACCOUNT, check_client_address, NULL},
    {"push", NEED_URL, check_push, "cubby-pushd is reached"},
    {"pushd", NEED_SETTINGS, check_pushd, NULL},
    {"same-settings", NEED_PUSH | NEED_ACCOUNT, check_same_settings,
     "both programs run with these"},
    {"sse", NEED_PUSH | NEED_SSE, check_sse, NULL},
    {"delivery", NEED_APP | NEED_SSE, check_delivery, NULL},
    {"websocket", NEED_PUSH | NEED_ACCOUNT, check_websocket, "the upgrade is passed on"},
    {"ceiling", NEED_SSE, check_ceiling, NULL},
    {"idle", NEED_STREAM, check_idle, NULL},
    {"logs", NEED_URL, check_logs, NULL},
};

/* --- the report ------------------------------------------------------------------------------- */

struct finding {
    const char *check;
    enum verdict verdict;
    const char *message, *fix;
};

#define FINDINGS_MAX 256

struct doctor_report {
    const struct doctor_check *check; /* that runs */
    size_t count, of[VERDICT_NOT_CHECKED + 1];
    struct finding found[FINDINGS_MAX];
};

static const char *const verdicts[] = {"ok", "warning", "fault", "not checked"};

static void add(struct doctor *d, enum verdict verdict, const char *fix, const char *fmt,
                va_list args)
{
    struct doctor_report *r = d->report;
    char text[1024];
    if (r->count == FINDINGS_MAX)
        return;
    vsnprintf(text, sizeof text, fmt, args);
    r->found[r->count++] = (struct finding){.check = r->check->name,
                                            .verdict = verdict,
                                            .message = arena_dup(d->mem, str_from_c(text)).p,
                                            .fix = fix};
    r->of[verdict]++;
}

#define ADD(d, verdict, fix, fmt)                                                                  \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, fmt);                                                                       \
        add((d), (verdict), (fix), (fmt), args);                                                   \
        va_end(args);                                                                              \
    } while (0)

void doctor_ok(struct doctor *d, const char *fmt, ...)
{
    ADD(d, VERDICT_OK, NULL, fmt);
}

void doctor_warn(struct doctor *d, const char *fix, const char *fmt, ...)
{
    ADD(d, VERDICT_WARNING, fix, fmt);
}

void doctor_fault(struct doctor *d, const char *fix, const char *fmt, ...)
{
    ADD(d, VERDICT_FAULT, fix, fmt);
}

void doctor_skip(struct doctor *d, const char *fmt, ...)
{
    ADD(d, VERDICT_NOT_CHECKED, NULL, fmt);
}

static void print_json(const struct doctor_report *r)
{
    struct buf json = BUF_INIT;
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->found[i];
        buf_appendf(&json, "%s{\"check\":\"%s\",\"result\":\"%s\",\"message\":", i ? ",\n" : "[",
                    f->check, verdicts[f->verdict]);
        json_append_string(&json, str_from_c(f->message));
        buf_append_lit(&json, ",\"fix\":");
        if (f->fix)
            json_append_string(&json, str_from_c(f->fix));
        else
            buf_append_lit(&json, "null");
        buf_append_ch(&json, '}');
    }
    buf_append_ch(&json, ']');
    ctl_print(buf_str(&json));
    buf_release(&json);
}

static void print_text(const struct doctor_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->found[i];
        printf("%-11s  %-15s  %s\n", verdicts[f->verdict], f->check, f->message);
        if (f->fix)
            printf("%-11s  %-15s  change: %s\n", "", "", f->fix);
    }
    printf("\n%zu ok, %zu to think about, %zu at fault, %zu not checked\n", r->of[VERDICT_OK],
           r->of[VERDICT_WARNING], r->of[VERDICT_FAULT], r->of[VERDICT_NOT_CHECKED]);
}

/* --- the run ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool doctor_is_stopped(void)
{
    return stopped;
}

/* The first thing that is missing, or NULL. */
static const char *missing(const struct doctor *d, unsigned need)
{
    if ((need & NEED_SETTINGS) && !d->has_settings)
        return d->no_settings ? d->no_settings : "the settings are not good";
    if ((need & NEED_DATA) && !d->has_data)
        return d->no_data ? d->no_data : "the data folder is not good";
    if ((need & (NEED_URL | NEED_APP | NEED_PUSH | NEED_SSE | NEED_STREAM)) && !d->is_reached)
        return d->no_url ? d->no_url : "nothing answers at the public URL";
    if ((need & NEED_APP) && !d->has_app)
        return d->misplaced ? d->misplaced : "cubby.fcgi does not answer at the public URL";
    if ((need & NEED_PUSH) && !d->has_push)
        return "cubby-pushd does not answer at the public URL";
    if (((need & NEED_SSE) && !d->sse) || ((need & NEED_STREAM) && !d->sse && !d->ws))
        return "no stream could be opened";
    if (doctor_is_stopped())
        return "it was interrupted";
    return (need & NEED_ACCOUNT) && !d->has_account ? d->no_account : NULL;
}

static void run_check(struct doctor *d, const struct doctor_check *check)
{
    size_t before = d->report->count;
    d->report->check = check;
    if ((check->need & NEED_ACCOUNT) && !missing(d, check->need & ~(unsigned)NEED_ACCOUNT))
        doctor_account_begin(d);
    const char *why = missing(d, check->need);
    if (why)
        doctor_skip(d, "%s", why);
    else
        check->run(d);
    if (d->report->count == before)
        doctor_ok(d, "%s", check->good ? check->good : "nothing to find fault with");
}

int doctor_run(struct ctl *c)
{
    struct doctor d = {.ctl = c, .mem = &c->mem, .started_at = clock_wall_ms()};
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    d.report = arena_zalloc(d.mem, 1, sizeof *d.report);
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        run_check(&d, &checks[i]);
    dial_close(d.sse);
    dial_close(d.ws);
    doctor_account_end(&d);
    if (c->json)
        print_json(d.report);
    else
        print_text(d.report);
    return d.report->of[VERDICT_FAULT] ? CTL_FAILED : CTL_DONE;
}
