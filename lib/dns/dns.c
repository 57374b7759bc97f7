/* dns.c - see dns.h. What asks from any thread is queued here and begun on the loop's (lookup.c). */
#include "dns/dns.h"

#include <pthread.h>
#include <stdlib.h>

#include <arpa/nameser.h>

#include "dns/authority.h"
#include "dns/lookup.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
once_init(void)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		abort();
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

static struct servers
servers_copy(const struct addr *servers, size_t count)
{
	struct ares_addr_port_node *list = xcalloc(count, sizeof(*list));

	for (size_t i = 0; i < count; i++) {
		struct ares_addr_port_node *node = &list[i];

		node->next = i + 1 < count ? node + 1 : NULL;
		node->family = servers[i].family;
		node->udp_port = node->tcp_port = servers[i].port ? servers[i].port : 53;
		if (servers[i].family == AF_INET)
			memcpy(&node->addr.addr4, servers[i].octet, 4);
		else
			memcpy(&node->addr.addr6, servers[i].octet, 16);
	}
	return (struct servers){ list, count };
}

struct lookup *
lookup_new(struct dns *dns, const struct dns_ask *ask, void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->dns = dns;
	l->servers = ask->server_count ? servers_copy(ask->servers, ask->server_count) : dns->servers;
	l->name = xstrdup(ask->name);
	l->how = ask->how;
	l->timeout_ms = ask->timeout_ms;
	l->deadline_ms = clock_ms() + ask->timeout_ms;
	l->arg = arg;
	l->message = BUF_MAX(DNS_MESSAGE_MAX_BYTES);
	l->records.outcome = DNS_FAILED;
	LIST_INIT(&l->watches);
	return l;
}

void
lookup_post(struct lookup *l)
{
	struct dns *dns = l->dns;
	bool was_empty;

	pthread_mutex_lock(&dns->lock);
	was_empty = TAILQ_EMPTY(&dns->inbox);
	TAILQ_INSERT_TAIL(&dns->inbox, l, entry);
	pthread_mutex_unlock(&dns->lock);
	if (was_empty)
		loop_post(dns->loop, on_inbox, dns);
}

void
dns_addrs(struct dns *dns, const struct dns_ask *ask, dns_addrs_fn fn, void *arg)
{
	struct lookup *l = lookup_new(dns, ask, arg);

	l->addrs_fn = fn;
	l->answers[0].type = ns_t_aaaa;
	l->answers[1].type = ns_t_a;
	l->answer_count = 2;
	lookup_post(l);
}

void
dns_records(struct dns *dns, const struct dns_ask *ask, enum dns_type type, dns_records_fn fn, void *arg)
{
	struct lookup *l;

	if (ask->authority) {
		authority_start(dns, ask, type, fn, arg);
		return;
	}
	l = lookup_new(dns, ask, arg);
	l->records_fn = fn;
	l->answers[0].type = (int)type;
	l->answer_count = 1;
	lookup_post(l);
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
		dns->servers = servers_copy(servers, count);
	return dns;
}

void
dns_free(struct dns *dns)
{
	struct lookup *l;

	if (!dns)
		return;
	dns->is_ending = true;
	do {
		while ((l = inbox_take(dns)))
			TAILQ_INSERT_TAIL(&dns->running, l, entry);
		if ((l = TAILQ_FIRST(&dns->running)))
			lookup_drop(l);
	} while (l);
	pthread_mutex_destroy(&dns->lock);
	free(dns->servers.list);
	free(dns);
}
