/* Argon2id on a few threads of their own, with a bounded line of callers before them. */
#include "base/base.h"

#include <argon2.h>
#include <pthread.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/rand.h"
#include "domain/password.h"

/* OWASP's Argon2id parameters: 19 MiB, two passes, one lane. */
#define MEMORY_KIB  19456
#define PASSES      2
#define LANES       1
#define SALT_LEN    16
#define HASH_LEN    32
#define ENCODED_MAX 128

/* Hashes give way to requests: about a tenth of the share of a thread that answers. */
#define HASH_NICE 10

/* Of the same cost as any: what a password is compared with when there is no account. */
#define NOBODY                                                                                     \
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"                                       \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* One caller's wish, on its stack while it waits. */
struct job {
    struct list node; /* in pool->waiting until a worker takes it */
    struct str password;
    char encoded[ENCODED_MAX]; /* in: to compare with; out: the hash made */
    bool verify;
    bool done;
    int result; /* argon2's */
    pthread_cond_t finished;
};

struct password_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list waiting;
    size_t jobs, jobs_max; /* waiting or being worked on */
    bool stopping;
    size_t worker_count;
    pthread_t workers[];
};

static int run(struct job *j)
{
    unsigned char salt[SALT_LEN];
    if (j->verify)
        return argon2id_verify(j->encoded, j->password.p, j->password.n);
    rand_bytes(salt, sizeof salt);
    return argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, j->password.p, j->password.n, salt,
                                 sizeof salt, HASH_LEN, j->encoded, sizeof j->encoded);
}

static void *worker(void *arg)
{
    struct password_pool *p = arg;
    /* Linux: of this thread alone, below the others whatever theirs is. Without it hashing works
     * all the same. */
    (void)!nice(HASH_NICE);

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (list_is_empty(&p->waiting) && !p->stopping)
            pthread_cond_wait(&p->work, &p->lock);
        if (list_is_empty(&p->waiting))
            break;
        struct job *j = list_entry(p->waiting.next, struct job, node);
        list_del(&j->node);
        pthread_mutex_unlock(&p->lock);
        int result = run(j);
        pthread_mutex_lock(&p->lock);
        j->result = result;
        j->done = true;
        pthread_cond_signal(&j->finished);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct password_pool *password_pool_new(size_t workers, size_t queue)
{
    struct password_pool *p = mem_zalloc(1, sizeof *p + workers * sizeof p->workers[0]);
    assert(workers > 0);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    list_init(&p->waiting);
    p->jobs_max = workers + queue;
    while (p->worker_count < workers) {
        int failed = pthread_create(&p->workers[p->worker_count++], NULL, worker, p);
        assert(!failed);
    }
    return p;
}

void password_pool_free(struct password_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->worker_count; i++)
        pthread_join(p->workers[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

static enum err work_off(struct password_pool *p, struct job *j)
{
    enum err e = OK;
    pthread_cond_init(&j->finished, NULL);
    pthread_mutex_lock(&p->lock);
    if (p->jobs == p->jobs_max) {
        e = ERR_BUSY;
    } else {
        p->jobs++;
        list_add_tail(&p->waiting, &j->node);
        pthread_cond_signal(&p->work);
        while (!j->done)
            pthread_cond_wait(&j->finished, &p->lock);
        p->jobs--;
    }
    pthread_mutex_unlock(&p->lock);
    pthread_cond_destroy(&j->finished);
    return e;
}

enum err password_hash(struct password_pool *p, struct str password, struct arena *mem,
                       struct str *encoded)
{
    struct job j = {.password = password};
    enum err e = work_off(p, &j);
    if (e)
        return e;
    if (j.result != ARGON2_OK)
        return ERR_INTERNAL;
    *encoded = arena_dup(mem, str_from_c(j.encoded));
    return OK;
}

enum err password_verify(struct password_pool *p, struct str password, struct str encoded,
                         bool *same)
{
    struct job j = {.password = password, .verify = true};
    struct str against = encoded.n ? encoded : STR(NOBODY);

    *same = false;
    if (against.n >= sizeof j.encoded)
        return ERR_CORRUPT;
    memcpy(j.encoded, against.p, against.n);
    enum err e = work_off(p, &j);
    if (e)
        return e;
    if (j.result != ARGON2_OK && j.result != ARGON2_VERIFY_MISMATCH)
        return j.result == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_BUSY : ERR_CORRUPT;
    *same = encoded.n && j.result == ARGON2_OK;
    return OK;
}
