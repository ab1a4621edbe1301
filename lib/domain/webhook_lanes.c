/* Receivers and their lanes: what is sent when, and what comes of an answer. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "domain/webhook_lanes.h"

#define STRIKES_MAX  3     /* spaces in a row: then one request at a time */
#define REST_MAX_MS  30000 /* between two of these */
#define LOOKS_MAX    64    /* lanes looked at in one go, so that answers do not wait */
#define HTTP_GONE    410
#define IS_2XX(code) ((code) / 100 == 2)

void receiver_init(struct receiver *r, struct webhook *owner, struct str url)
{
    *r = (struct receiver){.owner = owner, .lanes = MAP_INIT};
    r->url = arena_dup(&owner->mem, url);
    r->label = webhook_url_label(r->url);
    for (size_t i = 0; i < LANE_STATES; i++)
        list_init(&r->list[i]);
}

void receiver_release(struct receiver *r)
{
    for (size_t i = 0; i < LANE_STATES; i++)
        list_for_each_safe (node, &r->list[i])
            lane_free(list_entry(node, struct lane, node));
    map_release(&r->lanes);
}

size_t receiver_count(const struct receiver *r, enum lane_state state)
{
    size_t n = 0;
    list_for_each (node, &r->list[state])
        n++;
    return n;
}

bool receiver_is_down(const struct receiver *r)
{
    return r->strikes >= STRIKES_MAX;
}

static void report(const struct lane *lane, enum webhook_event event, int status, const char *why)
{
    const struct webhook *w = lane->receiver->owner;
    const struct webhook_report r = {.event = event,
                                     .receiver = lane->receiver->label,
                                     .kind = lane->cursor.kind,
                                     .id = str_from_c(lane->cursor.id),
                                     .status = status,
                                     .why = why,
                                     .failures = lane->receiver->row.failures};
    w->on_report(w->arg, &r);
}

/* --- lanes ------------------------------------------------------------------------------------ */

static void move(struct lane *lane, enum lane_state state)
{
    struct receiver *r = lane->receiver;
    r->busy -= lane->state == LANE_BUSY;
    r->busy += state == LANE_BUSY;
    list_del(&lane->node);
    list_add_tail(&r->list[state], &lane->node);
    lane->state = state;
}

static void mark_unsaved(struct lane *lane)
{
    lane->receiver->unsaved += !lane->unsaved;
    lane->unsaved = true;
}

/* In no list of the poster's any more. */
void lane_free(struct lane *lane)
{
    struct receiver *r = lane->receiver;
    r->busy -= lane->state == LANE_BUSY;
    r->unsaved -= lane->unsaved;
    list_del(&lane->node);
    map_del(&r->lanes, str_from_c(lane->key));
    message_free(lane->message);
    mem_free(lane);
}

static struct lane *lane_new(struct receiver *r, enum space_kind kind, struct str id,
                             struct str key)
{
    struct lane *lane = mem_zalloc(1, sizeof *lane);
    enum err e = webhooks_cursor(r->owner->cursors, r->row.id, kind, id, &lane->cursor);
    if (e && e != ERR_NOT_FOUND) {
        mem_free(lane);
        return NULL;
    }
    lane->has_cursor = !e;
    lane->receiver = r;
    memcpy(lane->key, key.p, key.n);
    lane->state = LANE_READY;
    list_init(&lane->node);
    list_add_tail(&r->list[LANE_READY], &lane->node);
    map_put(&r->lanes, str_from_c(lane->key), lane);
    return lane;
}

bool lane_touch(struct receiver *r, enum space_kind kind, struct str id)
{
    char name[SPACE_ID_MAX + 2];
    assert(id.n <= SPACE_ID_MAX);
    int n = snprintf(name, sizeof name, "%d%.*s", (int)kind, STR_ARG(id));
    struct str key = str_make(name, (size_t)n);
    struct lane *lane = map_get(&r->lanes, key);
    if (!lane)
        return r->lanes.count < WEBHOOK_LANES_MAX && lane_new(r, kind, id, key);
    if (lane->ended)
        return false; /* it is another one when this is saved */
    if (lane->state == LANE_DONE)
        move(lane, LANE_READY);
    return true;
}

static void wait_until(struct lane *lane, int64_t at)
{
    lane->due_at = at;
    move(lane, LANE_WAITING);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Look what comes next in this space, and send it. */
static void look(struct lane *lane, int64_t now)
{
    struct webhook *w = lane->receiver->owner;
    struct message *m;
    enum err e = next_message(lane, &m);
    if (e == ERR_NOT_FOUND) {
        lane->failures = 0;
        lane->oldest_at = 0;
        move(lane, LANE_DONE);
    } else if (e == ERR_MORE) {
        move(lane, LANE_READY); /* behind the others */
    } else if (e) {
        if (lane->failures++ == 0)
            report(lane, WEBHOOK_TROUBLE, 0, err_code(e).p);
        wait_until(lane, now + webhook_backoff_ms(lane->failures, w->retry_first, w->retry_max));
    } else {
        lane->message = m;
        move(lane, LANE_BUSY);
        if (lane->failures) {
            pthread_mutex_lock(&w->lock);
            w->stats.retries++;
            pthread_mutex_unlock(&w->lock);
        }
        post_send(w->poster, &m->post);
    }
}

static struct lane *earliest(const struct receiver *r)
{
    struct lane *first = NULL;
    list_for_each (node, &r->list[LANE_WAITING]) {
        struct lane *lane = list_entry(node, struct lane, node);
        if (!first || lane->due_at < first->due_at)
            first = lane;
    }
    return first;
}

static void wake_due(struct receiver *r, int64_t now)
{
    list_for_each_safe (node, &r->list[LANE_WAITING]) {
        struct lane *lane = list_entry(node, struct lane, node);
        if (lane->due_at <= now)
            move(lane, LANE_READY);
    }
}

static bool has_room(const struct receiver *r, int64_t now)
{
    if (receiver_is_down(r))
        return !r->owner->once && r->busy == 0 && r->rests_until <= now;
    return r->busy < r->owner->concurrency;
}

/* While it is down the next to be tried may be one whose own time has not come. */
static struct lane *next_lane(struct receiver *r)
{
    if (!list_is_empty(&r->list[LANE_READY]))
        return list_entry(r->list[LANE_READY].next, struct lane, node);
    return receiver_is_down(r) ? earliest(r) : NULL;
}

void receiver_start_some(struct receiver *r, int64_t now)
{
    struct lane *lane;
    if (!r->owner->once)
        wake_due(r, now);
    for (int i = 0; i < LOOKS_MAX && has_room(r, now) && (lane = next_lane(r)); i++)
        look(lane, now);
}

bool receiver_is_through(const struct receiver *r)
{
    if (r->busy)
        return false;
    if (receiver_is_down(r))
        return true;
    return list_is_empty(&r->list[LANE_READY]) && !r->sweep.on && !r->sweep.wanted &&
           r->sweep.ended_at;
}

int64_t receiver_next_at(const struct receiver *r, int64_t now)
{
    const struct lane *first = earliest(r);
    int64_t at = r->sweep.next_at;
    if (receiver_is_down(r)) {
        bool any = first || !list_is_empty(&r->list[LANE_READY]);
        return any && !r->busy && !r->owner->once && r->rests_until < at ? r->rests_until : at;
    }
    if (r->busy < r->owner->concurrency) {
        if (!list_is_empty(&r->list[LANE_READY]))
            return now;
        if (first && !r->owner->once && first->due_at < at)
            at = first->due_at;
    }
    return at;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void count(struct webhook *w, bool good, bool is_gap)
{
    pthread_mutex_lock(&w->lock);
    w->stats.delivered += good;
    w->stats.failed += !good;
    w->stats.gaps += good && is_gap;
    pthread_mutex_unlock(&w->lock);
}

/* The receiver is back: what waited because of it waits no longer. */
static void come_back(struct receiver *r, int64_t now)
{
    list_for_each (node, &r->list[LANE_WAITING]) {
        struct lane *lane = list_entry(node, struct lane, node);
        if (receiver_is_down(r))
            lane->due_at = now;
    }
    r->strikes = 0;
    r->probes = 0;
}

static void succeed(struct lane *lane, const struct message *m, int64_t now)
{
    struct receiver *r = lane->receiver;
    bool was_failing = r->row.failures > 0;
    lane->cursor = m->then;
    lane->has_cursor = true;
    lane->ended = m->ends;
    lane->failures = 0;
    mark_unsaved(lane);
    if (m->is_gap)
        report(lane, WEBHOOK_GAP_TOLD, m->post.status, NULL);
    if (was_failing)
        report(lane, WEBHOOK_BACK, m->post.status, NULL);
    come_back(r, now);
    r->row.failures = 0;
    r->row.delivered++;
    r->row.success_at = clock_wall_ms();
    move(lane, m->ends ? LANE_DONE : LANE_READY);
    lane->oldest_at = 0;
}

static void note_failure(struct receiver *r, const struct post *q)
{
    const char *why = q->why ? q->why : "";
    r->row.failures++;
    r->row.failure_at = clock_wall_ms();
    r->row.status = q->status;
    snprintf(r->row.reason, sizeof r->row.reason, "%s", why);
}

static void fail(struct lane *lane, const struct message *m, int64_t now)
{
    struct receiver *r = lane->receiver;
    const struct webhook *w = r->owner;
    const struct post *q = &m->post;
    bool is_gone = q->status == HTTP_GONE;
    int64_t wait = webhook_backoff_ms(++lane->failures, w->retry_first, w->retry_max);
    int64_t asked = q->retry_after_s < w->retry_max / 1000 ? q->retry_after_s * 1000 : w->retry_max;
    r->strikes += lane->failures == 1;
    if (is_gone)
        wait = w->retry_max;
    note_failure(r, q);
    report(lane, is_gone ? WEBHOOK_GONE : WEBHOOK_FAILED, q->status, q->why);
    if (receiver_is_down(r)) {
        int64_t most = w->retry_max < REST_MAX_MS ? w->retry_max : REST_MAX_MS;
        int64_t rest = webhook_backoff_ms(++r->probes, w->retry_first, most);
        r->rests_until = now + (asked > rest ? asked : rest);
    }
    wait_until(lane, now + (asked > wait ? asked : wait));
}

void lane_on_answer(struct post *q, int64_t now)
{
    struct message *m = container_of(q, struct message, post);
    struct lane *lane = m->lane;
    bool good = IS_2XX(q->status);
    lane->message = NULL;
    lane->receiver->row_changed = true;
    count(lane->receiver->owner, good, m->is_gap);
    if (good)
        succeed(lane, m, now);
    else
        fail(lane, m, now);
    message_free(m);
}
