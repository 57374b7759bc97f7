/* tsig.c - see tsig.h. */
#include "dnsup/tsig.h"

#define TYPE_TSIG 250
#define CLASS_ANY 255
#define AT_ADDITIONAL 10 /* in the header */
#define RECORDS_MAX 512  /* a reply to an UPDATE has hardly any */

static const char *const names[TSIG_ALG__COUNT] = {
	[TSIG_SHA256] = "hmac-sha256",
	[TSIG_SHA384] = "hmac-sha384",
	[TSIG_SHA512] = "hmac-sha512",
};

const char *
tsig_alg_name(enum tsig_alg alg)
{
	return names[alg];
}

static struct wire_name
alg_name(enum tsig_alg alg)
{
	struct wire_name name = { .n = 0 };

	return wire_name_parse(span_str(names[alg]), &name) ? name : (struct wire_name){ .n = 0 };
}

/* The variables of RFC 8945 4.3.3. */
static void
add_variables(struct buf *out, const struct wire_name *key, const struct wire_name *alg, int64_t time, int64_t fudge, unsigned error,
	struct span other)
{
	wire_name_add(out, key);
	wire_add_u16(out, CLASS_ANY);
	wire_add_u32(out, 0);
	wire_name_add(out, alg);
	wire_add_u48(out, time);
	wire_add_u16(out, (unsigned)fudge);
	wire_add_u16(out, error);
	wire_add_u16(out, (unsigned)other.n);
	buf_addspan(out, other);
}

bool
tsig_request_input(struct buf *out, struct span message, const struct tsig *tsig)
{
	struct wire_name alg = alg_name(tsig->alg);

	buf_addspan(out, message);
	add_variables(out, &tsig->key, &alg, tsig->time_unix_s, TSIG_FUDGE_S, TSIG_NONE, SPAN_NONE);
	return buf_ok(out);
}

bool
tsig_append(struct buf *message, const struct tsig *tsig, struct span mac)
{
	struct wire_reader header = { buf_span(message), 0, false };
	struct wire_name alg = alg_name(tsig->alg);
	unsigned id = wire_u16(&header), additional;

	header.at = AT_ADDITIONAL;
	additional = wire_u16(&header);
	wire_name_add(message, &tsig->key);
	wire_add_u16(message, TYPE_TSIG);
	wire_add_u16(message, CLASS_ANY);
	wire_add_u32(message, 0);
	wire_add_u16(message, (unsigned)(alg.n + 6 + 2 + 2 + mac.n + 2 + 2 + 2));
	wire_name_add(message, &alg);
	wire_add_u48(message, tsig->time_unix_s);
	wire_add_u16(message, TSIG_FUDGE_S);
	wire_add_u16(message, (unsigned)mac.n);
	buf_addspan(message, mac);
	wire_add_u16(message, id);
	wire_add_u16(message, TSIG_NONE);
	wire_add_u16(message, 0);
	wire_put_u16(message, AT_ADDITIONAL, additional + 1);
	return buf_ok(message) && !header.failed;
}

static void
read_tsig(struct wire_reader *r, struct reply *reply)
{
	wire_name(r, &reply->alg);
	reply->time_unix_s = wire_u48(r);
	reply->fudge_s = wire_u16(r);
	reply->mac = wire_octets(r, wire_u16(r));
	reply->original_id = wire_u16(r);
	reply->error = wire_u16(r);
	reply->other = wire_octets(r, wire_u16(r));
}

/* One record of any section but the first. `last`: of the whole message. */
static void
read_record(struct wire_reader *r, bool last, struct reply *reply)
{
	size_t begins = r->at, ends;
	struct wire_name owner;
	unsigned type;

	wire_name(r, &owner);
	type = wire_u16(r);
	wire_u16(r);
	wire_u32(r);
	ends = wire_u16(r);
	ends += r->at;
	if (type != TYPE_TSIG) {
		r->failed = r->failed || ends > r->message.n;
		r->at = r->failed ? r->at : ends;
		return;
	}
	reply->has_tsig = true;
	reply->tsig_at = begins;
	reply->key = owner;
	read_tsig(r, reply);
	r->failed = r->failed || !last || r->at != ends;
}

bool
reply_parse(struct span message, struct reply *ret, struct problem *pr)
{
	struct reply reply = { .message = message };
	struct wire_reader r = { message, 0, false };
	unsigned flags, questions, records, authority;

	reply.id = wire_u16(&r);
	flags = wire_u16(&r);
	reply.is_reply = flags >> 15;
	reply.opcode = flags >> 11 & 0xf;
	reply.is_truncated = flags >> 9 & 1;
	reply.rcode = flags & 0xf;
	questions = wire_u16(&r);
	records = wire_u16(&r);
	authority = wire_u16(&r);
	reply.additional = wire_u16(&r);
	records += authority + reply.additional;
	if (questions > 1 || records > RECORDS_MAX)
		return problem_set(pr, PROBLEM_DNS, "the server's reply has %u questions and %u records", questions, records);
	for (unsigned i = 0; i < questions; i++) {
		struct wire_name zone;

		wire_name(&r, &zone);
		wire_u32(&r);
	}
	for (unsigned i = 0; i < records && !r.failed; i++)
		read_record(&r, i + 1 == records && reply.additional > 0, &reply);
	if (r.failed || r.at != message.n)
		return problem_set(pr, PROBLEM_DNS, "the server's reply is malformed");
	*ret = reply;
	return true;
}

bool
reply_mac_input(struct buf *out, const struct reply *reply, struct span request_mac)
{
	size_t begins;

	if (!reply->has_tsig)
		return false;
	wire_add_u16(out, (unsigned)request_mac.n);
	buf_addspan(out, request_mac);
	begins = out->n;
	/* as it was before the record was added, and a forwarder changed the number (5.3) */
	buf_add(out, reply->message.p, reply->tsig_at);
	wire_put_u16(out, begins, reply->original_id);
	wire_put_u16(out, begins + AT_ADDITIONAL, reply->additional - 1);
	add_variables(out, &reply->key, &reply->alg, reply->time_unix_s, reply->fudge_s, reply->error, reply->other);
	return buf_ok(out);
}
