/*
 * Processor time to verify an access token, signature and claims, against the HMAC-SHA256 of the
 * same bytes alone.
 */
#include "base/base.h"

#include <time.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/log.h"
#include "bench/lib/row.h"
#include "domain/who.h"

#define TIMES 50000
#define NOW   1700000000

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* As a request does: the claims in an arena that is used again. */
static double verify(struct str token, const struct who_keys *keys, struct arena *mem)
{
    struct who who;
    double start = cpu_ns();
    for (int i = 0; i < TIMES; i++) {
        if (who_verify(&who, token, keys, NOW, mem))
            fatal("a token of our own was refused");
        arena_reset(mem);
    }
    return (cpu_ns() - start) / TIMES / 1000;
}

static double sign(struct str text, struct str secret)
{
    unsigned char digest[SHA256_LEN];
    double start = cpu_ns();
    for (int i = 0; i < TIMES; i++)
        hmac_sha256(secret, text, digest);
    return (cpu_ns() - start) / TIMES / 1000;
}

int main(void)
{
    const struct conf conf = {.jwt_secret = STR("benchmark-secret-of-32-bytes-or-more")};
    double ours[ROUNDS], floor[ROUNDS];
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct who_keys keys;
    who_keys_init(&keys, &conf);
    who_sign_access(&token, &keys, STR("0123456789abcdef0123456789abcdef"),
                    STR("somebody@example.org"), STR("fedcba9876543210fedcba9876543210"), NOW);
    const char *dot = memrchr(token.p, '.', token.n);
    struct str text = str_make(token.p, (size_t)(dot - token.p));
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = verify(buf_str(&token), &keys, &mem);
        floor[i] = sign(text, conf.jwt_secret);
    }
    row_print("verify an access token, CPU", "us", median(ours, ROUNDS), median(floor, ROUNDS),
              "value<5");
    buf_release(&token);
    arena_release(&mem);
    return 0;
}
