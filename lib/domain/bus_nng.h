/*
 * The bus on nng 1.5 PUB/SUB over ipc (bus.h): what its two ends share. A publisher's send never
 * blocks and never fails: what does not fit is dropped in silence, so every message carries its
 * publisher's counter, which a thread repeats, and the subscriber turns what is missing into
 * BUS_GAP. Nobody but bus_*.c includes this.
 */
#ifndef DOMAIN_BUS_NNG_H
#define DOMAIN_BUS_NNG_H

#include <nng/nng.h>

#include "domain/bus_wire.h"

#define BUS_QUEUE_MESSAGES 8192 /* nng's own maximum for its buffers */
#define BUS_NAME_LEN       40   /* "<pid>-<8 hex>.sock" */

/* Where a socket of the directory lives: "ipc://<dir>/<name>"; false when that is too long. */
bool bus_socket_url(char url[NNG_MAXADDRLEN], const char *dir, const char *name);
bool bus_is_socket_name(const char *name);

/*
 * nng 1.5 may wait for ever for a pipe that breaks at the moment its socket is closed. Whoever
 * closes is about to end and does not wait with it. False: it goes on, and so must what it uses.
 */
bool bus_socket_close(nng_socket socket);

/* With its parents: data_dir/run may not be there yet. */
bool bus_make_directory(char *dir);

/* Make an eventfd readable. */
void bus_wake(int fd);

#endif
