/* How a stream travels: the parts of SSE and WebSocket that no endpoint should repeat. */
#ifndef PUSHD_TRANSPORT_H
#define PUSHD_TRANSPORT_H

#include "conn.h"
#include "wire/http.h"
#include "wire/ws.h"

struct transport {
    /* Can this request become a stream? Errors are answered. */
    enum err (*check)(const struct http_head *h);
    /* Append the response head; `headers` are further lines of it. What was agreed on is in c. */
    void (*append_head)(struct buf *out, struct conn *c, const struct http_head *h,
                        struct str headers);
    /* Input on an open stream: use some of it and say how much; 0: no more of it yet. */
    size_t (*on_input)(struct conn *c, struct str in);
    /* A heartbeat is due. */
    void (*on_beat)(struct conn *c);
    /* Append how a stream of this kind ends. */
    void (*append_end)(struct buf *out, uint16_t code, struct str reason);
    /* Does the upgrade come under the cross-site rule when signed in by cookie? */
    bool same_site_only;
};

enum transport_kind {
    TRANSPORT_NONE, /* plain answers */
    TRANSPORT_SSE,
    TRANSPORT_WS,
};

/* Send one message on a WebSocket: framed, compressed if the client agreed to it and it pays. */
void ws_send(struct conn *c, enum ws_opcode opcode, struct str payload);

/* The hooks of a kind; NULL for TRANSPORT_NONE. */
const struct transport *transport_of(enum transport_kind kind);

#endif
