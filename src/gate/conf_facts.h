/* conf_facts.h - the facts of one decision, as words: what tests of the policy, acmegatectl and the store have in common. Any thread. */
#ifndef GATE_CONF_FACTS_H
#define GATE_CONF_FACTS_H

#include "gate/conf.h"
#include "json/json.h"
#include "json/jw.h"

#define CONF_LIFETIME_ANY (INT64_C(100) * 366 * 86400) /* longer than any rule can say: what a CA decides */

struct conf_facts {
	struct policy_facts f;      /* its texts lie here, too; its address is set by conf_facts_of */
	struct addr address;
	char *texts[POLICY_LISTS];  /* owned */
};
/* Nobody asks: of the tenant "default", without a key; what is known at finalize alone is unknown. */
struct conf_facts conf_facts_new(void);
void conf_facts_done(struct conf_facts *facts);
/* As policy_decide wants them; borrowed, as long as this one stays where it is. */
const struct policy_facts *conf_facts_of(struct conf_facts *facts);
/* From now on known; NULL or "": there is none. Not the address. */
void conf_facts_set(struct conf_facts *facts, enum policy_cond cond, const char *text);
void conf_facts_set_number(struct conf_facts *facts, enum policy_cond cond, int64_t n);
void conf_facts_set_address(struct conf_facts *facts, const struct addr *address);
/* By its name in words: "profile", "tenant", "address", "lifetime" ("90d"), "time" (RFC 3339). PROBLEM_MALFORMED. */
bool conf_facts_set_word(struct conf_facts *facts, struct span name, struct span value, struct problem *pr) MUST_CHECK;
/* The word of a condition: "tenant". */
const char *conf_facts_word(enum policy_cond cond);
/* Members of an object, all of them texts: what is known. And read: members with other names are left alone. */
void conf_facts_write(const struct conf_facts *facts, struct jw *w);
bool conf_facts_read(const struct json_node *object, struct conf_facts *facts, struct problem *pr) MUST_CHECK;
/* What it is, for people: "plant-1", "90d"; "" = none. Returns dst. */
#define CONF_FACT_TEXT 300
const char *conf_facts_text(const struct conf_facts *facts, enum policy_cond cond, char dst[CONF_FACT_TEXT]);
#endif
