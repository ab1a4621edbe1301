/* /api/notes: rows of the collection in a form of their own, errors as its clients know them. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"
#include "store/notes.h"

#define NOW      INT64_C(1800000000000)
#define NOW_TEXT "2027-01-15T08:00:00.000Z"

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    return test_app_set_up_user(state);
}

static struct test_reply call(struct test_app *t, enum method method, const char *target,
                              const char *body)
{
    return test_call(
        t, (struct test_call){.method = method, .target = target, .body = body, .token = t->token});
}

static void expect(struct test_reply r, int status, const char *body)
{
    if (r.status != status || !str_eq(r.body, str_from_c(body)))
        fail_msg("expected %d %s, got %d %.*s", status, body, r.status, STR_ARG(r.body));
}

/* Make a note of this JSON text; its id. */
static const char *note(struct test_app *t, const char *text)
{
    struct test_reply r =
        call(t, METHOD_POST, "/api/notes", arena_printf(&t->mem, "{\"text\":%s}", text).p);
    assert_int_equal(r.status, 200);
    return test_string(t, &r, "note.id");
}

static const char *path_of(struct test_app *t, const char *id)
{
    return arena_printf(&t->mem, "/api/notes/%s", id).p;
}

static const char *note_text(struct test_app *t, const char *id, const char *text,
                             const char *updated)
{
    struct test_reply me = call(t, METHOD_GET, "/api/me", NULL);
    return arena_printf(&t->mem,
                        "{\"id\":\"%s\",\"text\":%s,\"userId\":\"%s\",\"created\":\"" NOW_TEXT
                        "\",\"updated\":\"%s\"}",
                        id, text, test_string(t, &me, "user.id"), updated)
        .p;
}

/* The text of all events after `since`, without what differs from run to run. */
static struct str events_since(struct test_app *t, const char *since)
{
    struct test_reply r =
        call(t, METHOD_GET, arena_printf(&t->mem, "/api/changes?since=%s", since).p, NULL);
    return r.body;
}

static const char *here(struct test_app *t)
{
    struct test_reply r = call(t, METHOD_GET, "/api/changes", NULL);
    return test_string(t, &r, "next");
}

static void notes_are_made_changed_and_removed_in_their_own_form(void **state)
{
    struct test_app *t = *state;
    expect(call(t, METHOD_GET, "/api/notes", NULL), 200, "{\"notes\":[]}");
    const char *a = note(t, "\"first \\u00e9\\u0001\"");
    const char *b = note(t, "\"second\"");
    const char *note_a = note_text(t, a, "\"first \\u00e9\\u0001\"", NOW_TEXT);
    const char *note_b = note_text(t, b, "\"second\"", NOW_TEXT);
    expect(call(t, METHOD_GET, "/api/notes", NULL), 200,
           arena_printf(&t->mem, "{\"notes\":[%s,%s]}", note_b, note_a).p);

    clock_set_for_test(NOW + 1000);
    note_a = note_text(t, a, "\"once more\"", "2027-01-15T08:00:01.000Z");
    expect(call(t, METHOD_PUT, path_of(t, a), "{\"text\":\"once more\"}"), 200,
           arena_printf(&t->mem, "{\"note\":%s}", note_a).p);
    expect(call(t, METHOD_DELETE, path_of(t, b), NULL), 200,
           arena_printf(&t->mem, "{\"note\":%s}", note_b).p);
    expect(call(t, METHOD_PATCH, path_of(t, a), "{\"text\":\"once more\"}"), 200,
           arena_printf(&t->mem, "{\"note\":%s}", note_a).p);
    expect(call(t, METHOD_GET, "/api/notes", NULL), 200,
           arena_printf(&t->mem, "{\"notes\":[%s]}", note_a).p);
    expect(call(t, METHOD_GET, "/api/notes/count", NULL), 200, "{\"ok\":true,\"count\":1}");
}

static void errors_are_a_sentence_alone(void **state)
{
    struct test_app *t = *state;
    static const char *const bodies[] = {
        "{\"text\":\"\"}",        "{\"text\":7}", "{\"text\":null}", "{}", "{\"text\":", "[]", "",
        "{\"text\":\"a\\u0000\"}"};
    const char *id = note(t, "\"x\"");
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        expect(call(t, METHOD_POST, "/api/notes", bodies[i]), 400,
               "{\"error\":\"Invalid note text\"}");
        expect(call(t, METHOD_PUT, path_of(t, id), bodies[i]), 400,
               "{\"error\":\"Invalid note text\"}");
    }
    expect(call(t, METHOD_PATCH, "/api/notes/x", "{\"text\":\"y\"}"), 404,
           "{\"error\":\"Note not found\"}");
    expect(call(t, METHOD_DELETE, "/api/notes/x", NULL), 404, "{\"error\":\"Note not found\"}");
    expect(test_call(t, (struct test_call){.target = "/api/notes"}), 401,
           "{\"error\":\"Unauthorized\"}");
    expect(test_call(t, (struct test_call){.target = "/api/notes", .body = "{}"}), 401,
           "{\"error\":\"Unauthorized\"}");
    expect(test_call(t, (struct test_call){.target = "/api/notes",
                                           .body = "x",
                                           .token = t->token,
                                           .body_too_large = true}),
           413, "{\"error\":\"The body is too large\"}");
}

static void a_text_has_up_to_256_ki_characters(void **state)
{
    struct test_app *t = *state;
    size_t n = 256 * 1024;
    char *text = arena_alloc(&t->mem, n + 16);
    memcpy(text, "{\"text\":\"", 9);
    memset(text + 9, 'x', n);
    memcpy(text + 9 + n, "\"}", 3);
    assert_int_equal(call(t, METHOD_POST, "/api/notes", text).status, 200);
    memcpy(text + 9 + n, "x\"}", 4);
    expect(call(t, METHOD_POST, "/api/notes", text), 400, "{\"error\":\"Invalid note text\"}");
}

static void other_members_of_the_body_are_ignored(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        call(t, METHOD_POST, "/api/notes", "{\"id\":\"1\",\"text\":\"t\",\"colour\":\"red\"}");
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(t, &r, "note.text"), "t");
}

static void a_form_makes_a_note_too(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        test_call(t, (struct test_call){
                         .target = "/api/notes",
                         .token = t->token,
                         .body = "text=a+b",
                         .headers = {.content_type = STR("application/x-www-form-urlencoded")},
                     });
    assert_string_equal(test_string(t, &r, "note.text"), "a b");
}

static void each_change_is_the_event_of_the_collections_row(void **state)
{
    struct test_app *t = *state;
    const char *since = here(t);
    const char *id = note(t, "\"x\"");
    struct test_reply put = call(t, METHOD_PUT, path_of(t, id), "{\"text\":\"y\"}");
    struct test_reply gone = call(t, METHOD_DELETE, path_of(t, id), NULL);
    struct str all = events_since(t, since);
    assert_non_null(strstr(all.p, "\"table:notes:create\",\"data\":{\"id\":"));
    assert_non_null(strstr(all.p, "\"table:notes:update\",\"data\":{\"id\":"));
    assert_non_null(strstr(all.p, "\"text\":\"y\",\"createdAt\":\"" NOW_TEXT "\""));
    assert_non_null(strstr(all.p, "\"table:notes:delete\",\"data\":{\"id\":"));
    assert_true(test_header(&put, "X-Event-Id", 0).n > 0);
    assert_true(test_header(&gone, "X-Event-Id", 0).n > 0);
}

static void a_repeated_key_makes_no_second_note(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {.target = "/api/notes",
                          .body = "{\"text\":\"once\"}",
                          .token = t->token,
                          .headers = {.idempotency_key = STR("k1")}};
    struct test_reply first = test_call(t, c), again = test_call(t, c);
    assert_true(str_eq(first.body, again.body));
    assert_true(str_eq(test_header(&again, "Idempotent-Replayed", 0), STR("true")));
    expect(call(t, METHOD_GET, "/api/notes/count", NULL), 200, "{\"ok\":true,\"count\":1}");
}

static void if_match_holds_as_for_rows(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {.method = METHOD_PUT,
                          .target = path_of(t, note(t, "\"x\"")),
                          .body = "{\"text\":\"y\"}",
                          .token = t->token,
                          .headers = {.if_match = STR("\"7\"")}};
    assert_int_equal(test_call(t, c).status, 412);
    c.headers.if_match = STR("\"1\"");
    struct test_reply r = test_call(t, c);
    assert_int_equal(r.status, 200);
    assert_true(str_eq(test_header(&r, "ETag", 0), STR("\"2\"")));
}

static void the_fixed_paths_have_their_methods_only(void **state)
{
    struct test_app *t = *state;
    struct test_reply clear = call(t, METHOD_DELETE, "/api/notes", NULL);
    struct test_reply one = call(t, METHOD_GET, path_of(t, note(t, "\"x\"")), NULL);
    test_expect_error(&clear, 405, "method_not_allowed");
    assert_true(str_eq(test_header(&clear, "Allow", 0), STR("GET, HEAD, POST, OPTIONS")));
    test_expect_error(&one, 405, "method_not_allowed");
    assert_true(str_eq(test_header(&one, "Allow", 0), STR("PUT, PATCH, DELETE, OPTIONS")));
}

static void a_batch_takes_notes(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = call(t, METHOD_POST, "/api/batch",
                               "{\"operations\":[{\"method\":\"POST\",\"path\":\"/api/notes\","
                               "\"body\":{\"text\":\"in a batch\"}}]}");
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body.p, "{\"status\":200,\"body\":{\"note\":{\"id\":\""));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(notes_are_made_changed_and_removed_in_their_own_form),
        TEST(errors_are_a_sentence_alone),
        TEST(a_text_has_up_to_256_ki_characters),
        TEST(other_members_of_the_body_are_ignored),
        TEST(a_form_makes_a_note_too),
        TEST(each_change_is_the_event_of_the_collections_row),
        TEST(a_repeated_key_makes_no_second_note),
        TEST(if_match_holds_as_for_rows),
        TEST(the_fixed_paths_have_their_methods_only),
        TEST(a_batch_takes_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
