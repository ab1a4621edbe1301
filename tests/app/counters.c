/* Counters: both forms of /rpc, who may, histories, and the page. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/counter.h"
#include "lib/app/app.h"

static struct test_reply call(struct test_app *t, const char *op, const char *body)
{
    const char *target = arena_printf(&t->mem, "/rpc/counter.%s", op).p;
    return test_call(t, (struct test_call){.target = target, .body = body, .token = t->token});
}

static struct test_reply visit(struct test_app *t, const char *target, const char *body)
{
    return test_call(t, (struct test_call){.target = target, .body = body});
}

static void expect(struct test_reply r, const char *body)
{
    if (r.status != 200 || !str_eq(r.body, str_from_c(body)))
        fail_msg("expected %s, got %d %.*s", body, r.status, STR_ARG(r.body));
}

/* The text of a member of an object. */
static struct str raw(struct json_value object, const char *name)
{
    struct json_value v = json_get(object, str_from_c(name));
    return json_is_absent(v) ? STR("(absent)") : json_raw(v);
}

static void expect_raw(struct json_value object, const char *name, const char *text)
{
    if (!str_eq(raw(object, name), str_from_c(text)))
        fail_msg("%s is %.*s, not %s", name, STR_ARG(raw(object, name)), text);
}

static struct json_value root(const struct test_reply *r)
{
    if (r->status != 200 || !r->json.count)
        fail_msg("got %d %.*s", r->status, STR_ARG(r->body));
    return json_root(&r->json);
}

static void expect_counter(struct test_app *t, const char *name, const char *value)
{
    struct str body = arena_printf(&t->mem, "{\"name\":\"%s\"}", name);
    expect(call(t, "getValue", body.p),
           arena_printf(&t->mem, "{\"name\":\"%s\",\"value\":%s}", name, value).p);
}

/* --- values ----------------------------------------------------------------------------------- */

static void a_change_answers_before_after_and_its_history(void **state)
{
    struct test_app *t = *state;
    root((struct test_reply[]){call(t, "increment", "{\"name\":\"a\",\"amount\":41}")});
    struct test_reply r = call(t, "decrement", "{\"name\":\"a\"}");
    struct json_value v = root(&r), meta = json_get(v, STR("metadata"));
    struct json_value history = json_get(v, STR("latestHistory")), newest = json_first(history);
    assert_int_equal(json_count(v), 6);
    expect_raw(v, "name", "\"a\"");
    expect_raw(v, "value", "40");
    expect_raw(v, "previousValue", "41");
    assert_int_equal(json_count(meta), 6);
    expect_raw(meta, "value", "40");
    expect_raw(meta, "operationCount", "2");
    assert_true(str_eq(raw(meta, "updatedAt"), raw(v, "timestamp")));
    assert_int_equal(raw(v, "timestamp").n, CLOCK_ISO_LEN + 2);
    assert_int_equal(json_count(history), 2);
    assert_int_equal(json_count(newest), 5);
    expect_raw(newest, "operation", "\"decrement(1)\"");
    expect_raw(newest, "previousValue", "41");
    expect_raw(newest, "newValue", "40");
    assert_true(str_eq(raw(newest, "timestamp"), raw(v, "timestamp")));
    expect_raw(json_next(history, newest), "operation", "\"increment(41)\"");
    assert_non_null(test_header(&r, "X-Event-Id", 0).p);
}

static void set_and_reset_read_so_in_the_history(void **state)
{
    struct test_app *t = *state;
    root((struct test_reply[]){call(t, "setValue", "{\"name\":\"a\",\"value\":-7.0}")});
    root((struct test_reply[]){call(t, "reset", "{\"name\":\"a\"}")});
    struct test_reply r = call(t, "getHistory", "{\"name\":\"a\",\"limit\":2}");
    struct json_value newest = json_first(root(&r));
    expect_raw(newest, "operation", "\"reset()\"");
    expect_raw(newest, "previousValue", "-7");
    expect_raw(newest, "newValue", "0");
    expect_raw(json_next(root(&r), newest), "operation", "\"setValue(-7)\"");
}

static void values_have_64_bits_exactly_and_never_wrap(void **state)
{
    struct test_app *t = *state;
    root((struct test_reply[]){
        call(t, "setValue", "{\"name\":\"a\",\"value\":9223372036854775806}")});
    root((struct test_reply[]){call(t, "increment", "{\"name\":\"a\"}")});
    expect_counter(t, "a", "9223372036854775807");
    struct test_reply r = call(t, "increment", "{\"name\":\"a\"}");
    test_expect_error(&r, 400, "invalid");
    expect_counter(t, "a", "9223372036854775807");
    root((struct test_reply[]){
        call(t, "setValue", "{\"name\":\"a\",\"value\":-9223372036854775808}")});
    r = call(t, "decrement", "{\"name\":\"a\"}");
    test_expect_error(&r, 400, "invalid");
    expect_counter(t, "a", "-9223372036854775808");
    r = call(t, "getMetadata", "{\"name\":\"a\"}");
    expect_raw(root(&r), "operationCount", "3");
}

static void what_is_no_name_amount_value_or_limit_is_400(void **state)
{
    struct test_app *t = *state;
    static const struct {
        const char *op, *body;
    } bad[] = {
        {"increment", "{}"},
        {"increment", "{\"name\":\"\"}"},
        {"increment", "{\"name\":\"a b\"}"},
        {"increment", "{\"name\":\"\\u00e9\"}"},
        {"increment", "{\"name\":7}"},
        {"increment", "{\"name\":\"a\",\"amount\":0}"},
        {"increment", "{\"name\":\"a\",\"amount\":-1}"},
        {"increment", "{\"name\":\"a\",\"amount\":1.5}"},
        {"increment", "{\"name\":\"a\",\"amount\":\"1\"}"},
        {"increment", "{\"name\":\"a\",\"amount\":null}"},
        {"increment", "{\"name\":\"a\",\"amount\":9223372036854775808}"},
        {"setValue", "{\"name\":\"a\"}"},
        {"setValue", "{\"name\":\"a\",\"value\":\"7\"}"},
        {"setValue", "{\"name\":\"a\",\"value\":1e30}"},
        {"getHistory", "{\"name\":\"global-counter\",\"limit\":0}"},
        {"getHistory", "{\"name\":\"global-counter\",\"limit\":101}"},
        {"getHistory", "{\"name\":\"global-counter\",\"limit\":\"5\"}"},
        {"getValue", "{\"name\":\"a/b\"}"},
        {"create", "{\"name\":\"a.b\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = call(t, bad[i].op, bad[i].body);
        test_expect_error(&r, 400, "invalid");
    }
    char name[102];
    memset(name, 'x', 101);
    name[101] = '\0';
    struct test_reply r = call(t, "increment", arena_printf(&t->mem, "{\"name\":\"%s\"}", name).p);
    test_expect_error(&r, 400, "invalid");
    root((struct test_reply[]){
        call(t, "increment", arena_printf(&t->mem, "{\"name\":\"%s\"}", name + 1).p)});
}

/* --- counters --------------------------------------------------------------------------------- */

static void unknown_counters_are_404_but_for_their_value(void **state)
{
    struct test_app *t = *state;
    expect_counter(t, "none", "0");
    static const char *const ops[] = {"getMetadata", "getHistory", "delete"};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct test_reply r = call(t, ops[i], "{\"name\":\"none\"}");
        test_expect_error(&r, 404, "COUNTER_NOT_FOUND");
    }
    t->conf.counters_auto_create = false;
    struct test_reply r = call(t, "increment", "{\"name\":\"none\"}");
    test_expect_error(&r, 404, "COUNTER_NOT_FOUND");
    expect(call(t, "create", "{\"name\":\"none\"}"), "{\"success\":true,\"name\":\"none\"}");
    root((struct test_reply[]){call(t, "increment", "{\"name\":\"none\"}")});
}

static void counters_are_made_listed_and_removed(void **state)
{
    struct test_app *t = *state;
    expect(call(t, "create", "{\"name\":\"b\"}"), "{\"success\":true,\"name\":\"b\"}");
    struct test_reply r = call(t, "create", "{\"name\":\"b\"}");
    test_expect_error(&r, 409, "conflict");
    expect(call(t, "getHistory", "{\"name\":\"b\"}"), "[]");
    r = call(t, "listAll", "{}");
    expect_raw(root(&r), "count", "2");
    expect_raw(json_first(json_get(root(&r), STR("counters"))), "name", "\"b\"");
    expect(call(t, "delete", "{\"name\":\"b\"}"), "{\"success\":true,\"name\":\"b\"}");
    r = call(t, "listAll", NULL);
    assert_int_equal(r.status, 405); /* without a body it is a GET here */
    r = test_call(t, (struct test_call){.method = METHOD_POST,
                                        .target = "/rpc/counter.listAll",
                                        .token = t->token});
    expect_raw(root(&r), "count", "1");
}

static void a_counter_made_again_begins_again_with_newer_ids(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = call(t, "increment", "{\"name\":\"a\"}");
    struct str first = raw(json_first(json_get(root(&r), STR("latestHistory"))), "id");
    root((struct test_reply[]){call(t, "delete", "{\"name\":\"a\"}")});
    r = call(t, "increment", "{\"name\":\"a\"}");
    struct json_value history = json_get(root(&r), STR("latestHistory"));
    int64_t before, after;
    assert_int_equal(json_count(history), 1);
    assert_true(str_to_i64(first, 0, INT64_MAX, &before));
    assert_true(str_to_i64(raw(json_first(history), "id"), 0, INT64_MAX, &after));
    assert_true(after > before);
}

static void the_global_counter_always_exists(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = call(t, "getMetadata", "{\"name\":\"global-counter\"}");
    expect_raw(root(&r), "value", "0");
    r = call(t, "delete", "{\"name\":\"global-counter\"}");
    test_expect_error(&r, 403, "forbidden");
    r = call(t, "create", "{\"name\":\"global-counter\"}");
    test_expect_error(&r, 409, "conflict");
}

static void there_is_a_bound_to_their_number(void **state)
{
    struct test_app *t = *state;
    t->conf.counters_max = 2;
    root((struct test_reply[]){call(t, "increment", "{\"name\":\"a\"}")});
    struct test_reply r = call(t, "increment", "{\"name\":\"b\"}");
    test_expect_error(&r, 507, "quota_exceeded");
    r = call(t, "create", "{\"name\":\"b\"}");
    test_expect_error(&r, 507, "quota_exceeded");
    root((struct test_reply[]){call(t, "increment", "{\"name\":\"a\"}")});
}

static void histories_stay_readable_and_short(void **state)
{
    struct test_app *t = *state;
    for (int i = 0; i < 300; i++)
        root((struct test_reply[]){call(t, "increment", "{\"name\":\"a\"}")});
    struct test_reply r = call(t, "getHistory", "{\"name\":\"a\",\"limit\":100}");
    int64_t last = INT64_MAX, id;
    int expected = 300;
    struct json_value list = root(&r), v;
    assert_int_equal(json_count(list), 100);
    for (v = json_first(list); !json_is_absent(v); v = json_next(list, v), expected--) {
        assert_true(str_to_i64(raw(v, "id"), 1, last - 1, &id));
        last = id;
        expect_raw(v, "newValue", arena_printf(&t->mem, "%d", expected).p);
    }
    r = call(t, "getHistory", "{\"name\":\"a\"}");
    assert_int_equal(json_count(root(&r)), 50);
}

/* --- forms of the call ------------------------------------------------------------------------ */

static void the_other_form_wraps_input_and_output(void **state)
{
    struct test_app *t = *state;
    t->conf.counters_public = t->conf.counters_public_write = true;
    struct test_reply r =
        visit(t, "/rpc/counter/increment", "{\"json\":{\"name\":\"a\",\"amount\":3}}");
    struct json_value v = json_get(root(&r), STR("json"));
    assert_int_equal(json_count(root(&r)), 1);
    expect_raw(v, "value", "3");
    expect(visit(t, "/rpc/counter/getValue", "{\"json\":{\"name\":\"a\"},\"meta\":[]}"),
           "{\"json\":{\"name\":\"a\",\"value\":3}}");
    r = visit(t, "/rpc/counter/getHistory", "{\"json\":{\"name\":\"a\"}}");
    assert_int_equal(json_count(json_get(root(&r), STR("json"))), 1);
    r = visit(t, "/rpc/counter/listAll", "{}");
    expect_raw(json_get(root(&r), STR("json")), "count", "2");
    r = visit(t, "/rpc/counter/increment", "{\"name\":\"a\"}");
    test_expect_error(&r, 400, "invalid");
    r = visit(t, "/rpc/counter/increment", "{\"json\":[\"a\"]}");
    test_expect_error(&r, 400, "invalid");
}

static void other_operations_are_404(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = visit(t, "/rpc/counter.destroy", "{}");
    test_expect_error(&r, 404, "not_found");
    r = visit(t, "/rpc/counter/destroy", "{\"json\":{}}");
    test_expect_error(&r, 404, "not_found");
    r = visit(t, "/rpc/other.increment", "{}");
    test_expect_error(&r, 404, "not_found");
    r = visit(t, "/rpc/counter.increment", NULL);
    test_expect_error(&r, 405, "method_not_allowed");
}

/* --- who may ---------------------------------------------------------------------------------- */

static void visitors_read_and_write_where_the_settings_say_so(void **state)
{
    struct test_app *t = *state;
    static const char *const reads[] = {"getValue", "getMetadata", "getHistory", "listAll"};
    static const char *const writes[] = {"increment", "decrement", "reset", "create", "delete"};
    for (int open = 0; open < 4; open++) {
        t->conf.counters_public = open & 1;
        t->conf.counters_public_write = open & 2;
        for (size_t i = 0; i < ARRAY_LEN(reads); i++)
            assert_int_equal(visit(t, arena_printf(&t->mem, "/rpc/counter.%s", reads[i]).p,
                                   "{\"name\":\"global-counter\"}")
                                 .status,
                             open & 1 ? 200 : 401);
        for (size_t i = 0; i < ARRAY_LEN(writes); i++)
            assert_int_equal(visit(t, arena_printf(&t->mem, "/rpc/counter.%s", writes[i]).p,
                                   i < 3 ? "{\"name\":\"a\"}" : "{\"name\":\"b\"}")
                                 .status,
                             open & 2 ? 200 : 401);
        assert_int_equal(visit(t, "/counter", NULL).status, open & 1 ? 200 : 401);
        assert_int_equal(visit(t, "/api/counter/increment", "").status, open & 2 ? 200 : 401);
    }
}

static void ended_sessions_are_visitors(void **state)
{
    struct test_app *t = *state;
    assert_int_equal(call(t, "getValue", "{\"name\":\"a\"}").status, 200);
    test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/logout", .token = t->token});
    struct test_reply r = call(t, "increment", "{\"name\":\"a\"}");
    test_expect_error(&r, 401, "unauthorized");
    t->conf.counters_public_write = true;
    root((struct test_reply[]){call(t, "increment", "{\"name\":\"a\"}")});
}

static void a_cookie_from_another_site_changes_nothing(void **state)
{
    struct test_app *t = *state;
    t->conf.counters_public = t->conf.counters_public_write = true;
    struct test_call c = {
        .target = "/api/counter/increment",
        .body = "",
        .cookie = arena_printf(&t->mem, "token=%s", t->token).p,
        .headers = {.origin = STR("https://elsewhere.example")},
    };
    struct test_reply r = test_call(t, c);
    test_expect_error(&r, 403, "cross_site");
    c.headers.origin = STR("http://cubby.test");
    assert_int_equal(test_call(t, c).status, 200);
    expect_counter(t, "global-counter", "1");
}

static struct test_reply keyed(struct test_app *t, const char *token, const char *from)
{
    return test_call(t, (struct test_call){.target = "/rpc/counter.increment",
                                           .body = "{\"name\":\"a\"}",
                                           .token = token,
                                           .from = from,
                                           .headers = {.idempotency_key = STR("k 1")}});
}

static void an_idempotency_key_is_its_users_or_visitors_own(void **state)
{
    struct test_app *t = *state;
    const char *other = test_sign_up(t, "other@example.org");
    t->conf.counters_public_write = true;
    struct test_reply first = keyed(t, t->token, NULL), again = keyed(t, t->token, NULL);
    assert_true(str_eq(first.body, again.body));
    assert_true(str_eq(test_header(&first, "X-Event-Id", 0), test_header(&again, "X-Event-Id", 0)));
    assert_true(str_eq(test_header(&again, "Idempotent-Replayed", 0), STR("true")));
    expect_counter(t, "a", "1");
    keyed(t, other, NULL);
    expect_counter(t, "a", "2");
    keyed(t, NULL, "192.0.2.7");
    expect_counter(t, "a", "3");
    keyed(t, NULL, "192.0.2.8");
    keyed(t, NULL, "192.0.2.7");
    expect_counter(t, "a", "4");
}

/* --- events and the page ---------------------------------------------------------------------- */

/* The log of the counters' space, a line each. */
struct log {
    struct arena *mem;
    struct str text;
    size_t count;
};

static enum err keep_event(void *arg, const struct event *e)
{
    struct log *l = arg;
    l->text = arena_printf(l->mem, "%.*s%.*s %.*s\n", STR_ARG(l->text), STR_ARG(e->name),
                           STR_ARG(e->data));
    l->count++;
    return OK;
}

static struct log read_log(struct test_app *t)
{
    struct log l = {.mem = &t->mem};
    struct space *sp;
    assert_int_equal(counter_space(t->app.store, &sp), OK);
    assert_int_equal(space_begin_read(sp), OK);
    assert_int_equal(event_read(sp, 0, 1000, 1000000, keep_event, &l), OK);
    space_release(sp);
    return l;
}

static void each_change_is_one_event_with_the_message_of_streams(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = call(t, "increment", "{\"name\":\"a\",\"amount\":5}");
    struct log l = read_log(t);
    struct str expected =
        arena_printf(&t->mem,
                     "counter:increment:a {\"type\":\"increment\",\"value\":5,\"previousValue\":0,"
                     "\"metadata\":%.*s,\"timestamp\":%.*s}\n",
                     STR_ARG(raw(root(&r), "metadata")), STR_ARG(raw(root(&r), "timestamp")));
    assert_string_equal(l.text.p, expected.p);
    root((struct test_reply[]){call(t, "create", "{\"name\":\"b\"}")});
    root((struct test_reply[]){call(t, "delete", "{\"name\":\"b\"}")});
    l = read_log(t);
    assert_int_equal(l.count, 3);
    assert_true(str_ends_with(l.text, STR("counter:create:b {\"name\":\"b\"}\n"
                                          "counter:delete:b {\"name\":\"b\"}\n")));
}

static void a_failed_change_leaves_no_event(void **state)
{
    struct test_app *t = *state;
    call(t, "increment", "{\"name\":\"a\",\"amount\":9223372036854775807}");
    call(t, "increment", "{\"name\":\"a\"}");
    call(t, "create", "{\"name\":\"a\"}");
    assert_int_equal(read_log(t).count, 1);
}

/* The fragment that a render carries, as HTML. */
static struct str rendered(struct test_app *t)
{
    struct buf b = BUF_INIT;
    struct counter c;
    struct space *sp;
    assert_int_equal(counter_space(t->app.store, &sp), OK);
    assert_int_equal(space_begin_read(sp), OK);
    assert_int_equal(counters_get(sp, COUNTER_GLOBAL, &t->mem, &c), OK);
    space_release(sp);
    counter_append_html(&b, &c);
    struct str html = arena_dup(&t->mem, buf_str(&b));
    buf_release(&b);
    return html;
}

static void the_page_shows_the_fragment_that_its_renders_carry(void **state)
{
    struct test_app *t = *state;
    struct test_call press = {.target = "/api/counter/increment", .body = "ignored"};
    press.token = t->token;
    press.headers.content_type = STR("text/plain");
    struct test_reply r = test_call(t, press);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.n, 0);
    assert_non_null(test_header(&r, "X-Event-Id", 0).p);
    struct log l = read_log(t);
    assert_int_equal(l.count, 2);
    struct buf line = BUF_INIT;
    buf_append_lit(&line, "\nrender {\"key\":\"/counter\",\"html\":");
    json_append_string(&line, rendered(t));
    buf_append_lit(&line, "}\n");
    assert_true(str_ends_with(l.text, buf_str(&line)));
    buf_release(&line);
    r = test_call(t, (struct test_call){.target = "/counter", .token = t->token});
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body.p, rendered(t).p));
    assert_non_null(strstr(r.body.p, ">1</output>"));
    assert_non_null(test_header(&r, "Content-Security-Policy", 0).p);
}

static void the_page_knows_its_base_path(void **state)
{
    struct test_app *t = *state;
    t->conf.base_path = STR("/cubby");
    struct test_reply r = test_call(t, (struct test_call){.target = "/counter", .token = t->token});
    assert_non_null(strstr(r.body.p, "src=\"/cubby/js/live.js\""));
    assert_non_null(strstr(r.body.p, "action=\"/cubby/api/counter/increment\""));
    assert_non_null(strstr(r.body.p, "data-live-key=\"/counter\""));
}

static void buttons_know_no_other_method(void **state)
{
    static const enum method methods[] = {METHOD_GET, METHOD_PUT, METHOD_DELETE, METHOD_PATCH};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct test_reply r = test_call(
            *state, (struct test_call){.method = methods[i], .target = "/api/counter/decrement"});
        test_expect_error(&r, 405, "method_not_allowed");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_app_set_up_user, test_app_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_answers_before_after_and_its_history),
        TEST(set_and_reset_read_so_in_the_history),
        TEST(values_have_64_bits_exactly_and_never_wrap),
        TEST(what_is_no_name_amount_value_or_limit_is_400),
        TEST(unknown_counters_are_404_but_for_their_value),
        TEST(counters_are_made_listed_and_removed),
        TEST(a_counter_made_again_begins_again_with_newer_ids),
        TEST(the_global_counter_always_exists),
        TEST(there_is_a_bound_to_their_number),
        TEST(histories_stay_readable_and_short),
        TEST(the_other_form_wraps_input_and_output),
        TEST(other_operations_are_404),
        TEST(visitors_read_and_write_where_the_settings_say_so),
        TEST(ended_sessions_are_visitors),
        TEST(a_cookie_from_another_site_changes_nothing),
        TEST(an_idempotency_key_is_its_users_or_visitors_own),
        TEST(each_change_is_one_event_with_the_message_of_streams),
        TEST(a_failed_change_leaves_no_event),
        TEST(the_page_shows_the_fragment_that_its_renders_carry),
        TEST(the_page_knows_its_base_path),
        TEST(buttons_know_no_other_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
