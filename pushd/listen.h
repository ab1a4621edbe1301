/* Listening sockets: connections are taken a few at a time, so that a storm of them does not starve
 * those that are there. */
#ifndef PUSHD_LISTEN_H
#define PUSHD_LISTEN_H

#include "loop.h"

struct server;

struct listener {
    struct loop_fd io;
    struct loop_timer pause; /* no descriptors left: tries again later */
    struct server *server;
    bool local; /* for operations: metrics without a token */
    bool open;
};

/* Listen on "address:port" ("[::1]:8090"), port 0: any. ERR_INVALID when it cannot be read,
 * ERR_INTERNAL (with errno) when it cannot be had. */
enum err listener_open(struct listener *l, struct server *s, struct str address,
                       bool local) must_check;

/* The port it got. */
uint16_t listener_port(const struct listener *l);

/* Stop listening; harmless on a zeroed one. */
void listener_close(struct listener *l);

#endif
