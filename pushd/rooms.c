/* Rooms by name, the users in each, and the connections of these. */
#include "base/base.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "feed.h"
#include "parts.h"
#include "rooms.h"
#include "server.h"
#include "wire/json.h"

#define NAME_MAX_LEN 100 /* behind "room:" */

struct rooms {
    struct server *server;
    struct map rooms;   /* by name */
    struct map people;  /* who are in any, by user id */
    struct map members; /* of all rooms */
};

struct person {
    uint32_t rooms; /* that he is a member of */
    uint32_t id_n;
    char user_id[];
};

struct room {
    struct topic topic;
    struct rooms *rooms;
    struct list members;
    uint32_t count; /* of them */
    uint32_t name_n;
    char name[]; /* with "room:" */
};

/* A user who is there, or was until a moment ago. */
struct member {
    struct list node; /* in room->members */
    struct loop_timer gone;
    uint32_t seats;
    struct member_key {
        struct room *room;
        struct person *person;
    } of;
};

struct seat {
    struct sub sub; /* in no topic: something was missed */
    struct seat *next;
    struct member *member;
};

struct rooms *rooms_new(struct server *s)
{
    struct rooms *r = mem_zalloc(1, sizeof(*r));
    r->server = s;
    return r;
}

/* --- rooms and members ------------------------------------------------------------------------ */

static struct str room_name(const struct room *room)
{
    return str_make(room->name, room->name_n);
}

/* Who is slow leaves the topic, and comes back by rooms_rejoin. */
static void on_slow(struct sub *s, uint64_t sent)
{
    (void)s;
    (void)sent;
}

static struct room *find_or_make(struct rooms *r, struct str name)
{
    struct room *room = map_get(&r->rooms, name);
    if (room)
        return room;
    room = mem_zalloc(1, sizeof(*room) + name.n);
    topic_init(&room->topic, r->server->hub);
    room->topic.on_slow = on_slow;
    room->rooms = r;
    list_init(&room->members);
    room->name_n = (uint32_t)name.n;
    memcpy(room->name, name.p, name.n);
    map_put(&r->rooms, room_name(room), room);
    return room;
}

static void room_free(struct room *room)
{
    map_del(&room->rooms->rooms, room_name(room));
    topic_release(&room->topic);
    mem_free(room);
}

static struct str user_id_of(const struct person *p)
{
    return str_make(p->user_id, p->id_n);
}

static struct person *find_or_make_person(struct rooms *r, struct str user_id)
{
    struct person *p = map_get(&r->people, user_id);
    if (p)
        return p;
    p = mem_zalloc(1, sizeof(*p) + user_id.n);
    p->id_n = (uint32_t)user_id.n;
    memcpy(p->user_id, user_id.p, user_id.n);
    map_put(&r->people, user_id_of(p), p);
    return p;
}

static struct str key_bytes(const struct member_key *k)
{
    return str_make((const char *)k, sizeof(*k));
}

/* user:online or user:offline, to those who are there. */
static void announce(const struct member *m, struct str event)
{
    struct buf data = BUF_INIT;
    if (m->of.room->count > ROOMS_MEMBERS_MAX)
        return;
    buf_append_lit(&data, "{\"userId\":");
    json_append_string(&data, user_id_of(m->of.person));
    buf_append_lit(&data, ",\"room\":");
    json_append_string(&data, room_name(m->of.room));
    buf_append_ch(&data, '}');
    struct hub_event e = {.name = event, .data = buf_str(&data), .at = clock_wall_ms()};
    hub_publish(&m->of.room->topic, &e, 0);
    buf_release(&data);
}

/* Out of the room, which ends with its last member. */
static void member_free(struct member *m)
{
    struct room *room = m->of.room;
    struct person *person = m->of.person;
    loop_timer_clear(&m->gone);
    map_del(&room->rooms->members, key_bytes(&m->of));
    if (--person->rooms == 0) {
        map_del(&room->rooms->people, user_id_of(person));
        mem_free(person);
    }
    list_del(&m->node);
    mem_free(m);
    if (--room->count == 0)
        room_free(room);
}

static void on_gone(struct loop_timer *t)
{
    struct member *m = container_of(t, struct member, gone);
    announce(m, STR("user:offline"));
    member_free(m);
}

static struct member *member_new(struct room *room, struct person *person)
{
    struct member *m = mem_zalloc(1, sizeof(*m));
    loop_timer_init(&m->gone, on_gone);
    m->of = (struct member_key){room, person};
    list_add_tail(&room->members, &m->node);
    room->count++;
    person->rooms++;
    map_put(&room->rooms->members, key_bytes(&m->of), m);
    announce(m, STR("user:online"));
    return m;
}

void rooms_free(struct rooms *r)
{
    if (!r)
        return;
    size_t pos = 0;
    struct member *m;
    struct person *person;
    struct room *room;
    while ((m = map_next(&r->members, &pos)) != NULL) {
        assert(m->seats == 0);
        loop_timer_clear(&m->gone);
        mem_free(m);
    }
    pos = 0;
    while ((room = map_next(&r->rooms, &pos)) != NULL) {
        topic_release(&room->topic);
        mem_free(room);
    }
    pos = 0;
    while ((person = map_next(&r->people, &pos)) != NULL)
        mem_free(person);
    map_release(&r->members);
    map_release(&r->people);
    map_release(&r->rooms);
    mem_free(r);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            c != '_' && c != '.' && c != ':' && c != '-')
            return false;
    }
    return name.n > 0 && name.n <= NAME_MAX_LEN;
}

bool rooms_is_organization(struct str name)
{
    const struct str prefix = STR("org:");
    struct str id = str_from(name, prefix.n);
    for (size_t i = 0; i < id.n; i++) {
        if (!(id.p[i] >= '0' && id.p[i] <= '9') && !(id.p[i] >= 'a' && id.p[i] <= 'f'))
            return false;
    }
    return str_starts_with(name, prefix) && id.n == RAND_ID_LEN;
}

static enum err check(const struct conn *c, struct str name)
{
    const struct str prefix = STR("room:");
    if (str_starts_with(name, STR("org:")))
        return rooms_is_organization(name) ? OK : ERR_NOT_FOUND;
    if (!str_starts_with(name, prefix) || !is_name(str_from(name, prefix.n)))
        return ERR_INVALID;
    return c->server->conf->rooms ? OK : ERR_FORBIDDEN;
}

/* --- seats ------------------------------------------------------------------------------------ */

static struct seat *find_seat(const struct guest *g, struct str name)
{
    struct seat *s = g->seats;
    while (s && !str_eq(rooms_name(s), name))
        s = s->next;
    return s;
}

enum err rooms_find(const struct guest *g, const struct conn *c, struct str name, struct seat **out)
{
    enum err e = check(c, name);
    *out = e == OK ? find_seat(g, name) : NULL;
    if (e != OK || *out)
        return e;
    return rooms_is_organization(name) ? ERR_NOT_FOUND : ERR_FORBIDDEN;
}

/* The user's membership, made where there is none; ERR_RATE_LIMIT: he is in too many rooms. */
static enum err enter(struct rooms *r, struct str user_id, struct str name, struct member **out)
{
    int64_t max = r->server->conf->push_max_rooms_per_user;
    struct member_key key = {map_get(&r->rooms, name), map_get(&r->people, user_id)};
    *out = key.room && key.person ? map_get(&r->members, key_bytes(&key)) : NULL;
    if (*out)
        return OK;
    if (max > 0 && key.person && key.person->rooms >= max)
        return ERR_RATE_LIMIT;
    *out = member_new(find_or_make(r, name), find_or_make_person(r, user_id));
    return OK;
}

enum err rooms_join(struct guest *g, struct conn *c, struct str name, const struct format *f,
                    struct seat **out)
{
    int64_t max = c->server->conf->push_max_rooms_per_connection;
    struct member *m;
    enum err e = check(c, name);
    if (e != OK || (*out = find_seat(g, name)) != NULL)
        return e;
    if (max > 0 && g->count >= max)
        return ERR_RATE_LIMIT;
    e = enter(c->server->parts->rooms, feed_user_id(c->login), name, &m);
    if (e != OK)
        return e;
    loop_timer_clear(&m->gone);
    m->seats++;
    struct seat *s = mem_zalloc(1, sizeof(*s));
    *s = (struct seat){.sub = {.conn = c}, .next = g->seats, .member = m};
    hub_join(&m->of.room->topic, &s->sub, f);
    g->seats = s;
    g->count++;
    *out = s;
    return OK;
}

void rooms_leave(struct guest *g, struct seat *s)
{
    struct member *m = s->member;
    struct loop *loop = m->of.room->rooms->server->loop;
    struct seat **at = &g->seats;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    g->count--;
    hub_leave(&s->sub);
    mem_free(s);
    if (--m->seats == 0)
        loop_timer_set(loop, &m->gone, loop_now(loop) + ROOMS_GRACE_MS);
}

void rooms_expel(struct guest *g, struct seat *s)
{
    struct member *m = s->member;
    rooms_leave(g, s);
    if (m->seats == 0)
        on_gone(&m->gone);
}

void rooms_leave_all(struct guest *g)
{
    while (g->seats)
        rooms_leave(g, g->seats);
}

void rooms_publish(struct seat *s, const struct hub_event *e)
{
    hub_publish(&s->member->of.room->topic, e, 0);
}

struct str rooms_name(const struct seat *s)
{
    return room_name(s->member->of.room);
}

void rooms_append_presence(struct buf *out, const struct seat *s)
{
    const struct room *room = s->member->of.room;
    uint32_t listed = 0;
    buf_append_lit(out, "{\"room\":");
    json_append_string(out, room_name(room));
    buf_append_lit(out, ",\"members\":[");
    list_for_each (node, &room->members) {
        const struct member *m = list_entry(node, struct member, node);
        if (listed == ROOMS_MEMBERS_MAX)
            break;
        if (listed++ > 0)
            buf_append_ch(out, ',');
        json_append_string(out, user_id_of(m->of.person));
    }
    buf_append_lit(out, "],\"count\":");
    buf_append_u64(out, room->count);
    buf_append_ch(out, '}');
}

struct seat *rooms_rejoin(struct guest *g, const struct format *f)
{
    struct seat *s = g->seats;
    while (s && s->sub.lane)
        s = s->next;
    if (s)
        hub_join(&s->member->of.room->topic, &s->sub, f);
    return s;
}
