/* Errors as JSON, CORS headers, the head of a CGI answer. */
#include "base/base.h"

#include "answer.h"
#include "auth.h"
#include "routes.h"
#include "wire/http.h"

/* Seconds before a client of a busy server should come back. */
#define RETRY_DEFAULT_S 1

static void append_details(struct buf *out, const struct problems *p)
{
    buf_append_lit(out, ",\"details\":[");
    for (size_t i = 0; i < p->count; i++) {
        buf_append_str(out, i ? STR(",{\"path\":") : STR("{\"path\":"));
        json_append_string(out, p->list[i].path);
        buf_append_lit(out, ",\"message\":");
        json_append_string(out, p->list[i].message);
        buf_append_ch(out, '}');
    }
    buf_append_ch(out, ']');
}

static void add_retry_after(struct req *r)
{
    int64_t s = r->retry_after_s > 0 ? r->retry_after_s : RETRY_DEFAULT_S;
    buf_append_lit(&r->head, "Retry-After: ");
    buf_append_i64(&r->head, s);
    buf_append_lit(&r->head, "\r\n");
}

static bool has_note_errors(const struct req *r)
{
    return r->route && (r->route->need & NOTE_ERRORS);
}

/* Where NOTE_ERRORS has a sentence of its own, no other counts. */
static struct str sentence(const struct req *r, enum err e)
{
    static const struct {
        enum err e;
        const char *text;
    } of_notes[] = {
        {ERR_UNAUTHORIZED, "Unauthorized"},
        {ERR_INVALID_JSON, "Invalid note text"},
        {ERR_VALIDATION, "Invalid note text"},
        {ERR_NOT_FOUND, "Note not found"},
    };
    for (size_t i = 0; has_note_errors(r) && i < ARRAY_LEN(of_notes); i++)
        if (of_notes[i].e == e)
            return str_from_c(of_notes[i].text);
    return r->message.p ? r->message : err_text(e);
}

/* All but the sentence. */
static void append_error_members(struct buf *out, const struct req *r, enum err e)
{
    buf_append_lit(out, ",\"code\":");
    json_append_string(out, r->code.p ? r->code : err_code(e));
    if (r->problems.count)
        append_details(out, &r->problems);
    if (r->error_members.p) {
        buf_append_ch(out, ',');
        buf_append_str(out, r->error_members);
    }
}

void answer_failure(struct req *r, enum err e)
{
    struct buf *out = &r->body_out;
    buf_reset(out);
    r->status = err_status(e);
    r->content_type = STR_NULL;
    r->next_part = NULL;
    buf_append_lit(out, "{\"error\":");
    json_append_string(out, sentence(r, e));
    if (!has_note_errors(r))
        append_error_members(out, r, e);
    buf_append_ch(out, '}');
    if (r->status == 429 || r->status == 503)
        add_retry_after(r);
}

void answer_options(struct req *r)
{
    r->status = 204;
    req_header(r, STR("Allow"), routes_allow(r->allow, r->mem));
    if (!r->headers.preflight_method.p)
        return;
    buf_append_lit(&r->head,
                   "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
                   "Access-Control-Allow-Headers: authorization, content-type, if-match, "
                   "idempotency-key, last-event-id, x-cookie-domain\r\n"
                   "Access-Control-Max-Age: 600\r\n");
}

void answer_cors(struct req *r)
{
    struct origin_request o = auth_origin(r);
    if (!r->headers.origin.p || (r->route && (r->route->need & IN_ADMIN)))
        return;
    buf_append_lit(&r->head, "Vary: Origin\r\n");
    if (!origin_is_known(r->app->conf, &o))
        return;
    req_header(r, STR("Access-Control-Allow-Origin"), r->headers.origin);
    buf_append_lit(&r->head, "Access-Control-Allow-Credentials: true\r\n"
                             "Access-Control-Expose-Headers: etag, x-event-id, x-as-of, "
                             "retry-after, idempotent-replayed\r\n");
}

void answer_append_head(const struct req *r, struct buf *out)
{
    int status = r->status ? r->status : 200;
    buf_append_lit(out, "Status: ");
    buf_append_i64(out, status);
    buf_append_ch(out, ' ');
    buf_append_str(out, http_reason(status));
    buf_append_lit(out, "\r\n");
    if (r->content_type.n) {
        buf_append_lit(out, "Content-Type: ");
        buf_append_str(out, r->content_type);
        buf_append_lit(out, "\r\n");
    } else if (r->body_out.n || r->next_part) {
        buf_append_lit(out, "Content-Type: application/json\r\n");
    }
    if (status != 204 && status != 304 && !r->next_part) {
        buf_append_lit(out, "Content-Length: ");
        buf_append_u64(out, r->body_out.n);
        buf_append_lit(out, "\r\n");
    }
    buf_append_lit(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if (r->request_id.n) {
        buf_append_lit(out, "X-Request-Id: ");
        buf_append_str(out, r->request_id);
        buf_append_lit(out, "\r\n");
    }
    buf_append_str(out, buf_str(&r->head));
    buf_append_lit(out, "\r\n");
}
