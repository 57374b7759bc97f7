/* policy.h - who may have what: ordered rules over identifiers, first match wins, else refused
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
 * and no device: those must be named.
 *
 * A rule that refuses goes further. A name: also the wildcard that would cover it, so that after
 * `refuse admin.example.com` no later rule can allow *.example.com. A device without an OID: also with
 * any. "*": also devices. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stddef.h>

#include "base/problem.h"
#include "pki/ident.h"

struct policy;

struct policy_rule {
	const char *name;
	bool allow;
	const char *const *names; /* patterns */
	size_t name_count;
	const char *const *profiles; /* none = for all */
	size_t profile_count;
	const char *say; /* what a refused device is told; NULL = a text of ours */
};

struct policy_verdict {
	bool allow;
	const char
		*say; /* why not, for the device; NULL if allowed. Lives as long as the policy. */
	const char *rule; /* name of the rule that decided, for logs only; NULL = none matched */
};

/* Is the pattern well-formed? The detail says what is wrong with it. */
bool policy_pattern_check(const char *pattern, struct problem *pr)
	__attribute__((warn_unused_result));
/* Compile; everything is copied. Fails on a malformed pattern or more than a million (pattern,
 * profile) pairs. */
bool policy_new(const struct policy_rule *rules, size_t count, struct policy **ret,
	struct problem *pr) __attribute__((warn_unused_result));
void policy_free(struct policy *policy);
/* One verdict per identifier in ret[0..count-1]; true if all are allowed. Costs a few look-ups per
 * label, whatever the number of rules. */
bool policy_names(const struct policy *policy, const char *profile, const struct ident *ids,
	size_t count, struct policy_verdict *ret);
#endif
