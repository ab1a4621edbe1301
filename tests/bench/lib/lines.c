/* A small text file, by lines. */
#include "base/base.h"

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/lines.h"

#define CHUNK 65536

static void read_all(struct buf *text, const char *path)
{
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f)
        fatal("cannot read %s", path);
    while ((n = fread(buf_reserve(text, CHUNK), 1, CHUNK, f)) > 0)
        text->n += n;
    fclose(f);
}

void lines_read(struct lines *l, const char *path)
{
    size_t cap = 0;
    *l = (struct lines){0};
    read_all(&l->text, path);
    struct str rest = buf_str(&l->text), line;
    while (str_next(&rest, '\n', &line)) {
        if (l->count == cap)
            l->line = mem_realloc(l->line, (cap = cap ? 2 * cap : 64) * sizeof *l->line);
        if (line.n)
            l->line[l->count++] = line;
    }
    if (l->count == 0)
        fatal("%s is empty", path);
}

void lines_release(struct lines *l)
{
    mem_free(l->line);
    buf_release(&l->text);
}
