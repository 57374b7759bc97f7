/* test_seal.c - a sealed secret opens to what it was, and not at all once anything about it
 * changed. */
#include "base/rand.h"
#include "keeper/proto.h"
#include "keeper/seal.h"
#include "keeper/vault.h"
#include "tap.h"

static unsigned char master[SEAL_MASTER], other[SEAL_MASTER];

static bool
opens(const unsigned char *key, struct span sealed)
{
	struct unsealed u;
	struct problem pr = { 0 };
	bool good = seal_open(key, sealed, &u, &pr);

	if (good)
		unsealed_done(&u);
	return good || pr.kind != PROBLEM_SERVER_INTERNAL;
}

static void
test_round_trip(struct buf *sealed)
{
	AUTO_BUF twice = BUF_MAX(PROTO_SEALED_MAX);
	struct unsealed u;
	struct problem pr = { 0 };

	ok(seal_write(master, PURPOSE_EAB_UPSTREAM, SPAN("https://ca.example"),
		   SPAN("a secret of ours"), sealed, &pr),
		"a secret is sealed");
	ok(memmem(sealed->p, sealed->n, "a secret of ours", 16) == NULL, "it cannot be read there");
	ok(span_is(seal_scope(buf_span(sealed)), "https://ca.example"), "its scope can");
	ok(!seal_scope(span_of(sealed->p, 20)).p && !seal_scope(SPAN_NONE).p && !seal_scope(SPAN("x")).p, "of a piece it cannot");
	ok(seal_open(master, buf_span(sealed), &u, &pr), "it is opened again");
	is_int(u.purpose, PURPOSE_EAB_UPSTREAM, "with its purpose");
	ok(span_is(buf_span(&u.scope), "https://ca.example"), "its scope");
	ok(span_is(buf_span(&u.secret), "a secret of ours"), "and the secret");
	unsealed_done(&u);
	ok(seal_write(master, PURPOSE_EAB_UPSTREAM, SPAN("https://ca.example"),
		   SPAN("a secret of ours"), &twice, &pr) &&
			!span_eq(buf_span(sealed), buf_span(&twice)),
		"sealed twice it looks different");
}

static void
test_tampering(struct buf *sealed)
{
	int opened = 0;

	for (size_t i = 0; i < sealed->n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			sealed->p[i] = (char)(sealed->p[i] ^ (1 << bit));
			opened += opens(master, buf_span(sealed));
			sealed->p[i] = (char)(sealed->p[i] ^ (1 << bit));
		}
	}
	is_int(opened, 0, "with any bit turned over it does not open");
	for (size_t n = 0; n < sealed->n; n++)
		opened += opens(master, span_of(sealed->p, n));
	is_int(opened, 0, "cut short anywhere it does not open");
	ok(opens(master, buf_span(sealed)), "untouched it still does");
	buf_addc(sealed, 0);
	ok(!opens(master, buf_span(sealed)), "with an octet more it does not");
	sealed->n--;
	ok(!opens(other, buf_span(sealed)), "under another master key it does not");
	sealed->p[1] = PURPOSE_TSIG;
	ok(!opens(master, buf_span(sealed)), "with another purpose written over it does not");
	sealed->p[1] = PURPOSE_EAB_UPSTREAM;
	memcpy(sealed->p + 4, "https://my.example", 18);
	ok(!opens(master, buf_span(sealed)), "nor with another scope");
}

static void
test_limits(void)
{
	static char large[PROTO_SEALED_MAX];
	AUTO_BUF out = BUF_MAX(PROTO_SEALED_MAX), tiny = BUF_MAX(20);
	struct problem pr = { 0 };
	struct unsealed u;

	ok(!seal_write(master, PURPOSE_TSIG, SPAN_NONE, SPAN_NONE, &out, &pr),
		"nothing is not sealed");
	ok(!seal_write(master, PURPOSE_TSIG, SPAN_NONE, span_of(large, sizeof(large)), &out, &pr),
		"nor what is larger than a blob");
	ok(!seal_write(
		   master, PURPOSE_TSIG, span_of(large, PROTO_SCOPE_MAX + 1), SPAN("x"), &out, &pr),
		"nor for a scope over its ceiling");
	ok(!seal_write(master, PURPOSE_TSIG, SPAN_NONE, SPAN("x"), &tiny, &pr),
		"nor into a buffer too small");
	ok(seal_write(master, PURPOSE_TSIG, SPAN_NONE, span_of(large, 4096), &out, &pr) &&
			seal_open(master, buf_span(&out), &u, &pr),
		"4096 octets without a scope are");
	unsealed_done(&u);
}

static const struct {
	const char *name, *encoding;
	struct span text, want; /* want.p NULL: refused */
} codings[] = {
	{ "base64url", "base64url", { "3q2-7w\n", 7 }, { "\xde\xad\xbe\xef", 4 } },
	{ "base64url without a line end", "base64url", { "3q2-7w", 6 }, { "\xde\xad\xbe\xef", 4 } },
	{ "padded base64url as base64url", "base64url", { "3q2-7w==", 8 }, { NULL, 0 } },
	{ "standard base64 as base64url", "base64url", { "3q2+7w", 6 }, { NULL, 0 } },
	{ "base64", "base64", { "3q2+7w==\n", 9 }, { "\xde\xad\xbe\xef", 4 } },
	{ "base64 of the url alphabet", "base64", { "3q2-7w", 6 }, { "\xde\xad\xbe\xef", 4 } },
	{ "double", "double", { "M3EyLTd3\n", 9 }, { "\xde\xad\xbe\xef", 4 } },
	{ "garbage as double", "double", { "!!", 2 }, { NULL, 0 } },
	{ "a raw text", "raw", { "some text\r\n", 11 }, { "some text", 9 } },
	{ "raw octets that end in 0x0a", "raw", { "\x01\xff\n", 3 }, { "\x01\xff\n", 3 } },
	{ "an unknown encoding", "hex", { "dead", 4 }, { NULL, 0 } },
};

static void
test_encodings(void)
{
	for (size_t i = 0; i < COUNT_OF(codings); i++) {
		AUTO_SECRET out = BUF_MAX(64);
		bool good = secret_decode(codings[i].text, codings[i].encoding, &out);

		ok(codings[i].want.p ? good && span_eq(buf_span(&out), codings[i].want) : !good,
			"a configured secret: %s is %s", codings[i].name,
			codings[i].want.p ? "read" : "refused");
	}
}

int
main(void)
{
	AUTO_BUF sealed = BUF_MAX(PROTO_SEALED_MAX);

	rand_bytes(master, sizeof(master));
	rand_bytes(other, sizeof(other));
	test_round_trip(&sealed);
	test_tampering(&sealed);
	test_limits();
	test_encodings();
	return done_testing();
}
