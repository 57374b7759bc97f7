/* policy.h - who may have what: ordered rules over identifiers and facts about who asks, first match wins, else refused
 * (E6, E7, W18).
 *
 * Pure: facts in, verdict out; no I/O, no clock, no configuration types. A compiled policy is
 * immutable: any thread.
 *
 * Patterns of a rule: "a.example.com" is that name; "*.example.com" is every name below it, at any
 * depth, but not itself, and the wildcards *.example.com and *.a.example.com; "10.0.0.0/8" or
 * "10.0.0.1" are ip identifiers; "permanent-identifier:SN-1/1.2.3" is that device, octet for octet,
 * "permanent-identifier:SN-*" all whose value begins so, and "permanent-identifier:SN-*" followed by
 * "/1.2.3" those of them that have this OID; hardware-module likewise. "*" is every name and address,
 * and no device: those must be named. A name may be written in Unicode; A-labels are compared.
 *
 * A rule that refuses goes further. A name: also the wildcard that would cover it, so that after
 * `refuse admin.example.com` no later rule can allow *.example.com. A device without an OID: also with
 * any. "*": also devices.
 *
 * Conditions narrow a rule: it matches an identifier if a pattern of it does and all its conditions hold. What is not known yet
 * (policy_facts.unknown) holds for a rule that allows and does not for one that refuses: whoever asks again when it is known can only be
 * refused more. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stddef.h>

#include "base/addr.h"
#include "base/problem.h"
#include "pki/ident.h"
#include "policy/hours.h"

struct policy;

/* What a rule may ask about. Those before POLICY_LISTS have a list of texts, of which one must fit: the text itself, or how it begins
 * ("SN-*"); networks are networks, names in source_names are as in `names`. */
enum policy_cond {
	POLICY_PROFILE,
	POLICY_TENANT,
	POLICY_EAB_KEY,       /* kid of the key that the account is bound to */
	POLICY_ACCOUNT,
	POLICY_ADDRESS,       /* where the request comes from */
	POLICY_SOURCE_NAME,   /* the name of that address, confirmed by a look-up of the name */
	POLICY_DEVICE_KIND,   /* this and the two next: what the inventory says */
	POLICY_DEVICE_TAG,
	POLICY_DEVICE_OWNER,
	POLICY_FORMAT,        /* this and the three next: what its statement proved */
	POLICY_MODEL,
	POLICY_FIRMWARE,
	POLICY_PROTECTION,
	POLICY_KEY_TYPE,      /* of the CSR, with its size: "rsa2048" */
	POLICY_LISTS,
	/* numbers, from the lowest to the highest that fit */
	POLICY_NAME_COUNT = POLICY_LISTS,
	POLICY_LIFETIME,      /* seconds */
	POLICY_OUTSTANDING,   /* certificates of the principal that are neither over nor revoked */
	POLICY_NUMBERS_END,
	POLICY_HOURS = POLICY_NUMBERS_END,
	/* of the identifier */
	POLICY_TYPE,
	POLICY_WILDCARD,
	POLICY_NAME,
	POLICY_COND__COUNT
};
#define POLICY_NUMBERS (POLICY_NUMBERS_END - POLICY_LISTS)
#define POLICY_BIT(cond) (1u << (cond))
const char *policy_cond_name(enum policy_cond cond); /* the key of a rule: "tenants" */

struct policy_strings { const char *const *list; size_t count; };
struct policy_range { int64_t min, max; }; /* max 0 = none */
enum policy_wildcard { POLICY_WILDCARD_ANY, POLICY_WILDCARD_ONLY, POLICY_WILDCARD_NEVER };

struct policy_rule {
	const char *name;
	bool allow;
	bool warn; /* is tried: decides nothing, and is told of where it would have decided */
	const char *const *names; /* patterns */
	size_t name_count;
	const char *const *profiles; /* none = for all */
	size_t profile_count;
	const char *say; /* what a refused device is told; NULL = a text of ours */
	/* conditions; what is empty is none: */
	struct policy_strings lists[POLICY_LISTS]; /* profiles stand above */
	struct policy_range ranges[POLICY_NUMBERS]; /* of POLICY_LISTS + i */
	struct policy_hours hours;
	unsigned types; /* bits of enum ident_type */
	enum policy_wildcard wildcard;
	bool no_idn; /* an international name that it matches is refused by it */
};

/* NULL: there is none, or it is empty, and no rule that asks for one matches. */
struct policy_facts {
	const char *texts[POLICY_LISTS]; /* tags with a blank between; of POLICY_ADDRESS it is `address` that counts */
	const struct addr *address;
	int64_t numbers[POLICY_NUMBERS];
	int64_t now_unix_s;
	unsigned unknown;                /* POLICY_BIT of what will be known later */
};

#define POLICY_NO_RULE UINT32_MAX
struct policy_verdict {
	bool allow;
	const char
		*say; /* why not, for the device; NULL if allowed. Lives as long as the policy. */
	const char *rule; /* name of the rule that decided, for logs only; NULL = none matched */
	uint32_t number;  /* of that rule, from 0; POLICY_NO_RULE = none */
	uint32_t warned;  /* the rule on trial that would have decided; POLICY_NO_RULE = none */
	bool is_of_asker; /* refused by a rule that asks who asks, not what for (W18) */
};

/* Is the pattern well-formed? The detail says what is wrong with it. */
bool policy_pattern_check(const char *pattern, struct problem *pr)
	__attribute__((warn_unused_result));
/* The same of a text of a condition (one of POLICY_LISTS). */
bool policy_text_check(enum policy_cond cond, const char *text, struct problem *pr) MUST_CHECK;
/* Compile; everything is copied, but hours.zone, which must live as long. Fails on a malformed pattern or more than a million patterns
 * and texts. */
bool policy_new(const struct policy_rule *rules, size_t count, struct policy **ret,
	struct problem *pr) __attribute__((warn_unused_result));
void policy_free(struct policy *policy);
/* Which facts some rule asks for: POLICY_BIT of each. */
unsigned policy_asks(const struct policy *policy);
/* The largest number that some rule compares with, of POLICY_NAME_COUNT and those behind it; 0 = none does. */
int64_t policy_most(const struct policy *policy, enum policy_cond cond);
/* One verdict per identifier in ret[0..count-1]; true if all are allowed. Costs a few look-ups per label and fact, and a bit for each
 * rule. */
bool policy_decide(const struct policy *policy, const struct policy_facts *facts, const struct ident *ids,
	size_t count, struct policy_verdict *ret);
/* The same, with nothing known but the profile. */
bool policy_names(const struct policy *policy, const char *profile, const struct ident *ids,
	size_t count, struct policy_verdict *ret);
/* Why: each rule up to the one that decides (all, if none does), and the conditions of it that do not hold, as bits; 0 = it matches. */
typedef void (*policy_why_fn)(uint32_t rule, unsigned misses, void *arg);
void policy_explain(const struct policy *policy, const struct policy_facts *facts, const struct ident *id, policy_why_fn fn, void *arg);
#endif
