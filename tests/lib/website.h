/* An HTTP server of tests on loopback: says word for word what a test gave it to say. */
#ifndef TESTS_LIB_WEBSITE_H
#define TESTS_LIB_WEBSITE_H

#include "base/buf.h"

struct website;

struct website *website_new(void);
void website_free(struct website *w);

/* "http://127.0.0.1:PORT"; lives as long as w. */
struct str website_url(const struct website *w);

/*
 * From now on the answer to a request for this path, its head and body as they go over the wire:
 * "HTTP/1.1 200 OK\r\n…"; NULL: none, ever. Copied. Other paths are answered with 404.
 */
void website_say(struct website *w, const char *path, struct str answer);

/* The same: 200 with further header lines (each with its "\r\n") and a body with its length. */
void website_publish(struct website *w, const char *path, const char *lines, struct str body);

/* Requests for this path so far. */
int website_hits(struct website *w, const char *path);

/* The last request, head and body; a copy that the caller releases. */
struct buf website_last(struct website *w);

#endif
