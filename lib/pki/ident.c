/* ident.c - see ident.h. */
#include "pki/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/evp.h>

#include <idn2.h>

#include "base/addr.h"
#include "base/b64url.h"
#include "pki/device_id.h"

#define LABEL_MAX 63
#define DNS_MAX 253

static const char *const type_names[IDENT__COUNT] = {
	[IDENT_DNS] = "dns",
	[IDENT_IP] = "ip",
	[IDENT_PERMANENT] = "permanent-identifier",
	[IDENT_HARDWARE] = "hardware-module",
};

const char *
ident_type_name(enum ident_type type)
{
	return type_names[type];
}

/* The label must be what its own U-label encodes to (RFC 8555 7.1.4, RFC 5891 5.4). libidn2 answers
 * above -300 when the text does not decode, below when it decodes to something IDNA2008 does not
 * allow. */
static bool
alabel_check(const char *label, struct span name, struct problem *pr)
{
	uint8_t *back = NULL;
	int rc = idn2_register_u8(NULL, (const uint8_t *)label, &back, 0);
	bool same = rc == IDN2_OK && back && strcmp((const char *)back, label) == 0;

	idn2_free(back);
	if (same)
		return true;
	if (rc <= IDN2_NOT_NFC)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER,
			"identifier \"%s\": IDNA2008 does not allow what its label \"%s\" stands "
			"for",
			QUOTE(name), label);
	return problem_set(pr, PROBLEM_MALFORMED,
		"identifier \"%s\": its label \"%s\" is not a valid A-label", QUOTE(name), label);
}

static bool
label_check(struct span label, struct span name, struct problem *pr)
{
	char text[LABEL_MAX + 1];

	if (label.n == 0)
		return problem_set(
			pr, PROBLEM_MALFORMED, "identifier \"%s\" has an empty label", QUOTE(name));
	if (label.n > LABEL_MAX)
		return problem_set(pr, PROBLEM_MALFORMED,
			"identifier \"%s\" has a label over %d octets", QUOTE(name), LABEL_MAX);
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return problem_set(pr, PROBLEM_MALFORMED,
				c > 0x20 && c < 0x7f ? "identifier \"%s\" has a label with '%c'"
						     : "identifier \"%s\" has the octet 0x%02x",
				QUOTE(name), c);
	}
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return problem_set(pr, PROBLEM_MALFORMED,
			"identifier \"%s\" has a label with '-' at an end", QUOTE(name));
	if (label.n < 4 || label.p[2] != '-' || label.p[3] != '-')
		return true;
	if (!span_starts(label, "xn--"))
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER,
			"identifier \"%s\" has a reserved label with \"--\"", QUOTE(name));
	span_copy(label, text, sizeof(text));
	return alabel_check(text, name, pr);
}

static bool
has_alabel(struct span name)
{
	struct span label;

	while (span_cut(&name, '.', &label)) {
		if (label.n >= 4 && strncasecmp(label.p, "xn--", 4) == 0)
			return true;
	}
	return false;
}

static bool
alabels_check(const char *name, struct problem *pr)
{
	struct span rest = span_str(name), label;
	char text[LABEL_MAX + 1];

	while (span_cut(&rest, '.', &label)) {
		if (span_starts(label, "xn--") && span_copy(label, text, sizeof(text)) && !alabel_check(text, span_str(name), pr))
			return false;
	}
	return true;
}

bool
ident_name_ascii(struct span text, char ret[IDENT_VALUE], struct problem *pr)
{
	AUTO_FREE char *name = span_dup(text);
	char *ascii = NULL;
	bool plain = true;
	int rc;

	for (size_t i = 0; i < text.n; i++)
		plain = plain && (unsigned char)text.p[i] < 0x80;
	if (!plain && has_alabel(text))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" has labels in Unicode and labels of it in ASCII (xn--...): write all in one way",
			QUOTE(text));
	if (!plain) {
		/* TR46 maps capitals and forms of width; what IDNA2008 does not have is refused */
		rc = idn2_to_ascii_8z(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES);
		if (rc != IDN2_OK)
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no international name: %s", QUOTE(text), idn2_strerror(rc));
		free(name);
		name = xstrdup(ascii);
		idn2_free(ascii);
	}
	if (!span_copy(span_str(name), ret, IDENT_VALUE))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is longer than a name can be", QUOTE(text));
	for (char *c = ret; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	return alabels_check(ret, pr);
}

bool
ident_is_international(const struct ident *id)
{
	return id->type == IDENT_DNS && has_alabel(span_str(id->value));
}

/* Would some resolver take it for an IPv4 address? Decimal, octal and hexadecimal last labels all
 * do. */
static bool
is_numeric(struct span label)
{
	const char *digits = "0123456789";

	if (span_starts(label, "0x")) {
		label = span_from(label, 2);
		digits = "0123456789abcdef";
	}
	for (size_t i = 0; i < label.n; i++) {
		if (!strchr(digits, label.p[i]))
			return false;
	}
	return true;
}

/* `name` as it came, for the texts; ret->value already lower-cased */
static bool
dns_check(const struct ident *id, struct span name, struct problem *pr)
{
	struct span rest = span_str(ident_base(id)), label = SPAN_NONE;

	while (span_cut(&rest, '.', &label)) {
		if (!label_check(label, name, pr))
			return false;
	}
	if (is_numeric(label))
		return problem_set(pr, PROBLEM_MALFORMED,
			"identifier \"%s\" of type dns looks like an IP address", QUOTE(name));
	return true;
}

static bool
dns_parse(struct span value, struct ident *ret, struct problem *pr)
{
	if (value.n > DNS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "identifier \"%s\" is over %d octets",
			QUOTE(value), DNS_MAX);
	if (!span_copy(value, ret->value, sizeof(ret->value)))
		return problem_set(pr, PROBLEM_MALFORMED, "identifier \"%s\" has the octet 0x00",
			QUOTE(value));
	for (char *c = ret->value; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	return dns_check(ret, value, pr);
}

static bool
ip_parse(struct span value, struct ident *ret, struct problem *pr)
{
	struct addr a;

	if (!addr_parse(value, &a) || !span_copy(value, ret->value, sizeof(ret->value)))
		return problem_set(pr, PROBLEM_MALFORMED,
			"identifier \"%s\" is not an IP address in canonical form", QUOTE(value));
	return true;
}

static bool
device_parse(struct span value, struct ident *ret, struct problem *pr)
{
	if (value.n >= sizeof(ret->value))
		return problem_set(pr, PROBLEM_MALFORMED, "identifier \"%s\" is over %d octets",
			QUOTE(value), IDENT_VALUE - 1);
	return device_id_check(value, ret->type == IDENT_HARDWARE, pr) &&
	       span_copy(value, ret->value, sizeof(ret->value));
}

static bool (*const parsers[IDENT__COUNT])(
	struct span value, struct ident *ret, struct problem *pr) = {
	[IDENT_DNS] = dns_parse,
	[IDENT_IP] = ip_parse,
	[IDENT_PERMANENT] = device_parse,
	[IDENT_HARDWARE] = device_parse,
};

/* IDENT__COUNT if it is none of ours. */
static enum ident_type
type_of(struct span name)
{
	enum ident_type type = 0;

	while (type < IDENT__COUNT && !span_is(name, type_names[type]))
		type++;
	return type;
}

bool
ident_parse(struct span type, struct span value, struct ident *ret, struct problem *pr)
{
	struct ident id = { .type = type_of(type) };

	if (id.type == IDENT__COUNT)
		return problem_set(pr, PROBLEM_UNSUPPORTED_IDENTIFIER,
			"identifiers of type \"%s\" are not supported", QUOTE(type));
	if (!parsers[id.type](value, &id, pr))
		return false;
	*ret = id;
	return true;
}

bool
ident_is_device(const struct ident *id)
{
	return id->type == IDENT_PERMANENT || id->type == IDENT_HARDWARE;
}

bool
ident_is_wildcard(const struct ident *id)
{
	return id->type == IDENT_DNS && strncmp(id->value, "*.", 2) == 0;
}

const char *
ident_base(const struct ident *id)
{
	return ident_is_wildcard(id) ? id->value + 2 : id->value;
}

/* "1.2.0.192.in-addr.arpa", or 32 nibbles under ip6.arpa */
static void
reverse_name(const struct addr *a, char dst[IDENT_VALUE])
{
	size_t n = 0;

	if (a->family == AF_INET) {
		snprintf(dst, IDENT_VALUE, "%u.%u.%u.%u.in-addr.arpa", a->octet[3], a->octet[2], a->octet[1], a->octet[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		n += (size_t)snprintf(dst + n, IDENT_VALUE - n, "%x.%x.", a->octet[i] & 15, a->octet[i] >> 4);
	snprintf(dst + n, IDENT_VALUE - n, "ip6.arpa");
}

void
ident_server_name(const struct ident *id, char ret[IDENT_VALUE])
{
	struct addr addr;

	if (id->type == IDENT_IP && addr_parse(span_str(id->value), &addr))
		reverse_name(&addr, ret);
	else
		memcpy(ret, id->value, IDENT_VALUE);
}

bool
ident_eq(const struct ident *a, const struct ident *b)
{
	return a->type == b->type && strcmp(a->value, b->value) == 0;
}

void
idents_add(struct idents *set, const struct ident *id)
{
	if (idents_has(set, id))
		return;
	/* grown when the count is a power of two */
	if ((set->count & (set->count - 1)) == 0)
		set->list = xrealloc(
			set->list, (set->count ? set->count * 2 : 1) * sizeof(set->list[0]));
	set->list[set->count++] = *id;
}

bool
idents_has(const struct idents *set, const struct ident *id)
{
	for (size_t i = 0; i < set->count; i++) {
		if (ident_eq(&set->list[i], id))
			return true;
	}
	return false;
}

bool
idents_same(const struct idents *a, const struct idents *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!idents_has(b, &a->list[i]))
			return false;
	}
	return true;
}

void
idents_done(struct idents *set)
{
	free(set->list);
	*set = (struct idents){ 0 };
}

static int
by_text(const void *a, const void *b)
{
	const struct ident *x = *(const struct ident *const *)a,
			   *y = *(const struct ident *const *)b;
	int order = strcmp(type_names[x->type], type_names[y->type]);

	return order ? order : strcmp(x->value, y->value);
}

void
idents_key(const struct idents *set, char ret[IDENTS_KEY_TEXT])
{
	AUTO_FREE const struct ident **sorted = xcalloc(set->count + 1, sizeof(sorted[0]));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char md[32];
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

	for (size_t i = 0; i < set->count; i++)
		sorted[i] = &set->list[i];
	qsort(sorted, set->count, sizeof(sorted[0]), by_text);
	for (size_t i = 0; i < set->count; i++) {
		const char *type = type_names[sorted[i]->type], *value = sorted[i]->value;

		good = good && EVP_DigestUpdate(ctx, type, strlen(type)) &&
			EVP_DigestUpdate(ctx, ":", 1) &&
			EVP_DigestUpdate(ctx, value, strlen(value)) &&
			EVP_DigestUpdate(ctx, "\n", 1);
	}
	/* SHA-256 fails only without memory, as xmalloc does */
	if (!good || !EVP_DigestFinal_ex(ctx, md, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
	b64url_write(ret, md, sizeof(md));
}

bool
idents_write(const struct idents *set, struct buf *out)
{
	for (size_t i = 0; i < set->count; i++) {
		buf_addf(out, "%s%s:", i ? "," : "", type_names[set->list[i].type]);
		for (const char *c = set->list[i].value; *c; c++) {
			if (*c == ',' || *c == '%')
				buf_addf(out, "%%%02X", (unsigned)*c);
			else
				buf_addc(out, *c);
		}
	}
	return buf_ok(out);
}

static bool
value_read(struct span text, char dst[IDENT_VALUE])
{
	size_t n = 0;

	while (text.n > 0 && n < IDENT_VALUE - 1) {
		bool comma = span_starts(text, "%2C"), percent = span_starts(text, "%25");

		if (text.p[0] == '\0' || (text.p[0] == '%' && !comma && !percent))
			return false;
		dst[n++] = comma ? ',' : percent ? '%' : text.p[0];
		text = span_from(text, comma || percent ? 3 : 1);
	}
	dst[n] = '\0';
	return n > 0 && text.n == 0;
}

bool
idents_read(struct span text, struct idents *ret)
{
	struct idents set = { 0 };
	struct span rest = text, value, type;
	struct ident id;

	while (text.n > 0 && span_cut(&rest, ',', &value)) {
		if (!span_cut(&value, ':', &type) || set.count >= IDENTS_MAX)
			goto fail;
		id = (struct ident){ .type = type_of(type) };
		if (id.type == IDENT__COUNT || !value_read(value, id.value))
			goto fail;
		idents_add(&set, &id);
	}
	*ret = set;
	return true;
fail:
	idents_done(&set);
	return false;
}
