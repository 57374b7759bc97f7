/* facts.c - what a statement proved, named and written down. See attest.h. */
#include <openssl/evp.h>

#include "attest/attest.h"
#include "base/mem.h"
#include "json/jw.h"

const char *
attest_protection_name(enum attest_protection protection)
{
	static const char *const names[] = {
		[ATTEST_TEE] = "tee",
		[ATTEST_STRONGBOX] = "strongbox",
		[ATTEST_SECURE_ENCLAVE] = "secure-enclave",
		[ATTEST_IN_TPM] = "tpm",
		[ATTEST_YUBIKEY] = "yubikey",
		[ATTEST_AUTHENTICATOR] = "authenticator",
	};

	return names[protection];
}

const char *
attest_id_type_name(enum attest_id_type type)
{
	return type == ATTEST_HARDWARE_MODULE ? "hardware-module" : "permanent-identifier";
}

void
attest_facts_done(struct attest_facts *facts)
{
	EVP_PKEY_free(facts->key);
	*facts = (struct attest_facts){0};
}

static void
write_ids(const struct attest_facts *facts, struct jw *w)
{
	jw_array(w, "identifiers");
	for (size_t i = 0; i < facts->id_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "type", attest_id_type_name(facts->ids[i].type));
		jw_str(w, "value", facts->ids[i].value);
		jw_end(w);
	}
	jw_end(w);
}

void
attest_facts_write(const struct attest_facts *facts, struct jw *w)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"manufacturer", facts->manufacturer}, {"model", facts->model},
		{"firmware", facts->firmware}, {"os_version", facts->os_version},
		{"boot", facts->boot}, {"serial", facts->serial}, {"root", facts->root},
		{"key", facts->key_hash}, {"sha256", facts->sha256}};
	const struct {
		const char *name;
		int number;
	} numbers[] = {{"os_patch", facts->os_patch}, {"vendor_patch", facts->vendor_patch},
		{"boot_patch", facts->boot_patch}, {"pin_policy", facts->pin_policy},
		{"touch_policy", facts->touch_policy}, {"form_factor", facts->form_factor}};

	jw_str(w, "format", attest_format_name(facts->format));
	jw_str(w, "protection", attest_protection_name(facts->protection));
	write_ids(facts, w);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (texts[i].text[0])
			jw_str(w, texts[i].name, texts[i].text);
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		if (numbers[i].number >= 0)
			jw_int(w, numbers[i].name, numbers[i].number);
	}
	if (facts->device_locked >= 0)
		jw_bool(w, "device_locked", facts->device_locked);
}
