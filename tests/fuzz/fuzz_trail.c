/* fuzz_trail.c - exports of an audit trail, checkpoints, keys and proofs, as whoever hands them to an auditor may have made them. */
#include <stdlib.h>

#include "tlog/trail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VKEY "acmegate.example/audit+451fb247+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS"

static void
on_found(const struct trail_found *f, void *arg)
{
	uint64_t *count = arg;

	++*count;
	if (!f->text[0])
		abort();
}

static void
judge(struct span text, const struct tlog_vkey *key)
{
	uint64_t count = 0;
	struct trail *t = trail_new(key, 1, on_found, &count);
	struct trail_sums sums;
	struct span line;
	bool good;

	while (span_cut(&text, '\n', &line))
		trail_line(t, line);
	good = trail_end(t, &sums);
	if (good != (count == 0) || sums.faults < count)
		abort();
	trail_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	AUTO_BUF again = BUF_MAX(1 << 20);
	struct tlog_vkey key, other;
	struct tlog_checkpoint c, old;
	struct problem pr = { 0 };
	uint64_t seq;

	if (!tlog_vkey_parse(SPAN(VKEY), &key, &pr))
		abort();
	judge(text, &key);
	if (tlog_checkpoint_parse(text, &c, &pr) && (!tlog_checkpoint_write(&c, &again) || !span_eq(buf_span(&again), text)))
		abort();
	buf_clear(&again);
	if (tlog_vkey_parse(text, &other, &pr) && (!tlog_vkey_write(&other, &again) || !span_eq(buf_span(&again), text)))
		abort();
	(void)!tlog_note_open(text, &key, 1, &c, &pr);
	(void)!trail_proof_check(text, &key, 1, &seq, &c, &pr);
	(void)!trail_consistency_check(text, &key, 1, &old, &c, &pr);
	return 0;
}
