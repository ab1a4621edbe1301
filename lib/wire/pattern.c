/* PCRE2 behind three words, with limits on its work and memory. */
#include "base/base.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "wire/pattern.h"

/*
 * Steps of backtracking from one place of the text, and from all places together where a pattern
 * may begin to match anywhere. A step takes 2 to 40 ns.
 */
#define MATCH_LIMIT 200000
#define TOTAL_LIMIT 20000000
#define LEAST_LIMIT 100

/* What the interpreter keeps to go back to; JIT code has 32 KiB of stack and then leaves it to it.
 */
#define HEAP_LIMIT_KIB 8192

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits; /* only read when matching */
    bool anchored;               /* can begin to match in one place only */
    char *text;
    size_t text_n;
};

enum err pattern_compile(struct pattern **out, struct str text, struct arena *mem,
                         struct str *error)
{
    /* DOLLAR_ENDONLY: in JSON Schema's dialect "^a$" does not match "a\n". */
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    int number;
    PCRE2_SIZE offset;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)(text.n ? text.p : ""), text.n, options, &number, &offset, NULL);
    if (!code) {
        char message[128];
        pcre2_get_error_message(number, (PCRE2_UCHAR *)message, sizeof message);
        *error = arena_printf(mem, "%s at character %zu", message, (size_t)offset + 1);
        return ERR_INVALID;
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it matching is only slower */
    struct pattern *p = mem_alloc(sizeof *p);
    *p = (struct pattern){.code = code,
                          .limits = pcre2_match_context_create(NULL),
                          .text = mem_dup(text.p, text.n),
                          .text_n = text.n};
    assert(p->limits);
    pcre2_set_match_limit(p->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(p->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(p->limits, HEAP_LIMIT_KIB);
    uint32_t all_options;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &all_options);
    p->anchored = all_options & PCRE2_ANCHORED;
    *out = p;
    return OK;
}

void pattern_free(struct pattern *p)
{
    if (!p)
        return;
    pcre2_match_context_free(p->limits);
    pcre2_code_free(p->code);
    mem_free(p->text);
    mem_free(p);
}

struct str pattern_text(const struct pattern *p)
{
    return str_make(p->text, p->text_n);
}

/* Limits for a text of n bytes: those of the pattern, or a copy of them for this text. */
static pcre2_match_context *limits_for(const struct pattern *p, size_t n)
{
    if (p->anchored || n <= TOTAL_LIMIT / MATCH_LIMIT)
        return p->limits;
    pcre2_match_context *limits = pcre2_match_context_copy(p->limits);
    assert(limits);
    size_t each = TOTAL_LIMIT / n;
    pcre2_set_match_limit(limits, (uint32_t)(each > LEAST_LIMIT ? each : LEAST_LIMIT));
    return limits;
}

bool pattern_matches(const struct pattern *p, struct str s)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(s.n ? s.p : "");
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    assert(found);
    pcre2_match_context *limits = limits_for(p, s.n);
    int rc = pcre2_match(p->code, subject, s.n, 0, PCRE2_NO_UTF_CHECK, found, limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap to go on */
        rc =
            pcre2_match(p->code, subject, s.n, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, found, limits);
    if (limits != p->limits)
        pcre2_match_context_free(limits);
    pcre2_match_data_free(found);
    return rc >= 0;
}
