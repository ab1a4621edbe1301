/* Visits of organizations: a pass each, a follower of the log, a seat in the room. */
#include "base/base.h"

#include "base/mem.h"
#include "changes.h"
#include "server.h"
#include "visits.h"

#define PREFIX STR("org:")

/* Asked for, there, or (neither) only known by where its changes are to begin. */
struct visit {
    struct pass pass;
    struct follower follower;
    struct visitor *visitor;
    struct visit *next;
    struct seat *seat; /* NULL: not there yet */
    struct str last;   /* an event id to begin from; owned, p == NULL: from now on */
    uint32_t room_n;
    char room[]; /* with the prefix */
};

static struct str room_of(const struct visit *x)
{
    return str_make(x->room, x->room_n);
}

static struct str organization_of(const struct visit *x)
{
    return str_from(room_of(x), PREFIX.n);
}

bool visits_is_room(struct str room)
{
    return str_starts_with(room, PREFIX);
}

static struct visit *find(const struct visitor *v, struct str room)
{
    struct visit *x = v->visits;
    while (x && !str_eq(room_of(x), room))
        x = x->next;
    return x;
}

/* --- their life ------------------------------------------------------------------------------- */

static void on_answer(struct pass *p, enum err e);
static void on_end(struct pass *p);

static struct visit *visit_new(struct visitor *v, struct str room)
{
    struct visit *x = mem_zalloc(1, sizeof(*x) + room.n);
    x->pass = (struct pass){.conn = v->conn, .on_answer = on_answer, .on_end = on_end};
    x->follower = (struct follower){.sub = {.conn = v->conn}, .format = v->hooks->format};
    list_init(&x->follower.node);
    x->visitor = v;
    x->next = v->visits;
    x->room_n = (uint32_t)room.n;
    memcpy(x->room, room.p, room.n);
    v->visits = x;
    v->waiting++;
    return x;
}

static void forget_last(struct visit *x)
{
    mem_free((char *)x->last.p);
    x->last = STR_NULL;
}

/* Its seat, if it had one, has been left. */
static void visit_free(struct visit *x)
{
    struct visit **at = &x->visitor->visits;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->visitor->waiting -= !x->seat;
    feed_unfollow(&x->follower);
    feed_give_back(&x->pass);
    forget_last(x);
    mem_free(x);
}

/* A room that it may enter, or remember, besides those where it is. */
static enum err find_or_make(struct visitor *v, struct str room, struct visit **out)
{
    const struct conf *conf = v->conn->server->conf;
    int64_t max = conf->push_max_rooms_per_connection;
    *out = find(v, room);
    if (*out)
        return OK;
    if (room.n > PREFIX.n + SPACE_ID_MAX)
        return ERR_NOT_FOUND;
    if (max > 0 && v->waiting + v->guest.count >= max)
        return ERR_RATE_LIMIT;
    *out = visit_new(v, room);
    return OK;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void begin(struct visit *x)
{
    struct visitor *v = x->visitor;
    struct feed_position at;
    struct buf out = BUF_INIT;
    x->follower.sub.filter = v->filter;
    feed_follow_pass(&x->follower, &x->pass, x->last, &at);
    forget_last(x);
    if (at.resync) {
        changes_append_resync(&out, &x->follower, &at);
        conn_write(v->conn, buf_str(&out));
    }
    buf_release(&out);
}

static void on_answer(struct pass *p, enum err e)
{
    struct visit *x = container_of(p, struct visit, pass);
    struct visitor *v = x->visitor;
    if (e == OK)
        e = rooms_join(&v->guest, v->conn, room_of(x), v->hooks->format, &x->seat);
    if (e != OK) {
        visit_free(x);
        v->hooks->on_refused(v, e);
        return;
    }
    v->waiting--;
    v->hooks->on_joined(v, x->seat);
    begin(x);
}

static void on_end(struct pass *p)
{
    struct visit *x = container_of(p, struct visit, pass);
    struct visitor *v = x->visitor;
    struct buf room = BUF_INIT;
    buf_append_str(&room, room_of(x));
    rooms_expel(&v->guest, x->seat);
    visit_free(x);
    v->hooks->on_removed(v, buf_str(&room));
    buf_release(&room);
}

/* --- what clients ask for --------------------------------------------------------------------- */

enum err visits_join(struct visitor *v, struct str room, struct seat **out)
{
    struct visit *x;
    enum err e = find_or_make(v, room, &x);
    if (e != OK)
        return e;
    *out = x->seat;
    if (x->seat)
        return OK;
    if (x->pass.source)
        return ERR_MORE;
    e = feed_ask(v->conn->server->feed, &x->pass, organization_of(x), feed_user_id(v->conn->login));
    if (e != ERR_MORE)
        visit_free(x);
    return e;
}

void visits_leave(struct visitor *v, struct str room)
{
    struct visit *x = find(v, room);
    if (!x)
        return;
    if (x->seat)
        rooms_leave(&v->guest, x->seat);
    visit_free(x);
}

bool visits_is_joining(const struct visitor *v, struct str room)
{
    const struct visit *x = find(v, room);
    return x && x->pass.source && !x->seat;
}

enum err visits_resume(struct visitor *v, struct str room, struct str last)
{
    struct visit *x;
    if (!rooms_is_organization(room))
        return ERR_NOT_FOUND;
    enum err e = find_or_make(v, room, &x);
    if (e != OK)
        return e;
    if (x->seat) {
        changes_go_on(&x->follower, last);
        return OK;
    }
    forget_last(x);
    if (last.n > EVENT_ID_MAX)
        last = STR("?"); /* none that ever was: resync */
    x->last = str_make(mem_dup(last.p, last.n), last.n);
    return OK;
}

void visits_hold(struct visitor *v)
{
    for (struct visit *x = v->visits; x; x = x->next) {
        if (x->seat)
            feed_hold(&x->follower);
    }
}

void visits_release(struct visitor *v, const struct filter *filter)
{
    v->filter = filter;
    for (struct visit *x = v->visits; x; x = x->next) {
        x->follower.sub.filter = filter;
        if (x->seat)
            feed_release(&x->follower);
    }
}

void visits_drained(struct visitor *v)
{
    for (struct visit *x = v->visits; x; x = x->next) {
        if (x->seat)
            feed_drained(&x->follower);
    }
}

void visits_leave_all(struct visitor *v)
{
    rooms_leave_all(&v->guest);
    while (v->visits)
        visit_free(v->visits);
}
