/* inventory.c - see inventory.h. */
#include "ctl/inventory.h"

#include <stdlib.h>

#include "csv/csv.h"
#include "json/json.h"
#include "json/jw.h"

#define RECORD_MAX (64 * 1024) /* octets of a record's JSON, ours and theirs */

enum member { IDENTIFIER, TYPE, KIND, TAGS, OWNER, COST_CENTRE, NOTE, MEMBERS };
static const char *const names[] = { [IDENTIFIER] = "identifier", [TYPE] = "type", [KIND] = "kind", [TAGS] = "tags",
	[OWNER] = "owner", [COST_CENTRE] = "cost_centre", [NOTE] = "note" };
/* what the list shows besides; of a blocked device status and reason are told */
static const char *const passed_over[] = { "id", "status", "blocked", "reason", "created", "changed", "seen", "first_seen", "last_seen",
	"account", "key_hash" };

struct inventory {
	const char *kind;
	struct csv *csv;           /* NULL: JSON */
	bool used[MEMBERS];        /* CSV: there is such a column */
	size_t at[MEMBERS];        /* and its place */
	size_t columns;
	struct span rest;          /* JSON */
	unsigned line, column;
	bool in_array, in_list, first;
};

static bool
wrong_at(unsigned line, unsigned column, struct problem *pr, const char *what, const char *word)
{
	return problem_set(pr, PROBLEM_MALFORMED, "line %u, column %u: %s%s", line, column, what, word);
}

static bool
member_of(struct span name, enum member *ret)
{
	for (int i = 0; i < MEMBERS; i++) {
		if (span_is_nocase(name, names[i])) {
			*ret = (enum member)i;
			return true;
		}
	}
	return false;
}

/* ---- CSV ---- */

/* "member=Column, other=Other": what the column of this title is called here. */
static bool
mapped(const char *columns, struct span title, enum member *ret)
{
	struct span rest = span_str(columns), part, name;

	while (span_cut(&rest, ',', &part)) {
		if (span_cut(&part, '=', &name) && span_eq(span_trim(part), title))
			return member_of(span_trim(name), ret);
	}
	return false;
}

static bool
check_columns(const char *columns, struct problem *pr)
{
	struct span rest = span_str(columns), part, name;
	enum member m;

	while (columns && span_cut(&rest, ',', &part)) {
		if (!span_cut(&part, '=', &name) || !part.p || !member_of(span_trim(name), &m))
			return problem_set(pr, PROBLEM_MALFORMED,
				"columns: expected NAME=TITLE, where NAME is identifier, type, kind, tags, owner, cost_centre or note, not \"%s\"", QUOTE(name));
	}
	return true;
}

/* All columns that were told are there, the identifier's first of all. */
static bool
check_used(const struct inventory *in, const char *columns, struct problem *pr)
{
	struct span rest = span_str(columns), part, name;
	enum member m;

	while (columns && span_cut(&rest, ',', &part)) {
		if (span_cut(&part, '=', &name) && member_of(span_trim(name), &m) && !in->used[m])
			return wrong_at(in->csv->line, 1, pr, "there is no column ", QUOTE(span_trim(part)));
	}
	return in->used[IDENTIFIER] ? true : wrong_at(in->csv->line, 1, pr, "no column is the identifier", "");
}

static bool
read_header(struct inventory *in, const char *columns, struct problem *pr)
{
	struct csv *csv = in->csv;

	if (!csv_next(csv, pr))
		return pr->kind ? false : problem_set(pr, PROBLEM_MALFORMED, "the file is empty: expected a line that names the columns");
	in->columns = csv->count;
	for (size_t i = 0; i < csv->count; i++) {
		const struct csv_field *f = &csv->fields[i];
		struct span title = span_trim(f->text);
		enum member m = IDENTIFIER;

		if (!(columns ? mapped(columns, title, &m) : member_of(title, &m))) {
			if (columns)
				continue;
			return problem_set(pr, PROBLEM_MALFORMED, "line %u, column %u: unknown column \"%s\": expected identifier, type, kind, tags, owner, "
				"cost_centre and note, or --columns", f->line, f->column, QUOTE(title));
		}
		if (in->used[m])
			return wrong_at(f->line, f->column, pr, "a second column for ", names[m]);
		in->used[m] = true;
		in->at[m] = i;
	}
	return check_used(in, columns, pr);
}

static void
write_tags(struct jw *w, struct span cell)
{
	struct span rest = cell;

	jw_array(w, names[TAGS]);
	while (rest.n) {
		size_t n = 0;

		while (n < rest.n && !strchr(" \t,;", rest.p[n]))
			n++;
		if (n)
			jw_span(w, NULL, span_of(rest.p, n));
		rest = span_from(rest, n + 1);
	}
	jw_end(w);
}

static struct span
cell_of(const struct inventory *in, enum member m)
{
	struct span text = in->used[m] ? in->csv->fields[in->at[m]].text : SPAN_NONE;

	/* identifiers are compared octet for octet */
	return m == IDENTIFIER ? text : span_trim(text);
}

static void
write_key(struct buf *out, struct span type, struct span kind, struct span identifier)
{
	/* an OID makes the kind mean nothing */
	bool has_oid = memchr(identifier.n ? identifier.p : "", '/', identifier.n) != NULL;

	buf_addf(out, "%.*s %.*s ", SPAN_FMT(type.n ? type : SPAN("permanent-identifier")), SPAN_FMT(has_oid ? SPAN("") : kind));
	buf_addspan(out, identifier);
}

static bool
next_of_csv(struct inventory *in, struct inventory_record *r, struct problem *pr)
{
	struct jw w = jw_to(&r->json);
	struct span kind;

	if (!csv_next(in->csv, pr))
		return false;
	r->line = in->csv->line;
	r->column = 1;
	if (in->csv->count != in->columns)
		return problem_set(pr, PROBLEM_MALFORMED, "line %u, column 1: %zu fields, and the first line names %zu", r->line, in->csv->count, in->columns);
	kind = cell_of(in, KIND);
	if (kind.n == 0 && in->kind)
		kind = span_str(in->kind);
	jw_object(&w, NULL);
	jw_int(&w, "line", r->line);
	for (int m = 0; m < MEMBERS; m++) {
		if (m == KIND && kind.n)
			jw_span(&w, names[m], kind);
		else if (m == TAGS && in->used[m])
			write_tags(&w, cell_of(in, TAGS));
		else if (m != KIND && in->used[m])
			jw_span(&w, names[m], cell_of(in, (enum member)m));
	}
	jw_end(&w);
	write_key(&r->key, cell_of(in, TYPE), kind, cell_of(in, IDENTIFIER));
	return jw_ok(&w) ? true : wrong_at(r->line, 1, pr, "the record is too long", "");
}

/* ---- JSON: objects are cut out of the text, and read one by one ---- */

static void
pass(struct inventory *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* columns are characters */
		if (in->rest.p[i] == '\n') {
			in->line++;
			in->column = 1;
		} else if ((in->rest.p[i] & 0xc0) != 0x80) {
			in->column++;
		}
	}
	in->rest = span_from(in->rest, n);
}

static void
pass_blanks(struct inventory *in)
{
	while (in->rest.n && strchr(" \t\r\n", in->rest.p[0]) && in->rest.p[0])
		pass(in, 1);
}

static bool
pass_text(struct inventory *in, const char *text)
{
	pass_blanks(in);
	if (!span_starts(in->rest, text))
		return false;
	pass(in, strlen(text));
	return true;
}

/* Octets of the object that begins here; 0: it does not end. */
static size_t
object_octets(struct span text)
{
	bool quoted = false;
	size_t depth = 0;

	for (size_t i = 0; i < text.n && i < RECORD_MAX; i++) {
		char ch = text.p[i];

		if (quoted && ch == '\\')
			i++;
		else if (ch == '"')
			quoted = !quoted;
		else if (!quoted && (ch == '{' || ch == '['))
			depth++;
		else if (!quoted && (ch == '}' || ch == ']') && --depth == 0)
			return i + 1;
	}
	return 0;
}

static bool
is_passed_over(struct span name)
{
	for (size_t i = 0; i < COUNT_OF(passed_over); i++) {
		if (span_is(name, passed_over[i]))
			return true;
	}
	return false;
}

/* A list that moves to another gateway must not let in who was kept out. */
static void
write_block(const struct json_node *object, struct jw *w)
{
	struct span reason = json_text(json_get(object, "reason"));

	if (!span_is(json_text(json_get(object, "status")), "blocked"))
		return;
	jw_str(w, "status", "blocked");
	if (reason.n)
		jw_span(w, "reason", reason);
}

static bool
write_members(struct inventory *in, const struct json_node *object, struct jw *w, const struct inventory_record *r, struct problem *pr)
{
	const struct json_node *n = NULL;
	struct span name = SPAN_NONE;
	bool has[MEMBERS] = { false };
	enum member m;

	while ((n = json_next_member(object, n, &name))) {
		AUTO_BUF text = BUF_MAX(RECORD_MAX);

		if (is_passed_over(name))
			continue;
		if (!member_of(name, &m))
			return wrong_at(r->line, r->column, pr, "unknown member ", QUOTE(name));
		if (m == KIND && json_type(n) == JSON_STRING && json_text(n).n == 0)
			continue;
		/* letter case makes no difference here */
		if (has[m])
			return wrong_at(r->line, r->column, pr, "a second member ", names[m]);
		has[m] = true;
		json_write(n, &text);
		jw_raw(w, names[m], buf_span(&text));
	}
	if (!has[KIND] && in->kind)
		jw_str(w, names[KIND], in->kind);
	write_block(object, w);
	return true;
}

static bool
read_object(struct inventory *in, struct span text, struct inventory_record *r, struct problem *pr)
{
	struct jw w = jw_to(&r->json);
	struct problem why = { 0 };
	struct json *doc;
	struct span kind;
	bool good;

	if (!json_parse(text, "the object", NULL, &doc, &why))
		return wrong_at(r->line, r->column, pr, why.detail, "");
	jw_object(&w, NULL);
	jw_int(&w, "line", r->line);
	good = write_members(in, json_root(doc), &w, r, pr);
	jw_end(&w);
	kind = json_text(json_get(json_root(doc), names[KIND]));
	write_key(&r->key, json_text(json_get(json_root(doc), names[TYPE])), kind.n ? kind : span_str(in->kind),
		json_text(json_get(json_root(doc), names[IDENTIFIER])));
	json_free(doc);
	return good && (jw_ok(&w) || wrong_at(r->line, r->column, pr, "the record is too long", ""));
}

static bool
next_of_json(struct inventory *in, struct inventory_record *r, struct problem *pr)
{
	size_t n;

	if (in->in_array && pass_text(in, "]")) {
		pass_blanks(in);
		if (!in->in_list && in->rest.n)
			return wrong_at(in->line, in->column, pr, "expected nothing behind the array", "");
		/* what follows in a list is its summary */
		in->in_array = false;
		in->rest = SPAN_NONE;
	}
	pass_blanks(in);
	if (in->rest.n == 0 && !in->in_array)
		return false;
	if (in->in_array && !in->first && !pass_text(in, ","))
		return wrong_at(in->line, in->column, pr, "expected a comma or ]", "");
	pass_blanks(in);
	in->first = false;
	r->line = in->line;
	r->column = in->column;
	if (!span_starts(in->rest, "{"))
		return wrong_at(r->line, r->column, pr, "expected an object", "");
	n = object_octets(in->rest);
	if (n == 0)
		return wrong_at(r->line, r->column, pr, "the object does not end, or is too long", "");
	if (!read_object(in, span_of(in->rest.p, n), r, pr))
		return false;
	pass(in, n);
	return true;
}

static void
open_json(struct inventory *in, struct span text)
{
	struct inventory list = *in;

	in->rest = list.rest = text;
	in->line = in->column = list.line = list.column = 1;
	in->first = list.first = true;
	if (pass_text(in, "[")) {
		in->in_array = true;
	} else if (pass_text(&list, "{") && pass_text(&list, "\"items\"") && pass_text(&list, ":") && pass_text(&list, "[")) {
		*in = list;
		in->in_array = in->in_list = true;
	}
}

/* ---- both ---- */

static bool
is_json(struct span text)
{
	while (text.n && strchr(" \t\r\n", text.p[0]) && text.p[0])
		text = span_from(text, 1);
	return span_starts(text, "{") || span_starts(text, "[");
}

bool
inventory_open(struct span text, const char *columns, const char *kind, struct inventory **ret, struct problem *pr)
{
	struct inventory *in = xcalloc(1, sizeof(*in));

	in->kind = kind;
	if (is_json(text)) {
		open_json(in, text);
		*ret = in;
		return true;
	}
	in->csv = xcalloc(1, sizeof(*in->csv));
	csv_init(in->csv, text);
	if (!check_columns(columns, pr) || !read_header(in, columns, pr)) {
		inventory_free(in);
		return false;
	}
	*ret = in;
	return true;
}

void
inventory_free(struct inventory *in)
{
	if (!in)
		return;
	if (in->csv)
		csv_done(in->csv);
	free(in->csv);
	free(in);
}

void
inventory_record_done(struct inventory_record *r)
{
	buf_done(&r->json);
	buf_done(&r->key);
}

bool
inventory_next(struct inventory *in, struct inventory_record *ret, struct problem *pr)
{
	ret->json.max = ret->key.max = RECORD_MAX;
	buf_clear(&ret->json);
	buf_clear(&ret->key);
	return in->csv ? next_of_csv(in, ret, pr) : next_of_json(in, ret, pr);
}

unsigned
inventory_column(const struct inventory *in, const char *name)
{
	for (int m = 0; in->csv && m < MEMBERS; m++) {
		if (strcmp(names[m], name) == 0 && in->used[m] && in->at[m] < in->csv->count)
			return in->csv->fields[in->at[m]].column;
	}
	return 0;
}
