/* server.c - see httpd.h: making, starting and stopping the server, and what may be changed while
 * it runs. */
#include "httpd/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <utlist.h>

#include "base/mem.h"
#include "httpd/tls.h"

const struct http_limits http_default_limits = {
	.head_max_bytes = 16 * 1024,
	.target_max_bytes = 4 * 1024,
	.fields_max = 64,
	.body_max_bytes = 64 * 1024,
	.conns_max = 16384,
	.conns_per_addr = 512,
	.handshake_ms = 10 * 1000,
	.head_ms = 10 * 1000,
	.body_ms = 20 * 1000,
	.idle_ms = 120 * 1000,
	.write_ms = 30 * 1000,
};

struct httpd *
httpd_new(unsigned threads, const struct http_limits *limits)
{
	struct httpd *h = xcalloc(1, sizeof(*h));
	pthread_condattr_t attr;
	char name[16];

	h->limits = *limits;
	h->accepting = true;
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->changed, &attr);
	pthread_condattr_destroy(&attr);
	h->acceptor = loop_new("accept");
	h->front_count = threads ? threads : 1;
	h->fronts = xcalloc(h->front_count, sizeof(h->fronts[0]));
	for (unsigned i = 0; i < h->front_count; i++) {
		snprintf(name, sizeof(name), "front-%hu", (unsigned short)i);
		h->fronts[i].httpd = h;
		h->fronts[i].loop = loop_new(name);
	}
	return h;
}

static void
face_free(struct httpd_face *face)
{
	face_close(face);
	httpd_tls_unref(face->tls);
	SSL_CTX_free(face->hello_ctx);
	free(face->protocol);
	free(face->listeners);
	free(face->name);
	free(face);
}

static struct httpd_face *
face_new(struct httpd *h, const struct httpd_face_conf *conf)
{
	struct httpd_face *face = xcalloc(1, sizeof(*face));

	face->httpd = h;
	face->name = xstrdup(conf->name);
	face->handler = conf->handler;
	face->body_max = conf->body_max;
	face->refusal = conf->refusal;
	face->wipe = conf->wipe;
	face->arg = conf->arg;
	if (conf->tls)
		httpd_tls_ref(conf->tls);
	face->tls = conf->tls;
	face->hello = conf->hello;
	face->conns_max = conf->conns_max;
	if (conf->hello && !face_shakes(face, conf->protocol))
		abort();
	return face;
}

static bool
face_keep(struct httpd *h, struct httpd_face *face, bool listening, struct httpd_face **ret)
{
	if (!listening) {
		face_free(face);
		return false;
	}
	LL_APPEND(h->faces, face);
	if (ret)
		*ret = face;
	return true;
}

bool
httpd_face_add(struct httpd *h, const struct httpd_face_conf *conf, struct httpd_face **ret,
	struct problem *pr)
{
	struct httpd_face *face = face_new(h, conf);

	return face_keep(h, face, face_listen(face, conf, pr), ret);
}

bool
httpd_face_add_fd(struct httpd *h, const struct httpd_face_conf *conf, int fd,
	struct httpd_face **ret, struct problem *pr)
{
	struct httpd_face *face = face_new(h, conf);

	return face_keep(h, face, face_listen_fd(face, fd, pr), ret);
}

uint16_t
httpd_face_port(const struct httpd_face *face)
{
	return face->port;
}

struct httpd_tls *
face_tls(struct httpd_face *face)
{
	struct httpd_tls *tls;

	pthread_mutex_lock(&face->httpd->lock);
	tls = face->tls;
	if (tls)
		httpd_tls_ref(tls);
	pthread_mutex_unlock(&face->httpd->lock);
	return tls;
}

void
httpd_face_set_tls(struct httpd_face *face, struct httpd_tls *tls)
{
	struct httpd_tls *before;

	if (tls)
		httpd_tls_ref(tls);
	pthread_mutex_lock(&face->httpd->lock);
	before = face->tls;
	face->tls = tls;
	pthread_mutex_unlock(&face->httpd->lock);
	httpd_tls_unref(before);
}

bool
httpd_face_cert(struct httpd_face *face, struct buf *ret_der)
{
	struct httpd_tls *tls = face_tls(face);
	bool good = tls && tls_cert_der(tls, ret_der);

	httpd_tls_unref(tls);
	return good;
}

void
httpd_set_limits(struct httpd *h, const struct http_limits *limits)
{
	pthread_mutex_lock(&h->lock);
	h->limits = *limits;
	pthread_mutex_unlock(&h->lock);
}

/* A write to a peer that has gone answers EPIPE to the thread that wrote, instead of ending the
 * process. */
static void
block_sigpipe(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void
httpd_start(struct httpd *h)
{
	h->started = true;
	for (unsigned i = 0; i < h->front_count; i++) {
		loop_post(h->fronts[i].loop, block_sigpipe, NULL);
		loop_start(h->fronts[i].loop);
	}
	loop_post(h->acceptor, acceptor_start, h);
	loop_start(h->acceptor);
}

void
httpd_count_close(struct httpd_face *face)
{
	struct httpd *h = face->httpd;

	pthread_mutex_lock(&h->lock);
	face->open--;
	if (--h->open == 0)
		pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

void
front_stop(void *arg)
{
	struct front *front = arg;
	struct conn *c, *next;

	front->stopping = true;
	DL_FOREACH_SAFE(front->conns, c, next)
		conn_wind_up(c);
}

static void
front_close(void *arg)
{
	struct front *front = arg;
	struct httpd *h = front->httpd;
	struct conn *c, *next;

	DL_FOREACH_SAFE(front->conns, c, next)
		conn_close(c);
	pthread_mutex_lock(&h->lock);
	h->fronts_closed++;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

void
httpd_stop(struct httpd *h, msec_t drain_ms)
{
	struct timespec until;

	if (!h->started || h->stopped)
		return;
	h->stopped = true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += drain_ms / 1000;
	until.tv_nsec += drain_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	loop_post(h->acceptor, acceptor_stop, h);
	pthread_mutex_lock(&h->lock);
	while (h->accepting)
		pthread_cond_wait(&h->changed, &h->lock);
	while (h->open > 0 && pthread_cond_timedwait(&h->changed, &h->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < h->front_count; i++)
		loop_post(h->fronts[i].loop, front_close, &h->fronts[i]);
	pthread_mutex_lock(&h->lock);
	while (h->fronts_closed < h->front_count)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

/* The fronts first: their last connections go back to the acceptor. */
static void
threads_end(struct httpd *h)
{
	for (unsigned i = 0; i < h->front_count; i++)
		loop_stop(h->fronts[i].loop);
	for (unsigned i = 0; i < h->front_count; i++)
		loop_join(h->fronts[i].loop);
	loop_stop(h->acceptor);
	loop_join(h->acceptor);
}

void
httpd_free(struct httpd *h)
{
	struct httpd_face *face, *next;

	if (!h)
		return;
	httpd_stop(h, 0);
	if (h->started)
		threads_end(h);
	for (unsigned i = 0; i < h->front_count; i++) {
		struct conn *c, *next_conn;

		/* requests that nobody answered */
		DL_FOREACH_SAFE(h->fronts[i].conns, c, next_conn) {
			DL_DELETE(h->fronts[i].conns, c);
			conn_strip(c);
			acceptor_take_back(c);
		}
		loop_free(h->fronts[i].loop);
	}
	loop_free(h->acceptor);
	LL_FOREACH_SAFE(h->faces, face, next)
		face_free(face);
	free(h->fronts);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void
httpd_stats(struct httpd *h, struct httpd_stats *ret)
{
	struct httpd_stats stats = {
		.accepted = atomic_load(&h->accepted),
		.refused_addr = atomic_load(&h->refused_addr),
		.refused_all = atomic_load(&h->refused_all),
		.handshakes = atomic_load(&h->handshakes),
		.handshake_failed = atomic_load(&h->handshake_failed),
		.requests = atomic_load(&h->requests),
		.framing_errors = atomic_load(&h->framing_errors),
		.timeouts = atomic_load(&h->timeouts),
	};

	pthread_mutex_lock(&h->lock);
	stats.open = h->open;
	pthread_mutex_unlock(&h->lock);
	*ret = stats;
}
