/* key=value as JSON. Nothing is allocated: a line may be the last before the program ends. */
#include "base/base.h"

#include "base/log_json.h"
#include "base/utf8.h"

#define WHOLE_DIGITS 15 /* a double has them exactly */

static char *put(char *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}

/* The characters between the quotes of a string; control characters are gone already. */
static char *put_text(char *out, struct str s)
{
    bool valid = utf8_is_valid(s);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '"' || c == '\\')
            *out++ = '\\';
        *out++ = !valid && (unsigned char)c >= 0x80 ? '?' : c;
    }
    return out;
}

static bool is_whole(struct str s)
{
    size_t sign = s.n && s.p[0] == '-', digits = s.n - sign;
    if (digits < 1 || digits > WHOLE_DIGITS || (digits > 1 && s.p[sign] == '0'))
        return false;
    for (size_t i = sign; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static size_t key_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || s.p[n] == '_'))
        n++;
    return n && n < s.n && s.p[n] == '=' ? n : 0;
}

/* Of a value at the beginning of s; a quote ends it where the next key or nothing comes after. */
static size_t value_length(struct str s)
{
    if (!s.n || s.p[0] != '"')
        return str_find(s, ' ');
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] == '"' &&
            (i + 1 == s.n || (s.p[i + 1] == ' ' && key_length(str_from(s, i + 2)))))
            return i + 1;
    return s.n;
}

static char *put_value(char *out, struct str v)
{
    if (is_whole(v))
        return put(out, v.p, v.n);
    if (v.n > 1 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = str_make(v.p + 1, v.n - 2);
    *out++ = '"';
    out = put_text(out, v);
    *out++ = '"';
    return out;
}

static char *put_member(char *out, bool first, struct str key)
{
    out = put(out, first ? "\"" : ",\"", first ? 1 : 2);
    out = put(out, key.p, key.n);
    return put(out, "\":", 2);
}

size_t log_json(char *out, struct str text)
{
    char message[LOG_TEXT_MAX], *end = out;
    size_t words = 0;
    while (text.n) {
        size_t key = key_length(text), n = str_find(text, ' ');
        if (key) {
            struct str name = str_make(text.p, key);
            n = key + 1 + value_length(str_from(text, key + 1));
            end = put_member(end, end == out, name);
            end = put_value(end, str_make(text.p + key + 1, n - key - 1));
        } else if (n) {
            if (words)
                message[words++] = ' ';
            words = (size_t)(put(message + words, text.p, n) - message);
        }
        text = str_from(text, n < text.n ? n + 1 : n);
    }
    if (words) {
        end = put_member(end, end == out, STR("message"));
        *end++ = '"';
        end = put_text(end, str_make(message, words));
        *end++ = '"';
    }
    return (size_t)(end - out);
}
