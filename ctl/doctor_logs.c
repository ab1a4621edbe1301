/*
 * Do query strings, which may hold tokens, end up in logs? One request has a mark in its path and
 * another in its query: a log that has the first is the web server's, and must not have the second.
 */
#include "base/base.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "store/folder.h"

#define TAIL_MAX (512 * 1024)

#define IN_PATH  "path-"
#define IN_QUERY "query-"

void doctor_leave_mark(struct doctor *d)
{
    struct dial_answer ignored;
    rand_id(d->marker);
    const char *path = TEXT(d, "/api/" IN_PATH "%s?token=" IN_QUERY "%s", d->marker, d->marker);
    doctor_ask(d, &(struct doctor_ask){.path = path}, &ignored);
}

/* What is known so far. */
struct logs {
    struct doctor *doctor;
    size_t seen;       /* that the request is in */
    const char *first; /* of those with its query; NULL: none */
};

static void look_at(struct logs *l, const char *path)
{
    struct doctor *d = l->doctor;
    struct buf text = BUF_INIT;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        off_t from = st.st_size > TAIL_MAX ? st.st_size - TAIL_MAX : 0;
        ssize_t n = pread(fd, buf_reserve(&text, TAIL_MAX), TAIL_MAX, from);
        text.n = n > 0 ? (size_t)n : 0;
        text.p[text.n] = '\0';
        l->seen += strstr(text.p, TEXT(d, IN_PATH "%s", d->marker)) != NULL;
        if (!l->first && strstr(text.p, TEXT(d, IN_QUERY "%s", d->marker)))
            l->first = path;
    }
    if (fd >= 0)
        close(fd);
    buf_release(&text);
}

static void look_in(struct logs *l, const char *folder)
{
    struct folder_names names = {.count = 0};
    if (folder_read(folder, l->doctor->mem, &names))
        return;
    for (size_t i = 0; i < names.count; i++)
        if (str_ends_with(names.list[i], STR("log")))
            look_at(l, TEXT(l->doctor, "%s/%.*s", folder, STR_ARG(names.list[i])));
}

void check_logs(struct doctor *d)
{
    static const char *const folders[] = {"/var/log/apache2", "/var/log/lighttpd",
                                          "/var/log/nginx"};
    struct logs l = {.doctor = d};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        look_in(&l, folders[i]);
    if (d->has_data)
        look_in(&l, TEXT(d, "%s/run", ctl_data_dir(d->ctl)));
    if (l.first)
        doctor_fault(d, doctor_directive(d, TROUBLE_LOGS),
                     "%s has query strings in it, which may hold tokens", l.first);
    else if (!l.seen)
        doctor_skip(d, "no log that this user can read has the requests of this run (yet)");
    else
        doctor_ok(d, "no query string in the log");
}
