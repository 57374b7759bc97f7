/* fuzz_alpn_cert.c - the certificate of a tls-alpn-01 proof: an octet that chooses the identifier, then the DER. */
#include <stdlib.h>

#include "pki/alpn_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ident idents[] = { { IDENT_DNS, "device.test" }, { IDENT_IP, "192.0.2.1" }, { IDENT_IP, "2001:db8::1" } };
	static const unsigned char digest[ALPN_DIGEST_OCTETS] = { 0 };
	struct problem pr = { 0 };
	bool final, good;

	if (size == 0)
		return 0;
	good = alpn_cert_check(span_of(data + 1, size - 1), &idents[data[0] % 3], digest, &final, &pr);
	if (good ? final || pr.kind != PROBLEM_NONE : pr.kind != PROBLEM_UNAUTHORIZED || !pr.detail[0])
		abort();
	return 0;
}
