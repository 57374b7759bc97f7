/* fuzz_dns.c - answers of the DNS: an octet of flags, then the answer for A with its length in two octets before it, then the one for
 * AAAA. */
#include <stdlib.h>

#include <ares.h>

#include "dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
parse(struct answer *answer, int family, struct span message)
{
	*answer = (struct answer){ .family = family };
	answer->status = answer_parse(answer, (const unsigned char *)message.p, (int)message.n);
	answer->done = true;
	if (answer->count > DNS_ADDRS_MAX || (answer->status != ARES_SUCCESS && answer->count))
		abort();
	answer_is_refusal(answer->status);
}

static void
check(const struct answer *a, const struct answer *aaaa)
{
	struct dns_addrs all;
	struct problem pr = { 0 };

	answers_merge(a, aaaa, &all);
	if (all.count > DNS_ADDRS_MAX || !all.count != !(a->count + aaaa->count))
		abort();
	for (size_t i = 0; i < all.count; i++) {
		char text[ADDR_TEXT];
		struct addr again;

		if (!addr_parse(span_str(addr_text(&all.list[i], text)), &again) || !addr_eq(&again, &all.list[i]))
			abort();
	}
	answers_explain(a, aaaa, "device.test", 1000, &pr);
	if (pr.kind != PROBLEM_DNS || !pr.detail[0])
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer a, aaaa;
	size_t first;

	if (size < 3)
		return 0;
	first = ((size_t)data[1] << 8 | data[2]) % (size - 2);
	parse(&a, AF_INET, span_of(data + 3, first < size - 3 ? first : size - 3));
	parse(&aaaa, AF_INET6, span_from(span_of(data + 3, size - 3), first));
	if (data[0] & 1)
		check(&a, &aaaa);
	else
		check(&a, &(struct answer){ .family = AF_INET6, .status = ARES_ETIMEOUT, .done = true });
	return 0;
}
