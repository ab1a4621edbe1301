/* The one way to write: rows and keys together with their events and effects. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/change.h"
#include "store/kv.h"

enum err change_begin(struct change *c, struct space *sp, const struct collections *all,
                      struct bus_pub *bus, struct arena *mem)
{
    *c = (struct change){
        .space = sp, .collections = all, .bus = bus, .mem = mem, .user_id = str_from_c(sp->id)};
    return space_begin_write(sp);
}

static void publish(struct change *c, enum bus_kind kind, const struct event *events, size_t count)
{
    bus_publish(c->bus, &(struct bus_message){
                            .kind = kind,
                            .space_kind = c->space->kind,
                            .space_id = str_from_c(c->space->id),
                            .epoch = str_from_c(c->space->epoch),
                            .first = events[0].seq,
                            .last = events[count - 1].seq,
                            .event_count = count,
                            .events = events,
                            .request_id = c->request_id,
                        });
}

enum err change_commit(struct change *c)
{
    enum err e = space_commit(c->space);
    if (e || !c->bus)
        return e;
    if (c->event_count)
        publish(c, BUS_EVENTS, c->events, c->event_count);
    if (c->news.name.p)
        publish(c, BUS_EPHEMERAL, &c->news, 1);
    return OK;
}

void change_rollback(struct change *c)
{
    space_rollback(c->space);
}

uint64_t change_last_seq(const struct change *c)
{
    return c->event_count ? c->events[c->event_count - 1].seq : 0;
}

/* Append to the log, and keep for the bus: name and data must live as long as c->mem. */
enum err change_event(struct change *c, struct str name, struct str data)
{
    if (c->event_count == c->event_cap) {
        size_t cap = c->event_cap ? 2 * c->event_cap : 8;
        struct event *grown = arena_zalloc(c->mem, cap, sizeof *grown);
        if (c->event_count)
            memcpy(grown, c->events, c->event_count * sizeof *grown);
        c->events = grown;
        c->event_cap = cap;
    }
    enum err e = event_append(c->space, name, data, &c->events[c->event_count]);
    if (!e)
        c->event_count++;
    return e;
}

/* Raise the event whose data is in b, and free b. */
static enum err raise_event(struct change *c, struct str name, struct buf *b)
{
    enum err e = change_event(c, name, arena_dup(c->mem, buf_str(b)));
    buf_release(b);
    return e;
}

void change_tell_everyone(struct change *c, struct str name, struct str data)
{
    c->news = (struct event){.at = clock_wall_ms(), .name = name, .data = data};
}

enum err change_kv_set(struct change *c, struct str key, struct str value)
{
    struct buf b = BUF_INIT;
    uint64_t seq;
    int64_t at;
    enum err e = event_next(c->space, &seq, &at);
    if (!e)
        e = kv_set(c->space, key, value, at);
    if (e)
        return e;
    buf_append_lit(&b, "{\"key\":");
    json_append_string(&b, key);
    buf_append_lit(&b, ",\"value\":");
    buf_append_str(&b, value);
    buf_append_lit(&b, ",\"userId\":");
    json_append_string(&b, c->user_id);
    buf_append_ch(&b, '}');
    return raise_event(c, STR("kv:set"), &b);
}

enum err change_kv_delete(struct change *c, struct str key)
{
    struct buf b = BUF_INIT;
    bool existed;
    enum err e = kv_delete(c->space, key, &existed);
    if (e || !existed)
        return e;
    buf_append_lit(&b, "{\"key\":");
    json_append_string(&b, key);
    buf_append_lit(&b, ",\"userId\":");
    json_append_string(&b, c->user_id);
    buf_append_ch(&b, '}');
    return raise_event(c, STR("kv:delete"), &b);
}

static enum err raise_row(struct change *c, struct str name, const struct row *row)
{
    struct buf b = BUF_INIT;
    row_append(&b, row, c->user_id);
    return raise_event(c, name, &b);
}

/* Insert a row of our own data and raise its event; no effects. */
static enum err insert_row(struct change *c, const struct collection *col, struct str data,
                           struct row *row)
{
    uint64_t seq;
    int64_t at;
    enum err e = event_next(c->space, &seq, &at);
    if (e)
        return e;
    char *id = arena_alloc(c->mem, UUID_LEN + 1);
    rand_uuid7(at, seq, id);
    *row = (struct row){str_make(id, UUID_LEN), data, at, at, 1};
    e = rows_insert(c->space, &col->table, row);
    return e ? e : raise_row(c, col->event_create, row);
}

/* The rows that a change of `row_data` brings about elsewhere; their texts are made in scratch. */
static enum err run_effects(struct change *c, const struct collection *col, enum effect_on on,
                            struct str row_data, struct arena *scratch)
{
    for (size_t i = 0; i < col->effect_count[on]; i++) {
        const struct effect *effect = effect_at(col, on, i);
        const struct collection *target = collections_find(c->collections, effect_target(effect));
        struct row row;
        assert(target); /* checked when the collections were loaded */
        enum err e = insert_row(c, target, effect_render(effect, row_data, scratch), &row);
        if (e)
            return e;
    }
    return OK;
}

enum err change_row_create(struct change *c, const struct collection *col, struct str data,
                           struct row *row)
{
    enum err e = insert_row(c, col, data, row);
    return e ? e : run_effects(c, col, ON_CREATE, data, c->mem);
}

/* The client's object put on the row's, checked as a whole. *data in c->mem. */
static enum err merge(struct change *c, const struct collection *col, struct str current,
                      struct json_value patch, enum change_merge how, struct problems *problems,
                      struct str *data)
{
    struct json old, whole;
    struct buf b = BUF_INIT;
    enum err e = json_parse(&old, current, JSON_STRICT, c->mem);
    if (e)
        return ERR_CORRUPT;
    if (how == MERGE_MEMBERS)
        json_append_merged(&b, json_root(&old), patch);
    else
        json_append_merge_patch(&b, json_root(&old), patch);
    e = json_parse(&whole, arena_dup(c->mem, buf_str(&b)), JSON_STRICT, c->mem);
    buf_release(&b);
    return e ? e : collection_validate(col, json_root(&whole), problems, c->mem, data);
}

enum err change_row_update(struct change *c, const struct collection *col, struct str id,
                           struct json_value patch, enum change_merge how, int64_t if_version,
                           struct problems *problems, struct row *row)
{
    uint64_t seq;
    enum err e = rows_get(c->space, &col->table, id, c->mem, row);
    if (e)
        return e;
    if (if_version != 0 && if_version != row->version)
        return ERR_PRECONDITION;
    e = merge(c, col, row->data, patch, how, problems, &row->data);
    if (!e)
        e = event_next(c->space, &seq, &row->updated_at);
    if (e)
        return e;
    row->version++;
    e = rows_update(c->space, &col->table, row);
    if (!e)
        e = raise_row(c, col->event_update, row);
    return e ? e : run_effects(c, col, ON_UPDATE, row->data, c->mem);
}

enum err change_row_put(struct change *c, const struct collection *col, struct row *row,
                        int64_t old_version)
{
    uint64_t seq;
    int64_t at;
    enum err e = event_next(c->space, &seq, &at);
    if (e)
        return e;
    row->created_at = row->created_at ? row->created_at : at;
    row->updated_at = old_version ? at : row->updated_at ? row->updated_at : row->created_at;
    if (row->version <= old_version)
        row->version = old_version + 1;
    e = old_version ? rows_update(c->space, &col->table, row)
                    : rows_insert(c->space, &col->table, row);
    return e ? e : raise_row(c, old_version ? col->event_update : col->event_create, row);
}

static enum err raise_delete(struct change *c, const struct collection *col, struct str id)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "{\"id\":");
    json_append_string(&b, id);
    buf_append_lit(&b, ",\"userId\":");
    json_append_string(&b, c->user_id);
    buf_append_ch(&b, '}');
    return raise_event(c, col->event_delete, &b);
}

enum err change_row_delete(struct change *c, const struct collection *col, struct str id)
{
    struct arena scratch = ARENA_INIT; /* clearing deletes many: one row's text at a time */
    struct row row = {.data = STR_NULL};
    bool existed = false;
    enum err e = OK;
    if (col->effect_count[ON_DELETE] > 0)
        e = rows_get(c->space, &col->table, id, &scratch, &row);
    if (!e)
        e = rows_delete(c->space, &col->table, id, &existed);
    if (!e && !existed)
        e = ERR_NOT_FOUND;
    if (!e)
        e = raise_delete(c, col, id);
    if (!e)
        e = run_effects(c, col, ON_DELETE, row.data, &scratch);
    arena_release(&scratch);
    return e;
}

enum err change_rows_clear(struct change *c, const struct collection *col, size_t max,
                           size_t *deleted, bool *more)
{
    struct str *ids;
    size_t count;
    enum err e = rows_ids(c->space, &col->table, max + 1, c->mem, &ids, &count);
    *more = count > max;
    *deleted = *more ? max : count;
    for (size_t i = 0; !e && i < *deleted; i++)
        e = change_row_delete(c, col, ids[i]);
    return e;
}
