/* client.c - the multi handle on the loop: see httpc.h, and transfer.c for the single request.
 *
 * httpc_start puts a transfer into the inbox (any thread) and a letter into the loop's mailbox;
 * on_inbox takes it over and adds its easy handle to the multi. From then on libcurl tells
 * through on_socket and on_timer what it waits for, and curl_multi_socket_action is called from
 * those events alone, never from within one of libcurl's callbacks. After each such call the
 * finished transfers are drained in one place, finished_drain. */
#include "httpc/transfer.h"

#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <event2/event.h>

#define SPARES_MAX 32
#define KEPT_MAX 128

struct httpc {
	struct loop *loop;
	CURLM *multi;
	struct sockets sockets;
	struct timer *timer; /* libcurl's */
	char *user_agent;
	CURL *spares[SPARES_MAX]; /* easy handles for reuse */
	size_t spare_count;
	struct transfers running; /* loop's thread */
	pthread_mutex_t lock;
	struct transfers inbox; /* under lock */
	_Atomic(uint64_t) requests, connections, failed;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us, and OpenSSL writes to sockets that the
 * peer may have closed. */
static void
once_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	signal(SIGPIPE, SIG_IGN);
}

static void
spare_put(struct httpc *h, CURL *easy)
{
	curl_easy_reset(easy); /* drops the pointers into its transfer */
	if (h->spare_count < SPARES_MAX)
		h->spares[h->spare_count++] = easy;
	else
		curl_easy_cleanup(easy);
}

static CURL *
spare_take(struct httpc *h)
{
	CURL *easy = h->spare_count > 0 ? h->spares[--h->spare_count] : curl_easy_init();

	if (!easy)
		abort();
	return easy;
}

static void
transfer_detach(struct transfer *t)
{
	if (!t->easy)
		return;
	curl_multi_remove_handle(t->client->multi, t->easy);
	spare_put(t->client, t->easy);
	t->easy = NULL;
}

/* The one place where a transfer ends; its reply has been judged. */
static void
transfer_end(struct transfer *t)
{
	struct httpc *h = t->client;

	transfer_detach(t);
	TAILQ_REMOVE(&h->running, t, entry);
	if (t->reply.result != HTTPC_OK)
		atomic_fetch_add_explicit(&h->failed, 1, memory_order_relaxed);
	t->fn(&t->reply, t->arg);
	transfer_free(t);
}

static void
transfer_try(struct transfer *t)
{
	CURL *easy = spare_take(t->client);

	if (transfer_prepare(t, easy)) {
		t->easy = easy;
		timer_set(t->deadline, transfer_left_ms(t));
		if (curl_multi_add_handle(t->client->multi, easy) == CURLM_OK)
			return;
		t->easy = NULL;
	}
	spare_put(t->client, easy);
	transfer_judge(t, CURLE_FAILED_INIT);
	transfer_end(t);
}

static void
finished_drain(struct httpc *h)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		CURLcode code = msg->data.result; /* msg goes with the handle's removal */
		struct transfer *t = NULL;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		if (transfer_again(t, code)) {
			transfer_detach(t);
			transfer_try(t);
			continue;
		}
		transfer_judge(t, code);
		transfer_end(t);
	}
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct httpc *h = arg;
	int running, mask = 0;

	if (what & EV_READ)
		mask |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, fd, mask, &running);
	finished_drain(h);
}

static void
on_timeout(void *arg)
{
	struct httpc *h = arg;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finished_drain(h);
}

/* libcurl: wait for this on that socket */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct httpc *h = arg;
	struct event *event = socket_arg;
	short wanted = EV_PERSIST;

	(void)easy;
	if (event)
		event_free(event);
	event = NULL;
	if (what & CURL_POLL_IN)
		wanted |= EV_READ;
	if (what & CURL_POLL_OUT)
		wanted |= EV_WRITE;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(loop_base(h->loop), fd, wanted, on_event, h);
		if (!event || event_priority_set(event, 0) != 0 || event_add(event, NULL) != 0)
			abort();
	}
	curl_multi_assign(h->multi, fd, event);
	return 0;
}

/* libcurl: wake me then */
static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct httpc *h = arg;

	(void)multi;
	if (timeout_ms < 0)
		timer_stop(h->timer);
	else
		timer_set(h->timer, timeout_ms);
	return 0;
}

static void
on_deadline(void *arg)
{
	struct transfer *t = arg;

	transfer_judge_deadline(t);
	transfer_end(t);
}

static void
transfer_begin(struct transfer *t)
{
	TAILQ_INSERT_TAIL(&t->client->running, t, entry);
	t->deadline = timer_new(t->client->loop, on_deadline, t);
	transfer_try(t);
}

static struct transfer *
inbox_take(struct httpc *h)
{
	struct transfer *t;

	pthread_mutex_lock(&h->lock);
	t = TAILQ_FIRST(&h->inbox);
	if (t)
		TAILQ_REMOVE(&h->inbox, t, entry);
	pthread_mutex_unlock(&h->lock);
	return t;
}

static void
on_inbox(void *arg)
{
	struct httpc *h = arg;
	struct transfer *t;

	while ((t = inbox_take(h)))
		transfer_begin(t);
	/* or they would begin when libcurl's timer of 0 ms comes, one turn of the loop later */
	on_timeout(h);
}

void
httpc_start(struct httpc *h, const struct httpc_request *rq, httpc_fn fn, void *arg)
{
	struct transfer *t = transfer_new(rq, fn, arg);
	bool was_empty;

	t->client = h;
	t->user_agent = h->user_agent;
	t->sockets = &h->sockets;
	t->connections = &h->connections;
	atomic_fetch_add_explicit(&h->requests, 1, memory_order_relaxed);
	pthread_mutex_lock(&h->lock);
	was_empty = TAILQ_EMPTY(&h->inbox);
	TAILQ_INSERT_TAIL(&h->inbox, t, entry);
	pthread_mutex_unlock(&h->lock);
	if (was_empty)
		loop_post(h->loop, on_inbox, h);
}

struct httpc *
httpc_new(struct loop *loop, const struct httpc_conf *conf)
{
	static const struct httpc_conf defaults;
	struct httpc *h = xcalloc(1, sizeof(*h));

	if (!conf)
		conf = &defaults;
	pthread_once(&once, once_init);
	h->loop = loop;
	if (conf->user_agent)
		h->user_agent = xstrdup(conf->user_agent);
	else
		h->user_agent = xasprintf(PACKAGE_NAME "/" PACKAGE_VERSION " libcurl/%s",
			curl_version_info(CURLVERSION_NOW)->version);
	TAILQ_INIT(&h->running);
	TAILQ_INIT(&h->inbox);
	pthread_mutex_init(&h->lock, NULL);
	h->timer = timer_new(loop, on_timeout, h);
	h->multi = curl_multi_init();
	if (!h->multi)
		abort();
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	/* libcurl's own measure, four for each running transfer, would close connections
	 * whenever the load falls */
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
		(long)(conf->connections_max > 0 ? conf->connections_max : KEPT_MAX));
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)conf->connections_max);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)conf->per_host_max);
	return h;
}

static void
transfer_drop(struct transfer *t)
{
	t->reply.result = HTTPC_BROKEN;
	snprintf(t->reply.error, sizeof(t->reply.error), "the client was stopped");
	transfer_end(t);
}

void
httpc_free(struct httpc *h)
{
	struct transfer *t;

	if (!h)
		return;
	while ((t = inbox_take(h)))
		TAILQ_INSERT_TAIL(&h->running, t, entry);
	while ((t = TAILQ_FIRST(&h->running)))
		transfer_drop(t);
	while (h->spare_count > 0)
		curl_easy_cleanup(h->spares[--h->spare_count]);
	curl_multi_cleanup(h->multi);
	sockets_done(&h->sockets);
	timer_free(h->timer);
	pthread_mutex_destroy(&h->lock);
	free(h->user_agent);
	free(h);
}

void
httpc_stats(struct httpc *h, struct httpc_stats *ret)
{
	ret->requests = atomic_load_explicit(&h->requests, memory_order_relaxed);
	ret->connections = atomic_load_explicit(&h->connections, memory_order_relaxed);
	ret->failed = atomic_load_explicit(&h->failed, memory_order_relaxed);
}
