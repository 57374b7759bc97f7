/* fuzz_dnsup.c - replies to an UPDATE: an octet whether the MAC shall count as good, then the message. */
#include <stdlib.h>

#include "dnsup/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_inside(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* The text is a name or not: one of its own reading is the same again. */
static void
name(struct span text)
{
	struct wire_name a, b;
	struct wire_reader r;

	if (!wire_name_parse(text, &a))
		return;
	r = (struct wire_reader){ span_of(a.octet, a.n), 0, false };
	wire_name(&r, &b);
	if (r.failed || r.at != a.n || !wire_name_eq(&a, &b))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsig tsig = { .alg = TSIG_SHA256, .time_unix_s = 1790000000 };
	AUTO_BUF input = BUF_MAX(2 * DNS_MESSAGE_MAX);
	struct span message;
	struct reply reply;
	struct problem pr = { 0 };
	enum update_outcome outcome;

	if (size < 1)
		return 0;
	message = span_of(data + 1, size - 1);
	name(message);
	if (update_txt_octets(message) > message.n)
		abort();
	if (!wire_name_parse(SPAN("gw-key"), &tsig.key))
		abort();
	if (!reply_parse(message, &reply, &pr)) {
		if (pr.kind != PROBLEM_DNS || !pr.detail[0])
			abort();
		return 0;
	}
	if (!is_inside(reply.mac, message) || !is_inside(reply.other, message))
		abort();
	if (reply.has_tsig && !reply_mac_input(&input, &reply, SPAN("mac of the request")) && message.n <= DNS_MESSAGE_MAX)
		abort();
	outcome = update_judge(&reply, reply.id, &tsig, data[0] & 1, tsig.time_unix_s, &pr);
	/* nothing but a good MAC makes a success */
	if (outcome == UPDATE_DONE && (!(data[0] & 1) || !reply.has_tsig || reply.rcode != 0))
		abort();
	if (outcome != UPDATE_DONE && (pr.kind != PROBLEM_DNS || !pr.detail[0]))
		abort();
	return 0;
}
