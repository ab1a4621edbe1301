/* Deflate by the message: what goes in comes out, in any pieces, and nothing else does. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/deflate.h"

/* Inflate in pieces of that many bytes, with that much room each time; at most 4 MiB. */
static enum err inflate_all(struct str in, size_t piece, size_t room, struct buf *out)
{
    struct inflater *z = inflater_new();
    enum err e = OK;
    buf_reset(out);
    while (in.n > 0 && e == OK) {
        struct str part = str_make(in.p, in.n < piece ? in.n : piece);
        in = str_from(in, part.n);
        if (part.n <= GUARD_MAX)
            part = guard_copy(part);
        while ((e = inflater_append(z, &part, out, room)) == ERR_MORE)
            assert_true(out->n < (4 << 20));
        assert_true(e != OK || part.n == 0);
    }
    if (e == OK)
        while ((e = inflater_finish(z, out, room)) == ERR_MORE)
            assert_true(out->n < (4 << 20));
    inflater_free(z);
    return e;
}

static const size_t sizes[] = {SIZE_MAX / 2, 1, 2, 3, 7, 100, 4096};

static void assert_inflates(struct str in, const char *expected)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (size_t k = 1; k < ARRAY_LEN(sizes); k++) {
            assert_int_equal(inflate_all(in, sizes[i], sizes[k], &out), OK);
            assert_string_equal(out.p ? out.p : "", expected);
        }
    buf_release(&out);
}

static void assert_refused(struct str in, const char *before)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (size_t k = 1; k < ARRAY_LEN(sizes); k++) {
            assert_int_equal(inflate_all(in, sizes[i], sizes[k], &out), ERR_INVALID);
            assert_string_equal(out.p ? out.p : "", before);
        }
    buf_release(&out);
}

static void fill(struct buf *b, size_t n)
{
    static const char *const words[] = {"{\"id\":", "\"title\":\"", "Lorem ", "ipsum\",", "17000"};
    unsigned random = 1;
    while (b->n < n) {
        random = random * 1103515245 + 12345;
        buf_appendf(b, "%s%u", words[random / 65536 % 5], random / 65536 % 1000);
    }
    b->n = n;
}

static void what_was_compressed_comes_out_again(void **state)
{
    (void)state;
    static const size_t lengths[] = {64, 125, 126, 200, 4096, 32767, 32768, 65535, 65536, 1 << 20};
    struct deflater *d = deflater_new();
    struct buf data = BUF_INIT, packed = BUF_INIT, out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        buf_reset(&data);
        fill(&data, lengths[i]);
        buf_reset(&packed);
        buf_append_lit(&packed, "before");
        assert_true(deflater_append(d, &packed, buf_str(&data)));
        assert_true(str_starts_with(buf_str(&packed), STR("before")));
        assert_true(packed.n - 6 < data.n);
        struct str bytes = str_from(buf_str(&packed), 6);
        assert_int_equal(inflate_all(bytes, SIZE_MAX / 2, 4096, &out), OK);
        assert_true(str_eq(buf_str(&out), buf_str(&data)));
        assert_int_equal(inflate_all(bytes, 1, 4096, &out), OK);
        assert_true(str_eq(buf_str(&out), buf_str(&data)));
    }
    deflater_free(d);
    buf_release(&data);
    buf_release(&packed);
    buf_release(&out);
}

/* No message leans on the one before it. */
static void the_same_message_gives_the_same_bytes(void **state)
{
    (void)state;
    struct deflater *d = deflater_new();
    struct buf data = BUF_INIT, first = BUF_INIT, again = BUF_INIT;
    fill(&data, 3000);
    assert_true(deflater_append(d, &first, buf_str(&data)));
    assert_true(deflater_append(d, &again, buf_str(&data)));
    assert_true(str_eq(buf_str(&first), buf_str(&again)));
    deflater_free(d);
    buf_release(&data);
    buf_release(&first);
    buf_release(&again);
}

static void what_does_not_get_shorter_is_left_alone(void **state)
{
    (void)state;
    struct deflater *d = deflater_new();
    struct buf data = BUF_INIT, out = BUF_INIT;
    unsigned random = 1;
    while (data.n < 100000) {
        random = random * 1103515245 + 12345;
        buf_append_ch(&data, (char)(random >> 23));
    }
    buf_append_lit(&out, "before");
    for (size_t n = 0; n < 300; n++)
        assert_false(deflater_append(d, &out, str_make(data.p, n)));
    assert_false(deflater_append(d, &out, buf_str(&data)));
    assert_true(str_eq(buf_str(&out), STR("before")));
    /* One that gets shorter by a single byte is taken; all lengths around that are right. */
    for (size_t n = 1; n < 100; n++) {
        struct buf text = BUF_INIT, packed = BUF_INIT, back = BUF_INIT;
        buf_append_str(&text, str_make(data.p, 60));
        for (size_t i = 0; i < n; i++)
            buf_append_ch(&text, 'a');
        if (deflater_append(d, &packed, buf_str(&text))) {
            assert_true(packed.n < text.n);
            assert_int_equal(inflate_all(buf_str(&packed), 1, 10, &back), OK);
            assert_true(str_eq(buf_str(&back), buf_str(&text)));
        } else {
            assert_true(n < 20);
        }
        buf_release(&text);
        buf_release(&packed);
        buf_release(&back);
    }
    deflater_free(d);
    buf_release(&data);
    buf_release(&out);
}

/* RFC 7692 7.2.3 */
static void the_examples_of_rfc_7692_are_read(void **state)
{
    (void)state;
    assert_inflates(STR("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello");
    assert_inflates(STR("\x00\x05\x00\xfa\xffHello\x00"), "Hello");    /* not compressed */
    assert_inflates(STR("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello"); /* a final block */
    assert_inflates(STR("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello");
}

static void nothing_is_an_empty_message(void **state)
{
    (void)state;
    assert_inflates(STR("\x00"), "");
    assert_inflates(STR(""), "");
    assert_inflates(STR("\x02\x00"), ""); /* an empty block of fixed codes */
    assert_inflates(STR("\x03\x00"), ""); /* the same, final */
}

static void final_blocks_may_come_anywhere(void **state)
{
    (void)state;
    assert_inflates(STR("\xf3\x48\xcd\xc9\xc9\x07\x00"), "Hello"); /* without the zero after it */
    assert_inflates(STR("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"), "HelloHello");
    assert_inflates(STR("\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
                    "HelloHello");
    assert_inflates(STR("\x01\x05\x00\xfa\xffHello\x01\x01\x00\xfe\xff!"), "Hello!");
    assert_inflates(STR("\x03\x00\x03\x00\x03\x00\x03\x00"), "");
}

static void what_is_not_deflate_is_refused(void **state)
{
    (void)state;
    assert_refused(STR("\xff"), "");                      /* block type 3 */
    assert_refused(STR("\x06"), "");                      /* the same */
    assert_refused(STR("\x00\x05\x00\xfa\xfeHello"), ""); /* length and complement differ */
    assert_refused(STR("\xf2\x48\xcd\xc9\xc9\x07\x06"), "Hello");
    /* Looks back before its beginning: at the message before it, in RFC 7692 7.2.3.2. */
    assert_refused(STR("\xf2\x00\x11\x00\x00"), "H");
    assert_refused(STR("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), "HelloH");
}

static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct str whole = STR("\xf2\x48\xcd\xc9\xc9\x07\x00");
    /* Cut by one byte it lacks only the empty block that begins in its last bits. */
    for (size_t n = 1; n + 1 < whole.n; n++)
        assert_int_equal(inflate_all(str_make(whole.p, n), SIZE_MAX / 2, 100, &out), ERR_INVALID);
    assert_int_equal(inflate_all(STR("\x00\x05\x00\xfa\xffHell"), 3, 100, &out), ERR_INVALID);
    assert_int_equal(inflate_all(STR("\x00\x05"), 3, 100, &out), ERR_INVALID);
    buf_release(&out);
}

/* 4 MiB of zeros in 4 KiB: only as much comes out as there is room for. */
static void no_more_comes_out_than_there_is_room_for(void **state)
{
    (void)state;
    struct deflater *d = deflater_new();
    struct inflater *z = inflater_new();
    struct buf data = BUF_INIT, packed = BUF_INIT, out = BUF_INIT;
    memset(buf_reserve(&data, 4 << 20), 0, 4 << 20);
    data.n = 4 << 20;
    assert_true(deflater_append(d, &packed, buf_str(&data)));
    assert_true(packed.n < 32768);
    struct str in = buf_str(&packed);
    for (size_t n = 100; n <= 1000; n += 100) {
        assert_int_equal(inflater_append(z, &in, &out, 100), ERR_MORE);
        assert_int_equal(out.n, n);
    }
    inflater_free(z);
    deflater_free(d);
    buf_release(&data);
    buf_release(&packed);
    buf_release(&out);
}

static void nothing_to_free_is_fine(void **state)
{
    (void)state;
    inflater_free(NULL);
    deflater_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_compressed_comes_out_again),
        cmocka_unit_test(the_same_message_gives_the_same_bytes),
        cmocka_unit_test(what_does_not_get_shorter_is_left_alone),
        cmocka_unit_test(the_examples_of_rfc_7692_are_read),
        cmocka_unit_test(nothing_is_an_empty_message),
        cmocka_unit_test(final_blocks_may_come_anywhere),
        cmocka_unit_test(what_is_not_deflate_is_refused),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(no_more_comes_out_than_there_is_room_for),
        cmocka_unit_test(nothing_to_free_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
