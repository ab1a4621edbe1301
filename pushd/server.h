/* What all connections of one loop share. Made by main.c (and by tests), lent to everyone. */
#ifndef PUSHD_SERVER_H
#define PUSHD_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "domain/who.h"
#include "limit.h"
#include "loop.h"
#include "tickets.h"

struct bus_sub;
struct deflater;
struct feed;
struct handover;
struct hub;
struct readers;
struct parts;
struct tls_context;
struct webhook;

/* Most bytes taken from one connection at a time, with what waited from before. */
#define SERVER_INPUT (64 * 1024)

struct server_stats {
    uint64_t accepted;         /* connections */
    uint64_t unserved;         /* closed at once, for there are too many */
    uint64_t pauses;           /* in accepting, for want of descriptors or memory */
    uint64_t requests;         /* heads read */
    uint64_t failures[ERRORS]; /* requests answered with an error */
    uint64_t opened;           /* streams */
    uint64_t revoked;          /* streams ended because their session was */
    uint64_t slow;             /* streams closed because their reader was too slow */
    uint64_t behind;           /* times that such a reader went on from the log instead */
    uint64_t dead;             /* streams closed because nobody answered */
    uint64_t tls_failed;       /* connections whose handshake did not succeed */
    uint64_t sent;             /* calls of send() that took bytes */
    uint64_t sent_bytes;
};

struct server {
    const struct conf *conf;
    struct who_keys keys;
    struct loop *loop;
    struct hub *hub;
    struct feed *feed;
    struct readers *readers;
    struct bus_sub *bus;     /* owned by main.c, NULL: none */
    struct tls_context *tls; /* for new connections; owned by main.c, NULL: none */
    struct webhook *webhook; /* owned by main.c, NULL: none */
    struct parts *parts;     /* what protocols share between their connections: endpoints.c */
    struct limit addresses;  /* connections of one client address */
    struct tickets tickets;  /* used ones */
    struct list strangers;   /* connections that belong to no session */
    uint32_t conns;
    uint32_t streams;
    uint32_t pending_conns; /* whose peers have not taken all */
    size_t pending_bytes;   /* that wait for them; what many wait for counts for each */
    size_t body_bytes;      /* of calls that are on their way */
    size_t partial_bytes;   /* of WebSocket messages that are */
    bool ending;            /* nothing new is served */
    bool retiring;          /* another process serves what is new */
    char *input;            /* SERVER_INPUT bytes, used while one connection is read */
    struct arena mem;       /* a request's: reset when it is answered or put off */
    struct buf out;         /* an answer under construction */
    struct conn *corked;    /* whose input is being used: its answers gather in cork, NULL: none */
    struct buf cork;
    size_t taken;              /* bytes of its messages, inflated, and of filters they changed */
    struct deflater *deflater; /* for every message that is compressed */
    uint64_t spread;           /* state of server_spread() */
    struct server_stats stats;
};

/* Both ends of a server's life; conf is borrowed. hub, feed and readers are set by the caller. */
void server_init(struct server *s, const struct conf *conf, struct loop *loop);
/* A number below n, to spread things in time without asking the kernel. Not for secrets. */
uint32_t server_spread(struct server *s, uint32_t n);

/* End every connection in order, and then the loop; no new request is served. */
void server_end(struct server *s);
/* Another process has the listening sockets: streams end in order, connections are given to it or
 * served to their end, and with the last of them the loop ends. */
void server_retire(struct server *s, struct handover *to);
/* A connection is gone. */
void server_count_out(struct server *s);
/* Close those that are left: the next round frees them. */
void server_cut(struct server *s);
/* No connection may be left. */
void server_release(struct server *s);

#endif
