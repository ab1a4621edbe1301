/* For existing pages with plain forms: /posts, the rows of the collection posts. */
#include "base/base.h"

#include "res/res.h"

/* As if the path had been /api/posts/… */
static void enter_posts(struct req *r)
{
    r->args[1] = r->args[0];
    r->args[0] = STR("posts");
}

enum err posts_list(struct req *r)
{
    enter_posts(r);
    return rows_list_as(r, "posts");
}

enum err posts_post(struct req *r)
{
    enter_posts(r);
    enum err e = rows_post(r);
    if (e || !r->form)
        return e;
    buf_reset(&r->body_out);
    return req_redirect(r, STR("/"));
}

enum err posts_remove(struct req *r)
{
    enter_posts(r);
    return rows_remove(r);
}
