/* note.h - checkpoints of a log, as signed notes (C2SP tlog-checkpoint and signed-note, Ed25519). Pure; any thread.
 *
 *   acme.example/audit/3q2-7wAA      the log's origin, which is the key's name, too
 *   8                                leaves
 *   XcnaeacGWamtVZy3...=          root, base64
 *   cut 256                          leaves before this one are dropped; the line is there if there are any
 *                                    an empty line, then signatures
 *   - acme.example/audit/3q2-7wAA RR+yR9lM...      (the dash is U+2014) */
#ifndef TLOG_NOTE_H
#define TLOG_NOTE_H

#include "base/buf.h"
#include "base/problem.h"
#include "tlog/merkle.h"

#define TLOG_ORIGIN_TEXT 256
#define TLOG_KEY 32       /* octets of an Ed25519 public key */
#define TLOG_SIGNATURE 64
#define TLOG_NOTE_MAX 8192

struct tlog_checkpoint {
	char origin[TLOG_ORIGIN_TEXT];
	uint64_t size, cut;
	struct tlog_hash root;
};
/* The text that is signed. */
bool tlog_checkpoint_write(const struct tlog_checkpoint *c, struct buf *out);
/* Strict: what is read is what would be written. PROBLEM_MALFORMED. */
bool tlog_checkpoint_parse(struct span text, struct tlog_checkpoint *ret, struct problem *pr) MUST_CHECK;
/* Graphic ASCII without '+', 1 to 255 octets. */
bool tlog_origin_is_good(struct span origin);

/* Who signs: "NAME+KEYID+base64(0x01 || key)". */
struct tlog_vkey {
	char name[TLOG_ORIGIN_TEXT];
	unsigned char key[TLOG_KEY];
};
#define TLOG_VKEY_TEXT 320
bool tlog_vkey_write(const struct tlog_vkey *k, struct buf *out);
bool tlog_vkey_parse(struct span text, struct tlog_vkey *ret, struct problem *pr) MUST_CHECK;

/* The note: the text, and a signature of it. */
bool tlog_note_write(struct span text, const struct tlog_vkey *k, const unsigned char signature[TLOG_SIGNATURE], struct buf *out);
/* Signatures by unknown keys are passed over; one of a known key that does not verify refuses all, and there must be one that does.
 * PROBLEM_MALFORMED. */
bool tlog_note_open(struct span note, const struct tlog_vkey *keys, size_t count, struct tlog_checkpoint *ret, struct problem *pr) MUST_CHECK;

/* Standard base64 with padding, strict. */
bool tlog_base64_add(struct buf *out, const void *p, size_t n);
bool tlog_base64_exact(struct span text, void *dst, size_t n);
#endif
