/* What all requests of this process share. Made by main.c, read-only afterwards. */
#ifndef APP_APP_H
#define APP_APP_H

#include "domain/bus.h"
#include "domain/collection.h"
#include "domain/conf.h"
#include "domain/oidc.h"
#include "domain/password.h"
#include "domain/wake.h"
#include "domain/weak.h"
#include "domain/who.h"

struct app {
    const struct conf *conf;
    struct store *store;
    struct collections *collections;
    struct bus_pub *bus;
    struct relay *relay; /* delivers what the requests leave; NULL: they leave nothing */
    struct wake *wake;   /* told of every commit; long polls wait on it */
    struct password_pool *passwords;
    struct weak_list weak; /* passwords that nobody may set */
    struct oidc *oidc;
    struct who_keys keys;
    struct metrics *metrics; /* counters of res/ops.c */
    struct lookout *lookout; /* what the admin page shows; NULL: nothing is kept */
};

#endif
