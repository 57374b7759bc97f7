/* fuzz_invoice.c - every line of an invoice that is read is for an order or a serial number; a fault has a place. */
#include <stdlib.h>

#include "ctl/invoice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the first octet chooses the options */
	const char *columns = size && (data[0] & 1) ? "url=Order,amount=Price" : NULL;
	struct invoice_line line;
	struct invoice v;
	struct problem pr = { 0 };

	if (invoice_open(&v, span_of(data + (size > 0), size - (size > 0)), columns, &pr)) {
		while (invoice_next(&v, &line, &pr)) {
			if ((line.url.n == 0 && line.serial.n == 0) || line.line < 2 || line.serial.n >= SERIAL_TEXT)
				abort();
		}
		invoice_done(&v);
	}
	if (pr.kind && (pr.kind != PROBLEM_MALFORMED || !pr.detail[0]))
		abort();
	return 0;
}
