/* A request head reads the same whole and in pieces, and so does a chunked body behind it. */
#include "base/base.h"

#include "wire/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct http_head *h, struct str bytes, size_t consumed)
{
    assert(consumed <= bytes.n && consumed <= HTTP_HEAD_MAX + 2);
    assert(h->header_count <= HTTP_HEADERS_MAX && h->target.n <= HTTP_TARGET_MAX);
    assert(!h->chunked || h->content_length < 0);
    assert(h->minor == 0 || http_header(h, STR("Host")).p);
    assert(h->path.n > 0 && (h->path.p[0] == '/' || h->path.p[0] == '*'));
}

static enum err feed(struct str text, size_t piece, struct buf *body)
{
    struct http_chunks c = {0};
    enum err e = ERR_MORE;
    while (e == ERR_MORE && text.n) {
        size_t used;
        e = http_chunks_feed(&c, str_make(text.p, piece < text.n ? piece : text.n), &used, body,
                             1000);
        text = str_from(text, used);
    }
    assert(body->n <= 1000);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head whole, grown;
    struct str bytes = str_make((const char *)data, size);
    struct buf a = BUF_INIT, b = BUF_INIT;
    size_t used = 0, used_grown = 0, n = 0, step = size / 16 + 1;
    enum err e = http_head_parse(&whole, bytes, 0, &used), e_grown = ERR_MORE;
    while (n < size && e_grown == ERR_MORE) {
        size_t seen = n;
        n = size - n < step ? size : n + step;
        e_grown = http_head_parse(&grown, str_make(bytes.p, n), seen, &used_grown);
    }
    assert(e == e_grown || (size == 0 && e == ERR_MORE));
    if (e == OK) {
        assert(used == used_grown && whole.header_count == grown.header_count);
        check_head(&whole, bytes, used);
        http_header_has(&whole, STR("Connection"), STR("upgrade"));
        bytes = str_from(bytes, used);
    }
    e = feed(bytes, SIZE_MAX, &a);
    assert(e == feed(bytes, 1, &b) && (e != OK || str_eq(buf_str(&a), buf_str(&b))));
    buf_release(&a);
    buf_release(&b);
    return 0;
}
