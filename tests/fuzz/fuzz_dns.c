/* fuzz_dns.c - answers of the DNS: an octet of flags, then the answer for A with its length in two octets before it, then the one for
 * AAAA. */
#include <stdlib.h>

#include <ares.h>
#include <arpa/nameser.h>

#include "dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
parse(struct answer *answer, int type, struct span message)
{
	*answer = (struct answer){ .type = type };
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
	answers_explain((struct answer[]){ *aaaa, *a }, 2, "device.test", 1000, &pr);
	if (pr.kind != PROBLEM_DNS || !pr.detail[0])
		abort();
}

/* The same octets as an answer with records: nothing lies outside of them, and a fault leaves none. */
static void
records(struct span message, int type, bool follow)
{
	struct dns_records found = { 0 };
	char alias[DNS_NAME_TEXT], name[DNS_NAME_TEXT], text[256];
	const char *fault = NULL;
	bool is_answer = !answer_fault((const unsigned char *)message.p, (int)message.n);
	bool good = records_parse(message, "_acme-challenge.device.test", type, follow, &found, alias, &fault);

	if (is_answer && message.n < 12)
		abort();
	if (good == (fault != NULL) || found.count > DNS_RECORDS_MAX || (found.count && alias[0]) || (!good && found.count))
		abort();
	for (size_t i = 0; i < found.count; i++) {
		struct span data = found.list[i];

		if (data.p < message.p || data.p + data.n > message.p + message.n)
			abort();
		if (record_name_read(message, data, name) && strlen(name) >= sizeof(name))
			abort();
		if (dns_txt_join(data, text, sizeof(text)) && strlen(text) > data.n)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer a, aaaa;
	size_t first;

	if (size < 3)
		return 0;
	first = ((size_t)data[1] << 8 | data[2]) % (size - 2);
	parse(&a, ns_t_a, span_of(data + 3, first < size - 3 ? first : size - 3));
	parse(&aaaa, ns_t_aaaa, span_from(span_of(data + 3, size - 3), first));
	records(span_of(data + 3, size - 3), data[0] & 2 ? DNS_CAA : data[0] & 4 ? ns_t_ns : DNS_TXT, !(data[0] & 8));
	if (data[0] & 1)
		check(&a, &aaaa);
	else
		check(&a, &(struct answer){ .type = ns_t_aaaa, .status = ARES_ETIMEOUT, .done = true });
	return 0;
}
