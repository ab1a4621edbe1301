/*
 * One client: its state, its bytes in and out, its limits, its end. The only file that reads and
 * writes client descriptors. An idle connection is this struct and nothing else: input and output
 * are held only while they are incomplete.
 */
#ifndef PUSHD_CONN_H
#define PUSHD_CONN_H

#include "base/buf.h"
#include "base/list.h"
#include "domain/origin.h"
#include "listen.h"
#include "loop.h"
#include "msg.h"

struct endpoint;
struct handover;
struct limit_counter;
struct opening;
struct server;
struct login;
struct ws_reader;

/* What is awaited, in the order it happens. Only conn_step() moves it. */
enum conn_state {
    CONN_READ_HEAD, /* a request head, or the rest of one */
    CONN_WAIT,      /* a reader thread's word on who this is; nothing is read meanwhile */
    CONN_READ_BODY, /* the body of a call */
    CONN_ANSWER,    /* the answer to a call, from whom it depends on; nothing is read meanwhile */
    CONN_OPEN,      /* a stream: events go out, messages come in */
    CONN_DRAIN,     /* the last words to be taken, then the peer's end; input is thrown away */
    CONN_CLOSING,   /* the end of this round, which frees it */
};

/* Why a connection ended: name, WebSocket close code (0: no frame is sent), word for the log. */
#define END_LIST(X)                                                                                \
    X(END_ANSWERED, 0, "answered")                                                                 \
    X(END_PEER, 0, "peer left")                                                                    \
    X(END_HANDED, 0, "handed over")                                                                \
    X(END_NO_REQUEST, 0, "no request in time")                                                     \
    X(END_DEAD, 0, "peer silent")                                                                  \
    X(END_CLOSED, 1000, "closed by peer")                                                          \
    X(END_PROTOCOL, 1002, "protocol error")                                                        \
    X(END_AGE, 1001, "stream_max_age")                                                             \
    X(END_SHUTDOWN, 1001, "shutdown")                                                              \
    X(END_ERROR, 1011, "server error")                                                             \
    X(END_GAP, 1013, "events were lost, come back")                                                \
    X(END_CROWDED, 1013, "too much is on its way, come back")                                      \
    X(END_EXPIRED, 4401, "token expired")                                                          \
    X(END_REVOKED, 4401, "session revoked")                                                        \
    X(END_REMOVED, 4403, "membership ended")                                                       \
    X(END_SLOW, 4408, "reader too slow")

enum end {
#define X(name, code, text) name,
    END_LIST(X)
#undef X
};

uint16_t end_code(enum end why);

struct conn {
    /* What a delivery touches. */
    struct loop_fd io;
    struct msg_queue *out; /* bytes that did not fit yet, NULL when none */
    struct server *server;
    const struct endpoint *endpoint; /* NULL before the request is known */
    uint8_t state;                   /* enum conn_state */
    uint8_t missed : 7;              /* heartbeats without an answer */
    bool secure : 1;                 /* speaks TLS: it is part of a struct secure_conn */
    uint8_t end;                     /* enum end, from CONN_DRAIN on */
    bool warned : 1;                 /* on_expiring was called */
    bool local : 1;                  /* came in by the listener for operations */
    bool keep : 1;                   /* the client wants the connection kept after an answer */
    bool head_only : 1;              /* the request was HEAD */
    bool partial : 1;                /* rest is an incomplete head that was looked at */
    bool excepted : 1;               /* some event was not for it: the hub looks closer */
    uint8_t deflate : 2;             /* enum ws_deflate: what the client's WebSocket agreed to */
    uint32_t beat;                   /* next heartbeat, in seconds */

    void *stream; /* the endpoint's own state, freed by its on_close */
    union {
        struct opening *opening; /* in CONN_WAIT and CONN_READ_BODY */
        struct login *login;     /* else: whose it is, NULL: nobody's */
    };
    struct list peers; /* in login->conns or server->strangers */
    struct msg *rest;  /* input that waits for more, NULL when none */
    struct ws_reader *reader;
    struct limit_counter *address; /* the client address it counts for, NULL: none */
    struct loop_timer timer;       /* the next of the times below, or a time limit of the state */
    int64_t expires;               /* when the token does, 0 never */
    int64_t ends;                  /* stream_max_age, 0 never; monotonic ms both */
};

/* Take over a connected, non-blocking descriptor, from which `before` was read already; closes it
 * when there is no room. */
void conn_new(struct server *s, int fd, enum listener_kind from, struct str before);

/* The one mover of state. */
void conn_step(struct conn *c, enum conn_state next);

/* Send a plain answer; then the next request, or the end if the client or we want that. */
void conn_answer(struct conn *c, struct str answer);

/* Send bytes meant for this connection alone. */
void conn_write(struct conn *c, struct str bytes);

/*
 * Send bytes meant for many, in a stream. *shared is NULL or a message of exactly these bytes; it
 * is made when the first of the many cannot take all at once, and belongs to the caller. False:
 * push_buffer bytes wait already behind the message being sent, nothing was taken.
 */
bool conn_send(struct conn *c, struct str bytes, struct msg **shared);

/* Read on after CONN_WAIT, beginning with what came meanwhile. */
void conn_resume(struct conn *c);

/* Has it taken everything it was sent? */
static inline bool conn_is_drained(const struct conn *c)
{
    return c->out == NULL;
}

/* End in order: last words, what is queued, then the descriptor. */
void conn_end(struct conn *c, enum end why);

/* The same for a WebSocket error, with the close code that wire/ws.h found. */
void conn_end_code(struct conn *c, enum end why, uint16_t code);

/* Another process takes the place of this one: a stream ends, a plain connection between requests
 * is given away, all others are served to their end. */
void conn_retire(struct conn *c, struct handover *to);

/* End at once. Nothing is freed before the end of the round, so every caller may go on. */
void conn_close(struct conn *c, enum end why);

/* The address at the other end; false on a unix socket. */
bool conn_address(const struct conn *c, struct origin_address *out);

#endif
