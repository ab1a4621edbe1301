/* Bus messages are taken apart without reading a byte too far, and what is accepted is consistent.
 */
#include "base/base.h"

#include "domain/bus_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event events[BUS_EVENTS_MAX];
    struct bus_sender from;
    struct bus_message m;
    if (bus_wire_decode(str_make((const char *)data, size), &from, &m, events) != OK)
        return 0;
    assert(m.last >= m.first && m.event_count <= BUS_EVENTS_MAX);
    struct buf again = BUF_INIT;
    bus_wire_encode(&again, &from, &m);
    bool inline_kept = again.n == size;
    assert(!inline_kept || memcmp(again.p, data, size) == 0);
    buf_release(&again);
    return 0;
}
