/* csv.h - a reader of comma-separated values (RFC 4180), record by record; pure. Any thread, one at a time.
 *
 *   struct csv csv;
 *   csv_init(&csv, text);
 *   while (csv_next(&csv, &pr))
 *           use(csv.fields, csv.count);
 *   good = pr.kind == PROBLEM_NONE;
 *   csv_done(&csv);
 *
 * Text is UTF-8, a byte order mark in front is passed over; lines end with LF or CR LF; a line without anything is no record. Refused,
 * with line and column: a quote within a field without quotes, anything between a closing quote and the next comma, an open quote at
 * the end, a lone CR, NUL, invalid UTF-8, and what is beyond the limits. */
#ifndef CSV_CSV_H
#define CSV_CSV_H

#include "base/buf.h"
#include "base/problem.h"

#define CSV_FIELDS_MAX 256
#define CSV_RECORD_MAX (64 * 1024) /* octets, without quotes and commas */

struct csv_field {
	struct span text;      /* until the next csv_next */
	unsigned line, column; /* where it begins, from 1; columns are characters */
};

struct csv {
	struct csv_field fields[CSV_FIELDS_MAX];
	size_t count;
	unsigned line;         /* of the record */
	/* the reader's: */
	struct span rest;
	unsigned at_line, at_column;
	struct buf text;
};

/* `text` must outlive the reader. */
void csv_init(struct csv *c, struct span text);
/* The next record. False at the end, or if what follows is wrong: then PROBLEM_MALFORMED is set, and there is no going on. */
bool csv_next(struct csv *c, struct problem *pr);
void csv_done(struct csv *c);
#endif
