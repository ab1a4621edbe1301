/* Server-Sent Events: fields, lines, breaks. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/sse.h"

static void assert_data(const char *data, const char *expected)
{
    struct buf out = BUF_INIT;
    struct sse_event e = {.data = guard_copy(str_from_c(data))};
    sse_append(&out, &e);
    assert_string_equal(expected, out.p);
    buf_release(&out);
}

static void writes_the_fields_that_are_given(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    sse_append(&out, &(struct sse_event){STR("e.1"), STR("kv:set"), STR("{\"a\":1}")});
    sse_append(&out, &(struct sse_event){STR_NULL, STR_NULL, STR("x")});
    sse_append(&out, &(struct sse_event){STR(""), STR(""), STR("")});
    assert_string_equal("id: e.1\nevent: kv:set\ndata: {\"a\":1}\n\n"
                        "data: x\n\n"
                        "id: \nevent: \ndata: \n\n",
                        out.p);
    buf_release(&out);
}

static void gives_each_line_of_data_its_own_field(void **state)
{
    (void)state;
    assert_data("", "data: \n\n");
    assert_data("a\nb", "data: a\ndata: b\n\n");
    assert_data("a\rb", "data: a\ndata: b\n\n");
    assert_data("a\r\nb", "data: a\ndata: b\n\n");
    assert_data("a\n\rb", "data: a\ndata: \ndata: b\n\n");
    assert_data("\n", "data: \ndata: \n\n");
    assert_data("a\r", "data: a\ndata: \n\n");
    assert_data("a\n\nid: 7\r\r\nevent: x",
                "data: a\ndata: \ndata: id: 7\ndata: \ndata: event: x\n\n");
}

static void writes_absent_data_as_empty(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    sse_append(&out, &(struct sse_event){STR_NULL, STR_NULL, STR_NULL});
    assert_string_equal("data: \n\n", out.p);
    buf_release(&out);
}

static void writes_comments_and_retry(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    sse_append_comment(&out, STR("keep"));
    sse_append_comment(&out, STR("a\ndata: b"));
    sse_append_retry(&out, 2500);
    assert_string_equal(": keep\n\n: a\n: data: b\n\nretry: 2500\n", out.p);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_fields_that_are_given),
        cmocka_unit_test(gives_each_line_of_data_its_own_field),
        cmocka_unit_test(writes_absent_data_as_empty),
        cmocka_unit_test(writes_comments_and_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
