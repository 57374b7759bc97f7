/* answer.h - a DNS server's replies to UPDATE, signed or not, for tests. */
#ifndef TESTS_DNSUP_ANSWER_H
#define TESTS_DNSUP_ANSWER_H

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dnsup/update.h"

/* HMAC of the input; octets at ret. */
static inline size_t
answer_mac(enum tsig_alg alg, struct span secret, struct span input, unsigned char ret[EVP_MAX_MD_SIZE])
{
	const EVP_MD *digests[] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
	unsigned n = 0;

	HMAC(digests[alg], secret.p, (int)secret.n, (const unsigned char *)input.p, input.n, ret, &n);
	return n;
}

/* What of an answer is otherwise than it should be. */
struct answer_faults {
	unsigned rcode, flags; /* flags: bits to turn */
	unsigned tsig_error;
	bool no_tsig, no_mac, wrong_mac, short_mac, wrong_key, late, other_id, tsig_not_last;
	struct span other;
};

static inline void
answer_write(struct buf *out, unsigned id, const struct tsig *tsig, struct span secret, struct span request_mac, const struct answer_faults *f)
{
	AUTO_BUF input = BUF_MAX(4096);
	unsigned char mac[EVP_MAX_MD_SIZE];
	struct wire_name key = tsig->key, alg;
	int64_t time = tsig->time_unix_s + (f->late ? 1000 : 0);
	struct reply reply;
	size_t n;

	if (f->wrong_key)
		key.octet[1] ^= 1;
	if (!wire_name_parse(span_str(tsig_alg_name(tsig->alg)), &alg))
		abort();
	wire_add_u16(out, f->other_id ? id + 1 : id);
	wire_add_u16(out, (0xa800 ^ f->flags) | f->rcode);
	for (int i = 0; i < 4; i++)
		wire_add_u16(out, 0);
	if (f->no_tsig)
		return;
	reply = (struct reply){ .message = buf_span(out), .has_tsig = true, .tsig_at = out->n, .additional = 1, .key = key, .alg = alg,
		.time_unix_s = time, .fudge_s = TSIG_FUDGE_S, .other = f->other, .original_id = id, .error = f->tsig_error };
	if (!reply_mac_input(&input, &reply, request_mac))
		abort();
	n = f->no_mac ? 0 : answer_mac(tsig->alg, secret, buf_span(&input), mac);
	if (f->wrong_mac)
		mac[n - 1] ^= 1;
	if (f->short_mac)
		n /= 2;
	wire_name_add(out, &key);
	wire_add_u16(out, 250);
	wire_add_u16(out, 255);
	wire_add_u32(out, 0);
	wire_add_u16(out, (unsigned)(alg.n + 16 + n + f->other.n));
	wire_name_add(out, &alg);
	wire_add_u48(out, time);
	wire_add_u16(out, TSIG_FUDGE_S);
	wire_add_u16(out, (unsigned)n);
	buf_add(out, mac, n);
	wire_add_u16(out, id);
	wire_add_u16(out, f->tsig_error);
	wire_add_u16(out, (unsigned)f->other.n);
	buf_addspan(out, f->other);
	wire_put_u16(out, 10, 1);
	if (!f->tsig_not_last)
		return;
	wire_put_u16(out, 10, 2);
	buf_add(out, "\0\0\1\0\1\0\0\0\0\0\0", 11);
}
#endif
