/* fuzz_certid.c - certIDs and serial numbers: what is taken has one form, and that form is taken as it is. */
#include <stdlib.h>

#include "pki/certid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct certid id, again;
	char serial[SERIAL_TEXT], same[SERIAL_TEXT];
	struct problem pr = { 0 };

	if (certid_parse(text, &id, &pr)) {
		if (!certid_parse(span_str(id.text), &again, &pr) || strcmp(id.text, again.text) != 0)
			abort();
		if (!certid_parse(span_str(id.bare), &again, &pr) || strcmp(id.text, again.text) != 0 || strcmp(id.bare, again.bare) != 0)
			abort();
		if (!serial_parse(span_str(id.serial), serial) || strcmp(id.serial, serial) != 0)
			abort();
	} else if (pr.kind != PROBLEM_MALFORMED) {
		abort();
	}
	if (serial_parse(text, serial) && (!serial_parse(span_str(serial), same) || strcmp(serial, same) != 0))
		abort();
	return 0;
}
