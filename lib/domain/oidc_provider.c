/* Reading the files of providers; what can be wrong with one is found here, at start. */
#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "domain/oidc_provider.h"
#include "wire/json.h"

#define FILE_MAX   (64 * 1024)
#define SUFFIX     STR(".json")
#define VALUE_MAX  4096
#define SCOPE      "openid email profile"
#define ISSUER_MAX (FETCH_URL_MAX - 64) /* room for the path of the discovery document */

struct loading {
    const char *dir;
    struct str file;
    const struct fetch_options *fetch;
    struct arena *mem;
    struct str *message;
};

static enum err fail(struct loading *l, const char *what)
{
    *l->message = arena_printf(l->mem, "%s/%.*s: %s", l->dir, STR_ARG(l->file), what);
    return ERR_INVALID;
}

/* Who is so well known that his file needs only our own id and secret. To add one: a row. */
static const struct oidc_provider presets[] = {
    {.name = {"google", 6},
     .label = {"Google", 6},
     .issuer = {"https://accounts.google.com", 27},
     .issuer_also = {"accounts.google.com", 19}},
};

static const struct oidc_provider *find_preset(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(presets); i++)
        if (str_eq(presets[i].name, name))
            return &presets[i];
    return NULL;
}

/* --- one file --------------------------------------------------------------------------------- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
            s.p[i] != '-' && s.p[i] != '_')
            return false;
    return s.n >= 1 && s.n <= OIDC_NAME_MAX;
}

static enum err read_text(struct loading *l, int fd, struct str *text)
{
    char *p = arena_alloc(l->mem, FILE_MAX + 1);
    size_t n = 0;
    ssize_t got;
    while ((got = read(fd, p + n, FILE_MAX + 1 - n)) > 0)
        n += (size_t)got;
    if (got < 0)
        return fail(l, "cannot be read");
    if (n > FILE_MAX)
        return fail(l, "larger than 64 KiB");
    *text = str_make(p, n);
    return OK;
}

static enum err read_member(struct loading *l, struct oidc_provider *out, struct json_value member)
{
    const struct {
        struct str name;
        struct str *field;
    } known[] = {
        {STR("issuer"), &out->issuer},
        {STR("clientId"), &out->client_id},
        {STR("clientSecret"), &out->client_secret},
        {STR("scope"), &out->scope},
        {STR("label"), &out->label},
    };
    struct str name = json_string(json_key(member), l->mem);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_eq(name, known[i].name))
            continue;
        if (!json_is(member, JSON_STRING))
            return fail(l, "every value must be a string");
        *known[i].field = arena_dup(l->mem, json_string(member, l->mem));
        return known[i].field->n <= VALUE_MAX ? OK : fail(l, "a value is over 4,096 bytes long");
    }
    return fail(l, "expected only issuer, clientId, clientSecret, scope and label");
}

static bool has_word(struct str list, struct str wanted)
{
    struct str word;
    while (str_next(&list, ' ', &word))
        if (str_eq(word, wanted))
            return true;
    return false;
}

static enum err check(struct loading *l, const struct oidc_provider *p)
{
    if (!p->issuer.n)
        return fail(l, "issuer is missing; expected its URL, as its discovery document has it");
    if (p->issuer.n > ISSUER_MAX || !fetch_is_allowed(l->fetch, p->issuer) ||
        str_find(p->issuer, '?') < p->issuer.n || str_find(p->issuer, '#') < p->issuer.n)
        return fail(l, "issuer must be an https URL without a query");
    if (!p->client_id.n)
        return fail(l, "clientId is missing; the provider gives it when Cubby is registered there");
    if (!has_word(p->scope, STR("openid")))
        return fail(l, "scope must have the word openid");
    return OK;
}

static enum err read_provider(struct loading *l, struct str text, struct oidc_provider *out)
{
    struct json doc;
    const struct oidc_provider *preset = find_preset(out->name);
    if (preset)
        *out = *preset;
    else
        out->label = out->name;
    out->scope = STR(SCOPE);
    if (json_parse(&doc, text, JSON_STRICT, l->mem))
        return fail(l, arena_printf(l->mem, "not JSON: %s at byte %zu", doc.error, doc.error_at).p);
    struct json_value root = json_root(&doc);
    if (!json_is(root, JSON_OBJECT))
        return fail(l, "expected a JSON object");
    for (struct json_value v = json_first(root); !json_is_absent(v); v = json_next(root, v)) {
        enum err e = read_member(l, out, v);
        if (e)
            return e;
    }
    return check(l, out);
}

static enum err load_file(struct loading *l, int dir, struct oidc_provider *out)
{
    struct str text;
    out->name = str_make(l->file.p, l->file.n - SUFFIX.n);
    if (!is_name(out->name))
        return fail(l, "expected a name of 1 to 32 of a-z, 0-9, - and _");
    int fd = openat(dir, l->file.p, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(l, "cannot be opened");
    enum err e = read_text(l, fd, &text);
    close(fd);
    return e ? e : read_provider(l, text, out);
}

/* --- the folder ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct oidc_provider *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

static enum err load_all(struct loading *l, DIR *dir, struct oidc_provider *list, size_t *count)
{
    for (struct dirent *d; (d = readdir(dir));) {
        struct str file = str_from_c(d->d_name);
        if (file.p[0] == '.' || !str_ends_with(file, SUFFIX))
            continue;
        l->file = arena_dup(l->mem, file);
        if (*count == OIDC_PROVIDERS_MAX)
            return fail(l, "more than 64 providers");
        enum err e = load_file(l, dirfd(dir), &list[(*count)++]);
        if (e)
            return e;
    }
    qsort(list, *count, sizeof *list, by_name);
    return OK;
}

enum err oidc_providers_load(const char *path, const struct fetch_options *fetch, struct arena *mem,
                             const struct oidc_provider **list, size_t *count, struct str *message)
{
    struct loading l = {.dir = path, .fetch = fetch, .mem = mem, .message = message};
    struct oidc_provider *all = arena_zalloc(mem, OIDC_PROVIDERS_MAX, sizeof *all);
    *list = all;
    *count = 0;
    DIR *dir = opendir(path);
    if (!dir) {
        *message = arena_printf(mem, "%s: not a folder that can be read", path);
        return ERR_INVALID;
    }
    enum err e = load_all(&l, dir, all, count);
    closedir(dir);
    return e;
}
