/* The end of an account, and the rules of its password. */
#include "base/base.h"

#include "base/utf8.h"
#include "domain/account.h"
#include "domain/password.h"
#include "store/identities.h"
#include "store/login_codes.h"
#include "store/mailbox.h"
#include "store/outbox.h"

bool account_password_is_fit(struct str password, const struct conf *c, const struct weak_list *w,
                             struct arena *mem, struct str *problem)
{
    *problem = STR_NULL;
    if (utf8_count(password) < (size_t)c->password_min)
        *problem = arena_printf(mem, "The password must be at least %d characters long",
                                (int)c->password_min);
    else if (password.n > PASSWORD_MAX)
        *problem = arena_printf(mem, "The password must be at most %d bytes long", PASSWORD_MAX);
    else if (weak_has(w, password))
        *problem = STR("Many people have that password: choose another one");
    return !problem->p;
}

enum err account_forget(struct organization_call *c)
{
    struct space *main_db = c->main_db;
    struct account a;
    enum err e = organization_forget_user(c);
    if (e == OK)
        e = accounts_by_id_within(main_db, c->user_id, c->mem, &a);
    if (e == OK)
        e = mail_drop(main_db, a.email);
    if (e == OK)
        e = login_codes_drop(main_db, a.email);
    if (e == OK)
        e = identities_remove_all(main_db, c->user_id);
    if (e == OK)
        e = accounts_remove_within(main_db, c->user_id);
    if (e == OK)
        e = outbox_add(main_db, SPACE_USER, c->user_id, STR("account:deleted"), STR("{}"), c->now);
    return e;
}
