/* Who sends, when it looks, what it saves: the thread of the webhooks, and a run of them for cron.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/webhook_lanes.h"

#define HANDLES  16   /* files of spaces that stay open */
#define LOOK_MS  250  /* between tries to be the one who sends */
#define SAVE_MS  100  /* cursors are saved so often: what a crash sends twice */
#define ROUND_MS 1000 /* the longest wait */

/* --- settings --------------------------------------------------------------------------------- */

static void copy_settings(struct webhook *w, const struct conf *c)
{
    w->data_dir = arena_dup(&w->mem, c->data_dir).p;
    w->busy_ms = (int)c->busy_timeout;
    for (size_t i = 0; i < c->webhook_secret.count; i++) {
        bool good = webhook_secret_parse(c->webhook_secret.item[i], &w->keys[i]);
        assert(good);
    }
    w->key_count = c->webhook_secret.count;
    for (size_t i = 0; i < c->webhook_events.count; i++)
        w->patterns[i] = arena_dup(&w->mem, c->webhook_events.item[i]);
    w->pattern_count = c->webhook_events.count;
    w->concurrency = (size_t)c->webhook_concurrency;
    w->retry_first = c->webhook_retry_first;
    w->retry_max = c->webhook_retry_max * 1000;
    w->post_options = (struct post_options){
        .timeout_ms = c->webhook_timeout,
        .ca_file = arena_dup(&w->mem, c->webhook_ca_file),
        .idle_max = w->concurrency * (c->webhook_url.count ? c->webhook_url.count : 1),
    };
}

/* An address that stands there twice is one receiver. */
static void add_receivers(struct webhook *w, const struct conf_list *urls)
{
    for (size_t i = 0; i < urls->count; i++) {
        bool there = false;
        for (size_t j = 0; j < w->receiver_count; j++)
            there = there || str_eq(w->receivers[j].url, urls->item[i]);
        if (!there)
            receiver_init(&w->receivers[w->receiver_count++], w, urls->item[i]);
    }
    w->stats.urls = w->receiver_count;
}

void webhook_new(struct webhook **out, const struct conf *c, webhook_on_report *on_report,
                 void *arg)
{
    *out = NULL;
    if (!c->webhook_url.count)
        return;
    struct webhook *w = mem_zalloc(1, sizeof *w);
    w->on_report = on_report;
    w->arg = arg;
    pthread_mutex_init(&w->lock, NULL);
    copy_settings(w, c);
    add_receivers(w, &c->webhook_url);
    w->poster = poster_new(&w->post_options);
    *out = w;
}

/* Requests that are under way first: their messages are the lanes'. */
static void forget_all(struct webhook *w)
{
    poster_free(w->poster);
    w->poster = NULL;
    for (size_t i = 0; i < w->receiver_count; i++)
        receiver_release(&w->receivers[i]);
    w->receiver_count = 0;
    webhooks_close(w->cursors);
    w->cursors = NULL;
    store_close(w->store);
    w->store = NULL;
}

void webhook_free(struct webhook *w)
{
    if (!w)
        return;
    assert(!w->started);
    forget_all(w);
    pthread_mutex_destroy(&w->lock);
    arena_release(&w->mem);
    mem_free(w);
}

/* --- who sends -------------------------------------------------------------------------------- */

static void report(struct webhook *w, enum webhook_event event, const char *why)
{
    const struct webhook_report r = {.event = event, .why = why};
    w->on_report(w->arg, &r);
}

static enum err open_store(struct webhook *w)
{
    struct str message;
    const struct store_options o = {
        .data_dir = w->data_dir, .reader = true, .handles = HANDLES, .busy_ms = w->busy_ms};
    return w->store ? OK : store_open(&w->store, &o, &w->mem, &message);
}

static enum err open_cursors(struct webhook *w)
{
    enum err e = open_store(w);
    if (!e)
        e = webhooks_open(&w->cursors, w->data_dir, false, w->busy_ms);
    for (size_t i = 0; !e && i < w->receiver_count; i++) {
        struct receiver *r = &w->receivers[i];
        e = webhooks_find(w->cursors, r->url, clock_wall_ms(), &r->row);
    }
    if (e) {
        webhooks_close(w->cursors);
        w->cursors = NULL;
    }
    return e;
}

static void set_sends(struct webhook *w, bool sends)
{
    pthread_mutex_lock(&w->lock);
    w->stats.sends = sends;
    pthread_mutex_unlock(&w->lock);
}

/* Become the one who sends, if nobody is. */
static bool sends(struct webhook *w, int64_t now)
{
    if (w->cursors)
        return true;
    if (now < w->look_at)
        return false;
    w->look_at = now + LOOK_MS;
    enum err e = open_cursors(w);
    if (!e) {
        report(w, WEBHOOK_SENDS, NULL);
        set_sends(w, true);
    } else if (e == ERR_BUSY && !w->told_standby) {
        report(w, WEBHOOK_STANDBY, NULL);
        w->told_standby = true;
    } else if (e != ERR_BUSY && !w->told_trouble) {
        report(w, WEBHOOK_TROUBLE, err_code(e).p);
        w->told_trouble = true;
    }
    return !e;
}

/* --- hints ------------------------------------------------------------------------------------ */

void webhook_hint(struct webhook *w, enum space_kind kind, struct str id)
{
    if (!w || kind == SPACE_MAIN || !space_id_is_valid(kind, id))
        return;
    pthread_mutex_lock(&w->lock);
    bool first = w->inbox_count == 0 && !w->sweep_asked;
    if (w->inbox_count < INBOX_MAX) {
        struct hint *h = &w->inbox[w->inbox_count++];
        h->kind = kind;
        memcpy(h->id, id.p, id.n);
        h->id[id.n] = '\0';
    } else {
        w->sweep_asked = true;
    }
    pthread_mutex_unlock(&w->lock);
    if (first)
        post_wake(w->poster);
}

void webhook_sweep(struct webhook *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->sweep_asked = true;
    pthread_mutex_unlock(&w->lock);
    post_wake(w->poster);
}

/* Who does not send forgets them: a sweep is the first thing it does when it sends. */
static void take_inbox(struct webhook *w)
{
    struct hint taken[INBOX_MAX];
    pthread_mutex_lock(&w->lock);
    size_t count = w->inbox_count;
    bool sweep = w->sweep_asked;
    memcpy(taken, w->inbox, count * sizeof *taken);
    w->inbox_count = 0;
    w->sweep_asked = false;
    pthread_mutex_unlock(&w->lock);
    for (size_t k = 0; k < w->receiver_count && w->cursors; k++) {
        struct receiver *r = &w->receivers[k];
        for (size_t i = 0; i < count; i++)
            if (!lane_touch(r, taken[i].kind, str_from_c(taken[i].id)))
                sweep = true;
        if (sweep)
            sweep_want(r);
    }
}

/* --- saving ----------------------------------------------------------------------------------- */

static enum err save_lane(struct webhook *w, struct lane *lane)
{
    const struct webhooks_cursor *c = &lane->cursor;
    int64_t url = lane->receiver->row.id;
    if (!lane->unsaved)
        return OK;
    return lane->ended ? webhooks_remove(w->cursors, url, c->kind, str_from_c(c->id))
                       : webhooks_put(w->cursors, url, c);
}

static enum err save_receiver(struct webhook *w, struct receiver *r)
{
    enum err e = r->row_changed ? webhooks_note(w->cursors, &r->row) : OK;
    for (size_t i = 0; i < LANE_STATES && r->unsaved; i++)
        list_for_each (node, &r->list[i])
            if (!e)
                e = save_lane(w, list_entry(node, struct lane, node));
    return e;
}

static void forget_done(struct receiver *r)
{
    for (size_t i = 0; i < LANE_STATES && r->unsaved; i++)
        list_for_each (node, &r->list[i]) {
            struct lane *lane = list_entry(node, struct lane, node);
            lane->has_cursor = lane->has_cursor || lane->unsaved;
            lane->unsaved = false;
        }
    r->unsaved = 0;
    r->row_changed = false;
    list_for_each_safe (node, &r->list[LANE_DONE])
        lane_free(list_entry(node, struct lane, node));
}

static bool has_to_save(const struct webhook *w)
{
    bool any = false;
    for (size_t i = 0; i < w->receiver_count; i++)
        any = any || w->receivers[i].unsaved || w->receivers[i].row_changed;
    return any;
}

static void save(struct webhook *w, int64_t now)
{
    for (size_t i = 0; i < w->receiver_count; i++)
        sweep_settle(&w->receivers[i]);
    enum err e = has_to_save(w) ? webhooks_begin(w->cursors) : OK;
    bool begun = !e && has_to_save(w);
    for (size_t i = 0; !e && begun && i < w->receiver_count; i++)
        e = save_receiver(w, &w->receivers[i]);
    if (begun && !e)
        e = webhooks_commit(w->cursors);
    else if (begun)
        webhooks_rollback(w->cursors);
    w->saved_at = now;
    if (e && !w->save_failed)
        report(w, WEBHOOK_TROUBLE, err_code(e).p);
    w->save_failed = e != OK;
    for (size_t i = 0; !e && i < w->receiver_count; i++)
        forget_done(&w->receivers[i]);
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void note_oldest(const struct receiver *r, int64_t *oldest)
{
    for (size_t i = 0; i < LANE_DONE; i++)
        list_for_each (node, &r->list[i]) {
            int64_t at = list_entry(node, struct lane, node)->oldest_at;
            if (at && (!*oldest || at < *oldest))
                *oldest = at;
        }
}

static void publish_stats(struct webhook *w)
{
    struct webhook_stats s = {.spaces = 0};
    for (size_t i = 0; i < w->receiver_count; i++) {
        const struct receiver *r = &w->receivers[i];
        size_t waiting = receiver_count(r, LANE_WAITING);
        s.under_way += r->busy;
        s.failing += waiting;
        s.spaces += receiver_count(r, LANE_READY) + r->busy + waiting;
        s.down += r->row.failures > 0;
        note_oldest(r, &s.oldest_at);
    }
    pthread_mutex_lock(&w->lock);
    w->stats.under_way = s.under_way;
    w->stats.failing = s.failing;
    w->stats.spaces = s.spaces;
    w->stats.down = s.down;
    w->stats.oldest_at = s.oldest_at;
    pthread_mutex_unlock(&w->lock);
}

/* Now and then, and when there is nothing else to do. */
static void save_if_due(struct webhook *w, int64_t now)
{
    if (now < w->saved_at + SAVE_MS)
        return;
    save(w, now);
    publish_stats(w);
}

static int wait_ms(const struct webhook *w, int64_t now)
{
    int64_t at = now + ROUND_MS;
    for (size_t i = 0; i < w->receiver_count && !w->save_failed; i++) {
        int64_t next = receiver_next_at(&w->receivers[i], now);
        at = next < at ? next : at;
    }
    if (has_to_save(w) && w->saved_at + SAVE_MS < at)
        at = w->saved_at + SAVE_MS;
    return at > now ? (int)(at - now) : 0;
}

static void take_answers(struct webhook *w, int ms)
{
    for (struct post *q = post_wait(w->poster, ms); q; q = post_wait(w->poster, 0))
        lane_on_answer(q, clock_mono_ms());
}

/* Of webhook_run(): is there nothing left to do? */
static bool is_through(const struct webhook *w)
{
    bool through = w->once;
    for (size_t i = 0; i < w->receiver_count; i++)
        through = through && receiver_is_through(&w->receivers[i]);
    return through || (w->once && w->save_failed);
}

/* Nothing more is sent while it cannot be remembered what was. */
static void run_round(struct webhook *w)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < w->receiver_count && !w->save_failed; i++) {
        sweep_step(&w->receivers[i], now);
        receiver_start_some(&w->receivers[i], now);
    }
    save_if_due(w, now);
    take_answers(w, is_through(w) ? 0 : wait_ms(w, now));
}

/* What is under way may end, then all that was taken is saved. */
static void finish(struct webhook *w)
{
    int64_t until = clock_mono_ms() + WEBHOOK_STOP_MS;
    bool busy = true;
    if (!w->cursors)
        return;
    while (busy && clock_mono_ms() < until) {
        busy = false;
        for (size_t i = 0; i < w->receiver_count; i++)
            busy = busy || w->receivers[i].busy;
        take_answers(w, busy ? LOOK_MS : 0);
    }
    save(w, clock_mono_ms());
}

static void *run(void *arg)
{
    struct webhook *w = arg;
    while (!atomic_load(&w->stop)) {
        bool is_sender = sends(w, clock_mono_ms());
        take_inbox(w);
        if (is_sender)
            run_round(w);
        else
            take_answers(w, LOOK_MS);
    }
    finish(w);
    /* The lock goes with it: another process sends from now on. */
    webhooks_close(w->cursors);
    w->cursors = NULL;
    set_sends(w, false);
    return NULL;
}

void webhook_start(struct webhook *w)
{
    if (!w)
        return;
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        fatal("webhooks: cannot start a thread");
    w->started = true;
}

void webhook_end(struct webhook *w)
{
    if (!w)
        return;
    atomic_store(&w->stop, true);
    post_wake(w->poster);
}

void webhook_stop(struct webhook *w)
{
    if (!w || !w->started)
        return;
    webhook_end(w);
    pthread_join(w->thread, NULL);
    w->started = false;
}

enum err webhook_run(struct webhook *w)
{
    w->once = true;
    enum err e = open_cursors(w);
    while (!e && !is_through(w))
        run_round(w);
    if (!e) {
        finish(w);
        publish_stats(w);
        e = w->save_failed ? ERR_FULL : OK;
    }
    webhooks_close(w->cursors);
    w->cursors = NULL;
    return e;
}

struct webhook_stats webhook_stats(struct webhook *w)
{
    if (!w)
        return (struct webhook_stats){.spaces = 0};
    pthread_mutex_lock(&w->lock);
    struct webhook_stats s = w->stats;
    pthread_mutex_unlock(&w->lock);
    return s;
}
