/* The texts of webhooks: ids, bodies, signatures; and waits. */
#include "base/base.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/rand.h"
#include "domain/webhook_message.h"
#include "wire/json.h"

static const char *const kinds[SPACE_KINDS] = {"main", "user", "org", "shared"};

void webhook_append_signature(struct buf *out, const struct webhook_key *keys, size_t count,
                              struct str id, int64_t timestamp_s, struct str body)
{
    struct buf text = BUF_INIT;
    unsigned char mac[SHA256_LEN];
    buf_append_str(&text, id);
    buf_append_ch(&text, '.');
    buf_append_i64(&text, timestamp_s);
    buf_append_ch(&text, '.');
    buf_append_str(&text, body);
    for (size_t i = 0; i < count; i++) {
        hmac_sha256(str_make((const char *)keys[i].bytes, keys[i].n), buf_str(&text), mac);
        buf_append_str(out, i ? STR(" v1,") : STR("v1,"));
        base64_append(out, mac, sizeof mac);
    }
    buf_release(&text);
}

void webhook_append_id(struct buf *out, enum space_kind kind, struct str id, struct str epoch,
                       uint64_t seq, const char *behind)
{
    buf_appendf(out, "%s-%.*s-%.*s-%llu%s", kinds[kind], STR_ARG(id), STR_ARG(epoch),
                (unsigned long long)seq, behind);
}

static void append_begin(struct buf *out, enum space_kind kind, struct str id, struct str type,
                         int64_t at)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(at, iso);
    buf_append_lit(out, "{\"type\":");
    json_append_string(out, type);
    buf_appendf(out, ",\"timestamp\":\"%s\",\"space\":{\"kind\":\"%s\",\"id\":\"%.*s\"}", iso,
                kinds[kind], STR_ARG(id));
}

void webhook_append_event(struct buf *out, enum space_kind kind, struct str id, struct str epoch,
                          const struct event *e)
{
    append_begin(out, kind, id, e->name, e->at);
    buf_append_lit(out, ",\"id\":\"");
    event_id_append(out, epoch, e->seq);
    buf_append_lit(out, "\",\"data\":");
    buf_append_str(out, e->data.n ? e->data : STR("null"));
    buf_append_ch(out, '}');
}

static void append_position(struct buf *out, struct str epoch, uint64_t seq)
{
    if (!epoch.n) {
        buf_append_lit(out, "null");
        return;
    }
    buf_append_ch(out, '"');
    event_id_append(out, epoch, seq);
    buf_append_ch(out, '"');
}

void webhook_append_gap(struct buf *out, enum space_kind kind, struct str id, int64_t at,
                        const struct webhook_span *span)
{
    static const char *const reasons[] = {
        [WEBHOOK_TRIMMED] = "trimmed",
        [WEBHOOK_RESTORED] = "restored",
        [WEBHOOK_DELETED] = "deleted",
    };
    append_begin(out, kind, id, STR("webhook:gap"), at);
    buf_appendf(out, ",\"data\":{\"reason\":\"%s\",\"after\":", reasons[span->why]);
    append_position(out, span->from_epoch, span->from);
    buf_append_lit(out, ",\"until\":");
    append_position(out, span->to_epoch, span->to);
    buf_append_lit(out, "}}");
}

int64_t webhook_backoff_ms(int64_t failures, int64_t first, int64_t max)
{
    int64_t ms = first;
    while (failures-- > 1 && ms < max)
        ms *= 2;
    if (ms > max)
        ms = max;
    return ms - (int64_t)rand_below((uint32_t)(ms / 2) + 1);
}
