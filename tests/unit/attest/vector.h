/* vector.h - the files of tests/data/attestation: one statement each, with what is known of it. */
#ifndef TESTS_ATTEST_VECTOR_H
#define TESTS_ATTEST_VECTOR_H

#include <stdio.h>
#include <stdlib.h>

#include "attest/attest.h"
#include "base/b64url.h"
#include "base/clock.h"
#include "base/secret.h"
#include "json/json.h"

#define NO_REVOCATIONS "{\"entries\":{}}"
#define FOR_EVER INT64_MAX

struct vector {
	const char *file;
	struct json *doc;
	const struct json_node *root;
	struct buf object, challenge; /* challenge: WebAuthn's data, or Android's challenge of
					 chain-only vectors */
	struct attest_trust *trust;   /* its own anchor, for its own format */
	enum attest_format format;
	struct attest_input in; /* as an answer to a challenge, or as WebAuthn */
	bool is_acme, is_webauthn;
};

static inline void
vector_bail(const char *what, const struct problem *pr)
{
	printf("Bail out! %s: %s (%s)\n", what, pr->detail, pr->cause);
	exit(1);
}

/* A file of tests/data/attestation. */
static inline struct buf
vector_file(const char *name)
{
	AUTO_BUF path = BUF_MAX(4096);
	struct buf text = BUF_MAX(1 << 20);
	struct problem pr = {0};

	buf_addf(&path, "%s/attestation/%s", TESTDATA, name);
	if (!file_load(buf_cstr(&path), &text, &pr))
		vector_bail(buf_cstr(&path), &pr);
	return text;
}

static inline void
vector_hex(struct span hex, struct buf *to)
{
	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		char octet[3] = {hex.p[i], hex.p[i + 1], 0};

		buf_addc(to, (char)strtoul(octet, NULL, 16));
	}
}

static inline struct attest_trust *
vector_trust(enum attest_format format, const char *anchor)
{
	struct attest_trust *trust = attest_trust_new();
	AUTO_BUF pem = vector_file(anchor);
	struct problem pr = {0};

	if (!attest_trust_add_roots(trust, format, buf_span(&pem), &pr) ||
		!attest_trust_set_revoked(trust, format, SPAN(NO_REVOCATIONS), FOR_EVER, &pr))
		vector_bail(anchor, &pr);
	return trust;
}

static inline const struct json_node *
vector_get(const struct vector *v, const char *object, const char *name)
{
	return json_get(json_get(v->root, object), name);
}

static inline void
vector_input(struct vector *v)
{
	const struct json_node *id = json_get(v->root, "identifier");

	v->in = (struct attest_input){.trust = v->trust,
		.object = buf_span(&v->object),
		.token = json_text(vector_get(v, "signed", "token")),
		.key_authorization = json_text(vector_get(v, "signed", "keyAuth")),
		.id = json_text(json_get(id, "value"))};
	if (span_is(json_text(json_get(id, "type")), "hardware-module"))
		v->in.id_type = ATTEST_HARDWARE_MODULE;
	time_rfc3339_parse(json_text(json_get(v->root, "valid_at")), &v->in.now_unix_s);
	vector_hex(json_text(vector_get(v, "signed", "attToBeSigned")), &v->challenge);
	if (v->is_webauthn)
		v->in.webauthn = buf_span(&v->challenge);
	else
		vector_hex(
			json_text(vector_get(v, "signed", "attestationChallenge")), &v->challenge);
}

/* False if it is no statement at all. */
static inline bool
vector_load(const char *file, struct vector *v)
{
	AUTO_BUF text = vector_file(file);
	struct problem pr = {0};
	struct span anchor, profile, object;

	*v = (struct vector){
		.file = file, .object = BUF_MAX(1 << 20), .challenge = BUF_MAX(1 << 20)};
	if (!json_parse(buf_span(&text), file, NULL, &v->doc, &pr))
		vector_bail(file, &pr);
	v->root = json_root(v->doc);
	object = json_text(json_get(v->root, "attObj"));
	profile = json_text(json_get(v->root, "profile"));
	v->is_acme = span_is(profile, "acme");
	v->is_webauthn = span_is(profile, "webauthn");
	if (json_type(json_get(v->root, "attObj")) != JSON_STRING)
		return false;
	if (!b64url_read(object, &v->object) ||
		!attest_format_parse(json_text(json_get(v->root, "fmt")), &v->format))
		return true;
	anchor = json_text(json_get(v->root, "trust_anchor"));
	/* Android's software root has an RSA key of 1024 bits and cannot be anyone's root */
	if (anchor.n && !strstr(file, "marlin-sdk29-tee-rsa")) {
		AUTO_FREE char *name = span_dup(anchor);

		v->trust = vector_trust(v->format, name);
	} else {
		v->trust =
			vector_trust(v->format, "roots/google-key-attestation-ca1-ec-6d9db4ce.pem");
	}
	vector_input(v);
	return true;
}

static inline void
vector_done(struct vector *v)
{
	attest_trust_free(v->trust);
	buf_done(&v->object);
	buf_done(&v->challenge);
	json_free(v->doc);
}

/* Calls `fn` for each vector of the index; `name` is its file. */
static inline void
vectors_each(void (*fn)(const char *name))
{
	AUTO_BUF text = vector_file("INDEX.json");
	struct problem pr = {0};
	struct json *doc;
	const struct json_node *list;

	if (!json_parse(buf_span(&text), "INDEX.json", NULL, &doc, &pr))
		vector_bail("INDEX.json", &pr);
	list = json_get(json_root(doc), "vectors");
	for (size_t i = 0; i < json_count(list); i++) {
		AUTO_FREE char *name = span_dup(json_text(json_get(json_at(list, i), "file")));

		fn(name);
	}
	json_free(doc);
}
#endif
