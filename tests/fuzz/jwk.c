/* Any bytes are read as a key set safely; what is found in them can be asked to verify. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    struct jwks set;
    if (jwks_parse(&set, str_make((const char *)data, size), &mem) == OK) {
        assert(set.count <= JWKS_MAX);
        for (size_t i = 0; i < set.count; i++) {
            const struct jwk *k = &set.list[i];
            const struct jwk *found = jwks_find(&set, k->kid, k->key.alg);
            assert(!found || found == k || !k->kid.p);
            assert(utf8_is_valid(k->kid));
            if (i < 2) /* a key costs more than all the rest */
                assert(signature_verify(&k->key, SIGNATURE_RAW, STR("x"), STR("y")) == ERR_INVALID);
        }
    }
    arena_release(&mem);
    return 0;
}
