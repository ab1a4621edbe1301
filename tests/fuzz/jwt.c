/* No bytes pass as a token that was not signed; any claims that were signed are read safely. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct jwt_key key = {{"k", 1}, {"a secret of 32 bytes, never told", 32}};
    const int64_t now = 1800000000;
    struct str input = str_make((const char *)data, size);
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct jwt jwt;
    enum err e = jwt_verify(&jwt, input, &key, 1, now, &mem);
    assert(e == ERR_UNAUTHORIZED);
    jwt_sign(&token, &key, input);
    if (jwt_verify(&jwt, buf_str(&token), &key, 1, now, &mem) == OK) {
        assert(jwt.exp == 0 || jwt.exp > now);
        assert(jwt.nbf <= now);
        assert(jwt.has_type || !jwt.type.p);
        assert(utf8_is_valid(jwt.sub) && utf8_is_valid(jwt.user_id) && utf8_is_valid(jwt.email));
        assert(str_eq(jwt.kid, key.kid));
    }
    buf_release(&token);
    arena_release(&mem);
    return 0;
}
