/* test_attest_vectors.c - every vector gives its recorded result, at its own time: verdict, the
 * check that fails, device ids, the attested key, and what the statement says of the device. */
#include "attest/format.h"
#include "attest/key_desc.h"
#include "tap.h"
#include "vector.h"

static unsigned vectors;

/* The checks that the records name, and how our details begin. */
static const struct {
	const char *check, *begins[4];
} checks[] = {
	{"cbor", {"cbor", "attObj"}},
	{"attStmt", {"attStmt"}},
	{"ver", {"attStmt.ver"}},
	{"alg", {"attStmt.alg"}},
	{"sig", {"attStmt.sig"}},
	{"chain", {"x5c"}},
	{"ak-cert", {"x5c[0]"}},
	{"magic", {"certInfo.magic"}},
	{"type", {"certInfo.type"}},
	{"extraData", {"certInfo.extraData"}},
	{"name", {"certInfo.attested.name"}},
	{"attrs", {"pubArea.objectAttributes"}},
	{"identifier", {"identifier"}},
	{"freshness", {"freshness"}},
	{"challenge", {"keyDescription.attestationChallenge"}},
	{"android", {"keyDescription."}},
};

static bool
names_check(const char *detail, struct span check)
{
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		for (size_t j = 0; span_is(check, checks[i].check) && checks[i].begins[j]; j++) {
			if (strncmp(detail, checks[i].begins[j], strlen(checks[i].begins[j])) == 0)
				return true;
		}
	}
	return false;
}

/* The recorded SHA-256 in hex against our base64url. */
static bool
is_key(struct span hex, const char *key_hash)
{
	AUTO_BUF md = BUF_MAX(64);
	char text[KEY_HASH_TEXT];

	vector_hex(hex, &md);
	b64url_write(text, md.p, md.n);
	return strcmp(text, key_hash) == 0;
}

static bool
is_same(struct span recorded, const char *ours)
{
	return !recorded.n || span_is(recorded, ours);
}

static void
check_tpm_facts(const struct vector *v, const struct attest_facts *facts)
{
	const struct json_node *ak = vector_get(v, "expected", "ak_certificate"),
			       *tcg = json_get(ak, "tcg");
	const struct json_node *ids = json_get(ak, "permanent_identifiers"),
			       *modules = json_get(ak, "hardware_modules");

	ok(is_same(json_text(json_get(tcg, "2.23.133.2.1")), facts->manufacturer) &&
			is_same(json_text(json_get(tcg, "2.23.133.2.2")), facts->model) &&
			is_same(json_text(json_get(tcg, "2.23.133.2.3")), facts->firmware),
		"%s: the TPM is the recorded one", v->file);
	if (!ak)
		return;
	ok(facts->id_count == json_count(ids) + json_count(modules),
		"%s: as many identifiers as recorded", v->file);
	for (size_t i = 0;
		i < facts->id_count && json_count(ids) + json_count(modules) == facts->id_count;
		i++) {
		bool is_module = facts->ids[i].type == ATTEST_HARDWARE_MODULE;
		const struct json_node *list = is_module ? modules : ids;
		bool found = false;

		for (size_t j = 0; j < json_count(list); j++)
			found = found || span_is(json_text(json_at(list, j)), facts->ids[i].value);
		ok(found, "%s: identifier \"%s\" is recorded", v->file, facts->ids[i].value);
	}
}

static void
check_apple_facts(const struct vector *v, const struct attest_facts *facts)
{
	const struct json_node *exts = vector_get(v, "expected", "apple_extensions");
	struct span serial =
		json_text(json_get(json_get(exts, "1.2.840.113635.100.8.9.1"), "text"));
	struct span udid = json_text(json_get(json_get(exts, "1.2.840.113635.100.8.9.2"), "text"));

	ok(facts->id_count == 2 && span_is(serial, facts->ids[0].value) &&
			span_is(udid, facts->ids[1].value),
		"%s: serial and UDID are the recorded ones", v->file);
	ok(is_same(json_text(json_get(json_get(exts, "1.2.840.113635.100.8.10.1"), "text")),
		   facts->os_version) &&
			is_same(json_text(json_get(
					json_get(exts, "1.2.840.113635.100.8.13.2"), "text")),
				facts->boot),
		"%s: OS version and security mode, too", v->file);
}

static void
check_step_facts(const struct vector *v, const struct attest_facts *facts)
{
	const struct json_node *yubico = vector_get(v, "expected", "yubico"),
			       *policy = json_get(yubico, "policy");
	int64_t serial = 0, pin = 0, touch = 0, form = -1;
	char text[24] = "";

	if (json_int(json_get(yubico, "serial"), &serial))
		snprintf(text, sizeof(text), "%lld", (long long)serial);
	json_int(json_get(policy, "pin"), &pin);
	json_int(json_get(policy, "touch"), &touch);
	json_int(json_get(yubico, "formfactor"), &form);
	ok(span_is(json_text(json_get(yubico, "firmware")), facts->firmware) &&
			facts->pin_policy == pin && facts->touch_policy == touch &&
			facts->form_factor == form,
		"%s: firmware, policies and form factor are the recorded ones", v->file);
	ok(text[0] ? facts->id_count == 1 && strcmp(facts->ids[0].value, text) == 0
		   : facts->id_count == 0,
		"%s: the serial is the recorded one, \"%s\"", v->file, text);
}

static bool
same_int(const struct json_node *list, const char *name, int64_t ours)
{
	int64_t recorded = -1;

	json_int(json_get(list, name), &recorded);
	return recorded == ours;
}

static bool
same_text(const struct json_node *list, const char *name, struct span ours)
{
	return span_eq(json_text(json_get(list, name)), ours);
}

static bool
same_list(const struct json_node *list, const struct auth_list *ours)
{
	return same_int(list, "origin", ours->origin) &&
	       same_int(list, "osVersion", ours->os_version) &&
	       same_int(list, "osPatchLevel", ours->os_patch) &&
	       same_int(list, "vendorPatchLevel", ours->vendor_patch) &&
	       same_int(list, "bootPatchLevel", ours->boot_patch) &&
	       same_text(list, "attestationIdBrand", ours->brand) &&
	       same_text(list, "attestationIdSerial", ours->serial) &&
	       same_text(list, "attestationIdImei", ours->imei) &&
	       same_text(list, "attestationIdMeid", ours->meid) &&
	       same_text(list, "attestationIdSecondImei", ours->second_imei) &&
	       same_text(list, "attestationIdManufacturer", ours->manufacturer) &&
	       same_text(list, "attestationIdModel", ours->model) &&
	       (json_get(list, "rootOfTrust") != NULL) == (ours->root_of_trust.n > 0);
}

static const char *
level_name(uint64_t level)
{
	static const char *const names[] = {"SOFTWARE", "TRUSTED_ENVIRONMENT", "STRONG_BOX"};

	return level < COUNT_OF(names) ? names[level] : "?";
}

/* Our parser and the record agree on all that ours keeps. */
static void
check_key_desc(const struct vector *v, const struct cert *leaf)
{
	const struct json_node *want = vector_get(v, "expected", "keyDescription"), *rot;
	struct problem pr = {0};
	struct key_desc desc;
	struct span ext;
	AUTO_BUF challenge = BUF_MAX(4096);

	if (!want || !cert_ext(leaf, SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x01\x11"), &ext))
		return;
	if (strstr(v->file, "tags-not-in-ascending-order")) {
		ok(!key_desc_parse(ext, &desc, &pr) &&
				strstr(pr.detail, "hardwareEnforced: tag 1 behind tag 2"),
			"%s: its tags are refused", v->file);
		return;
	}
	if (json_text(vector_get(v, "expected", "parse_error")).n) {
		ok(!key_desc_parse(ext, &desc, &pr), "%s: its keyDescription is refused: %s",
			v->file, pr.detail);
		return;
	}
	if (!ok(key_desc_parse(ext, &desc, &pr), "%s: its keyDescription is read: %s", v->file,
		    pr.detail))
		return;
	vector_hex(json_text(json_get(want, "attestationChallenge")), &challenge);
	ok(same_int(want, "attestationVersion", (int64_t)desc.version) &&
			span_is(json_text(json_get(want, "attestationSecurityLevel")),
				level_name(desc.attestation_level)) &&
			span_is(json_text(json_get(want, "keyMintSecurityLevel")),
				level_name(desc.keymint_level)) &&
			span_eq(buf_span(&challenge), desc.challenge),
		"%s: version, levels and challenge are the recorded ones", v->file);
	ok(same_list(json_get(want, "softwareEnforced"), &desc.software) &&
			same_list(json_get(want, "hardwareEnforced"), &desc.hardware),
		"%s: both lists are, too", v->file);
	rot = json_get(json_get(want, "hardwareEnforced"), "rootOfTrust");
	if (rot)
		ok(json_bool(json_get(rot, "deviceLocked"), false) ==
					desc.root_of_trust.device_locked &&
				span_is(json_text(json_get(rot, "verifiedBootState")),
					"VERIFIED") == (desc.root_of_trust.boot_state == 0),
			"%s: and the root of trust", v->file);
}

static void
check_facts(const struct vector *v, const struct statement *st)
{
	switch (v->format) {
	case ATTEST_TPM:
		check_tpm_facts(v, &st->facts);
		break;
	case ATTEST_APPLE:
		check_apple_facts(v, &st->facts);
		break;
	case ATTEST_STEP:
		check_step_facts(v, &st->facts);
		break;
	case ATTEST_ANDROID:
		check_key_desc(v, stmt_leaf(st));
		break;
	default:
		break;
	}
}

static void
done(struct statement *st)
{
	attest_facts_done(&st->facts);
	path_done(&st->path);
}

static void
check_accepted(const struct vector *v)
{
	struct statement st = {.in = &v->in};
	struct problem pr = {0};
	struct span spki = json_text(vector_get(v, "expected", "attested_spki_sha256"));
	bool good = stmt_verify(&st, &pr);

	ok(good, "%s: accepted %s", v->file, pr.detail);
	if (good) {
		ok(!spki.n || is_key(spki, st.facts.key_hash),
			"%s: the attested key is the recorded one", v->file);
		check_facts(v, &st);
	}
	done(&st);
}

static void
check_refused(const struct vector *v, struct span check)
{
	struct attest_facts facts;
	struct problem pr = {0};

	ok(!attest_verify(&v->in, &facts, &pr) && pr.kind == PROBLEM_BAD_ATTESTATION &&
			(!check.n || names_check(pr.detail, check)),
		"%s: refused for its %.*s: %s", v->file, SPAN_FMT(check), pr.detail);
}

/* An answer to a challenge it was not made for, whatever it is. */
static void
check_not_acme(struct vector *v)
{
	struct attest_input in = v->in;

	in.webauthn = SPAN_NONE;
	in.token = SPAN("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA");
	in.key_authorization = SPAN("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA."
				    "nP1qzpXGymHBrUEepNY9HCsQk7K8KhOypzEt62jcerQ");
	in.id = SPAN("SN-1");
	v->in = in;
	check_refused(v, SPAN_NONE);
}

/* No signature over a challenge exists, so the verdict is always a refusal; how far it came tells
 * what the chain is worth, and the facts are read before the signature. */
static void
check_chain_only(struct vector *v, struct span result)
{
	struct statement st = {.in = &v->in};
	struct problem pr = {0};
	size_t at = 0;
	bool chain_good;

	/* an empty sig would be refused before anything else */
	while (at + 5 <= v->object.n && memcmp(v->object.p + at, "\x63sig\x40", 5) != 0)
		at++;
	if (at + 5 <= v->object.n) {
		buf_addc(&v->object, 0);
		memmove(v->object.p + at + 6, v->object.p + at + 5, v->object.n - at - 6);
		memcpy(v->object.p + at + 4, "\x41\x00", 2);
	}
	v->in.object = buf_span(&v->object);
	v->in.key_authorization = v->challenge.n >= 32 ? buf_span(&v->challenge)
						       : SPAN("no challenge of thirty-two octets");
	v->in.id = SPAN("SN-1");
	ok(!stmt_verify(&st, &pr) && pr.kind == PROBLEM_BAD_ATTESTATION, "%s: refused: %s", v->file,
		pr.detail);
	chain_good = strncmp(pr.detail, "x5c", 3) != 0;
	if (strstr(v->file, "sony"))
		/* OpenSSL misses a CA flag that Google's own verifier does not ask for */
		ok(chain_good, "%s: its chain is good", v->file);
	else if (strstr(v->file, "marlin-sdk29-tee-rsa"))
		ok(!chain_good && strstr(pr.detail, "too weak"),
			"%s: its intermediates have 1024 bits", v->file);
	else
		ok(chain_good == span_is(result, "ok"), "%s: \"%.*s\"", v->file, SPAN_FMT(result));
	if (strstr(v->file, "malformed-rot"))
		ok(strstr(pr.detail, "rootOfTrust: malformed") != NULL,
			"%s: its root of trust is not DER", v->file);
	else if (v->format == ATTEST_APPLE)
		ok(apple_device(&st, &pr), "%s: its extensions are read", v->file),
			check_facts(v, &st);
	else if (st.path.held && (chain_good || v->format == ATTEST_ANDROID))
		check_facts(v, &st);
	done(&st);
	if (strstr(v->file, "marlin")) {
		/* under Google's roots for hardware it is nothing */
		struct attest_trust *google = vector_trust(
			ATTEST_ANDROID, "roots/google-hw-attestation-rsa-2042-cedb1cb6.pem");

		v->in.trust = google;
		check_refused(v, SPAN("chain"));
		attest_trust_free(google);
	}
}

static void
check_vector(const char *file)
{
	struct vector v;
	struct span result, check;

	vectors++;
	if (!vector_load(file, &v)) {
		/* a public key that a CA must not certify */
		ok(strstr(file, "ak-enrolment") != NULL, "%s: no statement", file);
		vector_done(&v);
		return;
	}
	if (!v.trust) {
		/* bytes that are none of any format */
		v.format = ATTEST_TPM;
		v.trust = vector_trust(ATTEST_TPM, "tpm-swtpm/ak-root.pem");
		vector_input(&v);
	}
	result = json_text(vector_get(&v, "expected",
		v.is_webauthn ? "result_in_webauthn"
		: v.is_acme   ? "result"
			      : "chain"));
	check = json_text(vector_get(&v, "expected", "check"));
	if (v.is_acme && (span_is(result, "accept") || span_is(result, "reject at finalize")))
		check_accepted(&v);
	else if (v.is_acme)
		check_refused(&v, check);
	else if (!v.is_webauthn)
		check_chain_only(&v, result.n ? result : SPAN("ok"));
	else if (span_starts(result, "accept") && v.format != ATTEST_APPLE)
		check_accepted(&v);
	else if (v.format != ATTEST_APPLE)
		check_refused(&v, SPAN("chain"));
	if (v.is_webauthn)
		check_not_acme(&v);
	vector_done(&v);
}

/* Each root and intermediate that is published can be configured, but for Android's software roots.
 */
static void
test_roots(void)
{
	AUTO_BUF text = vector_file("roots/ROOTS.json");
	struct problem pr = {0};
	struct json *doc;
	const struct json_node *list;

	if (!json_parse(buf_span(&text), "ROOTS.json", NULL, &doc, &pr))
		vector_bail("ROOTS.json", &pr);
	list = json_get(json_root(doc), "certificates");
	ok(json_count(list) > 30, "%zu roots", json_count(list));
	for (size_t i = 0; i < json_count(list); i++) {
		AUTO_BUF path = BUF_MAX(4096);
		struct span name = json_text(json_get(json_at(list, i), "file"));
		struct attest_trust *trust = attest_trust_new();
		bool weak = span_starts(name, "android-software-root-rsa");

		buf_addf(&path, "roots/%.*s", SPAN_FMT(name));
		AUTO_BUF pem = vector_file(buf_cstr(&path));
		ok(attest_trust_add_roots(trust, ATTEST_TPM, buf_span(&pem), &pr) == !weak,
			"%s %s%s", buf_cstr(&path), weak ? "is refused: " : "is read ", pr.detail);
		pr.detail[0] = '\0';
		attest_trust_free(trust);
	}
	json_free(doc);
}

static void
test_intermediates(void)
{
	AUTO_BUF pem = vector_file("roots/tpm-vendor-intermediates.pem");
	struct attest_trust *trust = attest_trust_new();
	struct problem pr = {0};

	ok(attest_trust_add_intermediates(trust, ATTEST_TPM, buf_span(&pem), &pr),
		"vendors' intermediates %s", pr.detail);
	is_int(trust->of[ATTEST_TPM]->anchors.link_count, 143, "all of them");
	attest_trust_free(trust);
}

int
main(void)
{
	vectors_each(check_vector);
	is_int(vectors, 130, "all vectors were looked at");
	test_roots();
	test_intermediates();
	return done_testing();
}
