/* trail.h - judge of an exported audit trail (doc/audit.md), line by line, with nothing but the keys: whose entries were changed, removed,
 * inserted or put into another order. Pure but for its memory, which does not grow with the export; one thread. */
#ifndef TLOG_TRAIL_H
#define TLOG_TRAIL_H

#include "tlog/note.h"

#define TRAIL_LINE_MAX (1024 * 1024) /* octets */
#define TRAIL_KEYS_MAX 16
#define TRAIL_KNOWN_MAX 64

struct trail_found {
	uint64_t first, last; /* entries that it is about; first > last: about the export */
	const char *text;     /* "entry 7 was changed: ..." */
};
typedef void (*trail_found_fn)(const struct trail_found *f, void *arg);

struct trail_sums {
	uint64_t from, size; /* entries from .. size - 1 were read */
	uint64_t checked;    /* of these, signed checkpoints vouch for */
	uint64_t cut;        /* before this one retention has dropped them, says the last checkpoint */
	uint64_t erased;     /* personal values that are no more there */
	uint64_t checkpoints, faults;
	char origin[TLOG_ORIGIN_TEXT];
};

struct trail;
struct trail *trail_new(const struct tlog_vkey *keys, size_t key_count, trail_found_fn fn, void *arg);
void trail_free(struct trail *t);
/* A checkpoint that was kept elsewhere: the export must agree with it. Before the first line. PROBLEM_MALFORMED: no good note. */
bool trail_know(struct trail *t, struct span note, struct problem *pr) MUST_CHECK;
/* A line without its end. */
void trail_line(struct trail *t, struct span line);
/* All was read. True: nothing was found. */
bool trail_end(struct trail *t, struct trail_sums *ret);

/* A proof of one entry (acmegatectl audit prove): the entry is in the tree of a signed checkpoint. PROBLEM_MALFORMED says what is wrong. */
bool trail_proof_check(struct span json, const struct tlog_vkey *keys, size_t key_count, uint64_t *ret_seq, struct tlog_checkpoint *ret, struct problem *pr) MUST_CHECK;
/* Two checkpoints and the proof that the later one only appends (acmegatectl audit checkpoint --since). */
bool trail_consistency_check(struct span json, const struct tlog_vkey *keys, size_t key_count, struct tlog_checkpoint *ret_old, struct tlog_checkpoint *ret,
	struct problem *pr) MUST_CHECK;
/* SHA-256(salt || value), as an entry has it of what is personal; salt and digest in base64url. */
bool trail_digest_is(struct span salt, struct span value, struct span digest);
#endif
