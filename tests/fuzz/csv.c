/* CSV that is read is the same again when it is written and read, in pieces of any size. */
#include "base/base.h"

#include "wire/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct csv_limits limits = {.fields = 50, .bytes = SIZE_MAX};

static enum err rewrite(void *arg, const struct str *fields, size_t count, int64_t line)
{
    bool first = true;
    assert(count > 0 && count <= limits.fields && line > 0);
    for (size_t i = 0; i < count; i++)
        csv_append_field(arg, fields[i], &first);
    csv_end_record(arg);
    return OK;
}

static enum err read_all(struct str text, size_t piece, struct buf *out)
{
    struct csv_reader *r = csv_reader_new(&limits, rewrite, out);
    enum err e = OK;
    for (; !e && text.n; text = str_from(text, piece))
        e = csv_read(r, str_make(text.p, text.n < piece ? text.n : piece));
    if (!e)
        e = csv_finish(r);
    csv_reader_free(r);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = BUF_INIT, again = BUF_INIT;
    enum err e = read_all(str_make((const char *)data, size), 7, &once);
    enum err in_one = read_all(str_make((const char *)data, size), size, &again);
    assert((e == OK) == (in_one == OK));
    buf_reset(&again);
    e = read_all(buf_str(&once), 3, &again);
    assert(e == OK && str_eq(buf_str(&once), buf_str(&again)));
    buf_release(&once);
    buf_release(&again);
    return 0;
}
