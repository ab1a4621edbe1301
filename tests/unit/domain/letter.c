/* Letters: templates found, filled in, and every mistake in one told with its place. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "domain/letter.h"

#define SHIPPED "fcgi-app/mail"

static struct arena mem;

static int set_up(void **state)
{
    (void)state;
    mem = ARENA_INIT;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&mem);
    return 0;
}

static struct letters *shipped(void)
{
    struct letters *l;
    struct str message = STR_NULL;
    if (letters_load(&l, SHIPPED, STR("en"), &mem, &message))
        fail_msg("%.*s", STR_ARG(message));
    return l;
}

static struct letter_request request(const char *template, const char *language, const char *fields)
{
    return (struct letter_request){.template = str_from_c(template),
                                   .language = str_from_c(language),
                                   .fields = str_from_c(fields),
                                   .to = STR("o'neill&co@example.org"),
                                   .base = STR("https://example.org/cubby"),
                                   .site = STR("example.org")};
}

static bool has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* --- rendering -------------------------------------------------------------------------------- */

static void links_are_made_of_the_base_and_a_path(void **state)
{
    (void)state;
    struct letter out;
    struct letter_request r = request("reset_password", "en", "{\"link\":\"/?reset=a.b-c&d\"}");
    assert_int_equal(letters_render(shipped(), &r, &mem, &out), OK);
    assert_true(str_eq(out.subject, STR("Set a new password")));
    assert_true(has(out.text, "\nhttps://example.org/cubby/?reset=a.b-c&d\n"));
    assert_true(has(out.html, "href=\"https://example.org/cubby/?reset=a.b-c&amp;d\""));
    r.fields = STR("{\"link\":\"https://evil.example/\"}");
    assert_int_equal(letters_render(shipped(), &r, &mem, &out), ERR_INVALID);
}

static void html_is_escaped_and_text_is_not(void **state)
{
    (void)state;
    struct letter out;
    struct letter_request r =
        request("invitation", "en",
                "{\"link\":\"/\",\"organization\":\"<b>&\\\"'\",\"inviter\":\"{to} Zoë\"}");
    assert_int_equal(letters_render(shipped(), &r, &mem, &out), OK);
    assert_true(str_eq(out.subject, STR("{to} Zoë invites you to <b>&\"'")));
    assert_true(has(out.text, "o'neill&co@example.org"));
    assert_true(has(out.text, "{to} Zoë invites you to the organization <b>&\"' at example.org:"));
    assert_true(has(out.html, "organization &lt;b&gt;&amp;&quot;&#39; at"));
    assert_true(has(out.html, "o&#39;neill&amp;co@example.org"));
    assert_false(has(out.html, "<b>"));
}

static void a_value_cannot_add_a_line(void **state)
{
    (void)state;
    struct letter out;
    struct letter_request r =
        request("invitation", "en",
                "{\"link\":\"/a\\r\\nb\",\"organization\":\"x\\r\\nBcc: y\\n\\nz\","
                "\"inviter\":\"i\"}");
    assert_int_equal(letters_render(shipped(), &r, &mem, &out), OK);
    assert_true(str_eq(out.subject, STR("i invites you to x  Bcc: y  z")));
    assert_true(has(out.text, "x  Bcc: y  z"));
    assert_true(has(out.text, "\nhttps://example.org/cubby/a  b\n"));
}

static void the_language_is_the_nearest_there_is(void **state)
{
    (void)state;
    struct letter out;
    static const struct {
        const char *language, *subject;
    } cases[] = {{"de", "7 ist Ihr Code zur Anmeldung"}, {"de-AT", "7 ist Ihr Code zur Anmeldung"},
                 {"en", "7 is your code to sign in"},    {"fr", "7 is your code to sign in"},
                 {"", "7 is your code to sign in"},      {"../de", "7 is your code to sign in"}};
    struct letters *l = shipped();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct letter_request r = request("login_code", cases[i].language, "{\"code\":\"7\"}");
        assert_int_equal(letters_render(l, &r, &mem, &out), OK);
        assert_true(str_eq(out.subject, str_from_c(cases[i].subject)));
    }
}

static void what_cannot_be_filled_in_is_refused(void **state)
{
    (void)state;
    struct letter out;
    struct letters *l = shipped();
    struct letter_request r = request("no_such", "en", "{}");
    assert_int_equal(letters_render(l, &r, &mem, &out), ERR_NOT_FOUND);
    r = request("login_code", "en", "{}");
    assert_int_equal(letters_render(l, &r, &mem, &out), ERR_INVALID);
    r = request("login_code", "en", "{\"code\":7}");
    assert_int_equal(letters_render(l, &r, &mem, &out), ERR_INVALID);
    r = request("login_code", "en", "[]");
    assert_int_equal(letters_render(l, &r, &mem, &out), ERR_INVALID);
}

/* --- loading ---------------------------------------------------------------------------------- */

static const char *const mails[] = {"verify_email",
                                    "reset_password",
                                    "login_code",
                                    "email_changed",
                                    "invitation",
                                    "notice_password",
                                    "notice_factor_on",
                                    "notice_factor_off",
                                    "notice_recovery_made",
                                    "notice_recovery_used",
                                    "notice_passkey_added",
                                    "notice_passkey_removed",
                                    "notice_provider_linked",
                                    "notice_provider_unlinked"};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* A folder with the language xx, each mail of it short; one file then is another. */
static const char *folder_with(const char *name, const char *text)
{
    const char *dir = arena_printf(&mem, "/tmp/cubby-letters-XXXXXX").p;
    assert_non_null(mkdtemp((char *)dir));
    mkdir(arena_printf(&mem, "%s/xx", dir).p, 0700);
    for (size_t i = 0; i < ARRAY_LEN(mails); i++)
        write_file(arena_printf(&mem, "%s/xx/%s.txt", dir, mails[i]).p, "Subject: s\n\nt\n");
    if (name)
        write_file(arena_printf(&mem, "%s/xx/%s", dir, name).p, text);
    return dir;
}

static void remove_folder(const char *dir, const char *name)
{
    if (name)
        unlink(arena_printf(&mem, "%s/xx/%s", dir, name).p);
    for (size_t i = 0; i < ARRAY_LEN(mails); i++)
        unlink(arena_printf(&mem, "%s/xx/%s.txt", dir, mails[i]).p);
    rmdir(arena_printf(&mem, "%s/xx", dir).p);
    assert_int_equal(rmdir(dir), 0);
}

static void assert_fails(const char *name, const char *text, const char *expected)
{
    struct letters *l;
    struct str message = STR_NULL;
    const char *dir = folder_with(name, text);
    assert_int_equal(letters_load(&l, dir, STR("xx"), &mem, &message), ERR_INVALID);
    const char *full = arena_printf(&mem, "%s/xx/%s", dir, expected).p;
    remove_folder(dir, name);
    assert_string_equal(message.p, full);
}

static void mistakes_are_told_with_file_and_line(void **state)
{
    (void)state;
    assert_fails("login_code.txt", "Subject: s\n\na\n{code} {cod}\n",
                 "login_code.txt:4: {cod}: no such placeholder; expected one of {code}, {to}, "
                 "{site}");
    assert_fails("login_code.txt", "Subject: {link}\n\na\n",
                 "login_code.txt:1: {link}: no such placeholder; expected one of {code}, {to}, "
                 "{site}");
    assert_fails("login_code.html", "<p>\n<p>{ code }",
                 "login_code.html:2: { code }: no such placeholder; expected one of {code}, {to}, "
                 "{site}");
    assert_fails("login_code.txt", "Hello\n\na\n",
                 "login_code.txt:1: expected \"Subject: …\" in the first line");
    assert_fails("login_code.txt", "",
                 "login_code.txt:1: expected \"Subject: …\" in the first line");
    assert_fails("login_code.txt", "Subject: s\n\n",
                 "login_code.txt:3: expected a text below the subject");
    assert_fails("login_code.txt", "Subject: \xff\n\na", "login_code.txt: not UTF-8");
    assert_fails("logincode.txt", "Subject: s\n\na",
                 "logincode.txt: there is no mail of this name");
}

static void braces_of_style_sheets_are_no_placeholders(void **state)
{
    (void)state;
    struct letters *l;
    struct letter out;
    struct str message = STR_NULL;
    const char *name = "login_code.html";
    const char *dir = folder_with(name, "<style>p { color: red } i{}</style>{code}");
    assert_int_equal(letters_load(&l, dir, STR("xx"), &mem, &message), OK);
    remove_folder(dir, name);
    struct letter_request r = request("login_code", "xx", "{\"code\":\"7\"}");
    assert_int_equal(letters_render(l, &r, &mem, &out), OK);
    assert_true(str_eq(out.html, STR("<style>p { color: red } i{}</style>7")));
}

static void a_mail_without_html_is_text(void **state)
{
    (void)state;
    struct letters *l;
    struct letter out;
    struct str message = STR_NULL;
    const char *dir = folder_with(NULL, NULL);
    assert_int_equal(letters_load(&l, dir, STR("xx"), &mem, &message), OK);
    remove_folder(dir, NULL);
    struct letter_request r = request("login_code", "xx", "{}");
    assert_int_equal(letters_render(l, &r, &mem, &out), OK);
    assert_true(str_eq(out.text, STR("t\n")));
    assert_int_equal(out.html.n, 0);
}

static void the_default_language_must_be_there_and_complete(void **state)
{
    (void)state;
    struct letters *l;
    struct str message = STR_NULL;
    assert_int_equal(letters_load(&l, SHIPPED, STR("xx"), &mem, &message), ERR_INVALID);
    assert_string_equal(message.p, SHIPPED "/xx: expected this folder of templates, as "
                                           "mail_language says");
    assert_int_equal(letters_load(&l, "/nowhere", STR("en"), &mem, &message), ERR_INVALID);
    assert_string_equal(message.p, "/nowhere: not a folder that can be read");
    const char *dir = folder_with(NULL, NULL);
    unlink(arena_printf(&mem, "%s/xx/login_code.txt", dir).p);
    assert_int_equal(letters_load(&l, dir, STR("xx"), &mem, &message), ERR_INVALID);
    assert_string_equal(message.p, arena_printf(&mem, "%s/xx/login_code.txt: is missing", dir).p);
    remove_folder(dir, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(links_are_made_of_the_base_and_a_path),
        T(html_is_escaped_and_text_is_not),
        T(a_value_cannot_add_a_line),
        T(the_language_is_the_nearest_there_is),
        T(what_cannot_be_filled_in_is_refused),
        T(mistakes_are_told_with_file_and_line),
        T(braces_of_style_sheets_are_no_placeholders),
        T(a_mail_without_html_is_text),
        T(the_default_language_must_be_there_and_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
