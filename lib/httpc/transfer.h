/* transfer.h - one request on its way: its copy, libcurl's options for it, and the judgement on
 * how it ended.
 *
 * Made on any thread (transfer_new), then owned by the client and used on the loop's thread
 * only. */
#ifndef HTTPC_TRANSFER_H
#define HTTPC_TRANSFER_H

#include <stdatomic.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "httpc/httpc.h"
#include "httpc/sockets.h"

struct transfer {
	TAILQ_ENTRY(transfer) entry;
	struct httpc *client;
	httpc_fn fn;
	void *arg;
	struct timer *deadline;
	msec_t started_ms;

	/* the request */
	char *method, *url, *host_header, *content_type, *accept, *authorization, *ca_file, *proxy;
	char *field_names[HTTPC_FIELDS_MAX], *field_values[HTTPC_FIELDS_MAX];
	/* the client's */
	const char *user_agent;
	struct sockets *sockets;
	_Atomic(uint64_t) *connections; /* ever opened */

	char *body;
	size_t body_n;
	struct addr *pins;
	size_t pin_count;
	const struct reach *reach; /* NULL = everywhere */
	bool tls_no_verify, fresh, http2;
	msec_t queue_ms, connect_ms, total_ms;

	/* this try */
	CURL *easy; /* NULL = not running */
	struct curl_slist *fields;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
	unsigned opened; /* sockets opened to an allowed address */
	bool waits;      /* for a connection */
	msec_t queued_ms; /* since when */
	msec_t dial_ms;  /* when connecting began, 0 = it did not */
	bool handshake;  /* TCP is connected, TLS has begun */
	bool stale;      /* given up before anything was sent: the kept connection was no good */

	/* all tries */
	size_t pin_at;
	msec_t dialed_ms; /* spent on connecting by earlier tries */
	bool only_new; /* the next try takes no kept connection */
	bool began;    /* the request may have been sent, in part at least */
	bool resend;   /* libcurl wanted to send it once more, and must not */
	bool dialed;   /* some address was allowed */
	struct addr denied; /* an address that is not; family 0 = none */

	/* the reply so far */
	bool head_open, head_final, head_kept;
	struct httpc_reply reply;
};
TAILQ_HEAD(transfers, transfer);

struct transfer *transfer_new(const struct httpc_request *rq, httpc_fn fn, void *arg);
void transfer_free(struct transfer *t);
/* Set the options of `easy`, fresh or reset, for the next try. False if none is possible: see
 * transfer_judge. */
bool transfer_prepare(struct transfer *t, CURL *easy);
/* After a try: is there another one to make? Only ever when nothing was sent, or the method
 * allows it. */
bool transfer_again(struct transfer *t, CURLcode code);
/* Fill in the reply for the caller. */
void transfer_judge(struct transfer *t, CURLcode code);
/* How long until the deadline of the wait, or, when that is over, of all. Never less than 0. */
msec_t transfer_left_ms(const struct transfer *t);
/* The reply of a transfer that a deadline has cut short. */
void transfer_judge_deadline(struct transfer *t);
#endif
