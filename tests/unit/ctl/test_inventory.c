/* test_inventory.c - inventories as CSV and JSON: what goes to the daemon, and each fault of the form with its place. */
#include "ctl/inventory.h"

#include "tap.h"

/* "LINE:COLUMN json [key]" of each record, then the problem. */
static const char *
all_of(struct span text, const char *columns, const char *kind, struct buf *out)
{
	struct inventory_record r = { 0 };
	struct inventory *in = NULL;
	struct problem pr = { 0 };

	buf_clear(out);
	if (inventory_open(text, columns, kind, &in, &pr)) {
		while (inventory_next(in, &r, &pr))
			buf_addf(out, "%u:%u %s [%s]\n", r.line, r.column, buf_cstr(&r.json), buf_cstr(&r.key));
	}
	if (pr.kind)
		buf_addf(out, "%s", pr.detail);
	inventory_record_done(&r);
	inventory_free(in);
	return buf_cstr(out);
}

#define COLUMNS_KNOWN "expected identifier, type, kind, tags, owner, cost_centre and note, or --columns"

static const struct {
	const char *name, *in, *columns, *kind, *want;
} cases[] = {
	{ "one column", "identifier\nA/1.2.3\n", NULL, NULL, "2:1 {\"line\":2,\"identifier\":\"A/1.2.3\"} [permanent-identifier  A/1.2.3]\n" },
	{ "all columns, in any order and case", "Owner,kind,IDENTIFIER,tags,cost_centre,note,type\nann,tpm,A,\"x, y;z\",47,n,hardware-module\n", NULL, NULL,
		"2:1 {\"line\":2,\"identifier\":\"A\",\"type\":\"hardware-module\",\"kind\":\"tpm\",\"tags\":[\"x\",\"y\",\"z\"],\"owner\":\"ann\","
		"\"cost_centre\":\"47\",\"note\":\"n\"} [hardware-module tpm A]\n" },
	{ "blanks around a cell are not its, but an identifier's are", "identifier,owner\n A, ann \n", NULL, NULL,
		"2:1 {\"line\":2,\"identifier\":\" A\",\"owner\":\"ann\"} [permanent-identifier   A]\n" },
	{ "an empty cell is told", "identifier,owner,tags\nA/1.2,,\n", NULL, NULL,
		"2:1 {\"line\":2,\"identifier\":\"A/1.2\",\"tags\":[],\"owner\":\"\"} [permanent-identifier  A/1.2]\n" },
	{ "a kind for those that have none", "identifier,kind\nA,\nB,tpm\n", NULL, "apple",
		"2:1 {\"line\":2,\"identifier\":\"A\",\"kind\":\"apple\"} [permanent-identifier apple A]\n"
		"3:1 {\"line\":3,\"identifier\":\"B\",\"kind\":\"tpm\"} [permanent-identifier tpm B]\n" },
	{ "columns of another system", "Serial Number,Model,Assigned User\nA,X,ann\n", "identifier=Serial Number,owner=Assigned User", "apple",
		"2:1 {\"line\":2,\"identifier\":\"A\",\"kind\":\"apple\",\"owner\":\"ann\"} [permanent-identifier apple A]\n" },
	{ "no file", "", NULL, NULL, "the file is empty: expected a line that names the columns" },
	{ "an unknown column", "identifier,ownr\n", NULL, NULL, "line 1, column 12: unknown column \"ownr\": " COLUMNS_KNOWN },
	{ "a column twice", "identifier,owner,owner\n", NULL, NULL, "line 1, column 18: a second column for owner" },
	{ "no identifier", "owner\nann\n", NULL, NULL, "line 1, column 1: no column is the identifier" },
	{ "a column that is not there", "identifier,x\n", "identifier=identifier,owner=User", NULL, "line 1, column 1: there is no column User" },
	{ "columns that say nothing", "identifier\n", "identifier", NULL,
		"columns: expected NAME=TITLE, where NAME is identifier, type, kind, tags, owner, cost_centre or note, not \"identifier\"" },
	{ "too few cells", "identifier,owner\nA,x\nB\n", NULL, NULL,
		"2:1 {\"line\":2,\"identifier\":\"A\",\"owner\":\"x\"} [permanent-identifier  A]\nline 3, column 1: 1 fields, and the first line names 2" },
	{ "a quote that is never closed", "identifier\n\"A\n", NULL, NULL, "line 2, column 1: the quote is never closed" },
	/* JSON */
	{ "an array", "[\n {\"identifier\":\"A\",\"kind\":\"tpm\",\"tags\":[\"x\"]},\n {\"identifier\":\"B/1.2\"}\n]\n", NULL, NULL,
		"2:2 {\"line\":2,\"identifier\":\"A\",\"kind\":\"tpm\",\"tags\":[\"x\"]} [permanent-identifier tpm A]\n"
		"3:2 {\"line\":3,\"identifier\":\"B/1.2\"} [permanent-identifier  B/1.2]\n" },
	{ "an empty array", " [ ] ", NULL, NULL, "" },
	{ "objects, one after the other", "{\"identifier\":\"A\"}\n{\"identifier\":\"}\\\"{\"}", NULL, "apple",
		"1:1 {\"line\":1,\"identifier\":\"A\",\"kind\":\"apple\"} [permanent-identifier apple A]\n"
		"2:1 {\"line\":2,\"identifier\":\"}\\\"{\",\"kind\":\"apple\"} [permanent-identifier apple }\"{]\n" },
	{ "what the list prints", "{\"items\":[{\"id\":\"r\",\"status\":\"blocked\",\"type\":\"hardware-module\",\"identifier\":\"A/1.2\",\"seen\":3,\"note\":\"\",\"reason\":\"lost\"}],\"next\":null,\"total\":1}",
		NULL, NULL, "1:11 {\"line\":1,\"type\":\"hardware-module\",\"identifier\":\"A/1.2\",\"note\":\"\",\"status\":\"blocked\",\"reason\":\"lost\"}"
			    " [hardware-module  A/1.2]\n" },
	{ "a reason without a block", "[{\"identifier\":\"A\",\"status\":\"seen\",\"reason\":\"x\"}]", NULL, NULL,
		"1:2 {\"line\":1,\"identifier\":\"A\"} [permanent-identifier  A]\n" },
	{ "a member of another name", "[{\"identifier\":\"A\",\n\"ownr\":\"x\"}]", NULL, NULL, "line 1, column 2: unknown member ownr" },
	{ "a kind that is no text is the daemon's to refuse", "[{\"identifier\":\"A\",\"kind\":[\"x\"]}]", NULL, "apple",
		"1:2 {\"line\":1,\"identifier\":\"A\",\"kind\":[\"x\"]} [permanent-identifier apple A]\n" },
	{ "a member twice, in another case", "[{\"identifier\":\"A\",\"Identifier\":\"B\"}]", NULL, NULL, "line 1, column 2: a second member identifier" },
	{ "no object", "[1]", NULL, NULL, "line 1, column 2: expected an object" },
	{ "an object without end", "[\n{\"identifier\":\"A\"", NULL, NULL, "line 2, column 1: the object does not end, or is too long" },
	{ "an array without end", "[{\"identifier\":\"A\"}", NULL, NULL,
		"1:2 {\"line\":1,\"identifier\":\"A\"} [permanent-identifier  A]\nline 1, column 20: expected a comma or ]" },
	{ "text behind the array", "[]\nx", NULL, NULL, "line 2, column 1: expected nothing behind the array" },
	{ "a comma too many", "[{\"identifier\":\"A\"},]", NULL, NULL,
		"1:2 {\"line\":1,\"identifier\":\"A\"} [permanent-identifier  A]\nline 1, column 21: expected an object" },
};

static void
test_wrong_json(void)
{
	AUTO_BUF out = BUF_MAX(1 << 20);

	ok(strstr(all_of(SPAN("[\n  {\"identifier\": nonsense}]"), NULL, NULL, &out), "line 2, column 3: the object is not valid JSON") == out.p,
		"an object that is none has a place");
	ok(strstr(all_of(SPAN("[{\"owner\":\"\xff\"}]"), NULL, NULL, &out), "line 1, column 2: the object is not valid UTF-8") == out.p, "so has what is no UTF-8");
	ok(strstr(all_of(SPAN("[{\"owner\":\"x\",\"owner\":\"y\"}]"), NULL, NULL, &out), "line 1, column 2: ") == out.p, "so has a member that is there twice");
}

int
main(void)
{
	AUTO_BUF out = BUF_MAX(1 << 20);

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		is_str(all_of(span_str(cases[i].in), cases[i].columns, cases[i].kind, &out), cases[i].want, "%s", cases[i].name);
	test_wrong_json();
	return done_testing();
}
