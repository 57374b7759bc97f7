/* conf_facts.c - see conf_facts.h. */
#include "gate/conf_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* What a statement proves, or a CSR has. */
#define KNOWN_LATER (POLICY_BIT(POLICY_DEVICE_KIND) | POLICY_BIT(POLICY_DEVICE_TAG) | POLICY_BIT(POLICY_DEVICE_OWNER) | POLICY_BIT(POLICY_FORMAT) | \
	POLICY_BIT(POLICY_MODEL) | POLICY_BIT(POLICY_FIRMWARE) | POLICY_BIT(POLICY_PROTECTION) | POLICY_BIT(POLICY_KEY_TYPE))

static const char *const words[POLICY_HOURS + 1] = {
	[POLICY_PROFILE] = "profile", [POLICY_TENANT] = "tenant", [POLICY_EAB_KEY] = "eab-key", [POLICY_ACCOUNT] = "account",
	[POLICY_ADDRESS] = "address", [POLICY_SOURCE_NAME] = "source-name", [POLICY_DEVICE_KIND] = "device-kind",
	[POLICY_DEVICE_TAG] = "device-tags", [POLICY_DEVICE_OWNER] = "device-owner", [POLICY_FORMAT] = "device-format",
	[POLICY_MODEL] = "device-model", [POLICY_FIRMWARE] = "device-firmware", [POLICY_PROTECTION] = "key-protection",
	[POLICY_KEY_TYPE] = "key-type", [POLICY_NAME_COUNT] = "name-count", [POLICY_LIFETIME] = "lifetime",
	[POLICY_OUTSTANDING] = "outstanding", [POLICY_HOURS] = "time",
};

const char *
conf_facts_word(enum policy_cond cond)
{
	return cond <= POLICY_HOURS ? words[cond] : policy_cond_name(cond);
}

struct conf_facts
conf_facts_new(void)
{
	struct conf_facts facts = { .f = { .unknown = KNOWN_LATER } };

	conf_facts_set(&facts, POLICY_TENANT, "default");
	return facts;
}

void
conf_facts_done(struct conf_facts *facts)
{
	for (int cond = 0; cond < POLICY_LISTS; cond++)
		free(facts->texts[cond]);
	*facts = (struct conf_facts){ 0 };
}

const struct policy_facts *
conf_facts_of(struct conf_facts *facts)
{
	facts->f.address = facts->texts[POLICY_ADDRESS] ? &facts->address : NULL;
	return &facts->f;
}

void
conf_facts_set(struct conf_facts *facts, enum policy_cond cond, const char *text)
{
	char *copy = text && *text ? xstrdup(text) : NULL;

	free(facts->texts[cond]);
	facts->f.texts[cond] = facts->texts[cond] = copy;
	facts->f.unknown &= ~POLICY_BIT(cond);
}

void
conf_facts_set_number(struct conf_facts *facts, enum policy_cond cond, int64_t n)
{
	facts->f.numbers[cond - POLICY_LISTS] = n;
	facts->f.unknown &= ~POLICY_BIT(cond);
}

void
conf_facts_set_address(struct conf_facts *facts, const struct addr *address)
{
	char text[ADDR_TEXT];

	facts->address = *address;
	conf_facts_set(facts, POLICY_ADDRESS, addr_text(address, text));
}

static bool
set_number(struct conf_facts *facts, enum policy_cond cond, struct span value, struct problem *pr)
{
	uint64_t n;
	int64_t s;

	if (cond == POLICY_LIFETIME && conf_time_parse(value, &s))
		conf_facts_set_number(facts, cond, s);
	else if (cond != POLICY_LIFETIME && span_uint(value, INT64_MAX, &n))
		conf_facts_set_number(facts, cond, (int64_t)n);
	else
		return problem_set(pr, PROBLEM_MALFORMED, "%s is \"%s\", which is no %s", words[cond], QUOTE(value), cond == POLICY_LIFETIME ? "time such as \"90d\"" : "count");
	return true;
}

static bool
set_text(struct conf_facts *facts, enum policy_cond cond, struct span value, struct problem *pr)
{
	char text[CONF_FACT_TEXT];
	struct addr address;

	if (!span_copy(value, text, sizeof(text)))
		return problem_set(pr, PROBLEM_MALFORMED, "%s is longer than %d octets", words[cond], CONF_FACT_TEXT - 1);
	if (cond != POLICY_ADDRESS)
		conf_facts_set(facts, cond, text);
	else if (addr_parse(value, &address))
		conf_facts_set_address(facts, &address);
	else if (value.n)
		return problem_set(pr, PROBLEM_MALFORMED, "address is \"%s\", which is none", QUOTE(value));
	return true;
}

bool
conf_facts_set_word(struct conf_facts *facts, struct span name, struct span value, struct problem *pr)
{
	for (int cond = 0; cond < POLICY_HOURS; cond++) {
		if (span_is(name, words[cond]))
			return cond < POLICY_LISTS ? set_text(facts, (enum policy_cond)cond, value, pr) : set_number(facts, (enum policy_cond)cond, value, pr);
	}
	if (!span_is(name, words[POLICY_HOURS]))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no fact", QUOTE(name));
	return time_rfc3339_parse(value, &facts->f.now_unix_s) || problem_set(pr, PROBLEM_MALFORMED, "time is \"%s\", expected one such as 2026-11-30T12:00:00Z", QUOTE(value));
}

/* A life that is INT64_MAX has no text that is shorter. */
static const char *
number_text(enum policy_cond cond, int64_t n, char dst[CONF_FACT_TEXT])
{
	snprintf(dst, CONF_FACT_TEXT, cond == POLICY_LIFETIME ? "%llds" : "%lld", (long long)n);
	return dst;
}

const char *
conf_facts_text(const struct conf_facts *facts, enum policy_cond cond, char dst[CONF_FACT_TEXT])
{
	char time[TIME_TEXT];

	if (facts->f.unknown & POLICY_BIT(cond))
		return snprintf(dst, CONF_FACT_TEXT, "not known yet"), dst;
	if (cond == POLICY_HOURS)
		return snprintf(dst, CONF_FACT_TEXT, "%s", time_rfc3339(facts->f.now_unix_s, time)), dst;
	if (cond >= POLICY_LISTS)
		return number_text(cond, facts->f.numbers[cond - POLICY_LISTS], dst);
	return snprintf(dst, CONF_FACT_TEXT, "%s", facts->texts[cond] ? facts->texts[cond] : ""), dst;
}

void
conf_facts_write(const struct conf_facts *facts, struct jw *w)
{
	char text[CONF_FACT_TEXT];

	for (int cond = 0; cond <= POLICY_HOURS; cond++) {
		if (!(facts->f.unknown & POLICY_BIT(cond)))
			jw_str(w, words[cond], conf_facts_text(facts, (enum policy_cond)cond, text));
	}
}

bool
conf_facts_read(const struct json_node *object, struct conf_facts *facts, struct problem *pr)
{
	for (int cond = 0; cond <= POLICY_HOURS; cond++) {
		struct span value = json_text(json_get(object, words[cond]));

		if (value.p && !conf_facts_set_word(facts, span_str(words[cond]), value, pr))
			return false;
	}
	return true;
}
