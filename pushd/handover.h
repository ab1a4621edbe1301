/*
 * A new cubby-pushd takes the place of the one that runs, without a moment in which nobody listens.
 * They meet at the unix socket `handover` in bus_dir (mode 0600):
 *
 *   the new one  connects
 *   the old one  sends a message with its listening sockets: "CP1", then the kind of each, a byte
 *   the new one  makes itself ready, and says so: "R"
 *   the old one  stops accepting, and sends each connection that waits for a request: its kind, and
 *                what came of the request so far; then closes, and drains
 *
 * Whoever closes before that gives up, and everything stays as it was.
 */
#ifndef PUSHD_HANDOVER_H
#define PUSHD_HANDOVER_H

#include "base/str.h"
#include "listen.h"

/* The place of the one that runs. Embedded in its owner. */
struct handover {
    struct loop *loop;
    struct loop_fd door, peer; /* fd -1: not open; no new one is there */
    const struct listener *listeners;
    /* Another process accepts on them now. It may be given connections until on_taken returns. */
    void (*on_taken)(struct handover *h);
    char *path; /* of the door, owned */
    uint64_t inode;
};

void handover_init(struct handover *h);

/*
 * Wait in dir for a successor, which gets the listeners[LISTEN_KINDS]. With `replace` a predecessor
 * loses its place there; ERR_CONFLICT when there is one without. ERR_INTERNAL: errno says why.
 */
enum err handover_open(struct handover *h, struct loop *l, struct str dir,
                       const struct listener *listeners, bool replace) must_check;
void handover_close(struct handover *h);

/* Give the successor a connection that came in by `kind`, and what was read from it; the descriptor
 * stays the caller's too. False: it did not take it. */
bool handover_give(struct handover *h, int fd, enum listener_kind kind, struct str bytes);

/* The new one. Embedded in its owner. */
struct takeover {
    struct loop_fd peer; /* fd -1: none */
    struct server *server;
    int fds[LISTEN_KINDS]; /* -1: not offered, or taken */
};

void takeover_init(struct takeover *t);

/* Ask the one that runs in dir for its sockets. ERR_NOT_FOUND: there is none; ERR_INTERNAL: it does
 * not answer as it should. May block for a few seconds. */
enum err takeover_begin(struct takeover *t, struct str dir) must_check;

/* Everything is ready: it may stop. Its waiting connections become the server's as they come. */
enum err takeover_finish(struct takeover *t, struct server *s) must_check;

/* Close what was not taken. Harmless at any time. */
void takeover_release(struct takeover *t);

#endif
