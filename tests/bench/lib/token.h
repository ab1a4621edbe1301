/* Tokens as the backend of a site mints them: whoever holds the secret may. */
#ifndef BENCH_TOKEN_H
#define BENCH_TOKEN_H

#include "base/buf.h"

/* Append a backend token (docs/protocol.md section 2) for that user, signed with the
 * CUBBY_JWT_SECRET of the environment. */
void token_backend(struct buf *out, struct str user_id);

#endif
