/* json.c - see json.h.
 *
 * The text is copied once into the document and yajl walks the copy. Values lie in one array in the
 * order of the text: a container's first child follows it, the next sibling lies `nodes` further
 * on, so that a node needs no pointer to its document. Strings without escapes point into the copy,
 * others into one more block of the text's size (unescaping never makes text longer).
 *
 * What yajl 2.1 lets pass is refused here before it sees the text: UTF-8 that is overlong, a
 * surrogate or above U+10FFFF, \u escapes of NUL or of half a surrogate pair (which it turns into
 * '?' or into broken UTF-8), vertical tab and form feed (which it takes for white space). Its
 * yajl_integer callback is not used: yajl_number gives us the digits as they are. */
#include "json/json.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <yajl/yajl_parse.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "json/escape.h"

#define DEPTH_CAP 64 /* json_write recurses */

struct json_node {
	enum json_type type;
	uint32_t nodes; /* this one and all below */
	uint32_t count; /* of members or items */
	struct span name;
	union {
		struct span text; /* of a string, or of a JSON_REAL as it came */
		int64_t number;
		bool truth;
	};
};

struct json {
	struct json_node *nodes;
	size_t count, cap;
	char *unescaped;
	size_t unescaped_n;
	size_t text_n;
	char text[];
};

struct builder {
	struct json *doc;
	const char *what;
	struct json_limits limits;
	struct problem *pr;
	struct span name; /* of the next value */
	unsigned depth;
	uint32_t open[DEPTH_CAP]; /* index of each open container */
};

const struct json_limits json_default_limits = { .depth_max = 16, .nodes_max = 4096 };

/* A string of yajl's, made ours. */
static struct span
keep(struct json *doc, const void *p, size_t n)
{
	char *at;

	if (n == 0)
		return (struct span){ doc->text, 0 };
	if ((uintptr_t)p - (uintptr_t)doc->text < doc->text_n)
		return span_of(p, n);
	if (!doc->unescaped)
		doc->unescaped = xmalloc(doc->text_n);
	assert(n <= doc->text_n - doc->unescaped_n);
	at = doc->unescaped + doc->unescaped_n;
	memcpy(at, p, n);
	doc->unescaped_n += n;
	return (struct span){ at, n };
}

/* NULL with the problem set when there are too many. */
static struct json_node *
add(struct builder *b, enum json_type type)
{
	struct json *doc = b->doc;
	struct json_node *n;

	if (doc->count >= b->limits.nodes_max) {
		problem_set(b->pr, PROBLEM_MALFORMED, "%s has more than %u JSON values", b->what,
			b->limits.nodes_max);
		return NULL;
	}
	if (doc->count == doc->cap) {
		doc->cap = doc->cap ? doc->cap * 2 : 16;
		doc->nodes = xrealloc(doc->nodes, doc->cap * sizeof(*doc->nodes));
	}
	if (b->depth > 0)
		doc->nodes[b->open[b->depth - 1]].count++;
	n = &doc->nodes[doc->count++];
	*n = (struct json_node){ .type = type, .nodes = 1, .name = b->name };
	b->name = SPAN_NONE;
	return n;
}

static int
on_null(void *ctx)
{
	return add(ctx, JSON_NULL) != NULL;
}

static int
on_bool(void *ctx, int value)
{
	struct json_node *n = add(ctx, JSON_BOOL);

	if (n)
		n->truth = value != 0;
	return n != NULL;
}

/* A number of JSON's grammar. False with a fraction, an exponent or more than int64 holds: that
 * stays text. */
static bool
int64_read(struct span digits, int64_t *ret)
{
	bool negative = digits.p[0] == '-';
	uint64_t v;

	if (!span_uint(span_from(digits, negative), (uint64_t)INT64_MAX + negative, &v))
		return false;
	*ret = negative ? (int64_t)-v : (int64_t)v;
	return true;
}

static int
on_number(void *ctx, const char *digits, size_t len)
{
	struct builder *b = ctx;
	struct json_node *n = add(b, JSON_REAL);
	int64_t v;

	if (!n)
		return 0;
	n->text = keep(b->doc, digits, len);
	if (int64_read(n->text, &v)) {
		n->type = JSON_INT;
		n->number = v;
	}
	return 1;
}

static int
on_string(void *ctx, const unsigned char *p, size_t len)
{
	struct builder *b = ctx;
	struct json_node *n = add(b, JSON_STRING);

	if (n)
		n->text = keep(b->doc, p, len);
	return n != NULL;
}

static int
on_name(void *ctx, const unsigned char *p, size_t len)
{
	struct builder *b = ctx;

	b->name = keep(b->doc, p, len);
	return 1;
}

static int
open_container(struct builder *b, enum json_type type)
{
	if (b->depth == b->limits.depth_max) {
		problem_set(b->pr, PROBLEM_MALFORMED, "%s is nested deeper than %u levels", b->what,
			b->limits.depth_max);
		return 0;
	}
	if (!add(b, type))
		return 0;
	b->open[b->depth++] = (uint32_t)(b->doc->count - 1);
	return 1;
}

static int
on_object(void *ctx)
{
	return open_container(ctx, JSON_OBJECT);
}

static int
on_array(void *ctx)
{
	return open_container(ctx, JSON_ARRAY);
}

static struct json_node *
close_container(struct builder *b)
{
	struct json_node *n = &b->doc->nodes[b->open[--b->depth]];

	n->nodes = (uint32_t)(b->doc->nodes + b->doc->count - n);
	return n;
}

static int
on_array_end(void *ctx)
{
	close_container(ctx);
	return 1;
}

static int
name_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->n ? memcmp(x->p, y->p, x->n) : 0;
}

/* NULL, or the name that an object has twice. Sorted when large, so that a hostile object costs no
 * square. */
static const struct span *
doubled_name(const struct json_node *object, struct span *names)
{
	const struct json_node *child = object + 1;
	size_t n = object->count;

	for (size_t i = 0; i < n; i++, child += child->nodes)
		names[i] = child->name;
	if (n > 16) {
		qsort(names, n, sizeof(*names), name_order);
		for (size_t i = 1; i < n; i++) {
			if (span_eq(names[i - 1], names[i]))
				return &names[i];
		}
		return NULL;
	}
	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (span_eq(names[i], names[j]))
				return &names[i];
		}
	}
	return NULL;
}

static int
on_object_end(void *ctx)
{
	struct builder *b = ctx;
	const struct json_node *object = close_container(b);
	struct span few[16];
	AUTO_FREE struct span *many = NULL;
	const struct span *twice;

	if (object->count > COUNT_OF(few))
		many = xcalloc(object->count, sizeof(*many));
	twice = doubled_name(object, many ? many : few);
	if (!twice)
		return 1;
	problem_set(b->pr, PROBLEM_MALFORMED, "%s has the member \"%s\" twice in one object",
		b->what, QUOTE(*twice));
	return 0;
}

/* Four hexadecimal digits at p, or -1. */
static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* What is wrong with the \u escapes, or NULL. A backslash is legal inside strings only, where each
 * takes the next octet with it; other faults are left to yajl. */
static const char *
escapes_fault(struct span text)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end && (p = memchr(p, '\\', (size_t)(end - p)))) {
		int unit;

		if (end - p < 2 || p[1] != 'u') {
			p += 2;
			continue;
		}
		unit = hex4(p + 2, end);
		if (unit == 0)
			return "a string with a NUL character";
		if (unit < 0xd800 || unit > 0xdfff) {
			p += 2;
			continue;
		}
		p += 6;
		if (unit >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u')
			return "an escape of half a surrogate pair";
		unit = hex4(p + 2, end);
		if (unit < 0xdc00 || unit > 0xdfff)
			return "an escape of half a surrogate pair";
		p += 6;
	}
	return NULL;
}

static bool
check_characters(struct span text, const char *what, struct problem *pr)
{
	size_t good = utf8_prefix(text);
	const char *fault;

	if (good < text.n)
		return problem_set(
			pr, PROBLEM_MALFORMED, "%s is not valid UTF-8 at octet %zu", what, good);
	if (text.n == 0)
		return true;
	if (memchr(text.p, '\v', text.n) || memchr(text.p, '\f', text.n))
		return problem_set(pr, PROBLEM_MALFORMED, "%s has a control character", what);
	fault = escapes_fault(text);
	return !fault || problem_set(pr, PROBLEM_MALFORMED, "%s has %s", what, fault);
}

static bool
explain_yajl(yajl_handle h, const char *what, struct problem *pr)
{
	unsigned char *text = yajl_get_error(h, 0, NULL, 0);
	struct span words = span_str((const char *)text);

	if (words.n > 0 && words.p[words.n - 1] == '\n')
		words.n--;
	problem_set(pr, PROBLEM_MALFORMED, "%s is not valid JSON: %.*s", what, SPAN_FMT(words));
	yajl_free_error(h, text);
	return false;
}

static bool
run_yajl(struct builder *b)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_object,
		.yajl_map_key = on_name,
		.yajl_end_map = on_object_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_array_end,
	};
	yajl_handle h = yajl_alloc(&callbacks, NULL, b);
	yajl_status status;

	yajl_config(h, yajl_dont_validate_strings, 1); /* done already, and better */
	status = yajl_parse(h, (const unsigned char *)b->doc->text, b->doc->text_n);
	/* ends a number that stands alone, and notices what is unfinished */
	if (status == yajl_status_ok)
		status = yajl_complete_parse(h);
	/* client_canceled: a callback has said why */
	if (status == yajl_status_error)
		explain_yajl(h, b->what, b->pr);
	yajl_free(h);
	return status == yajl_status_ok;
}

bool
json_parse(struct span text, const char *what, const struct json_limits *limits, struct json **ret,
	struct problem *pr)
{
	struct builder b = {
		.what = what, .limits = limits ? *limits : json_default_limits, .pr = pr
	};

	if (b.limits.depth_max > DEPTH_CAP)
		b.limits.depth_max = DEPTH_CAP;
	if (!check_characters(text, what, pr))
		return false;
	b.doc = xmalloc(sizeof(*b.doc) + text.n + 1);
	*b.doc = (struct json){ .text_n = text.n };
	if (text.n)
		memcpy(b.doc->text, text.p, text.n);
	b.doc->text[text.n] = '\0';
	if (!run_yajl(&b)) {
		json_free(b.doc);
		return false;
	}
	*ret = b.doc;
	return true;
}

void
json_free(struct json *doc)
{
	if (!doc)
		return;
	free(doc->nodes);
	free(doc->unescaped);
	free(doc);
}

void
json_wipe(struct json *doc)
{
	if (!doc)
		return;
	OPENSSL_cleanse(doc->text, doc->text_n);
	if (doc->unescaped)
		OPENSSL_cleanse(doc->unescaped, doc->unescaped_n);
	json_free(doc);
}

const struct json_node *
json_root(const struct json *doc)
{
	return doc ? doc->nodes : NULL;
}

enum json_type
json_type(const struct json_node *n)
{
	return n ? n->type : JSON_NULL;
}

size_t
json_count(const struct json_node *n)
{
	return n ? n->count : 0;
}

const struct json_node *
json_get(const struct json_node *object, const char *name)
{
	struct span wanted = span_str(name);
	const struct json_node *child;

	if (json_type(object) != JSON_OBJECT)
		return NULL;
	child = object + 1;
	for (uint32_t i = 0; i < object->count; i++, child += child->nodes) {
		if (span_eq(child->name, wanted))
			return child;
	}
	return NULL;
}

static const struct json_node *
child_at(const struct json_node *n, size_t i)
{
	const struct json_node *child = n + 1;

	if (i >= n->count)
		return NULL;
	/* a list of plain values: no walk */
	if (n->nodes == n->count + 1)
		return child + i;
	while (i-- > 0)
		child += child->nodes;
	return child;
}

const struct json_node *
json_at(const struct json_node *array, size_t i)
{
	return json_type(array) == JSON_ARRAY ? child_at(array, i) : NULL;
}

const struct json_node *
json_member(const struct json_node *object, size_t i, struct span *ret_name)
{
	const struct json_node *child =
		json_type(object) == JSON_OBJECT ? child_at(object, i) : NULL;

	if (child)
		*ret_name = child->name;
	return child;
}

const struct json_node *
json_next_member(const struct json_node *object, const struct json_node *before,
	struct span *ret_name)
{
	const struct json_node *child;

	if (json_type(object) != JSON_OBJECT)
		return NULL;
	child = before ? before + before->nodes : object + 1;
	if (child == object + object->nodes)
		return NULL;
	*ret_name = child->name;
	return child;
}

struct span
json_text(const struct json_node *n)
{
	return json_type(n) == JSON_STRING ? n->text : SPAN_NONE;
}

bool
json_int(const struct json_node *n, int64_t *ret)
{
	if (json_type(n) != JSON_INT)
		return false;
	*ret = n->number;
	return true;
}

bool
json_bool(const struct json_node *n, bool fallback)
{
	return json_type(n) == JSON_BOOL ? n->truth : fallback;
}

static void
write_container(const struct json_node *n, struct buf *out)
{
	const struct json_node *child = n + 1;
	bool is_object = n->type == JSON_OBJECT;

	buf_addc(out, is_object ? '{' : '[');
	for (uint32_t i = 0; i < n->count; i++, child += child->nodes) {
		if (i > 0)
			buf_addc(out, ',');
		if (is_object) {
			json_escape(out, child->name);
			buf_addc(out, ':');
		}
		json_write(child, out);
	}
	buf_addc(out, is_object ? '}' : ']');
}

void
json_write(const struct json_node *n, struct buf *out)
{
	if (!n)
		return;
	switch (n->type) {
	case JSON_NULL:
		buf_adds(out, "null");
		break;
	case JSON_BOOL:
		buf_adds(out, n->truth ? "true" : "false");
		break;
	case JSON_INT:
		buf_addf(out, "%lld", (long long)n->number);
		break;
	case JSON_REAL:
		buf_addspan(out, n->text);
		break;
	case JSON_STRING:
		json_escape(out, n->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_container(n, out);
		break;
	}
}
