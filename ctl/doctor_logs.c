/* Do query strings, which may hold tokens, end up in logs? One was sent that is easy to find. */
#include "base/base.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "store/folder.h"

#define TAIL_MAX (512 * 1024)

/* Is the word in the last bytes of the file? */
static bool has_word(const char *path, const char *word)
{
    struct buf text = BUF_INIT;
    struct stat st;
    bool has = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
        ssize_t n = pread(fd, buf_reserve(&text, TAIL_MAX), TAIL_MAX, from);
        has = n > 0 && memmem(text.p, (size_t)n, word, strlen(word));
    }
    if (fd >= 0)
        close(fd);
    buf_release(&text);
    return has;
}

/* Logs of this folder that were written to since the run began; the first that has the word. */
static size_t look_in(struct doctor *d, const char *folder, const char **found)
{
    struct folder_names names = {.count = 0};
    size_t seen = 0;
    if (folder_read(folder, d->mem, &names))
        return 0;
    for (size_t i = 0; i < names.count; i++) {
        const char *path = TEXT(d, "%s/%.*s", folder, STR_ARG(names.list[i]));
        struct stat st;
        if (!str_ends_with(names.list[i], STR("log")) || stat(path, &st) < 0 ||
            !S_ISREG(st.st_mode) || st.st_mtime < d->started_at / 1000 || access(path, R_OK) < 0)
            continue;
        seen++;
        if (!*found && has_word(path, d->marker))
            *found = path;
    }
    return seen;
}

void check_logs(struct doctor *d)
{
    static const char *const folders[] = {"/var/log/apache2", "/var/log/lighttpd",
                                          "/var/log/nginx"};
    const char *found = NULL;
    size_t seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        seen += look_in(d, folders[i], &found);
    if (d->has_data)
        seen += look_in(d, TEXT(d, "%s/run", ctl_data_dir(d->ctl)), &found);
    if (found)
        doctor_fault(d, doctor_directive(d, TROUBLE_LOGS),
                     "%s has query strings in it, which may hold tokens", found);
    else if (!seen)
        doctor_skip(d, "no log that this user can read was written to");
    else
        doctor_ok(d, "no query string in %zu logs", seen);
}
