/*
 * Runs a fuzz target over its stored inputs as a plain test: replay DIRECTORY... Each input lies in
 * a block of exactly its size, so that the address sanitizer sees a byte read too far.
 */
#include "base/base.h"

#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st) < 0)
        err(1, "%s", path);
    size_t size = (size_t)st.st_size;
    uint8_t *data = mem_alloc(size);
    if (fread(data, 1, size, f) != size)
        err(1, "%s", path);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    mem_free(data);
}

static size_t replay_directory(const char *dir)
{
    struct dirent **names;
    size_t replayed = 0;
    int n = scandir(dir, &names, NULL, alphasort);
    if (n < 0)
        err(1, "%s", dir);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        int length = snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        if (length < 0 || (size_t)length >= sizeof path)
            errx(1, "%s: path too long", dir);
        if (names[i]->d_name[0] != '.') {
            /* Before it runs: the last name printed is the input that broke it. */
            fprintf(stderr, "%s\n", path);
            replay_file(path);
            replayed++;
        }
        free(names[i]);
    }
    free(names);
    return replayed;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    size_t replayed = 0;
    for (int i = 1; i < argc; i++)
        replayed += replay_directory(argv[i]);
    if (replayed == 0)
        errx(1, "no inputs");
    printf("%s: %zu inputs passed\n", slash ? slash + 1 : argv[0], replayed);
    return 0;
}
