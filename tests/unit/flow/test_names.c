/* What a CSR may say for an order, and what of the order a CA may hear (RFC 8555 7.4, draft-ietf-acme-device-attest-09 section 4). */
#include "flow/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#define PI "permanent-identifier:"
#define HM "hardware-module:"
#define MAPPED "dns:sn1.d.example,dns:x.d.example"

static const struct {
	const char *name, *order, *san, *cn;
	bool outside;
	const char *detail; /* part of the refusal; NULL = fits */
	const char *mapped;
} cases[] = {
	{ "the order's names fit", "dns:a.example,ip:10.0.0.1", "ip:10.0.0.1,dns:a.example", NULL, true, NULL },
	{ "a CN of them adds nothing", "dns:a.example", "dns:a.example", "A.example", true, NULL },
	{ "a CN alone is a name", "dns:a.example", "", "a.example", true, NULL },
	{ "a CN completes the SAN", "dns:a.example,ip:10.0.0.1", "ip:10.0.0.1", "a.example", true, NULL },
	{ "a wildcard CN is a name", "dns:*.a.example", "", "*.a.example", true, NULL },
	{ "a name less is refused", "dns:a.example,dns:b.example", "dns:a.example", NULL, true, "expected: a.example, b.example" },
	{ "a name more is refused", "dns:a.example", "dns:a.example,dns:b.example", NULL, true, "expected: a.example" },
	{ "no name at all is refused", "dns:a.example", "", NULL, true, "expected: a.example" },
	{ "another CN is refused", "dns:a.example", "dns:a.example", "b.example", false, "not exactly" },
	{ "an IPv4 address as CN is refused", "ip:10.0.0.1", "ip:10.0.0.1", "10.0.0.1", false, "common name is not acceptable" },
	{ "an IPv6 address as CN is refused", "ip:2001:db8::1", "ip:2001:db8::1", "2001:db8::1", false, "common name is not acceptable" },
	{ "a CN that is no name is refused", "dns:a.example", "dns:a.example", "my printer", false, "common name is not acceptable" },
	{ "a device nobody ordered is refused", "dns:a.example", "dns:a.example," PI "SN1", NULL, false, "permanent-identifier \"SN1\", which is not in the order" },
	{ "a device may be in the SAN", PI "SN1", PI "SN1", NULL, false, NULL },
	{ "a device may be left out", PI "SN1", "", NULL, false, NULL },
	{ "a device may be the CN", PI "SN1", "", "SN1", false, NULL },
	{ "with a value that is no name, too", PI "my printer", "", "my printer", false, NULL },
	{ "with its assigner", PI "SN1/1.2", "", "SN1/1.2", false, NULL },
	{ "but not without", PI "SN1/1.2", "", "SN1", false, "none but the device" },
	{ "nor in other letters", PI "SN1", "", "sn1", false, "none but the device" },
	{ "nor another", PI "SN1", "", "SN2", false, "none but the device" },
	{ "nor a longer one", PI "SN1", "", "SN10", false, "none but the device" },
	{ "a hardware module may be the CN", HM "X/1.2", "", "X/1.2", false, NULL },
	{ "another device in the SAN is refused", PI "SN1", PI "SN2", NULL, false, "\"SN2\", which is not in the order" },
	{ "the device with an assigner is another", PI "SN1", PI "SN1/1.2", NULL, false, "which is not in the order" },
	{ "in other letters, too", PI "SN1", PI "sn1", NULL, false, "which is not in the order" },
	{ "the type counts", PI "X/1.2", HM "X/1.2", NULL, false, "hardware-module \"X/1.2\", which is not" },
	{ "of two devices one may be left out", PI "SN1," HM "X/1.2", HM "X/1.2", NULL, false, NULL },
	{ "names besides must be there", PI "SN1,dns:a.example", PI "SN1", NULL, false, "expected: a.example" },
	{ "and are enough", PI "SN1,dns:a.example", "dns:a.example", NULL, false, NULL },
	{ "with the device as CN", PI "SN1,dns:a.example", "dns:a.example", "SN1", false, NULL },
	{ "a device in the SAN must not go outside", PI "SN1,dns:a.example", "dns:a.example," PI "SN1", NULL, true, "subjectAltName has a permanent-identifier, which must not reach" },
	{ "nor as CN", PI "SN1,dns:a.example", "dns:a.example", "SN1", true, "common name, which must not reach" },
	{ "left out it is fine", PI "SN1,dns:a.example", "dns:a.example", NULL, true, NULL },
	{ "mapped names outside: exactly these", PI "SN1", "dns:sn1.d.example,dns:x.d.example", NULL, true, NULL, MAPPED },
	{ "with one of them as CN", PI "SN1", "dns:x.d.example", "sn1.d.example", true, NULL, MAPPED },
	{ "mapped names outside: none is refused, and told", PI "SN1", "", NULL, true, "expected: sn1.d.example, x.d.example", MAPPED },
	{ "with the device alone, too", PI "SN1", "", "SN1", true, "must not reach", MAPPED },
	{ "mapped names outside: some are refused", PI "SN1", "dns:sn1.d.example", NULL, true, "expected: sn1.d.example, x.d.example", MAPPED },
	{ "mapped names outside: others are refused", PI "SN1", "dns:sn1.d.example,dns:x.d.example,dns:y.example", NULL, true, "not exactly", MAPPED },
	{ "mapped names inside: exactly these", PI "SN1", "dns:sn1.d.example,dns:x.d.example", "SN1", false, NULL, MAPPED },
	{ "mapped names inside: with the device", PI "SN1", "dns:sn1.d.example,dns:x.d.example," PI "SN1", NULL, false, NULL, MAPPED },
	{ "mapped names inside: none", PI "SN1", "", NULL, false, NULL, MAPPED },
	{ "mapped names inside: the device alone", PI "SN1", "", "SN1", false, NULL, MAPPED },
	{ "mapped names inside: some are refused", PI "SN1", "dns:sn1.d.example", NULL, false, "expected: sn1.d.example, x.d.example", MAPPED },
	{ "mapped names inside: others are refused", PI "SN1", "dns:y.example", NULL, false, "not exactly", MAPPED },
	{ "a name that is ordered besides must be there", PI "SN1,dns:a.example", "dns:sn1.d.example,dns:x.d.example", NULL, false, "not exactly", MAPPED },
	{ "and is enough inside", PI "SN1,dns:a.example", "dns:a.example", NULL, false, NULL, MAPPED },
	{ "but not outside", PI "SN1,dns:a.example", "dns:a.example", NULL, true, "expected: a.example, sn1.d.example", MAPPED },
	{ "a device that is called as the name is no secret", PI "a.example,dns:a.example", "dns:a.example", "a.example", true, NULL },
};

static void
test_fits(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct order o = { 0 };
		struct csr_cn cn = { "" };
		struct csr csr = { .common_names = &cn, .common_name_count = cases[i].cn ? 1 : 0 };
		struct problem pr = { 0 };
		bool good;

		snprintf(cn.text, sizeof(cn.text), "%s", cases[i].cn ? cases[i].cn : "");
		if (!idents_read(span_str(cases[i].mapped ? cases[i].mapped : ""), &o.mapped) || !idents_read(span_str(cases[i].order), &o.idents) || !idents_read(span_str(cases[i].san), &csr.names))
			abort();
		good = order_csr_fits(&o, &csr, cases[i].outside, &pr);
		if (cases[i].detail)
			ok(!good && pr.kind == PROBLEM_BAD_CSR && strstr(pr.detail, cases[i].detail), "%s: %s", cases[i].name, pr.detail);
		else
			ok(good, "%s%s%s", cases[i].name, pr.detail[0] ? ": " : "", pr.detail);
		idents_done(&o.idents);
		idents_done(&o.mapped);
		idents_done(&csr.names);
	}
}

static const struct {
	const char *name, *order, *text;
	bool outside, fits;
} subjects[] = {
	{ "a serial number of the device must not go outside", PI "SN1,dns:a.example", "SN1", true, false },
	{ "nor that of one with an OID", PI "SN1/1.2,dns:a.example", "SN1", true, false },
	{ "nor with the OID", HM "SN1/1.2,dns:a.example", "SN1/1.2", true, false },
	{ "another is nobody's", PI "SN1,dns:a.example", "SN10", true, true },
	{ "inside it may be there", PI "SN1,dns:a.example", "SN1", false, true },
	{ "of a name it is no secret", "dns:a.example", "a.example", true, true },
};

static void
test_subjects(void)
{
	for (size_t i = 0; i < COUNT_OF(subjects); i++) {
		struct order o = { 0 };
		struct csr_rdn rdn = { .name = "serialNumber" };
		struct csr csr = { .rdns = &rdn, .rdn_count = 1 };
		struct problem pr = { 0 };
		bool good;

		snprintf(rdn.text, sizeof(rdn.text), "%s", subjects[i].text);
		if (!idents_read(span_str(subjects[i].order), &o.idents) || !idents_read(SPAN("dns:a.example"), &csr.names))
			abort();
		good = order_csr_fits(&o, &csr, subjects[i].outside, &pr);
		ok(good == subjects[i].fits && (good || (pr.kind == PROBLEM_BAD_CSR && strstr(pr.detail, "the device as serialNumber"))), "%s: %s", subjects[i].name,
			pr.detail);
		idents_done(&o.idents);
		idents_done(&csr.names);
	}
}

static void
test_ca_names(void)
{
	struct order o = { 0 };
	struct idents names;
	AUTO_BUF text = BUF_MAX(4096);

	if (!idents_read(SPAN(PI "SN1,dns:a.example," HM "X/1.2,ip:10.0.0.1"), &o.idents))
		abort();
	order_ca_names(&o, &names);
	idents_write(&names, &text);
	is_str(buf_cstr(&text), "dns:a.example,ip:10.0.0.1", "a CA hears of names alone");
	idents_done(&names);
	idents_done(&o.idents);
	if (!idents_read(SPAN(PI "SN1"), &o.idents))
		abort();
	order_ca_names(&o, &names);
	is_int(names.count, 0, "of nothing, if there is only a device");
	idents_done(&o.idents);
}

static void
test_expected(void)
{
	struct order o = { 0 };
	struct csr csr = { 0 };
	struct problem pr = { 0 };

	for (int i = 0; i < 100; i++) {
		struct ident id = { .type = IDENT_DNS };

		snprintf(id.value, sizeof(id.value), "name-%d.devices.example.com", i);
		idents_add(&o.idents, &id);
	}
	ok(!order_csr_fits(&o, &csr, true, &pr) && strstr(pr.detail, "name-0.devices") && strstr(pr.detail, ", ..."),
		"of many names some are told: %s", pr.detail);
	idents_done(&o.idents);
}

int
main(void)
{
	test_fits();
	test_subjects();
	test_ca_names();
	test_expected();
	return done_testing();
}
