/*
 * cubby.fcgi: settings, collections, providers, store, bus, workers; ends in order on SIGTERM. As a
 * plain CGI program it answers one request with the same.
 */
#include "base/base.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "cgi.h"
#include "domain/counter.h"
#include "domain/relay.h"
#include "fcgi.h"
#include "lookout.h"
#include "mail.h"
#include "metrics.h"
#include "store/backlog.h"
#include "workers.h"

#define EXPIRES_MAX_S (100LL * 366 * 24 * 3600)

struct options {
    const char *config; /* NULL: $CUBBY_CONFIG, else none */
    const char *socket; /* NULL: descriptor 0, as web servers hand it over */
    bool print_config;
    const char *claims; /* of the token to mint, or NULL */
    int64_t expires_s;  /* 0: it does not */
    bool cgi;           /* one request, from the environment */
};

static const char usage[] =
    "usage: cubby.fcgi [--config FILE] [--socket PATH|ADDRESS:PORT]\n"
    "       cubby.fcgi --print-config\n"
    "       cubby.fcgi [--config FILE] --mint-token CLAIMS [--expires SECONDS]\n"
    "Without --socket it serves the socket that a web server passes as descriptor 0. Started as a\n"
    "CGI program it takes no arguments: $CUBBY_CONFIG names its settings.\n";

static bool read_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},  {"socket", required_argument, NULL, 's'},
        {"print-config", no_argument, NULL, 'p'},  {"mint-token", required_argument, NULL, 'm'},
        {"expires", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0},
    };
    int c;
    *o = (struct options){.config = getenv("CUBBY_CONFIG")};
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'c')
            o->config = optarg;
        else if (c == 's')
            o->socket = optarg;
        else if (c == 'p')
            o->print_config = true;
        else if (c == 'm')
            o->claims = optarg;
        else if (c != 'e' || !str_to_i64(str_from_c(optarg), 1, EXPIRES_MAX_S, &o->expires_s))
            return false;
    }
    return optind == argc && (o->claims || !o->expires_s);
}

static size_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

static size_t threads_of(const struct conf *c)
{
    size_t n = c->threads ? (size_t)c->threads : 2 * cores();
    return c->threads || n >= 4 ? n : 4;
}

/* --- starting and ending ---------------------------------------------------------------------- */

/* Everything that lives as long as the process; `mem` owns its strings. */
struct program {
    struct conf conf;
    struct collections collections;
    struct app app;
    struct mailer *mailer; /* NULL: no mail is sent */
    atomic_bool stopping;  /* nobody waits for providers any more */
    struct arena mem;
    int listen_fd;
};

static enum err open_store(struct program *p, struct str *message)
{
    const struct conf *c = &p->conf;
    struct store_options o = {
        .data_dir = arena_dup(&p->mem, c->data_dir).p,
        .handles = (size_t)c->handle_cache,
        .sync = c->synchronous_full ? DB_SYNC_FULL : DB_SYNC_NORMAL,
        .busy_ms = (int)c->busy_timeout,
        .log_keep_events = c->log_keep_events,
        .log_keep_bytes = c->log_keep_bytes,
        .quota_bytes = c->quota_bytes,
        .quota_rows = c->quota_rows,
        .mail = mailer_mailbox(p->mailer),
    };
    o.tables = collections_tables(&p->collections, &o.table_count);
    return store_open(&p->app.store, &o, &p->mem, message);
}

static enum err open_socket(struct program *p, const struct options *o, struct str *message)
{
    p->listen_fd = STDIN_FILENO;
    if (o->cgi)
        return OK;
    if (o->socket)
        p->listen_fd = fcgi_listen(str_from_c(o->socket), &p->mem, message);
    else if (!fcgi_is_inherited())
        *message = STR("descriptor 0 is no listening socket; give --socket, or let a web server "
                       "start this program");
    return message->p ? ERR_INVALID : OK;
}

static enum err open_bus(struct program *p, const struct options *o, struct str *message)
{
    struct str dir = p->conf.bus_dir;
    if (o->cgi) {
        p->app.bus = bus_pub_open_late(dir);
        return OK;
    }
    if (bus_pub_open(&p->app.bus, dir) == OK)
        return OK;
    *message = arena_printf(&p->mem, "cannot open the bus in %.*s", STR_ARG(dir));
    return ERR_INTERNAL;
}

static enum err open_providers(struct program *p, struct str *message)
{
    const struct conf *c = &p->conf;
    const struct fetch_options o = {
        .timeout_ms = c->oauth_timeout,
        .max_body = OIDC_ANSWER_MAX,
        .ca_file = c->oauth_ca_file,
        .allow_loopback = c->oauth_loopback_http,
        .stop = &p->stopping,
    };
    const char *dir = c->oauth_dir.n ? arena_dup(&p->mem, c->oauth_dir).p : NULL;
    return oidc_open(&p->app.oidc, dir, &o, &p->mem, message);
}

static enum err program_open(struct program *p, const struct options *o, struct str *message)
{
    enum err e = conf_load(&p->conf, o->config, environ, &p->mem, message);
    if (e)
        return e;
    log_open("cubby.fcgi", log_level_parse(p->conf.log_level));
    log_use_json(p->conf.log_json);
    if (!process_raise_descriptors()) /* each open data file takes three */
        log_warn("cannot raise the limit of descriptors errno=%d", errno);
    e = collections_load(&p->collections, arena_dup(&p->mem, p->conf.collections_dir).p, &p->mem,
                         message);
    if (e == OK)
        e = mailer_new(&p->mailer, &p->conf, &p->mem, message);
    if (e == OK)
        e = open_providers(p, message);
    if (e == OK && p->conf.password_list.n)
        e = weak_load(&p->app.weak, arena_dup(&p->mem, p->conf.password_list).p, &p->mem, message);
    if (e)
        return e;
    db_library_init();
    e = open_store(p, message);
    if (e == OK)
        e = open_socket(p, o, message);
    if (e == OK)
        e = open_bus(p, o, message);
    if (e)
        return e;
    p->app.conf = &p->conf;
    p->app.collections = &p->collections;
    if (!o->cgi) /* cgi.c starts one where it may be needed */
        p->app.passwords = password_pool_new(cores(), (size_t)p->conf.hash_queue);
    p->app.wake = wake_new();
    p->app.metrics = metrics_new();
    p->app.lookout = lookout_new();
    who_keys_init(&p->app.keys, &p->conf);
    return OK;
}

static void program_close(struct program *p)
{
    password_pool_free(p->app.passwords);
    oidc_close(p->app.oidc);
    bus_pub_close(p->app.bus);
    store_close(p->app.store);
    mailer_free(p->mailer);
    collections_release(&p->collections);
    wake_free(p->app.wake);
    metrics_free(p->app.metrics);
    lookout_free(p->app.lookout);
    arena_release(&p->mem);
}

/* The signals that end us are blocked in all threads: only serve() takes them. What a program of
 * ours ends with is for us to know, whatever who started us thinks of SIGCHLD. */
static void own_signals(sigset_t *ends)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &usual, NULL);
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGUSR1); /* how some servers say it */
    pthread_sigmask(SIG_BLOCK, ends, NULL);
}

static void serve(struct program *p, const sigset_t *ends)
{
    int signal_number = 0;
    enum err e = counter_prepare(p->app.store);
    if (e) /* everything else can be served; a call for counters tries again */
        log_warn("cannot open the counters code=%.*s", STR_ARG(err_code(e)));
    struct workers_options o = {
        .threads = threads_of(&p->conf),
        .poll_threads = (size_t)p->conf.poll_workers,
        .hash_threads = cores() + (size_t)p->conf.hash_queue,
        .fetch_threads = (size_t)p->conf.oauth_workers,
    };
    mail_log_start(&p->conf);
    p->app.relay = relay_start(&(struct relay_line){p->app.store, p->app.bus, p->app.wake});
    if (p->mailer)
        mailer_start(p->mailer, p->app.store, mail_log, p->app.metrics);
    struct workers *w = workers_start(&p->app, p->listen_fd, &o);
    log_info("started pid=%ld threads=%zu", (long)getpid(), o.threads);
    sigwait(ends, &signal_number);
    log_info("stopping signal=%d", signal_number);
    atomic_store(&p->stopping, true);
    workers_stop(w);
    mailer_stop(p->mailer);
    relay_stop(p->app.relay);
}

/* --- plain CGI -------------------------------------------------------------------------------- */

static bool mail_waits(struct program *p)
{
    struct backlog waits[BACKLOGS];
    return p->mailer && backlog_read(p->app.store, waits) == OK && waits[BACKLOG_MAIL].count > 0;
}

/* Beyond the life of the request, which the web server may end by SIGKILL: by a process of its own,
 * which opens everything anew. */
static void send_mail_apart(const struct options *o)
{
    struct program p = {.mem = ARENA_INIT, .listen_fd = -1};
    struct str message = STR_NULL;
    if (fork() != 0)
        return;
    setsid();
    if (program_open(&p, o, &message) == OK)
        while (mailer_step(p.mailer, p.app.store, mail_log, NULL) == OK)
            continue;
    program_close(&p);
    _exit(0);
}

/* What a thread does in a program that lives on is done here after the answer has gone. */
static void serve_one(struct program *p, const struct options *o)
{
    bool mail = false;
    if (cgi_serve(&p->app)) {
        enum err e = relay_pending(&(struct relay_line){p->app.store, p->app.bus, NULL}, 0);
        if (e)
            log_warn("what is left for other spaces waits code=%.*s", STR_ARG(err_code(e)));
        mail = mail_waits(p);
    }
    program_close(p);
    if (mail)
        send_mail_apart(o);
}

static int main_cgi(void)
{
    struct options o = {.config = getenv("CUBBY_CONFIG"), .cgi = true};
    struct program p = {.mem = ARENA_INIT, .listen_fd = -1};
    struct str message = STR_NULL;
    sigset_t ends;
    own_signals(&ends);
    enum err e = program_open(&p, &o, &message);
    if (e == OK) {
        serve_one(&p, &o);
        return 0;
    }
    log_error("%.*s", STR_ARG(message.p ? message : err_text(e)));
    cgi_refuse();
    program_close(&p);
    return 1;
}

/* A backend token of this installation's secret, on standard output. */
static int mint_token(const struct options *o)
{
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct str message = STR_NULL;
    const char *problem = NULL;
    struct who_keys keys;
    struct conf conf;
    enum err e = conf_load(&conf, o->config, environ, &mem, &message);
    if (e == OK) {
        who_keys_init(&keys, &conf);
        e = who_mint_backend(&token, &keys, str_from_c(o->claims), clock_wall_ms() / 1000,
                             o->expires_s, &mem, &problem);
    }
    if (e == OK)
        printf("%.*s\n", STR_ARG(buf_str(&token)));
    else
        fprintf(stderr, "cubby.fcgi: %s\n", problem ? problem : message.p);
    buf_release(&token);
    arena_release(&mem);
    return e ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct program p = {.mem = ARENA_INIT, .listen_fd = -1};
    struct str message = STR_NULL;
    struct options o;
    sigset_t ends;

    log_open("cubby.fcgi", LOG_LEVEL_INFO);
    if (cgi_is_called())
        return main_cgi();
    if (!read_options(&o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (o.print_config) {
        conf_print_defaults();
        return 0;
    }
    if (o.claims)
        return mint_token(&o);
    own_signals(&ends);
    fcgi_library_init();
    enum err e = program_open(&p, &o, &message);
    if (e == OK)
        serve(&p, &ends);
    else
        log_error("%.*s", STR_ARG(message.p ? message : err_text(e)));
    if (o.socket && p.listen_fd >= 0)
        unlink(o.socket);
    program_close(&p);
    return process_status(e);
}
