/* invoice.c - see invoice.h. */
#include "ctl/invoice.h"

#include <ctype.h>

static const char *const members[] = { "url", "serial", "amount" };

/* What is the column with this title, by `columns`? -1 = nothing of ours. */
static int
member_of(const char *columns, struct span title)
{
	struct span rest = span_str(columns), part, name;

	for (size_t i = 0; !columns && i < COUNT_OF(members); i++) {
		if (span_is(title, members[i]))
			return (int)i;
	}
	while (columns && span_cut(&rest, ',', &part)) {
		if (!span_cut(&part, '=', &name) || !span_eq(part, title))
			continue;
		for (size_t i = 0; i < COUNT_OF(members); i++) {
			if (span_is(name, members[i]))
				return (int)i;
		}
	}
	return -1;
}

static bool
check_columns(const char *columns, struct problem *pr)
{
	struct span rest = span_str(columns), part, name;

	while (columns && span_cut(&rest, ',', &part)) {
		if (!span_cut(&part, '=', &name) || part.n == 0 || (!span_is(name, "url") && !span_is(name, "serial") && !span_is(name, "amount")))
			return problem_set(pr, PROBLEM_MALFORMED, "columns: expected NAME=TITLE, where NAME is url, serial or amount, not \"%s\"", QUOTE(name));
	}
	return true;
}

static bool
read_header(struct invoice *v, const char *columns, struct problem *pr)
{
	int *const at[] = { &v->url, &v->serial, &v->amount };

	v->url = v->serial = v->amount = -1;
	if (!csv_next(&v->csv, pr))
		return pr->kind ? false : problem_set(pr, PROBLEM_MALFORMED, "the file is empty: expected a line that names the columns");
	v->columns = v->csv.count;
	for (size_t i = 0; i < v->csv.count; i++) {
		int m = member_of(columns, v->csv.fields[i].text);

		if (m < 0)
			continue;
		if (*at[m] >= 0)
			return problem_set(pr, PROBLEM_MALFORMED, "line 1: two columns are the %s", members[m]);
		*at[m] = (int)i;
	}
	if (v->url < 0 && v->serial < 0)
		return problem_set(pr, PROBLEM_MALFORMED, "line 1: no column is url or serial; --columns says which");
	return true;
}

bool
invoice_open(struct invoice *v, struct span text, const char *columns, struct problem *pr)
{
	csv_init(&v->csv, text);
	if (check_columns(columns, pr) && read_header(v, columns, pr))
		return true;
	csv_done(&v->csv);
	return false;
}

void
invoice_done(struct invoice *v)
{
	csv_done(&v->csv);
}

static struct span
field(const struct invoice *v, int at)
{
	return at < 0 ? SPAN("") : span_trim(v->csv.fields[at].text);
}

/* "00:AB:cd" and "abcd" are one number. */
static bool
read_serial(struct span text, struct invoice_line *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ':' || text.p[i] == ' ' || (n == 0 && text.p[i] == '0'))
			continue;
		if (!isxdigit((unsigned char)text.p[i]) || n + 1 >= sizeof(ret->serial_text))
			return false;
		ret->serial_text[n++] = (char)tolower((unsigned char)text.p[i]);
	}
	ret->serial_text[n] = '\0';
	ret->serial = span_of(ret->serial_text, n);
	return true;
}

bool
invoice_next(struct invoice *v, struct invoice_line *ret, struct problem *pr)
{
	struct span amount;

	if (!csv_next(&v->csv, pr))
		return false;
	*ret = (struct invoice_line){ .line = v->csv.line };
	if (v->csv.count != v->columns)
		return problem_set(pr, PROBLEM_MALFORMED, "line %u: %zu fields, and the first line names %zu", ret->line, v->csv.count, v->columns);
	ret->url = field(v, v->url);
	if (!read_serial(field(v, v->serial), ret))
		return problem_set(pr, PROBLEM_MALFORMED, "line %u: \"%s\" is no serial number", ret->line, QUOTE(field(v, v->serial)));
	if (ret->url.n == 0 && ret->serial.n == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "line %u names no order and no serial number", ret->line);
	amount = field(v, v->amount);
	ret->has_amount = amount.n != 0;
	if (ret->has_amount && !price_parse(amount, &ret->amount))
		return problem_set(pr, PROBLEM_MALFORMED, "line %u: \"%s\" is no amount such as 15 or 0.90", ret->line, QUOTE(amount));
	return true;
}
