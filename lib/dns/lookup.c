/* lookup.c - see lookup.h.
 *
 * Each look-up has a c-ares channel of its own: a fresh source port for its queries (a forger
 * has to guess it), nothing remembered from other look-ups, time-outs cut to fit, and an exact
 * end: destroying the channel ends all it does. c-ares tells through on_watch which sockets it
 * waits for; one timer serves its retries and our deadline.
 *
 * A and AAAA are asked together, other types one at a time. The look-up succeeds when either has an address, be the other's
 * server as broken as it likes; otherwise the fault that says most is told: a failure before
 * NXDOMAIN before "no such record".
 *
 * c-ares 1.18 goes on to the next server by itself when one is silent. When one answers
 * SERVFAIL, REFUSED or NOTIMP it does so too, but forgets the code ("could not contact DNS
 * servers"). So the first round takes any answer (NOCHECKRESP), and only after such a refusal,
 * and with several servers, a second round lets c-ares go through them. Its getaddrinfo and
 * gethostbyname are not used: they leak when the name is in the hosts file. */
#include "dns/lookup.h"

#include <stdlib.h>

#include <arpa/nameser.h>
#include <event2/event.h>
#include <netdb.h>

#define TRIES 3
#define TRY_MIN_MS 50
/* DNS Flag Day 2020: answers that fit need no fragments */
#define EDNS_OCTETS 1232
#define NAME_MAX_OCTETS 253
#define ALIASES_MAX 8

struct watch {
	LIST_ENTRY(watch) entry;
	ares_socket_t fd;
	struct event *event;
};

void
lookup_free(struct lookup *l)
{
	timer_free(l->timer);
	if (l->servers.list != l->dns->servers.list)
		free(l->servers.list);
	buf_done(&l->message);
	free(l->name);
	free(l);
}

/* The one place where a look-up ends: with addresses or records, or with a problem. */
static void
lookup_end(struct lookup *l, const struct dns_addrs *addrs, const struct problem *pr)
{
	static const struct dns_addrs none;

	if (l->has_channel)
		ares_destroy(l->channel); /* closes its sockets: on_watch */
	TAILQ_REMOVE(&l->dns->running, l, entry);
	l->records.message = buf_span(&l->message);
	l->records.alias = l->how != DNS_FOLLOW && l->alias[0] ? l->alias : NULL;
	if (l->records_fn)
		l->records_fn(&l->records, pr, l->arg);
	else
		l->addrs_fn(addrs ? addrs : &none, pr, l->arg);
	lookup_free(l);
}

static bool
lookup_is_done(const struct lookup *l)
{
	for (size_t i = 0; i < l->answer_count; i++) {
		if (!l->answers[i].done)
			return false;
	}
	return true;
}

static size_t
lookup_count(const struct lookup *l)
{
	return l->records_fn ? l->records.count : l->answers[0].count + l->answers[1].count;
}

static enum dns_outcome
outcome_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return DNS_NO_RECORD;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	default:
		return DNS_FAILED;
	}
}

/* All have answered, or there is no more time. */
static void
lookup_answer(struct lookup *l)
{
	struct problem pr = { 0 };
	struct dns_addrs addrs = { 0 };

	if (!l->records_fn)
		answers_merge(&l->answers[1], &l->answers[0], &addrs);
	l->records.outcome = l->fault ? DNS_FAILED : outcome_of(l->answers[0].status);
	if (lookup_count(l) > 0) {
		l->records.outcome = DNS_FOUND;
		lookup_end(l, &addrs, NULL);
		return;
	}
	if (l->fault)
		problem_set(&pr, PROBLEM_DNS, "DNS look-up of \"%s\" failed: %s", QUOTE(span_str(l->name)), l->fault);
	else
		answers_explain(l->answers, l->answer_count, l->name, l->timeout_ms, &pr);
	lookup_end(l, NULL, &pr);
}

static void lookup_go_on(struct lookup *l);

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *l = arg;

	ares_process_fd(l->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
		what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	lookup_go_on(l);
}

static void
on_timer(void *arg)
{
	struct lookup *l = arg;

	ares_process_fd(l->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	lookup_go_on(l);
}

/* c-ares: wait for this on that socket, or (neither) it is being closed */
static void
on_watch(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct lookup *l = arg;
	struct watch *w;

	LIST_FOREACH(w, &l->watches, entry) {
		if (w->fd == fd) {
			LIST_REMOVE(w, entry);
			event_free(w->event);
			free(w);
			break;
		}
	}
	if (!readable && !writable)
		return;
	w = xmalloc(sizeof(*w));
	w->fd = fd;
	w->event = event_new(loop_base(l->dns->loop), fd,
		(short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0)),
		on_event, l);
	if (!w->event || event_priority_set(w->event, 0) != 0 || event_add(w->event, NULL) != 0)
		abort();
	LIST_INSERT_HEAD(&l->watches, w, entry);
}

/* c-ares doubles the time of a try when it has gone round all servers: TRIES rounds fill the
 * time that there is. */
static int
try_ms(const struct lookup *l)
{
	msec_t servers = l->servers.count > 0 ? (msec_t)l->servers.count : 1;
	msec_t ms = l->timeout_ms / (servers * ((1 << TRIES) - 1));

	return (int)(ms > TRY_MIN_MS ? ms : TRY_MIN_MS);
}

static int
channel_open(struct lookup *l)
{
	struct ares_options options = {
		/* no search list, no aliases: the name is taken as it is */
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS |
			(l->second ? 0 : ARES_FLAG_NOCHECKRESP) | (l->how == DNS_DIRECT ? ARES_FLAG_NORECURSE : 0),
		.timeout = try_ms(l),
		.tries = TRIES,
		.ndots = 1,
		.lookups = (char[]){ "b" },
		.ednspsz = EDNS_OCTETS,
		.sock_state_cb = on_watch,
		.sock_state_cb_data = l,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
		ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
	int status;

	/* with all of these said, if only as none, c-ares does not read the system's files */
	if (l->servers.list)
		mask |= ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST;
	status = ares_init_options(&l->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return status;
	l->has_channel = true;
	return l->servers.list ? ares_set_servers_ports(l->channel, l->servers.list) : ARES_SUCCESS;
}

/* At the end of its servers c-ares has forgotten that one of them refused. */
static void
answer_end(struct answer *answer, int status)
{
	bool at_end = status == ARES_ECONNREFUSED || status == ARES_ETIMEOUT;

	answer->done = true;
	answer->status = at_end && answer->refusal != ARES_SUCCESS ? answer->refusal : status;
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct answer *answer = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = answer_fault(p, n) ? ARES_EBADRESP : answer_parse(answer, p, n);
	answer_end(answer, status);
}

/* There is a message, and c-ares makes of it that there are records, or none, or no such name. */
static bool
says_something(int status)
{
	return status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

/* What a zone's own server says must be its own knowledge; and a name that does not exist may be the end of an alias, which is what
 * counts here (RFC 6604). */
static int
direct_status(struct lookup *l, int status, const unsigned char *p, int n)
{
	if (!says_something(status))
		return status;
	if (!l->fault && !answer_is_authoritative(p, n))
		l->fault = "its answer is not authoritative";
	return status == ARES_ENOTFOUND && answer_has_records(p, n) ? ARES_SUCCESS : status;
}

static void
on_records(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct lookup *l = arg;

	(void)timeouts;
	buf_clear(&l->message);
	if (says_something(status))
		l->fault = answer_fault(p, n);
	if (l->how == DNS_DIRECT)
		status = direct_status(l, status, p, n);
	else if (!l->fault && status == ARES_ENODATA && answer_is_referral(p, n))
		l->fault = "the server refers to others and does not ask them itself";
	if (status == ARES_SUCCESS && !buf_add(&l->message, p, (size_t)n))
		status = ARES_EBADRESP;
	answer_end(&l->answers[0], status);
}

static void
answer_ask(struct lookup *l, struct answer *answer)
{
	answer->done = false;
	answer->refusal = answer_is_refusal(answer->status) ? answer->status : ARES_SUCCESS;
	/* until it is known */
	answer->status = answer->refusal != ARES_SUCCESS ? answer->refusal : ARES_ETIMEOUT;
	if (l->records_fn)
		ares_query(l->channel, l->target, ns_c_in, answer->type, on_records, l);
	else
		ares_query(l->channel, l->target, ns_c_in, answer->type, on_answer, answer);
}

static bool
has_other_servers(struct lookup *l)
{
	struct ares_addr_port_node *servers = NULL;
	bool several;

	if (ares_get_servers_ports(l->channel, &servers) != ARES_SUCCESS)
		return false;
	several = servers && servers->next;
	ares_free_data(servers);
	return several;
}

/* Ask again those that were refused. */
static bool
lookup_second_round(struct lookup *l)
{
	bool refused = false;

	for (size_t i = 0; i < l->answer_count; i++)
		refused = refused || answer_is_refusal(l->answers[i].status);
	if (l->second || lookup_count(l) > 0 || !l->has_channel || !refused || !has_other_servers(l))
		return false;
	ares_destroy(l->channel);
	l->has_channel = false;
	l->second = true;
	if (channel_open(l) != ARES_SUCCESS)
		return false;
	for (size_t i = 0; i < l->answer_count; i++) {
		if (answer_is_refusal(l->answers[i].status))
			answer_ask(l, &l->answers[i]);
	}
	return true;
}

static bool is_name(const char *name);

/* Records: read the message that came; true if it ends in an alias that was not followed for us, which is asked for now. */
static bool
lookup_follow(struct lookup *l)
{
	bool follow = l->how == DNS_FOLLOW;

	if (!l->records_fn || l->answers[0].status != ARES_SUCCESS || l->fault)
		return false;
	if (!records_parse(buf_span(&l->message), l->target, l->answers[0].type, follow, &l->records, l->alias, &l->fault) || !l->alias[0])
		return false;
	if (!follow)
		return false;
	if (++l->aliases > ALIASES_MAX)
		l->fault = "too many aliases, one behind the other";
	else if (!is_name(l->alias))
		l->fault = "it is an alias of what is no host name";
	if (l->fault)
		return false;
	memcpy(l->target, l->alias, sizeof(l->alias));
	l->alias[0] = '\0';
	l->answers[0].status = ARES_SUCCESS;
	answer_ask(l, &l->answers[0]);
	return true;
}

/* After c-ares had its turn: the end, or the next time to wake. */
static void
lookup_go_on(struct lookup *l)
{
	bool over = lookup_is_done(l) && !lookup_second_round(l) && !lookup_follow(l);
	msec_t left_ms = l->deadline_ms - clock_ms();
	struct timeval longest, room, *next;

	if (over || left_ms <= 0) {
		lookup_answer(l);
		return;
	}
	longest = (struct timeval){ .tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 };
	next = ares_timeout(l->channel, &longest, &room); /* one of the two */
	timer_set(l->timer, (msec_t)next->tv_sec * 1000 + next->tv_usec / 1000 + 1);
}

/* Letters, digits, hyphens, underscores in labels: c-ares would take backslashes for escapes. */
static bool
is_name(const char *name)
{
	static const char octets[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_OCTETS && strspn(name, octets) == n;
}

/* RFC 7686 section 2: these never go to the DNS. */
static bool
is_onion(const char *name)
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	return n >= 6 && strncasecmp(name + n - 6, ".onion", 6) == 0;
}

static void
answer_from_file(struct lookup *l, struct answer *answer)
{
	struct hostent *host = NULL;
	int family = answer->type == ns_t_a ? AF_INET : AF_INET6;

	if (ares_gethostbyname_file(l->channel, l->name, family, &host) != ARES_SUCCESS)
		return;
	if (host->h_addrtype == family) {
		for (char **p = host->h_addr_list; *p; p++)
			answer_add(answer, *p);
	}
	ares_free_hostent(host);
}

/* What can be said without asking anybody: true if that is all. */
static bool
lookup_at_once(struct lookup *l)
{
	int status = ARES_SUCCESS;

	if (is_onion(l->name))
		status = ARES_ENOTFOUND;
	else if (!is_name(l->name))
		status = ARES_EBADNAME;
	else
		status = channel_open(l);
	for (size_t i = 0; i < l->answer_count; i++) {
		l->answers[i].status = status;
		if (status == ARES_SUCCESS && !l->servers.list && !l->records_fn)
			answer_from_file(l, &l->answers[i]);
	}
	return status != ARES_SUCCESS || lookup_count(l) > 0;
}

void
lookup_begin(struct lookup *l)
{
	struct addr literal;

	TAILQ_INSERT_TAIL(&l->dns->running, l, entry);
	if (!l->records_fn && addr_parse(span_str(l->name), &literal)) {
		lookup_end(l, &(struct dns_addrs){ .list = { literal }, .count = 1 }, NULL);
		return;
	}
	if (lookup_at_once(l)) {
		lookup_answer(l);
		return;
	}
	snprintf(l->target, sizeof(l->target), "%s", l->name);
	l->timer = timer_new(l->dns->loop, on_timer, l);
	for (size_t i = 0; i < l->answer_count; i++)
		answer_ask(l, &l->answers[i]);
	lookup_go_on(l);
}

void
lookup_drop(struct lookup *l)
{
	struct problem pr = { 0 };

	problem_set(&pr, PROBLEM_DNS, "DNS look-up of \"%s\" was given up",
		QUOTE(span_str(l->name)));
	lookup_end(l, NULL, &pr);
}
