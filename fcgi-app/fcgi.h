/*
 * FastCGI, by libfcgi and nowhere else: a connection's environment and body become a struct req,
 * its reply goes back. One struct fcgi carries one request at a time and may pass from thread to
 * thread between the calls.
 */
#ifndef APP_FCGI_H
#define APP_FCGI_H

#include "req.h"

/* Once per process, before threads. Leaves SIGPIPE ignored. */
void fcgi_library_init(void);

/*
 * The socket of `--socket`: a path (made with mode 0660 less the umask, a stale one is replaced) or
 * "[address]:port". -1 with *message, in mem.
 */
int fcgi_listen(struct str where, struct arena *mem, struct str *message);

/* Is descriptor 0 a listening socket, as web servers hand it to the programs they start? */
bool fcgi_is_inherited(void);

struct fcgi;
struct fcgi *fcgi_new(struct app *app);
void fcgi_free(struct fcgi *f);

/* The request that fcgi_next() read. */
struct req *fcgi_req(struct fcgi *f);

enum fcgi_next {
    FCGI_NEXT_REQUEST,
    FCGI_NEXT_NONE, /* that connection brought nothing: call again */
    FCGI_NEXT_WOKEN,
    FCGI_NEXT_DEAD, /* the listening socket accepts no more */
};

/*
 * Wait for the next request, on the connection kept from the last one or on a new one, and read it
 * whole, its body bounded in size and time. A SIGUSR2 to this thread ends the waiting, and only the
 * waiting: it is blocked while a request is read or answered.
 */
enum fcgi_next fcgi_next(struct fcgi *f, int listen_fd);

/* Send the reply and forget the request. With `hang_up` the connection ends even if the web server
 * would keep it. */
void fcgi_finish(struct fcgi *f, bool hang_up);

#endif
