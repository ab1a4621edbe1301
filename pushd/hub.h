/*
 * Topics and who listens to them. An event published to a topic is written once for each wire
 * format in use; at the end of the round each connection gets, in one send(), everything that is
 * new for it: for most that is the same bytes, shared and uncopied.
 */
#ifndef PUSHD_HUB_H
#define PUSHD_HUB_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "conn.h"
#include "domain/filter.h"

struct batch;
struct hub;
struct server;
struct sub;
struct topic;

/* Something that happened; borrowed, valid during the call. */
struct hub_event {
    struct str id; /* "<epoch>.<seq>"; p == NULL: not of the log */
    struct str name;
    struct str data;         /* JSON; p == NULL: none */
    struct str organization; /* whose log it is of; p == NULL: no organization's */
    struct str
        text;   /* what it is to readers of this topic alone, where name and data are not all */
    int64_t at; /* unix milliseconds */
    bool unfiltered;           /* about the connection itself: no filter holds it back */
    struct conn *except;       /* does not get it; NULL: all do */
    const struct format *only; /* is for readers of this format; NULL: of all */
};

/* How events are written for one kind of reader. One static object per wire format. */
struct format {
    /* Append e as it goes over the wire; nothing when these readers do not get such events. */
    void (*append)(struct buf *out, const struct hub_event *e, struct arena *scratch);
    /* It is the text of a WebSocket message, which the hub puts into a frame (and compresses, for
     * those who agreed to that). */
    bool is_message;
};

/* Append e as it goes to c, which reads this format. */
void hub_write(struct buf *out, const struct format *f, const struct conn *c,
               const struct hub_event *e);

struct lane_slot {
    struct conn *conn; /* == sub->conn, so that a delivery need not look at the sub */
    struct sub *sub;
};

/* The listeners of a topic in one wire format; the hub's own. */
struct lane {
    struct lane *next;
    struct topic *topic;
    const struct format *format; /* NULL: not used yet */
    bool deflate;                /* compressed: its own lane */
    struct batch *batch;         /* NULL when nothing is unsent */
    union {
        struct lane_slot one;   /* cap == 1: most topics have a single listener */
        struct lane_slot *many; /* cap > 1 */
    };
    uint32_t count, cap;
    uint32_t filtered; /* subs with a filter */
};

/* What many listen to. Embedded in its owner, who says when it ends. */
struct topic {
    struct hub *hub;
    struct lane lane;  /* of the first wire format; those of others are behind it */
    struct list dirty; /* in hub->dirty while something is unsent */
    uint64_t seq;      /* last event published; 0 and unused without a log */
    uint64_t sent;     /* last event handed to the connections */
    /*
     * A connection is too slow for what is published: called instead of closing it, after its sub
     * left the topic, with the last event it got. NULL: it is closed with 4408.
     */
    void (*on_slow)(struct sub *s, uint64_t sent);
};

/* A connection's place among those who get what is published from now on. Embedded in its owner. */
struct sub {
    struct conn *conn;
    struct lane *lane;           /* NULL: in no topic */
    const struct filter *filter; /* NULL: everything; owned by the sub's owner */
    uint32_t at;                 /* its slot in the lane */
};

struct hub *hub_new(struct server *s);
void hub_free(struct hub *h);

void topic_init(struct topic *t, struct hub *h);
/* No sub may be in it. */
void topic_release(struct topic *t);

/* Listen from now on: what was published before, in this round too, is not for this sub. */
void hub_join(struct topic *t, struct sub *s, const struct format *f);
/* Stop listening; harmless when in no topic. */
void hub_leave(struct sub *s);

/* Publish; delivered at the end of the round. seq: 0 for an event without a log. */
void hub_publish(struct topic *t, const struct hub_event *e, uint64_t seq);

/* Call `each` for all who listen, or for those who would get e, were it published now. It must not
 * make anyone join or leave at once. */
void hub_each(struct topic *t, void (*each)(void *arg, struct sub *s), void *arg);
void hub_each_match(struct topic *t, const struct hub_event *e,
                    void (*each)(void *arg, struct sub *s), void *arg);

/* How many listen. */
size_t topic_count(const struct topic *t);

/* Deliver now what is unsent: of one topic, of all. */
void hub_flush_topic(struct topic *t);
void hub_flush(struct hub *h);

/*
 * The same for those who are behind: a batch is events in one format, as connections like c get
 * them, in order. hub_batch_send gives conn those from the given index on that match the filter;
 * false when it is too slow (nothing was sent). Batches of one reading in several formats make a
 * list.
 */
struct batch *hub_batch_get(struct hub *h, const struct format *f, const struct conn *c,
                            struct batch **list);
struct batch *hub_batch_find(struct batch *list, const struct format *f, const struct conn *c);
void hub_batch_add(struct hub *h, struct batch *b, const struct hub_event *e);
bool hub_batch_send(struct batch *b, size_t from, const struct filter *f, struct conn *c);
/* Give back the whole list; it is empty afterwards. */
void hub_batch_put(struct hub *h, struct batch **list);

struct hub_stats {
    uint64_t published;  /* events */
    uint64_t deliveries; /* batches handed to connections */
};
struct hub_stats hub_stats(const struct hub *h);

#endif
