/* json_obj.c - typed access to the members of an object, with one sticky problem: see json.h. The
 * first fault is the one that is told. JSON null is a value like any other: where a string is
 * wanted it is a wrong type. */
#include "json/json.h"

struct json_obj
json_obj(const struct json_node *n, const char *what, struct problem *pr)
{
	struct json_obj o = { .node = n, .what = what, .pr = pr };

	if (json_type(n) != JSON_OBJECT) {
		problem_set(pr, PROBLEM_MALFORMED, "%s is not a JSON object", what);
		o.failed = true;
	}
	return o;
}

static void
fail(struct json_obj *o, const char *name, const char *fault)
{
	if (!o->failed)
		problem_set(o->pr, PROBLEM_MALFORMED, "\"%s\" of the %s %s", name, o->what, fault);
	o->failed = true;
}

/* The member if it is of that type; NULL if it is absent, and NULL and failed if it is of another.
 */
static const struct json_node *
member(struct json_obj *o, const char *name, enum json_type type, bool required, const char *fault)
{
	const struct json_node *n = json_get(o->node, name);

	if (n && json_type(n) == type)
		return n;
	if (n)
		fail(o, name, fault);
	else if (required)
		fail(o, name, "is missing");
	return NULL;
}

static struct span
str(struct json_obj *o, const char *name, size_t max_octets, bool required)
{
	struct span s = json_text(member(o, name, JSON_STRING, required, "is not a string"));

	if (s.n <= max_octets)
		return s;
	fail(o, name, "is too long");
	return SPAN_NONE;
}

struct span
json_req_str(struct json_obj *o, const char *name, size_t max_octets)
{
	return str(o, name, max_octets, true);
}

struct span
json_opt_str(struct json_obj *o, const char *name, size_t max_octets)
{
	return str(o, name, max_octets, false);
}

bool
json_opt_bool(struct json_obj *o, const char *name, bool fallback)
{
	return json_bool(member(o, name, JSON_BOOL, false, "is not true or false"), fallback);
}

int64_t
json_opt_int(struct json_obj *o, const char *name, int64_t lo, int64_t hi, int64_t fallback)
{
	int64_t v;

	if (!json_int(member(o, name, JSON_INT, false, "is not an integer"), &v))
		return fallback;
	if (v >= lo && v <= hi)
		return v;
	fail(o, name, "is out of range");
	return fallback;
}

static const struct json_node *
arr(struct json_obj *o, const char *name, size_t max_items, bool required)
{
	const struct json_node *n = member(o, name, JSON_ARRAY, required, "is not an array");

	if (json_count(n) <= max_items)
		return n;
	fail(o, name, "has too many items");
	return NULL;
}

const struct json_node *
json_req_arr(struct json_obj *o, const char *name, size_t max_items)
{
	return arr(o, name, max_items, true);
}

const struct json_node *
json_opt_arr(struct json_obj *o, const char *name, size_t max_items)
{
	return arr(o, name, max_items, false);
}

const struct json_node *
json_opt_obj(struct json_obj *o, const char *name)
{
	return member(o, name, JSON_OBJECT, false, "is not an object");
}

bool
json_ok(const struct json_obj *o)
{
	return !o->failed;
}
