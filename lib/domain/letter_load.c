/* Loading templates of mails: everything that can be wrong with one is found here, at start, with
 * file and line. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "domain/letter_form.h"

#define FILE_MAX      ((size_t)256 * 1024)
#define LANGUAGES_MAX 64

/* One file being read. */
struct loading {
    const char *dir;
    struct str language, file; /* names */
    unsigned line;             /* 0: of no line in particular */
    struct arena *mem;
    struct str *message;
};

static enum err fail(struct loading *l, struct str what)
{
    struct str place = l->line ? arena_printf(l->mem, ":%u", l->line) : STR("");
    *l->message = arena_printf(l->mem, "%s%s%.*s%s%.*s%.*s: %.*s", l->dir, l->language.n ? "/" : "",
                               STR_ARG(l->language), l->file.n ? "/" : "", STR_ARG(l->file),
                               STR_ARG(place), STR_ARG(what));
    return ERR_INVALID;
}

static enum field find_field(struct str name)
{
    size_t i = 0;
    while (i < FIELD_COUNT && !str_eq(name, str_from_c(letter_field_names[i])))
        i++;
    return (enum field)i;
}

static struct str expected_fields(unsigned fields, struct arena *mem)
{
    struct str list = STR("");
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields & HAS(i))
            list = arena_printf(mem, "%.*s%s{%s}", STR_ARG(list), list.n ? ", " : "",
                                letter_field_names[i]);
    return list;
}

/* The end of the placeholder that begins at s.p[at], behind its '}'; 0: a brace like any other, as
 * in style sheets. What looks like a placeholder is one, so that a wrong name is found. */
static size_t placeholder_end(struct str s, size_t at)
{
    size_t end = at + 1;
    while (end < s.n && (s.p[end] == '_' || s.p[end] == '-' || s.p[end] == ' ' ||
                         (s.p[end] >= '0' && s.p[end] <= '9') ||
                         ((s.p[end] | 0x20) >= 'a' && (s.p[end] | 0x20) <= 'z')))
        end++;
    return end < s.n && s.p[end] == '}' && end > at + 1 ? end + 1 : 0;
}

static enum err add_placeholder(struct loading *l, const struct kind *k, struct str name,
                                struct text *out)
{
    enum field field = find_field(name);
    if (field == FIELD_COUNT || !(k->fields & HAS(field)))
        return fail(l, arena_printf(l->mem, "{%.*s}: no such placeholder; expected one of %.*s",
                                    STR_ARG(name), STR_ARG(expected_fields(k->fields, l->mem))));
    out->pieces[out->count++] = (struct piece){.field = field};
    return OK;
}

static void add_literal(struct text *out, struct str s)
{
    if (s.n)
        out->pieces[out->count++] = (struct piece){s, FIELD_COUNT};
}

static size_t count_braces(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '{';
    return n;
}

/* l->line is that of the first byte, and of the last one afterwards. */
static enum err parse(struct loading *l, const struct kind *k, struct str s, struct text *out)
{
    size_t from = 0, at = 0;
    out->pieces = arena_zalloc(l->mem, 2 * count_braces(s) + 1, sizeof *out->pieces);
    while (at < s.n) {
        size_t end = s.p[at] == '{' ? placeholder_end(s, at) : 0;
        l->line += s.p[at] == '\n';
        if (!end) {
            at++;
            continue;
        }
        add_literal(out, str_make(s.p + from, at - from));
        if (add_placeholder(l, k, str_make(s.p + at + 1, end - at - 2), out))
            return ERR_INVALID;
        from = at = end;
    }
    add_literal(out, str_from(s, from));
    return OK;
}

static enum err parse_txt(struct loading *l, const struct kind *k, struct str s, struct form *out)
{
    const struct str start = STR("Subject:");
    size_t end = str_find(s, '\n');
    struct str subject = str_trim(str_from(str_make(s.p, end), start.n));
    l->line = 1;
    if (!str_starts_with(s, start) || !subject.n)
        return fail(l, STR("expected \"Subject: …\" in the first line"));
    enum err e = parse(l, k, subject, &out->subject);
    while (end < s.n && (s.p[end] == '\n' || s.p[end] == '\r')) {
        l->line += s.p[end] == '\n';
        end++;
    }
    if (!e && end == s.n)
        return fail(l, STR("expected a text below the subject"));
    return e ? e : parse(l, k, str_from(s, end), &out->text);
}

static enum err read_all(int fd, struct buf *out)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 && out->n <= FILE_MAX)
        buf_append(out, bytes, (size_t)got);
    return got < 0 ? ERR_INVALID : OK;
}

static enum err read_text(struct loading *l, int dir, struct str *text)
{
    struct buf bytes = BUF_INIT;
    int fd = openat(dir, l->file.p, O_RDONLY | O_CLOEXEC);
    enum err e = fd < 0 ? ERR_INVALID : read_all(fd, &bytes);
    if (fd >= 0)
        close(fd);
    *text = arena_dup(l->mem, buf_str(&bytes));
    buf_release(&bytes);
    if (e)
        return fail(l, STR("cannot be read"));
    if (text->n > FILE_MAX)
        return fail(l, STR("larger than 256 KiB"));
    return utf8_is_valid(*text) ? OK : fail(l, STR("not UTF-8"));
}

static enum err load_file(struct loading *l, int dir, struct language *out)
{
    bool html = str_ends_with(l->file, STR(".html"));
    size_t suffix = html ? strlen(".html") : strlen(".txt");
    const struct kind *k = letter_kind(str_make(l->file.p, l->file.n - suffix));
    struct str text;
    l->line = 0;
    if (!k)
        return fail(l, STR("there is no mail of this name"));
    enum err e = read_text(l, dir, &text);
    if (e)
        return e;
    l->line = 1;
    struct form *form = &out->forms[k - letter_kinds];
    return html ? parse(l, k, text, &form->html) : parse_txt(l, k, text, form);
}

static bool is_template(struct str name)
{
    return name.p[0] != '.' &&
           (str_ends_with(name, STR(".txt")) || str_ends_with(name, STR(".html")));
}

static enum err check_language(struct loading *l, const struct language *language)
{
    l->line = 0;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct form *f = &language->forms[i];
        l->file = arena_printf(l->mem, "%s.txt", letter_kinds[i].name);
        if (!f->text.count && f->html.count)
            return fail(l, STR("expected this text beside the HTML"));
    }
    return OK;
}

/* A file of this name that is no folder is none of ours. */
static enum err load_language(struct loading *l, int parent, struct letters *all)
{
    int fd = openat(parent, l->language.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    l->file = STR("");
    l->line = 0;
    if (fd < 0)
        return errno == ENOTDIR ? OK : fail(l, STR("cannot be read"));
    DIR *dir = fdopendir(fd);
    assert(dir);
    struct language *language = &all->languages[all->count++];
    language->name = l->language;
    enum err e = OK;
    for (struct dirent *d; !e && (d = readdir(dir));) {
        l->file = arena_dup(l->mem, str_from_c(d->d_name));
        if (is_template(l->file))
            e = load_file(l, dirfd(dir), language);
    }
    closedir(dir);
    return e ? e : check_language(l, language);
}

static enum err check_fallback(struct loading *l, struct letters *all, struct str language)
{
    l->language = language;
    l->file = STR("");
    l->line = 0;
    all->fallback = letter_language(all, language);
    if (!all->fallback)
        return fail(l, STR("expected this folder of templates, as mail_language says"));
    for (size_t i = 0; i < KIND_COUNT; i++) {
        l->file = arena_printf(l->mem, "%s.txt", letter_kinds[i].name);
        if (!all->fallback->forms[i].text.count)
            return fail(l, STR("is missing"));
    }
    return OK;
}

enum err letters_load(struct letters **out, const char *path, struct str language,
                      struct arena *mem, struct str *message)
{
    struct loading l = {.dir = path, .mem = mem, .message = message};
    struct letters *all = arena_zalloc(mem, 1, sizeof *all);
    DIR *dir = opendir(path);
    enum err e = OK;
    if (!dir)
        return fail(&l, STR("not a folder that can be read"));
    all->languages = arena_zalloc(mem, LANGUAGES_MAX, sizeof *all->languages);
    for (struct dirent *d; !e && all->count < LANGUAGES_MAX && (d = readdir(dir));) {
        l.language = arena_dup(mem, str_from_c(d->d_name));
        if (d->d_name[0] != '.')
            e = load_language(&l, dirfd(dir), all);
    }
    closedir(dir);
    if (!e)
        e = check_fallback(&l, all, language);
    *out = all;
    return e;
}
