/* request.c - a transfer's birth, with copies of all that the caller gave, and its end. */
#include "httpc/transfer.h"

#include <stdlib.h>

#define HEAD_MAX_OCTETS (64 * 1024)

static void *
copy_of(const void *p, size_t n)
{
	void *copy;

	if (n == 0)
		return NULL;
	copy = xmalloc(n);
	memcpy(copy, p, n);
	return copy;
}

static char *
string_copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

struct transfer *
transfer_new(const struct httpc_request *rq, httpc_fn fn, void *arg)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->fn = fn;
	t->arg = arg;
	t->started_ms = clock_ms();
	t->method = xstrdup(rq->method);
	t->url = xstrdup(rq->url);
	t->host_header = string_copy(rq->host_header);
	t->content_type = string_copy(rq->content_type);
	t->accept = string_copy(rq->accept);
	t->authorization = string_copy(rq->authorization);
	for (size_t i = 0; i < HTTPC_FIELDS_MAX && rq->fields[i].name; i++) {
		t->field_names[i] = string_copy(rq->fields[i].name);
		t->field_values[i] = string_copy(rq->fields[i].value);
	}
	t->ca_file = string_copy(rq->ca_file);
	t->proxy = string_copy(rq->proxy);
	t->body = copy_of(rq->body.p, rq->body.n);
	t->body_n = rq->body.n;
	t->pins = copy_of(rq->pin, rq->pin_count * sizeof(*rq->pin));
	t->pin_count = rq->pin_count;
	t->reach = rq->reach;
	t->tls_no_verify = rq->tls_no_verify;
	t->fresh = rq->fresh;
	t->http2 = rq->http2;
	t->connect_ms = rq->connect_ms > 0 ? rq->connect_ms : 10 * 1000;
	t->total_ms = rq->total_ms > 0 ? rq->total_ms : 60 * 1000;
	t->queue_ms = rq->queue_ms > 0 && rq->queue_ms < t->total_ms ? rq->queue_ms : t->total_ms;
	t->reply.head = BUF_MAX(HEAD_MAX_OCTETS);
	t->reply.body = BUF_MAX(rq->body_max_bytes);
	return t;
}

void
transfer_free(struct transfer *t)
{
	timer_free(t->deadline);
	curl_slist_free_all(t->fields);
	curl_slist_free_all(t->connect_to);
	httpc_reply_done(&t->reply);
	free(t->method);
	free(t->url);
	free(t->host_header);
	free(t->content_type);
	free(t->accept);
	free(t->authorization);
	for (size_t i = 0; i < HTTPC_FIELDS_MAX; i++) {
		free(t->field_names[i]);
		free(t->field_values[i]);
	}
	free(t->ca_file);
	free(t->proxy);
	free(t->body);
	free(t->pins);
	free(t);
}
