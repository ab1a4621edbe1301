/* Mails about what was done to an account. */
#include "base/base.h"

#include "base/log.h"
#include "notice.h"
#include "store/mailbox.h"

static const char *const templates[] = {
#define X(name, template) [name] = template,
    NOTICE_LIST(X)
#undef X
};

enum err notice_mail_within(struct req *r, struct space *main, const struct account *a,
                            enum notice what, struct str provider)
{
    const struct mail_field fields[] = {{STR("ip"), r->remote_addr}, {STR("provider"), provider}};
    struct mail m = {.to = a->email,
                     .template = str_from_c(templates[what]),
                     .fields = fields,
                     .count = provider.p ? 2 : 1,
                     .notice = true};
    enum err e = a->email_verified ? mail_enqueue(main, &m) : OK;
    if (e != ERR_BUSY)
        return e;
    log_warn("mail lost, too many wait template=%s", templates[what]);
    return OK;
}

enum err notice_mail(struct req *r, struct str user_id, enum notice what, struct str provider)
{
    struct account a;
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = accounts_by_id_within(main, user_id, r->mem, &a);
    if (e == OK)
        e = notice_mail_within(r, main, &a, what, provider);
    return space_leave(main, e);
}
