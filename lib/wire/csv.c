/* libcsv, fed line by line: its records with their lines, within limits. */
#include "base/base.h"

#include <csv.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/csv.h"

#define BOM "\xef\xbb\xbf"

/* A field, while the text may still move. */
struct span {
    size_t at, n;
    bool is_absent;
};

struct csv_reader {
    struct csv_parser parser;
    struct csv_limits limits;
    csv_on_record *on_record;
    void *arg;
    struct utf8 utf8;
    char head[sizeof BOM - 1]; /* of the text, until it is known whether it is the mark */
    size_t head_n;
    bool begun;        /* the text, behind its head */
    bool after_cr;     /* an LF here ends no line of its own */
    bool in_record;    /* something of a record was read */
    int64_t line;      /* being read, from 1 */
    int64_t record_at; /* the line that the record began in */
    size_t record_n;   /* bytes of its text so far */
    struct buf text;   /* its fields, one behind the other */
    struct span *spans;
    struct str *fields;
    size_t count;
    enum err error;
    const char *problem;
};

/* libcsv takes blanks away at both ends of a field: here there are none. */
static int is_space(unsigned char c)
{
    (void)c;
    return 0;
}

struct csv_reader *csv_reader_new(const struct csv_limits *limits, csv_on_record *on_record,
                                  void *arg)
{
    struct csv_reader *r = mem_zalloc(1, sizeof *r);
    csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL);
    csv_set_space_func(&r->parser, is_space);
    csv_set_realloc_func(&r->parser, mem_realloc);
    csv_set_free_func(&r->parser, mem_free);
    r->limits = *limits;
    r->on_record = on_record;
    r->arg = arg;
    r->line = r->record_at = 1;
    r->spans = mem_zalloc(limits->fields, sizeof *r->spans);
    r->fields = mem_zalloc(limits->fields, sizeof *r->fields);
    return r;
}

void csv_reader_free(struct csv_reader *r)
{
    if (!r)
        return;
    csv_free(&r->parser);
    buf_release(&r->text);
    mem_free(r->fields);
    mem_free(r->spans);
    mem_free(r);
}

const char *csv_problem(const struct csv_reader *r)
{
    return r->problem;
}

int64_t csv_line(const struct csv_reader *r)
{
    return r->record_at;
}

static enum err fail(struct csv_reader *r, enum err e, const char *problem)
{
    if (!r->error) {
        r->error = e;
        r->problem = problem;
    }
    return r->error;
}

static void on_field(void *field, size_t n, void *arg)
{
    struct csv_reader *r = arg;
    if (r->error)
        return;
    if (r->count == r->limits.fields) {
        fail(r, ERR_TOO_LARGE, "it has too many fields");
        return;
    }
    r->spans[r->count++] = (struct span){r->text.n, n, field == NULL};
    if (field)
        buf_append(&r->text, field, n);
}

static void on_end(int end, void *arg)
{
    struct csv_reader *r = arg;
    (void)end;
    if (r->error)
        return;
    for (size_t i = 0; i < r->count; i++) {
        const struct span *s = &r->spans[i];
        const char *p = r->text.p ? r->text.p + s->at : "";
        r->fields[i] = s->is_absent ? STR_NULL : str_make(p, s->n);
    }
    r->error = r->on_record(r->arg, r->fields, r->count, r->record_at);
    r->count = 0;
    r->in_record = false;
    buf_reset(&r->text);
}

/* A line with its end, or a part of one. */
static enum err read_piece(struct csv_reader *r, struct str piece)
{
    char last = piece.p[piece.n - 1];
    bool is_end = piece.n == 1 && (last == '\n' || last == '\r');
    if (!r->in_record && !is_end) {
        r->in_record = true;
        r->record_at = r->line;
        r->record_n = 0;
    }
    r->record_n += piece.n;
    if (r->in_record && r->record_n > r->limits.bytes)
        return fail(r, ERR_TOO_LARGE, "it is too long");
    if (csv_parse(&r->parser, piece.p, piece.n, on_field, on_end, r) != piece.n)
        return fail(r, ERR_INVALID, "a quote stands where none can be");
    if (last == '\r' || (last == '\n' && !(r->after_cr && piece.n == 1)))
        r->line++;
    r->after_cr = last == '\r';
    return r->error;
}

static enum err read_text(struct csv_reader *r, struct str text)
{
    enum err e = OK;
    while (!e && text.n) {
        size_t n = 0;
        while (n < text.n && text.p[n] != '\n' && text.p[n] != '\r')
            n++;
        n += n < text.n;
        e = read_piece(r, str_make(text.p, n));
        text = str_from(text, n);
    }
    return e;
}

/* As much of the head as makes clear whether it is a byte order mark. */
static enum err read_head(struct csv_reader *r, struct str *bytes, bool at_end)
{
    static const struct str mark = {BOM, sizeof BOM - 1};
    while (bytes->n && r->head_n < mark.n && memcmp(r->head, mark.p, r->head_n) == 0) {
        r->head[r->head_n++] = bytes->p[0];
        *bytes = str_from(*bytes, 1);
    }
    struct str head = str_make(r->head, r->head_n);
    if (!at_end && head.n < mark.n && str_starts_with(mark, head))
        return OK;
    r->begun = true;
    return str_eq(head, mark) ? OK : read_text(r, head);
}

enum err csv_read(struct csv_reader *r, struct str bytes)
{
    enum err e = r->error;
    if (e || !bytes.n)
        return e;
    if (memchr(bytes.p, '\0', bytes.n))
        return fail(r, ERR_INVALID, "it, or a line after it, holds a NUL byte");
    if (!utf8_feed(&r->utf8, bytes))
        return fail(r, ERR_INVALID, "it, or a line after it, is not UTF-8");
    if (!r->begun)
        e = read_head(r, &bytes, false);
    return e ? e : read_text(r, bytes);
}

enum err csv_finish(struct csv_reader *r)
{
    struct str none = STR("");
    enum err e = r->error;
    if (!e && !r->begun)
        e = read_head(r, &none, true);
    if (!e && !utf8_is_complete(&r->utf8))
        e = fail(r, ERR_INVALID, "it is not UTF-8");
    if (!e && csv_fini(&r->parser, on_field, on_end, r) != 0)
        e = fail(r, ERR_INVALID, "its last quote is not closed");
    return e ? e : r->error;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Blanks at the ends too: some readers take them away; and what may look like the text's mark. */
static bool needs_quotes(struct str field)
{
    if (!field.n || str_starts_with(field, STR(BOM)))
        return true;
    for (size_t i = 0; i < field.n; i++)
        if (field.p[i] == ',' || field.p[i] == '"' || field.p[i] == '\n' || field.p[i] == '\r')
            return true;
    char first = field.p[0], last = field.p[field.n - 1];
    return first == ' ' || first == '\t' || last == ' ' || last == '\t';
}

void csv_append_field(struct buf *out, struct str field, bool *first)
{
    if (!*first)
        buf_append_ch(out, ',');
    *first = false;
    if (!field.p)
        return;
    if (!needs_quotes(field)) {
        buf_append_str(out, field);
        return;
    }
    size_t room = 2 * field.n + 2;
    out->n += csv_write(buf_reserve(out, room), room, field.p, field.n);
    out->p[out->n] = '\0';
}

void csv_end_record(struct buf *out)
{
    buf_append_lit(out, "\r\n");
}
