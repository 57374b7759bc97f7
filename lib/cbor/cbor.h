/* cbor.h - a strict, bounded CBOR reader (RFC 8949) for what attestation objects are made of.
 *
 * Integers, byte strings, text, arrays and maps of text keys; nothing else. Refused: indefinite
 * lengths, lengths and integers not in their shortest form (RFC 8949 4.2.1), tags, floats, true,
 * false, null, a key twice in a map, keys that are not text, text that is not UTF-8, nesting or
 * members over the limits, anything behind the item. Members of a map may come in any order:
 * clients write them so. All is looked at before any of it is handed out, nothing is copied: items
 * borrow from the input. Any thread. */
#ifndef CBOR_CBOR_H
#define CBOR_CBOR_H

#include "base/problem.h"

#define CBOR_MAX_BYTES (64 * 1024)
#define CBOR_MAX_DEPTH 8    /* a plain value has depth 1 */
#define CBOR_MAX_MEMBERS 64 /* of one array or map */

enum cbor_type { CBOR_UINT, CBOR_NINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP };

struct cbor {
	enum cbor_type type;
	uint64_t value;   /* UINT; NINT: -1 - value; ARRAY: items; MAP: pairs */
	struct span data; /* BYTES, TEXT: the octets; ARRAY, MAP: the members, encoded */
};

/* Exactly one item, which fills `in`. Refused with `kind`; the detail says what is wrong and at
 * which octet. */
bool cbor_parse(struct span in, enum problem_kind kind, struct cbor *ret, struct problem *pr)
	__attribute__((warn_unused_result));
const char *cbor_type_name(enum cbor_type type);

/* Of parsed items only. The value of a map's key; false if the map has none (or is no map). */
bool cbor_get(const struct cbor *map, const char *key, struct cbor *ret);
/* The i-th item of an array; false behind its end (or if it is no array). Walks there. */
bool cbor_at(const struct cbor *array, uint64_t i, struct cbor *ret);
/* Its value, if it is an integer that fits. */
bool cbor_int(const struct cbor *item, int64_t *ret);
#endif
