/* Changing counters: value, history, event and page in one transaction. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/counter.h"
#include "store/event.h"

static struct str op_name(enum counter_op op)
{
    static const struct str names[] = {
        [COUNTER_INCREMENT] = {"increment", 9},
        [COUNTER_DECREMENT] = {"decrement", 9},
        [COUNTER_SET_VALUE] = {"setValue", 8},
        [COUNTER_RESET] = {"reset", 5},
    };
    return names[op];
}

bool counter_name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return name.n >= 1 && name.n <= COUNTER_NAME_MAX;
}

/* --- the space -------------------------------------------------------------------------------- */

/* A program that starts on a full disk finds it there and writes nothing. */
static bool has_global(struct space *sp)
{
    struct arena mem = ARENA_INIT;
    struct counter c;
    bool found = counters_get(sp, COUNTER_GLOBAL, &mem, &c) == OK;
    arena_release(&mem);
    return found;
}

static enum err make_global(struct space *sp)
{
    int64_t now = clock_wall_ms();
    struct counter c = {.name = COUNTER_GLOBAL, .created_at = now, .updated_at = now};
    enum err e = space_begin_write(sp);
    if (e)
        return e;
    e = counters_create(sp, &c, 0);
    if (!e)
        return space_commit(sp);
    space_rollback(sp);
    return e == ERR_CONFLICT ? OK : e;
}

static enum err make_space(struct store *s, struct space **out)
{
    enum err e = space_create(s, SPACE_SHARED, COUNTER_SPACE, out);
    if (!e && !has_global(*out))
        e = make_global(*out);
    if (e) {
        space_release(*out);
        *out = NULL;
    }
    return e;
}

enum err counter_prepare(struct store *s)
{
    struct space *sp;
    enum err e = make_space(s, &sp);
    if (!e)
        space_release(sp);
    return e;
}

enum err counter_space(struct store *s, struct space **out)
{
    enum err e = space_acquire(s, SPACE_SHARED, COUNTER_SPACE, out);
    return e == ERR_NOT_FOUND ? make_space(s, out) : e;
}

/* --- how a counter reads ---------------------------------------------------------------------- */

void counter_append_time(struct buf *out, int64_t ms)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(ms, iso);
    buf_append_ch(out, '"');
    buf_append(out, iso, CLOCK_ISO_LEN);
    buf_append_ch(out, '"');
}

void counter_append_metadata(struct buf *out, const struct counter *c)
{
    buf_append_lit(out, "{\"id\":");
    buf_append_i64(out, c->id);
    buf_append_lit(out, ",\"name\":");
    json_append_string(out, c->name);
    buf_append_lit(out, ",\"value\":");
    buf_append_i64(out, c->value);
    buf_append_lit(out, ",\"createdAt\":");
    counter_append_time(out, c->created_at);
    buf_append_lit(out, ",\"updatedAt\":");
    counter_append_time(out, c->updated_at);
    buf_append_lit(out, ",\"operationCount\":");
    buf_append_i64(out, c->operation_count);
    buf_append_ch(out, '}');
}

void counter_append_html(struct buf *out, const struct counter *c)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(c->updated_at, iso);
    buf_appendf(out,
                "<output class=\"value\" data-live=\"value\">%lld</output>\n"
                "<p data-live=\"changed\">Changes: %lld, the latest on"
                " <time datetime=\"%s\">%.10s %.8s UTC</time></p>\n",
                (long long)c->value, (long long)c->operation_count, iso, iso, iso + 11);
}

/* --- changing ----------------------------------------------------------------------------------
 */

/* False when it does not fit 64 bits. */
static bool compute(enum counter_op op, int64_t value, int64_t number, int64_t *out)
{
    switch (op) {
    case COUNTER_INCREMENT:
        return !__builtin_add_overflow(value, number, out);
    case COUNTER_DECREMENT:
        return !__builtin_sub_overflow(value, number, out);
    case COUNTER_SET_VALUE:
        *out = number;
        return true;
    case COUNTER_RESET:
        *out = 0;
        return true;
    }
    return false;
}

static struct str operation_text(struct arena *mem, enum counter_op op, int64_t number)
{
    if (op == COUNTER_RESET)
        return arena_printf(mem, "%.*s()", STR_ARG(op_name(op)));
    return arena_printf(mem, "%.*s(%lld)", STR_ARG(op_name(op)), (long long)number);
}

/* As it is before the change, made where that is allowed. */
static enum err find(struct change *c, const struct counter_rules *rules, struct str name,
                     int64_t at, struct counter *out)
{
    enum err e = counters_get(c->space, name, c->mem, out);
    if (e != ERR_NOT_FOUND || !rules->auto_create)
        return e;
    *out = (struct counter){.name = name, .created_at = at, .updated_at = at};
    return counters_create(c->space, out, rules->max);
}

/* The event counter:<what>:<name>; frees data. */
static enum err raise_event(struct change *c, struct str what, struct str name, struct buf *data)
{
    struct str event = arena_printf(c->mem, "counter:%.*s:%.*s", STR_ARG(what), STR_ARG(name));
    enum err e = change_event(c, event, arena_dup(c->mem, buf_str(data)));
    buf_release(data);
    return e;
}

static enum err raise_change(struct change *c, enum counter_op op, const struct counter *after,
                             const struct counter_entry *entry)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "{\"type\":\"");
    buf_append_str(&b, op_name(op));
    buf_append_lit(&b, "\",\"value\":");
    buf_append_i64(&b, entry->value);
    buf_append_lit(&b, ",\"previousValue\":");
    buf_append_i64(&b, entry->previous);
    buf_append_lit(&b, ",\"metadata\":");
    counter_append_metadata(&b, after);
    buf_append_lit(&b, ",\"timestamp\":");
    counter_append_time(&b, entry->at);
    buf_append_ch(&b, '}');
    return raise_event(c, op_name(op), after->name, &b);
}

/* What everyone who has the page open is to see. */
static enum err raise_render(struct change *c, const struct counter *after)
{
    struct buf html = BUF_INIT, b = BUF_INIT;
    counter_append_html(&html, after);
    buf_append_lit(&b, "{\"key\":\"" COUNTER_KEY "\",\"html\":");
    json_append_string(&b, buf_str(&html));
    buf_append_ch(&b, '}');
    enum err e = change_event(c, STR("render"), arena_dup(c->mem, buf_str(&b)));
    buf_release(&b);
    buf_release(&html);
    return e;
}

enum err counter_change(struct change *c, const struct counter_rules *rules, enum counter_op op,
                        struct str name, int64_t number, struct counter *after,
                        struct counter_entry *entry)
{
    uint64_t seq;
    int64_t at;
    enum err e = event_next(c->space, &seq, &at);
    if (!e)
        e = find(c, rules, name, at, after);
    if (e)
        return e;
    *entry = (struct counter_entry){
        .id = (int64_t)seq,
        .operation = operation_text(c->mem, op, number),
        .previous = after->value,
        .at = at,
    };
    if (!compute(op, after->value, number, &entry->value))
        return ERR_INVALID;
    after->value = entry->value;
    after->updated_at = at;
    after->operation_count++;
    e = counters_update(c->space, after, entry);
    if (!e)
        e = raise_change(c, op, after, entry);
    return e || !str_eq(name, COUNTER_GLOBAL) ? e : raise_render(c, after);
}

static enum err raise_name(struct change *c, struct str what, struct str name)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "{\"name\":");
    json_append_string(&b, name);
    buf_append_ch(&b, '}');
    return raise_event(c, what, name, &b);
}

enum err counter_create(struct change *c, const struct counter_rules *rules, struct str name)
{
    struct counter counter = {.name = name};
    uint64_t seq;
    enum err e = event_next(c->space, &seq, &counter.created_at);
    counter.updated_at = counter.created_at;
    if (!e)
        e = counters_create(c->space, &counter, rules->max);
    return e ? e : raise_name(c, STR("create"), name);
}

enum err counter_delete(struct change *c, struct str name)
{
    if (str_eq(name, COUNTER_GLOBAL))
        return ERR_FORBIDDEN;
    enum err e = counters_delete(c->space, name);
    return e ? e : raise_name(c, STR("delete"), name);
}
