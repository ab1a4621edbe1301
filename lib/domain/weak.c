/* The list of common passwords: sorted once, searched by halves. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "domain/password.h"
#include "domain/weak.h"

static enum err read_all(int fd, struct buf *out)
{
    char part[65536];
    ssize_t got;
    while ((got = read(fd, part, sizeof part)) != 0) {
        if (got < 0 && errno != EINTR)
            return ERR_INVALID;
        if (got > 0)
            buf_append(out, part, (size_t)got);
        if (out->n > WEAK_FILE_MAX)
            return ERR_TOO_LARGE;
    }
    return OK;
}

static struct str read_file(const char *path, struct arena *mem, struct str *message)
{
    struct buf bytes = BUF_INIT;
    struct str text = STR_NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum err e = fd < 0 ? ERR_INVALID : read_all(fd, &bytes);
    if (e == OK)
        text = arena_dup(mem, bytes.n ? buf_str(&bytes) : STR(""));
    else
        *message = e == ERR_TOO_LARGE
                       ? arena_printf(mem, "%s: more than %zu bytes", path, WEAK_FILE_MAX)
                       : arena_printf(mem, "%s: cannot be read: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_release(&bytes);
    return text;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

static int compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = memcmp(a.p, b.p, n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_text(const void *a, const void *b)
{
    return compare(*(const struct str *)a, *(const struct str *)b);
}

static bool is_password(struct str line)
{
    return line.n >= PASSWORD_MIN && line.n <= PASSWORD_MAX &&
           !str_starts_with(line, STR("#!comment:"));
}

static size_t count_lines(struct str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

enum err weak_load(struct weak_list *out, const char *path, struct arena *mem, struct str *message)
{
    struct str rest = read_file(path, mem, message), line;
    if (!rest.p)
        return ERR_INVALID;
    struct str *items = arena_zalloc(mem, count_lines(rest), sizeof *items);
    *out = (struct weak_list){items, 0};
    while (str_next(&rest, '\n', &line)) {
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (!is_password(line))
            continue;
        for (size_t i = 0; i < line.n; i++)
            ((char *)line.p)[i] = lower(line.p[i]);
        items[out->count++] = line;
    }
    if (!out->count) {
        *message = arena_printf(mem, "%s: no line of %d characters or more", path, PASSWORD_MIN);
        return ERR_INVALID;
    }
    qsort(items, out->count, sizeof *items, by_text);
    return OK;
}

bool weak_has(const struct weak_list *l, struct str password)
{
    char text[PASSWORD_MAX];
    if (password.n > sizeof text || !l->count)
        return false;
    for (size_t i = 0; i < password.n; i++)
        text[i] = lower(password.p[i]);
    struct str key = str_make(text, password.n);
    return bsearch(&key, l->items, l->count, sizeof key, by_text) != NULL;
}
