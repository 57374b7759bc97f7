/* update.c - see update.h. */
#include "dnsup/update.h"

#include <stdio.h>
#include <stdlib.h>

#define OPCODE_UPDATE 5
#define HEADER_OCTETS 12
enum { TYPE_SOA = 6, TYPE_TXT = 16, CLASS_IN = 1, CLASS_NONE = 254 };

enum rcode { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE };

static bool
write_record(struct buf *out, const struct update_record *record, struct problem *pr)
{
	struct wire_name owner;
	size_t n = strlen(record->value);

	if (!wire_name_parse(span_str(record->owner), &owner))
		return problem_set(pr, PROBLEM_DNS, "\"%s\" is not a name that a record can have", QUOTE(span_str(record->owner)));
	if (n > UPDATE_VALUE_MAX)
		return problem_set(pr, PROBLEM_DNS, "a TXT record of %zu octets is too long for one string", n);
	wire_name_add(out, &owner);
	wire_add_u16(out, TYPE_TXT);
	wire_add_u16(out, record->is_delete ? CLASS_NONE : CLASS_IN);
	wire_add_u32(out, record->is_delete ? 0 : UPDATE_TTL_S);
	wire_add_u16(out, (unsigned)n + 1);
	wire_add_u8(out, (unsigned)n);
	buf_add(out, record->value, n);
	return true;
}

bool
update_write(struct buf *out, unsigned id, const char *zone, const struct update_record *records, size_t count, struct problem *pr)
{
	struct wire_name apex;

	if (!wire_name_parse(span_str(zone), &apex))
		return problem_set(pr, PROBLEM_DNS, "\"%s\" is not the name of a zone", QUOTE(span_str(zone)));
	wire_add_u16(out, id);
	wire_add_u16(out, OPCODE_UPDATE << 11);
	wire_add_u16(out, 1);
	wire_add_u16(out, 0);
	wire_add_u16(out, (unsigned)count);
	wire_add_u16(out, 0);
	wire_name_add(out, &apex);
	wire_add_u16(out, TYPE_SOA);
	wire_add_u16(out, CLASS_IN);
	for (size_t i = 0; i < count; i++) {
		if (!write_record(out, &records[i], pr))
			return false;
	}
	return buf_ok(out) ? true : problem_set(pr, PROBLEM_DNS, "%zu records are too many for one message", count);
}

static bool
is_our_record(struct wire_reader *r)
{
	struct wire_name owner;
	unsigned type, class;
	struct span data;

	wire_name(r, &owner);
	type = wire_u16(r);
	class = wire_u16(r);
	wire_u32(r);
	data = wire_octets(r, wire_u16(r));
	return !r->failed && type == TYPE_TXT && (class == CLASS_IN || class == CLASS_NONE) && data.n > 0 &&
		(unsigned char)data.p[0] == data.n - 1;
}

size_t
update_txt_octets(struct span data)
{
	struct wire_reader r = { data, 2, data.n < HEADER_OCTETS };
	unsigned flags = wire_u16(&r), zones = wire_u16(&r), prerequisites = wire_u16(&r), records = wire_u16(&r), more = wire_u16(&r);
	struct wire_name zone;

	wire_name(&r, &zone);
	if (flags != OPCODE_UPDATE << 11 || zones != 1 || prerequisites != 0 || more != 0 || wire_u16(&r) != TYPE_SOA ||
		wire_u16(&r) != CLASS_IN)
		return 0;
	for (unsigned i = 0; i < records; i++) {
		if (!is_our_record(&r))
			return 0;
	}
	return r.failed ? 0 : r.at;
}

static const char *
rcode_name(unsigned rcode)
{
	static const char *const names[] = { [NOERROR] = "NOERROR", [FORMERR] = "FORMERR", [SERVFAIL] = "SERVFAIL", [NXDOMAIN] = "NXDOMAIN",
		[NOTIMP] = "NOTIMP", [REFUSED] = "REFUSED", [YXDOMAIN] = "YXDOMAIN", [YXRRSET] = "YXRRSET", [NXRRSET] = "NXRRSET",
		[NOTAUTH] = "NOTAUTH", [NOTZONE] = "NOTZONE" };

	return rcode < COUNT_OF(names) ? names[rcode] : "an unknown RCODE";
}

/* What the server says about our signature, by the error in its TSIG (RFC 8945 5.2). */
static enum update_outcome
judge_tsig_error(const struct reply *reply, const struct tsig *tsig, bool mac_good, struct problem *pr)
{
	struct wire_reader other = { reply->other, 0, false };
	int64_t ahead_s = tsig->time_unix_s - wire_u48(&other);

	switch (reply->error) {
	case TSIG_BADKEY:
		problem_set(pr, PROBLEM_DNS, "BADKEY: the server does not know the TSIG key, or (Knot) does not let it update this name");
		return UPDATE_SETUP;
	case TSIG_BADSIG:
		problem_set(pr, PROBLEM_DNS, "BADSIG: the server has another secret or algorithm for the TSIG key");
		return UPDATE_SETUP;
	case TSIG_BADTIME:
		if (mac_good && !other.failed && reply->other.n == 6)
			problem_set(pr, PROBLEM_DNS, "BADTIME: this machine's clock is %lld s %s the server's", (long long)llabs(ahead_s),
				ahead_s < 0 ? "behind" : "ahead of");
		else
			problem_set(pr, PROBLEM_DNS, "BADTIME: this machine's clock and the server's differ by more than %d s", TSIG_FUDGE_S);
		return UPDATE_SETUP;
	default:
		problem_set(pr, PROBLEM_DNS, "the server refuses our TSIG with error %u", reply->error);
		return UPDATE_SETUP;
	}
}

static enum update_outcome
judge_rcode(unsigned rcode, struct problem *pr)
{
	switch (rcode) {
	case NOERROR:
		return UPDATE_DONE;
	case REFUSED:
		problem_set(pr, PROBLEM_DNS, "REFUSED: the server does not let this key update the name");
		return UPDATE_REFUSED;
	case NOTAUTH:
		problem_set(pr, PROBLEM_DNS, "NOTAUTH: the server is not the primary of this zone, or does not let this key update it");
		return UPDATE_REFUSED;
	case NOTZONE:
		problem_set(pr, PROBLEM_DNS, "NOTZONE: the name is not in the zone that was to be updated");
		return UPDATE_REFUSED;
	case NOTIMP:
		problem_set(pr, PROBLEM_DNS, "NOTIMP: the server does not do dynamic updates");
		return UPDATE_SETUP;
	case FORMERR:
	case YXDOMAIN:
	case YXRRSET:
	case NXRRSET:
		problem_set(pr, PROBLEM_DNS, "%s: the server does not take the update", rcode_name(rcode));
		return UPDATE_REFUSED;
	default:
		problem_set(pr, PROBLEM_DNS, "%s: the update failed at the server", rcode_name(rcode));
		return UPDATE_FAILED;
	}
}

static enum update_outcome
not_authentic(struct problem *pr, const char *why)
{
	problem_set(pr, PROBLEM_DNS, "a reply that is not the server's: %s", why);
	return UPDATE_FAILED;
}

enum update_outcome
update_judge(const struct reply *reply, unsigned id, const struct tsig *tsig, bool mac_good, int64_t now_unix_s, struct problem *pr)
{
	struct wire_name alg;
	enum update_outcome outcome;

	if (!reply->is_reply || reply->opcode != OPCODE_UPDATE || reply->id != id)
		return not_authentic(pr, "it does not belong to the update");
	if (reply->is_truncated)
		return not_authentic(pr, "it is truncated, over TCP");
	if (reply->has_tsig && reply->error != TSIG_NONE)
		return judge_tsig_error(reply, tsig, mac_good, pr);
	if (!reply->has_tsig) {
		outcome = judge_rcode(reply->rcode, pr);
		if (outcome == UPDATE_DONE)
			return not_authentic(pr, "it is not signed");
		/* whoever lies in between can only make us wait */
		return outcome == UPDATE_REFUSED ? UPDATE_SETUP : outcome;
	}
	if (!wire_name_parse(span_str(tsig_alg_name(tsig->alg)), &alg) || !wire_name_eq(&reply->key, &tsig->key) ||
		!wire_name_eq(&reply->alg, &alg))
		return not_authentic(pr, "it is signed with another key");
	if (!mac_good)
		return not_authentic(pr, "its signature is wrong");
	if (llabs(now_unix_s - reply->time_unix_s) > reply->fudge_s)
		return not_authentic(pr, "it was signed at another time");
	return judge_rcode(reply->rcode, pr);
}
