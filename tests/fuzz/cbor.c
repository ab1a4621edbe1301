/* Any bytes are read as CBOR safely; what is read is all there, within, and read the same again. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(struct str part, struct str whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

/* Its items, and theirs. */
static void walk(const struct cbor *item, unsigned depth)
{
    struct str rest = item->text;
    struct cbor one = {.type = CBOR_NULL};
    bool is_container = item->type == CBOR_ARRAY || item->type == CBOR_MAP;
    assert(!is_container || depth < CBOR_DEPTH);
    assert(item->type != CBOR_TEXT || utf8_is_valid(item->text));
    for (uint64_t i = 0; is_container && i < item->count * (item->type == CBOR_MAP ? 2 : 1); i++) {
        enum err e = cbor_read(&rest, &one);
        assert(e == OK && is_within(one.raw, item->text));
        walk(&one, depth + 1);
    }
    assert(!is_container || rest.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_make((const char *)data, size), rest = input;
    struct cbor item, value;
    if (cbor_read(&rest, &item))
        return 0;
    assert(is_within(item.raw, input) && item.raw.n + rest.n == size && item.raw.n > 0);
    walk(&item, 0);
    if (cbor_find_text(&item, STR("authData"), &value) || cbor_find_number(&item, 3, &value))
        assert(item.type == CBOR_MAP && is_within(value.raw, item.text));
    return 0;
}
