/* cbor.c - see cbor.h. One walk checks everything; what is read afterwards can rely on it. */
#include "cbor/cbor.h"

#include "base/mem.h"
#include "base/utf8.h"

enum { MAJOR_TAG = 6, INFO_1 = 24, INFO_8 = 27 };

struct walk {
	struct span in;
	size_t at;
	enum problem_kind kind;
	struct problem *pr;
};

static bool
bad(struct walk *w, const char *fault)
{
	return problem_set(w->pr, w->kind, "cbor: %s at octet %zu", fault, w->at);
}

const char *
cbor_type_name(enum cbor_type type)
{
	static const char *const names[] = {
		[CBOR_UINT] = "an integer",
		[CBOR_NINT] = "a negative integer",
		[CBOR_BYTES] = "a byte string",
		[CBOR_TEXT] = "text",
		[CBOR_ARRAY] = "an array",
		[CBOR_MAP] = "a map",
	};

	return names[type];
}

/* Initial octet and argument; the item's data is not looked at. The returned fault is NULL if the
 * head is good. */
static const char *
head(struct span in, size_t *at, enum cbor_type *type, uint64_t *value)
{
	unsigned octet, info, width = 0;

	if (*at >= in.n)
		return "ends early";
	octet = (unsigned char)in.p[*at];
	info = octet & 31;
	if (octet >> 5 >= MAJOR_TAG)
		return octet >> 5 == MAJOR_TAG ? "a tag" : "a float or simple value";
	if (info > INFO_8)
		return "an indefinite or reserved length";
	if (info >= INFO_1)
		width = 1u << (info - INFO_1);
	if (width > in.n - *at - 1)
		return "ends early";
	*type = (enum cbor_type)(octet >> 5);
	*value = info;
	if (width)
		*value = 0;
	for (unsigned i = 1; i <= width; i++)
		*value = *value << 8 | (unsigned char)in.p[*at + i];
	/* shortest form: no value that fewer octets could hold */
	if (width && *value < (width == 1 ? INFO_1 : UINT64_C(1) << 4 * width))
		return "an integer or length not in its shortest form";
	*at += 1 + width;
	return NULL;
}

/* The next item of checked octets; its members are skipped by whoever walks. */
static bool
next(struct span *rest, struct cbor *ret)
{
	size_t at = 0;

	if (!rest->n || head(*rest, &at, &ret->type, &ret->value))
		return false;
	*rest = span_from(*rest, at);
	ret->data = *rest;
	if (ret->type == CBOR_BYTES || ret->type == CBOR_TEXT) {
		ret->data.n = (size_t)ret->value;
		*rest = span_from(*rest, ret->data.n);
	}
	return true;
}

static uint64_t
members_of(const struct cbor *item)
{
	if (item->type == CBOR_ARRAY)
		return item->value;
	return item->type == CBOR_MAP ? 2 * item->value : 0;
}

/* Past the members of an item just read. */
static void
skip(struct span *rest, const struct cbor *item)
{
	uint64_t left = members_of(item);
	struct cbor member;

	for (; left && next(rest, &member); left--)
		left += members_of(&member);
}

static bool walk_item(struct walk *w, unsigned depth, struct cbor *ret);

static bool
walk_map(struct walk *w, unsigned depth, uint64_t pairs)
{
	struct span keys[CBOR_MAX_MEMBERS];
	struct cbor item;

	for (uint64_t i = 0; i < pairs; i++) {
		if (!walk_item(w, depth, &item))
			return false;
		if (item.type != CBOR_TEXT)
			return bad(w, "a key that is not text");
		for (uint64_t j = 0; j < i; j++) {
			if (span_eq(keys[j], item.data))
				return problem_set(w->pr, w->kind,
					"cbor: key \"%s\" twice in a map", QUOTE(item.data));
		}
		keys[i] = item.data;
		if (!walk_item(w, depth, &item))
			return false;
	}
	return true;
}

/* `depth` more levels are allowed, this item's included. */
static bool
walk_item(struct walk *w, unsigned depth, struct cbor *ret)
{
	const char *fault;
	size_t begin, left;

	if (depth == 0)
		return bad(w, "nested too deep");
	fault = head(w->in, &w->at, &ret->type, &ret->value);
	if (fault)
		return bad(w, fault);
	begin = w->at;
	left = w->in.n - w->at;
	switch (ret->type) {
	case CBOR_UINT:
	case CBOR_NINT:
		break;
	case CBOR_BYTES:
	case CBOR_TEXT:
		if (ret->value > left)
			return bad(w, "a string longer than the input");
		w->at += (size_t)ret->value;
		break;
	case CBOR_ARRAY:
	case CBOR_MAP:
		if (ret->value > CBOR_MAX_MEMBERS)
			return bad(w, "an array or map with too many members");
		if (ret->type == CBOR_MAP && !walk_map(w, depth - 1, ret->value))
			return false;
		for (uint64_t i = 0; ret->type == CBOR_ARRAY && i < ret->value; i++) {
			struct cbor item;

			if (!walk_item(w, depth - 1, &item))
				return false;
		}
		break;
	}
	ret->data = span_of(w->in.p + begin, w->at - begin);
	if (ret->type == CBOR_TEXT && utf8_prefix(ret->data) != ret->data.n)
		return bad(w, "text that is not UTF-8 before");
	return true;
}

bool
cbor_parse(struct span in, enum problem_kind kind, struct cbor *ret, struct problem *pr)
{
	struct walk w = {.in = in, .kind = kind, .pr = pr};
	struct cbor item;

	if (in.n > CBOR_MAX_BYTES)
		return problem_set(pr, kind, "cbor: %zu octets, at most %d are accepted", in.n,
			CBOR_MAX_BYTES);
	if (!walk_item(&w, CBOR_MAX_DEPTH, &item))
		return false;
	if (w.at != in.n)
		return problem_set(pr, kind, "cbor: %zu octets behind the item", in.n - w.at);
	*ret = item;
	return true;
}

/* An item of a container together with its members. */
static bool
next_whole(struct span *rest, struct cbor *ret)
{
	if (!next(rest, ret))
		return false;
	skip(rest, ret);
	ret->data.n -= ret->type == CBOR_ARRAY || ret->type == CBOR_MAP ? rest->n : 0;
	return true;
}

bool
cbor_get(const struct cbor *map, const char *key, struct cbor *ret)
{
	struct span rest = map->data;
	struct cbor name, value;

	if (map->type != CBOR_MAP)
		return false;
	for (uint64_t i = 0; i < map->value; i++) {
		if (!next_whole(&rest, &name) || !next_whole(&rest, &value))
			return false;
		if (span_is(name.data, key)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

bool
cbor_at(const struct cbor *array, uint64_t i, struct cbor *ret)
{
	struct span rest = array->data;
	struct cbor item;

	if (array->type != CBOR_ARRAY || i >= array->value)
		return false;
	do {
		if (!next_whole(&rest, &item))
			return false;
	} while (i--);
	*ret = item;
	return true;
}

bool
cbor_int(const struct cbor *item, int64_t *ret)
{
	if (item->type > CBOR_NINT || item->value > INT64_MAX)
		return false;
	*ret = item->type == CBOR_UINT ? (int64_t)item->value : -1 - (int64_t)item->value;
	return true;
}
