/*
 * What a write costs cubby-pushd when nobody listens to its space: the hints of writes to many
 * users go over the bus at a steady rate; cubby-pushd and bus_floor take the same messages, and
 * their processor time is compared.
 *
 *   bus_load DATA_DIR PUSHD_PID FLOOR_PID
 */
#include "base/base.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "domain/bus.h"

#define USERS    200
#define MESSAGES 10000 /* of a round */
#define RATE     5000  /* a second */
#define BATCH    5     /* sent at once */

static pid_t pid_of(const char *text)
{
    int64_t n;
    if (!str_to_i64(str_from_c(text), 1, INT32_MAX, &n))
        fatal("usage: bus_load DATA_DIR PUSHD_PID FLOOR_PID");
    return (pid_t)n;
}

static void send_round(struct bus_pub *bus, char (*users)[RAND_ID_LEN + 1], uint64_t *seq)
{
    struct str data = STR("{\"key\":\"bench\",\"value\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                          "xxxxxxxx\",\"userId\":\"00000000000000000000000000000000\"}");
    int64_t start = now_ns();
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct event e = {.seq = ++*seq, .at = 1, .name = STR("kv:set"), .data = data};
        bus_publish(bus, &(struct bus_message){.kind = BUS_EVENTS,
                                               .space_kind = SPACE_USER,
                                               .space_id = str_make(users[i % USERS], RAND_ID_LEN),
                                               .epoch = STR("00000000"),
                                               .first = e.seq,
                                               .last = e.seq,
                                               .event_count = 1,
                                               .events = &e});
        int64_t due = start + (int64_t)(i + 1) * 1000000000 / RATE;
        if (i % BATCH == BATCH - 1 && due > now_ns())
            usleep((useconds_t)((due - now_ns()) / 1000));
    }
    usleep(200000); /* let both finish */
}

int main(int argc, char **argv)
{
    char dir[4096], users[USERS][RAND_ID_LEN + 1];
    struct bus_pub *bus;
    double ours[ROUNDS], bare[ROUNDS];
    uint64_t seq = 0;
    pid_t pushd = pid_of(argc == 4 ? argv[2] : ""), other = pid_of(argv[3]);
    snprintf(dir, sizeof dir, "%s/run/bus", argv[1]);
    if (bus_pub_open(&bus, str_from_c(dir)) != OK)
        fatal("no bus in %s", dir);
    for (size_t i = 0; i < USERS; i++)
        rand_id(users[i]);
    usleep(500000); /* both are connected */
    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t a = proc_cpu_ns(pushd), b = proc_cpu_ns(other);
        send_round(bus, users, &seq);
        ours[i] = (double)(proc_cpu_ns(pushd) - a) / MESSAGES / 1000;
        bare[i] = (double)(proc_cpu_ns(other) - b) / MESSAGES / 1000;
    }
    bus_pub_close(bus);
    row_print("CPU of a notification", "us", median(ours, ROUNDS), median(bare, ROUNDS),
              "ratio<=1.25");
    return 0;
}
