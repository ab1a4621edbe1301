/* THE TABLE of protocols that are measured, ours and those of others. */
#include "base/base.h"

#include "base/log.h"
#include "bench/lib/feed.h"
#include "bench/lib/protocol.h"

static const struct protocol protocols[] = {
    {
        .name = STR("sse"),
        .kind = CLIENT_SSE,
        .target = STR("/api/events"),
        .mark = MARK,
    },
    {
        .name = STR("ws"),
        .kind = CLIENT_WS,
        .target = STR("/api/ws"),
        .mark = MARK,
    },
    {
        .name = STR("cubby.v1"),
        .kind = CLIENT_WS,
        .target = STR("/api/ws"),
        .subprotocol = STR("cubby.v1"),
        .hello = STR("{\"type\":\"subscribe\",\"filters\":[{\"type\":\"kv:*\"}]}"),
        .mark = MARK,
    },
    {
        .name = STR("connect"),
        .kind = CLIENT_WS,
        .target = STR("/connect"),
        .hello = STR("{\"type\":\"subscribe\",\"filters\":[{\"type\":\"bench\"}]}"),
        .backend = true,
        .acks = true,
        .mark = MARK,
        .post = STR("/publish"),
        .before = STR("{\"userId\":\"" BENCH_USER "\",\"type\":\"bench\",\"payload\":{\"text\":\""),
        .after = STR("\"}}"),
    },
    {
        .name = STR("counter"),
        .kind = CLIENT_WS,
        .target = STR("/ws/counter/bench"),
        .mark = 'V', /* of previousValue */
        .post = STR("/rpc/counter.increment"),
        .before = STR("{\"name\":\"bench\",\"ignored\":\""),
        .after = STR("\"}"),
    },
    {
        .name = STR("live-sse"),
        .kind = CLIENT_SSE,
        .target = STR("/realtime?key=bench"),
        .mark = MARK,
        .post = STR("/live/render"),
        .before = STR("{\"key\":\"bench\",\"html\":\""),
        .after = STR("\"}"),
    },
    {
        .name = STR("live-ws"),
        .kind = CLIENT_WS,
        .target = STR("/realtime?key=bench"),
        .mark = MARK,
        .post = STR("/live/render"),
        .before = STR("{\"key\":\"bench\",\"html\":\""),
        .after = STR("\"}"),
    },
    {
        .name = STR("peer-sse"), /* tests/bench/peers/ */
        .kind = CLIENT_SSE,
        .target = STR("/sub"),
        .mark = MARK,
        .post = STR("/pub"),
    },
    {
        .name = STR("peer-ws"),
        .kind = CLIENT_WS,
        .target = STR("/sub"),
        .mark = MARK,
        .post = STR("/pub"),
    },
};

const struct protocol *protocol_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        if (str_eq(protocols[i].name, name))
            return &protocols[i];
    }
    fatal("no protocol %.*s", STR_ARG(name));
}
