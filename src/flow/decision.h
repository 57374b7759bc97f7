/* decision.h - what the rules (policy/policy.h) say of an order: taken when it is made with what is known, and once more at finalize, where
 * it can only be refused. A worker's.
 *
 * A rule that allows may say how names are to be proven and by which CAs; what several rules of one order say must all hold. */
#ifndef FLOW_DECISION_H
#define FLOW_DECISION_H

#include "gate/conf_facts.h"
#include "store/account.h"
#include "store/authz.h"
#include "store/order.h"
#include "store/order_policy.h"

struct decision {
	const struct gate_conf *conf;
	struct conf_facts facts;         /* owned */
	struct policy_verdict *verdicts; /* of all identifiers asked about so far; owned */
	size_t count;
	bool knows_asker;
	bool is_refused;
	struct policy_verdict refused;   /* by this one */
};

/* Of a request for this profile from there, by this account. Until the asker is known nothing but that is. */
void decision_begin(struct decision *d, const struct gate_conf *conf, const struct profile_conf *p, const char *account_ref, const struct addr *peer);
void decision_done(struct decision *d);
/* An order of so many identifiers with these dates (0 = not asked for), which the first CA of the profile is to issue. */
void decision_order(struct decision *d, const struct profile_conf *p, size_t count, int64_t not_before, int64_t not_after);
/* Does a rule ask for what only the store knows? */
bool decision_asks_store(const struct decision *d);
/* In a transaction: the account's key, what it has already, and, of devices among the identifiers (NULL: none), what the inventory says. */
bool decision_learn(struct sql *db, struct decision *d, const struct account *account, const struct idents *idents, struct problem *pr) MUST_CHECK;
/* Adds the verdicts on these to the end of d->verdicts; true if all are allowed. They are counted and what was refused is logged, so not in
 * a transaction. */
bool decision_ask(struct decision *d, const struct ident *ids, size_t count);
/* The rule behind a verdict; NULL: none. */
const struct rule_conf *decision_rule(const struct gate_conf *conf, const struct policy_verdict *v);
/* The refusal, for the device: rejectedIdentifier, or `unauthorized` if it is about who asks (W18). Always false. */
bool decision_refuse(const struct policy_verdict *v, struct problem *pr);

/* Names of the CAs that all these rules allow, with a blank between; "" = as the profile says; "-" = none. On the heap. */
char *decision_upstreams(const struct decision *d);
/* The shortest wait that they allow, 0 = nothing is said. */
int64_t decision_longest_wait(const struct decision *d);
/* Does the rule (NULL: none) count a name as proven by such a challenge? */
bool decision_takes_proof(const struct rule_conf *rule, enum challenge_kind kind);

/* In the transaction that makes the order, after decision_learn: on record with it. */
bool decision_note(struct sql *db, const struct decision *d, int64_t order_id, struct problem *pr) MUST_CHECK;
/* Is the order on record with the very same decision? */
bool decision_is_same(struct sql *db, const struct decision *d, int64_t order_id, bool *ret, struct problem *pr) MUST_CHECK;

/* At finalize, with all that is known by then, in a transaction: badCSR if another key would do, else `unauthorized`; also if names were
 * proven, or a CA was chosen, otherwise than today's rules say. Begins *d anew, which decision_done ends either way. Counts nothing: if it is
 * refused by a rule, d->refused is for decision_count after the transaction. */
struct final_ask {
	const struct gate_conf *conf;
	const struct profile_conf *profile;
	const struct order *order;
	const struct account *account;
	const char *account_ref;
	const struct addr *peer;
	const char *key_type;
};
bool decision_at_finalize(struct sql *db, const struct final_ask *ask, struct decision *d, struct problem *pr) MUST_CHECK;
/* Then it goes on record. */
bool decision_update(struct sql *db, const struct decision *d, int64_t order_id, struct problem *pr) MUST_CHECK;
void decision_count(const struct gate_conf *conf, const struct policy_verdict *v);
#endif
