/* What a process asks of the system for itself. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/base.h"
#include "base/err.h"

/* As many open descriptors as the system lets this process have. False, with errno: it stays as it
 * was. */
bool process_raise_descriptors(void);

/* What main() returns when it could not begin. 78, EX_CONFIG of sysexits.h, where it is settings or
 * files that somebody has to see to: supervisors need not try again. */
int process_status(enum err e);

#endif
