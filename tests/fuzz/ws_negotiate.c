/* What is agreed on is said once, and would be agreed on again were it an offer. */
#include "base/base.h"

#include "wire/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf answer = BUF_INIT, again = BUF_INIT;
    enum ws_deflate agreed = ws_negotiate(str_make((const char *)data, size), &answer);
    assert((agreed == WS_PLAIN) == (answer.n == 0));
    if (agreed != WS_PLAIN) {
        assert(ws_negotiate(buf_str(&answer), &again) == agreed);
        assert(str_eq(buf_str(&answer), buf_str(&again)));
    }
    buf_release(&answer);
    buf_release(&again);
    return 0;
}
