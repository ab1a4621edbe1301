/* RFC 6238 upon RFC 4226. */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "base/rand.h"
#include "domain/totp.h"

#define SECRET_BYTES 20
#define SECRET_MAX   64 /* bytes; nobody but tests has other ones than SECRET_BYTES */

void totp_make_secret(char out[TOTP_SECRET_LEN + 1])
{
    unsigned char bytes[SECRET_BYTES];
    struct buf text = BUF_INIT;
    rand_bytes(bytes, sizeof bytes);
    base32_append(&text, bytes, sizeof bytes);
    assert(text.n == TOTP_SECRET_LEN);
    memcpy(out, text.p, TOTP_SECRET_LEN + 1);
    buf_release(&text);
}

/* RFC 4226 5.3: 31 bits from where the last four say. */
static uint32_t truncate_digest(const unsigned char digest[SHA1_LEN])
{
    const unsigned char *p = digest + (digest[SHA1_LEN - 1] & 15);
    return (uint32_t)(p[0] & 127) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool totp_code(struct str secret, int64_t step, char out[TOTP_CODE_LEN + 1])
{
    unsigned char key[SECRET_MAX], counter[8], digest[SHA1_LEN];
    size_t n;
    if (!base32_decode(secret, key, sizeof key, &n))
        return false;
    for (size_t i = 0; i < sizeof counter; i++)
        counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
    hmac_sha1(str_make((const char *)key, n), str_make((const char *)counter, sizeof counter),
              digest);
    uint32_t number = truncate_digest(digest) % 1000000;
    for (size_t i = TOTP_CODE_LEN; i-- > 0; number /= 10)
        out[i] = (char)('0' + number % 10);
    out[TOTP_CODE_LEN] = '\0';
    return true;
}

/* Every step is looked at, whichever it is of: the time tells nothing. */
bool totp_check(struct str secret, struct str code, int64_t now_s, int64_t last_step, int64_t *step)
{
    char expected[TOTP_CODE_LEN + 1];
    int64_t now = now_s / TOTP_STEP_S;
    bool good = false;
    for (int64_t i = now - 1; i <= now + 1; i++) {
        if (!totp_code(secret, i, expected))
            return false;
        if (!digest_equal(code, str_make(expected, TOTP_CODE_LEN)) || i <= last_step || good)
            continue;
        *step = i;
        good = true;
    }
    return good;
}

void totp_append_uri(struct buf *out, struct str issuer, struct str account, struct str secret)
{
    buf_append_lit(out, "otpauth://totp/");
    percent_append(out, issuer);
    buf_append_ch(out, ':');
    percent_append(out, account);
    buf_append_lit(out, "?secret=");
    buf_append_str(out, secret);
    buf_append_lit(out, "&issuer=");
    percent_append(out, issuer);
    buf_appendf(out, "&algorithm=SHA1&digits=%d&period=%d", TOTP_CODE_LEN, TOTP_STEP_S);
}
