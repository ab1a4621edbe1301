/* Tickets that were used. */
#include "base/base.h"

#include "base/mem.h"
#include "tickets.h"

struct used {
    struct list node;
    int64_t exp;
    char jti[TICKET_JTI_LEN];
};

void tickets_init(struct tickets *t, int64_t now_s)
{
    *t = (struct tickets){.since_s = now_s};
    list_init(&t->oldest);
}

static void forget(struct tickets *t, struct used *u)
{
    map_del(&t->used, str_make(u->jti, sizeof(u->jti)));
    list_del(&u->node);
    mem_free(u);
}

/* All live equally long, so one that waits behind another waits for less than that. */
static void forget_expired(struct tickets *t, int64_t now_s)
{
    list_for_each_safe (node, &t->oldest) {
        struct used *u = list_entry(node, struct used, node);
        if (u->exp > now_s)
            break;
        forget(t, u);
    }
}

enum err tickets_use(struct tickets *t, const struct who_ticket *ticket, int64_t now_s)
{
    forget_expired(t, now_s);
    if (ticket->iat < t->since_s || map_get(&t->used, ticket->jti))
        return ERR_UNAUTHORIZED;
    if (t->used.count == TICKETS_MAX)
        return ERR_BUSY;
    struct used *u = mem_alloc(sizeof(*u));
    assert(ticket->jti.n == sizeof(u->jti));
    u->exp = ticket->exp;
    memcpy(u->jti, ticket->jti.p, sizeof(u->jti));
    map_put(&t->used, str_make(u->jti, sizeof(u->jti)), u);
    list_add_tail(&t->oldest, &u->node);
    return OK;
}

void tickets_release(struct tickets *t)
{
    list_for_each_safe (node, &t->oldest)
        forget(t, list_entry(node, struct used, node));
    map_release(&t->used);
}
