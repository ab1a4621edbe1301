/* One mail on its way out, and what became of it: what smtp.h and sendmail.h share. */
#ifndef DOMAIN_DELIVERY_H
#define DOMAIN_DELIVERY_H

#include <stdatomic.h>

#include "base/str.h"

/* A mail that takes longer is given up, to be tried again. */
#define DELIVERY_MS 60000

struct envelope {
    struct str from, to; /* addresses */
    struct str message;  /* as wire/mime.h makes it */
};

enum delivery_end {
    DELIVERY_SENT,    /* another took the mail upon himself */
    DELIVERY_FAILED,  /* not this time: try again later */
    DELIVERY_REFUSED, /* for good */
    DELIVERY_STOPPED, /* the process ends */
};

struct delivery {
    enum delivery_end end;
    int code;        /* the server's reply, the program's exit code; 0: none */
    const char *why; /* of a failure, one clause without any address; a constant */
};

#endif
