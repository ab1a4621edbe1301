/* Requests that publish, and their answers. */
#include "base/base.h"

#include "base/log.h"
#include "bench/lib/post.h"

void post_append(struct buf *out, const struct post *p)
{
    buf_appendf(out, "POST %.*s HTTP/1.1\r\nHost: localhost\r\n", STR_ARG(p->path));
    if (p->token.n)
        buf_appendf(out, "Authorization: Bearer %.*s\r\n", STR_ARG(p->token));
    buf_appendf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s", p->body.n,
                STR_ARG(p->body));
}

struct str post_answer(struct str bytes)
{
    const char *blank = memmem(bytes.p, bytes.n, "\r\n\r\n", 4);
    if (!blank || !str_starts_with(bytes, STR("HTTP/1.1 20")) || bytes.p[11] > '2')
        fatal("a publisher was answered %.*s", (int)(bytes.n < 200 ? bytes.n : 200), bytes.p);
    return str_from(bytes, (size_t)(blank - bytes.p) + 4);
}
