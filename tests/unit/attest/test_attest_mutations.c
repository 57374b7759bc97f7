/* test_attest_mutations.c - each statement that is accepted, changed in more than forty ways, each
 * of which must be refused with the field named: parts cut, swapped, flipped, doubled, of another
 * type, of huge or indefinite length; chains in another order, with a hole, of another root, at
 * another time; another challenge, another device. */
#include "attest/format.h"
#include "model.h"
#include "tap.h"
#include "vector.h"

static struct {
	const struct vector *v;
	struct model model; /* of the good one */
	size_t below_root;  /* certificates whose every octet matters */
	bool is_factory;    /* Android: its issuers never expire */
	struct buf out;
	unsigned made, wrong;
} now;

static const char *const fields[] = {"cbor: ", "attObj: ", "fmt: ", "attStmt", "x5c", "certInfo",
	"pubArea", "keyDescription", "freshness: ", "identifier: ", "authData: "};

static void
judge(const struct attest_input *in, const char *what, const char *field)
{
	struct attest_facts facts = {0};
	struct problem pr = {0};
	bool accepted = attest_verify(in, &facts, &pr), named = false;

	now.made++;
	for (size_t i = 0; i < COUNT_OF(fields) && !named; i++)
		named = strncmp(pr.detail, field ? field : fields[i],
				strlen(field ? field : fields[i])) == 0;
	if (!accepted && pr.kind == PROBLEM_BAD_ATTESTATION && named)
		return;
	now.wrong++;
	printf("# %s, %s: %s, %s %s\n", now.v->file, what, accepted ? "accepted" : "refused",
		problem_type(pr.kind), pr.detail);
	if (accepted)
		attest_facts_done(&facts);
}

static void
judge_object(struct span object, const char *what, const char *field)
{
	struct attest_input in = now.v->in;

	in.object = object;
	judge(&in, what, field);
}

/* Write the model and judge it. */
static void
judge_model(const struct model *m, const char *what, const char *field)
{
	model_write(m, &now.out);
	judge_object(buf_span(&now.out), what, field);
}

static void
mutate_cbor(void)
{
	AUTO_BUF good = BUF_MAX(1 << 17);
	size_t n;

	model_write(&now.model, &good);
	n = good.n;
	for (size_t i = 0; i < 8; i++)
		judge_object(span_of(good.p, n * i / 8), "cut off", "cbor: ");
	judge_object(span_of(good.p, n - 1), "the last octet missing", "cbor: ");
	buf_addc(&good, 0);
	judge_object(buf_span(&good), "an octet behind", "cbor: ");
	good.n = n;
	good.p[0] = (char)0xbf;
	buf_addc(&good, (char)0xff);
	judge_object(buf_span(&good), "a map of indefinite length", "cbor: ");
	good.n = n;
	good.p[0] = (char)0xa3;
	cbor_text(&good, SPAN("fmt"));
	cbor_text(&good, SPAN("apple"));
	judge_object(buf_span(&good), "fmt twice", "cbor: key \"fmt\" twice");
	good.n = n;
	cbor_text(&good, SPAN("attStmt"));
	cbor_head(&good, CBOR_MAP, 0);
	judge_object(buf_span(&good), "attStmt twice", "cbor: key \"attStmt\" twice");
	good.n = n;
	good.p[0] = (char)0xa1;
	judge_object(buf_span(&good), "a member outside of the map", "cbor: ");
	good.p[0] = (char)0x82;
	judge_object(buf_span(&good), "an array", "cbor: ");
	good.p[0] = (char)0xc1;
	judge_object(buf_span(&good), "a tag", "cbor: a tag");
	judge_object(SPAN("\xa1\x63"
			  "fmt\x63tpm"),
		"no attStmt", NULL);
	judge_object(SPAN("\xa2\x63"
			  "fmt\x63tpm\x67"
			  "attStmt\x01"),
		"attStmt an integer", NULL);
	judge_object(SPAN("\xa1\x67"
			  "attStmt\xa0"),
		"no fmt", "fmt: ");
}

/* The length of each byte string made huge, indefinite, not shortest: in its head, found by what is
 * in it. */
static void
mutate_lengths(void)
{
	static const struct {
		const char *what;
		struct span head;
	} heads[] = {{"2^64-1 octets", SPAN("\x5b\xff\xff\xff\xff\xff\xff\xff\xff")},
		{"2^31 octets", SPAN("\x5a\x80\x00\x00\x00")}, {"indefinite length", SPAN("\x5f")},
		{"a length in nine octets", SPAN("\x5b\x00\x00\x00\x00\x00\x00\x00\x40")}};
	AUTO_BUF good = BUF_MAX(1 << 17), bad = BUF_MAX(1 << 17), head = BUF_MAX(16);

	model_write(&now.model, &good);
	for (size_t i = 0; i < now.model.count; i++) {
		const struct member *m = &now.model.members[i];
		struct span data = m->type == CBOR_ARRAY ? now.model.certs[0] : m->data;
		const char *at =
			m->type < CBOR_BYTES ? NULL : memmem(good.p, good.n, data.p, data.n);

		if (!at || m->type == CBOR_TEXT)
			continue;
		buf_clear(&head);
		cbor_head(&head, CBOR_BYTES, data.n);
		for (size_t j = 0; j < COUNT_OF(heads); j++) {
			buf_clear(&bad);
			buf_add(&bad, good.p, (size_t)(at - good.p) - head.n);
			buf_addspan(&bad, heads[j].head);
			buf_add(&bad, at, good.n - (size_t)(at - good.p));
			judge_object(buf_span(&bad), heads[j].what, "cbor: ");
		}
	}
}

static void
mutate_fmt(void)
{
	struct model m = now.model;

	for (size_t i = 0; i < ATTEST__COUNT; i++) {
		m.fmt = span_str(attest_format_name((enum attest_format)i));
		if ((enum attest_format)i != now.v->format)
			judge_model(&m, "another format", "fmt: ");
	}
	m.fmt = SPAN("none");
	judge_model(&m, "fmt none", "fmt: ");
	m.fmt = SPAN("");
	judge_model(&m, "fmt empty", "fmt: ");
	m.fmt = SPAN("tpm\0");
	judge_model(&m, "fmt with NUL", "fmt: ");
}

static void
mutate_octets(struct member *member, struct model *m, const char *field)
{
	AUTO_BUF octets = BUF_MAX(1 << 16);
	struct span good = member->data;

	buf_addspan(&octets, good);
	buf_addc(&octets, 0);
	member->data = span_of(octets.p, good.n - 1);
	judge_model(m, "the last octet of a member missing", NULL);
	member->data = span_of(octets.p, good.n / 2);
	judge_model(m, "half a member", NULL);
	member->data = buf_span(&octets);
	judge_model(m, "an octet behind a member", NULL);
	for (size_t i = 0; i <= 8; i++) {
		size_t at = (good.n - 1) * i / 8;

		octets.p[at] ^= 0x01;
		member->data = span_of(octets.p, good.n);
		judge_model(m, "a bit of a member flipped", NULL);
		octets.p[at] ^= 0x01;
	}
	member->type = CBOR_TEXT;
	member->data = SPAN("text");
	judge_model(m, "text for bytes", field);
	member->type = CBOR_BYTES;
	member->data = good;
}

static void
mutate_members(void)
{
	static const int64_t algs[] = {-36, -37, -8, 0, 65535, INT64_MIN};
	char field[48];

	for (size_t i = 0; i < now.model.count; i++) {
		struct model m = now.model;
		struct member *member = &m.members[i], good = *member;

		snprintf(field, sizeof(field), "attStmt.%s: ", good.name);
		*member = m.members[--m.count];
		judge_model(&m, "a member missing", field);
		m = now.model;
		member->type = CBOR_UINT;
		member->number = 1;
		judge_model(&m, "an integer for a member", field);
		if (good.type != CBOR_ARRAY) {
			*member = (struct member){good.name,
				good.type == CBOR_TEXT ? CBOR_BYTES : CBOR_TEXT, 0, SPAN("2.0")};
			judge_model(&m, "another type", field);
		}
		*member = good;
		if (good.type == CBOR_BYTES || good.type == CBOR_TEXT) {
			member->data = SPAN("");
			judge_model(&m, "an empty member", field);
			*member = good;
		}
		if (good.type == CBOR_BYTES)
			mutate_octets(member, &m, field);
		for (size_t j = 0; good.type <= CBOR_NINT && j < COUNT_OF(algs); j++) {
			member->type = CBOR_NINT;
			member->number = algs[j];
			judge_model(&m, "another algorithm", "attStmt.");
		}
		m = now.model;
		m.members[m.count++] = good;
		judge_model(&m, "a member twice", "cbor: key");
	}
}

static void
mutate_cert(size_t i)
{
	AUTO_BUF der = BUF_MAX(1 << 16);
	struct model m = now.model;
	struct span good = m.certs[i];
	char field[48];

	snprintf(field, sizeof(field), "x5c[%zu]: ", i);
	buf_addspan(&der, good);
	buf_addc(&der, 0);
	m.certs[i] = buf_span(&der);
	judge_model(&m, "an octet behind a certificate", field);
	m.certs[i] = span_of(der.p, good.n - 1);
	judge_model(&m, "a certificate cut off", field);
	m.certs[i] = SPAN("");
	judge_model(&m, "an empty certificate", field);
	for (size_t j = 0; j <= 8; j++) {
		size_t at = (good.n - 1) * j / 8;

		der.p[at] ^= 0x01;
		m.certs[i] = span_of(der.p, good.n);
		judge_model(&m, "a bit of a certificate flipped", "x5c");
		der.p[at] ^= 0x01;
	}
}

static void
mutate_order(void)
{
	struct model m = now.model;
	size_t n = m.cert_count;

	if (n > 1) {
		for (size_t i = 0; i < n; i++)
			m.certs[i] = now.model.certs[n - 1 - i];
		judge_model(&m, "the chain reversed", NULL);
		m = now.model;
		m.cert_count--;
		memmove(m.certs, m.certs + 1, (n - 1) * sizeof(m.certs[0]));
		judge_model(&m, "no leaf", NULL);
	}
	for (size_t i = 1; i < now.below_root; i++) {
		m = now.model;
		memmove(m.certs + i, m.certs + i + 1, (n - 1 - i) * sizeof(m.certs[0]));
		m.cert_count--;
		judge_model(&m, "an intermediate missing", "x5c");
		m = now.model;
		memmove(m.certs + i, m.certs + i - 1, (n + 1 - i) * sizeof(m.certs[0]));
		m.cert_count++;
		judge_model(&m, "a certificate twice", "x5c");
	}
	m = now.model;
	m.certs[m.cert_count++] = m.certs[0];
	judge_model(&m, "the leaf once more at the end", "x5c");
	m = now.model;
	m.cert_count = 0;
	judge_model(&m, "no certificates", "x5c");
	m.cert_count = PATH_MAX_CERTS + 1;
	for (size_t i = 0; i < m.cert_count; i++)
		m.certs[i] = now.model.certs[0];
	judge_model(&m, "seventeen certificates", "x5c");
}

/* Another device's certificate in place of the leaf, and between leaf and issuer. */
static void
mutate_foreign(void)
{
	struct model m = now.model, other;
	struct vector v;

	if (!vector_load(now.v->format == ATTEST_TPM ? "step/standin-step-good.json"
						     : "tpm-swtpm/ok-rsa-ak-p256.json",
		    &v) ||
		!model_read(v.in.object, &other))
		abort();
	m.certs[0] = other.certs[0];
	judge_model(&m, "another leaf", NULL);
	m = now.model;
	memmove(m.certs + 2, m.certs + 1, (m.cert_count - 1) * sizeof(m.certs[0]));
	m.certs[1] = other.certs[1];
	m.cert_count++;
	judge_model(&m, "another's issuer between", "x5c");
	m = other;
	m.fmt = now.model.fmt;
	judge_model(&m, "another's statement", NULL);
	vector_done(&v);
}

static void
mutate_trust(void)
{
	struct attest_input in = now.v->in;
	struct attest_trust *other = vector_trust(
		now.v->format, now.v->format == ATTEST_APPLE
				       ? "step/standin-root.pem"
				       : "roots/apple-enterprise-attestation-root-ca-ccf59ef8.pem");
	struct attest_trust *none = vector_trust(
		now.v->format == ATTEST_TPM ? ATTEST_STEP : ATTEST_TPM, "tpm-swtpm/ak-root.pem");

	in.trust = other;
	judge(&in, "another root", "x5c: no root");
	in.trust = none;
	judge(&in, "no root of this format", "fmt: ");
	in.trust = now.v->trust;
	in.now_unix_s = 0;
	judge(&in, "before it was made", "x5c");
	in.now_unix_s = 7258118400 + 200LL * 366 * 86400;
	if (!now.is_factory)
		judge(&in, "in the year 2400", "x5c");
	attest_trust_free(other);
	attest_trust_free(none);
}

static void
mutate_challenge(void)
{
	AUTO_BUF data = BUF_MAX(1 << 16);
	struct attest_input in = now.v->in;
	struct span good = now.v->is_webauthn ? in.webauthn : in.key_authorization;

	buf_addspan(&data, good);
	for (size_t i = 0; i < 3; i++) {
		data.p[good.n - 1 - i * 8] ^= 0x01;
		if (now.v->is_webauthn)
			in.webauthn = buf_span(&data);
		else
			in.key_authorization = buf_span(&data);
		in.token = span_of(data.p + data.n - 30, 30);
		judge(&in, "another challenge", NULL);
	}
}

static void
mutate_id(void)
{
	struct attest_input in = now.v->in;
	AUTO_BUF id = BUF_MAX(1024);

	if (now.v->is_webauthn)
		return;
	in.id_type = in.id_type == ATTEST_HARDWARE_MODULE ? ATTEST_PERMANENT_IDENTIFIER
							  : ATTEST_HARDWARE_MODULE;
	judge(&in, "another type of identifier", "identifier: ");
	in = now.v->in;
	in.id.n--;
	judge(&in, "the identifier's last octet missing", "identifier: ");
	in.id = SPAN("");
	judge(&in, "an empty identifier", "identifier: ");
	buf_addspan(&id, now.v->in.id);
	buf_adds(&id, "/1.2.3");
	in.id = buf_span(&id);
	judge(&in, "an assigner that nobody named", "identifier: ");
	buf_clear(&id);
	buf_addspan(&id, now.v->in.id);
	id.p[0] ^= 0x20;
	in.id = buf_span(&id);
	judge(&in, "another letter case", "identifier: ");
}

/* Each certificate's serial, as the list spells it. */
static void
mutate_revocation(void)
{
	struct attest_input in = now.v->in;

	for (size_t i = 0; i < now.below_root; i++) {
		struct attest_trust *trust = now.v->trust;
		AUTO_BUF list = BUF_MAX(4096);
		struct problem pr = {0};
		struct cert *cert;
		const char *serial;
		char field[48];

		if (!cert_parse(now.model.certs[i], &cert, &pr))
			vector_bail("a certificate", &pr);
		serial = cert->serial;
		while (serial[0] == '0' && serial[1])
			serial++;
		buf_addf(&list, "{\"entries\":{\"%s\":{\"status\":\"%s\"}}}", serial,
			i % 2 ? "SUSPENDED" : "REVOKED");
		cert_free(cert);
		snprintf(field, sizeof(field), "x5c[%zu]: serial", i);
		if (!attest_trust_set_revoked(trust, now.v->format, buf_span(&list), FOR_EVER, &pr))
			vector_bail("a list", &pr);
		judge(&in, "a revoked certificate", field);
		if (!attest_trust_set_revoked(
			    trust, now.v->format, SPAN(NO_REVOCATIONS), FOR_EVER, &pr))
			vector_bail("a list", &pr);
	}
}

static void
mutate_all(const char *name)
{
	struct statement st = {.in = &now.v->in};
	struct problem pr = {0};

	now.made = now.wrong = 0;
	if (!ok(stmt_verify(&st, &pr) && model_read(now.v->in.object, &now.model),
		    "%s: accepted as it is %s", name, pr.detail))
		return;
	now.below_root = st.path.count;
	now.is_factory =
		now.v->format == ATTEST_ANDROID && now.v->is_webauthn && strstr(name, "factory");
	attest_facts_done(&st.facts);
	path_done(&st.path);
	mutate_cbor();
	mutate_lengths();
	mutate_fmt();
	mutate_members();
	for (size_t i = 0; i < now.below_root && i < now.model.cert_count; i++)
		mutate_cert(i);
	mutate_order();
	mutate_foreign();
	mutate_trust();
	mutate_challenge();
	mutate_id();
	mutate_revocation();
	ok(now.wrong == 0, "%s: %u changes, all refused, the field named", name, now.made);
	ok(now.made >= 40, "%s: forty changes at the least", name);
	/* nothing of that has left a trace */
	ok(attest_verify(&now.v->in, &st.facts, &pr), "%s: still accepted as it is", name);
	attest_facts_done(&st.facts);
}

static unsigned vectors;

static void
one(const char *name)
{
	struct span result;
	struct vector v;

	if (vector_load(name, &v) && v.trust) {
		result = json_text(vector_get(
			&v, "expected", v.is_webauthn ? "result_in_webauthn" : "result"));
		if (span_starts(result, "accept") && (v.is_acme || v.format != ATTEST_APPLE)) {
			now.v = &v;
			mutate_all(name);
			vectors++;
		}
	}
	vector_done(&v);
}

int
main(void)
{
	now.out = BUF_MAX(1 << 17);
	vectors_each(one);
	ok(vectors >= 35, "%u statements were changed", vectors);
	buf_done(&now.out);
	return done_testing();
}
