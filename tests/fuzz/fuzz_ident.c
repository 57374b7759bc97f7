/* fuzz_ident.c - an identifier "type:value": what is taken is canonical, and taken again as it is.
 */
#include "pki/ident.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/mapping.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a device is called, it has a name for each template, and that is one. */
static void
map(const struct ident *device)
{
	static const char *const templates[] = { "${id}.d.example", "x-${id}-${hash}.d.example" };
	static const unsigned char key[MAPPING_KEY_BYTES];
	struct idents names = { 0 };
	struct ident again;

	mapping_names(templates, 2, device, key, &names);
	if (names.count != 2)
		abort();
	for (size_t i = 0; i < names.count; i++) {
		if (!ident_parse(SPAN("dns"), span_str(names.list[i].value), &again, NULL) || !ident_eq(&again, &names.list[i]))
			abort();
	}
	idents_done(&names);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_of(data, size), type;
	struct ident id, again;
	struct idents set = { 0 }, back;
	struct problem pr = { 0 };
	char key[IDENTS_KEY_TEXT], pattern[IDENT_VALUE + 32];
	AUTO_BUF text = BUF_MAX(4096);

	if (!span_cut(&value, ':', &type))
		return 0;
	if (!ident_parse(type, value, &id, &pr)) {
		if (pr.kind != PROBLEM_MALFORMED && pr.kind != PROBLEM_REJECTED_IDENTIFIER &&
			pr.kind != PROBLEM_UNSUPPORTED_IDENTIFIER)
			abort();
		return 0;
	}
	if (!ident_parse(type, span_str(id.value), &again, NULL) || !ident_eq(&id, &again) ||
		(!ident_is_device(&id) && strpbrk(id.value, ",%")))
		abort();
	/* what newOrder takes a rule can name, but for a star */
	snprintf(pattern, sizeof(pattern), "%s:%s", ident_type_name(id.type), id.value);
	if (ident_is_device(&id) && !strchr(id.value, '*') && !policy_pattern_check(pattern, &pr))
		abort();
	if (ident_is_device(&id))
		map(&id);
	idents_add(&set, &id);
	idents_add(&set, &again);
	idents_key(&set, key);
	if (set.count != 1 || !idents_write(&set, &text) || !idents_read(buf_span(&text), &back) ||
		!idents_same(&set, &back))
		abort();
	idents_done(&set);
	idents_done(&back);
	return 0;
}
