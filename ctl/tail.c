/* Events as they happen: hints of the bus, and what they are hints of from the logs. */
#include "base/base.h"

#include <poll.h>
#include <signal.h>

#include "base/buf.h"
#include "base/clock.h"
#include "commands.h"
#include "wire/json.h"

#define LOOK_MS     200 /* between looks whether to end */
#define SECONDS_MAX 86400

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

struct tail {
    struct ctl *ctl;
    struct str user_id; /* p == NULL: of all */
    const struct bus_message *message;
    uint64_t last; /* of the message */
};

static const char *const kinds[SPACE_KINDS] = {"main", "user", "org", "shared"};

static enum err print_event(void *arg, const struct event *event)
{
    struct tail *t = arg;
    const struct bus_message *m = t->message;
    const char *kind = kinds[m->space_kind];
    char iso[CLOCK_ISO_LEN + 1];
    if (event->seq > t->last)
        return ERR_MORE;
    clock_iso(event->at, iso);
    if (!t->ctl->json) {
        printf("%s %s %.*s %llu %.*s %.*s\n", iso, kind, STR_ARG(m->space_id),
               (unsigned long long)event->seq, STR_ARG(event->name), STR_ARG(event->data));
        return OK;
    }
    struct buf json = BUF_INIT;
    buf_appendf(&json, "{\"at\":\"%s\",\"space\":\"%s\",\"id\":", iso, kind);
    json_append_string(&json, m->space_id);
    buf_appendf(&json, ",\"seq\":%llu,\"name\":", (unsigned long long)event->seq);
    json_append_string(&json, event->name);
    buf_append_lit(&json, ",\"data\":");
    buf_append_str(&json, event->data.n ? event->data : STR("null"));
    buf_append_ch(&json, '}');
    ctl_print(buf_str(&json));
    buf_release(&json);
    return OK;
}

/* What was too large for the bus, or lost, is in the log. */
static void print_from_log(struct tail *t)
{
    const struct bus_message *m = t->message;
    struct space *sp;
    if (space_acquire(t->ctl->store, m->space_kind, m->space_id, &sp) != OK)
        return; /* gone with its account */
    enum err e = event_read(sp, m->first - 1, SIZE_MAX, SIZE_MAX, print_event, t);
    (void)e; /* ERR_MORE: that was all of the message */
    space_release(sp);
}

static void print_message(struct tail *t, const struct bus_message *m)
{
    if (m->kind == BUS_GAP) {
        fputs("cubbyctl tail: some events may be missing here\n", stderr);
        return;
    }
    bool wanted =
        m->kind == BUS_EVENTS &&
        (!t->user_id.p || (m->space_kind == SPACE_USER && str_eq(m->space_id, t->user_id)));
    if (!wanted)
        return;
    t->message = m;
    t->last = m->last;
    for (size_t i = 0; i < m->event_count; i++) {
        enum err e = print_event(t, &m->events[i]);
        (void)e;
    }
    if (!m->event_count)
        print_from_log(t);
    fflush(stdout);
}

static void follow(struct tail *t, struct bus_sub *bus, int64_t until)
{
    struct pollfd p = {.fd = bus_sub_fd(bus), .events = POLLIN};
    struct bus_message m;
    while (!ended && !ferror(stdout) && (!until || clock_mono_ms() < until)) {
        poll(&p, 1, LOOK_MS);
        while (bus_sub_next(bus, &m))
            print_message(t, &m);
    }
}

int tail_run(struct ctl *c)
{
    const char *seconds = ctl_option(c, "seconds");
    struct tail t = {.ctl = c, .user_id = STR_NULL};
    struct sigaction end = {.sa_handler = on_signal};
    struct bus_sub *bus = NULL;
    struct account a;
    int64_t lasts_s = 0;
    if (seconds && !str_to_i64(str_from_c(seconds), 1, SECONDS_MAX, &lasts_s))
        return ctl_fail(c, "--seconds takes 1 to %d", SECONDS_MAX);
    if (!ctl_open(c, true))
        return CTL_FAILED;
    if (c->word_count) {
        if (!ctl_find_user(c, c->words[0], &a))
            return CTL_FAILED;
        t.user_id = a.id;
    }
    if (bus_sub_open(&bus, c->conf.bus_dir) != OK)
        return ctl_fail(c, "%.*s: cannot listen there: it is the setting bus_dir of the programs",
                        STR_ARG(c->conf.bus_dir));
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    follow(&t, bus, lasts_s ? clock_mono_ms() + lasts_s * 1000 : 0);
    bus_sub_close(bus);
    return CTL_DONE;
}
