/* Bus messages as bytes and back: no engine, no I/O. Integers are big-endian. */
#ifndef DOMAIN_BUS_WIRE_H
#define DOMAIN_BUS_WIRE_H

#include "domain/bus.h"

/* A message with more events, or more bytes of them, travels as a hint without its events. */
#define BUS_EVENTS_MAX  256
#define BUS_MESSAGE_MAX (128 * 1024)

/* Who sent a message, and its place in that publisher's row of messages. */
struct bus_sender {
    uint64_t publisher;
    uint64_t counter;
};

/* Append the bytes of a message, at most BUS_MESSAGE_MAX. Events that are too large or too many are
 * left out, all of them. */
void bus_wire_encode(struct buf *out, const struct bus_sender *from, const struct bus_message *m);

/*
 * Take a message apart; strings point into bytes, events go to the array given (room for
 * BUS_EVENTS_MAX). ERR_INVALID for anything encode does not make.
 */
enum err bus_wire_decode(struct str bytes, struct bus_sender *from, struct bus_message *m,
                         struct event *events) must_check;

#endif
