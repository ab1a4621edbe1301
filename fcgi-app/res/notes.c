/* Notes (docs/protocol.md section 8): the rows of the collection notes, in a form of their own. */
#include "base/base.h"

#include "res/res.h"
#include "store/notes.h"

/* As if the path had been that of the collection. */
static void enter_notes(struct req *r)
{
    r->args[1] = r->args[0];
    r->args[0] = STR("notes");
}

/* The body's text as an object of nothing else: other members are ignored. */
static enum err read_text(struct req *r, struct json *out)
{
    struct json_value text = json_get(req_json(r), STR("text"));
    if (!json_is(text, JSON_STRING))
        return ERR_VALIDATION;
    struct str raw = json_raw(text);
    return json_parse(out, arena_printf(r->mem, "{\"text\":%.*s}", STR_ARG(raw)), JSON_STRICT,
                      r->mem);
}

static enum err answer_note(struct req *r, const struct row *row)
{
    buf_append_lit(&r->body_out, "{\"note\":");
    enum err e = note_append(&r->body_out, row, str_from_c(r->space->id));
    buf_append_ch(&r->body_out, '}');
    return e;
}

enum err notes_get(struct req *r)
{
    buf_append_lit(&r->body_out, "{\"notes\":");
    enum err e = notes_list(r->space, str_from_c(r->space->id), &r->body_out);
    buf_append_ch(&r->body_out, '}');
    return e;
}

enum err notes_count(struct req *r)
{
    enter_notes(r);
    return rows_total(r);
}

enum err notes_post(struct req *r)
{
    struct json body;
    struct row row;
    enter_notes(r);
    enum err e = read_text(r, &body);
    if (!e)
        e = rows_make(r, json_root(&body), &row);
    return e ? e : answer_note(r, &row);
}

/* A text is all a note has: to replace it and to patch it are the same. */
enum err notes_put(struct req *r)
{
    struct json body;
    struct row row;
    enter_notes(r);
    enum err e = read_text(r, &body);
    if (!e)
        e = rows_change(r, json_root(&body), MERGE_MEMBERS, &row);
    return e ? e : answer_note(r, &row);
}

/* Answers the note that is gone. */
enum err notes_remove(struct req *r)
{
    struct row row;
    enter_notes(r);
    enum err e = rows_find(r, &row);
    if (!e)
        e = rows_drop(r);
    return e ? e : answer_note(r, &row);
}
