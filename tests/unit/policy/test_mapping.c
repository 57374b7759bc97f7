/* Names that follow from what a device is (V11). */
#include "policy/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#define PI "permanent-identifier:"
#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static const unsigned char key[MAPPING_KEY_BYTES] = "0123456789abcdef0123456789abcdef";

static const struct {
	const char *name, *device, *template, *want;
} cases[] = {
	{ "a serial becomes a label", PI "sn-1", "${id}.d.example", "sn-1.d.example" },
	{ "in lower case", PI "C02XK", "${id}.d.example", "c02xk.d.example" },
	{ "without its OID", PI "C02XK/1.2.3", "${id}.d.example", "c02xk.d.example" },
	{ "as a part of one", "hardware-module:C02XK/1.2.3", "ex-${id}-tpm.D.example", "ex-c02xk-tpm.d.example" },
	{ "twice", PI "a", "${id}.${id}.d.example", "a.a.d.example" },
	/* printf permanent-identifier:sn-1 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | base32 */
	{ "a hash becomes a label", PI "sn-1", "${hash}.d.example", "HASH(sn-1)" },
	{ "an underscore makes ${id} a hash", PI "SN_1", "${id}.d.example", "HASH(SN_1)" },
	{ "so does a dot", PI "a.b", "${id}.d.example", "HASH(a.b)" },
	{ "so does a star", PI "*", "${id}.d.example", "HASH(*)" },
	{ "so does a comma", PI "a%2Cb", "${id}.d.example", "HASH(a,b)" },
	{ "so does what is not ASCII", PI "\xc3\xa9", "${id}.d.example", "HASH(\xc3\xa9)" },
	{ "so does a hyphen at its begin", PI "-a", "${id}.d.example", "HASH(-a)" },
	{ "so does one at its end", PI "a-", "${id}.d.example", "HASH(a-)" },
	{ "so does a reserved label", PI "ab--c", "${id}.d.example", "HASH(ab--c)" },
	{ "so does an A-label that is none", PI "xn--zzzzzzzzzzzzzzz99999", "${id}.d.example", "HASH(xn--zzzzzzzzzzzzzzz99999)" },
	{ "63 octets are a label", PI L63, "${id}.d.example", L63 ".d.example" },
	{ "64 are none", PI L63 "4", "${id}.d.example", "HASH(" L63 "4)" },
	{ "nor are 63 and one more", PI L63, "x${id}.d.example", "xHASH(" L63 ")" },
};

static const struct {
	const char *template, *detail; /* NULL: fine */
} templates[] = {
	{ "${id}.devices.example.com", NULL },
	{ "${hash}.devices.example.com", NULL },
	{ "ex${id}.local", NULL },
	{ "devices.example.com", "neither" },
	{ "", "neither" },
	{ "$id.example.com", "neither" },
	{ "${serial}.example.com", "there is no \"${serial}\"" },
	{ "${ID}.example.com", "there is no" },
	{ "${id.example.com", "there is no" },
	{ "${}.example.com", "there is no" },
	{ "${id}", "a single label" },
	{ "*.${id}.example.com", "wildcard" },
	{ "${id}_.example.com", "label" },
	{ "${id}..example.com", "empty label" },
	{ "${id}.example.com.", "empty label" },
	{ "${id} .example.com", "octet" },
	{ "${id}.10.0.0.1", "IP address" },
	{ L63 "${id}.example.com", "over 63" },
};

/* "HASH(id)" with the hash in its place, in front of the domain. */
static void
expand(const char *want, char dst[300])
{
	const char *at = strstr(want, "HASH(");
	char hash[64] = "", command[512];
	FILE *f;

	snprintf(dst, 300, "%s", want);
	if (!at)
		return;
	snprintf(command, sizeof(command), "printf '%%s' 'permanent-identifier:%.*s' | openssl dgst -sha256 -hmac '%.32s' -binary |"
		" base32 | tr A-Z a-z | cut -c1-16", (int)(strrchr(at, ')') - at - 5), at + 5, (const char *)key);
	f = popen(command, "r");
	if (!f || fscanf(f, "%63s", hash) != 1)
		abort();
	pclose(f);
	snprintf(dst, 300, "%.*s%s.d.example", (int)(at - want), want, hash);
}

static void
test_names(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct idents device, names = { 0 };
		char want[300];

		if (!idents_read(span_str(cases[i].device), &device))
			abort();
		expand(cases[i].want, want);
		mapping_names(&cases[i].template, 1, &device.list[0], key, &names);
		is_str(names.count == 1 ? names.list[0].value : "none", want, "%s", cases[i].name);
		idents_done(&names);
		idents_done(&device);
	}
}

static void
test_several(void)
{
	static const char *const two[] = { "${id}.d.example", "x.${id}.e.example", "${id}.D.example" };
	static const unsigned char other[MAPPING_KEY_BYTES] = "other";
	static const char *const hash = "${hash}.d.example";
	struct ident a = { IDENT_PERMANENT, "SN1" }, b = { IDENT_PERMANENT, "SN1/1.2" }, c = { IDENT_HARDWARE, "SN1/1.2" };
	struct idents names = { 0 };

	mapping_names(two, 3, &a, key, &names);
	ok(names.count == 2 && strcmp(names.list[0].value, "sn1.d.example") == 0 && strcmp(names.list[1].value, "x.sn1.e.example") == 0,
		"a name for each template, and none twice");
	mapping_names(two, 3, &b, key, &names);
	is_int(names.count, 2, "another device may come to the same names");
	idents_done(&names);
	mapping_names(&hash, 1, &a, key, &names);
	mapping_names(&hash, 1, &b, key, &names);
	mapping_names(&hash, 1, &c, key, &names);
	mapping_names(&hash, 1, &a, other, &names);
	is_int(names.count, 4, "but not to the same hash: assigner, type and key count");
	idents_done(&names);
}

static void
test_templates(void)
{
	char longest[300];
	struct idents names = { 0 };
	struct ident device = { IDENT_PERMANENT, "SN1" };
	const char *template = longest;

	for (size_t i = 0; i < COUNT_OF(templates); i++) {
		struct problem pr = { 0 };
		bool good = mapping_check(templates[i].template, &pr);

		if (templates[i].detail)
			ok(!good && strstr(pr.detail, templates[i].detail), "\"%s\" is refused: %s", templates[i].template, pr.detail);
		else
			ok(good, "\"%s\" is a template", templates[i].template);
	}
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 30; i < sizeof(longest); i += 31)
		longest[i] = '.';
	memcpy(longest, "${id}", 5);
	longest[260] = '\0';
	ok(!mapping_check(longest, &(struct problem){ 0 }), "one that is longer than a name is refused");
	mapping_names(&template, 1, &device, key, &names);
	is_int(names.count, 0, "and gives no name");
}

int
main(void)
{
	test_names();
	test_several();
	test_templates();
	return done_testing();
}
