/* Backend tokens. */
#include "base/base.h"

#include "base/log.h"
#include "bench/lib/token.h"
#include "wire/jwt.h"

void token_backend(struct buf *out, struct str user_id)
{
    struct jwt_key key = {.secret = str_from_c(getenv("CUBBY_JWT_SECRET"))};
    struct buf claims = BUF_INIT;
    if (key.secret.n == 0)
        fatal("CUBBY_JWT_SECRET is not set");
    buf_appendf(&claims, "{\"userId\":\"%.*s\"}", STR_ARG(user_id));
    jwt_sign(out, &key, buf_str(&claims));
    buf_release(&claims);
}
