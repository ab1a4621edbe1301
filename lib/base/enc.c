/* Hex, base64, base64url, percent. */
#include "base/base.h"

#include "base/enc.h"

static const char hex_digits[] = "0123456789abcdef";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_encode(const void *p, size_t n, char *out)
{
    const unsigned char *from = p;
    for (size_t i = 0; i < n; i++) {
        *out++ = hex_digits[from[i] >> 4];
        *out++ = hex_digits[from[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct str hex, void *out, size_t n)
{
    unsigned char *to = out;
    if (hex.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(hex.p[2 * i]), low = hex_value(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void encode64(struct buf *b, const char *alphabet, const unsigned char *p, size_t n)
{
    char *to = buf_reserve(b, (n + 2) / 3 * 4), *start = to;
    for (; n >= 3; n -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    if (n) {
        uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        if (n > 1)
            *to++ = alphabet[v >> 6 & 63];
    }
    *to = '\0';
    b->n += (size_t)(to - start);
}

void base64url_append(struct buf *b, const void *p, size_t n)
{
    encode64(b, url_alphabet, p, n);
}

void base64_append(struct buf *b, const void *p, size_t n)
{
    encode64(b, std_alphabet, p, n);
    for (size_t i = n % 3; i != 0 && i < 3; i++)
        buf_append_ch(b, '=');
}

void base32_append(struct buf *b, const void *p, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const unsigned char *from = p;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8 | from[i]) & 0xfff;
        for (held += 8; held >= 5; held -= 5)
            buf_append_ch(b, alphabet[bits >> (held - 5) & 31]);
    }
    if (held)
        buf_append_ch(b, alphabet[bits << (5 - held) & 31]);
}

static int base32_value(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool base32_decode(struct str text, void *out, size_t size, size_t *n)
{
    unsigned char *to = out;
    uint32_t bits = 0;
    int held = 0;
    size_t made = 0;
    for (size_t i = 0; i < text.n; i++) {
        int v = base32_value(text.p[i]);
        if (v < 0)
            return false;
        bits = (bits << 5 | (uint32_t)v) & 0xfff;
        held += 5;
        if (held < 8)
            continue;
        if (made == size)
            return false;
        held -= 8;
        to[made++] = (unsigned char)(bits >> held);
    }
    if (held >= 5 || (bits & ((1u << held) - 1)) != 0)
        return false;
    *n = made;
    return true;
}

static int url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct str text, void *out, size_t size, size_t *n)
{
    unsigned char *to = out;
    uint32_t bits = 0;
    int held = 0;
    size_t made = 0;
    if (text.n % 4 == 1 || text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0) > size)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        int v = url_value(text.p[i]);
        if (v < 0)
            return false;
        bits = (bits << 6 | (uint32_t)v) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[made++] = (unsigned char)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1))
        return false;
    *n = made;
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr("-._~", c, 4);
}

void percent_append(struct buf *b, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (is_unreserved(text.p[i]))
            buf_append_ch(b, text.p[i]);
        else
            buf_appendf(b, "%%%02X", (unsigned)(unsigned char)text.p[i]);
    }
}

bool percent_decode(struct arena *a, struct str text, bool plus_is_space, struct str *out)
{
    if (str_find(text, '%') == text.n && !(plus_is_space && str_find(text, '+') < text.n)) {
        *out = text;
        return true;
    }
    char *to = arena_alloc(a, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            unsigned char byte;
            if (text.n - i < 3 || !hex_decode(str_make(text.p + i + 1, 2), &byte, 1))
                return false;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        to[n++] = c;
    }
    to[n] = '\0';
    *out = str_make(to, n);
    return true;
}
