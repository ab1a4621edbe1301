/* cubby-pushd: settings, store, bus, sockets; runs the loop and ends in order on SIGTERM. */
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
#include "hub.h"
#include "listen.h"
#include "readers.h"
#include "serve.h"
#include "server.h"

#define ENDING_MS   4000 /* for clients to take their last words */
#define HANDLES_MAX 32   /* data files: one is read when its first reader comes, then rarely */
#define HEAPS       2    /* the loop's, and one for the reader threads */

/* Everything that lives as long as the process; `mem` owns its strings. */
struct program {
    struct conf conf;
    struct loop *loop;
    struct store *store;
    struct readers *readers;
    struct bus_sub *bus;
    struct server server;
    struct listener listener, local;
    struct loop_fd bus_io, signal_io;
    struct loop_timer ending;
    struct arena mem;
};

/* --- what the loop calls --- */

static void on_bus(struct loop_fd *io, unsigned events)
{
    struct program *p = container_of(io, struct program, bus_io);
    struct bus_message m;
    (void)events;
    while (bus_sub_next(p->bus, &m))
        feed_hint(p->server.feed, &m);
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

static void on_signal(struct loop_fd *io, unsigned events)
{
    struct program *p = container_of(io, struct program, signal_io);
    struct signalfd_siginfo info;
    (void)events;
    if (read(io->fd, &info, sizeof(info)) != sizeof(info) || p->server.ending)
        return;
    log_info("ending signal=%u connections=%u", info.ssi_signo, p->server.conns);
    listener_close(&p->listener);
    listener_close(&p->local);
    server_end(&p->server);
    loop_timer_set(p->loop, &p->ending, loop_now(p->loop) + ENDING_MS);
}

/* --- the beginning and the end --- */

static enum err watch_signals(struct program *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
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

static enum err open_listener(struct program *p, struct listener *l, struct str address,
                              struct str *message)
{
    enum err e = listener_open(l, &p->server, address, l == &p->local);
    if (e != OK)
        *message =
            arena_printf(&p->mem, "cannot listen on %.*s: errno=%d", STR_ARG(address), errno);
    return e;
}

static enum err program_open(struct program *p, const char *config, struct str *message)
{
    enum err e = conf_load(&p->conf, config, environ, &p->mem, message);
    if (e != OK)
        return e;
    log_open("cubby-pushd", log_level_parse(p->conf.log_level));
    if (!process_raise_descriptors())
        log_warn("cannot raise the limit of descriptors errno=%d", errno);
    p->loop = loop_new();
    loop_timer_init(&p->ending, on_ending);
    server_init(&p->server, &p->conf, p->loop);
    e = watch_signals(p);
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
    e = open_bus(p, message);
    if (e == OK)
        e = open_listener(p, &p->listener, p->conf.push_listen, message);
    if (e == OK && p->conf.push_metrics_listen.n > 0)
        e = open_listener(p, &p->local, p->conf.push_metrics_listen, message);
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
    listener_close(&p->local);
    listener_close(&p->listener);
    bus_sub_close(p->bus);
    drain(p);
    endpoints_close(&p->server);
    feed_free(p->server.feed);
    hub_free(p->server.hub);
    server_release(&p->server);
    store_close(p->store);
    if (p->signal_io.fd >= 0)
        close(p->signal_io.fd);
    loop_free(p->loop);
    arena_release(&p->mem);
}

static const char usage[] = "usage: cubby-pushd [--config FILE]\n";

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    struct program program = {.signal_io = {.fd = -1}, .mem = ARENA_INIT};
    struct str message = STR_NULL;
    const char *config = getenv("CUBBY_CONFIG");
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1 || optind < argc) {
        if (c != 'c') {
            fputs(usage, stderr);
            return 2;
        }
        config = optarg;
    }
    mem_limit_heaps(HEAPS);
    log_open("cubby-pushd", LOG_LEVEL_INFO);
    enum err e = program_open(&program, config, &message);
    if (e == OK) {
        log_info("ready port=%u", listener_port(&program.listener));
        loop_run(program.loop);
        log_info("ended connections=%u", program.server.conns);
    } else {
        log_error("cannot start: %.*s", STR_ARG(message.p ? message : err_text(e)));
    }
    program_close(&program);
    return e == OK ? 0 : 1;
}
