/* csv.c - see csv.h. Fields are copied without their quotes into a buffer that never moves. */
#include "csv/csv.h"

#include "base/utf8.h"

void
csv_init(struct csv *c, struct span text)
{
	if (span_starts(text, "\xef\xbb\xbf"))
		text = span_from(text, 3);
	c->rest = text;
	c->count = 0;
	c->line = c->at_line = c->at_column = 1;
	c->text = BUF_MAX(CSV_RECORD_MAX);
	buf_reserve(&c->text, CSV_RECORD_MAX);
}

void
csv_done(struct csv *c)
{
	buf_done(&c->text);
	c->count = 0;
}

static bool
wrong_at(unsigned line, unsigned column, const char *what, struct problem *pr)
{
	return problem_set(pr, PROBLEM_MALFORMED, "line %u, column %u: %s", line, column, what);
}

static bool
wrong(const struct csv *c, const char *what, struct problem *pr)
{
	return wrong_at(c->at_line, c->at_column, what, pr);
}

/* Octets of the line end that is next; 0 = none is. */
static size_t
line_end(const struct csv *c)
{
	if (c->rest.n && c->rest.p[0] == '\n')
		return 1;
	return span_starts(c->rest, "\r\n") ? 2 : 0;
}

static bool
next_is(const struct csv *c, char ch)
{
	return c->rest.n && c->rest.p[0] == ch;
}

static void
pass(struct csv *c, size_t octets)
{
	c->rest = span_from(c->rest, octets);
	c->at_column++;
}

static void
pass_line(struct csv *c)
{
	c->rest = span_from(c->rest, line_end(c));
	c->at_line++;
	c->at_column = 1;
}

/* One character goes to the field. */
static bool
take(struct csv *c, struct problem *pr)
{
	size_t n = utf8_step(c->rest);

	if (n == 0 || c->rest.p[0] == '\0')
		return wrong(c, "not a character of UTF-8", pr);
	if (c->text.n + n > CSV_RECORD_MAX)
		return wrong(c, "the record is too long", pr);
	buf_add(&c->text, c->rest.p, n);
	if (c->rest.p[0] == '\n') {
		c->rest = span_from(c->rest, 1);
		c->at_line++;
		c->at_column = 1;
	} else {
		pass(c, n);
	}
	return true;
}

static bool
read_quoted(struct csv *c, struct problem *pr)
{
	unsigned line = c->at_line, column = c->at_column;

	pass(c, 1);
	for (;;) {
		if (c->rest.n == 0)
			return wrong_at(line, column, "the quote is never closed", pr);
		if (!next_is(c, '"')) {
			if (!take(c, pr))
				return false;
			continue;
		}
		pass(c, 1);
		if (!next_is(c, '"'))
			break;
		if (!take(c, pr))
			return false;
	}
	if (c->rest.n && !next_is(c, ',') && !line_end(c))
		return wrong(c, "expected a comma or the end of the line behind the closing quote", pr);
	return true;
}

static bool
read_plain(struct csv *c, struct problem *pr)
{
	while (c->rest.n && !next_is(c, ',') && !line_end(c)) {
		if (next_is(c, '"'))
			return wrong(c, "a quote within a field that does not begin with one", pr);
		if (next_is(c, '\r'))
			return wrong(c, "a carriage return that no line feed follows", pr);
		if (!take(c, pr))
			return false;
	}
	return true;
}

static bool
read_field(struct csv *c, struct problem *pr)
{
	size_t from = c->text.n;
	struct csv_field *f;

	if (c->count == CSV_FIELDS_MAX)
		return wrong(c, "too many fields", pr);
	f = &c->fields[c->count];
	f->line = c->at_line;
	f->column = c->at_column;
	if (!(next_is(c, '"') ? read_quoted(c, pr) : read_plain(c, pr)))
		return false;
	f->text = span_of(c->text.p + from, c->text.n - from);
	c->count++;
	return true;
}

bool
csv_next(struct csv *c, struct problem *pr)
{
	while (line_end(c))
		pass_line(c);
	c->count = 0;
	c->line = c->at_line;
	c->text.n = 0;
	if (c->rest.n == 0)
		return false;
	while (read_field(c, pr)) {
		if (!next_is(c, ',')) {
			if (c->rest.n)
				pass_line(c);
			return true;
		}
		pass(c, 1);
	}
	c->count = 0;
	c->rest = SPAN_NONE;
	return false;
}
