/* merkle.c - see merkle.h. */
#include "tlog/merkle.h"

#include <openssl/evp.h>
#include <stdlib.h>

static void
sha256(const struct span *parts, size_t count, struct tlog_hash *ret)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(md, parts[i].p, parts[i].n) == 1;
	/* fails for want of memory alone */
	if (!good || EVP_DigestFinal_ex(md, ret->octets, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

void
tlog_leaf(struct span entry, struct tlog_hash *ret)
{
	sha256((struct span[]){ SPAN("\0"), entry }, 2, ret);
}

static struct span
octets_of(const struct tlog_hash *h)
{
	return span_of(h->octets, TLOG_HASH);
}

void
tlog_node(const struct tlog_hash *left, const struct tlog_hash *right, struct tlog_hash *ret)
{
	sha256((struct span[]){ SPAN("\1"), octets_of(left), octets_of(right) }, 3, ret);
}

void
tlog_empty(struct tlog_hash *ret)
{
	sha256(NULL, 0, ret);
}

bool
tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b)
{
	return memcmp(a->octets, b->octets, TLOG_HASH) == 0;
}

bool
tlog_edge_add(struct tlog_edge *edge, unsigned level, const struct tlog_hash *hash)
{
	uint64_t n;

	if (level >= TLOG_LEVELS)
		return false;
	n = (uint64_t)1 << level;
	if (edge->size & (n - 1) || edge->size + n >= (uint64_t)1 << TLOG_LEVELS)
		return false;
	edge->full[edge->count++] = *hash;
	/* two of one size become one of twice the size */
	for (uint64_t bit = n; edge->size & bit; bit <<= 1) {
		tlog_node(&edge->full[edge->count - 2], &edge->full[edge->count - 1], &edge->full[edge->count - 2]);
		edge->count--;
	}
	edge->size += n;
	return true;
}

void
tlog_edge_root(const struct tlog_edge *edge, struct tlog_hash *ret)
{
	if (edge->count == 0) {
		tlog_empty(ret);
		return;
	}
	*ret = edge->full[edge->count - 1];
	for (unsigned i = edge->count - 1; i > 0; i--)
		tlog_node(&edge->full[i - 1], ret, ret);
}

/* ---- proofs ---- */

struct maker {
	tlog_full_fn full;
	void *arg;
	struct tlog_proof *proof;
};

static bool
is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

/* The largest power of two below n, n > 1. */
static uint64_t
split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* MTH(D[lo:hi]), hi > lo; whatever begins at a multiple of its size is a full subtree or is split. */
static bool
range_hash(const struct maker *m, uint64_t lo, uint64_t hi, struct tlog_hash *ret)
{
	uint64_t n = hi - lo, k;
	struct tlog_hash right;

	if (is_power_of_two(n)) {
		unsigned level = (unsigned)__builtin_ctzll(n);

		return m->full(m->arg, level, lo >> level, ret);
	}
	k = split(n);
	if (!range_hash(m, lo, lo + k, ret) || !range_hash(m, lo + k, hi, &right))
		return false;
	tlog_node(ret, &right, ret);
	return true;
}

static bool
add(struct maker *m, uint64_t lo, uint64_t hi)
{
	return range_hash(m, lo, hi, &m->proof->hash[m->proof->count++]);
}

/* PATH(index, D[lo:hi]) */
static bool
path(struct maker *m, uint64_t index, uint64_t lo, uint64_t hi)
{
	uint64_t k;

	if (hi - lo == 1)
		return true;
	k = split(hi - lo);
	if (index < lo + k)
		return path(m, index, lo, lo + k) && add(m, lo + k, hi);
	return path(m, index, lo + k, hi) && add(m, lo, lo + k);
}

/* SUBPROOF(old, D[lo:hi], whole): `whole` while the old tree's root is that of all seen so far. */
static bool
subproof(struct maker *m, uint64_t old, uint64_t lo, uint64_t hi, bool whole)
{
	uint64_t k;

	if (old == hi)
		return whole || add(m, lo, hi);
	k = split(hi - lo);
	if (old <= lo + k)
		return subproof(m, old, lo, lo + k, whole) && add(m, lo + k, hi);
	return subproof(m, old, lo + k, hi, false) && add(m, lo, lo + k);
}

bool
tlog_root(uint64_t size, tlog_full_fn full, void *arg, struct tlog_hash *ret)
{
	struct maker m = { .full = full, .arg = arg };

	if (size > 0)
		return range_hash(&m, 0, size, ret);
	tlog_empty(ret);
	return true;
}

bool
tlog_prove_inclusion(uint64_t index, uint64_t size, tlog_full_fn full, void *arg, struct tlog_proof *ret)
{
	struct maker m = { full, arg, ret };

	ret->count = 0;
	return path(&m, index, 0, size);
}

bool
tlog_prove_consistency(uint64_t old, uint64_t size, tlog_full_fn full, void *arg, struct tlog_proof *ret)
{
	struct maker m = { full, arg, ret };

	ret->count = 0;
	return subproof(&m, old, 0, size, true);
}

bool
tlog_included(const struct tlog_hash *leaf, uint64_t index, uint64_t size, const struct tlog_proof *proof, const struct tlog_hash *root)
{
	uint64_t fn = index, sn = size - 1;
	struct tlog_hash r = *leaf;

	if (index >= size)
		return false;
	for (size_t i = 0; i < proof->count; i++) {
		if (sn == 0)
			return false;
		if (fn & 1 || fn == sn) {
			tlog_node(&proof->hash[i], &r, &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tlog_node(&r, &proof->hash[i], &r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && tlog_hash_eq(&r, root);
}

bool
tlog_consistent(uint64_t old, uint64_t size, const struct tlog_proof *proof, const struct tlog_hash *old_root, const struct tlog_hash *root)
{
	uint64_t fn = old - 1, sn = size - 1;
	struct tlog_hash fr, sr;
	size_t i = 0;

	if (old == 0 || old > size)
		return false;
	if (old == size)
		return proof->count == 0 && tlog_hash_eq(old_root, root);
	if (is_power_of_two(old))
		fr = sr = *old_root;
	else if (proof->count > 0)
		fr = sr = proof->hash[i++];
	else
		return false;
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	for (; i < proof->count; i++) {
		if (sn == 0)
			return false;
		if (fn & 1 || fn == sn) {
			tlog_node(&proof->hash[i], &fr, &fr);
			tlog_node(&proof->hash[i], &sr, &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tlog_node(&sr, &proof->hash[i], &sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && tlog_hash_eq(&fr, old_root) && tlog_hash_eq(&sr, root);
}
