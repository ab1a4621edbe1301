/* The rows of ERR_LIST, looked up. */
#include "base/base.h"

#include "base/err.h"

static const struct {
    int status;
    struct str code, text;
} rows[] = {
#define X(name, number, word, sentence)                                                            \
    [name] = {.status = (number),                                                                  \
              .code = {word, sizeof(word) - 1},                                                    \
              .text = {sentence, sizeof(sentence) - 1}},
    ERR_LIST(X)
#undef X
};

int err_status(enum err e)
{
    return rows[e].status;
}

struct str err_code(enum err e)
{
    return rows[e].code;
}

struct str err_text(enum err e)
{
    return rows[e].text;
}
