/*
 * The floor of a notification nobody waits for: a bare nng subscriber in the bus folder that
 * receives each message and drops it. Its processor time is what is measured.
 *
 *   bus_floor DATA_DIR
 */
#include "base/base.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>

#include "base/log.h"

int main(int argc, char **argv)
{
    char url[NNG_MAXADDRLEN];
    nng_socket socket;
    nng_msg *msg;
    if (argc != 2)
        fatal("usage: bus_floor DATA_DIR");
    snprintf(url, sizeof url, "ipc://%s/run/bus/floor.sock", argv[1]);
    if (nng_sub0_open(&socket) != 0 || nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0) != 0 ||
        nng_socket_set_int(socket, NNG_OPT_RECVBUF, 8192) != 0 ||
        nng_listen(socket, url, NULL, 0) != 0)
        fatal("cannot listen on %s", url);
    while (nng_recvmsg(socket, &msg, 0) == 0)
        nng_msg_free(msg);
    return 1;
}
