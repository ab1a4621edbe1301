/* cubby-pushd: settings, store, bus, sockets; runs the loop, reads settings and certificate again
 * on SIGHUP and ends in order on SIGTERM. */
#include "base/base.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "domain/bus.h"
#include "endpoints.h"
#include "feed.h"
#include "handover.h"
#include "hub.h"
#include "listen.h"
#include "parts.h"
#include "readers.h"
#include "serve.h"
#include "server.h"
#include "watch.h"
#include "webhooks.h"
#include "wire/tls.h"

#define ENDING_MS   3500 /* for clients to take their last words */
#define RETIRING_MS 5000 /* for requests that were begun when the next process came */
#define HANDLES_MAX 32   /* data files: one is read when its first reader comes, then rarely */
#define HEAPS       2    /* the loop's, and one for the other threads */

/* Everything that lives as long as the process; `mem` owns its strings. */
struct program {
    const char *config; /* the settings file, NULL: none */
    bool takes_over;
    struct conf conf;
    struct arena conf_mem; /* of its strings */
    struct loop *loop;
    struct store *store;
    struct readers *readers;
    struct bus_sub *bus;
    struct server server;
    struct listener listeners[LISTEN_KINDS];
    struct loop_fd bus_io, signal_io;
    struct handover handover; /* to a successor */
    struct takeover takeover; /* from a predecessor */
    struct loop_timer ending, retiring;
    struct arena mem;
};

/* --- settings and what is made of them --- */

/* The settings that say where to listen. */
static const size_t addresses[LISTEN_KINDS] = {
    [LISTEN_PUBLIC] = offsetof(struct conf, push_listen),
    [LISTEN_TLS] = offsetof(struct conf, push_tls_listen),
    [LISTEN_LOCAL] = offsetof(struct conf, push_metrics_listen),
};

static struct str address_of(const struct conf *c, enum listener_kind kind)
{
    return *(const struct str *)(const void *)((const char *)c + addresses[kind]);
}

/* OK without *out where no TLS is wanted. */
static enum err open_tls(struct tls_context **out, const struct conf *c, struct arena *mem,
                         struct str *message)
{
    if (c->push_tls_listen.n == 0)
        return OK;
    return tls_context_new(out, c->push_tls_cert, c->push_tls_key, mem, message);
}

/* Everybody reads p->conf at each use, so its strings may go; only the keys hold some. */
static void use_conf(struct program *p, const struct conf *conf, struct arena *mem,
                     struct tls_context *tls)
{
    p->conf = *conf;
    arena_release(&p->conf_mem);
    p->conf_mem = *mem;
    who_keys_init(&p->server.keys, &p->conf);
    tls_context_free(p->server.tls);
    p->server.tls = tls;
}

/* The predecessor's socket where it listens on the same address. */
static enum err open_listener(struct program *p, enum listener_kind kind, struct str address)
{
    struct listener *l = &p->listeners[kind];
    int fd = p->takeover.fds[kind];
    if (fd < 0 || !listener_fits(fd, address))
        return listener_open(l, &p->server, kind, address);
    p->takeover.fds[kind] = -1;
    return listener_adopt(l, &p->server, kind, address, fd);
}

static enum err open_listeners(struct program *p, struct str *message)
{
    for (enum listener_kind kind = 0; kind < LISTEN_KINDS; kind++) {
        struct str address = address_of(&p->conf, kind);
        enum err e = address.n == 0 ? OK : open_listener(p, kind, address);
        if (e != OK) {
            *message = arena_printf(&p->mem, "cannot listen on %.*s: %s", STR_ARG(address),
                                    strerrordesc_np(errno));
            return e;
        }
    }
    return OK;
}

static void close_listeners(struct program *p)
{
    for (size_t i = 0; i < LISTEN_KINDS; i++)
        listener_close(&p->listeners[i]);
}

/* Others listen on. */
static void leave_listeners(struct program *p)
{
    for (size_t i = 0; i < LISTEN_KINDS; i++)
        listener_leave(&p->listeners[i]);
}

/* --- what the loop calls --- */

static void on_bus(struct loop_fd *io, unsigned events)
{
    struct program *p = container_of(io, struct program, bus_io);
    struct bus_message m;
    (void)events;
    while (bus_sub_next(p->bus, &m)) {
        log_request(m.request_id);
        log_debug("bus kind=%d space_kind=%d first=%llu last=%llu", (int)m.kind, (int)m.space_kind,
                  (unsigned long long)m.first, (unsigned long long)m.last);
        feed_hint(p->server.feed, &m);
        webhooks_hint(p->server.webhook, &m);
        watch_hint(p->server.parts->watch, &m);
    }
    log_request(STR_NULL);
}

static void on_round(void *arg)
{
    hub_flush(arg);
}

static void on_ending(struct loop_timer *t)
{
    struct program *p = container_of(t, struct program, ending);
    loop_stop(p->loop);
}

/* Keep nothing of the settings in force, or all: half of a change is none that was asked for. */
static void reload(struct program *p)
{
    struct conf conf;
    struct arena mem = ARENA_INIT;
    struct str message = STR_NULL, kept = STR_NULL;
    struct tls_context *tls = NULL;
    enum err e = conf_load(&conf, p->config, environ, &mem, &message);
    if (e == OK) {
        kept = conf_keep_fixed(&conf, &p->conf, &mem);
        e = open_tls(&tls, &conf, &mem, &message);
    }
    if (e != OK) {
        log_error("reload: everything stays as it is: %.*s", STR_ARG(message));
        arena_release(&mem);
        return;
    }
    log_open("cubby-pushd", log_level_parse(conf.log_level));
    log_use_json(conf.log_json);
    if (kept.n > 0)
        log_warn("reload: needs a restart: %.*s", STR_ARG(kept));
    use_conf(p, &conf, &mem, tls);
    log_info("reload: done");
}

static void end(struct program *p)
{
    log_info("ending connections=%u", p->server.conns);
    webhook_end(p->server.webhook);
    handover_close(&p->handover);
    close_listeners(p);
    server_end(&p->server);
    loop_timer_set(p->loop, &p->ending, loop_now(p->loop) + ENDING_MS);
}

static void on_signal(struct loop_fd *io, unsigned events)
{
    struct program *p = container_of(io, struct program, signal_io);
    struct signalfd_siginfo info;
    (void)events;
    if (read(io->fd, &info, sizeof(info)) != sizeof(info) || p->server.ending)
        return;
    if (info.ssi_signo == SIGHUP)
        reload(p);
    else
        end(p);
}

static void on_retiring(struct loop_timer *t)
{
    end(container_of(t, struct program, retiring));
}

static void on_taken(struct handover *h)
{
    struct program *p = container_of(h, struct program, handover);
    log_info("another process takes over connections=%u", p->server.conns);
    webhook_end(p->server.webhook);
    leave_listeners(p);
    server_retire(&p->server, h);
    handover_close(h);
    loop_timer_set(p->loop, &p->retiring, loop_now(p->loop) + RETIRING_MS);
}

/* --- the beginning and the end --- */

static enum err watch_signals(struct program *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN); /* libssl knows no MSG_NOSIGNAL */
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    p->signal_io.on_ready = on_signal;
    return fd < 0 ? ERR_INTERNAL : loop_add(p->loop, &p->signal_io, fd, LOOP_IN);
}

static enum err open_store(struct program *p, struct str *message)
{
    const struct store_options o = {
        .data_dir = arena_dup(&p->mem, p->conf.data_dir).p,
        .reader = true,
        .handles = p->conf.handle_cache < HANDLES_MAX ? (size_t)p->conf.handle_cache : HANDLES_MAX,
        .busy_ms = (int)p->conf.busy_timeout,
    };
    db_library_init();
    return store_open(&p->store, &o, &p->mem, message);
}

static enum err open_bus(struct program *p, struct str *message)
{
    enum err e = bus_sub_open(&p->bus, p->conf.bus_dir);
    if (e == OK) {
        p->bus_io.on_ready = on_bus;
        e = loop_add(p->loop, &p->bus_io, bus_sub_fd(p->bus), LOOP_IN);
    }
    if (e != OK)
        *message = arena_printf(&p->mem, "cannot listen in bus_dir %.*s", STR_ARG(p->conf.bus_dir));
    return e;
}

static enum err begin_takeover(struct program *p, struct str *message)
{
    enum err e = p->takes_over ? takeover_begin(&p->takeover, p->conf.bus_dir) : OK;
    if (e != OK)
        *message = arena_printf(&p->mem, "--takeover: %s cubby-pushd in bus_dir %.*s",
                                e == ERR_NOT_FOUND ? "there is no" : "no proper answer of the",
                                STR_ARG(p->conf.bus_dir));
    return e;
}

/* The last step: from now on a predecessor may end. */
static enum err open_handover(struct program *p, struct str *message)
{
    p->handover.on_taken = on_taken;
    enum err e = handover_open(&p->handover, p->loop, p->conf.bus_dir, p->listeners, p->takes_over);
    if (e == ERR_CONFLICT) {
        log_warn("another cubby-pushd uses bus_dir: this one cannot be taken over");
        e = OK;
    }
    if (e == OK && p->takes_over)
        e = takeover_finish(&p->takeover, &p->server);
    if (e != OK)
        *message = arena_printf(&p->mem, "handover in bus_dir %.*s: %s", STR_ARG(p->conf.bus_dir),
                                strerrordesc_np(errno));
    return e;
}

static enum err open_sockets(struct program *p, struct str *message)
{
    enum err e = begin_takeover(p, message);
    if (e == OK)
        e = open_bus(p, message);
    p->server.bus = p->bus;
    if (e == OK)
        e = open_listeners(p, message);
    if (e == OK)
        e = open_handover(p, message);
    if (e != OK && p->takes_over)
        leave_listeners(p); /* the predecessor goes on */
    return e;
}

static enum err program_open(struct program *p, struct str *message)
{
    enum err e = conf_load(&p->conf, p->config, environ, &p->conf_mem, message);
    if (e != OK)
        return e;
    log_open("cubby-pushd", log_level_parse(p->conf.log_level));
    log_use_json(p->conf.log_json);
    if (!process_raise_descriptors())
        log_warn("cannot raise the limit of descriptors errno=%d", errno);
    p->loop = loop_new();
    loop_timer_init(&p->ending, on_ending);
    loop_timer_init(&p->retiring, on_retiring);
    server_init(&p->server, &p->conf, p->loop);
    e = watch_signals(p);
    if (e == OK)
        e = open_tls(&p->server.tls, &p->conf, &p->mem, message);
    if (e == OK)
        e = open_store(p, message);
    if (e != OK)
        return e;
    p->readers = readers_new(p->loop, p->store, (size_t)p->conf.push_reader_threads);
    p->server.readers = p->readers;
    p->server.hub = hub_new(&p->server);
    p->server.feed = feed_new(&p->server, p->readers);
    endpoints_open(&p->server);
    loop_on_round(p->loop, on_round, p->server.hub);
    e = open_sockets(p, message);
    if (e == OK)
        p->server.webhook = webhooks_start(&p->conf);
    return e;
}

/* The loop is over. Readers come back into it for the last time when no connection is left. */
static void drain(struct program *p)
{
    if (!p->server.feed)
        return;
    server_cut(&p->server);
    loop_round(p->loop, 0);
    readers_free(p->readers);
    loop_round(p->loop, 0);
}

static void program_close(struct program *p)
{
    handover_close(&p->handover);
    takeover_release(&p->takeover);
    close_listeners(p);
    p->server.bus = NULL;
    bus_sub_close(p->bus);
    drain(p);
    webhook_stop(p->server.webhook);
    webhook_free(p->server.webhook);
    endpoints_close(&p->server);
    feed_free(p->server.feed);
    hub_free(p->server.hub);
    server_release(&p->server);
    store_close(p->store);
    if (p->signal_io.fd >= 0)
        close(p->signal_io.fd);
    loop_free(p->loop);
    tls_context_free(p->server.tls);
    arena_release(&p->conf_mem);
    arena_release(&p->mem);
}

static const char usage[] = "usage: cubby-pushd [--config FILE] [--takeover]\n";

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"takeover", no_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    struct program program = {.signal_io = {.fd = -1}, .config = getenv("CUBBY_CONFIG")};
    struct str message = STR_NULL;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1 || optind < argc) {
        if (c == 'c') {
            program.config = optarg;
        } else if (c == 't') {
            program.takes_over = true;
        } else {
            fputs(usage, stderr);
            return 2;
        }
    }
    handover_init(&program.handover);
    takeover_init(&program.takeover);
    mem_limit_heaps(HEAPS);
    log_open("cubby-pushd", LOG_LEVEL_INFO);
    enum err e = program_open(&program, &message);
    if (e == OK) {
        log_info("ready port=%u", listener_port(&program.listeners[LISTEN_PUBLIC]));
        loop_run(program.loop);
        log_info("ended connections=%u", program.server.conns);
    } else {
        log_error("cannot start: %.*s", STR_ARG(message.p ? message : err_text(e)));
    }
    program_close(&program);
    return process_status(e);
}
