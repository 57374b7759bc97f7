/* proto.c - see proto.h. The reader is sticky: it runs straight through and is asked once at the
 * end. */
#include "keeper/proto.h"

#include <arpa/inet.h>

#include "tlog/note.h"

#define DER_MAX (16u * 1024)
#define CRL_MAX (PROTO_FRAME_MAX - 64u * 1024)
/* A request's own words before its fields: id, op, kind, purpose. */
#define REQUEST_WORDS 7

static const struct op_row {
	const char *name;
	bool has_purpose;
	unsigned kinds;                         /* kind is below this; 0: the operation has none */
	size_t field_max[PROTO_REQUEST_FIELDS]; /* octets; 0: no such field */
} ops[] = {
	[OP_MAKE] = { "make", true, KEY_OTHER, { PROTO_SCOPE_MAX } },
	[OP_SEAL] = { "seal", true, 0, { PROTO_SCOPE_MAX, PROTO_SECRET_MAX } },
	[OP_SEALED_SECRET] = { "sealed_secret", true, 0, { PROTO_SCOPE_MAX, 256 } },
	[OP_SIGN_JWS] = { "sign_jws", false, 0, { PROTO_SEALED_MAX, 256 * 1024 } },
	[OP_MAC] = { "mac", false, JWA__COUNT, { PROTO_SEALED_MAX, 128 * 1024 } },
	[OP_MAC_VERIFY] = { "mac_verify", false, JWA__COUNT,
		{ PROTO_SEALED_MAX, 128 * 1024, PROTO_MAC_MAX } },
	[OP_SIGN_CERT] = { "sign_cert", false, 0, { PROTO_SEALED_MAX, DER_MAX, 64 * 1024 } },
	[OP_SIGN_CRL] = { "sign_crl", false, 0, { PROTO_SEALED_MAX, DER_MAX, CRL_MAX } },
	[OP_SIGN_CHECKPOINT] = { "sign_checkpoint", false, 0, { PROTO_SEALED_MAX, TLOG_NOTE_MAX } },
};

struct reader {
	struct span rest;
	bool failed;
};

static struct span
read_octets(struct reader *r, size_t n)
{
	struct span got = { r->rest.p, n };

	if (r->failed || n > r->rest.n) {
		r->failed = true;
		return SPAN_NONE;
	}
	r->rest = span_from(r->rest, n);
	return got;
}

static unsigned
read_u8(struct reader *r)
{
	struct span s = read_octets(r, 1);

	return s.n ? (unsigned char)s.p[0] : 0;
}

static uint32_t
read_u32(struct reader *r)
{
	struct span s = read_octets(r, 4);
	uint32_t v = 0;

	if (s.n)
		memcpy(&v, s.p, 4);
	return ntohl(v);
}

static struct span
read_field(struct reader *r, size_t max)
{
	uint32_t n = read_u32(r);

	if (n > max)
		r->failed = true;
	return read_octets(r, n);
}

static void
add_u8(struct buf *out, unsigned v)
{
	buf_addc(out, (char)v);
}

static void
add_u32(struct buf *out, uint32_t v)
{
	v = htonl(v);
	buf_add(out, &v, 4);
}

static void
add_field(struct buf *out, struct span s)
{
	add_u32(out, (uint32_t)s.n);
	buf_addspan(out, s);
}

const char *
proto_op_name(enum keeper_op op)
{
	return (unsigned)op < OP__COUNT ? ops[op].name : "unknown";
}

uint32_t
proto_length(const unsigned char head[PROTO_HEAD])
{
	struct reader r = { span_of(head, PROTO_HEAD), false };
	uint32_t n = read_u32(&r);

	return n <= PROTO_FRAME_MAX ? n : 0;
}

bool
proto_request_write(struct buf *out, const struct proto_request *rq, struct problem *pr)
{
	const struct op_row *row = &ops[rq->op];
	size_t n = REQUEST_WORDS;

	for (size_t i = 0; i < PROTO_REQUEST_FIELDS; i++) {
		if (rq->field[i].n > row->field_max[i])
			return problem_set(pr, PROBLEM_TOO_LARGE,
				"%zu octets are too many for the keeper's operation %s, at most "
				"%zu",
				rq->field[i].n, row->name, row->field_max[i]);
		n += row->field_max[i] ? 4 + rq->field[i].n : 0;
	}
	if (!buf_reserve(out, PROTO_HEAD + n))
		return problem_internal(pr, "no room for a request to the keeper");
	add_u32(out, (uint32_t)n);
	add_u32(out, rq->id);
	add_u8(out, rq->op);
	add_u8(out, rq->kind);
	add_u8(out, rq->purpose);
	for (size_t i = 0; i < PROTO_REQUEST_FIELDS && row->field_max[i]; i++)
		add_field(out, rq->field[i]);
	return true;
}

bool
proto_request_read(struct span frame, struct proto_request *ret, struct problem *pr)
{
	struct reader r = { frame, false };
	struct proto_request rq = { .id = read_u32(&r) };
	unsigned op = read_u8(&r), purpose;
	const struct op_row *row;

	if (r.failed || op >= OP__COUNT)
		return problem_set(pr, PROBLEM_MALFORMED, "no operation %u", op);
	row = &ops[op];
	rq.op = (enum keeper_op)op;
	rq.kind = read_u8(&r);
	purpose = read_u8(&r);
	for (size_t i = 0; i < PROTO_REQUEST_FIELDS && row->field_max[i]; i++)
		rq.field[i] = read_field(&r, row->field_max[i]);
	if (r.failed || r.rest.n)
		return problem_set(pr, PROBLEM_MALFORMED,
			"fields of %s do not fit a frame of %zu octets", row->name, frame.n);
	if (row->kinds ? rq.kind >= row->kinds : rq.kind != 0)
		return problem_set(pr, PROBLEM_MALFORMED, "%s has no kind %u", row->name, rq.kind);
	if (row->has_purpose ? purpose >= PURPOSE__COUNT : purpose != 0)
		return problem_set(
			pr, PROBLEM_MALFORMED, "%s has no purpose %u", row->name, purpose);
	rq.purpose = (enum key_purpose)purpose;
	*ret = rq;
	return true;
}

void
proto_reply_write(struct buf *out, const struct proto_reply *reply)
{
	const struct problem *pr = &reply->problem;
	struct span a = reply->field[0], b = reply->field[1];

	if (!reply->good) {
		a = span_str(pr->detail);
		b = span_str(pr->cause);
	}
	add_u32(out, (uint32_t)(4 + 1 + (reply->good ? 0 : 5) + 4 + a.n + 4 + b.n));
	add_u32(out, reply->id);
	add_u8(out, !reply->good);
	if (!reply->good) {
		add_u8(out, pr->kind);
		add_u32(out, pr->retry_after_s);
	}
	add_field(out, a);
	add_field(out, b);
}

static void
read_problem(struct reader *r, struct problem *ret)
{
	unsigned kind = read_u8(r);
	struct span detail, cause;

	ret->kind = (enum problem_kind)kind;
	ret->retry_after_s = read_u32(r);
	detail = read_field(r, sizeof(ret->detail) - 1);
	cause = read_field(r, sizeof(ret->cause) - 1);
	if (kind == PROBLEM_NONE || kind >= PROBLEM__COUNT ||
		!span_copy(detail, ret->detail, sizeof(ret->detail)) ||
		!span_copy(cause, ret->cause, sizeof(ret->cause)))
		r->failed = true;
}

bool
proto_reply_read(struct span frame, struct proto_reply *ret)
{
	struct reader r = { frame, false };
	struct proto_reply reply = { .id = read_u32(&r) };
	unsigned refused = read_u8(&r);

	reply.good = refused == 0;
	if (reply.good) {
		for (size_t i = 0; i < PROTO_REPLY_FIELDS; i++)
			reply.field[i] = read_field(&r, PROTO_FRAME_MAX);
	} else {
		read_problem(&r, &reply.problem);
	}
	if (r.failed || r.rest.n || refused > 1)
		return false;
	*ret = reply;
	return true;
}
