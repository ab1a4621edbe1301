/* One pass over the bytes; nesting is recursion of at most CBOR_DEPTH. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/cbor.h"

/* Major types, RFC 8949 3.1. */
enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

#define SIMPLE_FALSE 20
#define SIMPLE_TRUE  21
#define SIMPLE_NULL  22

/* The first bytes of an item: up to this value the argument is in the first byte itself, then come
 * four codes for 1, 2, 4 and 8 bytes of it. */
#define ARGUMENT_MAX 23

static enum err read_item(struct str *rest, unsigned depth, struct cbor *out);

static bool read_head(struct str *rest, enum major *major, uint64_t *argument)
{
    if (!rest->n)
        return false;
    unsigned first = (unsigned char)rest->p[0], low = first & 31;
    *major = (enum major)(first >> 5);
    *argument = low;
    *rest = str_from(*rest, 1);
    if (low <= ARGUMENT_MAX)
        return true;
    if (low > ARGUMENT_MAX + 4) /* reserved, or a length that is not known yet */
        return false;

    size_t n = (size_t)1 << (low - ARGUMENT_MAX - 1);
    if (rest->n < n)
        return false;
    *argument = 0;
    for (size_t i = 0; i < n; i++)
        *argument = *argument << 8 | (unsigned char)rest->p[i];
    *rest = str_from(*rest, n);
    /* It would not have gone into half of the bytes. */
    return n == 1 ? *argument > ARGUMENT_MAX : *argument >> (n * 4) != 0;
}

static bool read_number(enum major major, uint64_t argument, struct cbor *out)
{
    if (argument > INT64_MAX)
        return false;
    out->type = CBOR_NUMBER;
    out->number = major == UNSIGNED ? (int64_t)argument : -1 - (int64_t)argument;
    return true;
}

static bool read_string(enum major major, uint64_t argument, struct str *rest, struct cbor *out)
{
    if (argument > rest->n)
        return false;
    out->type = major == BYTES ? CBOR_BYTES : CBOR_TEXT;
    out->text = str_make(rest->p, (size_t)argument);
    *rest = str_from(*rest, out->text.n);
    return major == BYTES || utf8_is_valid(out->text);
}

static bool read_simple(uint64_t argument, struct cbor *out)
{
    if (argument != SIMPLE_FALSE && argument != SIMPLE_TRUE && argument != SIMPLE_NULL)
        return false;
    out->type = argument == SIMPLE_FALSE  ? CBOR_FALSE
                : argument == SIMPLE_TRUE ? CBOR_TRUE
                                          : CBOR_NULL;
    return true;
}

/* As all is in its shortest form, names are the same where their bytes are. */
static bool is_among(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static bool read_array(struct str *rest, unsigned depth, uint64_t count)
{
    struct cbor item;
    for (uint64_t i = 0; i < count; i++) /* each is a byte at least */
        if (read_item(rest, depth, &item))
            return false;
    return true;
}

static bool read_map(struct str *rest, unsigned depth, uint64_t count)
{
    struct str names[CBOR_MEMBERS];
    struct cbor item;
    if (count > CBOR_MEMBERS)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (read_item(rest, depth, &item) ||
            (item.type != CBOR_NUMBER && item.type != CBOR_TEXT && item.type != CBOR_BYTES) ||
            is_among(names, i, item.raw))
            return false;
        names[i] = item.raw;
        if (read_item(rest, depth, &item))
            return false;
    }
    return true;
}

static bool read_container(enum major major, uint64_t count, struct str *rest, unsigned depth,
                           struct cbor *out)
{
    struct str start = *rest;
    out->type = major == ARRAY ? CBOR_ARRAY : CBOR_MAP;
    out->count = count;
    if (depth == CBOR_DEPTH ||
        !(major == ARRAY ? read_array(rest, depth + 1, count) : read_map(rest, depth + 1, count)))
        return false;
    out->text = str_make(start.p, start.n - rest->n);
    return true;
}

/* Within `depth` containers. */
static enum err read_item(struct str *rest, unsigned depth, struct cbor *out)
{
    struct str start = *rest;
    enum major major;
    uint64_t argument;
    bool good = false;
    *out = (struct cbor){.type = CBOR_NULL};
    if (!read_head(rest, &major, &argument))
        return ERR_INVALID;
    switch (major) {
    case UNSIGNED:
    case NEGATIVE:
        good = read_number(major, argument, out);
        break;
    case BYTES:
    case TEXT:
        good = read_string(major, argument, rest, out);
        break;
    case ARRAY:
    case MAP:
        good = read_container(major, argument, rest, depth, out);
        break;
    case SIMPLE:
        good = read_simple(argument, out);
        break;
    case TAG:
        break;
    }
    out->raw = str_make(start.p, start.n - rest->n);
    return good ? OK : ERR_INVALID;
}

enum err cbor_read(struct str *rest, struct cbor *out)
{
    return read_item(rest, 0, out);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool is_name(const struct cbor *item, const struct cbor *name)
{
    if (item->type != name->type)
        return false;
    return item->type == CBOR_NUMBER ? item->number == name->number
                                     : str_eq(item->text, name->text);
}

static bool find(const struct cbor *map, const struct cbor *name, struct cbor *out)
{
    struct str rest = map->text;
    struct cbor item;
    if (map->type != CBOR_MAP)
        return false;
    for (uint64_t i = 0; i < map->count; i++) {
        if (cbor_read(&rest, &item) || cbor_read(&rest, out))
            return false;
        if (is_name(&item, name))
            return true;
    }
    return false;
}

bool cbor_find_text(const struct cbor *map, struct str name, struct cbor *out)
{
    return find(map, &(struct cbor){.type = CBOR_TEXT, .text = name}, out);
}

bool cbor_find_number(const struct cbor *map, int64_t name, struct cbor *out)
{
    return find(map, &(struct cbor){.type = CBOR_NUMBER, .number = name}, out);
}
