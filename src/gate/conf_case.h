/* conf_case.h - one question to the rules, in words: "tenant=plant-1 address=10.1.2.3 a.plant.example". What files of policy_tests have on
 * each line, and acmegatectl on its command line. Any thread. */
#ifndef GATE_CONF_CASE_H
#define GATE_CONF_CASE_H

#include "gate/conf_facts.h"

struct conf_case {
	struct conf_facts facts; /* owned */
	struct idents idents;    /* owned */
	unsigned given;          /* POLICY_BIT of the facts that were said */
};
struct conf_case conf_case_new(void);
void conf_case_done(struct conf_case *c);
/* FACT=VALUE, or an identifier: a name (in Unicode, too), an address, permanent-identifier:VALUE. */
bool conf_case_add(struct conf_case *c, struct span word, struct problem *pr) MUST_CHECK;
/* Words with blanks between. */
bool conf_case_read(struct span words, struct conf_case *ret, struct problem *pr) MUST_CHECK;
/* What was not said is as it mostly is: the default profile, now, no certificate yet, what the profile's first CA gives. */
void conf_case_settle(struct conf_case *c, const struct gate_conf *conf, int64_t now_unix_s);

/* Run the files of policy_tests: a line that cannot be read, or that the rules answer otherwise, is an error with file and line.
 * Lines are WORDS -> allow|refuse [RULE] (doc/policy.md). */
bool conf_policy_tests(const struct gate_conf *conf, int64_t now_unix_s, struct conf_errors *errors) MUST_CHECK;
/* The same of a text that is called so; `where` is the key that names it. */
bool conf_policy_test(const struct gate_conf *conf, int64_t now_unix_s, const char *where, const char *name, struct span text,
	struct conf_errors *errors) MUST_CHECK;
/* What the rule says of a condition, for people: "plant-1, lab-*"; of many the first. */
void conf_rule_says(const struct rule_conf *r, enum policy_cond cond, struct buf *out);
#endif
