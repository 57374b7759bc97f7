/* compiled.h - a compiled policy (policy.h). Inside src/policy.
 *
 * It is one hash: (kind, name or network or fact) -> the rules that say it, and for each condition the set of rules that
 * do not ask for it. A set of rules is a row of bits. What a fact is good for is that set and those found in the hash; all facts together
 * are the intersection, and the lowest bit decides. So a decision costs some words for each condition, however many the names are: an
 * identifier asks the hash once for itself, once per suffix, once for "*"; a text once, and once per length of a prefix in use. */
#ifndef POLICY_COMPILED_H
#define POLICY_COMPILED_H

#include <uthash.h>

#include "base/mem.h"
#include "policy/pattern.h"
#include "policy/policy.h"

#define KEY_MAX 512
#define TEXT_MAX 256
#define WORD 64

struct entry {
	UT_hash_handle hh;
	uint32_t *rules;   /* ascending */
	uint32_t count, cap;
	uint64_t *bits;    /* instead, when they are many */
	size_t n;
	char key[];
};

/* A condition that some rule has. */
struct cond {
	bool asked;
	uint64_t *rest;             /* rules that do not ask for it */
	bool has_bits4[33], has_bits6[129]; /* of networks: prefix lengths in use */
	bool has_prefix[TEXT_MAX];  /* of texts, octets */
};

struct policy {
	struct entry *entries;
	size_t entry_count;
	struct compiled_rule {
		char *name, *say;
		bool allow, warn, no_idn, is_of_asker;
		struct policy_range ranges[POLICY_NUMBERS];
		struct policy_hours hours;
		unsigned asks; /* POLICY_BIT */
	} *rules;
	size_t rule_count, words;
	uint64_t *allows;           /* the rules that allow */
	struct cond conds[POLICY_LISTS], name;
	uint64_t *types[IDENT__COUNT], *wildcards[2]; /* rules that take them */
	uint64_t *ranged;           /* rules with ranges or hours */
	unsigned asks;
	int64_t most[POLICY_NUMBERS]; /* the largest that is compared with */
};

/* Sets of rules. */
static inline uint64_t *
set_new(const struct policy *p)
{
	return xcalloc(p->words ? p->words : 1, sizeof(uint64_t));
}

static inline void
set_add(uint64_t *set, uint32_t rule)
{
	set[rule / WORD] |= (uint64_t)1 << rule % WORD;
}

static inline bool
set_has(const uint64_t *set, uint32_t rule)
{
	return set[rule / WORD] >> rule % WORD & 1;
}

static inline void
set_or(const struct policy *p, uint64_t *set, const uint64_t *other)
{
	for (size_t i = 0; i < p->words; i++)
		set[i] |= other[i];
}

static inline void
set_and(const struct policy *p, uint64_t *set, const uint64_t *other)
{
	for (size_t i = 0; i < p->words; i++)
		set[i] &= other[i];
}

/* Returns the length, 0 if it is too long to be in the hash. */
static inline size_t
write_key(char dst[KEY_MAX], enum entry_kind kind, struct span text)
{
	if (1 + text.n > KEY_MAX)
		return 0;
	dst[0] = (char)kind;
	if (text.n)
		memcpy(dst + 1, text.p, text.n);
	return 1 + text.n;
}

/* A text of a condition in the hash: whose it is, then what it says. */
static inline struct span
fact_key(char dst[TEXT_MAX + 1], enum policy_cond cond, struct span text)
{
	size_t n = text.n < TEXT_MAX ? text.n : TEXT_MAX;

	dst[0] = (char)('0' + cond);
	if (n)
		memcpy(dst + 1, text.p, n);
	return span_of(dst, n + 1);
}

static inline bool
range_is_set(const struct policy_range *r)
{
	return r->min != 0 || r->max != 0;
}
#endif
