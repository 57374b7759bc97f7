/* test_proto.c - the keeper's frames: what was written is read again, anything else is refused. */
#include "keeper/proto.h"
#include "tap.h"

static void
add_u32(struct buf *b, uint32_t v)
{
	const unsigned char p[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
		(unsigned char)(v >> 8), (unsigned char)v };

	buf_add(b, p, 4);
}

static struct span
frame_of(const struct buf *b)
{
	return span_from(buf_span(b), PROTO_HEAD);
}

static void
test_request_round_trip(void)
{
	const struct proto_request rq = { .id = 0x01020304,
		.op = OP_MAC_VERIFY,
		.kind = JWA_HS384,
		.field = { SPAN("sealed"), SPAN("a.b"), SPAN("mac") } };
	AUTO_BUF out = BUF_MAX(1024);
	struct proto_request got;
	struct problem pr = { 0 };

	ok(proto_request_write(&out, &rq, &pr), "a request is written");
	is_int(proto_length((const unsigned char *)out.p), out.n - PROTO_HEAD,
		"its head holds its length");
	ok(proto_request_read(frame_of(&out), &got, &pr), "and it is read");
	ok(got.id == rq.id && got.op == rq.op && got.kind == rq.kind, "with its numbers");
	ok(span_is(got.field[0], "sealed") && span_is(got.field[1], "a.b") &&
			span_is(got.field[2], "mac"),
		"and its fields");
}

static void
test_request_cut(void)
{
	const struct proto_request rq = { .id = 7,
		.op = OP_SEAL,
		.purpose = PURPOSE_TSIG,
		.field = { SPAN("scope"), SPAN("secret") } };
	AUTO_BUF out = BUF_MAX(1024);
	struct proto_request got;
	struct problem pr = { 0 };
	int taken = 0;

	if (!proto_request_write(&out, &rq, &pr))
		return;
	for (size_t n = 0; n < out.n - PROTO_HEAD; n++)
		taken += proto_request_read(span_of(out.p + PROTO_HEAD, n), &got, &pr);
	is_int(taken, 0, "no request cut short anywhere is taken");
	buf_addc(&out, 'x');
	ok(!proto_request_read(frame_of(&out), &got, &pr) && pr.kind == PROBLEM_MALFORMED,
		"a request with an octet behind it is refused");
}

static const struct {
	const char *name;
	unsigned op, kind, purpose;
	unsigned fields;
	uint32_t field_n; /* as claimed */
} bad[] = {
	{ "an unknown operation", OP__COUNT, 0, 0, 1, 0 },
	{ "operation 255", 255, 0, 0, 1, 0 },
	{ "an unknown key type", OP_MAKE, KEY_OTHER, 0, 1, 0 },
	{ "an unknown purpose", OP_MAKE, 0, PURPOSE__COUNT, 1, 0 },
	{ "a purpose where none belongs", OP_SIGN_JWS, 0, 1, 2, 0 },
	{ "a kind where none belongs", OP_SIGN_JWS, 1, 0, 2, 0 },
	{ "an unknown MAC", OP_MAC, JWA__COUNT, 0, 2, 0 },
	{ "a field too few", OP_SIGN_JWS, 0, 0, 1, 0 },
	{ "a field too many", OP_SIGN_JWS, 0, 0, 3, 0 },
	{ "a field of 4 GiB", OP_SIGN_JWS, 0, 0, 2, UINT32_MAX },
	{ "a field longer than the frame", OP_SIGN_JWS, 0, 0, 2, 100 },
};

static void
test_bad_requests(void)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_BUF b = BUF_MAX(1024);
		struct proto_request got = { .id = 99 };
		struct problem pr = { 0 };

		add_u32(&b, 1);
		buf_addc(&b, (char)bad[i].op);
		buf_addc(&b, (char)bad[i].kind);
		buf_addc(&b, (char)bad[i].purpose);
		for (unsigned f = 0; f < bad[i].fields; f++)
			add_u32(&b, bad[i].field_n);
		ok(!proto_request_read(buf_span(&b), &got, &pr) && pr.kind == PROBLEM_MALFORMED &&
				got.id == 99,
			"%s is refused", bad[i].name);
	}
}

static void
test_sizes(void)
{
	static char large[PROTO_SCOPE_MAX + 1];
	const struct proto_request rq = { .op = OP_MAKE,
		.field = { span_of(large, sizeof(large)) } };
	const struct proto_request extra = { .op = OP_MAKE, .field = { SPAN("a"), SPAN("b") } };
	const unsigned char over[PROTO_HEAD] = { 0x00, 0x40, 0x00, 0x01 };
	AUTO_BUF out = BUF_MAX(1024), tiny = BUF_MAX(5);
	struct problem pr = { 0 };

	ok(!proto_request_write(&out, &rq, &pr) && pr.kind == PROBLEM_TOO_LARGE && out.n == 0,
		"a scope over its ceiling is not written");
	ok(!proto_request_write(&out, &extra, &pr) && out.n == 0,
		"nor a field the operation does not have");
	ok(!proto_request_write(&tiny, &(struct proto_request){ .op = OP_MAKE }, &pr),
		"nor what finds no room");
	is_int(proto_length(over), 0, "a frame over the ceiling has no length");
}

static void
test_replies(void)
{
	struct proto_reply good = { .id = 5, .good = true, .field = { SPAN("one"), SPAN("two") } };
	struct proto_reply bad_one = { .id = 6 }, got;
	AUTO_BUF out = BUF_MAX(4096);
	int taken = 0;

	proto_reply_write(&out, &good);
	is_int(proto_length((const unsigned char *)out.p), out.n - PROTO_HEAD,
		"a reply's head holds its length");
	ok(proto_reply_read(frame_of(&out), &got) && got.good && got.id == 5 &&
			span_is(got.field[0], "one") && span_is(got.field[1], "two"),
		"a good reply is read with its fields");
	buf_clear(&out);
	problem_set(&bad_one.problem, PROBLEM_BAD_CSR, "what is wrong");
	problem_cause(&bad_one.problem, "why");
	bad_one.problem.retry_after_s = 3600;
	proto_reply_write(&out, &bad_one);
	is_int(proto_length((const unsigned char *)out.p), out.n - PROTO_HEAD,
		"so does that of a refusal");
	ok(proto_reply_read(frame_of(&out), &got) && !got.good && got.id == 6, "a refusal is read");
	is_int(got.problem.kind, PROBLEM_BAD_CSR, "with its kind");
	is_int(got.problem.retry_after_s, 3600, "its Retry-After");
	is_str(got.problem.detail, "what is wrong", "its detail");
	is_str(got.problem.cause, "why", "and its cause");
	for (size_t n = 0; n < out.n - PROTO_HEAD; n++)
		taken += proto_reply_read(span_of(out.p + PROTO_HEAD, n), &got);
	is_int(taken, 0, "no reply cut short anywhere is taken");
}

int
main(void)
{
	test_request_round_trip();
	test_request_cut();
	test_bad_requests();
	test_sizes();
	test_replies();
	return done_testing();
}
