/* What protocols share between their connections, one part each: the part's own header says what it
 * is. Made by endpoints_open(), one of each per server. */
#ifndef PUSHD_PARTS_H
#define PUSHD_PARTS_H

struct fanout; /* fanout.h: envelopes, their readers and who waits for them */
struct live;   /* live.h: pages and counters by name */
struct notes;  /* notes.h: snapshots and who has acknowledged them */
struct pulse;  /* pulse.h: whether reads come back */
struct rooms;  /* rooms.h: who is in which room */
struct watch;  /* watch.h: administrators who see that something happens */

struct parts {
    struct fanout *fanout;
    struct live *live;
    struct notes *notes;
    struct pulse *pulse;
    struct rooms *rooms;
    struct watch *watch;
};

#endif
