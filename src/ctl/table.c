/* table.c - see table.h. A column's width is its widest cell's; if the line is too long, the widest columns that may be cut give
 * way, down to CUT_MIN. */
#include "ctl/table.h"

#include <stdlib.h>

#include "ctl/ctl.h"

#define GAP 2
#define CUT_MIN 8

struct table
table_of(const struct column *columns, size_t count)
{
	return (struct table){ .columns = columns, .column_count = count };
}

void
table_add(struct table *t, char *text)
{
	if ((t->cell_count & (t->cell_count - 1)) == 0)
		t->cells = xrealloc(t->cells, (t->cell_count ? t->cell_count * 2 : 1) * sizeof(*t->cells));
	t->cells[t->cell_count++] = text ? text : xstrdup("");
}

void
table_done(struct table *t)
{
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->cell_count = 0;
}

/* Characters, not octets: all but the continuation octets of UTF-8. */
static size_t
columns_of(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
write_cell(const struct column *column, const char *text, size_t width, bool last, struct buf *out)
{
	AUTO_BUF clean = BUF_MAX(1024 * 1024);
	size_t have, keep = 0, chars = 0;

	ctl_add_clean(&clean, span_str(text));
	have = columns_of(buf_span(&clean));
	if (have > width) {
		/* "..." rather than one character: it survives any terminal */
		while (keep < clean.n && chars + 3 < width + (((unsigned char)clean.p[keep] & 0xc0) == 0x80)) {
			chars += ((unsigned char)clean.p[keep] & 0xc0) != 0x80;
			keep++;
		}
		buf_add(out, clean.p, keep);
		buf_adds(out, "...");
		have = chars + 3;
	} else {
		for (size_t i = have; column->is_number && i < width; i++)
			buf_addc(out, ' ');
		buf_addspan(out, buf_span(&clean));
		if (column->is_number)
			have = width;
	}
	for (size_t i = have; !last && i < width + GAP; i++)
		buf_addc(out, ' ');
}

static void
natural_widths(const struct table *t, size_t *widths)
{
	for (size_t i = 0; i < t->column_count; i++)
		widths[i] = strlen(t->columns[i].title);
	for (size_t i = 0; i < t->cell_count; i++) {
		size_t n = columns_of(span_str(t->cells[i])), col = i % t->column_count;

		if (n > widths[col])
			widths[col] = n;
	}
}

static void
shrink(const struct table *t, unsigned width, size_t *widths)
{
	size_t total = t->indent ? strlen(t->indent) : 0, widest;

	for (size_t i = 0; i < t->column_count; i++)
		total += widths[i] + (i ? GAP : 0);
	while (total > width) {
		widest = t->column_count;
		for (size_t i = 0; i < t->column_count; i++) {
			if (t->columns[i].may_cut && widths[i] > CUT_MIN &&
				(widest == t->column_count || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == t->column_count)
			return;
		widths[widest]--;
		total--;
	}
}

static void
write_plain(const struct table *t, struct buf *out)
{
	for (size_t i = 0; i < t->cell_count; i++) {
		ctl_add_clean(out, span_str(t->cells[i]));
		buf_addc(out, (i + 1) % t->column_count ? '\t' : '\n');
	}
}

static void
write_row(const struct table *t, char *const *cells, const size_t *widths, struct buf *out)
{
	size_t last = t->column_count - 1;

	if (t->indent)
		buf_adds(out, t->indent);
	for (size_t i = 0; i < t->column_count; i++)
		write_cell(&t->columns[i], cells ? cells[i] : t->columns[i].title, widths[i], i == last, out);
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
	buf_addc(out, '\n');
}

void
table_write(const struct table *t, bool plain, unsigned width, struct buf *out)
{
	size_t widths[TABLE_COLUMNS_MAX];

	if (plain) {
		write_plain(t, out);
		return;
	}
	natural_widths(t, widths);
	if (width)
		shrink(t, width, widths);
	write_row(t, NULL, widths, out);
	for (size_t i = 0; i + t->column_count <= t->cell_count; i += t->column_count)
		write_row(t, t->cells + i, widths, out);
}
