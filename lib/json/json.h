/* json.h - a bounded JSON reader (RFC 8259) on yajl's streaming parser, and a small tree of our own.
 *
 * Refused: duplicate member names, NUL in a string, invalid UTF-8, half surrogate pairs, depth or count over the
 * limits, anything before or behind the value. The caller bounds the text's size; a document takes 48 octets a value
 * and at most twice the text. It owns all its nodes and strings; spans borrow from it. Once parsed it is constant: any
 * thread may read it. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/problem.h"
#include "base/span.h"

struct json;      /* a parsed document */
struct json_node; /* a value within it */

/* JSON_REAL: a fraction, an exponent, or an integer beyond int64. */
enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
	unsigned depth_max; /* 16; never above 64 */
	unsigned nodes_max; /* 4096 */
};
extern const struct json_limits json_default_limits;

/* NULL limits = the default ones. On failure PROBLEM_MALFORMED; `what` names the document in the detail ("payload"). */
bool json_parse(struct span text, const char *what, const struct json_limits *limits,
	struct json **ret, struct problem *pr) __attribute__((warn_unused_result));
void json_free(struct json *doc);
/* The same for one that held a secret. */
void json_wipe(struct json *doc);
const struct json_node *json_root(const struct json *doc);

/* Plain access. All accept NULL and answer with nothing. */
enum json_type json_type(const struct json_node *n);
/* Walks the members: few of ours have more than a dozen. */
const struct json_node *json_get(const struct json_node *object, const char *name);
size_t json_count(const struct json_node *array_or_object);
/* Walks the items, except in an array of plain values. */
const struct json_node *json_at(const struct json_node *array, size_t i);
/* The i-th member of an object. */
const struct json_node *json_member(const struct json_node *object, size_t i, struct span *ret_name);
/* The member behind `before`, the first for NULL; NULL at the end: a walk over many. */
const struct json_node *json_next_member(
	const struct json_node *object, const struct json_node *before, struct span *ret_name);
struct span json_text(const struct json_node *string);     /* SPAN_NONE unless a string */
bool json_int(const struct json_node *n, int64_t *ret);     /* false unless an integer */
bool json_bool(const struct json_node *n, bool fallback);
struct buf;
/* Write the value again, compactly; nothing for NULL. Reals and large integers as they came. */
void json_write(const struct json_node *n, struct buf *out);

/* Typed access with one sticky problem: read all members, then ask json_ok() once.
 * A wrong type (null too), a too long string or a missing required member sets `pr` (PROBLEM_MALFORMED) with the
 * member's name. */
struct json_obj {
	const struct json_node *node;
	const char *what; /* for details: "payload" */
	struct problem *pr;
	bool failed;
};

/* PROBLEM_MALFORMED through json_ok if n is not an object. */
struct json_obj json_obj(const struct json_node *n, const char *what, struct problem *pr);
struct span json_req_str(struct json_obj *o, const char *name, size_t max_octets);
struct span json_opt_str(struct json_obj *o, const char *name, size_t max_octets); /* SPAN_NONE if absent */
bool json_opt_bool(struct json_obj *o, const char *name, bool fallback);
int64_t json_opt_int(struct json_obj *o, const char *name, int64_t lo, int64_t hi, int64_t fallback);
const struct json_node *json_req_arr(struct json_obj *o, const char *name, size_t max_items);
const struct json_node *json_opt_arr(struct json_obj *o, const char *name, size_t max_items);
const struct json_node *json_opt_obj(struct json_obj *o, const char *name);
bool json_ok(const struct json_obj *o);
#endif
