/* audit_trail.h - the audit trail as a tree: entries get their numbers, are read, erased and, when their time is over, dropped.
 * Within a transaction.
 *
 * Who gives numbers reads and writes the one row of audit_state, so of several at once one wins and the others run again: numbers are
 * dense whoever works. Of full subtrees of 256, 65536, ... leaves the hashes are stored, and stay when the leaves go. */
#ifndef STORE_AUDIT_TRAIL_H
#define STORE_AUDIT_TRAIL_H

#include "base/buf.h"
#include "store/audit.h"
#include "tlog/note.h"

#define AUDIT_TILE 256 /* leaves; what is dropped is a multiple */
#define AUDIT_KEY_MAX 8192

struct audit_state {
	int64_t size, cut;               /* entries cut .. size - 1 are there */
	int64_t signed_size, signed_at;  /* of the last checkpoint; unix s */
	int64_t sent, lost;              /* entries before `sent` went to syslog, but for `lost` of them */
	char origin[TLOG_ORIGIN_TEXT];   /* "": there is no key yet */
	struct buf sealed;               /* owned: the key that signs checkpoints */
	unsigned char public_key[TLOG_KEY];
};
/* How far the trail has come; it is always there. */
bool audit_state_get(struct sql *db, struct audit_state *ret, struct problem *pr) MUST_CHECK;
void audit_state_done(struct audit_state *s);
/* Give it a key, if it has none: *ret_set. */
bool audit_set_key(struct sql *db, const char *origin, struct span sealed, const unsigned char public_key[TLOG_KEY], bool *ret_set, struct problem *pr) MUST_CHECK;
/* What was sent to syslog, and what of it was lost. */
bool audit_set_sent(struct sql *db, int64_t sent, int64_t lost, struct problem *pr) MUST_CHECK;

/* Up to `limit` of those that wait get their numbers. */
bool audit_sequence(struct sql *db, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
bool audit_waiting(struct sql *db, int64_t max, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* ---- the tree ---- */

/* The hash of a full subtree (tlog_full_fn needs a struct audit_tree). A leaf that was dropped has none: a fault. */
struct audit_tree {
	struct sql *db;
	struct problem *pr;
};
bool audit_tree_full(void *tree, unsigned level, uint64_t index, struct tlog_hash *ret);

/* ---- checkpoints ---- */

/* Put it on record unless one of this size is there. */
bool audit_checkpoint_add(struct sql *db, int64_t size, const char *note, struct problem *pr) MUST_CHECK;
typedef bool (*audit_checkpoint_fn)(int64_t size, const char *note, void *arg);
/* Those of more than `above` entries, the smallest first, until fn answers false. */
bool audit_checkpoint_each(struct sql *db, int64_t above, int64_t limit, audit_checkpoint_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* The one of this size; the last one for 0. Heap, NULL: there is none. */
bool audit_checkpoint_get(struct sql *db, int64_t size, char **ret, struct problem *pr) MUST_CHECK;

/* ---- entries ---- */

struct audit_row {
	int64_t seq, at_ms;
	struct tlog_hash hash;
	struct span event, entry; /* valid within the callback */
	struct span open;         /* personal values: {"names":["SALT","VALUE"]} */
	struct span erased;       /* when and by what they were erased, SPAN_NONE: they were not */
};
typedef void (*audit_row_fn)(const struct audit_row *r, void *arg);
struct audit_query {
	const char *who, *event, *account, *order; /* NULL: any; not "" */
	int64_t since_ms, until_ms; /* 0: any */
	int64_t from;   /* this one and later */
	int64_t before; /* descending: earlier ones; 0: from the end */
	int64_t limit;
};
/* From q->from on, the oldest first. */
bool audit_list_up(struct sql *db, const struct audit_query *q, audit_row_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Below q->before, down to q->from, the newest first. */
bool audit_list_down(struct sql *db, const struct audit_query *q, audit_row_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* Personal values of up to `limit` entries that fit, of those from q->from to below q->before; `why` says when and by what. *ret_last: the smallest number looked at,
 * 0: there is no more. */
bool audit_erase(struct sql *db, const struct audit_query *q, const char *why, int64_t *ret_count, int64_t *ret_last, struct problem *pr) MUST_CHECK;

/* Drop whole tiles of entries that are older than before_ms and under a checkpoint, up to `tiles` of them. *ret_cut: the first that
 * is left. */
bool audit_prune(struct sql *db, int64_t before_ms, int64_t tiles, int64_t *ret_cut, struct problem *pr) MUST_CHECK;
#endif
