/* Copying, listing and removing by name. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/folder.h"

#define COPY_BYTES (256 * 1024)

enum err folder_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_FORBIDDEN;
    case EMFILE:
    case ENFILE:
        return ERR_BUSY;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_CONFLICT;
    default:
        return ERR_INTERNAL;
    }
}

/* --- copying ---------------------------------------------------------------------------------- */

enum err folder_write(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return folder_errno(errno);
        s = str_from(s, n < 0 ? 0 : (size_t)n);
    }
    return OK;
}

static enum err copy_bytes(int from, int to)
{
    char *block = mem_alloc(COPY_BYTES);
    enum err e = OK;
    ssize_t n;
    while (!e && (n = read(from, block, COPY_BYTES)) != 0) {
        if (n > 0)
            e = folder_write(to, str_make(block, (size_t)n));
        else if (errno != EINTR)
            e = folder_errno(errno);
    }
    mem_free(block);
    return e;
}

static enum err create(const char *path, int *fd)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? folder_errno(errno) : OK;
}

static enum err finish(const char *path, int fd, enum err e)
{
    if (!e)
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* where it can: a hint */
    if (close(fd) < 0 && !e)
        e = folder_errno(errno);
    if (e)
        unlink(path);
    return e;
}

enum err folder_copy_file(const char *from, const char *to)
{
    int out = -1, in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum err e = in < 0 ? folder_errno(errno) : OK;
    if (e)
        return e;
    e = create(to, &out);
    if (!e)
        e = finish(to, out, copy_bytes(in, out));
    close(in);
    return e;
}

enum err folder_write_file(const char *to, struct str bytes)
{
    int out;
    enum err e = create(to, &out);
    return e ? e : finish(to, out, folder_write(out, bytes));
}

enum err folder_read_file(const char *path, size_t max, struct buf *out)
{
    size_t begun = out->n;
    ssize_t n = 1;
    int in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum err e = in < 0 ? folder_errno(errno) : OK;
    while (!e && n != 0) {
        n = read(in, buf_reserve(out, COPY_BYTES), COPY_BYTES);
        if (n < 0 && errno != EINTR)
            e = folder_errno(errno);
        out->n += n > 0 ? (size_t)n : 0;
        if (out->n - begun > max)
            e = ERR_TOO_LARGE;
    }
    if (in >= 0)
        close(in);
    return e;
}

enum err folder_make_parents(const char *root, struct str path)
{
    struct arena mem = ARENA_INIT;
    enum err e = OK;
    for (size_t i = 0; !e && i < path.n; i++)
        if (path.p[i] == '/' &&
            mkdir(arena_printf(&mem, "%s/%.*s", root, (int)i, path.p).p, 0700) < 0 &&
            errno != EEXIST)
            e = folder_errno(errno);
    arena_release(&mem);
    return e;
}

/* --- listing and removing --------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void folder_add_name(struct folder_names *n, struct str name, struct arena *mem)
{
    if (n->count == n->cap) {
        n->cap = n->cap ? 2 * n->cap : 64;
        struct str *grown = arena_zalloc(mem, n->cap, sizeof *grown);
        if (n->count)
            memcpy(grown, n->list, n->count * sizeof *grown);
        n->list = grown;
    }
    n->list[n->count++] = arena_dup(mem, name);
}

enum err folder_read(const char *path, struct arena *mem, struct folder_names *out)
{
    *out = (struct folder_names){.count = 0};
    DIR *dir = opendir(path);
    if (!dir)
        return folder_errno(errno);
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            folder_add_name(out, str_from_c(d->d_name), mem);
    closedir(dir);
    if (out->count)
        qsort(out->list, out->count, sizeof *out->list, by_name);
    return OK;
}

/* Folders within folders are few here: three deep. */
enum err folder_remove(const char *path)
{
    struct arena mem = ARENA_INIT;
    struct folder_names names;
    enum err e = folder_read(path, &mem, &names);
    for (size_t i = 0; !e && i < names.count; i++) {
        struct str inner = arena_printf(&mem, "%s/%.*s", path, STR_ARG(names.list[i]));
        if (unlink(inner.p) == 0)
            continue;
        e = errno == EISDIR ? folder_remove(inner.p) : folder_errno(errno);
    }
    if (!e && rmdir(path) < 0)
        e = folder_errno(errno);
    arena_release(&mem);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return folder_errno(errno);
    enum err e = syncfs(fd) < 0 || fsync(fd) < 0 ? folder_errno(errno) : OK;
    close(fd);
    return e;
}
