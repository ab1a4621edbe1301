/* One request by plain CGI: environment and descriptor 0 in, descriptor 1 out. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"
#include "cgi.h"
#include "dispatch.h"
#include "environment.h"

bool cgi_is_called(void)
{
    return getenv("GATEWAY_INTERFACE") && getenv("REQUEST_METHOD");
}

/* --- the body --------------------------------------------------------------------------------- */

/* 0 at the end, -1 when it does not come in time. */
static ssize_t read_some(char *out, size_t size, int64_t deadline)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t left = deadline - clock_mono_ms();
    if (left <= 0 || poll(&in, 1, (int)left) <= 0)
        return -1;
    return read(STDIN_FILENO, out, size);
}

/* As long as CONTENT_LENGTH says, or, without it, to the end. */
static void read_body(struct req *r, struct buf *body, int64_t length)
{
    int64_t max = r->app->conf->max_body, total = 0, deadline = clock_mono_ms() + BODY_TIMEOUT_MS;
    char chunk[8192];
    ssize_t n = 1;

    while (n > 0 && (length < 0 || total < length)) {
        size_t want = sizeof chunk;
        if (length >= 0 && length - total < (int64_t)want)
            want = (size_t)(length - total);
        n = read_some(chunk, want, deadline);
        total += n > 0 ? n : 0;
        r->body_too_large = max > 0 && total > max;
        if (n > 0 && !r->body_too_large)
            buf_append(body, chunk, (size_t)n);
    }
    r->body_broken = n < 0 || (length >= 0 && total < length);
    r->body = buf_str(body);
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool send_all(struct str s)
{
    while (s.n) {
        ssize_t n = write(STDOUT_FILENO, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return false;
        s = str_from(s, n > 0 ? (size_t)n : 0);
    }
    return true;
}

static void send_parts(struct req *r)
{
    bool sent = true;
    for (bool more = true; more && sent;) {
        buf_reset(&r->body_out);
        enum err e = r->next_part(r, &more);
        if (e)
            log_warn("an answer broke off route=%s code=%.*s", r->route->path,
                     STR_ARG(err_code(e)));
        sent = !e && send_all(buf_str(&r->body_out));
    }
}

/* The web server takes the end of the output for the end of the answer. */
static void end_output(void)
{
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDOUT_FILENO);
        close(nothing);
    }
}

static void send_answer(struct req *r)
{
    struct buf head = BUF_INIT;
    answer_append_head(r, &head);
    if (r->method != METHOD_HEAD && !r->next_part)
        buf_append_str(&head, buf_str(&r->body_out));
    bool sent = send_all(buf_str(&head));
    if (sent && r->next_part && r->method != METHOD_HEAD)
        send_parts(r);
    buf_release(&head);
    end_output();
}

void cgi_refuse(void)
{
    struct arena mem = ARENA_INIT;
    struct req r = {.mem = &mem};
    signal(SIGPIPE, SIG_IGN);
    answer_failure(&r, ERR_INTERNAL);
    send_answer(&r);
    buf_release(&r.head);
    buf_release(&r.body_out);
    arena_release(&mem);
}

/* --- the request ------------------------------------------------------------------------------ */

/* The threads that hash are started where one may be needed. */
static void answer(struct req *r)
{
    struct app *app = r->app;
    enum lane lane = dispatch_route(r);
    if (lane == LANE_HASH || lane == LANE_FETCH)
        app->passwords = password_pool_new(1, 1);
    dispatch(r);
    send_answer(r);
    if (r->after)
        r->after(r);
}

bool cgi_serve(struct app *app)
{
    struct arena mem = ARENA_INIT;
    struct buf body = BUF_INIT;
    struct req r = {.app = app, .mem = &mem};
    int64_t length;

    signal(SIGPIPE, SIG_IGN);
    environment_read(&r, environ, &length);
    read_body(&r, &body, length);
    answer(&r);
    bool may_have_changed = r.method != METHOD_GET && r.method != METHOD_HEAD;
    buf_release(&body);
    buf_release(&r.head);
    buf_release(&r.body_out);
    arena_release(&mem);
    return may_have_changed;
}
