/* table.h - rows of text in columns that fit the terminal. Pure. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "base/buf.h"

struct column {
	const char *title;
	bool may_cut;  /* ids and states are never cut */
	bool is_number; /* to the right */
};

#define TABLE_COLUMNS_MAX 12
struct table {
	const struct column *columns;
	size_t column_count, cell_count;
	char **cells; /* owned, row by row */
	const char *indent; /* before each line; NULL = none */
};
/* An empty table; columns are borrowed. */
struct table table_of(const struct column *columns, size_t count);
/* The next cell, to the right, then in the next row. Takes the text (heap); NULL = "". */
void table_add(struct table *t, char *text);
/* plain: one record a line, cells separated by tabs, no titles, nothing cut. width 0: no limit. Control characters
 * become '?'. */
void table_write(const struct table *t, bool plain, unsigned width, struct buf *out);
void table_done(struct table *t);
#endif
