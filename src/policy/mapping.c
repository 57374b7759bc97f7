/* mapping.c - see mapping.h. */
#include "policy/mapping.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "pki/device_id.h"

#define HASH_CHARS 16
#define ID SPAN("${id}")
#define HASH SPAN("${hash}")

/* The part before the next variable, and which; false if there is none. */
static bool
cut_variable(struct span *rest, struct span *ret_before, struct span *ret_variable)
{
	const char *at = rest->n ? memmem(rest->p, rest->n, "${", 2) : NULL, *end;

	if (!at)
		return false;
	end = memchr(at, '}', rest->n - (size_t)(at - rest->p));
	*ret_before = span_of(rest->p, (size_t)(at - rest->p));
	*ret_variable = end ? span_of(at, (size_t)(end - at) + 1) : span_from(*rest, ret_before->n);
	*rest = span_from(*rest, ret_before->n + ret_variable->n);
	return true;
}

/* Filled in, and a name; lower case. */
static bool
fill(const char *template, const char *id, const char *hash, struct ident *ret, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(1024);
	struct span rest = span_str(template), before, variable;

	while (cut_variable(&rest, &before, &variable)) {
		buf_addspan(&text, before);
		buf_adds(&text, span_eq(variable, ID) ? id : hash);
	}
	buf_addspan(&text, rest);
	return (buf_ok(&text) || problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is too long", QUOTE(span_str(template)))) &&
		ident_parse(SPAN("dns"), buf_span(&text), ret, pr);
}

bool
mapping_check(const char *template, struct problem *pr)
{
	struct span rest = span_str(template), before, variable;
	struct ident name;
	size_t n = 0;

	for (; cut_variable(&rest, &before, &variable); n++) {
		if (!span_eq(variable, ID) && !span_eq(variable, HASH))
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\": there is no \"%s\", only ${id} and ${hash}", QUOTE(span_str(template)),
				QUOTE(variable));
	}
	if (n == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" has neither ${id} nor ${hash}: all devices would have the same name",
			QUOTE(span_str(template)));
	if (!fill(template, "x234567890123456", "x234567890123456", &name, pr))
		return false;
	if (ident_is_wildcard(&name) || !strchr(name.value, '.'))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is a wildcard, or a single label", QUOTE(span_str(template)));
	return true;
}

/* RFC 4648 6, in lower case: 5 bits a character. */
static void
base32(const unsigned char *octets, size_t chars, char *dst)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < chars; i++) {
		size_t bit = 5 * i;
		unsigned word = (unsigned)octets[bit / 8] << 8 | octets[bit / 8 + 1];

		dst[i] = alphabet[word >> (11 - bit % 8) & 31];
	}
	dst[chars] = '\0';
}

static void
hash_of(const struct ident *device, const unsigned char key[MAPPING_KEY_BYTES], char dst[HASH_CHARS + 1])
{
	AUTO_BUF text = BUF_MAX(2 * IDENT_VALUE);
	unsigned char md[EVP_MAX_MD_SIZE];

	buf_addf(&text, "%s:%s", ident_type_name(device->type), device->value);
	/* fails only without memory, as xmalloc does */
	if (!buf_ok(&text) || !HMAC(EVP_sha256(), key, MAPPING_KEY_BYTES, (const unsigned char *)text.p, text.n, md, NULL))
		abort();
	base32(md, HASH_CHARS, dst);
}

/* Lower case; false if there is anything in it that a label does not have. */
static bool
id_of(const struct ident *device, char dst[IDENT_VALUE])
{
	struct span id, oid;

	device_id_split(span_str(device->value), &id, &oid);
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
		dst[i] = c;
	}
	dst[id.n] = '\0';
	return true;
}

void
mapping_names(const char *const *templates, size_t count, const struct ident *device, const unsigned char key[MAPPING_KEY_BYTES],
	struct idents *ret)
{
	char id[IDENT_VALUE], hash[HASH_CHARS + 1];
	bool is_label = id_of(device, id);
	struct ident name;

	hash_of(device, key, hash);
	for (size_t i = 0; i < count; i++) {
		/* a hyphen at an end, "--" in the third place, too long: no name either */
		if ((is_label && fill(templates[i], id, hash, &name, NULL)) || fill(templates[i], hash, hash, &name, NULL))
			idents_add(ret, &name);
	}
}
