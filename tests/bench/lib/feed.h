/*
 * Events as the application makes them, without its HTTP: a key is set in a user's file, the event
 * is committed with it, the hint goes over the bus. Each event holds the character MARK once, so
 * that readers count events by counting it.
 */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include "base/str.h"

#define MARK '|' /* '~' would be found in WebSocket frames: it is 126, a length of two bytes */

struct feed;

/* Settings come from the environment, but for these: the folder of the data (the bus is in its
 * run/bus) and the user, whose file is made when it is not there. Ends the program on failure. */
struct feed *feed_open(const char *data_dir, struct str user_id);

/* Commit and publish one event whose value is so many bytes. */
void feed_send(struct feed *f, size_t value_bytes);

void feed_close(struct feed *f);

#endif
