/* Key-value pairs of a space. Values are JSON text, stored as they came. Events are
 * domain/change.h's. */
#ifndef STORE_KV_H
#define STORE_KV_H

#include "base/arena.h"
#include "store/space.h"

#define KV_KEY_MAX   512
#define KV_VALUE_MAX (128 * 1024)

/* Keys that begin so are nobody's. */
bool kv_key_is_reserved(struct str key);

/* ERR_NOT_FOUND; *value in mem. */
enum err kv_get(struct space *sp, struct str key, struct arena *mem, struct str *value) must_check;

/* In a write transaction, as kv_delete. ERR_QUOTA when quota_rows is used up by a new key. */
enum err kv_set(struct space *sp, struct str key, struct str value, int64_t now_ms) must_check;
enum err kv_delete(struct space *sp, struct str key, bool *existed) must_check;

/*
 * Pairs whose key starts with prefix, in byte order, after the key `after` (p == NULL: from the
 * start), at most limit, until on_pair wants no more; *more says whether further ones follow.
 */
enum err kv_list(struct space *sp, struct str prefix, struct str after, size_t limit, bool *more,
                 bool (*on_pair)(void *arg, struct str key, struct str value),
                 void *arg) must_check;

#endif
