/* A data folder opened as cubby.fcgi opens it. Failures end the program. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include "domain/collection.h"
#include "domain/conf.h"

struct data {
    struct arena mem;
    struct conf conf; /* from the environment, but for data_dir */
    const char *data_dir;
    struct collections collections;
    struct store *store;
};

void data_open(struct data *d, const char *data_dir, enum db_sync sync);
void data_close(struct data *d);

/* End the program unless e is OK. */
void data_need(enum err e, const char *what);

#endif
