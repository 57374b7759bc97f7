/* fuzz_cbor.c - what is accepted can be walked to its last item, and fills the input: all members'
 * octets together are those of the whole, so nothing is seen twice and nothing is passed over. */
#include <stdlib.h>

#include "cbor/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
head_octets(uint64_t value)
{
	if (value < 24)
		return 1;
	return value < 256 ? 2 : value < 65536 ? 3 : value <= UINT32_MAX ? 5 : 9;
}

/* How many octets the item takes, from what it says of itself. */
static size_t
octets(const struct cbor *item)
{
	size_t n = head_octets(item->value);
	struct cbor member;

	if (item->type == CBOR_ARRAY) {
		size_t inner = 0;

		for (uint64_t i = 0; i < item->value; i++) {
			if (!cbor_at(item, i, &member))
				abort();
			inner += octets(&member);
		}
		if (inner != item->data.n)
			abort();
	}
	return item->type <= CBOR_NINT ? n : n + item->data.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem pr = {0};
	struct cbor item, member;
	int64_t n;

	if (!cbor_parse(span_of(data, size), PROBLEM_MALFORMED, &item, &pr)) {
		if (pr.kind != PROBLEM_MALFORMED || !pr.detail[0])
			abort();
		return 0;
	}
	if (octets(&item) != size)
		abort();
	if (cbor_get(&item, "attStmt", &member))
		cbor_get(&member, "x5c", &item);
	cbor_int(&item, &n);
	return 0;
}
