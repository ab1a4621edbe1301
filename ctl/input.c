/* Reading a file from its beginning to its end. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "import.h"
#include "store/folder.h"

enum err input_open(struct input *in, const char *path)
{
    struct stat st;
    *in = (struct input){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (in->fd < 0)
        return folder_errno(errno);
    if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode)) {
        in->size = st.st_size;
        return OK;
    }
    input_close(in);
    return ERR_INVALID; /* it is read twice, which a pipe cannot be */
}

void input_close(struct input *in)
{
    close(in->fd);
}

enum err input_read(struct input *in, struct buf *out, size_t n, bool *at_end)
{
    ssize_t got;
    do
        got = read(in->fd, buf_reserve(out, n), n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return folder_errno(errno);
    out->n += (size_t)got;
    out->p[out->n] = '\0';
    in->read += got;
    *at_end = got == 0;
    return OK;
}
