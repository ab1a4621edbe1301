/* MANIFEST: written and read as text, and the digests that it lists. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/enc.h"
#include "store/folder.h"
#include "store/manifest.h"

#define FORMAT "cubby-backup 1\n"

void manifest_release(struct manifest *m)
{
    map_release(&m->by_path);
}

struct manifest_file *manifest_add(struct manifest *m, struct str path, struct str stamp,
                                   struct arena *mem)
{
    struct manifest_file *f = arena_zalloc(mem, 1, sizeof *f);
    if (m->count == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 64;
        struct manifest_file **grown = arena_zalloc(mem, m->cap, sizeof(*grown));
        if (m->count)
            memcpy(grown, m->files, m->count * sizeof(*grown));
        m->files = grown;
    }
    f->path = arena_dup(mem, path);
    f->stamp = arena_dup(mem, stamp);
    m->files[m->count++] = f;
    map_put(&m->by_path, f->path, f);
    return f;
}

struct manifest_file *manifest_find(const struct manifest *m, struct str path)
{
    return map_get(&m->by_path, path);
}

void manifest_digest_of(struct str bytes, char out[2 * SHA256_LEN + 1])
{
    unsigned char hash[SHA256_LEN];
    sha256(bytes, hash);
    hex_encode(hash, SHA256_LEN, out);
}

/* --- files ------------------------------------------------------------------------------------ */

/* Map a file for reading; an empty one has no pages. */
static enum err map_file(const char *path, struct str *out)
{
    struct stat st;
    void *p = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return folder_errno(errno);
    int rc = fstat(fd, &st);
    if (rc == 0 && st.st_size > 0)
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (rc < 0 || p == MAP_FAILED)
        return ERR_INTERNAL;
    *out = str_make(p ? p : "", (size_t)st.st_size);
    return OK;
}

static void unmap_file(struct str s)
{
    if (s.n)
        munmap((void *)(uintptr_t)s.p, s.n);
}

enum err manifest_digest(const char *path, char sha256[2 * SHA256_LEN + 1], int64_t *size)
{
    struct str text;
    enum err e = map_file(path, &text);
    if (e)
        return e;
    manifest_digest_of(text, sha256);
    *size = (int64_t)text.n;
    unmap_file(text);
    return OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

enum err manifest_write(const struct manifest *m, const char *folder)
{
    char hash[2 * SHA256_LEN + 1];
    struct buf text = BUF_INIT, path = BUF_INIT;
    buf_appendf(&text, FORMAT "created %lld\n", (long long)m->created_at);
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_file *f = m->files[i];
        if (!f->dropped)
            buf_appendf(&text, "file %s %lld %.*s %.*s\n", f->sha256, (long long)f->size,
                        STR_ARG(f->stamp), STR_ARG(f->path));
    }
    manifest_digest_of(buf_str(&text), hash);
    buf_appendf(&text, "end %s\n", hash);
    buf_appendf(&path, "%s/" MANIFEST_NAME, folder);
    int fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum err e = fd < 0 ? folder_errno(errno) : folder_write(fd, buf_str(&text));
    if (!e && fsync(fd) < 0)
        e = folder_errno(errno);
    if (fd >= 0)
        close(fd);
    buf_release(&path);
    buf_release(&text);
    return e;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Nothing that leads out of the folder. */
static bool is_inner_path(struct str path)
{
    struct str part;
    if (!path.n)
        return false;
    while (str_next(&path, '/', &part)) {
        if (!part.n || part.p[0] == '.')
            return false;
        for (size_t i = 0; i < part.n; i++)
            if ((unsigned char)part.p[i] < 0x21 || part.p[i] == 0x7f)
                return false;
    }
    return true;
}

static bool read_file_line(struct manifest *m, struct str line, struct arena *mem)
{
    struct str hash, size, stamp;
    unsigned char bytes[SHA256_LEN];
    int64_t n;
    if (!str_next(&line, ' ', &hash) || !str_next(&line, ' ', &size) ||
        !str_next(&line, ' ', &stamp) || !line.p)
        return false;
    if (hash.n != 2 * SHA256_LEN || !hex_decode(hash, bytes, SHA256_LEN) ||
        !str_to_i64(size, 0, INT64_MAX, &n) || !is_inner_path(line) || manifest_find(m, line))
        return false;
    struct manifest_file *f = manifest_add(m, line, stamp, mem);
    hex_encode(bytes, SHA256_LEN, f->sha256);
    f->size = n;
    return true;
}

static bool read_line(struct manifest *m, struct str line, struct arena *mem)
{
    struct str word;
    if (!str_next(&line, ' ', &word) || !line.p)
        return false;
    if (str_eq(word, STR("created")))
        return str_to_i64(line, 0, INT64_MAX, &m->created_at);
    return str_eq(word, STR("file")) && read_file_line(m, line, mem);
}

/* The lines before the last, which is right about them. */
static bool is_whole(struct str *text)
{
    static const size_t last = sizeof "end " - 1 + 2 * SHA256_LEN + 1;
    char hash[2 * SHA256_LEN + 1];
    if (text->n < last)
        return false;
    struct str end = str_from(*text, text->n - last);
    text->n -= last;
    manifest_digest_of(*text, hash);
    return str_starts_with(end, STR("end ")) && end.p[end.n - 1] == '\n' &&
           str_eq(str_make(end.p + 4, 2 * SHA256_LEN), str_make(hash, 2 * SHA256_LEN));
}

static enum err parse(struct manifest *m, struct str text, struct arena *mem, struct str *message)
{
    struct str line;
    *message = STR("its " MANIFEST_NAME " is not whole");
    if (!is_whole(&text))
        return ERR_CORRUPT;
    if (!str_starts_with(text, STR(FORMAT))) {
        *message = STR("a newer cubbyctl wrote it: use that one");
        return ERR_TOO_NEW;
    }
    text = str_from(text, sizeof FORMAT - 1);
    while (text.n && str_next(&text, '\n', &line))
        if (!read_line(m, line, mem))
            return ERR_CORRUPT;
    return OK;
}

enum err manifest_read(struct manifest *m, const char *folder, struct arena *mem,
                       struct str *message)
{
    struct str text;
    enum err e = map_file(arena_printf(mem, "%s/" MANIFEST_NAME, folder).p, &text);
    *message = e == ERR_NOT_FOUND ? STR("it has no " MANIFEST_NAME ", so it was never finished")
                                  : STR("its " MANIFEST_NAME " cannot be read");
    if (e)
        return e;
    e = parse(m, text, mem, message);
    unmap_file(text);
    return e;
}
