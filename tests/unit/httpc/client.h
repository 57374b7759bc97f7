/* client.h - a client on a loop of its own for tests, and a request that is waited for. */
#ifndef TESTS_HTTPC_CLIENT_H
#define TESTS_HTTPC_CLIENT_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "httpc/httpc.h"
#include "tap.h"

struct fetch {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned calls;
	struct httpc_reply reply;
	bool on_loop;
};

static struct loop *loop;
static struct httpc *client;

static inline void
client_start(const struct httpc_conf *conf)
{
	loop = loop_new("test");
	client = httpc_new(loop, conf);
	loop_start(loop);
}

static inline void
client_stop(void)
{
	loop_stop(loop);
	loop_join(loop);
	httpc_free(client);
	loop_free(loop);
}

static inline void
fetch_init(struct fetch *f)
{
	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->cond, NULL);
}

static inline void
on_reply(struct httpc_reply *rp, void *arg)
{
	struct fetch *f = arg;

	pthread_mutex_lock(&f->lock);
	if (f->calls++ > 0)
		httpc_reply_done(&f->reply);
	httpc_reply_take(rp, &f->reply);
	f->on_loop = loop_is_mine(loop);
	pthread_cond_signal(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

static inline void
fetch_wait(struct fetch *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->calls == 0)
		pthread_cond_wait(&f->cond, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

static inline void
fetch_done(struct fetch *f)
{
	httpc_reply_done(&f->reply);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->cond);
}

/* Start, wait, and hand out the reply until the next call. */
static inline struct httpc_reply *
fetch(const struct httpc_request *rq)
{
	static struct fetch f;
	static bool used;

	if (used)
		fetch_done(&f);
	used = rq != NULL;
	if (!rq)
		return NULL;
	fetch_init(&f);
	httpc_start(client, rq, on_reply, &f);
	fetch_wait(&f);
	return &f.reply;
}

static inline const char *
url_of(uint16_t port, const char *path)
{
	static char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	return url;
}

#define is_result(rp, want, ...)                                                                   \
	do {                                                                                       \
		struct httpc_reply *rp_ = (rp);                                                    \
		is_str(httpc_result_name(rp_->result), httpc_result_name(want), __VA_ARGS__);      \
		if (rp_->result != (want))                                                         \
			printf("# error: %s\n", rp_->error);                                       \
	} while (0)
#endif
