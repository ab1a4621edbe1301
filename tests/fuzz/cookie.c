/* A cookie that is found can be set again, and is found again with the same value. */
#include "base/base.h"

#include "wire/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = cookie_get(str_make((const char *)data, size), STR("token"));
    struct buf header = BUF_INIT;
    if (!value.p)
        return 0;
    cookie_append(&header, &(struct cookie){.name = STR("token"),
                                            .value = value,
                                            .path = STR("/"),
                                            .max_age = 900,
                                            .secure = true});
    assert(str_eq(value, cookie_get(buf_str(&header), STR("token"))));
    buf_release(&header);
    return 0;
}
