/* caa.c - see caa.h.
 *
 * Reading is strict where it forbids: a value that the grammar does not know counts as one that names nobody (RFC 8659 4.2), a
 * record that is cut off forbids as well. */
#include "validate/caa.h"

#include <ctype.h>
#include <stdio.h>

#define CRITICAL 0x80

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static struct span
skip_wsp(struct span s)
{
	while (s.n && is_wsp(s.p[0]))
		s = span_from(s, 1);
	return s;
}

/* Octets of `s` up to one that is none of these. */
static struct span
take(struct span *s, bool (*is)(char c))
{
	struct span all = *s;
	size_t n = 0;

	while (n < all.n && is(all.p[n]))
		n++;
	*s = span_from(all, n);
	return span_of(all.p, n);
}

static bool
is_label(char c)
{
	return isalnum((unsigned char)c) || c == '-';
}

static bool
is_name(char c)
{
	return is_label(c) || c == '.';
}

/* %x21-3A / %x3C-7E: all that is printed but the semicolon */
static bool
is_value(char c)
{
	return c > 0x20 && c < 0x7f && c != ';';
}

/* Starts and ends with a letter or digit, hyphens only within. */
static bool
is_tag(struct span s)
{
	return s.n > 0 && isalnum((unsigned char)s.p[0]) && isalnum((unsigned char)s.p[s.n - 1]);
}

static bool
is_domain(struct span name)
{
	struct span label;
	bool good = name.n > 0 && name.p[name.n - 1] != '.';

	while (good && span_cut(&name, '.', &label))
		good = is_tag(label);
	return good;
}

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
			if (!is_label(label.p[i]))
				return false;
		}
		found = found || span_is(label, method);
	}
	return found;
}

/* ";" parameters: false if they do not follow the grammar, or one that we know is not satisfied, or is there twice. */
static bool
parameters_allow(struct span s, const struct caa_ask *ask)
{
	unsigned accounts = 0, methods = 0;
	bool allowed = true;

	for (s = skip_wsp(s); s.n > 0;) {
		struct span tag = take(&s, is_label), value;

		s = skip_wsp(s);
		if (!is_tag(tag) || s.n == 0 || s.p[0] != '=')
			return false;
		s = skip_wsp(span_from(s, 1));
		value = take(&s, is_value);
		s = skip_wsp(s);
		if (span_is_nocase(tag, "accounturi"))
			allowed = allowed && accounts++ == 0 && span_is(value, ask->account_url);
		else if (span_is_nocase(tag, "validationmethods"))
			allowed = allowed && methods++ == 0 && methods_allow(value, ask->method);
		if (s.n == 0)
			return allowed;
		if (s.p[0] != ';')
			return false;
		s = skip_wsp(span_from(s, 1));
		if (s.n == 0)
			return false;
	}
	return allowed;
}

/* Does this issue or issuewild property let us? */
static bool
value_allows(struct span value, const struct caa_ask *ask)
{
	struct span s = skip_wsp(value), name = take(&s, is_name);
	bool ours = false;

	s = skip_wsp(s);
	if (!is_domain(name) || (s.n > 0 && s.p[0] != ';'))
		return false;
	for (size_t i = 0; i < ask->issuers->count; i++)
		ours = ours || span_is_nocase(name, ask->issuers->list[i]);
	return ours && parameters_allow(span_from(s, 1), ask);
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
