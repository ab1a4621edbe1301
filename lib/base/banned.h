/*
 * Functions that do not compile here: unbounded, locale-dependent or not thread-safe. Each has a
 * word of ours that does the same safely (base/str.h, base/buf.h, base/clock.h).
 * The system headers that use these names come first, so that only our own text is poisoned.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef strtok
#undef sprintf
#undef vsprintf
#undef gets
#undef atoi
#undef atol
#undef gmtime
#undef localtime
#undef ctime
#undef asctime
#undef alloca
#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf gets
#pragma GCC poison atoi atol gmtime localtime ctime asctime alloca

#endif
