/* The mailer's thread: claim, write, deliver, settle. */
#include "base/base.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "domain/letter.h"
#include "domain/mailer.h"
#include "domain/sendmail.h"
#include "domain/smtp.h"
#include "wire/mime.h"

/* After trouble with the queue. */
#define TROUBLE_MS 1000

struct mailer {
    struct letters *letters;
    struct mime_address from;
    struct str base, site;  /* before the path of links; the host of it */
    struct smtp *smtp;      /* NULL: by `sendmail` */
    const char *sendmail;   /* path of the program */
    struct mailbox mailbox; /* for whoever queues */
    atomic_bool stop;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* queued or stop */
    bool queued;            /* since the thread looked last */
    bool started;
    pthread_t thread;
    struct store *store;
    mailer_on_report *on_report;
    void *arg;
};

/* --- settings --------------------------------------------------------------------------------- */

static enum err check_settings(const struct conf *c, struct str *message)
{
    if (!c->mail_from.n)
        *message = STR("mails are to be sent; expected mail_from, who they come from");
    else if (!c->public_url.n)
        *message = STR("mails are to be sent; expected public_url: their links are made of it and "
                       "never of a request");
    else if (c->mail_sendmail.n && !sendmail_is_there(c->mail_sendmail.p))
        *message = STR("mail_sendmail: expected a program that can be run");
    else
        return OK;
    return ERR_INVALID;
}

static void on_mail(void *arg)
{
    struct mailer *m = arg;
    pthread_mutex_lock(&m->lock);
    m->queued = true;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

static void init_lock(struct mailer *m)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&m->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void set_transport(struct mailer *m, const struct conf *c)
{
    struct smtp_options o = {.url = c->mail_smtp,
                             .user = c->mail_user,
                             .password = c->mail_password,
                             .ca = c->mail_ca,
                             .timeout_ms = DELIVERY_MS,
                             .stop = &m->stop};
    if (c->mail_smtp.n)
        m->smtp = smtp_new(&o);
    else
        m->sendmail = c->mail_sendmail.p;
}

static struct str host_of(struct str url)
{
    return str_from(url, str_find(url, ':') + strlen("://"));
}

enum err mailer_new(struct mailer **out, const struct conf *c, struct arena *mem,
                    struct str *message)
{
    struct letters *letters;
    *out = NULL;
    if (!c->mail_smtp.n && !c->mail_sendmail.n)
        return OK;
    enum err e = check_settings(c, message);
    if (!e)
        e = letters_load(&letters, c->mail_templates.p, c->mail_language, mem, message);
    if (e)
        return e;
    struct mailer *m = mem_zalloc(1, sizeof *m);
    m->letters = letters;
    bool good = mime_parse_address(c->mail_from, &m->from);
    assert(good);
    m->base = arena_printf(mem, "%.*s%.*s", STR_ARG(c->public_url), STR_ARG(c->base_path));
    m->site = host_of(c->public_url);
    m->mailbox = (struct mailbox){c->mail_per_address, on_mail, m};
    init_lock(m);
    set_transport(m, c);
    *out = m;
    return OK;
}

void mailer_free(struct mailer *m)
{
    if (!m)
        return;
    assert(!m->started);
    smtp_free(m->smtp);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

const struct mailbox *mailer_mailbox(struct mailer *m)
{
    return m ? &m->mailbox : NULL;
}

/* --- one mail --------------------------------------------------------------------------------- */

int64_t mailer_backoff_ms(int64_t failures)
{
    int64_t ms = MAILER_RETRY_MS;
    while (failures-- > 1 && ms < MAILER_RETRY_MAX_MS)
        ms *= 2;
    return ms < MAILER_RETRY_MAX_MS ? ms : MAILER_RETRY_MAX_MS;
}

/* The same id at each try: who gets a mail twice can tell. */
static enum err write_message(const struct mailer *m, const struct mail_claim *c, struct arena *mem,
                              struct buf *out)
{
    struct letter_request r = {.template = c->template,
                               .language = c->language,
                               .fields = c->fields,
                               .to = c->to,
                               .base = m->base,
                               .site = m->site};
    struct letter letter;
    enum err e = letters_render(m->letters, &r, mem, &letter);
    if (e)
        return e;
    struct mime_message message = {
        .from = m->from,
        .to = c->to,
        .subject = letter.subject,
        .text = letter.text,
        .html = letter.html,
        .date_ms = clock_wall_ms(),
        .id = arena_printf(mem, "cubby.%lld.%lld", (long long)c->created_at, (long long)c->id)};
    return mime_append(out, &message);
}

static struct delivery deliver(struct mailer *m, const struct mail_claim *c, struct arena *mem)
{
    struct buf message = BUF_INIT;
    struct delivery d = {DELIVERY_REFUSED, 0, "it cannot be written: template, field or address"};
    if (write_message(m, c, mem, &message) == OK) {
        struct envelope e = {m->from.address, c->to, buf_str(&message)};
        d = m->smtp ? smtp_send(m->smtp, &e)
                    : sendmail_send(m->sendmail, &e, DELIVERY_MS, &m->stop);
    }
    buf_release(&message);
    return d;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* A mail that was sent and stays in the queue is sent again: worth some patience. */
static enum err remove_patiently(struct mailer *m, struct store *st, const struct mail_claim *c)
{
    int64_t end = clock_mono_us() + (MAILER_LEASE_MS - DELIVERY_MS) * INT64_C(1000) / 2;
    enum err e;
    while ((e = mailbox_remove(st, c)) && clock_mono_us() < end && !atomic_load(&m->stop))
        pause_ms(TROUBLE_MS / 10);
    return e;
}

/* Into or out of the queue, as the delivery ended. */
static enum err settle(struct mailer *m, struct store *st, const struct mail_claim *c,
                       const struct delivery *d, enum mailer_event *event)
{
    int64_t due_at = clock_wall_ms() + mailer_backoff_ms(c->attempts + 1);
    *event = MAILER_DROPPED;
    if (d->end == DELIVERY_STOPPED)
        return mailbox_give_back(st, c);
    if (d->end == DELIVERY_FAILED && due_at <= c->created_at + MAILER_GIVE_UP_MS) {
        *event = MAILER_DEFERRED;
        return mailbox_retry(st, c, due_at);
    }
    if (d->end == DELIVERY_SENT)
        *event = MAILER_SENT;
    return remove_patiently(m, st, c);
}

enum err mailer_step(struct mailer *m, struct store *st, mailer_on_report *on_report, void *arg)
{
    struct arena mem = ARENA_INIT;
    struct mail_claim c;
    enum mailer_event event;
    enum err e = mailbox_claim(st, clock_wall_ms(), MAILER_LEASE_MS, &mem, &c);
    if (e)
        goto out;
    struct delivery d = deliver(m, &c, &mem);
    e = settle(m, st, &c, &d, &event);
    if (d.end != DELIVERY_STOPPED)
        on_report(arg, &(struct mailer_report){event, c.id, c.template, c.attempts + 1, d.code,
                                               event == MAILER_SENT ? NULL : d.why});
out:
    arena_release(&mem);
    return e;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Until something is queued, the process ends, or ms have passed. */
static void await_mail(struct mailer *m, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&m->lock);
    int timed_out = 0;
    while (!m->queued && !atomic_load(&m->stop) && !timed_out)
        timed_out = pthread_cond_timedwait(&m->changed, &m->lock, &until);
    m->queued = false;
    pthread_mutex_unlock(&m->lock);
}

static void report_trouble(struct mailer *m, enum err e)
{
    struct mailer_report r = {.event = MAILER_TROUBLE, .why = err_code(e).p};
    m->on_report(m->arg, &r);
}

static void *run(void *arg)
{
    struct mailer *m = arg;
    while (!atomic_load(&m->stop)) {
        enum err e = mailer_step(m, m->store, m->on_report, m->arg);
        if (!e)
            continue;
        if (e != ERR_NOT_FOUND && e != ERR_BUSY)
            report_trouble(m, e);
        if (m->smtp)
            smtp_rest(m->smtp);
        await_mail(m, e == ERR_BUSY ? TROUBLE_MS : MAILER_LOOK_MS);
    }
    return NULL;
}

void mailer_start(struct mailer *m, struct store *st, mailer_on_report *on_report, void *arg)
{
    m->store = st;
    m->on_report = on_report;
    m->arg = arg;
    m->started = true;
    int failed = pthread_create(&m->thread, NULL, run, m);
    assert(!failed);
}

void mailer_stop(struct mailer *m)
{
    if (!m || !m->started)
        return;
    pthread_mutex_lock(&m->lock);
    atomic_store(&m->stop, true);
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    m->started = false;
}
