/* answer.c - see answer.h. */
#include "dns/answer.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <string.h>

void
answer_add(struct answer *answer, const void *octets)
{
	bool v4 = answer->type == ns_t_a;
	struct sockaddr_storage ss = { .ss_family = v4 ? AF_INET : AF_INET6 };

	if (answer->count == DNS_ADDRS_MAX)
		return;
	if (v4)
		memcpy(&((struct sockaddr_in *)(void *)&ss)->sin_addr, octets, 4);
	else
		memcpy(&((struct sockaddr_in6 *)(void *)&ss)->sin6_addr, octets, 16);
	/* makes a mapped address the IPv4 address that it stands for */
	addr_from_sockaddr((void *)&ss, &answer->list[answer->count++]);
}

int
answer_parse(struct answer *answer, const unsigned char *message, int n)
{
	struct ares_addrttl v4[DNS_ADDRS_MAX];
	struct ares_addr6ttl v6[DNS_ADDRS_MAX];
	int count = DNS_ADDRS_MAX, status;

	if (answer->type == ns_t_a)
		status = ares_parse_a_reply(message, n, NULL, v4, &count);
	else
		status = ares_parse_aaaa_reply(message, n, NULL, v6, &count);
	for (int i = 0; status == ARES_SUCCESS && i < count; i++)
		answer_add(answer,
			answer->type == ns_t_a ? (void *)&v4[i].ipaddr : (void *)&v6[i].ip6addr);
	return status;
}

bool
answer_is_refusal(int status)
{
	return status == ARES_ESERVFAIL || status == ARES_EREFUSED || status == ARES_ENOTIMP;
}

bool
answer_is_referral(const unsigned char *message, int n)
{
	return n >= 4 && !(message[2] & 0x04) && !(message[3] & 0x80);
}

const char *
answer_fault(const unsigned char *message, int n)
{
	unsigned code = n >= 4 ? message[3] & 15u : 0;

	if (n < 12 || !(message[2] & 0x80) || message[2] & 0x78)
		return "what came is no answer to a question";
	if (message[2] & 0x02)
		return "the answer is cut off, over TCP as well";
	return code == ns_r_noerror || code == ns_r_nxdomain ? NULL : "the server answers with a code that says nothing about the name";
}

bool
answer_is_authoritative(const unsigned char *message, int n)
{
	return n >= 4 && message[2] & 0x04;
}

bool
answer_has_records(const unsigned char *message, int n)
{
	return n >= 8 && (message[6] || message[7]);
}

void
answers_merge(const struct answer *a, const struct answer *aaaa, struct dns_addrs *ret)
{
	size_t v4 = a->count < DNS_ADDRS_MAX / 2 ? a->count : DNS_ADDRS_MAX / 2;
	size_t v6 = aaaa->count < DNS_ADDRS_MAX - v4 ? aaaa->count : DNS_ADDRS_MAX - v4;

	ret->count = 0;
	for (size_t i = 0; i < v6; i++)
		ret->list[ret->count++] = aaaa->list[i];
	for (size_t i = 0; i < a->count && ret->count < DNS_ADDRS_MAX; i++)
		ret->list[ret->count++] = a->list[i];
}

/* What does this status say about the name? More is graver. */
static int
gravity(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return 0;
	case ARES_ENOTFOUND:
		return 1;
	case ARES_ETIMEOUT:
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return 2;
	default:
		return 3;
	}
}

static const char *
type_name(int type)
{
	return type == DNS_TXT ? "TXT" : type == DNS_CAA ? "CAA" : type == ns_t_ns ? "NS" : type == ns_t_a ? "A" : "AAAA";
}

void
answers_explain(const struct answer *answers, size_t count, const char *name_text,
	msec_t timeout_ms, struct problem *pr)
{
	const struct answer *gravest = &answers[0];
	const char *name = QUOTE(span_str(name_text));

	for (size_t i = 1; i < count; i++) {
		if (gravity(answers[i].status) > gravity(gravest->status))
			gravest = &answers[i];
	}
	problem_cause(pr, "c-ares: %s: %s", type_name(gravest->type), ares_strerror(gravest->status));
	switch (gravest->status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		if (count > 1)
			problem_set(pr, PROBLEM_DNS, "\"%s\" has neither an A nor an AAAA record", name);
		else
			problem_set(pr, PROBLEM_DNS, "\"%s\" has no %s record", name, type_name(gravest->type));
		return;
	case ARES_ENOTFOUND:
		problem_set(pr, PROBLEM_DNS, "no such name in the DNS: \"%s\" (NXDOMAIN)", name);
		return;
	case ARES_ETIMEOUT:
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		problem_set(pr, PROBLEM_DNS,
			"no answer from the DNS for \"%s\" within %lld ms (time-out)", name,
			(long long)timeout_ms);
		return;
	case ARES_ESERVFAIL:
		problem_set(pr, PROBLEM_DNS, "the name server failed on \"%s\" (SERVFAIL)", name);
		return;
	case ARES_EREFUSED:
		problem_set(pr, PROBLEM_DNS,
			"the name server refused to answer for \"%s\" (REFUSED)", name);
		return;
	case ARES_ECONNREFUSED:
		problem_set(pr, PROBLEM_DNS, "no DNS server could be reached to look up \"%s\"",
			name);
		return;
	case ARES_EBADNAME:
		problem_set(pr, PROBLEM_DNS, "\"%s\" is not a name of the DNS", name);
		return;
	default:
		problem_set(pr, PROBLEM_DNS, "DNS look-up of \"%s\" failed: %s", name,
			ares_strerror(gravest->status));
	}
}
