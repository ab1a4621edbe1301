/*
 * CSV (RFC 4180) of any size, record by record, on libcsv. Comma, quotes doubled within quotes,
 * lines that end with CRLF, LF or CR; a byte order mark is passed over, blank lines are. An empty
 * field without quotes is told apart from "". White space is part of a field.
 */
#ifndef WIRE_CSV_H
#define WIRE_CSV_H

#include "base/buf.h"
#include "base/err.h"

struct csv_limits {
    size_t fields; /* of a record */
    size_t bytes;  /* of a record's text */
};

/*
 * A record and the line of the text that it began in (from 1). A field with p == NULL was empty and
 * without quotes. Valid during the call. Other than OK ends the reading.
 */
typedef enum err csv_on_record(void *arg, const struct str *fields, size_t count, int64_t line);

struct csv_reader;

struct csv_reader *csv_reader_new(const struct csv_limits *limits, csv_on_record *on_record,
                                  void *arg);
void csv_reader_free(struct csv_reader *r);

/*
 * The next bytes, in pieces of any size. ERR_INVALID: not CSV, not UTF-8, or a NUL;
 * ERR_TOO_LARGE: over the limits; or what on_record returned. After a failure nothing is read.
 */
enum err csv_read(struct csv_reader *r, struct str bytes) must_check;

/* There are no more bytes. */
enum err csv_finish(struct csv_reader *r) must_check;

/* After a failure of the reader's own (NULL otherwise): a clause; and the line that the record
 * began in. */
const char *csv_problem(const struct csv_reader *r);
int64_t csv_line(const struct csv_reader *r);

/*
 * Append a field to a record that begins with *first = true: as it is where it needs no quotes.
 * p == NULL is the empty one without quotes.
 */
void csv_append_field(struct buf *out, struct str field, bool *first);
void csv_end_record(struct buf *out);

#endif
