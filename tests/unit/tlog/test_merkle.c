/* Merkle trees: the roots of RFC 6962's eight leaves, and for every size and place what must be proven and what must not. */
#include "tlog/merkle.h"

#include <stdlib.h>

#include "tap.h"

#define SIZE_MAX_TRIED 70

static const struct span leaves[8] = { { "", 0 }, { "\x00", 1 }, { "\x10", 1 }, { "\x20\x21", 2 }, { "\x30\x31", 2 }, { "\x40\x41\x42\x43", 4 },
	{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8 }, { "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 } };

/* Computed by another implementation; 1, 2, 3 and 8 are those that Certificate Transparency's own tests have. */
static const struct {
	unsigned size;
	const char *root;
} roots[] = {
	{ 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
	{ 2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
	{ 3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
	{ 4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
	{ 5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
	{ 6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
	{ 7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
	{ 8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static void
hex(const struct tlog_hash *h, char dst[2 * TLOG_HASH + 1])
{
	for (size_t i = 0; i < TLOG_HASH; i++)
		snprintf(dst + 2 * i, 3, "%02x", h->octets[i]);
}

static struct tlog_hash all[SIZE_MAX_TRIED];

/* By the definition, from the leaves alone. */
static bool
full(void *arg, unsigned level, uint64_t index, struct tlog_hash *ret)
{
	struct tlog_hash right;

	(void)arg;
	if (level == 0) {
		*ret = all[index];
		return true;
	}
	full(NULL, level - 1, 2 * index, ret);
	full(NULL, level - 1, 2 * index + 1, &right);
	tlog_node(ret, &right, ret);
	return true;
}

static struct tlog_hash
root_of(uint64_t size)
{
	struct tlog_hash root;

	ok(tlog_root(size, full, NULL, &root), "the root of %llu leaves", (unsigned long long)size);
	return root;
}

static void
test_roots(void)
{
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		struct tlog_edge edge = { 0 };
		struct tlog_hash root;
		char text[2 * TLOG_HASH + 1];
		bool good = true;

		for (unsigned k = 0; k < roots[i].size; k++) {
			tlog_leaf(leaves[k], &all[k]);
			good = good && tlog_edge_add(&edge, 0, &all[k]);
		}
		tlog_edge_root(&edge, &root);
		hex(&root, text);
		ok(good && edge.size == roots[i].size, "%u leaves are added", roots[i].size);
		is_str(text, roots[i].root, "and their root is known");
		root = root_of(roots[i].size);
		hex(&root, text);
		is_str(text, roots[i].root, "also from full subtrees");
	}
}

static void
fill(void)
{
	for (unsigned i = 0; i < SIZE_MAX_TRIED; i++) {
		unsigned char octet = (unsigned char)i;

		tlog_leaf(span_of(&octet, 1), &all[i]);
	}
}

/* A proof with one octet changed, one hash too few, one too many. */
static bool
refuses_others(const struct tlog_hash *leaf, uint64_t index, uint64_t size, struct tlog_proof proof, const struct tlog_hash *root)
{
	struct tlog_proof other = proof;
	bool bad = false;

	for (size_t i = 0; i < proof.count; i++) {
		other = proof;
		other.hash[i].octets[i] ^= 1;
		bad = bad || tlog_included(leaf, index, size, &other, root);
	}
	other = proof;
	other.count++;
	memset(&other.hash[proof.count], 7, sizeof(other.hash[0]));
	bad = bad || tlog_included(leaf, index, size, &other, root);
	other.count = proof.count - 1;
	bad = bad || (proof.count && tlog_included(leaf, index, size, &other, root));
	bad = bad || tlog_included(leaf, size, size, &proof, root);
	return !bad && !tlog_included(&all[(index + 1) % SIZE_MAX_TRIED], index, size, &proof, root);
}

static void
test_inclusion(void)
{
	for (uint64_t size = 1; size <= SIZE_MAX_TRIED; size++) {
		struct tlog_hash root = root_of(size);
		unsigned good = 0, refused = 0;

		for (uint64_t i = 0; i < size; i++) {
			struct tlog_proof proof;

			good += tlog_prove_inclusion(i, size, full, NULL, &proof) && tlog_included(&all[i], i, size, &proof, &root);
			refused += refuses_others(&all[i], i, size, proof, &root);
		}
		is_int(good, size, "each of %llu leaves is proven", (unsigned long long)size);
		is_int(refused, size, "and nothing else is");
	}
}

static void
test_consistency(void)
{
	for (uint64_t size = 1; size <= SIZE_MAX_TRIED; size++) {
		struct tlog_hash root = root_of(size);
		unsigned good = 0, refused = 0;

		for (uint64_t old = 1; old <= size; old++) {
			struct tlog_hash old_root, wrong;
			struct tlog_proof proof;
			bool bad = false;

			if (!tlog_root(old, full, NULL, &old_root) || !tlog_prove_consistency(old, size, full, NULL, &proof))
				continue;
			good += tlog_consistent(old, size, &proof, &old_root, &root);
			wrong = old_root;
			wrong.octets[31] ^= 1;
			bad = tlog_consistent(old, size, &proof, &wrong, &root) || tlog_consistent(0, size, &proof, &old_root, &root) ||
				tlog_consistent(size + 1, size, &proof, &old_root, &root);
			wrong = root;
			wrong.octets[0] ^= 1;
			bad = bad || tlog_consistent(old, size, &proof, &old_root, &wrong);
			for (size_t i = 0; i < proof.count; i++) {
				struct tlog_proof other = proof;

				other.hash[i].octets[1] ^= 1;
				bad = bad || tlog_consistent(old, size, &other, &old_root, &root);
			}
			refused += !bad;
		}
		is_int(good, size, "each beginning of %llu leaves is proven", (unsigned long long)size);
		is_int(refused, size, "and nothing else is");
	}
}

/* An edge that begins with full subtrees is that of their leaves. */
static void
test_edge(void)
{
	for (uint64_t from = 0; from < SIZE_MAX_TRIED; from++) {
		struct tlog_edge edge = { 0 };
		struct tlog_hash got, want = root_of(SIZE_MAX_TRIED);
		bool good = true;

		for (unsigned level = 7; level-- > 0;) {
			struct tlog_hash h;

			if (from & (uint64_t)1 << level) {
				full(NULL, level, edge.size >> level, &h);
				good = good && tlog_edge_add(&edge, level, &h);
			}
		}
		for (uint64_t i = from; i < SIZE_MAX_TRIED; i++)
			good = good && tlog_edge_add(&edge, 0, &all[i]);
		tlog_edge_root(&edge, &got);
		ok(good && tlog_hash_eq(&got, &want), "from %llu on", (unsigned long long)from);
		ok(!tlog_edge_add(&edge, 2, &got), "a subtree that does not fit is not taken");
		ok(!tlog_edge_add(&edge, TLOG_LEVELS, &got), "nor one larger than any tree");
	}
}

int
main(void)
{
	test_roots();
	fill();
	test_inclusion();
	test_consistency();
	test_edge();
	return done_testing();
}
