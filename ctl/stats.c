/* How many, how large. */
#include "base/base.h"

#include <sys/stat.h>

#include "commands.h"
#include "store/accounts.h"
#include "store/tree.h"

#define PAGE 500

static const char *const kinds[SPACE_KINDS] = {"main", "users", "organizations", "shared"};

struct sizes {
    struct ctl *ctl;
    struct {
        int64_t files, bytes, wal;
    } of[SPACE_KINDS];
};

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static enum err on_entry(void *arg, const struct tree_entry *t)
{
    struct sizes *s = arg;
    struct arena mem = ARENA_INIT;
    if (!t->is_space)
        return OK;
    const char *dir = ctl_data_dir(s->ctl);
    s->of[t->kind].files++;
    s->of[t->kind].bytes += size_of(arena_printf(&mem, "%s/%.*s", dir, STR_ARG(t->path)).p);
    s->of[t->kind].wal += size_of(arena_printf(&mem, "%s/%.*s-wal", dir, STR_ARG(t->path)).p);
    arena_release(&mem);
    return OK;
}

struct accounts_counted {
    int64_t all, verified, disabled;
};

static enum err count_accounts(struct ctl *c, struct accounts_counted *out)
{
    struct arena mem = ARENA_INIT;
    struct account *page = arena_zalloc(&c->mem, PAGE, sizeof *page);
    struct str after = STR("");
    size_t count = PAGE;
    enum err e = OK;
    while (!e && count == PAGE) {
        e = accounts_page(c->store, after, PAGE, &mem, page, &count);
        for (size_t i = 0; !e && i < count; i++) {
            out->all++;
            out->verified += page[i].email_verified;
            out->disabled += page[i].disabled_at != 0;
        }
        if (!e && count)
            after = arena_dup(&c->mem, page[count - 1].id);
        arena_reset(&mem);
    }
    arena_release(&mem);
    return e;
}

static void print_json(const struct sizes *s, const struct accounts_counted *n)
{
    printf("{\"ok\":true,\"accounts\":%lld,\"verified\":%lld,\"disabled\":%lld,\"files\":{",
           (long long)n->all, (long long)n->verified, (long long)n->disabled);
    for (size_t i = 0; i < SPACE_KINDS; i++)
        printf("%s\"%s\":{\"count\":%lld,\"bytes\":%lld,\"walBytes\":%lld}", i ? "," : "", kinds[i],
               (long long)s->of[i].files, (long long)s->of[i].bytes, (long long)s->of[i].wal);
    puts("}}");
}

static void print_text(struct ctl *c, const struct sizes *s, const struct accounts_counted *n)
{
    printf("accounts       %lld (%lld verified, %lld disabled)\n", (long long)n->all,
           (long long)n->verified, (long long)n->disabled);
    for (size_t i = 0; i < SPACE_KINDS; i++)
        printf("%-14s %lld files, %.*s, WAL %.*s\n", kinds[i], (long long)s->of[i].files,
               STR_ARG(ctl_bytes(c, s->of[i].bytes)), STR_ARG(ctl_bytes(c, s->of[i].wal)));
}

int stats_run(struct ctl *c)
{
    struct sizes sizes = {.ctl = c};
    struct accounts_counted accounts = {.all = 0};
    if (!ctl_open(c, false))
        return CTL_FAILED;
    enum err e = count_accounts(c, &accounts);
    if (!e)
        e = tree_walk(ctl_data_dir(c), on_entry, &sizes);
    if (e)
        return ctl_fail_with(c, e, ctl_data_dir(c));
    if (c->json)
        print_json(&sizes, &accounts);
    else
        print_text(c, &sizes, &accounts);
    return CTL_DONE;
}
