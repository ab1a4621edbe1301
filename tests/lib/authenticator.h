/* A passkey authenticator (ES256) and the browser around it: what they send, as JSON of
 * PublicKeyCredential.toJSON(). */
#ifndef TESTS_LIB_AUTHENTICATOR_H
#define TESTS_LIB_AUTHENTICATOR_H

#include "lib/signer.h"

struct authenticator {
    struct signer *key;
    const char *rp_id, *origin;
    unsigned flags; /* of authenticator data: user present and verified */
    uint32_t count;
    char id[16];
};

/* Its key is freed with signer_free(). */
struct authenticator authenticator_new(const char *rp_id, const char *origin);

/* Append a credential that was made for this challenge (base64url, as options have it). */
void authenticator_append_created(struct buf *out, const struct authenticator *a,
                                  struct str challenge);

/* Append its answer to a challenge, for the user of this id. Its counter goes up. */
void authenticator_append_answer(struct buf *out, struct authenticator *a, struct str challenge,
                                 struct str user_id);

#endif
