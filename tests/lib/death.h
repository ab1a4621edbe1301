/* What ends the process on purpose: our own mistakes and no memory. */
#ifndef TESTS_LIB_DEATH_H
#define TESTS_LIB_DEATH_H

#include "base/base.h"

/* Does act() end the process? Run in a child whose standard error is thrown away. */
bool dies(void (*act)(void));

#endif
