/* The admin page, and signing in to it. */
#include "base/base.h"

#include "admin.h"
#include "base/clock.h"
#include "credentials.h"
#include "res/res.h"
#include "store/rows.h"

/* admin.html, and a '\0'. */
__asm__(".pushsection .rodata\n"
        "admin_html: .incbin \"fcgi-app/admin.html\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char admin_html[];

/* What the web servers say of the other pages. */
#define PAGE_HEADERS                                                                               \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "              \
    "frame-ancestors 'none'\r\n"                                                                   \
    "Referrer-Policy: same-origin\r\n"

enum err admin_page(struct req *r)
{
    r->content_type = STR("text/html; charset=utf-8");
    buf_append_lit(&r->head, PAGE_HEADERS);
    buf_append_str(&r->body_out, str_from_c(admin_html));
    return OK;
}

enum err admin_login(struct req *r)
{
    struct str email, password, code;
    struct admin a;
    enum err e = credentials_read_email(r, STR("email"), &email);
    if (e)
        return e;
    if (!req_json_string(r, STR("password"), &password))
        return req_fail(r, ERR_INVALID, "password must be a string");
    e = credentials_read_code(r, &code);
    if (e == OK)
        e = admin_sign_in(r, email, password, code, &a);
    if (e == ERR_INVALID_CREDENTIALS)
        return req_fail(r, e, "Address, password or code is wrong, or the code was used before");
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"admin\":{\"email\":");
    json_append_string(&r->body_out, a.email);
    buf_append_lit(&r->body_out, "},\"endsAt\":");
    row_append_time(&r->body_out, clock_wall_ms() + ADMIN_AGE_MS);
    buf_append_ch(&r->body_out, '}');
    return OK;
}

enum err admin_logout(struct req *r)
{
    enum err e = admin_sign_out(r);
    if (e == OK)
        req_ok(r);
    return e;
}

/* What main.db knows the session by is no secret: it opens nothing. */
enum err admin_ticket(struct req *r)
{
    struct buf *out = &r->body_out;
    const struct who_once ticket = {
        .type = WHO_ADMIN, .user_id = r->admin->session.admin_id, .value = r->admin->hash};
    buf_append_lit(out, "{\"ok\":true,\"ticket\":\"");
    who_sign_once(out, &r->app->keys, &ticket, clock_wall_ms() / 1000, TICKET_S);
    buf_appendf(out, "\",\"expiresIn\":%d}", TICKET_S);
    return OK;
}
