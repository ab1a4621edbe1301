/* Offers of permessage-deflate: which one is taken, and what is answered. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/ws.h"

#define BASE "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void assert_offer(const char *offer, enum ws_deflate expected, const char *answer)
{
    struct buf out = BUF_INIT;
    enum ws_deflate got = ws_negotiate(guard_copy(str_from_c(offer)), &out);
    if (got != expected || strcmp(out.p ? out.p : "", answer) != 0)
        fail_msg("%s: %d \"%.*s\"", offer, got, STR_ARG(buf_str(&out)));
    buf_release(&out);
}

static void assert_declined(const char *offer)
{
    struct buf fallback = BUF_INIT;
    assert_offer(offer, WS_PLAIN, "");
    /* The next offer is looked at. */
    buf_appendf(&fallback, "%s, permessage-deflate;server_max_window_bits=15", offer);
    assert_offer(fallback.p, WS_DEFLATE, BASE "; server_max_window_bits=15");
    buf_release(&fallback);
}

static void no_offer_no_answer(void **state)
{
    (void)state;
    static const char *const none[] = {"", " ", ",", " , ,"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_offer(none[i], WS_PLAIN, "");
    assert_declined("permessage-bzip2");
    assert_declined("x-webkit-deflate-frame");
    assert_declined("permessage-deflate-more; server_no_context_takeover");
    assert_declined("foo; bar=baz; server_max_window_bits=3, quux; a=\"b\"");
}

/* Both orders of the four parameters, each absent if empty. */
static void assert_accepted(const char *server, const char *client, int server_bits,
                            const char *client_bits)
{
    char window[40] = "", offer[200], answer[200];
    if (server_bits > 0)
        snprintf(window, sizeof(window), "; server_max_window_bits=%d", server_bits);
    enum ws_deflate expected = server_bits > 0 && server_bits < 15 ? WS_DEFLATE_READ : WS_DEFLATE;
    snprintf(answer, sizeof(answer), BASE "%s", window);
    snprintf(offer, sizeof(offer), "permessage-deflate%s%s%s%s", server, client, window,
             client_bits);
    assert_offer(offer, expected, answer);
    snprintf(offer, sizeof(offer), "permessage-deflate%s%s%s%s", client_bits, window, client,
             server);
    assert_offer(offer, expected, answer);
}

static void every_combination_of_parameters_is_accepted(void **state)
{
    (void)state;
    for (int takeover = 0; takeover < 4; takeover++)
        for (int sent = 7; sent <= 15; sent++)
            for (int taken = 6; taken <= 15; taken++) {
                char client_bits[40] = "";
                if (taken == 7)
                    snprintf(client_bits, sizeof(client_bits), "; client_max_window_bits");
                else if (taken > 7)
                    snprintf(client_bits, sizeof(client_bits), "; client_max_window_bits=%d",
                             taken);
                assert_accepted(takeover & 1 ? "; server_no_context_takeover" : "",
                                takeover & 2 ? "; client_no_context_takeover" : "",
                                sent > 7 ? sent : 0, client_bits);
            }
}

static void the_first_acceptable_offer_is_taken(void **state)
{
    (void)state;
    assert_offer("permessage-deflate; server_max_window_bits=9, permessage-deflate",
                 WS_DEFLATE_READ, BASE "; server_max_window_bits=9");
    assert_offer("permessage-deflate, permessage-deflate; server_max_window_bits=9", WS_DEFLATE,
                 BASE);
    assert_offer("bbf-usp-protocol, ,permessage-deflate;x, permessage-deflate ", WS_DEFLATE, BASE);
    assert_offer("permessage-deflate, !?", WS_DEFLATE, BASE);
}

static void white_space_and_quotes_make_no_difference(void **state)
{
    (void)state;
    assert_offer("  permessage-deflate\t;  server_max_window_bits \t=  10 ; "
                 "client_max_window_bits\t ",
                 WS_DEFLATE_READ, BASE "; server_max_window_bits=10");
    assert_offer("permessage-deflate;server_max_window_bits=\"15\";client_max_window_bits=\"8\"",
                 WS_DEFLATE, BASE "; server_max_window_bits=15");
}

static void wrong_parameters_decline_their_offer(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "unknown",
        "unknown=1",
        "Server_no_context_takeover",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_no_context_takeover=\"x\"",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=0",
        "server_max_window_bits=1",
        "server_max_window_bits=-9",
        "server_max_window_bits=+9",
        "server_max_window_bits=9x",
        "server_max_window_bits=015",
        "server_max_window_bits=99999999999999999999999",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=010",
        "client_max_window_bits=x",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits=9",
        "client_max_window_bits; server_no_context_takeover; unknown",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char offer[200];
        snprintf(offer, sizeof(offer), "permessage-deflate; %s", wrong[i]);
        assert_declined(offer);
    }
}

/* What is no list (RFC 6455 9.1) is not searched for offers beyond that point. */
static void broken_lists_end_where_they_break(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "permessage-deflate;",
        "permessage-deflate; ;server_no_context_takeover",
        "permessage-deflate; =9",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"1 0\"",
        "permessage-deflate; server_max_window_bits=\"\\15\"",
        "permessage-deflate server_no_context_takeover",
        "permessage-deflate/1",
        "; permessage-deflate",
        "\"permessage-deflate\"",
        "permessage-deflate; server_max_window_bits==10",
        "permessage-deflate=1",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        char offer[200];
        assert_offer(broken[i], WS_PLAIN, "");
        snprintf(offer, sizeof(offer), "%s, permessage-deflate", broken[i]);
        assert_offer(offer, WS_PLAIN, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_offer_no_answer),
        cmocka_unit_test(every_combination_of_parameters_is_accepted),
        cmocka_unit_test(the_first_acceptable_offer_is_taken),
        cmocka_unit_test(white_space_and_quotes_make_no_difference),
        cmocka_unit_test(wrong_parameters_decline_their_offer),
        cmocka_unit_test(broken_lists_end_where_they_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
