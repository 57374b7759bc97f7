/* doc/openapi.json says what the table of resources says. `test_openapi print` prints it anew, `make regen-openapi` puts it in its place. */
#include "admin/call.h"
#include "admin/openapi.h"
#include "base/secret.h"
#include "tap.h"

#define DOCUMENT TOP_SRCDIR "/doc/openapi.json"

static const struct json_limits limits = { .depth_max = 16, .nodes_max = 100000 };

static const struct json_node *
find_operation(const struct json_node *root, const struct resource *res)
{
	AUTO_BUF path = BUF_MAX(256);
	struct span rest = span_str(res->path), part;

	while (span_cut(&rest, '/', &part)) {
		if (part.n)
			buf_addf(&path, "/%.*s", SPAN_FMT(span_is(part, "{}") ? SPAN("{ref}") : part));
	}
	return json_get(json_get(json_get(root, "paths"), buf_cstr(&path)), res->method == HTTP_POST ? "post" : "get");
}

static bool
has_parameter(const struct json_node *op, struct span name, const char *in)
{
	const struct json_node *list = json_get(op, "parameters");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *one = json_at(list, i);

		if (span_eq(json_text(json_get(one, "name")), name))
			return span_is(json_text(json_get(one, "in")), in);
	}
	return false;
}

/* All of the row's, and no other. */
static bool
has_parameters(const struct json_node *op, const struct resource *res)
{
	struct span rest = span_str(res->query), name;
	size_t count = 0;

	if (strstr(res->path, "{}")) {
		count++;
		if (!has_parameter(op, SPAN("ref"), "path"))
			return false;
	}
	for (; res->query && span_cut(&rest, ' ', &name); count++) {
		if (!has_parameter(op, name, "query"))
			return false;
	}
	return json_count(json_get(op, "parameters")) == count;
}

static bool
has_members(const struct json_node *op, const struct resource *res)
{
	const struct json_node *type = json_get(json_get(json_get(op, "requestBody"), "content"), "application/json");
	const struct json_node *members = json_get(json_get(type, "schema"), "properties");
	struct span rest = span_str(res->told), name;
	size_t count = 0;

	for (; res->told && span_cut(&rest, ' ', &name); count++) {
		AUTO_FREE char *text = span_dup(name);

		if (!json_get(members, text))
			return false;
	}
	return json_count(members) == count && !type == (res->method != HTTP_POST);
}

/* A second row of the same method and path would never be found. */
static bool
is_alone(size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (resource_at(i)->method == resource_at(at)->method && strcmp(resource_at(i)->path, resource_at(at)->path) == 0)
			return false;
	}
	return true;
}

static void
test_resource(const struct json_node *root, size_t at)
{
	const struct resource *res = resource_at(at);
	const struct json_node *op = find_operation(root, res);

	ok(res->method == HTTP_GET || res->method == HTTP_POST, "row %zu is of a method that the document knows", at);
	ok(op && is_alone(at), "  %s %s is in it, and once in the table", res->method == HTTP_POST ? "POST" : "GET", res->path);
	ok(has_parameters(op, res) && has_members(op, res), "  with its parameters");
	ok(span_is(json_text(json_get(op, "x-role")), role_name(res->role)), "  and the least role");
}

static void
test_count(const struct json_node *root)
{
	const struct json_node *paths = json_get(root, "paths");
	size_t count = 0;

	for (size_t i = 0; i < json_count(paths); i++) {
		struct span path;

		count += json_count(json_member(paths, i, &path));
	}
	is_int(count, resource_count(), "nothing else is in it");
}

int
main(int argc, char **argv)
{
	AUTO_BUF made = BUF_MAX(1 << 20);
	AUTO_BUF text = BUF_MAX(1 << 20);
	struct json *doc = NULL;
	struct problem pr = { 0 };
	bool is_made = openapi_write(&made);

	if (argc == 2 && strcmp(argv[1], "print") == 0) {
		fputs(buf_cstr(&made), stdout);
		return is_made ? 0 : 1;
	}
	ok(file_load(DOCUMENT, &text, &pr) && json_parse(buf_span(&text), "doc/openapi.json", &limits, &doc, &pr),
		"doc/openapi.json is JSON %s", pr.detail);
	for (size_t i = 0; doc && i < resource_count(); i++)
		test_resource(json_root(doc), i);
	test_count(json_root(doc));
	is_str(buf_cstr(&text), buf_cstr(&made), "it is what the table prints (make regen-openapi)");
	json_free(doc);
	return done_testing();
}
