/* caa.c - see caa.h.
 *
 * Reading is strict where it forbids: a value that the grammar does not know counts as one that names nobody (RFC 8659 4.2), a
 * record that is cut off forbids as well. */
#include "validate/caa.h"

#include <ctype.h>

#include "validate/issue_value.h"

#define CRITICAL 0x80

/* RFC 8657 4: labels with commas between; is the method one of them? */
static bool
methods_allow(struct span list, const char *method)
{
	struct span label;
	bool found = false;

	if (list.n == 0 || list.p[list.n - 1] == ',')
		return false;
	while (span_cut(&list, ',', &label)) {
		if (label.n == 0)
			return false;
		for (size_t i = 0; i < label.n; i++) {
			if (!isalnum((unsigned char)label.p[i]) && label.p[i] != '-')
				return false;
		}
		found = found || span_is(label, method);
	}
	return found;
}

/* Parameters that do not follow the grammar, one that we know and that is not satisfied, or is there twice, let nobody. */
static bool
parameters_allow(struct issue_value v, const struct caa_ask *ask)
{
	unsigned accounts = 0, methods = 0;
	bool allowed = true;
	enum issue_next next;
	struct span tag, value;

	while ((next = issue_value_next(&v, &tag, &value)) == ISSUE_PARAMETER) {
		if (span_is_nocase(tag, "accounturi"))
			allowed = allowed && accounts++ == 0 && span_is(value, ask->account_url);
		else if (span_is_nocase(tag, "validationmethods"))
			allowed = allowed && methods++ == 0 && methods_allow(value, ask->method);
	}
	return allowed && next == ISSUE_END;
}

/* Does this issue or issuewild property let us? */
static bool
value_allows(struct span value, const struct caa_ask *ask)
{
	struct issue_value v;
	bool ours = false;

	if (!issue_value_parse(value, &v))
		return false;
	for (size_t i = 0; i < ask->issuers->count; i++)
		ours = ours || span_is_nocase(v.name, ask->issuers->list[i]);
	return ours && parameters_allow(v, ask);
}

struct property {
	bool critical;
	struct span tag, value;
};

/* RFC 8659 4.1 */
static bool
property_read(struct span rdata, struct property *ret)
{
	size_t n = rdata.n > 1 ? (unsigned char)rdata.p[1] : 0;

	if (n == 0 || rdata.n - 2 < n)
		return false;
	*ret = (struct property){ ((unsigned char)rdata.p[0] & CRITICAL) != 0, span_of(rdata.p + 2, n), span_from(rdata, 2 + n) };
	return true;
}

static bool
is_known(struct span tag)
{
	return span_is_nocase(tag, "issue") || span_is_nocase(tag, "issuewild") || span_is_nocase(tag, "iodef");
}

bool
caa_judge(const struct span *rdata, size_t count, const char *at, const struct caa_ask *ask, struct problem *pr)
{
	const char *base = QUOTE(span_str(at));
	struct { unsigned there, allow; } issue = { 0 }, wild = { 0 }, *which;
	struct property p;

	for (size_t i = 0; i < count; i++) {
		if (!property_read(rdata[i], &p))
			return problem_set(pr, PROBLEM_CAA, "a CAA record at \"%s\" cannot be read", base);
		if (p.critical && !is_known(p.tag))
			return problem_set(pr, PROBLEM_CAA, "a CAA record at \"%s\" is critical and of a kind that is unknown here: \"%s\"",
				base, QUOTE(p.tag));
		which = span_is_nocase(p.tag, "issue") ? &issue : span_is_nocase(p.tag, "issuewild") ? &wild : NULL;
		if (!which)
			continue;
		which->there++;
		which->allow += value_allows(p.value, ask);
	}
	/* 4.3: for a wildcard issuewild takes the place of issue, for all else it is ignored */
	which = ask->wildcard && wild.there ? &wild : &issue;
	if (!which->there || which->allow)
		return true;
	return problem_set(pr, PROBLEM_CAA, "the CAA records at \"%s\" do not allow a certificate for \"%s%s\" from here", base,
		ask->wildcard ? "*." : "", QUOTE(span_str(ask->name)));
}

static void ask_next(struct caa_check *c);

static void
on_records(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct caa_check *c = arg;

	switch (records->outcome) {
	case DNS_FOUND:
		c->allowed = caa_judge(records->list, records->count, c->at, &c->ask, &c->problem);
		break;
	case DNS_FAILED:
		/* not known is not allowed */
		problem_set(&c->problem, PROBLEM_DNS, "CAA of \"%s\": %s", QUOTE(span_str(c->ask.name)), pr->detail);
		break;
	case DNS_NO_RECORD:
	case DNS_NO_NAME:
		c->at = strchr(c->at, '.');
		if (c->at) {
			c->at++;
			ask_next(c);
			return;
		}
		c->allowed = true;
		break;
	}
	c->done(c);
}

static void
ask_next(struct caa_check *c)
{
	msec_t left = c->deadline - clock_ms();

	dns_records(c->dns, &(struct dns_ask){ c->at, c->resolvers, c->resolver_count, left > 1 ? left : 1 }, DNS_CAA, on_records, c);
}

void
caa_start(struct caa_check *c)
{
	c->allowed = false;
	c->at = c->ask.name;
	c->deadline = clock_ms() + c->timeout_ms;
	ask_next(c);
}
