/*
 * Loading collections/NAME.json: everything that can be wrong with a declaration is found here, at
 * start, with file and place, and nowhere later.
 */
#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "domain/effect.h"
#include "store/field.h"
#include "wire/tree.h"

#define DECLARATION_MAX (1024 * 1024)
#define COLLECTIONS_MAX 1000

/* One file being read. */
struct loading {
    struct collections *all;
    struct str file; /* its name, for messages */
    struct arena *mem;
    struct str *message;
};

#define FAIL(l, ...) (fail((l), arena_printf((l)->mem, __VA_ARGS__)))

static enum err fail(struct loading *l, struct str what)
{
    *l->message = arena_printf(l->mem, "%.*s: %.*s", STR_ARG(l->file), STR_ARG(what));
    return ERR_INVALID;
}

/* First segments after /api/ of fixed paths (docs/protocol.md section 1). */
static bool is_reserved(struct str name)
{
    static const char *const reserved[] = {
        "account",  "admin",    "auth",     "batch",   "changes", "counter",
        "data",     "demo",     "docs",     "email",   "events",  "healthz",
        "login",    "logout",   "me",       "metrics", "oauth",   "organizations",
        "orgs",     "passkeys", "password", "push",    "refresh", "rpc",
        "sessions", "signup",   "ticket",   "totp",    "ws",
    };
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (str_eq(name, str_from_c(reserved[i])))
            return true;
    return false;
}

static bool is_collection_name(struct str s)
{
    if (s.n < 1 || s.n > 63 || s.p[0] < 'a' || s.p[0] > 'z')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
              s.p[i] == '_'))
            return false;
    return true;
}

static enum err read_name(struct loading *l, const struct tree *t, struct collection *c)
{
    if (!tree_is(t, JSON_STRING) || !is_collection_name(tree_string(t)))
        return FAIL(l, "name: expected 1 to 63 of a-z, 0-9 and _, a letter first");
    c->name = arena_dup(&l->all->mem, tree_string(t));
    if (is_reserved(c->name))
        return FAIL(l, "name: \"%.*s\" is a fixed path of the API", STR_ARG(c->name));
    if (l->file.n != c->name.n + 5 || !str_starts_with(l->file, c->name))
        return FAIL(l, "name: expected the file's own name, %.*s.json", STR_ARG(c->name));
    c->table.name = c->name;
    c->event_create = arena_printf(&l->all->mem, "table:%.*s:create", STR_ARG(c->name));
    c->event_update = arena_printf(&l->all->mem, "table:%.*s:update", STR_ARG(c->name));
    c->event_delete = arena_printf(&l->all->mem, "table:%.*s:delete", STR_ARG(c->name));
    return OK;
}

static enum err read_scope(struct loading *l, const struct tree *t, struct collection *c)
{
    c->table.scope = SPACE_USER;
    if (tree_is(t, JSON_STRING) && str_eq(tree_string(t), STR("org")))
        c->table.scope = SPACE_ORG;
    else if (t && (!tree_is(t, JSON_STRING) || !str_eq(tree_string(t), STR("user"))))
        return FAIL(l, "scope: expected \"user\" or \"org\"");
    return OK;
}

static enum err read_schema(struct loading *l, const struct tree *t, struct collection *c)
{
    struct buf text = BUF_INIT;
    struct str error;
    if (!tree_is(t, JSON_OBJECT))
        return FAIL(l, "schema: expected an object");
    if (schema_compile(&c->schema, t, l->mem, &error))
        return fail(l, error);
    tree_print(t, &text);
    c->schema_text = arena_dup(&l->all->mem, buf_str(&text));
    buf_release(&text);
    return OK;
}

/* An array of field paths; only_data: none of our own five members. */
static enum err read_fields(struct loading *l, const struct tree *t, const char *place,
                            bool only_data, const struct str **out, size_t *count)
{
    struct field f;
    if (!t)
        return OK;
    if (!tree_is(t, JSON_ARRAY))
        return FAIL(l, "%s: expected an array of field paths", place);
    struct str *paths = arena_zalloc(&l->all->mem, tree_count(t), sizeof *paths);
    for (const struct tree *x = tree_first(t); x; x = tree_next(x)) {
        if (!tree_is(x, JSON_STRING) || !field_parse(&f, tree_string(x)) ||
            (only_data && f.kind != FIELD_DATA) || f.kind == FIELD_USER_ID)
            return FAIL(l, "%s[%zu]: expected a field path as in \"title\" or \"a.b\"", place,
                        *count);
        paths[(*count)++] = arena_dup(&l->all->mem, tree_string(x));
    }
    *out = paths;
    return OK;
}

/* The values are checked when all collections are known. */
static enum err read_effect(struct loading *l, const struct tree *t, const char *place,
                            struct effect *e)
{
    const struct tree *target = tree_get(t, "insert"), *values = tree_get(t, "values");
    if (!tree_is(target, JSON_STRING))
        return FAIL(l, "%s.insert: expected the name of a collection", place);
    if (!tree_is(values, JSON_OBJECT))
        return FAIL(l, "%s.values: expected an object", place);
    if (tree_count(t) != 2)
        return FAIL(l, "%s: expected insert and values, nothing else", place);
    struct buf b = BUF_INIT;
    tree_print(values, &b);
    struct str text = arena_dup(&l->all->mem, buf_str(&b));
    buf_release(&b);
    e->target = arena_dup(&l->all->mem, tree_string(target));
    if (json_parse(&e->values, text, JSON_STRICT, &l->all->mem))
        return FAIL(l, "%s.values: %s", place, e->values.error);
    return OK;
}

static const char *const effect_names[EFFECT_KINDS] = {
    [ON_CREATE] = "create",
    [ON_UPDATE] = "update",
    [ON_DELETE] = "delete",
};

static enum err read_effects(struct loading *l, const struct tree *on, struct collection *c)
{
    size_t known = 0;
    if (on && !tree_is(on, JSON_OBJECT))
        return FAIL(l, "on: expected an object");
    for (int kind = 0; kind < EFFECT_KINDS; kind++) {
        const struct tree *list = tree_get(on, effect_names[kind]);
        if (!list)
            continue;
        known++;
        if (!tree_is(list, JSON_ARRAY))
            return FAIL(l, "on.%s: expected an array", effect_names[kind]);
        c->effects[kind] = arena_zalloc(&l->all->mem, tree_count(list), sizeof(struct effect));
        for (const struct tree *x = tree_first(list); x; x = tree_next(x)) {
            size_t i = c->effect_count[kind]++;
            struct str place = arena_printf(l->mem, "on.%s[%zu]", effect_names[kind], i);
            enum err e = read_effect(l, x, place.p, &c->effects[kind][i]);
            if (e)
                return e;
        }
    }
    if (on && known != tree_count(on))
        return FAIL(l, "on: expected create, update and delete, nothing else");
    return OK;
}

static enum err refuse_unknown(struct loading *l, const struct tree *t)
{
    static const char *const known[] = {"name", "scope", "schema", "indexes", "search", "on"};
    for (const struct tree *x = tree_first(t); x; x = tree_next(x)) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found = found || str_eq(tree_name(x), str_from_c(known[i]));
        if (!found)
            return FAIL(l, "%.*s: unknown member", STR_ARG(tree_name(x)));
    }
    return OK;
}

static enum err read_declaration(struct loading *l, const struct tree *t, struct collection *c)
{
    struct rows_table *table = &c->table;
    if (!tree_is(t, JSON_OBJECT))
        return FAIL(l, "expected an object");
    enum err e = refuse_unknown(l, t);
    if (!e)
        e = read_name(l, tree_get(t, "name"), c);
    if (!e)
        e = read_scope(l, tree_get(t, "scope"), c);
    if (!e)
        e = read_schema(l, tree_get(t, "schema"), c);
    if (!e)
        e = read_fields(l, tree_get(t, "indexes"), "indexes", false, &table->indexes,
                        &table->index_count);
    if (!e)
        e = read_fields(l, tree_get(t, "search"), "search", true, &table->search,
                        &table->search_count);
    if (!e)
        e = read_effects(l, tree_get(t, "on"), c);
    if (!e)
        rows_table_prepare(table);
    return e;
}

/* The whole of an open file, in l->mem. */
static enum err read_text(struct loading *l, int fd, struct str *text)
{
    size_t n = 0;
    char *p = arena_alloc(l->mem, DECLARATION_MAX + 1);
    for (;;) {
        ssize_t got = read(fd, p + n, DECLARATION_MAX + 1 - n);
        if (got < 0)
            return FAIL(l, "cannot be read");
        if (got == 0)
            break;
        n += (size_t)got;
        if (n > DECLARATION_MAX)
            return FAIL(l, "larger than 1 MiB");
    }
    *text = str_make(p, n);
    return OK;
}

static enum err load_file(struct loading *l, int dir, struct collection *c)
{
    struct tree *t = NULL;
    struct str text, error;
    int fd = openat(dir, l->file.p, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return FAIL(l, "cannot be opened");
    enum err e = read_text(l, fd, &text);
    close(fd);
    if (!e && tree_parse(&t, text, l->mem, &error))
        e = fail(l, error);
    if (!e)
        e = read_declaration(l, t, c);
    tree_free(t);
    return e;
}

/* The values as a row of the target, defaults included, take the place of the declared ones. */
static enum err check_effect(struct loading *l, const struct collection *c, const char *on,
                             struct effect *effect)
{
    struct problems problems = {.count = 0};
    struct str data;
    const struct collection *target = collections_find(l->all, effect->target);
    if (!target)
        return FAIL(l, "on.%s: there is no collection \"%.*s\"", on, STR_ARG(effect->target));
    if (target->table.scope != c->table.scope)
        return FAIL(l, "on.%s: \"%.*s\" has another scope", on, STR_ARG(effect->target));
    enum err e =
        collection_validate(target, json_root(&effect->values), &problems, &l->all->mem, &data);
    if (e && problems.count > 0)
        return FAIL(l, "on.%s: values%.*s: %.*s", on, STR_ARG(str_from(problems.list[0].path, 1)),
                    STR_ARG(problems.list[0].message));
    if (!e)
        e = json_parse(&effect->values, data, JSON_STRICT, &l->all->mem);
    return e ? FAIL(l, "on.%s: values: not a row", on) : OK;
}

static enum err check_effects(struct loading *l, const struct collection *c)
{
    l->file = arena_printf(l->mem, "%.*s.json", STR_ARG(c->name));
    for (int kind = 0; kind < EFFECT_KINDS; kind++) {
        for (size_t i = 0; i < c->effect_count[kind]; i++) {
            enum err e = check_effect(l, c, effect_names[kind], &c->effects[kind][i]);
            if (e)
                return e;
        }
    }
    return OK;
}

static int by_stem(const void *a, const void *b)
{
    struct str x = *(const struct str *)a, y = *(const struct str *)b;
    return str_cmp(str_make(x.p, x.n - 5), str_make(y.p, y.n - 5));
}

/* The names of all *.json in dir, sorted without their suffix. */
static size_t list_files(DIR *dir, struct str *names, struct arena *mem)
{
    size_t count = 0;
    for (struct dirent *d; count < COLLECTIONS_MAX && (d = readdir(dir));) {
        struct str name = str_from_c(d->d_name);
        if (name.n > 5 && name.p[0] != '.' && str_ends_with(name, STR(".json")))
            names[count++] = arena_dup(mem, name);
    }
    qsort(names, count, sizeof *names, by_stem);
    return count;
}

enum err collections_load(struct collections *out, const char *path, struct arena *mem,
                          struct str *message)
{
    struct loading l = {.all = out, .mem = mem, .message = message, .file = str_from_c(path)};
    *out = (struct collections){.mem = ARENA_INIT};
    DIR *dir = opendir(path);
    if (!dir)
        return FAIL(&l, "not a folder that can be read");
    struct str *names = arena_zalloc(mem, COLLECTIONS_MAX, sizeof *names);
    size_t count = list_files(dir, names, mem);
    enum err e = OK;
    out->list = arena_zalloc(&out->mem, count, sizeof *out->list);
    out->tables = arena_zalloc(&out->mem, count, sizeof *out->tables);
    while (!e && out->count < count) {
        l.file = names[out->count];
        e = load_file(&l, dirfd(dir), &out->list[out->count++]);
    }
    for (size_t i = 0; !e && i < count; i++) {
        out->tables[i] = out->list[i].table;
        e = check_effects(&l, &out->list[i]);
    }
    closedir(dir);
    if (e)
        collections_release(out);
    return e;
}

void collections_release(struct collections *c)
{
    for (size_t i = 0; i < c->count; i++) {
        schema_free(c->list[i].schema);
        rows_table_release(&c->list[i].table);
    }
    arena_release(&c->mem);
    *c = (struct collections){.mem = ARENA_INIT};
}
