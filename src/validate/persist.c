/* persist.c - see persist.h.
 *
 * A record that names another issuer, or cannot be read up to its issuer, is somebody else's and does not matter. */
#include "validate/persist.h"

#include "validate/issue_value.h"

#define RECORD_TEXT 4096

/* What one record says; a parameter that is not there is a span without a pointer. */
struct record {
	struct span account, policy, until;
};

static bool
names_us(struct span name, const struct conf_strings *issuers)
{
	bool ours = false;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	for (size_t i = 0; i < issuers->count; i++)
		ours = ours || span_is_nocase(name, issuers->list[i]);
	return ours;
}

/* Known parameters are there once at most, others do not matter. */
static bool
record_read(struct issue_value v, struct record *ret, const char **ret_fault)
{
	const struct {
		const char *tag;
		struct span *value;
		const char *twice;
	} known[] = { { "accounturi", &ret->account, "has accounturi twice" }, { "policy", &ret->policy, "has policy twice" },
		{ "persistUntil", &ret->until, "has persistUntil twice" } };
	enum issue_next next;
	struct span tag, value;

	*ret = (struct record){ 0 };
	while ((next = issue_value_next(&v, &tag, &value)) == ISSUE_PARAMETER) {
		for (size_t i = 0; i < COUNT_OF(known); i++) {
			if (!span_is_nocase(tag, known[i].tag))
				continue;
			*ret_fault = known[i].twice;
			if (known[i].value->p)
				return false;
			*known[i].value = value;
		}
	}
	*ret_fault = "has a parameter that is not TAG=VALUE, or none behind its last semicolon";
	return next == ISSUE_END;
}

static bool
malformed(struct problem *pr, const char *at, const char *what)
{
	return problem_set(pr, PROBLEM_MALFORMED, "%s: the record for this gateway %s", at, what);
}

static bool
unauthorized(struct problem *pr, const char *at, const char *what)
{
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "%s: the record for this gateway %s", at, what);
}

static bool
record_proves(struct issue_value v, const char *at, const struct persist_ask *ask, int64_t *ret_until, struct problem *pr)
{
	struct record r;
	const char *fault;
	uint64_t until = PERSIST_FOREVER;

	if (!record_read(v, &r, &fault))
		return malformed(pr, at, fault);
	if (!r.account.p)
		return malformed(pr, at, "has no accounturi");
	if (r.until.p && !span_uint(r.until, INT64_MAX, &until))
		return malformed(pr, at, "has a persistUntil that is no number of seconds");
	/* whose it is is not told: the URL is another's */
	if (!span_is(r.account, ask->account_url))
		return unauthorized(pr, at, "is for another account: its accounturi is not the URL of this one");
	if (ask->now_unix_s > (int64_t)until)
		return unauthorized(pr, at, "is past its persistUntil");
	if (ask->wide && !span_is_nocase(r.policy, "wildcard"))
		return unauthorized(pr, at, "is for that name alone: a wildcard, or a name below, needs policy=wildcard");
	*ret_until = (int64_t)until;
	return true;
}

enum persist_verdict
persist_judge(const struct span *rdata, size_t count, const char *at, const struct persist_ask *ask, int64_t *ret_until_unix_s,
	struct problem *pr)
{
	enum persist_verdict verdict = PERSIST_NONE;
	struct problem first = { 0 };
	char text[RECORD_TEXT];
	struct issue_value v;
	int64_t until = 0;

	for (size_t i = 0; i < count; i++) {
		struct problem fault = { 0 };

		if (!dns_txt_join(rdata[i], text, sizeof(text)) || !issue_value_parse(span_str(text), &v) || !names_us(v.name, ask->issuers))
			continue;
		if (record_proves(v, at, ask, &until, &fault)) {
			if (verdict != PERSIST_PROVEN || until > *ret_until_unix_s)
				*ret_until_unix_s = until;
			verdict = PERSIST_PROVEN;
		} else if (verdict == PERSIST_NONE) {
			verdict = PERSIST_REFUSED;
			first = fault;
		}
	}
	if (verdict == PERSIST_REFUSED)
		*pr = first;
	return verdict;
}
