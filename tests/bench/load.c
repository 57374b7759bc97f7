/* load.c - see load.h. Each thread has a share of the devices: blocking connections at first, then
 * one epoll loop in which a device has at most one request on its way and otherwise a time at which
 * its next one is due. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"

#define THREADS 2
#define PER_SOURCE 2000
#define REPLY_MAX (256 * 1024)
#define NOT_DUE INT64_MAX

struct peer {
	struct device device;
	int fd;
	SSL *ssl;
	struct buf in;
	enum step asked;
	int64_t sent_ns;
	int64_t due_ns;         /* of the next request; NOT_DUE while one is on its way */
	int64_t round_begin_ns; /* when the round began */
	int64_t round_due_ns;   /* with a rate: when the next round may begin */
};

struct share {
	struct load *load;
	pthread_t thread;
	struct peer *peers;
	unsigned count;
	int epoll;
	uint64_t requests, rounds, failures, steps[STEP__COUNT];
	struct series request_us, round_us;
};

struct load {
	const struct load_conf *conf;
	SSL_CTX *ctx;
	struct peer *peers;
	struct share shares[THREADS];
	pthread_barrier_t connected;
	_Atomic(bool) measuring, ending;
	_Atomic(unsigned) told; /* failures shown */
};

static void
peer_connect(struct peer *p, const struct load *load)
{
	char from[20];

	snprintf(from, sizeof(from), "127.0.1.%u", 1 + p->device.index / PER_SOURCE);
	p->fd = tcp_connect(load->conf->port, from);
	if (p->fd < 0)
		die("device %u cannot connect: %s", p->device.index, strerror(errno));
	p->ssl = SSL_new(load->ctx);
	SSL_set_fd(p->ssl, p->fd);
	if (SSL_connect(p->ssl) != 1)
		die("device %u: TLS handshake failed", p->device.index);
	fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) | O_NONBLOCK);
}

static void
peer_done(struct peer *p)
{
	SSL_free(p->ssl);
	close(p->fd);
	buf_done(&p->in);
	device_done(&p->device);
}

/* A request is a few hundred octets on a connection without anything else on its way: the socket
 * takes it. */
static void
peer_send(struct peer *p)
{
	AUTO_BUF out = BUF_MAX(64 * 1024);

	p->asked = p->device.step;
	device_request(&p->device, &out);
	p->due_ns = NOT_DUE;
	p->sent_ns = wall_ns();
	if (SSL_write(p->ssl, out.p, (int)out.n) != (int)out.n)
		die("device %u: the server closed the connection", p->device.index);
}

/* When does this device begin its next round? */
static int64_t
round_due(struct share *s, struct peer *p, int64_t now)
{
	const struct load_conf *conf = s->load->conf;
	int64_t each_ns;

	if (conf->rate <= 0)
		return now;
	each_ns = (int64_t)(1e9 * conf->devices / conf->rate);
	if (!p->round_due_ns)
		p->round_due_ns = now + each_ns * p->device.index / conf->devices;
	else
		p->round_due_ns += each_ns;
	return p->round_due_ns;
}

static void
round_end(struct share *s, struct peer *p, bool good, const char *why, int64_t now)
{
	struct load *load = s->load;
	bool counts = atomic_load_explicit(&load->measuring, memory_order_relaxed);

	if (!good && atomic_fetch_add(&load->told, 1) < 3)
		fprintf(stderr, "bench: device %u, %s: %.150s\n", p->device.index,
			step_name(p->asked), why);
	if (counts && good && p->round_begin_ns)
		series_add(&s->round_us, (now - p->round_begin_ns) / 1000);
	if (counts) {
		s->rounds += good;
		s->failures += !good;
	}
	p->due_ns = round_due(s, p, now);
	p->round_begin_ns = p->due_ns > now ? p->due_ns : now;
}

static void
peer_got(struct share *s, struct peer *p, const struct reply *r)
{
	int64_t now = wall_ns(), wait_us;
	const char *why = "";

	if (atomic_load_explicit(&s->load->measuring, memory_order_relaxed)) {
		s->requests++;
		s->steps[p->asked]++;
		series_add(&s->request_us, (now - p->sent_ns) / 1000);
	}
	switch (device_reply(&p->device, r, &wait_us, &why)) {
	case DEVICE_GOES_ON:
		p->due_ns = now + wait_us * 1000;
		break;
	case DEVICE_ROUND:
		round_end(s, p, true, why, now);
		break;
	case DEVICE_FAILED:
		round_end(s, p, false, why, now);
		break;
	}
}

static void
peer_read(struct share *s, struct peer *p)
{
	struct reply r;
	int n;

	for (;;) {
		if (!buf_reserve(&p->in, 16 * 1024))
			die("device %u: the reply is too long", p->device.index);
		n = SSL_read(p->ssl, p->in.p + p->in.n, (int)(p->in.cap - p->in.n));
		if (n <= 0)
			break;
		p->in.n += (size_t)n;
	}
	if (SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ)
		die("device %u: the server closed the connection", p->device.index);
	if (answer_parse(buf_span(&p->in), &r)) {
		peer_got(s, p, &r);
		buf_clear(&p->in);
	}
}

/* Send what is due; returns milliseconds until something else is. */
static int
send_due(struct share *s)
{
	int64_t now = wall_ns(), next = now + 100000000;

	for (unsigned i = 0; i < s->count; i++) {
		if (s->peers[i].due_ns <= now)
			peer_send(&s->peers[i]);
		else if (s->peers[i].due_ns < next)
			next = s->peers[i].due_ns;
	}
	now = wall_ns();
	return next > now ? (int)((next - now + 999999) / 1000000) : 0;
}

static void *
share_main(void *arg)
{
	struct share *s = arg;
	struct epoll_event events[64];

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < s->count; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &s->peers[i]};

		peer_connect(&s->peers[i], s->load);
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->peers[i].fd, &ev);
	}
	pthread_barrier_wait(&s->load->connected);
	while (!atomic_load_explicit(&s->load->ending, memory_order_relaxed)) {
		int n = epoll_wait(s->epoll, events, 64, send_due(s));

		for (int i = 0; i < n; i++)
			peer_read(s, events[i].data.ptr);
	}
	close(s->epoll);
	return NULL;
}

static void
begin(struct load *load)
{
	const struct load_conf *conf = load->conf;
	struct device **devices = xcalloc(conf->devices, sizeof(struct device *));
	unsigned at = 0;

	load->peers = xcalloc(conf->devices, sizeof(*load->peers));
	for (unsigned i = 0; i < conf->devices; i++) {
		struct peer *p = &load->peers[i];

		device_init(&p->device, i, conf->port, conf->work, conf->tag);
		p->device.authz_wait_us = conf->authz_wait_us;
		p->device.order_wait_us = conf->order_wait_us;
		p->in = BUF_MAX(REPLY_MAX);
		devices[i] = &p->device;
	}
	lab_devices(devices, conf->devices);
	pthread_barrier_init(&load->connected, NULL, THREADS + 1);
	for (unsigned i = 0; i < THREADS; i++) {
		struct share *s = &load->shares[i];

		s->load = load;
		s->peers = load->peers + at;
		s->count = conf->devices * (i + 1) / THREADS - at;
		at += s->count;
		if (pthread_create(&s->thread, NULL, share_main, s) != 0)
			die("cannot start a thread");
	}
	pthread_barrier_wait(&load->connected);
}

struct marks {
	int64_t wall, server, keeper;
	uint64_t count;
};

static struct marks
marks_now(const struct load_conf *conf)
{
	return (struct marks){wall_ns(), cpu_process_ns(conf->server), cpu_process_ns(conf->keeper),
		conf->count ? conf->count(conf->arg) : 0};
}

static void
end(struct load *load, const struct marks *a, const struct marks *b, struct load_result *ret)
{
	struct series requests = {0}, rounds = {0};

	*ret = (struct load_result){.seconds = (double)(b->wall - a->wall) / 1e9,
		.server_us = (double)(b->server - a->server) / 1e3,
		.keeper_us = (double)(b->keeper - a->keeper) / 1e3,
		.count = b->count - a->count};
	for (unsigned i = 0; i < THREADS; i++) {
		struct share *s = &load->shares[i];

		pthread_join(s->thread, NULL);
		ret->requests += s->requests;
		ret->rounds += s->rounds;
		ret->failures += s->failures;
		for (int k = 0; k < STEP__COUNT; k++)
			ret->steps[k] += s->steps[k];
		series_join(&requests, &s->request_us);
		series_join(&rounds, &s->round_us);
		series_done(&s->request_us);
		series_done(&s->round_us);
	}
	ret->p50_us = permille(rounds.v, rounds.n, 500);
	ret->p99_us = permille(rounds.v, rounds.n, 990);
	ret->request_p50_us = permille(requests.v, requests.n, 500);
	ret->request_p99_us = permille(requests.v, requests.n, 990);
	series_done(&requests);
	series_done(&rounds);
	lab_devices(NULL, 0);
	for (unsigned i = 0; i < load->conf->devices; i++)
		peer_done(&load->peers[i]);
	free(load->peers);
	pthread_barrier_destroy(&load->connected);
}

void
load_run(const struct load_conf *conf, struct load_result *ret)
{
	struct load load = {.conf = conf, .ctx = SSL_CTX_new(TLS_client_method())};
	struct marks a, b;

	SSL_CTX_set_mode(load.ctx, SSL_MODE_RELEASE_BUFFERS);
	begin(&load);
	sleep_us((int64_t)(conf->warm_s * 1e6));
	a = marks_now(conf);
	atomic_store(&load.measuring, true);
	sleep_us((int64_t)(conf->run_s * 1e6));
	atomic_store(&load.measuring, false);
	b = marks_now(conf);
	atomic_store(&load.ending, true);
	end(&load, &a, &b, ret);
	SSL_CTX_free(load.ctx);
}
