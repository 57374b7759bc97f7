/* device_name.c - devices in a subjectAltName: otherNames of the forms PermanentIdentifier (RFC 4043) and HardwareModuleName
 * (RFC 4108), as draft-ietf-acme-device-attest-09 wants them. See ext.h. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/der.h"
#include "pki/device_id.h"
#include "pki/ext.h"

#define ON_PERMANENT "\x2b\x06\x01\x05\x05\x07\x08\x03" /* 1.3.6.1.5.5.7.8.3 */
#define ON_HARDWARE "\x2b\x06\x01\x05\x05\x07\x08\x04"  /* 1.3.6.1.5.5.7.8.4 */

static bool
bad_name(struct problem *pr, const char *what)
{
	return problem_set(pr, PROBLEM_MALFORMED, "subjectAltName has %s", what);
}

/* The value of the identifier that has these parts; a slash within the ID would read as the beginning of an OID. */
static bool
join(const char *form, enum ident_type type, struct span id, struct span oid, struct ident *ret, struct problem *pr)
{
	char text[IDENT_VALUE], dotted[IDENT_VALUE] = "";
	int n;

	if (id.n && memchr(id.p, '/', id.n))
		return problem_set(pr, PROBLEM_MALFORMED, "subjectAltName has a %s with a '/'", form);
	if (id.n >= sizeof(text) || (oid.p && !der_oid_text(oid, dotted, sizeof(dotted))))
		return problem_set(pr, PROBLEM_MALFORMED, "subjectAltName has a %s that is too long, or whose OID cannot be read", form);
	n = snprintf(text, sizeof(text), "%.*s%s%s", SPAN_FMT(id), oid.p ? "/" : "", dotted);
	if (n < 0 || (size_t)n >= sizeof(text) || strlen(text) != id.n + (oid.p ? 1 + strlen(dotted) : 0))
		return problem_set(pr, PROBLEM_MALFORMED, "subjectAltName has a %s that is too long, or has a NUL", form);
	return ident_parse(span_str(ident_type_name(type)), span_of(text, (size_t)n), ret, pr);
}

/* SEQUENCE { identifierValue UTF8String OPTIONAL, assigner OBJECT IDENTIFIER OPTIONAL }; the draft wants the value. */
static bool
read_permanent(struct span body, struct ident *ret, struct problem *pr)
{
	struct span value, assigner = SPAN_NONE;

	if (!der_take(&body, DER_UTF8, &value))
		return bad_name(pr, "a PermanentIdentifier without an identifierValue");
	if (der_has(body, DER_OID) && !der_take(&body, DER_OID, &assigner))
		return bad_name(pr, "a PermanentIdentifier whose assigner cannot be read");
	if (body.n)
		return bad_name(pr, "a PermanentIdentifier with something behind identifierValue and assigner");
	return join("PermanentIdentifier", IDENT_PERMANENT, value, assigner, ret, pr);
}

/* SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING } */
static bool
read_hardware(struct span body, struct ident *ret, struct problem *pr)
{
	struct span type, serial;

	if (!der_take(&body, DER_OID, &type))
		return bad_name(pr, "a HardwareModuleName without a hwType");
	if (!der_take(&body, DER_OCTETS, &serial))
		return bad_name(pr, "a HardwareModuleName without a hwSerialNum");
	if (body.n)
		return bad_name(pr, "a HardwareModuleName with something behind hwType and hwSerialNum");
	return join("HardwareModuleName", IDENT_HARDWARE, serial, type, ret, pr);
}

bool
device_name_read(const OTHERNAME *name, struct ident *ret, struct problem *pr)
{
	struct span oid = span_of(OBJ_get0_data(name->type_id), OBJ_length(name->type_id)), body;
	const ASN1_STRING *value = name->value->type == V_ASN1_SEQUENCE ? name->value->value.sequence : NULL;
	bool is_permanent = span_eq(oid, SPAN(ON_PERMANENT));

	if (!is_permanent && !span_eq(oid, SPAN(ON_HARDWARE)))
		return bad_name(pr, "an otherName that is neither PermanentIdentifier nor HardwareModuleName");
	/* OpenSSL keeps a SEQUENCE whole, with its head */
	if (!value || !der_only(span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)), DER_SEQUENCE, &body))
		return bad_name(pr, is_permanent ? "a PermanentIdentifier that is no SEQUENCE in DER" : "a HardwareModuleName that is no SEQUENCE in DER");
	return is_permanent ? read_permanent(body, ret, pr) : read_hardware(body, ret, pr);
}

static bool
add_value(struct buf *out, unsigned char id, struct span body)
{
	return der_write_head(out, id, body.n) && buf_addspan(out, body);
}

static bool
write_value(const struct ident *id, struct buf *out)
{
	AUTO_BUF body = BUF_MAX(4 * IDENT_VALUE);
	struct span serial, dotted, oid = SPAN_NONE;
	ASN1_OBJECT *object = NULL;
	bool good;

	device_id_split(span_str(id->value), &serial, &dotted);
	if (dotted.p) {
		object = OBJ_txt2obj(dotted.p, 1); /* it ends with the value */
		oid = object ? span_of(OBJ_get0_data(object), OBJ_length(object)) : SPAN_NONE;
	}
	good = !dotted.p || object;
	if (id->type == IDENT_HARDWARE)
		good = good && add_value(&body, DER_OID, oid) && add_value(&body, DER_OCTETS, serial);
	else
		good = good && add_value(&body, DER_UTF8, serial) && (!object || add_value(&body, DER_OID, oid));
	good = good && add_value(out, DER_SEQUENCE, buf_span(&body));
	ASN1_OBJECT_free(object);
	ERR_clear_error();
	return good;
}

OTHERNAME *
device_name_make(const struct ident *id)
{
	AUTO_BUF der = BUF_MAX(4 * IDENT_VALUE);
	OTHERNAME *name = OTHERNAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_OBJECT *form = OBJ_txt2obj(id->type == IDENT_HARDWARE ? "1.3.6.1.5.5.7.8.4" : "1.3.6.1.5.5.7.8.3", 1);

	if (!name || !value || !form || !write_value(id, &der) || !ASN1_STRING_set(value, der.p, (int)der.n)) {
		OTHERNAME_free(name);
		ASN1_STRING_free(value);
		ASN1_OBJECT_free(form);
		return NULL;
	}
	ASN1_OBJECT_free(name->type_id);
	name->type_id = form;
	ASN1_TYPE_set(name->value, V_ASN1_SEQUENCE, value);
	return name;
}
