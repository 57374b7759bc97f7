/* The admin API on devices: the import of an inventory, the list, and what an operator does to one. */
#include "ask.h"
#include "base/log.h"

static void
post(const char *path, const char *body, int status, const char *name, const struct want *wants)
{
	struct json *doc;

	is_int(ask("POST", path, body, &doc), status, "%s: %s", path, name);
	for (; wants && wants->path; wants++)
		has(doc, wants->path, wants->value);
	json_free(doc);
}

#define IMPORT(records) "{\"records\":[" records "]}"
#define COUNTS(a, c, u) { "added", a }, { "changed", c }, { "unchanged", u }

static void
test_import(void)
{
	static const char two[] = IMPORT("{\"line\":2,\"identifier\":\"A\",\"kind\":\"fruit\",\"tags\":[\"z\",\"b\",\"z\"],\"owner\":\"ann\",\"cost_centre\":\"47\",\"note\":\"n\"},"
					 "{\"line\":3,\"identifier\":\"B/1.2.3\",\"type\":\"hardware-module\"}");

	post("/devices/import", "{\"dry_run\":true,\"records\":[{\"identifier\":\"A\",\"kind\":\"fruit\"}]}", 200, "a dry run", WANT(COUNTS("1", "0", "0")));
	get("/devices", 200, "leaves nothing", WANT({ "total", "0" }));
	post("/devices/import", two, 200, "two devices", WANT(COUNTS("2", "0", "0"), { "refused", "[]" }));
	post("/devices/import", two, 200, "the same again changes nothing", WANT(COUNTS("0", "0", "2")));
	get("/devices/A", 200, "one of them",
		WANT({ "identifier", "A" }, { "type", "permanent-identifier" }, { "status", "inventoried" }, { "kind", "fruit" }, { "tags", "[\"b\",\"z\"]" },
			{ "owner", "ann" }, { "cost_centre", "47" }, { "note", "n" }, { "seen", "0" }, { "last_seen", "" }, { "open_orders", "0" }));
	get("/devices/B%2F1.2.3?type=hardware-module", 200, "the other, whose name has a slash", WANT({ "identifier", "B/1.2.3" }, { "kind", "" }));
	get("/devices/B%2f1.2.3", 404, "of another type there is none", NULL);
	post("/devices/import", IMPORT("{\"identifier\":\"A\",\"kind\":\"fruit\",\"owner\":\"\"}"), 200, "an empty text clears", WANT(COUNTS("0", "1", "0")));
	get("/devices/A", 200, "and what is not said stays", WANT({ "owner", "" }, { "cost_centre", "47" }, { "tags", "[\"b\",\"z\"]" }));
	post("/devices/import", IMPORT("{\"identifier\":\"A\",\"kind\":\"fruit\",\"tags\":[\"z\",\"b\"]}"), 200, "tags are a set", WANT(COUNTS("0", "0", "1")));
}

static const struct {
	const char *name, *record, *field, *detail;
} refused[] = {
	{ "no identifier", "{}", "identifier", "\"identifier\" of the record is missing" },
	{ "an empty one", "{\"identifier\":\"\",\"kind\":\"fruit\"}", "identifier", "" },
	{ "of another type", "{\"identifier\":\"a.test\",\"type\":\"dns\",\"kind\":\"fruit\"}", "type", "type is \"dns\"" },
	{ "of no type", "{\"identifier\":\"a\",\"type\":\"x\"}", "identifier", "" },
	{ "a bad OID", "{\"identifier\":\"a/1.02\"}", "identifier", "" },
	{ "nobody vouches", "{\"identifier\":\"A\"}", "kind", "the identifier has no OID" },
	{ "somebody unknown does", "{\"identifier\":\"A\",\"kind\":\"veg\"}", "kind", "no entry of attestation_trust is named \"veg\"" },
	{ "a tag with a blank", "{\"identifier\":\"A/1.2\",\"tags\":[\"a b\"]}", "tags", "tag \"a b\"" },
	{ "an empty tag", "{\"identifier\":\"A/1.2\",\"tags\":[\"\"]}", "tags", "tag \"\"" },
	{ "tags that are none", "{\"identifier\":\"A/1.2\",\"tags\":\"a\"}", "tags", "not an array" },
	{ "an owner on two lines", "{\"identifier\":\"A/1.2\",\"owner\":\"a\\nb\"}", "owner", "owner has a control character" },
	{ "of a state that is told by the device alone", "{\"identifier\":\"A/1.2\",\"status\":\"seen\"}", "status", "status is \"seen\"" },
	{ "a number", "{\"identifier\":\"A/1.2\",\"cost_centre\":7}", "cost_centre", "not a string" },
};

static void
test_refused(void)
{
	struct json *doc;

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		AUTO_FREE char *body = xasprintf("{\"records\":[%s,{\"line\":8,\"identifier\":\"A\",\"kind\":\"fruit\"}]}", refused[i].record), *detail = NULL;

		is_int(ask("POST", "/devices/import", body, &doc), 200, "%s", refused[i].name);
		has(doc, "refused[0].field", refused[i].field);
		has(doc, "unchanged", "1");
		detail = at(doc, "refused[0].detail");
		if (!ok(*detail && strstr(detail, refused[i].detail), "  is refused, and the line after it is not"))
			printf("# %s\n", detail);
		json_free(doc);
	}
	post("/devices/import", "{}", 400, "no records", NULL);
	post("/devices/import", "{\"records\":[7]}", 200, "what is no object", WANT({ "refused[0].detail", "record is not a JSON object" }));
}

static void
test_states(void)
{
	post("/devices/A/block", "{\"reason\":\"lost\"}", 200, "blocked", WANT({ "status", "blocked" }, { "reason", "lost" }, { "revoked", "" }));
	post("/devices/import", IMPORT("{\"identifier\":\"A\",\"kind\":\"fruit\"}"), 200, "an import does not lift that", WANT({ "blocked", "1" }, { "unchanged", "1" }));
	get("/devices?state=blocked", 200, "it is listed so", WANT({ "items[0].identifier", "A" }, { "items[1]", "" }, { "total", "1" }));
	post("/devices/A/remove", "", 409, "nor does its removal", NULL);
	post("/devices/A/allow", "", 200, "an operator does", WANT({ "status", "inventoried" }, { "reason", "" }, { "blocked", "" }));
	post("/devices/C/block", "", 404, "who vouches for an unknown one must be said", NULL);
	post("/devices/C/block?kind=veg", "", 400, "by a name that is known", NULL);
	post("/devices/C/block?kind=fruit", "", 200, "then it is blocked before it comes", WANT({ "status", "blocked" }, { "kind", "fruit" }, { "reason", "" }));
	post("/devices/C%2F1.2/block", "{\"reason\":\"x\"}", 200, "by its OID as well", WANT({ "identifier", "C/1.2" }));
	post("/devices/C/block", "{\"crl_reason\":2,\"revoke\":true}", 400, "a reason that no certificate has", NULL);
	post("/devices/D/allow?kind=fruit", "", 404, "an unknown one is not allowed by that", NULL);
	post("/devices/import", IMPORT("{\"identifier\":\"A\",\"kind\":\"tree\"}"), 200, "two of one ID", WANT({ "added", "1" }));
	get("/devices/A", 409, "need a word more", NULL);
	get("/devices/A?kind=tree", 200, "such as the kind", WANT({ "kind", "tree" }));
	post("/devices/A/remove?kind=tree", "", 200, "removed", WANT({ "kind", "tree" }));
	get("/devices/A?kind=tree", 404, "it is gone", NULL);
	get("/devices/A", 200, "and the other is not", NULL);
	get("/devices/C", 200, "an ID is that of one without an OID", WANT({ "identifier", "C" }));
	post("/devices/import", IMPORT("{\"identifier\":\"E/1.2\",\"status\":\"blocked\",\"reason\":\"stolen\"}"), 200, "one that was blocked elsewhere",
		WANT({ "added", "1" }, { "blocked", "1" }));
	get("/devices/E%2F1.2", 200, "is so here", WANT({ "status", "blocked" }, { "reason", "stolen" }));
	post("/devices/E%2F1.2/allow", "", 200, "until an operator allows it", WANT({ "status", "inventoried" }));
	post("/devices/import", IMPORT("{\"identifier\":\"E/1.2\",\"status\":\"blocked\"}"), 200, "then the old list", WANT({ "unchanged", "1" }, { "blocked", "0" }));
	get("/devices/E%2F1.2", 200, "does not change that", WANT({ "status", "inventoried" }));
	post("/devices/E%2F1.2/remove", "", 200, "removed", NULL);
	post("/devices/C/block", "{\"revoke\":true}", 200, "a block that revokes what there is", WANT({ "revoked", "0" }));
}

static void
test_list(void)
{
	struct json *doc;
	AUTO_FREE char *next = NULL, *path = NULL, *ref = NULL, *by_ref = NULL;

	is_int(ask("GET", "/devices?limit=1", NULL, &doc), 200, "a page of the list");
	next = at(doc, "next");
	ref = at(doc, "items[0].id");
	is_str(next, ref, "  goes on below its last");
	json_free(doc);
	path = xasprintf("/devices?limit=1&before=%s", next);
	get(path, 200, "the next page", WANT({ "items[1]", "" }));
	by_ref = xasprintf("/devices/%s", ref);
	get(by_ref, 200, "a device by its id", WANT({ "id", ref }));
	get("/devices?tag=b&kind=fruit", 200, "by tag and kind", WANT({ "items[0].identifier", "A" }, { "total", "1" }));
	get("/devices?owner=a%20b%C3%A4", 200, "by an owner with a blank", WANT({ "total", "0" }));
	get("/devices?state=lost", 400, "no such state", NULL);
	get("/devices?owner=%zz", 400, "no such digits", NULL);
	get("/devices?owner=%ff", 400, "no text", NULL);
	get("/devices?before=x", 404, "no such place", NULL);
	get("/devices/%00", 400, "no such name", NULL);
}

int
main(void)
{
	log_init(LOG_ERROR, LOG_LOGFMT);
	scene_up(&scene);
	test_import();
	test_refused();
	test_states();
	test_list();
	scene_down(&scene);
	return done_testing();
}
