/* Listening sockets: connections are taken a few at a time, so that a storm of them does not starve
 * those that are there. */
#ifndef PUSHD_LISTEN_H
#define PUSHD_LISTEN_H

#include "loop.h"

struct server;

/* One socket each; what comes in by it is … */
enum listener_kind {
    LISTEN_PUBLIC, /* anybody's */
    LISTEN_TLS,    /* anybody's, encrypted */
    LISTEN_LOCAL,  /* for operations: metrics without a token */
    LISTEN_KINDS,
};

struct listener {
    struct loop_fd io;
    struct loop_timer pause; /* no descriptors left: tries again later */
    struct server *server;
    char *path; /* of a unix socket, owned; NULL: TCP */
    enum listener_kind kind;
    bool is_open;
};

/*
 * Listen on "address:port" ("[::1]:8090"; port 0: any) or "unix:/path" (mode 0660; one that nobody
 * listens on any more is replaced). ERR_INVALID when it cannot be read, ERR_INTERNAL (with errno)
 * when it cannot be had.
 */
enum err listener_open(struct listener *l, struct server *s, enum listener_kind kind,
                       struct str address) must_check;

/* Take over a socket that listens on that address already; closes it when that fails. */
enum err listener_adopt(struct listener *l, struct server *s, enum listener_kind kind,
                        struct str address, int fd) must_check;

/* Does this listening socket have that address? Port 0 fits any. */
bool listener_fits(int fd, struct str address);

/* The port it got; 0: none. */
uint16_t listener_port(const struct listener *l);

/* Stop listening, and remove a unix socket's name. Harmless on a zeroed one. */
void listener_close(struct listener *l);

/* The same when another process goes on listening on it. */
void listener_leave(struct listener *l);

#endif
