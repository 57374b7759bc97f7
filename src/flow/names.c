/* flow/names.c - see names.h. */
#include "flow/names.h"

#include <stdio.h>

#include "pki/device_id.h"

#define EXPECTED_TEXT 300

void
order_ca_names(const struct order *o, struct idents *ret)
{
	*ret = (struct idents){ 0 };
	for (size_t i = 0; i < o->idents.count; i++) {
		if (!ident_is_device(&o->idents.list[i]))
			idents_add(ret, &o->idents.list[i]);
	}
	for (size_t i = 0; i < o->mapped.count; i++)
		idents_add(ret, &o->mapped.list[i]);
}

/* What the CSR must have at least: a CA of our own writes a device's names for a client that has no place for them. */
static bool
is_enough(const struct order *o, const struct idents *said)
{
	size_t n = 0;

	for (size_t i = 0; i < o->idents.count; i++) {
		if (!ident_is_device(&o->idents.list[i]) && (n++, !idents_has(said, &o->idents.list[i])))
			return false;
	}
	return o->mapped.count > 0 && said->count == n;
}

/* As many of the names as fit. */
static void
list_names(const struct idents *names, char dst[EXPECTED_TEXT])
{
	AUTO_BUF text = BUF_MAX(EXPECTED_TEXT - 8);
	size_t i = 0;

	while (i < names->count && buf_addf(&text, "%s%s", i ? ", " : "", names->list[i].value))
		i++;
	snprintf(dst, EXPECTED_TEXT, "%s%s", names->count ? buf_cstr(&text) : "none but the device", i < names->count ? ", ..." : "");
}

static bool
bad_names(const struct idents *wanted, struct problem *pr)
{
	char expected[EXPECTED_TEXT];

	list_names(wanted, expected);
	return problem_set(pr, PROBLEM_BAD_CSR, "the CSR's names are not exactly the order's identifiers; expected: %s", expected);
}

/* A device by its value, in the words of a client that has no other place for it. */
static bool
is_device_of(const struct order *o, const char *cn)
{
	for (size_t i = 0; i < o->idents.count; i++) {
		if (ident_is_device(&o->idents.list[i]) && strcmp(o->idents.list[i].value, cn) == 0)
			return true;
	}
	return false;
}

/* RFC 8555 7.4: dns identifiers may stand in the subject instead of the SAN. */
static bool
add_common_names(const struct order *o, const struct csr *csr, const struct idents *wanted, bool goes_outside, struct idents *said, struct problem *pr)
{
	struct problem why = { 0 };
	struct ident id;

	for (size_t i = 0; i < csr->common_name_count; i++) {
		const char *cn = csr->common_names[i].text;
		bool is_name = ident_parse(SPAN("dns"), span_str(cn), &id, &why);

		if (is_name && idents_has(wanted, &id))
			idents_add(said, &id);
		else if (is_device_of(o, cn) && goes_outside)
			return problem_set(pr, PROBLEM_BAD_CSR,
				"the CSR's subject has the device as common name, which must not reach a public CA: leave it out");
		else if (!is_device_of(o, cn))
			return is_name ? bad_names(wanted, pr) : problem_set(pr, PROBLEM_BAD_CSR, "the CSR's common name is not acceptable: %.400s", why.detail);
	}
	return true;
}

/* Its value, or that without the OID: a CA that copies a subject would print it. */
static bool
is_named_by(const struct ident *id, const char *text)
{
	struct span name, oid;

	device_id_split(span_str(id->value), &name, &oid);
	return ident_is_device(id) && (strcmp(id->value, text) == 0 || span_is(name, text));
}

static bool
check_rdns(const struct order *o, const struct csr *csr, struct problem *pr)
{
	for (size_t i = 0; i < csr->rdn_count; i++) {
		for (size_t j = 0; j < o->idents.count; j++) {
			if (is_named_by(&o->idents.list[j], csr->rdns[i].text))
				return problem_set(pr, PROBLEM_BAD_CSR,
					"the CSR's subject has the device as %s, which must not reach a public CA: leave it out", csr->rdns[i].name);
		}
	}
	return true;
}

static bool
add_san(const struct order *o, const struct csr *csr, bool goes_outside, struct idents *said, struct problem *pr)
{
	for (size_t i = 0; i < csr->names.count; i++) {
		const struct ident *id = &csr->names.list[i];

		if (!ident_is_device(id))
			idents_add(said, id);
		else if (!idents_has(&o->idents, id))
			return problem_set(pr, PROBLEM_BAD_CSR, "the CSR's subjectAltName has %s \"%s\", which is not in the order",
				ident_type_name(id->type), QUOTE(span_str(id->value)));
		else if (goes_outside)
			return problem_set(pr, PROBLEM_BAD_CSR,
				"the CSR's subjectAltName has a %s, which must not reach a public CA: leave it out", ident_type_name(id->type));
	}
	return true;
}

bool
order_csr_fits(const struct order *o, const struct csr *csr, bool goes_outside, struct problem *pr)
{
	struct idents wanted, said = { 0 };
	bool good;

	order_ca_names(o, &wanted);
	good = (!goes_outside || check_rdns(o, csr, pr)) && add_san(o, csr, goes_outside, &said, pr) && add_common_names(o, csr, &wanted, goes_outside, &said, pr) &&
		(idents_same(&said, &wanted) || (!goes_outside && is_enough(o, &said)) || bad_names(&wanted, pr));
	idents_done(&wanted);
	idents_done(&said);
	return good;
}
