/*
 * One read of a space's file for its source: events, and whether sign-ins and sessions are good,
 * all as of one moment. The loop writes the question and reads the answer; in between it is a
 * reader thread's alone.
 */
#ifndef PUSHD_SOURCE_READ_H
#define PUSHD_SOURCE_READ_H

#include "source.h"
#include "store/event.h"

/* A sign-in or session, or in an organization's space a membership, to be looked at. */
struct check {
    char sid[SESSION_ID_LEN + 1];   /* "": a backend token */
    char jti[SESSION_ID_LEN + 1];   /* "": not by a refresh token */
    char user_id[SPACE_ID_MAX + 1]; /* of a membership */
    enum err result;                /* OK: live; ERR_UNAUTHORIZED: not */
};

struct source_read {
    struct reader_job job;
    struct source *source;
    /* The question. */
    enum space_kind kind;
    struct str id; /* the source's */
    uint64_t after;
    uint64_t hinted; /* newest event heard of since it began; the loop's */
    bool events_too;
    bool all_sessions;
    struct check *checks;
    size_t check_count;
    struct check one_check; /* what checks is mostly: the loop's thread needs no arena then */
    /* The answer, in mem. */
    enum err err;
    uint64_t oldest, newest;
    struct event *events;
    size_t count, cap;
    char epoch[EPOCH_LEN + 1];
    struct arena mem;
    struct batch *batches; /* the events in the formats asked for; made and used in the loop */
};

/* struct reader_job.read */
void source_read_file(struct reader_job *job, struct store *store);

#endif
