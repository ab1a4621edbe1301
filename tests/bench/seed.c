/*
 * A data folder with many users, made faster than by signing up: one user's file is made as always,
 * with a session, and copied; the accounts are inserted by the store. The first REAL users' files
 * are true copies and their access tokens are printed, one a line. The others, whom no benchmark
 * asks for, have their account and their place in the folders, but a file of holes of the same
 * size.
 *
 *   seed DATA_DIR USERS REAL      settings come from the environment
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "bench/lib/data.h"
#include "domain/who.h"
#include "store/accounts.h"
#include "store/kv.h"
#include "store/sessions.h"

struct seed {
    struct data data;
    char template_path[4096];
    char sid[SESSION_ID_LEN + 1];
    off_t size;
};

static void user_path(const struct seed *s, const char *id, char *path, size_t size)
{
    snprintf(path, size, "%s/users/%.2s", s->data.data_dir, id);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        fatal("%s: errno=%d", path, errno);
    snprintf(path, size, "%s/users/%.2s/%s.db", s->data.data_dir, id, id);
}

/* The template is whole in its main file, without a WAL, when it is closed. */
static void make_template(struct seed *s)
{
    struct space *sp;
    struct stat st;
    char id[RAND_ID_LEN + 1], jti[RAND_ID_LEN + 1];
    bool all;
    int64_t now = clock_wall_ms();
    rand_id(id);
    rand_id(jti);
    rand_id(s->sid);
    struct session session = {.id = str_from_c(s->sid), .created_at = now, .last_seen_at = now};
    struct refresh_state refresh = {.jti = str_from_c(jti),
                                    .iat = now / 1000,
                                    .exp = now / 1000 + REFRESH_TOKEN_S,
                                    .kid = STR("00000000")};
    data_need(space_create(s->data.store, SPACE_USER, str_from_c(id), &sp), "template");
    data_need(space_begin_write(sp), "template");
    data_need(sessions_create(sp, &session, &refresh), "session");
    data_need(kv_set(sp, STR("bench"), STR("{\"n\":1}"), now), "kv");
    data_need(space_commit(sp), "template");
    data_need(db_checkpoint(sp->db, &all), "checkpoint");
    space_release(sp);
    user_path(s, id, s->template_path, sizeof s->template_path);
    if (!all || stat(s->template_path, &st) != 0)
        fatal("no template: errno=%d", errno);
    s->size = st.st_size;
}

static void make_file(const struct seed *s, const char *id, bool real)
{
    char path[4096];
    off_t at = 0;
    user_path(s, id, path, sizeof path);
    int from = open(s->template_path, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool made = from >= 0 && to >= 0 && ftruncate(to, s->size) == 0;
    while (made && real && at < s->size)
        made = sendfile(to, from, &at, (size_t)(s->size - at)) > 0;
    if (!made)
        fatal("%s: errno=%d", path, errno);
    close(from);
    close(to);
}

static void make_user(struct seed *s, const struct who_keys *keys, unsigned n, bool real)
{
    char id[RAND_ID_LEN + 1], email[64];
    struct buf token = BUF_INIT;
    int64_t now = clock_wall_ms();
    rand_id(id);
    snprintf(email, sizeof email, "user%u@bench.example", n);
    struct account a = {.id = str_from_c(id),
                        .email = str_from_c(email),
                        .password_hash = STR("!"), /* nobody signs in with a password */
                        .created_at = now};
    make_file(s, id, real);
    data_need(accounts_create(s->data.store, &a), "account");
    if (real) {
        who_sign_access(&token, keys, a.id, a.email, str_from_c(s->sid), now / 1000);
        printf("%.*s\n", STR_ARG(buf_str(&token)));
    }
    buf_release(&token);
}

/* Nobody's file is no part of what was made. */
static void remove_template(const struct seed *s)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[4096 + 8];
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", s->template_path, suffixes[i]);
        unlink(path);
    }
}

int main(int argc, char **argv)
{
    struct seed s = {0};
    struct who_keys keys;
    int64_t users = 0, real = 0;
    if (argc != 4 || !str_to_i64(str_from_c(argv[2]), 1, 10000000, &users) ||
        !str_to_i64(str_from_c(argv[3]), 1, users, &real))
        fatal("usage: seed DATA_DIR USERS REAL");
    data_open(&s.data, argv[1], DB_SYNC_NORMAL);
    who_keys_init(&keys, &s.data.conf);
    make_template(&s);
    for (int64_t i = 0; i < users; i++)
        make_user(&s, &keys, (unsigned)i, i < real);
    data_close(&s.data);
    remove_template(&s);
    return 0;
}
