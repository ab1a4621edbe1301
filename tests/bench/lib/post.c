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

size_t post_answer(struct str bytes, struct str *body)
{
    const struct str field = STR("\r\ncontent-length: ");
    const char *blank = memmem(bytes.p, bytes.n, "\r\n\r\n", 4);
    uint64_t n;
    if (!blank)
        return 0;
    struct str head = str_make(bytes.p, (size_t)(blank - bytes.p) + 2), line;
    while (head.n >= field.n && !str_eq_nocase(str_make(head.p, field.n), field))
        head = str_from(head, 1);
    head = str_from(head, field.n);
    if (!str_starts_with(bytes, STR("HTTP/1.1 20")) || bytes.p[11] > '2' ||
        !str_next(&head, '\r', &line) || !str_to_u64(line, UINT32_MAX, &n))
        fatal("a publisher was answered %.*s", (int)(bytes.n < 200 ? bytes.n : 200), bytes.p);
    *body = str_from(bytes, (size_t)(blank - bytes.p) + 4);
    if (body->n < n)
        return 0;
    body->n = n;
    return (size_t)(body->p - bytes.p) + n;
}
