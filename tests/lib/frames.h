/* WebSocket frames of a client that says anything. */
#ifndef TESTS_LIB_FRAMES_H
#define TESTS_LIB_FRAMES_H

#include "base/buf.h"

#define FIN  0x80
#define RSV1 0x40

/* The head of a masked frame, its length in the shortest form, and the mask. */
void frames_append_head(struct buf *out, int first, uint64_t n);

/* A whole masked frame. */
void frames_append(struct buf *out, int first, struct str payload);

#endif
