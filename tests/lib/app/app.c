/* The application in process. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "dispatch.h"
#include "lib/app/app.h"
#include "lookout.h"
#include "metrics.h"
#include "store/accounts.h"
#include "store/mailbox.h"

static const char secret[] = "CUBBY_JWT_SECRET=a secret of tests, thirty-two bytes";

static void open_app(struct test_app *t)
{
    char *env[] = {(char *)secret, NULL};
    struct str message = STR_NULL;
    *t = (struct test_app){.mem = ARENA_INIT};
    if (conf_load(&t->conf, NULL, env, &t->mem, &message) ||
        collections_load(&t->collections, "fcgi-app/collections", &t->mem, &message))
        fail_msg("%.*s", STR_ARG(message));
    static const struct mailbox mailbox = {.per_address = 0};
    struct store_options o = test_store_options();
    o.mail = &mailbox;
    o.tables = collections_tables(&t->collections, &o.table_count);
    test_store_open(&t->store, o);
    t->conf.data_dir = str_from_c(t->store.dir);
    t->app = (struct app){
        .conf = &t->conf,
        .store = t->store.store,
        .collections = &t->collections,
        .passwords = password_pool_new(1, 4),
        .wake = wake_new(),
        .metrics = metrics_new(),
        .lookout = lookout_new(),
    };
    who_keys_init(&t->app.keys, &t->conf);
    if (oidc_open(&t->app.oidc, NULL, &(struct fetch_options){.timeout_ms = 1}, &t->mem, &message))
        fail_msg("%.*s", STR_ARG(message));
}

int test_app_set_up(void **state)
{
    static struct test_app app;
    open_app(&app);
    *state = &app;
    return 0;
}

int test_app_set_up_user(void **state)
{
    test_app_set_up(state);
    struct test_app *t = *state;
    t->token = test_sign_up(t, "a@example.org");
    return 0;
}

int test_app_tear_down(void **state)
{
    struct test_app *t = *state;
    password_pool_free(t->app.passwords);
    oidc_close(t->app.oidc);
    wake_free(t->app.wake);
    metrics_free(t->app.metrics);
    lookout_free(t->app.lookout);
    test_store_close(&t->store);
    collections_release(&t->collections);
    arena_release(&t->mem);
    clock_set_for_test(-1);
    return 0;
}

static struct req request_of(struct test_app *t, const struct test_call *c, struct arena *mem)
{
    struct str target = str_from_c(c->target);
    size_t mark = str_find(target, '?');
    struct req r = {
        .app = &t->app,
        .mem = mem,
        .method = c->method ? c->method
                  : c->body ? METHOD_POST
                            : METHOD_GET,
        .path = str_make(target.p, mark),
        .query = mark < target.n ? str_from(target, mark + 1) : STR_NULL,
        .headers = c->headers,
        .body = str_from_c(c->body),
        .body_too_large = c->body_too_large,
        .body_broken = c->body_broken,
        .local_metrics = c->local_metrics,
        .may_wait = c->may_wait,
        .remote_addr = str_from_c(c->from ? c->from : "192.0.2.1"),
    };
    r.peer_addr = r.remote_addr;
    if (!r.headers.host.p)
        r.headers.host = STR("cubby.test");
    if (c->body && !r.headers.content_type.p)
        r.headers.content_type = STR("application/json");
    if (c->token)
        r.headers.authorization = arena_printf(mem, "Bearer %s", c->token);
    if (c->cookie)
        r.headers.cookie = str_from_c(c->cookie);
    return r;
}

/* The body, as fcgi.c would send it. */
static void take_parts(struct req *r, struct buf *out)
{
    bool more = r->next_part != NULL && r->method != METHOD_HEAD;
    buf_append_str(out, buf_str(&r->body_out));
    while (more) {
        buf_reset(&r->body_out);
        assert_int_equal(r->next_part(r, &more), OK);
        buf_append_str(out, buf_str(&r->body_out));
    }
}

struct test_reply test_call(struct test_app *t, struct test_call c)
{
    struct arena mem = ARENA_INIT;
    struct req r = request_of(t, &c, &mem);
    dispatch(&r);
    struct buf parts = BUF_INIT;
    take_parts(&r, &parts);
    struct test_reply reply = {
        .status = r.status ? r.status : 200,
        .head = arena_dup(&t->mem, buf_str(&r.head)),
        .body = arena_dup(&t->mem, buf_str(&parts)),
    };
    buf_release(&parts);
    if (r.after)
        r.after(&r);
    if (json_parse(&reply.json, reply.body, JSON_WITH_NUL, &t->mem))
        reply.json = (struct json){.count = 0};
    buf_release(&r.head);
    buf_release(&r.body_out);
    arena_release(&mem);
    return reply;
}

const char *test_mailed(struct test_app *t, const char *to, const char *template, const char *field)
{
    struct mail_claim mail;
    const char *found = NULL;
    while (mailbox_claim(t->store.store, clock_wall_ms(), 60000, &t->mem, &mail) == OK) {
        struct test_reply fields = {.body = mail.fields};
        assert_int_equal(json_parse(&fields.json, mail.fields, JSON_STRICT, &t->mem), OK);
        if (str_eq(mail.to, str_from_c(to)) && str_eq(mail.template, str_from_c(template)))
            found = field ? test_string(t, &fields, field) : "";
        assert_int_equal(mailbox_remove(t->store.store, &mail), OK);
    }
    return found;
}

void test_verify(struct test_app *t, const char *email)
{
    struct account a;
    struct space *main;
    assert_int_equal(accounts_by_email(t->store.store, str_from_c(email), &t->mem, &a), OK);
    assert_int_equal(space_acquire(t->store.store, SPACE_MAIN, STR_NULL, &main), OK);
    assert_int_equal(space_begin_write(main), OK);
    assert_int_equal(accounts_set_email_within(main, a.id, a.email), OK);
    assert_int_equal(space_commit(main), OK);
    space_release(main);
}

const char *test_mailed_token(struct test_app *t, const char *to, const char *template)
{
    struct mail_claim mail;
    const char *found = NULL;
    while (mailbox_claim(t->store.store, clock_wall_ms(), 60000, &t->mem, &mail) == OK) {
        if (str_eq(mail.to, str_from_c(to)) && str_eq(mail.template, str_from_c(template))) {
            struct str token = str_from(mail.fields, str_find(mail.fields, '#') + 1);
            found = arena_dup(&t->mem, str_make(token.p, str_find(token, '"'))).p;
        }
        assert_int_equal(mailbox_remove(t->store.store, &mail), OK);
    }
    return found;
}

struct str test_header(const struct test_reply *r, const char *name, int nth)
{
    struct str lines = r->head, line;
    while (str_next(&lines, '\n', &line)) {
        size_t colon = str_find(line, ':');
        if (str_eq_nocase(str_make(line.p, colon), str_from_c(name)) && nth-- == 0)
            return str_trim(str_from(line, colon + 1));
    }
    return STR_NULL;
}

const char *test_string(struct test_app *t, const struct test_reply *r, const char *path)
{
    struct str rest = str_from_c(path), name;
    struct json_value v = r->json.count ? json_root(&r->json) : JSON_ABSENT;
    while (str_next(&rest, '.', &name))
        v = json_is(v, JSON_OBJECT) ? json_get(v, name) : JSON_ABSENT;
    if (!json_is(v, JSON_STRING))
        fail_msg("no string %s in %.*s", path, STR_ARG(r->body));
    return arena_dup(&t->mem, json_string(v, &t->mem)).p;
}

const char *test_cookie(struct test_app *t, const struct test_reply *r, const char *name)
{
    struct str line, wanted = str_from_c(name), value;
    for (int i = 0; (line = test_header(r, "Set-Cookie", i)).p; i++) {
        value = str_make(line.p, str_find(line, ';'));
        if (str_starts_with(value, wanted) && value.p[wanted.n] == '=')
            return arena_dup(&t->mem, str_from(value, wanted.n + 1)).p;
    }
    return NULL;
}

void test_expect_error(const struct test_reply *r, int status, const char *code)
{
    struct json_value v = r->json.count ? json_get(json_root(&r->json), STR("code")) : JSON_ABSENT;
    struct arena mem = ARENA_INIT;
    bool same = json_is(v, JSON_STRING) && str_eq(json_string(v, &mem), str_from_c(code));
    arena_release(&mem);
    if (r->status != status || !same)
        fail_msg("expected %d %s, got %d %.*s", status, code, r->status, STR_ARG(r->body));
}

const char *test_sign_up(struct test_app *t, const char *email)
{
    const char *body =
        arena_printf(&t->mem, "{\"email\":\"%s\",\"password\":\"" TEST_PASSWORD "\"}", email).p;
    struct test_reply r = test_call(t, (struct test_call){.target = "/api/signup", .body = body});
    if (r.status != 200)
        fail_msg("sign-up: %d %.*s", r.status, STR_ARG(r.body));
    return test_string(t, &r, "token");
}
