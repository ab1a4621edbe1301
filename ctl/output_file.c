/* New files, and how they come by their name. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "export.h"
#include "store/folder.h"

enum err output_create(struct output *o, const char *path)
{
    *o = (struct output){.path = path, .text = BUF_INIT};
    o->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return o->fd < 0 ? folder_errno(errno) : OK;
}

enum err output_flush(struct output *o)
{
    if (o->text.n < OUTPUT_BYTES)
        return OK;
    enum err e = folder_write(o->fd, buf_str(&o->text));
    buf_reset(&o->text);
    return e;
}

enum err output_close(struct output *o, bool sync, enum err e)
{
    if (!e)
        e = folder_write(o->fd, buf_str(&o->text));
    if (!e && sync && fsync(o->fd) < 0)
        e = folder_errno(errno);
    if (close(o->fd) < 0 && !e)
        e = folder_errno(errno);
    if (e)
        unlink(o->path);
    buf_release(&o->text);
    return e;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Some file systems know no renaming that replaces nothing: there it is looked before. */
static enum err rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return OK;
    if (errno != EINVAL && errno != ENOSYS)
        return folder_errno(errno);
    if (access(to, F_OK) == 0)
        return ERR_CONFLICT;
    return rename(from, to) < 0 ? folder_errno(errno) : OK;
}

enum err output_publish(const char *made, const char *path, bool force, struct arena *mem)
{
    char iso[CLOCK_ISO_LEN + 1];
    enum err e = rename_new(made, path);
    if (e != ERR_CONFLICT || !force)
        return e;
    if (!is_folder(path) && !is_folder(made))
        return rename(made, path) < 0 ? folder_errno(errno) : OK;
    clock_iso(clock_wall_ms(), iso);
    for (char *p = iso; *p; p++)
        if (*p == ':')
            *p = '-';
    e = rename_new(path, arena_printf(mem, "%s.replaced-%s", path, iso).p);
    return e ? e : rename_new(made, path);
}
