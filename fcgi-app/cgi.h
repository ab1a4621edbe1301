/*
 * Plain CGI (RFC 3875), for hosts that have nothing better: the process was started for one
 * request, which its environment and descriptor 0 describe, and whose answer is descriptor 1.
 * Nobody waits here: a long poll is answered at once.
 */
#ifndef APP_CGI_H
#define APP_CGI_H

#include "req.h"

/* Was this process started so? Its arguments then come from the request, and mean nothing. */
bool cgi_is_called(void);

/*
 * Answer the request. The web server has the whole answer when this returns, and descriptor 1 is
 * closed: what is done from here on delays nobody. True when it was a request that may have
 * changed something.
 */
bool cgi_serve(struct app *app);

/* Answer it with an error, of a program that cannot work; the log says why. */
void cgi_refuse(void);

#endif
