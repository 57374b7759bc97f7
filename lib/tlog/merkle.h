/* merkle.h - the Merkle tree of a log (RFC 6962 2.1, RFC 9162 2.1): hashes, roots, proofs and their verification. Pure; any thread. */
#ifndef TLOG_MERKLE_H
#define TLOG_MERKLE_H

#include "base/span.h"

#define TLOG_HASH 32 /* octets of SHA-256 */
#define TLOG_LEVELS 48 /* a tree has fewer than 2^48 leaves */
struct tlog_hash {
	unsigned char octets[TLOG_HASH];
};

/* SHA-256(0x00 || entry), SHA-256(0x01 || left || right), SHA-256(""). `ret` may be one of the others. */
void tlog_leaf(struct span entry, struct tlog_hash *ret);
void tlog_node(const struct tlog_hash *left, const struct tlog_hash *right, struct tlog_hash *ret);
void tlog_empty(struct tlog_hash *ret);
bool tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b);

/* The right edge of a tree: the hashes of the full subtrees that its leaves fall into, the largest first. {0} is the empty tree. */
struct tlog_edge {
	uint64_t size;
	unsigned count;
	struct tlog_hash full[TLOG_LEVELS];
};
/* Append a full subtree of 2^level leaves, 0 for a leaf. False: it does not begin where such a one may, or the tree is full. */
bool tlog_edge_add(struct tlog_edge *edge, unsigned level, const struct tlog_hash *hash) __attribute__((warn_unused_result));
void tlog_edge_root(const struct tlog_edge *edge, struct tlog_hash *ret);

/* The hash of the full subtree of leaves [index << level, (index + 1) << level). */
typedef bool (*tlog_full_fn)(void *arg, unsigned level, uint64_t index, struct tlog_hash *ret);

struct tlog_proof {
	size_t count;
	struct tlog_hash hash[2 * TLOG_LEVELS];
};
/* The root of the first `size` leaves. False only if `full` says so: also of the proofs. */
bool tlog_root(uint64_t size, tlog_full_fn full, void *arg, struct tlog_hash *ret) __attribute__((warn_unused_result));
/* That leaf `index` is in the tree of `size` leaves; index < size. */
bool tlog_prove_inclusion(uint64_t index, uint64_t size, tlog_full_fn full, void *arg, struct tlog_proof *ret)
	__attribute__((warn_unused_result));
/* That the tree of `size` leaves begins with that of `old` ones; 0 < old <= size. */
bool tlog_prove_consistency(uint64_t old, uint64_t size, tlog_full_fn full, void *arg, struct tlog_proof *ret)
	__attribute__((warn_unused_result));
/* RFC 9162 2.1.3.2, 2.1.4.2; false for whatever does not prove it. */
bool tlog_included(const struct tlog_hash *leaf, uint64_t index, uint64_t size, const struct tlog_proof *proof, const struct tlog_hash *root);
bool tlog_consistent(uint64_t old, uint64_t size, const struct tlog_proof *proof, const struct tlog_hash *old_root, const struct tlog_hash *root);
#endif
