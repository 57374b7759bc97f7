/* invoice.h - a CA's invoice, or its list of orders, as CSV: which order or serial number each line is for, and what it costs. Pure. */
#ifndef CTL_INVOICE_H
#define CTL_INVOICE_H

#include "csv/csv.h"
#include "pki/cert.h"
#include "price/price.h"

struct invoice_line {
	struct span url, serial; /* until the next one; one of them is not empty. Serial: hex digits in lower case, without zeros in front */
	int64_t amount;          /* millionths */
	bool has_amount;
	unsigned line;
	char serial_text[SERIAL_TEXT];
};

struct invoice {
	struct csv csv;
	size_t columns;
	int url, serial, amount; /* index of the column, -1 = there is none */
};

/* `columns` is "url=TITLE,serial=TITLE,amount=TITLE", in any order, NULL = the names are the titles; the text must outlive the invoice. A
 * column for url or serial must be there. */
bool invoice_open(struct invoice *v, struct span text, const char *columns, struct problem *pr) MUST_CHECK;
/* False at the end, or if what follows cannot be read: then `pr` is set. */
bool invoice_next(struct invoice *v, struct invoice_line *ret, struct problem *pr);
void invoice_done(struct invoice *v);
#endif
