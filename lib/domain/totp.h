/*
 * Time-based one-time passwords (RFC 6238) as every authenticator app has them: HMAC-SHA-1, six
 * digits, steps of 30 s. A secret is text: base32 without padding.
 */
#ifndef DOMAIN_TOTP_H
#define DOMAIN_TOTP_H

#include "base/buf.h"

#define TOTP_SECRET_LEN 32 /* characters: 160 bits */
#define TOTP_CODE_LEN   6
#define TOTP_STEP_S     30

/* A new random secret, '\0'-terminated. */
void totp_make_secret(char out[TOTP_SECRET_LEN + 1]);

/* The code of a step (seconds / TOTP_STEP_S), '\0'-terminated. False: that is no secret. */
bool totp_code(struct str secret, int64_t step, char out[TOTP_CODE_LEN + 1]);

/*
 * Is it the code of now, or of the step before or after (clocks differ), and of a step later than
 * `last_step`: the last one that was used? *step is the one it is of, to be kept as last_step.
 */
bool totp_check(struct str secret, struct str code, int64_t now_s, int64_t last_step,
                int64_t *step);

/* Append the otpauth: URI that apps read from a QR code. */
void totp_append_uri(struct buf *out, struct str issuer, struct str account, struct str secret);

#endif
