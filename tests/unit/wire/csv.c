/* CSV: read whole and in pieces, refused with its line, and written so that it reads the same. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/csv.h"

#define LIMITS (&(struct csv_limits){.fields = 8, .bytes = 64})

/* "1[a|b]3[c|-]": the line of each record and its fields; "-" is an empty one without quotes. */
static enum err note(void *arg, const struct str *fields, size_t count, int64_t line)
{
    struct buf *out = arg;
    buf_appendf(out, "%lld[", (long long)line);
    for (size_t i = 0; i < count; i++)
        buf_appendf(out, "%s%.*s", i ? "|" : "", fields[i].p ? (int)fields[i].n : 1,
                    fields[i].p ? fields[i].p : "-");
    buf_append_ch(out, ']');
    return OK;
}

/* What comes of it in pieces of so many bytes; *line of a failure. */
static enum err read_in_pieces(struct str text, size_t piece, struct buf *out, int64_t *line)
{
    struct csv_reader *r = csv_reader_new(LIMITS, note, out);
    enum err e = OK;
    for (size_t at = 0; !e && at < text.n; at += piece) {
        struct str rest = str_from(text, at);
        e = csv_read(r, guard_copy(str_make(rest.p, rest.n < piece ? rest.n : piece)));
    }
    if (!e)
        e = csv_finish(r);
    *line = csv_line(r);
    assert_true((e != OK) == (csv_problem(r) != NULL));
    csv_reader_free(r);
    return e;
}

static void assert_reads_bytes(struct str text, const char *expected)
{
    for (size_t piece = 1; piece <= text.n + 1; piece++) {
        struct buf out = BUF_INIT;
        int64_t line;
        buf_append_lit(&out, "");
        assert_int_equal(OK, read_in_pieces(text, piece, &out, &line));
        assert_string_equal(expected, out.p);
        buf_release(&out);
    }
}

static void assert_reads(const char *text, const char *expected)
{
    assert_reads_bytes(str_from_c(text), expected);
}

static void assert_refused(struct str text, enum err expected, int64_t line)
{
    for (size_t piece = 1; piece <= text.n; piece += text.n - 1) {
        struct buf out = BUF_INIT;
        int64_t at;
        assert_int_equal(expected, read_in_pieces(text, piece, &out, &at));
        assert_int_equal(line, at);
        buf_release(&out);
    }
}

static void reads_records(void **state)
{
    (void)state;
    assert_reads("", "");
    assert_reads("a,b\r\nc,d\r\n", "1[a|b]2[c|d]");
    assert_reads("a,b\nc,d", "1[a|b]2[c|d]");
    assert_reads("a\rb\r", "1[a]2[b]");
    assert_reads("a\r\n\r\n\nb\n", "1[a]4[b]");
    assert_reads(" a , b\t\n", "1[ a | b\t]");
}

static void reads_what_is_quoted(void **state)
{
    (void)state;
    assert_reads("\"a,b\",\"c\"\"d\"\n", "1[a,b|c\"d]");
    assert_reads("\"a\r\nb\n\",c\nd\n", "1[a\r\nb\n|c]4[d]");
    assert_reads("\"\n\",\"\r\"\n", "1[\n|\r]");
}

static void tells_empty_from_nothing(void **state)
{
    (void)state;
    assert_reads("a,,\"\"\n", "1[a|-|]");
    assert_reads(",\n\"\"\n", "1[-|-]2[]");
    assert_reads(",", "1[-|-]");
}

static void passes_over_a_byte_order_mark(void **state)
{
    (void)state;
    assert_reads("\xef\xbb\xbf\"id\",b\n", "1[id|b]");
    assert_reads("\xef\xbb\xbf", "");
    assert_reads("\xef\xbb\x8f,b\n", "1[\xef\xbb\x8f|b]");
    assert_reads("a\n\xef\xbb\xbf"
                 "b\n",
                 "1[a]2[\xef\xbb\xbf"
                 "b]");
}

static void refuses_with_the_line(void **state)
{
    (void)state;
    assert_refused(STR("a\nb\"c\n"), ERR_INVALID, 2);
    assert_refused(STR("a\n\"b\"c\n"), ERR_INVALID, 2);
    assert_refused(STR("a\nb\n\"c\nd\n"), ERR_INVALID, 3);
    assert_refused(STR("a\n1,2,3,4,5,6,7,8,9\n"), ERR_TOO_LARGE, 2);
    assert_refused(STR("a\n0123456789012345678901234567890123456789012345678901234567890123456789"),
                   ERR_TOO_LARGE, 2);
}

static void refuses_what_is_no_text(void **state)
{
    struct buf out = BUF_INIT;
    int64_t line;
    (void)state;
    assert_int_equal(ERR_INVALID, read_in_pieces(STR("a\0b\n"), 9, &out, &line));
    assert_int_equal(ERR_INVALID, read_in_pieces(STR("\xff\n"), 9, &out, &line));
    assert_int_equal(ERR_INVALID, read_in_pieces(STR("a\n\xc3"), 9, &out, &line));
    buf_release(&out);
}

static enum err stop(void *arg, const struct str *fields, size_t count, int64_t line)
{
    (void)fields;
    (void)count;
    (void)line;
    ++*(int *)arg;
    return ERR_CONFLICT;
}

static void ends_where_the_caller_says(void **state)
{
    int calls = 0;
    (void)state;
    struct csv_reader *r = csv_reader_new(LIMITS, stop, &calls);
    assert_int_equal(ERR_CONFLICT, csv_read(r, STR("a\nb\nc\n")));
    assert_int_equal(ERR_CONFLICT, csv_read(r, STR("d\n")));
    assert_int_equal(ERR_CONFLICT, csv_finish(r));
    assert_int_equal(1, calls);
    csv_reader_free(r);
}

static void writes_what_reads_the_same(void **state)
{
    static const struct str fields[] = {{"a", 1},       {NULL, 0},     {"", 0},    {" b ", 3},
                                        {"c,\"d\"", 5}, {"e\r\nf", 4}, {"=1+1", 4}};
    struct buf text = BUF_INIT;
    bool first = true;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        csv_append_field(&text, fields[i], &first);
    csv_end_record(&text);
    assert_string_equal("a,,\"\",\" b \",\"c,\"\"d\"\"\",\"e\r\nf\",=1+1\r\n", text.p);
    assert_reads_bytes(buf_str(&text), "1[a|-|| b |c,\"d\"|e\r\nf|=1+1]");
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_records),
        cmocka_unit_test(reads_what_is_quoted),
        cmocka_unit_test(tells_empty_from_nothing),
        cmocka_unit_test(passes_over_a_byte_order_mark),
        cmocka_unit_test(refuses_with_the_line),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(ends_where_the_caller_says),
        cmocka_unit_test(writes_what_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
