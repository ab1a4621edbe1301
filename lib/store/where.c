/*
 * One condition of a list query. Each operator is a row of a table; what it means for the types of
 * JSON is decided here: values are equal only with equal types, order exists between numbers and
 * between strings, and a row that lacks the field fulfils nothing but `!=`.
 */
#include "base/base.h"

#include "base/clock.h"
#include "store/field.h"
#include "store/where.h"
#include "wire/json.h"

/* One condition on its way to SQL. */
struct condition {
    struct clause *c;
    struct field field;
    const struct op *op;
    struct json_value value;
    struct str sql;  /* the field's value as SQL */
    struct str type; /* its JSON type as SQL */
    struct str *message;
};

struct op {
    struct str name;
    const char *sql; /* of the comparisons */
    enum err (*append)(struct condition *w);
};

#define FAIL(cond, ...)                                                                            \
    (*(cond)->message = arena_printf((cond)->c->mem, __VA_ARGS__), ERR_INVALID_QUERY)

/* As SQLite's json_type() names the types that can be equal to a value of this one. */
static const char *const sqlite_types[] = {
    [JSON_NULL] = "'null'",     [JSON_FALSE] = "'false'",           [JSON_TRUE] = "'true'",
    [JSON_STRING] = "'text'",   [JSON_NUMBER] = "'integer','real'", [JSON_ARRAY] = "'array'",
    [JSON_OBJECT] = "'object'",
};

static bool is_time(const struct field *f)
{
    return f->kind == FIELD_CREATED_AT || f->kind == FIELD_UPDATED_AT;
}

static bool is_container(struct json_value v)
{
    return json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT);
}

/* Times are stored as milliseconds; this is the text that clients see. */
static struct str time_as_text(struct condition *w)
{
    return arena_printf(w->c->mem,
                        "(strftime('%%Y-%%m-%%dT%%H:%%M:%%S',%.*s/1000,'unixepoch')"
                        "||printf('.%%03dZ',%.*s%%1000))",
                        STR_ARG(w->sql), STR_ARG(w->sql));
}

/* Keep a time that the client wrote in ISO 8601. */
static enum err keep_time(struct condition *w, struct json_value v, int64_t *ms)
{
    if (json_is(v, JSON_STRING) && clock_from_iso(json_string(v, w->c->mem), ms))
        return OK;
    return FAIL(w, "%.*s is compared with ISO 8601 times", STR_ARG(w->field.path));
}

/* Keep a value as SQLite has it: strings and numbers by value, the rest as text. */
static size_t keep_value(struct condition *w, struct json_value v)
{
    struct value number;
    if (value_of_number(v, &number))
        return clause_value(w->c, number);
    return clause_text(w->c, json_is(v, JSON_STRING) ? json_string(v, w->c->mem) : json_raw(v));
}

/* "<type> IN('text') AND <sql>=?1" */
static void append_equal(struct condition *w, struct str sql, struct str type, struct json_value v)
{
    struct buf *b = &w->c->text;
    buf_appendf(b, "%.*s IN(%s)", STR_ARG(type), sqlite_types[json_type(v)]);
    if (json_is(v, JSON_STRING) || json_is(v, JSON_NUMBER))
        buf_appendf(b, " AND %.*s=?%zu", STR_ARG(sql), keep_value(w, v));
    else if (is_container(v)) /* json() takes the insignificant white space out */
        buf_appendf(b, " AND %.*s=json(?%zu)", STR_ARG(sql), keep_value(w, v));
}

static enum err equal(struct condition *w)
{
    int64_t ms;
    if (!is_time(&w->field)) {
        append_equal(w, w->sql, w->type, w->value);
        return OK;
    }
    enum err e = keep_time(w, w->value, &ms);
    if (!e)
        buf_appendf(&w->c->text, "%.*s=?%zu", STR_ARG(w->sql), clause_integer(w->c, ms));
    return e;
}

static enum err not_equal(struct condition *w)
{
    buf_append_ch(&w->c->text, '(');
    enum err e = equal(w);
    buf_append_lit(&w->c->text, ")IS NOT TRUE"); /* NULL, a missing field, is not equal either */
    return e;
}

static enum err compare(struct condition *w)
{
    struct buf *b = &w->c->text;
    int64_t ms;
    if (is_time(&w->field)) {
        enum err e = keep_time(w, w->value, &ms);
        if (!e)
            buf_appendf(b, "%.*s%s?%zu", STR_ARG(w->sql), w->op->sql, clause_integer(w->c, ms));
        return e;
    }
    if (!json_is(w->value, JSON_STRING) && !json_is(w->value, JSON_NUMBER))
        return FAIL(w, "%.*s compares with a number or a string", STR_ARG(w->op->name));
    buf_appendf(b, "%.*s IN(%s)", STR_ARG(w->type), sqlite_types[json_type(w->value)]);
    buf_appendf(b, " AND %.*s%s?%zu", STR_ARG(w->sql), w->op->sql, keep_value(w, w->value));
    return OK;
}

/* A part of a string (case matters, nothing is a wildcard), or a member of an array. */
static enum err includes(struct condition *w)
{
    struct buf *b = &w->c->text;
    struct str text = is_time(&w->field) ? time_as_text(w) : w->sql;
    if (json_is(w->value, JSON_STRING))
        buf_appendf(b, "(%.*s='text' AND instr(%.*s,?%zu)>0)", STR_ARG(w->type), STR_ARG(text),
                    keep_value(w, w->value));
    else
        buf_append_lit(b, "FALSE");
    if (w->field.kind != FIELD_DATA)
        return OK;
    buf_appendf(b,
                " OR(%.*s='array' AND EXISTS(SELECT 1 FROM json_each(c.data,'$.%.*s') AS j WHERE ",
                STR_ARG(w->type), STR_ARG(w->field.path));
    append_equal(w, STR("j.value"), STR("j.type"), w->value);
    buf_append_lit(b, "))");
    return OK;
}

static enum err in_times(struct condition *w)
{
    const char *separator = "";
    int64_t ms;
    buf_appendf(&w->c->text, "%.*s IN(", STR_ARG(w->sql));
    for (struct json_value v = json_first(w->value); !json_is_absent(v);
         v = json_next(w->value, v)) {
        enum err e = keep_time(w, v, &ms);
        if (e)
            return e;
        buf_appendf(&w->c->text, "%s?%zu", separator, clause_integer(w->c, ms));
        separator = ",";
    }
    buf_append_ch(&w->c->text, ')');
    return OK;
}

static bool has_null(struct json_value array)
{
    for (struct json_value v = json_first(array); !json_is_absent(v); v = json_next(array, v))
        if (json_is(v, JSON_NULL))
            return true;
    return false;
}

/* Or: the field is of one of these types and equal to a member that is. */
static void append_in_types(struct condition *w, size_t number, const char *types)
{
    buf_appendf(&w->c->text,
                " OR %.*s IN(%s)AND %.*s IN(SELECT value FROM json_each(?%zu)WHERE type IN(%s))",
                STR_ARG(w->type), types, STR_ARG(w->sql), number, types);
}

/*
 * Equal to a member of the array given: the array is one bound value, taken apart by SQLite, once
 * per statement and not once per row: no part of it may refer to the row.
 */
static enum err in(struct condition *w)
{
    struct buf *b = &w->c->text;
    if (!json_is(w->value, JSON_ARRAY) || json_count(w->value) > WHERE_IN_MAX)
        return FAIL(w, "\"in\" takes an array of at most %d values", WHERE_IN_MAX);
    if (is_time(&w->field))
        return in_times(w);
    size_t number = keep_value(w, w->value);
    if (!has_null(w->value)) /* what an index can answer; true, 1 and "1" are told apart below */
        buf_appendf(b, "%.*s IN(SELECT value FROM json_each(?%zu)) AND", STR_ARG(w->sql), number);
    buf_appendf(b, "(%.*s IN(SELECT type FROM json_each(?%zu)WHERE type IN('null','true','false'))",
                STR_ARG(w->type), number);
    append_in_types(w, number, "'text'");
    append_in_types(w, number, "'integer','real'");
    append_in_types(w, number, "'array','object'");
    buf_append_ch(b, ')');
    return OK;
}

/* As a range, which an index can answer: UTF-8 has no byte 0xff, so the last one can be raised. */
static enum err starts_with(struct condition *w)
{
    if (!json_is(w->value, JSON_STRING))
        return FAIL(w, "\"startsWith\" takes a string");
    struct str text = is_time(&w->field) ? time_as_text(w) : w->sql;
    struct str prefix = arena_dup(w->c->mem, json_string(w->value, w->c->mem));
    buf_appendf(&w->c->text, "%.*s='text'", STR_ARG(w->type));
    if (prefix.n == 0)
        return OK;
    struct str end = arena_dup(w->c->mem, prefix);
    char *last = (char *)end.p + end.n - 1;
    *last = (char)((unsigned char)*last + 1);
    buf_appendf(&w->c->text, " AND %.*s>=?%zu AND %.*s<?%zu", STR_ARG(text),
                clause_text(w->c, prefix), STR_ARG(text), clause_text(w->c, end));
    return OK;
}

static const struct op operators[] = {
    {{"==", 2}, "=", equal},
    {{"!=", 2}, NULL, not_equal},
    {{">", 1}, ">", compare},
    {{">=", 2}, ">=", compare},
    {{"<", 1}, "<", compare},
    {{"<=", 2}, "<=", compare},
    {{"includes", 8}, NULL, includes},
    {{"in", 2}, NULL, in},
    {{"startsWith", 10}, NULL, starts_with},
};

static const struct op *find_operator(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (str_eq(operators[i].name, name))
            return &operators[i];
    return NULL;
}

/* Read the three parts of ["field","op",value]. */
static enum err read_condition(struct condition *w, const struct json *doc)
{
    struct json_value list = json_root(doc);
    if (!json_is(list, JSON_ARRAY) || json_count(list) != 3)
        return FAIL(w, "where is an array of field, operator and value");
    struct json_value field = json_first(list);
    struct json_value op = json_next(list, field);
    w->value = json_next(list, op);
    if (!json_is(field, JSON_STRING) || !field_parse(&w->field, json_string(field, w->c->mem)))
        return FAIL(w, "A field in where is a path of letters, digits and _ joined by dots");
    w->op = json_is(op, JSON_STRING) ? find_operator(json_string(op, w->c->mem)) : NULL;
    if (!w->op)
        return FAIL(w, "The operator in where is one of == != > >= < <= includes in startsWith");
    return OK;
}

/* The field's value and type as SQL. */
static void write_field(struct condition *w)
{
    struct buf b = BUF_INIT;
    if (w->field.kind == FIELD_USER_ID) {
        size_t number = clause_value(w->c, (struct value){.kind = VALUE_SPACE_ID});
        buf_appendf(&b, "?%zu", number);
        /* The parameter must be there whatever the operator makes of it. */
        buf_appendf(&w->c->text, "?%zu NOT NULL AND ", number);
    } else {
        field_append_sql(&b, &w->field, "c.");
    }
    w->sql = arena_dup(w->c->mem, buf_str(&b));
    buf_reset(&b);
    field_append_type_sql(&b, &w->field, "c.");
    w->type = arena_dup(w->c->mem, buf_str(&b));
    buf_release(&b);
}

enum err where_append(struct clause *c, struct str text, struct str *message)
{
    struct condition w = {.c = c, .message = message};
    struct json doc;
    enum err e = json_parse(&doc, text, JSON_STRICT, c->mem);
    if (e)
        return FAIL(&w, "where is not valid JSON");
    e = read_condition(&w, &doc);
    if (e)
        return e;
    buf_append_ch(&c->text, '(');
    write_field(&w);
    e = w.op->append(&w);
    buf_append_ch(&c->text, ')');
    return e;
}
