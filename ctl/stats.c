/* How many, how large. */
#include "base/base.h"

#include "commands.h"
#include "store/accounts.h"
#include "store/sizes.h"

static enum err count_accounts(struct ctl *c, struct accounts_counted *out)
{
    struct space *sp;
    enum err e = space_acquire(c->store, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = accounts_count_within(sp, out);
    space_release(sp);
    return e;
}

static void print_json(const struct sizes *s, const struct accounts_counted *n)
{
    printf("{\"ok\":true,\"accounts\":%lld,\"verified\":%lld,\"disabled\":%lld,\"files\":{",
           (long long)n->all, (long long)n->verified, (long long)n->disabled);
    for (size_t i = 0; i < SPACE_KINDS; i++)
        printf("%s\"%s\":{\"count\":%lld,\"bytes\":%lld,\"walBytes\":%lld}", i ? "," : "",
               sizes_name((enum space_kind)i).p, (long long)s->of[i].files,
               (long long)s->of[i].bytes, (long long)s->of[i].wal);
    puts("}}");
}

static void print_text(struct ctl *c, const struct sizes *s, const struct accounts_counted *n)
{
    printf("accounts       %lld (%lld verified, %lld disabled)\n", (long long)n->all,
           (long long)n->verified, (long long)n->disabled);
    for (size_t i = 0; i < SPACE_KINDS; i++)
        printf("%-14s %lld files, %.*s, WAL %.*s\n", sizes_name((enum space_kind)i).p,
               (long long)s->of[i].files, STR_ARG(ctl_bytes(c, s->of[i].bytes)),
               STR_ARG(ctl_bytes(c, s->of[i].wal)));
}

int stats_run(struct ctl *c)
{
    struct sizes sizes;
    struct accounts_counted accounts = {.all = 0};
    if (!ctl_open(c, false))
        return CTL_FAILED;
    enum err e = count_accounts(c, &accounts);
    if (!e)
        e = sizes_measure(ctl_data_dir(c), &sizes);
    if (e)
        return ctl_fail_with(c, e, ctl_data_dir(c));
    if (c->json)
        print_json(&sizes, &accounts);
    else
        print_text(c, &sizes, &accounts);
    return CTL_DONE;
}
