/*
 * Does the reading side live? Whoever asks waits for a reader thread to come back from main.db, all
 * who ask meanwhile for the same one; who has waited for PULSE_MS is told that it does not.
 */
#ifndef PUSHD_PULSE_H
#define PUSHD_PULSE_H

#include "conn.h"

#define PULSE_MS    3000
#define PULSE_STUCK "Reads of data files do not come back"

struct pulse;

struct pulse *pulse_new(struct server *s);
/* No connection may be left, and no reader thread. */
void pulse_free(struct pulse *p);

/* Ask: ERR_MORE, and c is answered later, with these header lines; c->stream is what pulse_answer
 * and pulse_cancel want. ERR_BUSY: reads are overdue, ask later. */
enum err pulse_ask(struct pulse *p, struct conn *c, struct str cors) must_check;

/* Answer c now, for it is about to end. */
void pulse_answer(struct conn *c);
/* Nobody waits there any more. Harmless after the answer. */
void pulse_cancel(struct conn *c);

/* {"ok":true}, or what is wrong, with an error's code; the status. */
int pulse_append(struct buf *out, enum err e, struct str what);

#endif
