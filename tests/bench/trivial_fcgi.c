/*
 * The least a FastCGI application can do, as the floor of every request: take the request, drain
 * its body, answer BENCH_SIZE bytes (2). libfcgi, CUBBY_THREADS threads, started by the web server.
 */
#include "base/base.h"

#include <fcgiapp.h>
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define THREADS_MAX 64
#define SIZE_LIMIT  (16 * 1024 * 1024)

struct answer {
    char *body;
    int size;
};

static int64_t setting(const char *name, int64_t fallback, int64_t max)
{
    int64_t n;
    struct str text = str_from_c(getenv(name));
    return str_to_i64(text, 1, max, &n) ? n : fallback;
}

static void *worker_main(void *arg)
{
    const struct answer *a = arg;
    char drain[4096];
    FCGX_Request r;
    FCGX_InitRequest(&r, 0, 0);
    while (FCGX_Accept_r(&r) == 0) {
        while (FCGX_GetStr(drain, sizeof drain, r.in) > 0)
            continue;
        FCGX_FPrintF(r.out, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                     a->size);
        FCGX_PutStr(a->body, a->size, r.out);
        FCGX_Finish_r(&r);
    }
    return NULL;
}

int main(void)
{
    int64_t threads = setting("CUBBY_THREADS", 4, THREADS_MAX);
    struct answer a = {.size = (int)setting("BENCH_SIZE", 2, SIZE_LIMIT)};
    pthread_t thread;
    a.body = mem_alloc((size_t)a.size);
    memset(a.body, '1', (size_t)a.size);
    if (FCGX_Init() != 0)
        fatal("FCGX_Init failed");
    for (int64_t i = 1; i < threads; i++)
        if (pthread_create(&thread, NULL, worker_main, &a) != 0)
            fatal("no thread");
    worker_main(&a);
    return 0;
}
