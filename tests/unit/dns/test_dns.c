/* Look-ups against a scripted DNS server on loopback, over UDP and TCP. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/dns.h"
#include "tap.h"

#define T_A 1
#define T_CNAME 5
#define T_AAAA 28
#define NAMES_MAX 32

struct server {
	int udp, tcp;
	uint16_t port;
	bool broken;  /* SERVFAIL to all */
	pthread_t thread;
	_Atomic(bool) stop, edns;
	_Atomic(unsigned) udp_queries, tcp_queries;
	_Atomic(unsigned) ports[64]; /* source ports seen */
	bool dropped;
};

struct message {
	unsigned char octet[4096];
	size_t n;
};

static struct loop *loop;
static struct server server, broken;

static void
put16(struct message *m, unsigned v)
{
	m->octet[m->n++] = (unsigned char)(v >> 8);
	m->octet[m->n++] = (unsigned char)v;
}

/* A record for the question's name, or for what the last CNAME points to. */
static void
put_record(struct message *m, unsigned owner, unsigned type, const void *data, unsigned n)
{
	put16(m, 0xc000 | owner);
	put16(m, type);
	put16(m, 1);
	put16(m, 0);
	put16(m, 60);
	put16(m, n);
	memcpy(m->octet + m->n, data, n);
	m->n += n;
	m->octet[7]++; /* ANCOUNT */
}

static void
put_a(struct message *m, unsigned owner, unsigned last)
{
	unsigned char a[4] = { 192, 0, 2, (unsigned char)last };

	put_record(m, owner, T_A, a, 4);
}

static void
put_aaaa(struct message *m, unsigned last)
{
	unsigned char a[16] = { 0x20, 0x01, 0x0d, 0xb8 };

	a[15] = (unsigned char)last;
	put_record(m, 12, T_AAAA, a, 16);
}

/* The question's name as text, and where the question ends. */
static size_t
read_name(const struct message *q, char *name, size_t size)
{
	size_t at = 12, n = 0;

	while (at < q->n && q->octet[at] != 0) {
		size_t label = q->octet[at++];

		if (n + label + 2 > size)
			break;
		memcpy(name + n, q->octet + at, label);
		n += label;
		at += label;
		name[n++] = '.';
	}
	name[n > 0 ? n - 1 : 0] = '\0';
	return at + 5;
}

static void
answer_a(struct message *r, const char *name, bool over_tcp)
{
	static const unsigned char target[] = "\5other\4test";

	if (strcmp(name, "a.test") == 0 || strcmp(name, "both.test") == 0 || strcmp(name, "half.test") == 0 ||
		strcmp(name, "half-fail.test") == 0 || strcmp(name, "drop.test") == 0 ||
		strcmp(name, "forged.test") == 0) {
		put_a(r, 12, 1);
	} else if (strcmp(name, "cname.test") == 0) {
		unsigned at = (unsigned)r->n + 12;

		put_record(r, 12, T_CNAME, target, sizeof(target));
		put_a(r, at, 7);
	} else if (strcmp(name, "big.test") == 0 && !over_tcp) {
		r->octet[2] |= 2; /* TC */
	} else if (strcmp(name, "big.test") == 0) {
		for (unsigned i = 0; i < 20; i++)
			put_a(r, 12, i);
	}
}

static void
answer_aaaa(struct message *r, const char *name)
{
	static const unsigned char mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 9 };

	if (strcmp(name, "both.test") == 0 || strcmp(name, "six.test") == 0)
		put_aaaa(r, 1);
	else if (strcmp(name, "mapped.test") == 0)
		put_record(r, 12, T_AAAA, mapped, 16);
	else if (strcmp(name, "big.test") == 0)
		for (unsigned i = 0; i < 12; i++)
			put_aaaa(r, i);
}

#define TEXT(s) "\0" s, sizeof(s) /* a character-string; its length is put in front */

static void
put_txt(struct message *m, unsigned owner, const char *text, unsigned n)
{
	unsigned char data[256];

	memcpy(data, text, n);
	data[0] = (unsigned char)(n - 1);
	put_record(m, owner, DNS_TXT, data, n);
}

static void
put_alias(struct message *m, unsigned owner, const char *name, size_t n)
{
	put_record(m, owner, T_CNAME, name, (unsigned)n);
}

static void
answer_txt(struct message *r, const char *name, bool over_tcp)
{
	static const unsigned char two_strings[] = "\3one\3two";
	unsigned at = (unsigned)r->n + 12;

	if (strcmp(name, "txt.test") == 0) {
		put_txt(r, 12, TEXT("first"));
		put_txt(r, 12, TEXT("second"));
		put_record(r, 12, DNS_TXT, two_strings, sizeof(two_strings) - 1);
		put_a(r, 12, 1); /* not what was asked for */
	} else if (strcmp(name, "other-owner.test") == 0) {
		put_alias(r, 12, "\3one\4test", 10);
		put_txt(r, 12, TEXT("beside the alias"));
		put_txt(r, at, TEXT("at the alias"));
	} else if (strcmp(name, "stranger.test") == 0) {
		put_txt(r, 12 + 9, TEXT("of test, not of stranger.test"));
	} else if (strncmp(name, "chain-", 6) == 0 && name[6] != '0') {
		char next[] = "\7chain-?\4test";

		next[7] = (char)(name[6] - 1);
		put_alias(r, 12, next, sizeof(next));
	} else if (strcmp(name, "chain-0.test") == 0) {
		put_txt(r, 12, TEXT("the end"));
	} else if (strcmp(name, "loop.test") == 0) {
		put_alias(r, 12, "\4loop\4test", 11);
	} else if (strcmp(name, "dangling.test") == 0) {
		put_alias(r, 12, "\2nx\4test", 9);
	} else if (strcmp(name, "odd.test") == 0) {
		put_alias(r, 12, "\5a b.c\4test", 12);
	} else if (strcmp(name, "short.test") == 0) {
		put_txt(r, 12, TEXT("cut"));
		r->n -= 2;
	} else if (strcmp(name, "many.test") == 0 && over_tcp) {
		for (unsigned i = 0; i < 101; i++)
			put_txt(r, 12, TEXT("x"));
	} else if (strcmp(name, "large.test") == 0 && over_tcp) {
		for (unsigned i = 0; i < 100; i++)
			put_txt(r, 12, TEXT("x"));
	} else if (strcmp(name, "many.test") == 0 || strcmp(name, "large.test") == 0) {
		r->octet[2] |= 2; /* TC */
	}
}

/* False = silence. */
static bool
answer(struct server *s, const struct message *q, bool over_tcp, struct message *r)
{
	char name[256];
	size_t end = read_name(q, name, sizeof(name));
	unsigned type = end <= q->n ? q->octet[end - 3] : 0;

	if (q->n < 17 || end > q->n)
		return false;
	if (q->octet[11] == 1 && q->n >= end + 11 && q->octet[end + 2] == 41 && q->octet[end + 3] == 1232 >> 8)
		s->edns = true;
	memcpy(r->octet, q->octet, end);
	r->n = end;
	r->octet[2] = 0x81;
	r->octet[3] = 0x80;
	memset(r->octet + 6, 0, 6);
	if (s->broken || strcmp(name, "fail.test") == 0 ||
		(strcmp(name, "half-fail.test") == 0 && type == T_AAAA)) {
		r->octet[3] |= 2;
		return true;
	}
	if (strcmp(name, "referral.test") == 0)
		r->octet[3] &= 0x7f; /* RA */
	if (strcmp(name, "known.test") == 0) {
		r->octet[2] |= 4; /* AA */
		r->octet[3] &= 0x7f;
	}
	if (strcmp(name, "echo.test") == 0)
		r->octet[2] &= 0x7f; /* QR */
	if (strcmp(name, "opcode.test") == 0)
		r->octet[2] |= 0x28;
	if (strcmp(name, "cut.test") == 0)
		r->octet[2] |= 2; /* TC */
	if (strcmp(name, "code.test") == 0)
		r->octet[3] |= 11;
	if (strcmp(name, "refused.test") == 0)
		r->octet[3] |= 5;
	if (strcmp(name, "nx.test") == 0)
		r->octet[3] |= 3;
	if (strcmp(name, "silent.test") == 0 || (strcmp(name, "half.test") == 0 && type == T_AAAA))
		return false;
	if (strcmp(name, "drop.test") == 0 && !s->dropped)
		return !(s->dropped = true);
	if (type == T_A)
		answer_a(r, name, over_tcp);
	else if (type == T_AAAA)
		answer_aaaa(r, name);
	else if (type == DNS_TXT)
		answer_txt(r, name, over_tcp);
	return true;
}

static void
serve_udp(struct server *s)
{
	struct message q, r;
	struct sockaddr_in from;
	socklen_t from_n = sizeof(from);
	ssize_t got = recvfrom(s->udp, q.octet, sizeof(q.octet), 0, (void *)&from, &from_n);

	if (got <= 0)
		return;
	q.n = (size_t)got;
	s->ports[atomic_fetch_add(&s->udp_queries, 1) % 64] = ntohs(from.sin_port);
	if (!answer(s, &q, false, &r))
		return;
	if (memmem(q.octet, q.n, "forged", 6)) {
		struct message forged = r;

		forged.octet[0] ^= 0x55; /* another id */
		forged.octet[forged.n - 1] = 66;
		sendto(s->udp, forged.octet, forged.n, 0, (void *)&from, from_n);
	}
	sendto(s->udp, r.octet, r.n, 0, (void *)&from, from_n);
}

static void
serve_tcp(struct server *s)
{
	int fd = accept(s->tcp, NULL, NULL);
	struct timeval tv = { .tv_sec = 2 };
	struct message q, r;
	unsigned char n[2];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	while (recv(fd, n, 2, MSG_WAITALL) == 2) {
		q.n = (size_t)n[0] << 8 | n[1];
		if (q.n > sizeof(q.octet) || recv(fd, q.octet, q.n, MSG_WAITALL) != (ssize_t)q.n)
			break;
		atomic_fetch_add(&s->tcp_queries, 1);
		if (!answer(s, &q, true, &r))
			continue;
		n[0] = (unsigned char)(r.n >> 8);
		n[1] = (unsigned char)r.n;
		(void)!send(fd, n, 2, MSG_NOSIGNAL);
		(void)!send(fd, r.octet, r.n, MSG_NOSIGNAL);
	}
	close(fd);
}

static void *
server_main(void *arg)
{
	struct server *s = arg;
	struct pollfd polls[2] = { { .fd = s->udp, .events = POLLIN }, { .fd = s->tcp, .events = POLLIN } };

	while (!s->stop) {
		if (poll(polls, 2, 20) <= 0)
			continue;
		if (polls[0].revents)
			serve_udp(s);
		if (polls[1].revents)
			serve_tcp(s);
	}
	return NULL;
}

static void
server_start(struct server *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	int one = 1;

	s->udp = socket(AF_INET, SOCK_DGRAM, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s->tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* the port that TCP gets is most likely free for UDP */
	if (bind(s->tcp, (void *)&sin, n) != 0 || listen(s->tcp, 8) != 0 ||
		getsockname(s->tcp, (void *)&sin, &n) != 0 || bind(s->udp, (void *)&sin, n) != 0)
		abort();
	s->port = ntohs(sin.sin_port);
	if (pthread_create(&s->thread, NULL, server_main, s) != 0)
		abort();
}

static void
server_stop(struct server *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
	close(s->udp);
	close(s->tcp);
}

struct result {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned calls;
	struct dns_addrs addrs;
	struct problem pr;
	bool failed, on_loop;
	msec_t took_ms;
};

static void
on_addrs(const struct dns_addrs *addrs, const struct problem *pr, void *arg)
{
	struct result *r = arg;

	pthread_mutex_lock(&r->lock);
	r->calls++;
	r->addrs = *addrs;
	r->failed = pr != NULL;
	if (pr)
		r->pr = *pr;
	r->on_loop = loop_is_mine(loop);
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static void
result_wait(struct result *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->calls == 0)
		pthread_cond_wait(&r->cond, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

static struct result *
look_up(struct dns *dns, const char *name, msec_t timeout_ms)
{
	static struct result r;
	msec_t start = clock_ms();

	r = (struct result){ .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	dns_addrs(dns, &(struct dns_ask){ .name = name, .timeout_ms = timeout_ms }, on_addrs, &r);
	result_wait(&r);
	r.took_ms = clock_ms() - start;
	return &r;
}

/* "addr addr ..." or the problem's detail */
static const char *
look_up_text(struct dns *dns, const char *name, msec_t timeout_ms)
{
	static char text[2048];
	struct result *r = look_up(dns, name, timeout_ms);
	size_t n = 0;

	if (r->failed)
		return r->pr.detail;
	text[0] = '\0';
	for (size_t i = 0; i < r->addrs.count; i++) {
		char one[ADDR_TEXT];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
			addr_text(&r->addrs.list[i], one));
	}
	return text;
}

static struct addr
addr_here(uint16_t port)
{
	return (struct addr){ .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = port };
}

static const struct {
	const char *name, *want, *what;
} cases[] = {
	{ "a.test", "192.0.2.1", "A alone" },
	{ "six.test", "2001:db8::1", "AAAA alone" },
	{ "both.test", "2001:db8::1 192.0.2.1", "IPv6 first" },
	{ "cname.test", "192.0.2.7", "a CNAME is followed in the answer" },
	{ "mapped.test", "192.0.2.9", "a mapped address is an IPv4 address" },
	{ "half-fail.test", "192.0.2.1", "SERVFAIL for AAAA leaves A" },
	{ "forged.test", "192.0.2.1", "an answer with another id is ignored" },
	{ "192.0.2.200", "192.0.2.200", "an IPv4 literal is itself" },
	{ "2001:db8::9", "2001:db8::9", "an IPv6 literal is itself" },
	{ "nx.test", "no such name in the DNS: \"nx.test\" (NXDOMAIN)", "NXDOMAIN is told" },
	{ "nodata.test", "\"nodata.test\" has neither an A nor an AAAA record", "no data is told" },
	{ "fail.test", "the name server failed on \"fail.test\" (SERVFAIL)", "SERVFAIL is told" },
	{ "refused.test", "the name server refused to answer for \"refused.test\" (REFUSED)", "REFUSED is told" },
	{ "x.onion", "no such name in the DNS: \"x.onion\" (NXDOMAIN)", ".onion is not asked for" },
	{ "", "\"\" is not a name of the DNS", "an empty name is refused" },
	{ "a\\.test", "\"a\\.test\" is not a name of the DNS", "an escape is refused" },
	{ "a..test", "\"a..test\" is not a name of the DNS", "an empty label is refused" },
};

static void
test_answers(struct dns *dns)
{
	struct result *r;
	char longest[300];
	unsigned tcp = server.tcp_queries;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		is_str(look_up_text(dns, cases[i].name, 3000), cases[i].want, "%s", cases[i].what);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	r = look_up(dns, longest, 3000);
	ok(r->failed && r->pr.kind == PROBLEM_DNS, "a name that is too long is refused");
	ok(r->on_loop && r->calls == 1, "once, on the loop's thread");
	ok(server.edns, "queries carry EDNS with 1232 octets");

	r = look_up(dns, "big.test", 3000);
	is_int(r->addrs.count, DNS_ADDRS_MAX, "long answers are cut");
	is_int(r->addrs.list[7].family, AF_INET6, "half of them IPv6");
	is_int(r->addrs.list[8].family, AF_INET, "half of them IPv4");
	ok(server.tcp_queries > tcp, "a truncated answer is asked for again over TCP");
}

struct records_result {
	struct result r;
	enum dns_outcome outcome;
	char text[2048]; /* the records, or the problem's detail */
};

static void
on_records(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct records_result *rr = arg;
	char one[300];
	size_t n = 0;

	pthread_mutex_lock(&rr->r.lock);
	rr->outcome = records->outcome;
	if (pr)
		snprintf(rr->text, sizeof(rr->text), "%s", pr->detail);
	for (size_t i = 0; i < records->count && n < 200; i++)
		n += (size_t)snprintf(rr->text + n, sizeof(rr->text) - n, "%s%s", i ? "," : "",
			dns_txt_join(records->list[i], one, sizeof(one)) ? one : "?");
	rr->r.addrs.count = records->count;
	rr->r.calls++;
	pthread_cond_signal(&rr->r.cond);
	pthread_mutex_unlock(&rr->r.lock);
}

static struct records_result *
records_of(struct dns *dns, struct dns_ask ask)
{
	static struct records_result rr;

	rr = (struct records_result){ .r = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER } };
	dns_records(dns, &ask, DNS_TXT, on_records, &rr);
	result_wait(&rr.r);
	return &rr;
}

static const struct {
	const char *name;
	enum dns_outcome outcome;
	const char *want, *what;
} record_cases[] = {
	{ "txt.test", DNS_FOUND, "first,second,onetwo", "all TXT records, their strings joined" },
	{ "other-owner.test", DNS_FOUND, "at the alias", "where there is an alias, what is at its end counts" },
	{ "chain-1.test", DNS_FOUND, "the end", "an alias that the server leaves to us is asked for" },
	{ "chain-8.test", DNS_FOUND, "the end", "eight of them in a chain" },
	{ "chain-9.test", DNS_FAILED, "DNS look-up of \"chain-9.test\" failed: too many aliases, one behind the other", "nine are too many" },
	{ "loop.test", DNS_FAILED, "DNS look-up of \"loop.test\" failed: too many aliases, one behind the other", "an alias of itself ends" },
	{ "dangling.test", DNS_NO_NAME, "no such name in the DNS: \"dangling.test\" (NXDOMAIN)", "an alias of what does not exist" },
	{ "odd.test", DNS_FAILED, "DNS look-up of \"odd.test\" failed: it is an alias of what is no host name", "an alias of an odd name" },
	{ "stranger.test", DNS_NO_RECORD, "\"stranger.test\" has no TXT record", "a record of another name does not count" },
	{ "a.test", DNS_NO_RECORD, "\"a.test\" has no TXT record", "no data is told" },
	{ "referral.test", DNS_FAILED, "DNS look-up of \"referral.test\" failed: the server refers to others and does not ask them itself", "a referral says nothing" },
	{ "echo.test", DNS_FAILED, "DNS look-up of \"echo.test\" failed: what came is no answer to a question", "a question is no answer" },
	{ "opcode.test", DNS_FAILED, "DNS look-up of \"opcode.test\" failed: what came is no answer to a question", "nor is one to an update" },
	{ "cut.test", DNS_FAILED, "DNS look-up of \"cut.test\" failed: the answer is cut off, over TCP as well", "an answer that stays cut off is no absence" },
	{ "code.test", DNS_FAILED, "DNS look-up of \"code.test\" failed: the server answers with a code that says nothing about the name", "nor is an unknown code" },
	{ "known.test", DNS_NO_RECORD, "\"known.test\" has no TXT record", "an authoritative server knows what it has not" },
	{ "nx.test", DNS_NO_NAME, "no such name in the DNS: \"nx.test\" (NXDOMAIN)", "NXDOMAIN is told" },
	{ "fail.test", DNS_FAILED, "the name server failed on \"fail.test\" (SERVFAIL)", "SERVFAIL is told" },
	{ "refused.test", DNS_FAILED, "the name server refused to answer for \"refused.test\" (REFUSED)", "REFUSED is told" },
	{ "short.test", DNS_FAILED, "DNS look-up of \"short.test\" failed: the answer is malformed", "a record that is cut off is none" },
	{ "many.test", DNS_FAILED, "DNS look-up of \"many.test\" failed: there are more than 100 records", "more than 100 are a failure" },
	{ "a..test", DNS_FAILED, "\"a..test\" is not a name of the DNS", "an empty label is refused" },
	{ "192.0.2.1", DNS_NO_RECORD, "\"192.0.2.1\" has no TXT record", "an address is a name like any other" },
};

static void
test_records(struct dns *dns)
{
	struct addr here = addr_here(server.port), closed = addr_here(1);
	struct dns *none = dns_new(loop, &closed, 1);
	unsigned tcp = server.tcp_queries;
	struct records_result *rr;

	for (size_t i = 0; i < COUNT_OF(record_cases); i++) {
		rr = records_of(dns, (struct dns_ask){ .name = record_cases[i].name, .timeout_ms = 3000 });
		is_int(rr->outcome, record_cases[i].outcome, "records: %s", record_cases[i].what);
		is_str(rr->text, record_cases[i].want, "in these words");
	}
	tcp = server.tcp_queries;
	rr = records_of(dns, (struct dns_ask){ .name = "large.test", .timeout_ms = 3000 });
	ok(rr->outcome == DNS_FOUND && rr->r.addrs.count == 100, "100 records are all there");
	ok(server.tcp_queries > tcp, "asked for again over TCP");
	rr = records_of(dns, (struct dns_ask){ .name = "silent.test", .timeout_ms = 300 });
	ok(rr->outcome == DNS_FAILED && strstr(rr->text, "(time-out)"), "silence is a failure, never an empty answer");
	rr = records_of(none, (struct dns_ask){ .name = "txt.test", .servers = &here, .server_count = 1, .timeout_ms = 3000 });
	is_int(rr->outcome, DNS_FOUND, "servers of its own are asked instead of the others");
	rr = records_of(dns, (struct dns_ask){ .name = "txt.test", .servers = &closed, .server_count = 1, .timeout_ms = 3000 });
	is_int(rr->outcome, DNS_FAILED, "and only those");
	dns_free(none);
}

static void
test_txt(void)
{
	static const struct {
		const char *rdata;
		size_t n;
		bool good;
		const char *what;
	} rows[] = {
		{ "", 0, true, "no string at all" },
		{ "\0", 1, true, "an empty string" },
		{ "\3abc\0\2de", 8, true, "three strings" },
		{ "\4abc", 4, false, "a string that is cut off" },
		{ "\3abc\1", 5, false, "a length without its string" },
		{ "\3a\0c", 4, false, "a NUL inside" },
		{ "\7abcdefg\1h", 10, false, "more than there is room for" },
	};
	char text[8];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ok(dns_txt_join(span_of(rows[i].rdata, rows[i].n), text, sizeof(text)) == rows[i].good, "TXT: %s", rows[i].what);
}

static void
test_times(struct dns *dns)
{
	struct result *r = look_up(dns, "silent.test", 300);

	ok(r->failed && r->pr.kind == PROBLEM_DNS, "silence is a DNS problem");
	is_str(r->pr.detail, "no answer from the DNS for \"silent.test\" within 300 ms (time-out)", "it is told");
	ok(r->took_ms >= 290 && r->took_ms < 1000, "after the given time");
	is_str(look_up_text(dns, "half.test", 300), "192.0.2.1", "silence for AAAA leaves A");
	is_str(look_up_text(dns, "drop.test", 2000), "192.0.2.1", "a lost query is repeated");
}

static void
test_servers(void)
{
	struct addr two[] = { addr_here(broken.port), addr_here(server.port) };
	struct addr closed = addr_here(1), both_broken[] = { two[0], two[0] };
	struct dns *dns = dns_new(loop, two, 2), *none = dns_new(loop, &closed, 1),
		   *bad = dns_new(loop, both_broken, 2);
	struct result *r;

	is_str(look_up_text(dns, "a.test", 3000), "192.0.2.1", "the second server is asked when the first fails");
	ok(broken.udp_queries > 0, "the first was asked");
	r = look_up(none, "a.test", 500);
	ok(r->failed && r->pr.kind == PROBLEM_DNS, "no server at all is a DNS problem");
	printf("# %s (%s)\n", r->pr.detail, r->pr.cause);
	r = look_up(none, "a.test", 500);
	ok(r->failed, "again");
	is_str(look_up_text(bad, "a.test", 3000), "the name server failed on \"a.test\" (SERVFAIL)",
		"SERVFAIL of all servers is told");
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	dns_free(none);
	dns_free(bad);
	loop_start(loop);
}

static void
test_many(struct dns *dns)
{
	static struct result results[NAMES_MAX];
	unsigned good = 0, ports = 0;

	server.udp_queries = 0;
	for (size_t i = 0; i < NAMES_MAX; i++) {
		results[i] = (struct result){ .lock = PTHREAD_MUTEX_INITIALIZER,
			.cond = PTHREAD_COND_INITIALIZER };
		dns_addrs(dns, &(struct dns_ask){ .name = "both.test", .timeout_ms = 3000 }, on_addrs, &results[i]);
	}
	for (size_t i = 0; i < NAMES_MAX; i++) {
		result_wait(&results[i]);
		good += !results[i].failed && results[i].addrs.count == 2 && results[i].calls == 1;
	}
	is_int(good, NAMES_MAX, "many look-ups at once each get their answer");
	for (size_t i = 0; i < 64; i++) {
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen = seen || server.ports[i] == server.ports[j];
		ports += !seen;
	}
	ok(ports >= NAMES_MAX / 2, "their source ports differ (%u)", ports);
}

static void
test_system(void)
{
	struct dns *dns = dns_new(loop, NULL, 0);
	struct result *r = look_up(dns, "localhost", 2000);

	ok(!r->failed && r->addrs.count > 0, "without servers the system's settings are used");
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	loop_start(loop);
}

static void
test_free(struct dns *dns)
{
	struct result a = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER }, b = a;
	unsigned queries = server.udp_queries;

	dns_addrs(dns, &(struct dns_ask){ .name = "silent.test", .timeout_ms = 5000 }, on_addrs, &a);
	while (server.udp_queries == queries)
		usleep(1000);
	loop_stop(loop);
	loop_join(loop);
	dns_addrs(dns, &(struct dns_ask){ .name = "silent.test", .timeout_ms = 5000 }, on_addrs, &b);
	dns_free(dns);
	ok(a.calls == 1 && a.failed && b.calls == 1 && b.failed, "free calls back running look-ups");
	is_str(a.pr.detail, "DNS look-up of \"silent.test\" was given up", "and says so");
}

int
main(void)
{
	struct addr here;
	struct dns *dns;

	broken.broken = true;
	server_start(&server);
	server_start(&broken);
	here = addr_here(server.port);
	loop = loop_new("test");
	dns = dns_new(loop, &here, 1);
	loop_start(loop);
	test_answers(dns);
	test_times(dns);
	test_records(dns);
	test_txt();
	test_servers();
	test_many(dns);
	test_system();
	test_free(dns);
	loop_free(loop);
	server_stop(&server);
	server_stop(&broken);
	return done_testing();
}
