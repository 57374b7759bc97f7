/* Records asked of the name servers of their zone: a resolver on 127.0.0.1 that knows who they are, and name servers on addresses
 * beside it, all of them scripted, at one port, over UDP and TCP. */
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/dns.h"
#include "flag.h"
#include "tap.h"

#define A 1
#define NS 2
#define CNAME 5
#define TXT 16
#define ADDRS 5 /* 127.0.0.1 and on */
#define NONE 9  /* where nobody listens */

enum { SILENT = 1, LAME = 2, TRUNCATED = 4, FORGED = 8, ASKED_ELSE = 16, REFERRAL = 32 };

/* What the one at 127.0.0.`at` says; an alias is said for any type. */
static const struct row {
	int at;
	const char *name;
	int type, rcode;
	unsigned how;
	const char *data[12];
} rows[] = {
	/* the resolver: who serves what */
	{ 1, "good.test", NS, .data = { "ns2.test", "ns3.test" } },
	{ 1, "one.test", NS, .data = { "ns2.test" } },
	{ 1, "dead.test", NS, .data = { "half.test" } },
	{ 1, "silent.test", NS, .data = { "ns2.test", "ns4.test" } },
	{ 1, "alone.test", NS, .data = { "nobody.test" } },
	{ 1, "outside.test", NS, .data = { "ns2.test", "far.test" } },
	{ 1, "cloud.test", NS, .data = { "meta.test" } },
	{ 1, "mixed.test", NS, .data = { "mixed-ns.test" } },
	{ 1, "gone.test", NS, .data = { "ns2.test", "unknown.test" } },
	{ 1, "self.test", NS, .data = { "odd name.test" } },
	{ 1, "many.test", NS, .data = { "ns2.test", "ns2.test", "ns2.test", "ns2.test", "ns2.test", "ns2.test", "ns2.test", "ns2.test", "far.test" } },
	{ 1, "broken.test", NS, .rcode = 2 },
	{ 1, "x.broken.test", NS, .rcode = 2 },
	{ 1, "x.alias.good.test", CNAME, .data = { "one.test" } }, /* no zone's top: what is there is an alias */
	{ 1, "ns2.test", A, .data = { "127.0.0.2" } },
	{ 1, "ns3.test", A, .data = { "127.0.0.3" } },
	{ 1, "ns4.test", A, .data = { "127.0.0.4" } },
	{ 1, "half.test", A, .data = { "127.0.0.9", "127.0.0.2" } },
	{ 1, "nobody.test", A, .data = { "127.0.0.9" } },
	{ 1, "far.test", A, .data = { "10.1.2.3" } },
	{ 1, "meta.test", A, .data = { "169.254.169.254" } },
	{ 1, "mixed-ns.test", A, .data = { "10.1.2.3", "169.254.169.254", "127.0.0.2" } },
	/* a lie in the resolver's cache, or from it */
	{ 1, "a.good.test", TXT, .data = { "cached" } },
	/* the name servers */
	{ 2, "a.good.test", TXT, .data = { "one", "two" } },
	{ 3, "a.good.test", TXT, .data = { "two", "one" } },
	{ 2, "good.test", TXT, .data = { "top" } },
	{ 3, "good.test", TXT, .data = { "top" } },
	{ 2, "b.good.test", TXT, .data = { "new" } },
	{ 3, "b.good.test", TXT, .data = { "old" } },
	{ 2, "c.good.test", TXT, .data = { "x", "y" } },
	{ 3, "c.good.test", TXT, .data = { "x" } },
	{ 2, "twice.good.test", TXT, .data = { "x", "x" } },
	{ 3, "twice.good.test", TXT, .data = { "x", "y" } },
	{ 2, "late.good.test", TXT, .data = { "x" } },
	{ 3, "late.good.test", TXT },
	{ 2, "new.good.test", TXT, .data = { "x" } }, /* the other: NXDOMAIN */
	{ 2, "nodata.good.test", TXT },
	{ 3, "nodata.good.test", TXT },
	{ 2, "x.alias.good.test", CNAME, .data = { "b.one.test" } },
	{ 3, "x.alias.good.test", CNAME, .data = { "B.One.test" } },
	{ 2, "split.good.test", CNAME, .data = { "b.one.test" } },
	{ 3, "split.good.test", CNAME, .data = { "c.one.test" } },
	{ 2, "b.one.test", TXT, .data = { "at the alias" } },
	{ 2, "c.one.test", TXT, .data = { "at the other" } },
	{ 2, "inner.one.test", CNAME, .data = { "inner2.one.test" } },
	{ 2, "inner2.one.test", CNAME, .data = { "b.one.test" } },
	{ 2, "loop.one.test", CNAME, .data = { "loop.one.test" } },
	{ 2, "lost.one.test", CNAME, 3, .data = { "nowhere.one.test" } },
	{ 2, "led.one.test", CNAME, 3, .data = { "b.one.test" } },
	{ 2, "lame.one.test", TXT, .how = LAME, .data = { "x" } },
	{ 2, "lame-none.one.test", TXT, .how = LAME },
	{ 2, "lame-nx.one.test", TXT, 3, .how = LAME },
	{ 2, "refers.one.test", TXT, .how = REFERRAL },
	{ 2, "fail.one.test", TXT, 2 },
	{ 2, "refused.one.test", TXT, 5 },
	{ 2, "long.one.test", TXT, .how = TRUNCATED, .data = { "all of it" } },
	{ 2, "forged.one.test", TXT, .how = FORGED, .data = { "genuine" } },
	{ 2, "else.one.test", TXT, .how = ASKED_ELSE, .data = { "genuine" } },
	{ 2, "a.dead.test", TXT, .data = { "second address" } },
	{ 2, "a.silent.test", TXT, .data = { "x" } },
	{ 4, "a.silent.test", TXT, .how = SILENT },
	{ 2, "a.outside.test", TXT, .data = { "x" } },
	{ 2, "a.mixed.test", TXT, .data = { "x" } },
	{ 2, "a.gone.test", TXT, .data = { "x" } },
	{ 2, "a.many.test", TXT, .data = { "x" } },
};

static const struct {
	const char *name;
	enum dns_outcome outcome;
	const char *want, *what;
} cases[] = {
	{ "a.good.test", DNS_FOUND, "one,two", "both name servers say so, each in its order, whatever the resolver thinks" },
	{ "good.test", DNS_FOUND, "top", "at the zone's top" },
	{ "b.good.test", DNS_FAILED, "the name servers of \"good.test\" do not agree about \"b.good.test\":", "they say different things" },
	{ "c.good.test", DNS_FAILED, "do not agree", "one has a record more" },
	{ "twice.good.test", DNS_FAILED, "do not agree", "as many, but not the same" },
	{ "late.good.test", DNS_FAILED, "do not agree", "one has none yet" },
	{ "new.good.test", DNS_FAILED, "do not agree", "one does not know the name yet" },
	{ "nodata.good.test", DNS_NO_RECORD, "\"nodata.good.test\" has no TXT record", "both know that there is none" },
	{ "nx.good.test", DNS_NO_NAME, "(NXDOMAIN)", "both know that there is no such name" },
	{ "x.alias.good.test", DNS_FOUND, "at the alias", "an alias leads to another zone and its servers; case is no difference" },
	{ "split.good.test", DNS_FAILED, "do not agree", "different aliases" },
	{ "inner.one.test", DNS_FOUND, "at the alias", "aliases within a zone" },
	{ "loop.one.test", DNS_FAILED, "too many aliases", "an alias of itself" },
	{ "lost.one.test", DNS_NO_NAME, "(NXDOMAIN)", "an alias of what does not exist, told with it" },
	{ "led.one.test", DNS_FOUND, "at the alias", "what comes with the alias does not count: its target is asked for" },
	{ "lame.one.test", DNS_FAILED, "its answer is not authoritative", "a name server that knows it from others" },
	{ "lame-none.one.test", DNS_FAILED, "its answer is not authoritative", "or knows from others that there is none" },
	{ "lame-nx.one.test", DNS_FAILED, "its answer is not authoritative", "or no such name" },
	{ "refers.one.test", DNS_FAILED, "its answer is not authoritative", "or refers to others" },
	{ "fail.one.test", DNS_FAILED, "\"ns2.test\", a name server of \"one.test\": the name server failed on \"fail.one.test\" (SERVFAIL)", "SERVFAIL" },
	{ "refused.one.test", DNS_FAILED, "(REFUSED)", "REFUSED" },
	{ "long.one.test", DNS_FOUND, "all of it", "a truncated answer is asked for again over TCP" },
	{ "forged.one.test", DNS_FOUND, "genuine", "an answer with another id is ignored" },
	{ "else.one.test", DNS_FOUND, "genuine", "and one to another question" },
	{ "a.dead.test", DNS_FOUND, "second address", "one address of a name server is enough" },
	{ "a.silent.test", DNS_FAILED, "\"ns4.test\", a name server of \"silent.test\": no answer from the DNS", "one of the name servers is silent" },
	{ "a.alone.test", DNS_FAILED, "\"nobody.test\", a name server of \"alone.test\": no", "the only one is dead" },
	{ "a.outside.test", DNS_FAILED, "\"far.test\", a name server of \"outside.test\", has no address that this gateway asks", "a name server outside of networks" },
	{ "a.cloud.test", DNS_FAILED, "has no address that this gateway asks", "a metadata service named as one" },
	{ "a.mixed.test", DNS_FOUND, "x", "forbidden addresses beside a good one are passed over" },
	{ "a.gone.test", DNS_FAILED, "\"unknown.test\", a name server of \"gone.test\": no such name in the DNS", "a name server without an address" },
	{ "a.self.test", DNS_FAILED, "is not a name of the DNS", "a name server whose name is none" },
	{ "a.many.test", DNS_FOUND, "x", "of many the first eight are asked" },
	{ "x.broken.test", DNS_FAILED, "(SERVFAIL)", "a zone whose name servers cannot be found out" },
	{ "a.b.nozone", DNS_FAILED, "no zone of the DNS was found that \"a.b.nozone\" is in", "no zone at all" },
	{ "a..test", DNS_FAILED, "is not a name of the DNS", "no name" },
	{ "x.onion", DNS_FAILED, "no zone of the DNS was found", "a name that is not of the DNS" },
};

struct message {
	unsigned char octet[2048];
	size_t n;
};

static int udp[ADDRS], tcp[ADDRS];
static uint16_t port;
static _Atomic(bool) stop;
static _Atomic(unsigned) recursive[ADDRS + 1], direct[ADDRS + 1], over_tcp;

static void
put16(struct message *m, unsigned v)
{
	m->octet[m->n++] = (unsigned char)(v >> 8);
	m->octet[m->n++] = (unsigned char)v;
}

static void
put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		m->octet[m->n++] = (unsigned char)n;
		memcpy(m->octet + m->n, name, n);
		m->n += n;
		name += n + (name[n] == '.');
	}
	m->octet[m->n++] = 0;
}

static void
put_record(struct message *m, int type, const char *text)
{
	size_t at;
	struct addr a;

	put16(m, 0xc00c);
	put16(m, (unsigned)type);
	put16(m, 1);
	put16(m, 0);
	put16(m, 60);
	put16(m, 0);
	at = m->n;
	if (type == A && addr_parse(span_str(text), &a)) {
		memcpy(m->octet + m->n, a.octet, 4);
		m->n += 4;
	} else if (type == TXT) {
		m->octet[m->n++] = (unsigned char)strlen(text);
		memcpy(m->octet + m->n, text, strlen(text));
		m->n += strlen(text);
	} else {
		put_name(m, text);
	}
	m->octet[at - 2] = (unsigned char)((m->n - at) >> 8);
	m->octet[at - 1] = (unsigned char)(m->n - at);
	m->octet[7]++;
}

static const struct row *
row_of(int at, const char *name, int type)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *r = &rows[i];

		if (r->at == at && strcmp(r->name, name) == 0 && (r->type == type || r->type == CNAME))
			return r;
	}
	return NULL;
}

static size_t
question(const struct message *q, char name[256], int *type)
{
	size_t at = 12, n = 0;

	while (at < q->n && q->octet[at] && n + 70 < 256) {
		size_t label = q->octet[at++];

		for (size_t i = 0; i < label && at < q->n; i++)
			name[n++] = (char)tolower(q->octet[at++]);
		name[n++] = '.';
	}
	name[n ? n - 1 : 0] = '\0';
	if (at + 5 > q->n)
		return 0;
	*type = q->octet[at + 1] << 8 | q->octet[at + 2];
	return at + 5;
}

static const struct row silence = { .how = SILENT };

/* The row that it was answered by. */
static const struct row *
answer(int at, const struct message *q, bool is_tcp, struct message *m)
{
	char name[256];
	int type;
	size_t end = q->n > 12 ? question(q, name, &type) : 0;
	const struct row *row;

	if (end == 0)
		return &silence;
	atomic_fetch_add(q->octet[2] & 1 ? &recursive[at] : &direct[at], 1);
	row = row_of(at, name, type);
	memcpy(m->octet, q->octet, end);
	m->n = end;
	memset(m->octet + 6, 0, 6);
	m->octet[2] = 0x80 | (at != 1 && !(row && row->how & (LAME | REFERRAL)) ? 4 : 0); /* AA */
	m->octet[3] = (unsigned char)((at == 1 || (row && row->how & LAME) ? 0x80 : 0) | (row ? row->rcode : 3)); /* RA */
	if (row && row->how & TRUNCATED && !is_tcp) {
		m->octet[2] |= 2;
		return row;
	}
	for (size_t i = 0; row && i < COUNT_OF(row->data) && row->data[i]; i++)
		put_record(m, row->type, row->data[i]);
	return row;
}

static void
serve_udp(int i)
{
	struct message q, m, forged;
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	ssize_t got = recvfrom(udp[i], q.octet, sizeof(q.octet), 0, (void *)&from, &n);
	const struct row *row;

	if (got <= 0)
		return;
	q.n = (size_t)got;
	row = answer(i + 1, &q, false, &m);
	if (row && row->how & SILENT)
		return;
	forged = m;
	forged.octet[forged.n - 1] = '!'; /* of the text */
	if (row && row->how & FORGED)
		forged.octet[0] ^= 0x55;
	else if (row && row->how & ASKED_ELSE)
		forged.octet[13] ^= 1;
	if (row && row->how & (FORGED | ASKED_ELSE))
		sendto(udp[i], forged.octet, forged.n, 0, (void *)&from, n);
	sendto(udp[i], m.octet, m.n, 0, (void *)&from, n);
}

static void
serve_tcp(int i)
{
	int fd = accept(tcp[i], NULL, NULL);
	struct timeval tv = { .tv_sec = 2 };
	struct message q, m;
	unsigned char n[2];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (recv(fd, n, 2, MSG_WAITALL) == 2 && (q.n = (size_t)n[0] << 8 | n[1]) < sizeof(q.octet) &&
		recv(fd, q.octet, q.n, MSG_WAITALL) == (ssize_t)q.n) {
		atomic_fetch_add(&over_tcp, 1);
		answer(i + 1, &q, true, &m);
		n[0] = (unsigned char)(m.n >> 8);
		n[1] = (unsigned char)m.n;
		(void)!send(fd, n, 2, MSG_NOSIGNAL);
		(void)!send(fd, m.octet, m.n, MSG_NOSIGNAL);
	}
	close(fd);
}

static void *
serve(void *arg)
{
	struct pollfd polls[2 * ADDRS];

	(void)arg;
	for (int i = 0; i < ADDRS; i++) {
		polls[2 * i] = (struct pollfd){ .fd = udp[i], .events = POLLIN };
		polls[2 * i + 1] = (struct pollfd){ .fd = tcp[i], .events = POLLIN };
	}
	while (!stop) {
		if (poll(polls, COUNT_OF(polls), 20) <= 0)
			continue;
		for (int i = 0; i < ADDRS; i++) {
			if (polls[2 * i].revents)
				serve_udp(i);
			if (polls[2 * i + 1].revents)
				serve_tcp(i);
		}
	}
	return NULL;
}

/* All at one port. */
static bool
open_all(void)
{
	for (int i = 0; i < ADDRS; i++) {
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)i), .sin_port = htons(port) };
		socklen_t n = sizeof(sin);
		int one = 1;

		udp[i] = socket(AF_INET, SOCK_DGRAM, 0);
		tcp[i] = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(tcp[i], SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(udp[i], (void *)&sin, n) != 0 || getsockname(udp[i], (void *)&sin, &n) != 0 || bind(tcp[i], (void *)&sin, n) != 0 ||
			listen(tcp[i], 8) != 0)
			return false;
		port = ntohs(sin.sin_port);
	}
	return true;
}

struct result {
	enum dns_outcome outcome;
	char text[1024];
};
static struct flag done = FLAG;

static void
on_records(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct result *r = arg;
	char one[300];
	size_t n = 0;

	r->outcome = records->outcome;
	snprintf(r->text, sizeof(r->text), "%s", pr ? pr->detail : "");
	for (size_t i = 0; i < records->count; i++)
		n += (size_t)snprintf(r->text + n, sizeof(r->text) - n, "%s%s", i ? "," : "", dns_txt_join(records->list[i], one, sizeof(one)) ? one : "?");
	flag_raise(&done);
}

static const struct net loopback_net = { { .family = AF_INET, .octet = { 127 } }, 8 };
static const struct reach loopback = { &loopback_net, 1, NULL, 0 }, nowhere = { 0 };

static void
ask(struct dns *dns, const char *name, const struct reach *reach, struct result *r)
{
	/* it outlives the callback */
	static struct dns_authority authority;

	authority = (struct dns_authority){ port, reach };
	*r = (struct result){ 0 };
	dns_records(dns, &(struct dns_ask){ .name = name, .timeout_ms = 900, .authority = &authority }, DNS_TXT, on_records, r);
}

int
main(void)
{
	struct loop *loop = loop_new("outbound");
	struct addr resolver = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	struct result r, many[100];
	unsigned asked, good = 0;
	struct dns *dns;
	pthread_t thread;

	for (int i = 0; i < 20 && !open_all(); i++)
		port = 0; /* what was free on the first address is not on another: those few sockets are left */
	pthread_create(&thread, NULL, serve, NULL);
	resolver.port = port;
	dns = dns_new(loop, &resolver, 1);
	loop_start(loop);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ask(dns, cases[i].name, &loopback, &r);
		flag_wait(&done, 1);
		is_int(r.outcome, cases[i].outcome, "%s", cases[i].what);
		if (!ok(strstr(r.text, cases[i].want) && (cases[i].outcome != DNS_FOUND || strlen(r.text) == strlen(cases[i].want)), "in these words"))
			printf("# %s\n", r.text);
	}
	ok(over_tcp > 0, "TCP was used");
	is_int(recursive[2] + recursive[3] + recursive[4], 0, "a zone's name servers are never asked to ask others");
	ok(direct[2] > 0 && direct[1] == 0, "the resolver always is");
	asked = direct[2];
	ask(dns, "a.good.test", &nowhere, &r);
	flag_wait(&done, 1);
	ok(r.outcome == DNS_FAILED && strstr(r.text, "has no address that this gateway asks") && direct[2] == asked, "without networks nobody is asked");
	for (size_t i = 0; i < COUNT_OF(many); i++)
		ask(dns, i % 2 ? "a.good.test" : "x.alias.good.test", &loopback, &many[i]);
	flag_wait(&done, COUNT_OF(many));
	for (size_t i = 0; i < COUNT_OF(many); i++)
		good += many[i].outcome == DNS_FOUND;
	is_int(good, COUNT_OF(many), "a hundred at once");
	ask(dns, "a.silent.test", &loopback, &r);
	ask(dns, "a.good.test", &loopback, &many[0]);
	usleep(20000);
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	flag_wait(&done, 2);
	ok(r.outcome == DNS_FAILED, "free calls back who still waits");
	loop_free(loop);
	stop = true;
	pthread_join(thread, NULL);
	return done_testing();
}
