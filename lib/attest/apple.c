/* apple.c - Apple's managed device attestation, format `apple`: a certificate for exactly the
 * attested key, whose extensions say what device it is in. There is no signature; what binds it to
 * the challenge is the freshness code, SHA-256 of the token alone, as devices have sent it since
 * 2022, so the account key is not bound by it. WebAuthn's format of the same name has another root
 * and no serial. */
#include <openssl/evp.h>

#include "attest/format.h"
#include "base/secret.h"
#include "pki/der.h"

#define OID_APPLE "\x2a\x86\x48\x86\xf7\x63\x64\x08" /* 1.2.840.113635.100.8 */
#define OID_SERIAL SPAN(OID_APPLE "\x09\x01")
#define OID_UDID SPAN(OID_APPLE "\x09\x02")
#define OID_OS SPAN(OID_APPLE "\x0a\x01")
#define OID_SEP_OS SPAN(OID_APPLE "\x0a\x02")
#define OID_FRESHNESS SPAN(OID_APPLE "\x0b\x01")
#define OID_SECURITY SPAN(OID_APPLE "\x0d\x02")
#define OID_UDID_TYPE "1.2.840.113635.100.8.9.2"

static bool
check_freshness(const struct statement *st, struct problem *pr)
{
	unsigned char md[32];
	struct span code;

	if (!cert_ext(stmt_leaf(st), OID_FRESHNESS, &code))
		return attest_refuse(pr, "freshness",
			"x5c[0] has no freshness code (1.2.840.113635.100.8.11.1)");
	if (!EVP_Digest(st->in->token.p, st->in->token.n, md, NULL, EVP_sha256(), NULL))
		return problem_internal(pr, "SHA-256 of a token");
	if (!secret_eq(code, span_of(md, sizeof(md))))
		return attest_refuse(pr, "freshness",
			"not SHA-256 of the challenge's token: a stale attestation, or one for "
			"another challenge");
	return true;
}

/* Extensions hold raw text; Apple omits or blanks what it cannot vouch for. */
static bool
read_text(const struct cert *leaf, struct span oid, const char *field, char dst[ATTEST_TEXT],
	struct problem *pr)
{
	struct span value;

	if (!cert_ext(leaf, oid, &value) || !value.n)
		return true;
	return fact_text(value, dst) || attest_refuse(pr, field, "\"%s\" is no text", QUOTE(value));
}

bool
apple_device(struct statement *st, struct problem *pr)
{
	char serial[ATTEST_TEXT] = "", udid[ATTEST_TEXT] = "";
	struct attest_facts *facts = &st->facts;
	const struct cert *leaf = stmt_leaf(st);

	if (!read_text(leaf, OID_SERIAL, "x5c[0].serial", serial, pr) ||
		!read_text(leaf, OID_UDID, "x5c[0].udid", udid, pr) ||
		!read_text(leaf, OID_OS, "x5c[0].osVersion", facts->os_version, pr) ||
		!read_text(leaf, OID_SEP_OS, "x5c[0].sepOSVersion", facts->firmware, pr) ||
		!read_text(leaf, OID_SECURITY, "x5c[0].securityMode", facts->boot, pr))
		return false;
	snprintf(facts->manufacturer, ATTEST_TEXT, "Apple");
	facts->protection = ATTEST_SECURE_ENCLAVE;
	if (serial[0] && !facts_add_id(st, ATTEST_PERMANENT_IDENTIFIER, span_str(serial), NULL,
				 "x5c[0].serial", pr))
		return false;
	if (!udid[0])
		return true;
	return facts_add_id(
		       st, ATTEST_PERMANENT_IDENTIFIER, span_str(udid), NULL, "x5c[0].udid", pr) &&
	       (!st->trust->modules ||
		       facts_add_id(st, ATTEST_HARDWARE_MODULE, span_str(udid), OID_UDID_TYPE,
			       "x5c[0].udid", pr));
}

bool
attest_apple(struct statement *st, struct problem *pr)
{
	return stmt_certs(st, pr) && stmt_path(st, (struct path_rules){0}, pr) &&
	       facts_key_of_leaf(st, pr) && check_freshness(st, pr) && apple_device(st, pr);
}
