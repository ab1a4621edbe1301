/*
 * Memory: allocate or end the process. No caller tests for NULL; every size that comes from outside
 * is checked against a limit before it is asked for.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

/* Uninitialised memory of n bytes (n may be 0; the result is never NULL). Freed with mem_free(). */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));

/* Zeroed memory for count elements of size bytes; a product that overflows ends the process. */
void *mem_zalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Resize p (NULL: allocate). p is invalid afterwards. */
void *mem_realloc(void *p, size_t n) __attribute__((returns_nonnull));

/* A '\0'-terminated copy of n bytes. */
char *mem_dup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));

/* NULL is fine. */
void mem_free(void *p);

/* Let all threads share so many heaps: what one frees, others can use. To be called first of all.
 */
void mem_limit_heaps(int count);

#endif
