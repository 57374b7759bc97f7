/* fuzz_acme_renewal - what a CA says of one certificate's renewal, and of many: no window that ends before it has begun, whatever came. */
#include <stdlib.h>
#include <string.h>

#include "acme/renewal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct acme_renewal *r)
{
	if (r->start < 0 || r->end <= r->start || (r->explanation && strncasecmp(r->explanation, "http", 4) != 0))
		abort();
}

static void
on_entry(const struct acme_renewal_entry *e, void *arg)
{
	(void)arg;
	if (e->kind == ACME_RENEWAL_WINDOW)
		check(&e->info);
	if (e->retry_after_s < 0 || e->tag.n > ACME_RENEWAL_TAG_MAX)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct problem pr = { 0 };
	struct acme_renewal r;

	if (acme_renewal_read(text, &r, &pr)) {
		check(&r);
		acme_renewal_done(&r);
	}
	if (!acme_renewal_list_read(text, on_entry, NULL, &pr))
		(void)pr;
	return 0;
}
