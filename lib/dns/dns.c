/* dns.c - see dns.h.
 *
 * Each look-up has a c-ares channel of its own: a fresh source port for its queries (a forger
 * has to guess it), nothing remembered from other look-ups, time-outs cut to fit, and an exact
 * end: destroying the channel ends all it does. c-ares tells through on_watch which sockets it
 * waits for; one timer serves its retries and our deadline.
 *
 * A and AAAA are asked together. The look-up succeeds when either has an address, be the other's
 * server as broken as it likes; otherwise the fault that says most is told: a failure before
 * NXDOMAIN before "no such record".
 *
 * c-ares 1.18 goes on to the next server by itself when one is silent. When one answers
 * SERVFAIL, REFUSED or NOTIMP it does so too, but forgets the code ("could not contact DNS
 * servers"). So the first round takes any answer (NOCHECKRESP), and only after such a refusal,
 * and with several servers, a second round lets c-ares go through them. Its getaddrinfo and
 * gethostbyname are not used: they leak when the name is in the hosts file. */
#include "dns/dns.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <ares.h>
#include <arpa/nameser.h>
#include <event2/event.h>
#include <netdb.h>

#include "base/mem.h"
#include "dns/answer.h"

#define TRIES 3
#define TRY_MIN_MS 50
/* DNS Flag Day 2020: answers that fit need no fragments */
#define EDNS_OCTETS 1232
#define NAME_MAX_OCTETS 253

struct watch {
	LIST_ENTRY(watch) entry;
	ares_socket_t fd;
	struct event *event;
};

struct lookup {
	TAILQ_ENTRY(lookup) entry;
	struct dns *dns;
	char *name;
	msec_t timeout_ms, deadline_ms;
	dns_addrs_fn fn;
	void *arg;
	ares_channel channel;
	bool has_channel;
	bool second; /* round */
	LIST_HEAD(, watch) watches;
	struct timer *timer;
	struct answer a, aaaa;
};
TAILQ_HEAD(lookups, lookup);

struct dns {
	struct loop *loop;
	struct ares_addr_port_node *servers; /* an array, linked; NULL = the system's */
	size_t server_count;
	struct lookups running; /* loop's thread */
	pthread_mutex_t lock;
	struct lookups inbox; /* under lock */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
once_init(void)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		abort();
}

static void
lookup_free(struct lookup *l)
{
	timer_free(l->timer);
	free(l->name);
	free(l);
}

/* The one place where a look-up ends. */
static void
lookup_end(struct lookup *l, const struct dns_addrs *addrs, const struct problem *pr)
{
	static const struct dns_addrs none;

	if (l->has_channel)
		ares_destroy(l->channel); /* closes its sockets: on_watch */
	TAILQ_REMOVE(&l->dns->running, l, entry);
	l->fn(addrs ? addrs : &none, pr, l->arg);
	lookup_free(l);
}

/* Both have answered, or there is no more time. */
static void
lookup_answer(struct lookup *l)
{
	struct problem pr = { 0 };
	struct dns_addrs addrs;

	answers_merge(&l->a, &l->aaaa, &addrs);
	if (addrs.count > 0) {
		lookup_end(l, &addrs, NULL);
		return;
	}
	answers_explain(&l->a, &l->aaaa, l->name, l->timeout_ms, &pr);
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
	msec_t servers = l->dns->server_count > 0 ? (msec_t)l->dns->server_count : 1;
	msec_t ms = l->timeout_ms / (servers * ((1 << TRIES) - 1));

	return (int)(ms > TRY_MIN_MS ? ms : TRY_MIN_MS);
}

static int
channel_open(struct lookup *l)
{
	struct ares_options options = {
		/* no search list, no aliases: the name is taken as it is */
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS |
			(l->second ? 0 : ARES_FLAG_NOCHECKRESP),
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
	if (l->dns->servers)
		mask |= ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST;
	status = ares_init_options(&l->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return status;
	l->has_channel = true;
	return l->dns->servers ? ares_set_servers_ports(l->channel, l->dns->servers) : ARES_SUCCESS;
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
	struct answer *answer = arg;

	(void)timeouts;
	answer->done = true;
	if (status == ARES_SUCCESS)
		status = answer_parse(answer, p, n);
	/* what c-ares says when it is at the end of its servers */
	if ((status == ARES_ECONNREFUSED || status == ARES_ETIMEOUT) &&
		answer->refusal != ARES_SUCCESS)
		status = answer->refusal;
	answer->status = status;
}

static void
answer_ask(struct lookup *l, struct answer *answer)
{
	answer->done = false;
	answer->refusal = answer_is_refusal(answer->status) ? answer->status : ARES_SUCCESS;
	/* until it is known */
	answer->status = answer->refusal != ARES_SUCCESS ? answer->refusal : ARES_ETIMEOUT;
	ares_query(l->channel, l->name, ns_c_in, answer->family == AF_INET ? ns_t_a : ns_t_aaaa,
		on_answer, answer);
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
	struct answer *answers[] = { &l->aaaa, &l->a };

	if (l->second || l->a.count + l->aaaa.count > 0 || !l->has_channel ||
		(!answer_is_refusal(l->a.status) && !answer_is_refusal(l->aaaa.status)) ||
		!has_other_servers(l))
		return false;
	ares_destroy(l->channel);
	l->has_channel = false;
	l->second = true;
	if (channel_open(l) != ARES_SUCCESS)
		return false;
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (answer_is_refusal(answers[i]->status))
			answer_ask(l, answers[i]);
	}
	return true;
}

/* After c-ares had its turn: the end, or the next time to wake. */
static void
lookup_go_on(struct lookup *l)
{
	msec_t left_ms = l->deadline_ms - clock_ms();
	struct timeval longest, room, *next;

	if (left_ms <= 0 || (l->a.done && l->aaaa.done && !lookup_second_round(l))) {
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

	if (ares_gethostbyname_file(l->channel, l->name, answer->family, &host) != ARES_SUCCESS)
		return;
	if (host->h_addrtype == answer->family) {
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
	l->a.status = l->aaaa.status = status;
	if (status == ARES_SUCCESS && !l->dns->servers) {
		answer_from_file(l, &l->aaaa);
		answer_from_file(l, &l->a);
	}
	return status != ARES_SUCCESS || l->a.count + l->aaaa.count > 0;
}

static void
lookup_begin(struct lookup *l)
{
	struct addr literal;

	TAILQ_INSERT_TAIL(&l->dns->running, l, entry);
	if (addr_parse(span_str(l->name), &literal)) {
		lookup_end(l, &(struct dns_addrs){ .list = { literal }, .count = 1 }, NULL);
		return;
	}
	if (lookup_at_once(l)) {
		lookup_answer(l);
		return;
	}
	l->timer = timer_new(l->dns->loop, on_timer, l);
	answer_ask(l, &l->aaaa);
	answer_ask(l, &l->a);
	lookup_go_on(l);
}

static struct lookup *
inbox_take(struct dns *dns)
{
	struct lookup *l;

	pthread_mutex_lock(&dns->lock);
	l = TAILQ_FIRST(&dns->inbox);
	if (l)
		TAILQ_REMOVE(&dns->inbox, l, entry);
	pthread_mutex_unlock(&dns->lock);
	return l;
}

static void
on_inbox(void *arg)
{
	struct dns *dns = arg;
	struct lookup *l;

	while ((l = inbox_take(dns)))
		lookup_begin(l);
}

void
dns_addrs(struct dns *dns, const char *name, msec_t timeout_ms, dns_addrs_fn fn, void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	bool was_empty;

	l->dns = dns;
	l->name = xstrdup(name);
	l->timeout_ms = timeout_ms;
	l->deadline_ms = clock_ms() + timeout_ms;
	l->fn = fn;
	l->arg = arg;
	l->a = (struct answer){ .family = AF_INET };
	l->aaaa = (struct answer){ .family = AF_INET6 };
	LIST_INIT(&l->watches);
	pthread_mutex_lock(&dns->lock);
	was_empty = TAILQ_EMPTY(&dns->inbox);
	TAILQ_INSERT_TAIL(&dns->inbox, l, entry);
	pthread_mutex_unlock(&dns->lock);
	if (was_empty)
		loop_post(dns->loop, on_inbox, dns);
}

static void
servers_set(struct dns *dns, const struct addr *servers, size_t count)
{
	dns->servers = xcalloc(count, sizeof(*dns->servers));
	dns->server_count = count;
	for (size_t i = 0; i < count; i++) {
		struct ares_addr_port_node *node = &dns->servers[i];

		node->next = i + 1 < count ? node + 1 : NULL;
		node->family = servers[i].family;
		node->udp_port = node->tcp_port = servers[i].port ? servers[i].port : 53;
		if (servers[i].family == AF_INET)
			memcpy(&node->addr.addr4, servers[i].octet, 4);
		else
			memcpy(&node->addr.addr6, servers[i].octet, 16);
	}
}

struct dns *
dns_new(struct loop *loop, const struct addr *servers, size_t count)
{
	struct dns *dns = xcalloc(1, sizeof(*dns));

	pthread_once(&once, once_init);
	dns->loop = loop;
	TAILQ_INIT(&dns->running);
	TAILQ_INIT(&dns->inbox);
	pthread_mutex_init(&dns->lock, NULL);
	if (servers && count > 0)
		servers_set(dns, servers, count);
	return dns;
}

static void
lookup_drop(struct lookup *l)
{
	struct problem pr = { 0 };

	problem_set(&pr, PROBLEM_DNS, "DNS look-up of \"%s\" was given up",
		QUOTE(span_str(l->name)));
	lookup_end(l, NULL, &pr);
}

void
dns_free(struct dns *dns)
{
	struct lookup *l;

	if (!dns)
		return;
	while ((l = inbox_take(dns)))
		TAILQ_INSERT_TAIL(&dns->running, l, entry);
	while ((l = TAILQ_FIRST(&dns->running)))
		lookup_drop(l);
	pthread_mutex_destroy(&dns->lock);
	free(dns->servers);
	free(dns);
}
