/* net.h - the devices' network for tests of validation: a DNS server that answers from a table, and self-signed TLS. */
#ifndef TESTS_VALIDATE_NET_H
#define TESTS_VALIDATE_NET_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../httpc/server.h"
#include "../pki/forge.h"

struct name_row {
	const char *name;
	const char *v4, *v6; /* NULL = none */
	int rcode;           /* -1 = silence */
	const char *txt[4];  /* TXT records of one string each */
	bool forged;         /* answers have a wrong id */
	const char *caa[4];  /* CAA records: "FLAGS TAG VALUE" */
	const char *then_v4; /* A from the second question on */
};

struct names {
	const struct name_row *rows;
	size_t count;
	int fd;
	uint16_t port;
	pthread_t thread;
	_Atomic(bool) stop;
	_Atomic(unsigned) queries;
	_Atomic(unsigned) rebound; /* questions for A of names that have then_v4 */
};

static inline const struct name_row *
names_find(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++) {
		if (strcmp(n->rows[i].name, name) == 0)
			return &n->rows[i];
	}
	return NULL;
}

/* The question's name as text; where the question ends, 0 if it does not. */
static inline size_t
names_question(const unsigned char *q, size_t n, char name[256])
{
	size_t at = 12, out = 0;

	while (at < n && q[at] != 0) {
		size_t label = q[at++];

		if (label > 63 || at + label > n || out + label + 2 > 256)
			return 0;
		memcpy(name + out, q + at, label);
		out += label;
		name[out++] = '.';
		at += label;
	}
	name[out ? out - 1 : 0] = '\0';
	return at + 5 <= n ? at + 5 : 0;
}

static inline size_t
names_answer(unsigned char *r, size_t at, const char *text, unsigned type)
{
	static const unsigned char ttl[] = { 0, 1, 0, 0, 0, 0 };
	struct addr a;
	size_t n;

	if (!text || !addr_parse(span_str(text), &a))
		return at;
	n = a.family == AF_INET6 ? 16 : 4;
	r[7] = 1;
	memcpy(r + at, (unsigned char[]){ 0xc0, 12, 0, (unsigned char)type }, 4);
	memcpy(r + at + 4, ttl, 6);
	r[at + 10] = 0;
	r[at + 11] = (unsigned char)n;
	memcpy(r + at + 12, a.octet, n);
	return at + 12 + n;
}

/* A record of any type at the question's name. */
static inline size_t
names_record(unsigned char *r, size_t at, unsigned type, const void *data, size_t n)
{
	const unsigned char head[] = { 0xc0, 12, (unsigned char)(type >> 8), (unsigned char)type, 0, 1, 0, 0, 0, 0, (unsigned char)(n >> 8),
		(unsigned char)n };

	r[7]++;
	memcpy(r + at, head, sizeof(head));
	memcpy(r + at + sizeof(head), data, n);
	return at + sizeof(head) + n;
}

static inline size_t
names_txt(const struct name_row *row, unsigned char *r, size_t at)
{
	for (size_t i = 0; i < 4 && row->txt[i]; i++) {
		char data[256];
		size_t n = strlen(row->txt[i]);

		data[0] = (char)n;
		memcpy(data + 1, row->txt[i], n);
		at = names_record(r, at, 16, data, n + 1);
	}
	return at;
}

/* "128 issue ca.test; a=b" as RDATA; its length. */
static inline size_t
names_caa_rdata(const char *text, char data[512])
{
	const char *tag = strchr(text, ' ') + 1, *value = strchr(tag, ' ');
	size_t n = (size_t)(value - tag);

	data[0] = (char)atoi(text);
	data[1] = (char)n;
	memcpy(data + 2, tag, n);
	memcpy(data + 2 + n, value + 1, strlen(value + 1));
	return 2 + n + strlen(value + 1);
}

static inline size_t
names_caa(const struct name_row *row, unsigned char *r, size_t at)
{
	char data[512];

	for (size_t i = 0; i < 4 && row->caa[i]; i++)
		at = names_record(r, at, 257, data, names_caa_rdata(row->caa[i], data));
	return at;
}

static inline size_t
names_records(struct names *n, const struct name_row *row, unsigned type, unsigned char *r, size_t at)
{
	switch (type) {
	case 1:
		if (row->then_v4 && atomic_fetch_add(&n->rebound, 1) > 0)
			return names_answer(r, at, row->then_v4, 1);
		return names_answer(r, at, row->v4, 1);
	case 16:
		return names_txt(row, r, at);
	case 257:
		return names_caa(row, r, at);
	case 28:
		return names_answer(r, at, row->v6, 28);
	default:
		return at;
	}
}

static inline void *
names_main(void *arg)
{
	struct names *n = arg;
	unsigned char q[1500], r[1500];
	char name[256];

	while (!atomic_load(&n->stop)) {
		struct sockaddr_in from;
		socklen_t from_n = sizeof(from);
		ssize_t got = recvfrom(n->fd, q, sizeof(q), 0, (void *)&from, &from_n);
		size_t end = got > 17 ? names_question(q, (size_t)got, name) : 0, out;
		const struct name_row *row;

		if (end == 0)
			continue;
		atomic_fetch_add(&n->queries, 1);
		row = names_find(n, name);
		if (row && row->rcode < 0)
			continue;
		memcpy(r, q, end);
		memset(r + 6, 0, 6);
		r[2] = 0x81;
		r[3] = (unsigned char)(0x80 | (row ? row->rcode : 3));
		out = end;
		if (row && row->rcode == 0)
			out = names_records(n, row, (unsigned)q[end - 4] << 8 | q[end - 3], r, end);
		if (row && row->forged)
			r[0] ^= 0x55;
		sendto(n->fd, r, out, 0, (void *)&from, from_n);
	}
	return NULL;
}

static inline struct addr
names_start(struct names *n, const struct name_row *rows, size_t count)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval tv = { .tv_usec = 50000 };
	socklen_t len = sizeof(sin);
	struct addr a;

	*n = (struct names){ .rows = rows, .count = count, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	setsockopt(n->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (bind(n->fd, (void *)&sin, sizeof(sin)) != 0 || getsockname(n->fd, (void *)&sin, &len) != 0 ||
		pthread_create(&n->thread, NULL, names_main, n) != 0)
		abort();
	addr_from_sockaddr((void *)&sin, &a);
	n->port = a.port;
	return a;
}

static inline void
names_stop(struct names *n)
{
	atomic_store(&n->stop, true);
	pthread_join(n->thread, NULL);
	close(n->fd);
}

/* A TLS context with a certificate that nobody trusts. */
static inline SSL_CTX *
self_signed(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct forge_cert f = { .cn = "self-signed", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2 };
	X509 *x = forge_x509(&f);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort();
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}
#endif
