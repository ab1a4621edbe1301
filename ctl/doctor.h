/*
 * What the checks of `cubbyctl doctor` share: the run, what they may ask of it, and the words they
 * answer with. The table of checks is doctor.c; the checks are in doctor_<theme>.c.
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "commands.h"
#include "dial.h"

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_FAULT, VERDICT_NOT_CHECKED };

/* The web server, by the Server header; lighttpd.conf sends none. */
enum web_server { SERVER_APACHE, SERVER_LIGHTTPD, SERVER_NGINX, SERVER_OTHER };

struct doctor {
    struct ctl *ctl;
    struct arena *mem;    /* of the whole run */
    const char *settings; /* where settings stand, for messages */

    /* What the checks before have shown; checks that need one of them are not made without. */
    bool has_settings, has_data;
    bool is_reached, has_app, has_push, has_authorization;
    bool has_account;
    const char *no_settings, *no_data, *no_url, *no_account; /* why not, where that is known */

    /* The public URL in parts. */
    const char *origin, *host, *base; /* base: "" or "/cubby" */
    bool is_https;
    enum web_server server;
    struct dial_answer health; /* of /healthz there */
    int push_status;           /* of /push/healthz there; 0: none, or not asked yet */
    const char *misplaced;     /* it answers, and not as Cubby below base; why */

    /* cubby-pushd at push_listen, once it was asked. */
    bool is_pushd_asked;
    const char *no_pushd; /* why it does not answer there; NULL: it does */

    /* An account of this run's own, and a backend token of it. */
    char account_id[RAND_ID_LEN + 1], password[RAND_ID_LEN + 1];
    struct str token;

    /* Streams that are held open to see how long they live. */
    struct dial *sse, *ws;
    struct dial_answer sse_answer;
    int64_t held_since; /* clock_mono_ms() */

    int64_t started_at;           /* wall ms */
    char marker[RAND_ID_LEN + 1]; /* of a request that is to be found in the logs */
    struct doctor_report *report;
};

/* --- the words, in doctor.c: several of one check are fine, none is VERDICT_OK --- */

void doctor_ok(struct doctor *d, const char *fmt, ...) printf_like(2, 3);
void doctor_warn(struct doctor *d, const char *fix, const char *fmt, ...) printf_like(3, 4);
/* fix says what to change, and in which file. */
void doctor_fault(struct doctor *d, const char *fix, const char *fmt, ...) printf_like(3, 4);
void doctor_skip(struct doctor *d, const char *fmt, ...) printf_like(2, 3);

/* Ctrl-C: what takes long ends early. */
bool doctor_is_stopped(void);

/* printf for messages; lives as long as the run. */
#define TEXT(d, ...) (arena_printf((d)->mem, __VA_ARGS__).p)

/* --- doctor_server.c: what to change in a web server's configuration --- */

enum trouble {
    TROUBLE_APP,  /* cubby.fcgi is not reached */
    TROUBLE_PUSH, /* cubby-pushd is not reached */
    TROUBLE_AUTHORIZATION,
    TROUBLE_BUFFERED,
    TROUBLE_UPGRADE,
    TROUBLE_IDLE,
    TROUBLE_CEILING,
    TROUBLE_LOGS,
    TROUBLE_FORWARDED,
    TROUBLES,
};
const char *doctor_directive(const struct doctor *d, enum trouble t);
enum web_server doctor_server(struct str header);

/* --- doctor_account.c --- */

/* The settings, the data folder and main.db allow it: makes the account. Else no_account says why.
 */
void doctor_account_begin(struct doctor *d);
void doctor_account_end(struct doctor *d);
/* The address that the account's newest session came from; "" for none. */
const char *doctor_account_address(struct doctor *d);

/* --- doctor_ask.c --- */

#define ASK_MS  5000 /* for an answer */
#define SOON_MS 3000 /* for what comes at once, where nothing holds it back */

struct doctor_ask {
    const char *method; /* NULL: GET */
    const char *path;   /* below the base path */
    const char *lines;  /* further header lines, each with \r\n; NULL: none */
    const char *body;   /* JSON; NULL: none */
    const char *from;   /* as of struct dial_to */
    bool keep;          /* a stream: no Connection: close, and SOON_MS */
};

/* --url, or public_url with base_path; false, with no_url: there is none. */
bool doctor_read_url(struct doctor *d);

/* A connection on which the head of the answer has been awaited; NULL: out->why. */
struct dial *doctor_begin(struct doctor *d, const struct doctor_ask *q, struct dial_answer *out);
/* The whole answer. */
void doctor_ask(struct doctor *d, const struct doctor_ask *q, struct dial_answer *out);

/* Header lines that sign in. */
const char *doctor_by_header(struct doctor *d);
const char *doctor_by_cookie(struct doctor *d);

/* Is it an answer of Cubby's own, and {"ok":true}? */
bool doctor_is_well(const struct dial_answer *a);
/* Is it an answer of one of the programs? */
bool doctor_is_cubby(const struct dial_answer *a);
/* Does cubby-pushd answer at push_listen? Asked once. */
bool doctor_pushd_runs(struct doctor *d);
/* A request with marks for check_logs; servers write late. */
void doctor_leave_mark(struct doctor *d);
/* "status 502", or why there was none. */
const char *doctor_status(struct doctor *d, const struct dial_answer *a);

/* The certificate of a connection, which `where` names: its end, and whether it is trusted. */
void doctor_certificate(struct doctor *d, const struct dial *dial, const char *where, bool named);

/* --- checks --- */

void check_settings(struct doctor *d);
void check_settings_files(struct doctor *d);
void check_secret(struct doctor *d);
void check_development(struct doctor *d);
void check_mail(struct doctor *d);
void check_proxies(struct doctor *d);

void check_data_folder(struct doctor *d);
void check_owner(struct doctor *d);
void check_permissions(struct doctor *d);
void check_restore(struct doctor *d);
void check_databases(struct doctor *d);
void check_file_times(struct doctor *d);

void check_disk(struct doctor *d);
void check_file_system(struct doctor *d);
void check_sqlite(struct doctor *d);
void check_descriptors(struct doctor *d);
void check_pushd(struct doctor *d);
void check_push_tls(struct doctor *d);

void check_url(struct doctor *d);
void check_address(struct doctor *d);
void check_certificate(struct doctor *d);
void check_clock(struct doctor *d);
void check_app(struct doctor *d);
void check_cookies(struct doctor *d);
void check_authorization(struct doctor *d);
void check_client_address(struct doctor *d);

void check_push(struct doctor *d);
void check_same_settings(struct doctor *d);
void check_sse(struct doctor *d);
void check_delivery(struct doctor *d);
void check_websocket(struct doctor *d);
void check_ceiling(struct doctor *d);
void check_idle(struct doctor *d);
void check_logs(struct doctor *d);

#endif
