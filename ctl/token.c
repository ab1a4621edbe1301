/* Backend tokens: for programs of the host that speak to Cubby. */
#include "base/base.h"

#include "base/clock.h"
#include "commands.h"
#include "domain/who.h"

#define EXPIRES_MAX_S (100LL * 366 * 24 * 3600)

int token_run(struct ctl *c)
{
    const char *expires = ctl_option(c, "expires"), *problem = NULL;
    struct buf token = BUF_INIT;
    struct who_keys keys;
    int64_t lasts_s = 0;
    int code = CTL_DONE;
    if (expires && !str_to_i64(str_from_c(expires), 1, EXPIRES_MAX_S, &lasts_s))
        return ctl_fail(c, "--expires takes 1 to %lld seconds", EXPIRES_MAX_S);
    if (!ctl_load(c))
        return CTL_FAILED;
    who_keys_init(&keys, &c->conf);
    enum err e = who_mint_backend(&token, &keys, str_from_c(c->words[0]), clock_wall_ms() / 1000,
                                  lasts_s, &c->mem, &problem);
    if (e)
        code = ctl_fail(c, "%s", problem);
    else if (c->json)
        printf("{\"ok\":true,\"token\":\"%.*s\"}\n", STR_ARG(buf_str(&token)));
    else
        ctl_print(buf_str(&token));
    buf_release(&token);
    return code;
}
