/* Whatever the parts hold, a message is ASCII (but for addresses), its lines end with CRLF and are
 * short, and its headers are those of mime_append and no other. Parts are lines of the input. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct str message)
{
    struct str rest = message, line;
    while (str_next(&rest, '\n', &line) && rest.p) {
        assert(line.n && line.p[line.n - 1] == '\r' && str_find(line, '\r') == line.n - 1);
        assert(line.n <= 79 || str_find(line, '@') < line.n);
    }
    assert(str_find(message, 0) == message.n);
}

static void check_headers(struct str message)
{
    static const char *const names[] = {
        "Date: ",         "From: ",         "To: <",
        "Message-ID: ",   "Subject: ",      "Auto-Submitted: ",
        "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: "};
    struct str rest = message, line;
    size_t next = 0;
    while (str_next(&rest, '\n', &line) && line.n > 1) {
        if (line.p[0] == ' ')
            continue;
        while (next < ARRAY_LEN(names) && !str_starts_with(line, str_from_c(names[next])))
            next++;
        assert(next++ < ARRAY_LEN(names));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make((const char *)data, size), part[4] = {{"", 0}, {"", 0}, {"", 0}};
    struct buf out = BUF_INIT;
    struct mime_address from;
    for (size_t i = 0; i < 3; i++)
        str_next(&rest, '|', &part[i]);
    part[3] = rest;
    if (mime_parse_address(part[0], &from))
        assert(mime_is_address(from.address) && utf8_is_valid(from.name));
    struct mime_message m = {.from = {part[0], STR("c@example.org")},
                             .to = part[1],
                             .subject = part[2],
                             .text = part[3],
                             .html = part[2],
                             .id = STR("1")};
    if (mime_append(&out, &m) == OK) {
        check_lines(buf_str(&out));
        check_headers(buf_str(&out));
    }
    buf_release(&out);
    return 0;
}
