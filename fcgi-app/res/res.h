/* Prototypes of all handlers; their bodies are in res/<resource>.c, their rows in routes.c. */
#ifndef APP_RES_H
#define APP_RES_H

#include "req.h"

/* account.c */
enum err account_signup(struct req *r);
enum err account_login(struct req *r);
enum err account_logout(struct req *r);
enum err account_me(struct req *r);
enum err account_refresh(struct req *r);
enum err account_signup_form(struct req *r);
enum err account_login_form(struct req *r);
enum err account_logout_form(struct req *r);
enum err account_profile(struct req *r);

/* ops.c */
enum err ops_healthz(struct req *r);
enum err ops_metrics(struct req *r);

#endif
