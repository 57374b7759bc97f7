/* authority.c - see authority.h.
 *
 * walk: NS of the name, then of the domain above it, until there are some: the zone's top -> addresses of all its name servers -> ask
 * each of them, and compare. An alias begins anew at its target, in whatever zone that is.
 *
 * What the servers of the ask are trusted with is who the name servers are, nothing else. A name server may be any address that a zone's
 * owner thinks of, so each is judged as a device's would be (V1). */
#include "dns/authority.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/nameser.h>

#include "dns/lookup.h"

#define SERVERS_MAX 8
#define ALIASES_MAX 8

struct authority;

struct server {
	struct authority *a;
	struct lookup *lookup; /* in flight */
	char name[DNS_NAME_TEXT];
	struct addr addrs[DNS_ADDRS_MAX];
	size_t addr_count;
};

struct authority {
	struct dns *dns;
	struct addr *resolvers; /* owned; none = those of dns */
	size_t resolver_count;
	struct dns_authority who;
	enum dns_type type;
	msec_t deadline_ms;
	char name[DNS_NAME_TEXT];     /* asked for */
	char target[DNS_NAME_TEXT];   /* or what it is an alias of */
	const char *zone;             /* within target: asked for NS, then found */
	struct lookup *walking;       /* in flight */
	unsigned aliases;
	struct server servers[SERVERS_MAX];
	size_t server_count, pending;
	bool has_failed;              /* the first failure counts, in: */
	struct problem problem;
	const struct server *first;   /* who answered first; what it said: */
	struct buf message;
	struct dns_records records;   /* of message */
	char alias[DNS_NAME_TEXT];
	struct problem absence;       /* without records: in which words */
	dns_records_fn fn;
	void *arg;
};

static void
authority_end(struct authority *a, const struct problem *pr)
{
	a->fn(&a->records, pr, a->arg);
	buf_done(&a->message);
	free(a->resolvers);
	free(a);
}

/* Without knowing: what the records are stays open. */
static void
authority_fail(struct authority *a, const struct problem *pr)
{
	a->records = (struct dns_records){ .outcome = DNS_FAILED };
	authority_end(a, pr);
}

static void __attribute__((format(printf, 2, 3)))
note_failure(struct authority *a, const char *fmt, ...)
{
	char text[sizeof(a->problem.detail)];
	va_list args;

	if (a->has_failed)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	a->has_failed = true;
	problem_set(&a->problem, PROBLEM_DNS, "%s", text);
}

static msec_t
left_ms(const struct authority *a)
{
	msec_t left = a->deadline_ms - clock_ms();

	return left > 1 ? left : 1;
}

static struct lookup *
ask_of(struct authority *a, const char *name, const struct addr *servers, size_t count, void *arg)
{
	return lookup_new(a->dns,
		&(struct dns_ask){ .name = name, .servers = servers, .server_count = count, .timeout_ms = left_ms(a) }, arg);
}

/* One of several is done; true if it was the last, and what was asked of all can go on. */
static bool
all_done(struct authority *a)
{
	if (--a->pending > 0)
		return false;
	if (a->dns->is_ending)
		note_failure(a, "DNS look-up of \"%s\" was given up", QUOTE(span_str(a->name)));
	if (!a->has_failed)
		return true;
	authority_fail(a, &a->problem);
	return false;
}

/* ---- what the zone's servers say ---- */

static void walk(struct authority *a);

static void
conclude(struct authority *a)
{
	if (!a->alias[0]) {
		authority_end(a, a->records.outcome == DNS_FOUND ? NULL : &a->absence);
		return;
	}
	if (++a->aliases > ALIASES_MAX) {
		note_failure(a, "DNS look-up of \"%s\" failed: too many aliases, one behind the other", QUOTE(span_str(a->name)));
		authority_fail(a, &a->problem);
		return;
	}
	memcpy(a->target, a->alias, sizeof(a->target));
	a->zone = a->target;
	walk(a);
}

static bool
has_all(const struct dns_records *a, const struct dns_records *of)
{
	for (size_t i = 0; i < of->count; i++) {
		size_t j = 0;

		while (j < a->count && !span_eq(of->list[i], a->list[j]))
			j++;
		if (j == a->count)
			return false;
	}
	return true;
}

/* As sets: servers give records in turns. */
static bool
same_records(const struct dns_records *a, const struct dns_records *b)
{
	return a->outcome == b->outcome && has_all(a, b) && has_all(b, a);
}

/* The records borrow from the look-up's message: take both. */
static void
keep_first(struct server *s, const struct dns_records *records, const struct problem *pr)
{
	struct authority *a = s->a;
	struct lookup *l = s->lookup;

	a->first = s;
	buf_done(&a->message);
	a->message = l->message;
	l->message = BUF_MAX(DNS_MESSAGE_MAX_BYTES);
	a->records = *records;
	memcpy(a->alias, l->alias, sizeof(a->alias));
	if (pr)
		a->absence = *pr;
}

static void
on_said(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct server *s = arg;
	struct authority *a = s->a;

	if (records->outcome == DNS_FAILED)
		note_failure(a, "\"%s\", a name server of \"%s\": %s", s->name, a->zone, pr->detail);
	else if (!a->first)
		keep_first(s, records, pr);
	else if (!same_records(&a->records, records) || strcasecmp(a->alias, s->lookup->alias) != 0)
		note_failure(a, "the name servers of \"%s\" do not agree about \"%s\": \"%s\" has another answer than \"%s\"", a->zone, a->target,
			s->name, a->first->name);
	if (all_done(a))
		conclude(a);
}

static void
ask_all(struct authority *a)
{
	a->first = NULL;
	a->pending = a->server_count;
	for (size_t i = 0; i < a->server_count; i++) {
		struct server *s = &a->servers[i];
		struct lookup *l = ask_of(a, a->target, s->addrs, s->addr_count, s);

		l->how = DNS_DIRECT;
		l->records_fn = on_said;
		l->answers[0].type = (int)a->type;
		l->answer_count = 1;
		s->lookup = l;
		lookup_post(l);
	}
}

/* ---- who they are ---- */

static void
on_server_addrs(const struct dns_addrs *addrs, const struct problem *pr, void *arg)
{
	struct server *s = arg;
	struct authority *a = s->a;

	for (size_t i = 0; i < addrs->count; i++) {
		struct addr addr = addrs->list[i];

		addr.port = a->who.port;
		if (reach_allows(a->who.reach, &addr))
			s->addrs[s->addr_count++] = addr;
	}
	if (pr)
		note_failure(a, "\"%s\", a name server of \"%s\": %s", s->name, a->zone, pr->detail);
	else if (s->addr_count == 0)
		/* neutral: where the inside networks lie is not the device's business */
		note_failure(a, "\"%s\", a name server of \"%s\", has no address that this gateway asks", s->name, a->zone);
	if (all_done(a))
		ask_all(a);
}

static void
find_addrs(struct authority *a)
{
	a->pending = a->server_count;
	for (size_t i = 0; i < a->server_count; i++) {
		struct server *s = &a->servers[i];

		dns_addrs(a->dns,
			&(struct dns_ask){ .name = s->name, .servers = a->resolvers, .server_count = a->resolver_count,
				.timeout_ms = left_ms(a) },
			on_server_addrs, s);
	}
}

/* ---- which zone it is ---- */

static bool
take_servers(struct authority *a, const struct dns_records *records)
{
	a->server_count = 0;
	for (size_t i = 0; i < records->count && a->server_count < SERVERS_MAX; i++) {
		struct server *s = &a->servers[a->server_count++];

		*s = (struct server){ .a = a };
		if (!record_name_read(buf_span(&a->walking->message), records->list[i], s->name))
			return false;
	}
	return true;
}

static void
on_ns(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct authority *a = arg;

	if (records->outcome == DNS_FAILED || a->dns->is_ending) {
		authority_fail(a, pr ? pr : &a->problem);
	} else if (records->outcome == DNS_FOUND) {
		if (take_servers(a, records)) {
			find_addrs(a);
			return;
		}
		note_failure(a, "the name servers of \"%s\" cannot be read", QUOTE(span_str(a->zone)));
		authority_fail(a, &a->problem);
	} else if ((a->zone = strchr(a->zone, '.')) && *++a->zone) {
		walk(a);
	} else {
		note_failure(a, "no zone of the DNS was found that \"%s\" is in", QUOTE(span_str(a->target)));
		authority_fail(a, &a->problem);
	}
}

static void
walk(struct authority *a)
{
	a->walking = ask_of(a, a->zone, a->resolvers, a->resolver_count, a);
	a->walking->how = DNS_HERE;
	a->walking->records_fn = on_ns;
	a->walking->answers[0].type = ns_t_ns;
	a->walking->answer_count = 1;
	lookup_post(a->walking);
}

void
authority_start(struct dns *dns, const struct dns_ask *ask, enum dns_type type, dns_records_fn fn, void *arg)
{
	struct authority *a = xcalloc(1, sizeof(*a));

	a->dns = dns;
	a->resolver_count = ask->server_count;
	a->resolvers = xcalloc(ask->server_count, sizeof(*a->resolvers));
	for (size_t i = 0; i < ask->server_count; i++)
		a->resolvers[i] = ask->servers[i];
	a->who = *ask->authority;
	a->type = type;
	a->deadline_ms = clock_ms() + ask->timeout_ms;
	a->message = BUF_MAX(DNS_MESSAGE_MAX_BYTES);
	a->fn = fn;
	a->arg = arg;
	/* what is longer is no name, and the first look-up says so */
	snprintf(a->name, sizeof(a->name), "%s", ask->name);
	snprintf(a->target, sizeof(a->target), "%s", ask->name);
	a->zone = a->target;
	walk(a);
}
