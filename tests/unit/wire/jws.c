/* The parts of a signed token, cut and read. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "lib/json_doc.h"
#include "wire/jws.h"

static void three_parts_are_cut_at_their_dots(void **state)
{
    struct jws p;
    (void)state;
    assert_true(jws_split(&p, guard_copy(STR("aa.b.ccc"))));
    assert_str(p.header, "aa");
    assert_str(p.payload, "b");
    assert_str(p.signature, "ccc");
    assert_str(p.signed_text, "aa.b");
    assert_true(jws_split(&p, guard_copy(STR(".."))));
    assert_int_equal(p.header.n + p.payload.n + p.signature.n, 0);
    assert_true(jws_split(&p, guard_copy(STR("a.b.")))); /* alg none has no signature */
    assert_int_equal(p.signature.n, 0);
}

static void fewer_parts_are_none(void **state)
{
    struct jws p;
    (void)state;
    assert_false(jws_split(&p, STR_NULL));
    assert_false(jws_split(&p, guard_copy(STR(""))));
    assert_false(jws_split(&p, guard_copy(STR("abc"))));
    assert_false(jws_split(&p, guard_copy(STR("a.b"))));
}

static void parts_are_json_objects(void **state)
{
    /* {"a":1} · [1] · {"a":1 · 1 · {"a":1,"a":2} */
    static const char *const bad[] = {
        "",          "WzFd", "eyJhIjox", "MQ", "eyJhIjoxLCJhIjoyfQ", "eyJhIjoxfQ==", "eyJhIjoxfQ.",
        "eyJhIjoxfR"};
    struct arena mem = ARENA_INIT;
    struct json doc;
    (void)state;
    assert_true(jws_object(&doc, guard_copy(STR("eyJhIjoxfQ")), &mem));
    assert_false(json_is_absent(json_get(json_root(&doc), STR("a"))));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (jws_object(&doc, guard_copy(str_from_c(bad[i])), &mem))
            fail_msg("%s", bad[i]);
    arena_release(&mem);
}

static void members_are_strings_or_nothing(void **state)
{
    struct arena mem = ARENA_INIT;
    struct json_value o = json_doc(&mem, "{\"s\":\"a\\u0062\",\"n\":1,\"z\":null,\"e\":\"\"}");
    (void)state;
    assert_str(jws_string(o, STR("s"), &mem), "ab");
    assert_non_null(jws_string(o, STR("e"), &mem).p);
    assert_null(jws_string(o, STR("n"), &mem).p);
    assert_null(jws_string(o, STR("z"), &mem).p);
    assert_null(jws_string(o, STR("x"), &mem).p);
    assert_null(jws_string(JSON_ABSENT, STR("s"), &mem).p);
    arena_release(&mem);
}

static void times_are_rounded_up(void **state)
{
    struct arena mem = ARENA_INIT;
    int64_t t = 7;
    struct json_value o =
        json_doc(&mem, "{\"a\":5,\"b\":5.1,\"c\":1e300,\"d\":-1e300,\"e\":\"5\",\"f\":null}");
    (void)state;
    assert_true(jws_time(o, STR("absent"), &t) && t == 7);
    assert_true(jws_time(o, STR("a"), &t) && t == 5);
    assert_true(jws_time(o, STR("b"), &t) && t == 6);
    assert_true(jws_time(o, STR("c"), &t) && t == INT64_MAX);
    assert_true(jws_time(o, STR("d"), &t) && t == INT64_MIN);
    assert_false(jws_time(o, STR("e"), &t));
    assert_false(jws_time(o, STR("f"), &t));
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_parts_are_cut_at_their_dots),
        cmocka_unit_test(fewer_parts_are_none),
        cmocka_unit_test(parts_are_json_objects),
        cmocka_unit_test(members_are_strings_or_nothing),
        cmocka_unit_test(times_are_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
