/* What a process asks of the system for itself. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/base.h"

/* As many open descriptors as the system lets this process have. False, with errno: it stays as it
 * was. */
bool process_raise_descriptors(void);

#endif
