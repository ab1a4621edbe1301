/* A thread that accepts one connection after the other, reads one request and answers it. */
#include "base/base.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/website.h"

#define PAGES_MAX 16
#define NAME_ROOM 64

struct page {
    char path[NAME_ROOM];
    struct buf answer; /* empty: none */
    int hits;
};

struct website {
    pthread_mutex_t lock; /* of all below but url and fd */
    struct page pages[PAGES_MAX];
    size_t count;
    struct buf last;
    bool stopping;
    int fd;
    char url[64];
    pthread_t thread;
};

/* With the lock held. */
static struct page *find(struct website *w, struct str path)
{
    for (size_t i = 0; i < w->count; i++)
        if (str_eq(str_from_c(w->pages[i].path), path))
            return &w->pages[i];
    return NULL;
}

static bool is_stopping(struct website *w)
{
    pthread_mutex_lock(&w->lock);
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return stopping;
}

/* The bytes of the body that are still to come. */
static size_t missing(const struct buf *b)
{
    const char *end = b->n ? strstr(b->p, "\r\n\r\n") : NULL;
    const char *length = b->n ? strcasestr(b->p, "\r\nContent-Length:") : NULL;
    if (!end)
        return 1;
    size_t whole = (size_t)(end + 4 - b->p) + (length ? strtoul(length + 17, NULL, 10) : 0);
    return whole > b->n ? whole - b->n : 0;
}

static bool read_request(int fd, struct buf *out)
{
    char bytes[4096];
    buf_reset(out);
    while (missing(out) > 0) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return false;
        buf_append(out, bytes, (size_t)n);
    }
    return true;
}

static struct str path_of(const struct buf *request)
{
    struct str rest = buf_str(request), word;
    bool found = str_next(&rest, ' ', &word) && str_next(&rest, ' ', &word);
    return found ? str_make(word.p, str_find(word, '?')) : STR("");
}

/* Until the client has had enough. */
static void stall(struct website *w, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    while (!is_stopping(w) && poll(&p, 1, 20) == 0)
        ;
}

static void answer(struct website *w, int fd)
{
    struct buf request = BUF_INIT, reply = BUF_INIT;
    if (read_request(fd, &request)) {
        pthread_mutex_lock(&w->lock);
        struct page *page = find(w, path_of(&request));
        buf_reset(&w->last);
        buf_append_str(&w->last, buf_str(&request));
        if (page) {
            page->hits++;
            buf_append_str(&reply, buf_str(&page->answer));
        } else {
            buf_append_lit(&reply, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
        pthread_mutex_unlock(&w->lock);
        if (!reply.n)
            stall(w, fd);
        else if (send(fd, reply.p, reply.n, MSG_NOSIGNAL) >= 0)
            shutdown(fd, SHUT_WR);
    }
    close(fd);
    buf_release(&request);
    buf_release(&reply);
}

static void *serve(void *arg)
{
    struct website *w = arg;
    int fd;
    while ((fd = accept(w->fd, NULL, NULL)) >= 0)
        answer(w, fd);
    return NULL;
}

struct website *website_new(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    struct website *w = mem_zalloc(1, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listening = bind(w->fd, (struct sockaddr *)&a, n) == 0 && listen(w->fd, 16) == 0;
    assert(listening);
    getsockname(w->fd, (struct sockaddr *)&a, &n);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d", ntohs(a.sin_port));
    pthread_create(&w->thread, NULL, serve, w);
    return w;
}

void website_free(struct website *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_mutex_unlock(&w->lock);
    shutdown(w->fd, SHUT_RDWR);
    pthread_join(w->thread, NULL);
    close(w->fd);
    for (size_t i = 0; i < w->count; i++)
        buf_release(&w->pages[i].answer);
    buf_release(&w->last);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

struct str website_url(const struct website *w)
{
    return str_from_c(w->url);
}

void website_say(struct website *w, const char *path, struct str text)
{
    pthread_mutex_lock(&w->lock);
    struct page *page = find(w, str_from_c(path));
    if (!page) {
        assert(w->count < PAGES_MAX && strlen(path) < NAME_ROOM);
        page = &w->pages[w->count++];
        memcpy(page->path, path, strlen(path) + 1);
    }
    buf_reset(&page->answer);
    buf_append_str(&page->answer, text);
    pthread_mutex_unlock(&w->lock);
}

void website_publish(struct website *w, const char *path, const char *lines, struct str body)
{
    struct buf text = BUF_INIT;
    buf_appendf(
        &text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
        lines, body.n);
    buf_append_str(&text, body);
    website_say(w, path, buf_str(&text));
    buf_release(&text);
}

int website_hits(struct website *w, const char *path)
{
    pthread_mutex_lock(&w->lock);
    const struct page *page = find(w, str_from_c(path));
    int hits = page ? page->hits : 0;
    pthread_mutex_unlock(&w->lock);
    return hits;
}

struct buf website_last(struct website *w)
{
    struct buf copy = BUF_INIT;
    pthread_mutex_lock(&w->lock);
    buf_append_str(&copy, buf_str(&w->last));
    pthread_mutex_unlock(&w->lock);
    return copy;
}
