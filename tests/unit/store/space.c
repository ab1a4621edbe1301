/*
 * space: paths, the cache of handles, queueing, deletion, damage, and that no commit of any process
 * runs beside a checkpoint.
 */
#include "base/base.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/event.h"
#include "store/kv.h"
#include "store/lock.h"

static int set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

static struct space *acquire(struct store *s, struct str id)
{
    struct space *sp;
    assert_int_equal(space_create(s, SPACE_USER, id, &sp), OK);
    return sp;
}

static void set(struct space *sp, const char *value)
{
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(kv_set(sp, STR("k"), str_make(value, strlen(value)), 1), OK);
    assert_int_equal(space_commit(sp), OK);
}

/* SQLite writes nothing for a value that is there already: each commit needs its own. */
static void set_number(struct space *sp, int i)
{
    char text[16];
    snprintf(text, sizeof text, "%d", i);
    set(sp, text);
}

static bool exists(struct test_store *t, const char *below)
{
    return access(test_store_path(t, below), F_OK) == 0;
}

/* The n-th of many user ids. */
static struct str nth(char id[33], int n)
{
    snprintf(id, 33, "%032x", n);
    return str_make(id, 32);
}

/* --- files ------------------------------------------------------------------------------------ */

static void each_space_has_its_place_and_only_the_owner_sees_it(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    struct stat st;
    space_release(acquire(t->store, STR(TEST_USER)));
    assert_int_equal(space_create(t->store, SPACE_SHARED, STR("counters"), &sp), OK);
    space_release(sp);
    assert_true(exists(t, "main.db"));
    assert_true(exists(t, "users/01/" TEST_USER ".db"));
    assert_true(exists(t, "shared/counters.db"));
    assert_int_equal(stat(test_store_path(t, "users/01"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void a_space_that_was_not_made_is_not_found_and_leaves_nothing(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_NOT_FOUND);
    assert_null(sp);
    assert_false(exists(t, "users/01"));
    assert_int_equal(store_stats(t->store).open, 1);
}

static void ids_of_the_wrong_form_are_not_found(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    static const struct str bad[] = {SQL(""),
                                     SQL("../../../../etc/passwd"),
                                     SQL("0123"),
                                     SQL("0123456789ABCDEF0123456789ABCDEF"),
                                     SQL("0123456789abcdef0123456789abcdef0"),
                                     SQL("..23456789abcdef0123456789abcdef")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(space_create(t->store, SPACE_USER, bad[i], &sp), ERR_NOT_FOUND);
    assert_int_equal(space_create(t->store, SPACE_SHARED, STR("a/b"), &sp), ERR_NOT_FOUND);
    assert_int_equal(space_create(t->store, SPACE_SHARED, STR("."), &sp), ERR_NOT_FOUND);
    assert_int_equal(space_create(t->store, SPACE_MAIN, STR("x"), &sp), ERR_NOT_FOUND);
}

static void closing_leaves_one_file_per_space_with_everything_in_it(void **state)
{
    struct test_store *t = *state;
    struct space *sp = acquire(t->store, STR(TEST_USER));
    struct str value;
    set(sp, "1");
    space_release(sp);
    store_close(t->store);
    t->store = NULL;
    assert_false(exists(t, "users/01/" TEST_USER ".db-wal"));
    assert_false(exists(t, "users/01/" TEST_USER ".db-shm"));
    assert_false(exists(t, "main.db-wal"));
    test_store_reopen(t, t->options);
    sp = acquire(t->store, STR(TEST_USER));
    assert_int_equal(kv_get(sp, STR("k"), &t->mem, &value), OK);
    space_release(sp);
}

static void a_data_folder_that_cannot_be_used_is_refused_with_a_message(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct store *s;
    struct str message = STR_NULL;
    o.data_dir = test_store_path(t, "main.db");
    assert_int_equal(store_open(&s, &o, &t->mem, &message), ERR_INVALID);
    assert_null(s);
    assert_true(message.n > 0);
}

/* Opens the store with its shared file, writes, and closes all again: what exits with it. */
static int use_store_once(struct store_options *o, struct arena *mem)
{
    struct store *s;
    struct space *sp;
    struct str message;
    if (store_open(&s, o, mem, &message) != OK)
        return 1;
    if (space_create(s, SPACE_SHARED, STR("counters"), &sp) != OK)
        return 2;
    if (space_begin_write(sp) != OK || space_commit(sp) != OK)
        return 3;
    space_release(sp);
    store_close(s);
    return 0;
}

/* One makes the files while others open them and the first closes them again: forty times. */
static void processes_that_start_at_once_share_one_store(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    int go[2], status;
    char byte;
    store_close(t->store); /* no threads where a process forks */
    t->store = NULL;
    for (int round = 0; round < 40; round++) {
        struct str name = arena_printf(&t->mem, "fresh%d", round);
        o.data_dir = test_store_path(t, name.p);
        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < 4; i++)
            if (fork() == 0) {
                close(go[1]);
                (void)!read(go[0], &byte, 1); /* ends for all at once */
                _exit(use_store_once(&o, &t->mem));
            }
        close(go[0]);
        close(go[1]);
        for (int i = 0; i < 4; i++) {
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
    }
}

/* --- transactions ----------------------------------------------------------------------------- */

static void releasing_rolls_back_what_was_not_committed(void **state)
{
    struct test_store *t = *state;
    struct space *sp = acquire(t->store, STR(TEST_USER));
    struct str value;
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(kv_set(sp, STR("k"), STR("1"), 1), OK);
    space_release(sp);
    sp = acquire(t->store, STR(TEST_USER));
    assert_false(sp->writing);
    assert_int_equal(kv_get(sp, STR("k"), &t->mem, &value), ERR_NOT_FOUND);
    set(sp, "2");
    space_release(sp);
}

static void a_writer_of_another_store_is_waited_for_and_then_busy(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct store *other;
    struct str message;
    o.busy_ms = 20;
    assert_int_equal(store_open(&other, &o, &t->mem, &message), OK);
    struct space *a = acquire(t->store, STR(TEST_USER)), *b = acquire(other, STR(TEST_USER));
    assert_int_equal(space_begin_write(a), OK);
    assert_int_equal(space_begin_write(b), ERR_BUSY);
    assert_int_equal(space_begin_read(b), OK);
    space_rollback(b);
    space_rollback(a);
    assert_int_equal(space_begin_write(b), OK);
    space_release(b);
    space_release(a);
    store_close(other);
}

static void a_file_beyond_quota_bytes_says_so_and_still_reads(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    static char value[40000];
    struct str got;
    enum err e = OK;
    memset(value, 'x', sizeof value - 1);
    o.quota_bytes = 300000;
    test_store_reopen(t, o);
    struct space *sp = acquire(t->store, STR(TEST_USER));
    set(sp, "1");
    for (int i = 0; i < 20 && !e; i++) {
        char key[8];
        int n = snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(space_begin_write(sp), OK);
        e = kv_set(sp, str_make(key, (size_t)n), str_make(value, sizeof value - 1), 1);
        if (!e)
            e = space_commit(sp);
        space_rollback(sp);
    }
    assert_int_equal(e, ERR_QUOTA);
    assert_int_equal(kv_get(sp, STR("k"), &t->mem, &got), OK);
    space_release(sp);
}

/* --- the cache -------------------------------------------------------------------------------- */

static void no_more_handles_rest_than_allowed_and_none_loses_a_write(void **state)
{
    struct test_store *t = *state;
    char id[33];
    struct str value;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 40; i++) {
            struct space *sp = acquire(t->store, nth(id, i));
            set(sp, id);
            space_release(sp);
        }
    for (int i = 0; i < 40; i++) {
        struct space *sp = acquire(t->store, nth(id, i));
        assert_int_equal(kv_get(sp, STR("k"), &t->mem, &value), OK);
        assert_true(str_eq(value, str_make(id, 32)));
        space_release(sp);
    }
    store_close(t->store);
    assert_int_equal(store_open(&t->store, &t->options, &t->mem, &value), OK);
    for (int i = 0; i < 40; i++)
        space_release(acquire(t->store, nth(id, i)));
    assert_true(store_stats(t->store).open <= 8);
}

static void a_handle_in_use_again_and_again_stays_open(void **state)
{
    struct test_store *t = *state;
    char id[33];
    for (int i = 1; i < 40; i++) {
        space_release(acquire(t->store, nth(id, 0)));
        space_release(acquire(t->store, nth(id, i)));
    }
    assert_int_equal(store_stats(t->store).misses, 1 + 40);
}

struct line {
    struct store *store;
    pthread_mutex_t mutex;
    int inside, most_inside, served;
    enum err result;
};

static void *stand_in_line(void *arg)
{
    struct line *l = arg;
    for (int i = 0; i < 50; i++) {
        struct space *sp;
        enum err e = space_acquire(l->store, SPACE_USER, STR(TEST_USER), &sp);
        pthread_mutex_lock(&l->mutex);
        if (e)
            l->result = e;
        if (!e && ++l->inside > l->most_inside)
            l->most_inside = l->inside;
        l->served += !e;
        pthread_mutex_unlock(&l->mutex);
        if (e)
            continue;
        if (space_begin_write(sp) == OK && kv_set(sp, STR("k"), STR("1"), 1) == OK)
            l->result = space_commit(sp);
        pthread_mutex_lock(&l->mutex);
        l->inside--;
        pthread_mutex_unlock(&l->mutex);
        space_release(sp);
    }
    return NULL;
}

static void one_thread_at_a_time_has_a_space_and_all_get_it(void **state)
{
    struct test_store *t = *state;
    struct line l = {.store = t->store, .mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[6];
    space_release(acquire(t->store, STR(TEST_USER)));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stand_in_line, &l), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(l.result, OK);
    assert_int_equal(l.most_inside, 1);
    assert_int_equal(l.served, 50 * (int)ARRAY_LEN(threads));
}

static void *try_once(void *arg)
{
    struct line *l = arg;
    struct space *sp;
    l->result = space_acquire(l->store, SPACE_USER, STR(TEST_USER), &sp);
    if (!l->result)
        space_release(sp);
    return NULL;
}

static void waiting_for_a_space_is_bounded(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    pthread_t thread;
    o.busy_ms = 20;
    test_store_reopen(t, o);
    struct line l = {.store = t->store};
    struct space *sp = acquire(t->store, STR(TEST_USER));
    assert_int_equal(pthread_create(&thread, NULL, try_once, &l), 0);
    pthread_join(thread, NULL);
    assert_int_equal(l.result, ERR_BUSY);
    assert_int_equal(store_stats(t->store).busy, 1);
    space_release(sp);
}

/* --- deletion and damage ---------------------------------------------------------------------- */

static void deleting_leaves_no_file_and_no_space(void **state)
{
    struct test_store *t = *state;
    struct space *sp = acquire(t->store, STR(TEST_USER));
    set(sp, "1");
    space_release(sp);
    assert_int_equal(space_delete(t->store, SPACE_USER, STR(TEST_USER)), OK);
    assert_false(exists(t, "users/01/" TEST_USER ".db"));
    assert_false(exists(t, "users/01/" TEST_USER ".db-wal"));
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_NOT_FOUND);
}

static void a_handle_of_a_file_deleted_elsewhere_is_not_used_again(void **state)
{
    struct test_store *t = *state;
    struct store *other;
    struct str message, value;
    struct space *stale = acquire(t->store, STR(TEST_USER)), *sp;
    assert_int_equal(store_open(&other, &t->options, &t->mem, &message), OK);
    assert_int_equal(space_delete(other, SPACE_USER, STR(TEST_USER)), OK);
    assert_int_equal(space_begin_write(stale), ERR_NOT_FOUND);
    sp = acquire(other, STR(TEST_USER)); /* a new file under the same name */
    set(sp, "new");
    space_release(stale); /* closes, and must not touch what is the new file's */
    assert_true(exists(t, "users/01/" TEST_USER ".db-wal"));
    stale = acquire(t->store, STR(TEST_USER));
    assert_int_equal(kv_get(stale, STR("k"), &t->mem, &value), OK);
    assert_true(str_eq(value, STR("new")));
    space_release(stale);
    space_release(sp);
    store_close(other);
}

static void a_reading_handle_notices_a_file_deleted_elsewhere(void **state)
{
    struct test_store *t = *state;
    struct store *other;
    struct str message;
    struct space *sp = acquire(t->store, STR(TEST_USER));
    set(sp, "1");
    space_release(sp);
    assert_int_equal(store_open(&other, &t->options, &t->mem, &message), OK);
    assert_int_equal(space_delete(other, SPACE_USER, STR(TEST_USER)), OK);
    usleep(250000); /* it looks every 200 ms */
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_NOT_FOUND);
    store_close(other);
}

static void a_damaged_file_hurts_its_own_space_only(void **state)
{
    struct test_store *t = *state;
    char id[33];
    struct space *sp;
    space_release(acquire(t->store, STR(TEST_USER)));
    space_release(acquire(t->store, nth(id, 1)));
    test_store_reopen(t, t->options);
    int fd = open(test_store_path(t, "users/01/" TEST_USER ".db"), O_WRONLY);
    char junk[8192];
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(pwrite(fd, junk, sizeof junk, 100), sizeof junk);
    close(fd);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_CORRUPT);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_CORRUPT);
    assert_int_equal(store_stats(t->store).open, 1);
    assert_int_equal(space_acquire(t->store, SPACE_USER, nth(id, 1), &sp), OK);
    space_release(sp);
}

/* --- readers ---------------------------------------------------------------------------------- */

static void a_reader_sees_each_commit_and_leaves_files_alone(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct store *reader;
    struct str message, value;
    struct space *sp = acquire(t->store, STR(TEST_USER)), *r;
    o.reader = true;
    assert_int_equal(store_open(&reader, &o, &t->mem, &message), OK);
    for (int i = 0; i < 3; i++) {
        char text[2] = {(char)('0' + i), '\0'};
        set(sp, text);
        assert_int_equal(space_acquire(reader, SPACE_USER, STR(TEST_USER), &r), OK);
        assert_int_equal(kv_get(r, STR("k"), &t->mem, &value), OK);
        assert_int_equal(value.p[0], text[0]);
        assert_string_equal(r->epoch, sp->epoch);
        space_release(r);
    }
    assert_int_equal(space_create(reader, SPACE_USER, STR(TEST_USER), &r), ERR_NOT_FOUND);
    assert_int_equal(space_delete(reader, SPACE_USER, STR(TEST_USER)), ERR_NOT_FOUND);
    store_close(reader);
    set(sp, "4");
    space_release(sp);
}

static void a_reader_keeps_its_cache_small_beside_long_wals(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct store *reader;
    struct str message;
    struct space *sp;
    char id[33];
    o.handles = 100;
    test_store_reopen(t, o);
    for (int i = 0; i < 20; i++) {
        sp = acquire(t->store, nth(id, i));
        set(sp, "1");
        space_release(sp);
    }
    o.reader = true;
    o.handles = 4;
    assert_int_equal(store_open(&reader, &o, &t->mem, &message), OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(space_acquire(reader, SPACE_USER, nth(id, i), &sp), OK);
        space_release(sp);
    }
    assert_int_equal(store_stats(reader).open, 4);
    store_close(reader);
}

/* --- checkpoints ------------------------------------------------------------------------------ */

static void a_long_wal_is_shortened(void **state)
{
    struct test_store *t = *state;
    struct space *sp = acquire(t->store, STR(TEST_USER));
    for (int i = 0; i < 4000; i++)
        set_number(sp, i);
    assert_true(db_wal_frames(sp->db) < 4000);
    assert_true(store_stats(t->store).checkpoints > 0);
    space_release(sp);
}

static void the_checkpointer_works_behind_the_writer(void **state)
{
    struct test_store *t = *state;
    int frames = 0;
    for (int i = 0; i < 700 && store_stats(t->store).checkpoints == 0; i++) {
        struct space *sp = acquire(t->store, STR(TEST_USER));
        set_number(sp, i);
        frames = db_wal_frames(sp->db);
        space_release(sp);
    }
    for (int i = 0; i < 1000 && store_stats(t->store).checkpoints == 0; i++)
        usleep(2000);
    assert_true(frames < 700);
    assert_true(store_stats(t->store).checkpoints > 0);
}

/* What two processes share to catch each other red-handed. */
struct evidence {
    int writing;  /* inside of a transaction or its commit */
    int overlaps; /* both at once */
    int commits, checkpoints;
};

static void enter(struct evidence *e)
{
    if (__atomic_fetch_add(&e->writing, 1, __ATOMIC_SEQ_CST) != 0)
        __atomic_fetch_add(&e->overlaps, 1, __ATOMIC_SEQ_CST);
}

static void leave(struct evidence *e)
{
    __atomic_fetch_sub(&e->writing, 1, __ATOMIC_SEQ_CST);
}

/* Commit through the store; every transaction is an event and a value that must both be there. */
static int write_many(struct test_store *t, struct evidence *e, int rounds)
{
    struct store *s;
    struct space *sp;
    struct str message;
    struct event event;
    if (store_open(&s, &t->options, &t->mem, &message) != OK)
        return 1;
    for (int i = 0; i < rounds; i++) {
        if (space_acquire(s, SPACE_USER, STR(TEST_USER), &sp) != OK)
            return 2;
        if (space_begin_write(sp) != OK)
            return 3;
        enter(e);
        if (kv_set(sp, STR("k"), STR("1"), 1) != OK ||
            event_append(sp, STR("kv:set"), STR("1"), &event) != OK || db_commit(sp->db) != OK)
            return 4;
        __atomic_fetch_add(&e->commits, 1, __ATOMIC_SEQ_CST);
        leave(e);
        space_release(sp); /* rolls back nothing, drops the lock */
    }
    store_close(s);
    return 0;
}

/* Checkpoint under the lock, as the checkpointer does, but as often as it can. */
static int checkpoint_many(struct test_store *t, struct evidence *e, int rounds)
{
    struct db *db;
    struct db_options o = {.busy_ms = 1000};
    bool all;
    int fd;
    int64_t place = lock_place(STR("u" TEST_USER));
    if (lock_open(t->dir, &fd) != OK ||
        db_open(&db, test_store_path(t, "users/01/" TEST_USER ".db"), &o) != OK)
        return 5;
    while (__atomic_load_n(&e->commits, __ATOMIC_SEQ_CST) < rounds) {
        if (lock_take(fd, place, 5000) != OK)
            return 6;
        enter(e);
        if (db_checkpoint(db, &all) != OK)
            return 7;
        e->checkpoints += all;
        leave(e);
        lock_drop(fd, place);
    }
    db_close(db);
    return 0;
}

static void no_commit_of_any_process_runs_beside_a_checkpoint(void **state)
{
    enum { ROUNDS = 400 };
    struct test_store *t = *state;
    uint64_t oldest, newest;
    struct evidence *e =
        mmap(NULL, sizeof *e, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[3];
    space_release(acquire(t->store, STR(TEST_USER)));
    store_close(t->store); /* forked processes must not share its descriptors */
    t->store = NULL;
    for (int i = 0; i < 3; i++) {
        child[i] = fork();
        if (child[i] == 0)
            _exit(i == 2 ? checkpoint_many(t, e, 2 * ROUNDS) : write_many(t, e, ROUNDS));
    }
    for (int i = 0; i < 3; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(e->overlaps, 0);
    assert_int_equal(e->commits, 2 * ROUNDS);
    assert_true(e->checkpoints > 0);
    munmap(e, sizeof *e);
    test_store_reopen(t, t->options);
    struct space *sp = acquire(t->store, STR(TEST_USER));
    assert_int_equal(event_bounds(sp, &oldest, &newest), OK);
    assert_int_equal(newest, 2 * ROUNDS);
    space_release(sp);
}

static void a_transaction_from_end_to_end_is_kept_where_all_is_well(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    int64_t count;
    assert_int_equal(space_enter(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_NOT_FOUND);
    assert_null(sp);
    assert_int_equal(space_leave(sp, ERR_NOT_FOUND), ERR_NOT_FOUND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(space_enter(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
        assert_int_equal(db_exec(sp->db, "INSERT INTO once(id, expires) VALUES('a', 1)"), OK);
        enum err e = i == 0 ? ERR_CONFLICT : OK;
        assert_int_equal(space_leave(sp, e), e);
    }
    static const struct str sql = SQL("SELECT count(*) FROM once");
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(db_i64(sp->db, sql, NO_VALUES, &count), OK);
    assert_int_equal(count, 1);
    space_release(sp);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_space_has_its_place_and_only_the_owner_sees_it),
        TEST(a_space_that_was_not_made_is_not_found_and_leaves_nothing),
        TEST(ids_of_the_wrong_form_are_not_found),
        TEST(closing_leaves_one_file_per_space_with_everything_in_it),
        TEST(a_data_folder_that_cannot_be_used_is_refused_with_a_message),
        TEST(processes_that_start_at_once_share_one_store),
        TEST(releasing_rolls_back_what_was_not_committed),
        TEST(a_transaction_from_end_to_end_is_kept_where_all_is_well),
        TEST(a_writer_of_another_store_is_waited_for_and_then_busy),
        TEST(a_file_beyond_quota_bytes_says_so_and_still_reads),
        TEST(no_more_handles_rest_than_allowed_and_none_loses_a_write),
        TEST(a_handle_in_use_again_and_again_stays_open),
        TEST(one_thread_at_a_time_has_a_space_and_all_get_it),
        TEST(waiting_for_a_space_is_bounded),
        TEST(deleting_leaves_no_file_and_no_space),
        TEST(a_handle_of_a_file_deleted_elsewhere_is_not_used_again),
        TEST(a_reading_handle_notices_a_file_deleted_elsewhere),
        TEST(a_damaged_file_hurts_its_own_space_only),
        TEST(a_reader_sees_each_commit_and_leaves_files_alone),
        TEST(a_reader_keeps_its_cache_small_beside_long_wals),
        TEST(a_long_wal_is_shortened),
        TEST(the_checkpointer_works_behind_the_writer),
        TEST(no_commit_of_any_process_runs_beside_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
