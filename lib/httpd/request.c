/* request.c - from octets to a whole request at the handler, or to a refusal.
 *
 * The input is looked at where it lies (the evbuffer) until the head is complete; then a struct
 * request is made that holds the head's octets and the growing body. */
#include "httpd/server.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/mem.h"

struct span
http_req_field(const struct http_req *rq, const char *name)
{
	for (size_t i = 0; i < rq->field_count; i++) {
		if (span_is_nocase(rq->fields[i].name, name))
			return rq->fields[i].value;
	}
	return SPAN_NONE;
}

void
request_free(struct request *r)
{
	void (*end)(struct buf *);

	if (!r)
		return;
	end = r->conn->face->wipe ? buf_wipe : buf_done;
	buf_done(&r->text);
	end(&r->body);
	buf_done(&r->reply.head);
	end(&r->reply.body);
	free(r);
}

void
conn_refuse(struct conn *c, const struct problem *pr)
{
	struct http_reply rp = http_reply_new(problem_status(pr->kind));

	if (c->face->refusal)
		c->face->refusal(c->request ? &c->request->rq : NULL, pr, &rp, c->face->arg);
	rp.close = true;
	conn_reply(c, &rp);
}

/* A request that cannot be, and perhaps no two readers agree where the next one begins. */
static void
framing_error(struct conn *c, const struct problem *pr)
{
	atomic_fetch_add(&c->front->httpd->framing_errors, 1);
	conn_refuse(c, pr);
}

static void
dispatch(struct conn *c)
{
	struct request *r = c->request;

	r->rq.body = buf_span(&r->body);
	atomic_fetch_add(&c->front->httpd->requests, 1);
	bufferevent_disable(c->bev, EV_READ);
	conn_phase_set(c, CONN_HANDLER);
	c->held = true;
	c->face->handler(&r->rq, c->face->arg);
	/* a handler's forgotten OpenSSL error must not be taken for one of the next connection */
	if (c->ssl)
		ERR_clear_error();
}

static void
request_fill(struct request *r)
{
	struct conn *c = r->conn;
	const struct http_head *h = &r->head;

	r->rq = (struct http_req){
		.method = h->method,
		.target = h->target,
		.path = h->path,
		.query = h->query,
		.fields = h->fields,
		.field_count = h->field_count,
		.peer = c->peer,
		.peer_uid = c->peer_uid,
		.peer_gid = c->peer_gid,
		.id = atomic_fetch_add(&c->front->httpd->next_id, 1) + 1,
		.started_us = clock_us(),
		.face_arg = c->face->arg,
	};
}

/* Move the head out of the input and read it. */
static bool
request_new(struct conn *c, struct span text, struct problem *pr)
{
	size_t fields = c->scan.lines - 1;
	struct request *r;

	if (fields > c->limits.fields_max)
		return problem_set(pr, PROBLEM_HEADERS_TOO_LARGE, "there are more than %u fields",
			c->limits.fields_max);
	r = xcalloc(1, sizeof(*r) + fields * sizeof(r->fields[0]));
	r->conn = c;
	r->text = BUF_MAX(text.n);
	buf_addspan(&r->text, text);
	if (!http_head_parse(buf_span(&r->text), &c->limits, r->fields, &r->head, pr)) {
		request_free(r);
		return false;
	}
	request_fill(r);
	r->body_max = c->face->body_max ? c->face->body_max(&r->rq, c->face->arg) : c->limits.body_max_bytes;
	r->body = BUF_MAX(r->body_max);
	c->request = r;
	return true;
}

/* The head is known: is the body one that we want? */
static void
body_begin(struct conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct request *r = c->request;
	struct problem pr = { 0 };

	c->last = r->head.close;
	if (r->head.length > r->body_max) {
		problem_set(&pr, PROBLEM_TOO_LARGE, "the body has more than %zu octets",
			r->body_max);
		framing_error(c, &pr);
		return;
	}
	if (!r->head.chunked && r->head.length == 0) {
		dispatch(c);
		return;
	}
	http_chunk_init(&r->chunk, r->body_max);
	/* no need to say so when the body is here already (RFC 9110 10.1.1) */
	if (r->head.expect_continue && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
		evbuffer_add(bufferevent_get_output(c->bev), go_on, sizeof(go_on) - 1);
	conn_phase_set(c, CONN_BODY);
}

/* One empty line before a request line is forgiven: some clients end their bodies with one too
 * many. */
static bool
blank_dropped(struct conn *c, struct evbuffer *in)
{
	char first[2];

	if (c->blank_seen || c->scan.at > 0 || evbuffer_copyout(in, first, 2) < 2 ||
		first[0] != '\r' || first[1] != '\n')
		return false;
	evbuffer_drain(in, 2);
	c->blank_seen = true;
	return true;
}

static bool
head_is_oversized(struct conn *c, size_t n, struct problem *pr)
{
	if (n <= c->limits.head_max_bytes)
		return false;
	problem_set(pr, PROBLEM_HEADERS_TOO_LARGE, "the head has more than %zu octets",
		c->limits.head_max_bytes);
	return true;
}

/* False: wait for more. */
static bool
head_input(struct conn *c, struct evbuffer *in)
{
	struct problem pr = { 0 };
	struct span text;
	bool done;

	if (blank_dropped(c, in))
		return true;
	text.n = evbuffer_get_length(in);
	/* a lone CR may become that empty line */
	if (text.n == 1 && !c->blank_seen && *evbuffer_pullup(in, 1) == '\r')
		return false;
	text.p = (const char *)evbuffer_pullup(in, -1);
	if (!http_head_scan(&c->scan, text, &done, &pr) || head_is_oversized(c, c->scan.at, &pr)) {
		framing_error(c, &pr);
		return false;
	}
	if (!done)
		return false;
	text.n = c->scan.at;
	if (!request_new(c, text, &pr)) {
		framing_error(c, &pr);
		return false;
	}
	evbuffer_drain(in, text.n);
	c->scan = (struct http_scan){ 0 };
	c->blank_seen = false;
	body_begin(c);
	return true;
}

/* Take in some of a chunked body. True when the whole of it is there. */
static bool
chunked_input(struct conn *c, struct span *in, struct problem *pr)
{
	struct request *r = c->request;
	enum http_chunk_result result;
	struct span data;

	while ((result = http_chunk_next(&r->chunk, in, &data)) == HTTP_CHUNK_DATA)
		buf_addspan(&r->body, data);
	if (result == HTTP_CHUNK_BAD)
		problem_set(pr, PROBLEM_MALFORMED, "the chunked body is malformed");
	else if (result == HTTP_CHUNK_TOO_LARGE)
		problem_set(pr, PROBLEM_TOO_LARGE, "the body has more than %zu octets",
			r->body_max);
	return result == HTTP_CHUNK_DONE;
}

static bool
counted_input(struct conn *c, struct span *in)
{
	struct request *r = c->request;
	uint64_t left = r->head.length - r->body.n;
	struct span data = span_of(in->p, in->n < left ? in->n : (size_t)left);

	buf_addspan(&r->body, data);
	*in = span_from(*in, data.n);
	return r->body.n == r->head.length;
}

static void
body_input(struct conn *c, struct evbuffer *in)
{
	size_t n = evbuffer_get_contiguous_space(in);
	struct span piece = span_of(evbuffer_pullup(in, (ev_ssize_t)n), n);
	struct problem pr = { 0 };
	bool done;

	/* no growing, which would leave copies behind */
	if (c->face->wipe)
		buf_reserve(&c->request->body, c->request->body_max - c->request->body.n);
	done = c->request->head.chunked ? chunked_input(c, &piece, &pr) : counted_input(c, &piece);
	if (c->face->wipe)
		OPENSSL_cleanse((void *)(uintptr_t)(piece.p + piece.n - n), n - piece.n);
	evbuffer_drain(in, n - piece.n);
	if (pr.kind != PROBLEM_NONE)
		framing_error(c, &pr);
	else if (done)
		dispatch(c);
}

void
conn_input(struct conn *c)
{
	c->eating = true;
	/* c stays whole to the end of this turn, also when it is closed underneath */
	while (c->bev) {
		struct evbuffer *in = bufferevent_get_input(c->bev);

		if (evbuffer_get_length(in) == 0)
			break;
		if (c->phase == CONN_IDLE)
			conn_phase_set(c, CONN_HEAD);
		if (c->phase == CONN_BODY)
			body_input(c, in);
		else if (c->phase != CONN_HEAD || !head_input(c, in))
			break;
	}
	c->eating = false;
}
