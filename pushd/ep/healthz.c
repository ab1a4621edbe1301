/* GET /push/healthz: can it do its work? */
#include "base/base.h"

#include "domain/bus.h"
#include "ep/ep.h"
#include "parts.h"
#include "pulse.h"
#include "readers.h"
#include "server.h"
#include "store/look.h"

/* What can be seen without waiting. Without its socket the programs that write cannot tell of
 * anything; a full disk is pushd's trouble too, for it has nothing to tell then. */
static enum err look(struct server *s, struct str *what)
{
    if (s->bus && !bus_sub_is_reachable(s->bus)) {
        *what = STR("The socket of the bus is gone");
        return ERR_BUSY;
    }
    return store_look(readers_store(s->readers), s->conf->min_free_bytes, what);
}

enum err healthz_answer(const struct request *r, struct answer *a)
{
    struct str what = STR(PULSE_STUCK);
    enum err e = look(r->server, &what);
    if (e == OK)
        e = pulse_ask(r->server->parts->pulse, r->conn, a->cors);
    if (e == ERR_MORE)
        return e;
    a->status = pulse_append(a->body, e, what);
    return OK;
}

void healthz_on_end(struct conn *c, enum end why, struct buf *out)
{
    (void)why;
    (void)out;
    pulse_answer(c);
}

void healthz_on_close(struct conn *c)
{
    pulse_cancel(c);
}
