/* fuzz_key_desc - Android's KeyDescription alone: no signature slows it down. What is read lies
 * within the input. */
#include <stdlib.h>

#include "attest/key_desc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
within(struct span part, struct span whole)
{
	if (part.n && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct problem pr = {0};
	struct key_desc desc;

	if (!key_desc_parse(in, &desc, &pr)) {
		if (pr.kind != PROBLEM_BAD_ATTESTATION ||
			strncmp(pr.detail, "keyDescription", 14) != 0)
			abort();
		return 0;
	}
	within(desc.challenge, in);
	within(desc.hardware.serial, in);
	within(desc.hardware.imei, in);
	within(desc.hardware.second_imei, in);
	within(desc.software.model, in);
	if (desc.attestation_level > 2 || desc.keymint_level > 2 ||
		desc.root_of_trust.boot_state > 3)
		abort();
	return 0;
}
