/* reply.c - replies: made by handlers on any thread, written by the front (RFC 9110 6.6.1, 8.6; RFC
 * 9112 4, 6). */
#include "httpd/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/log.h"
#include "base/mem.h"

#define REPLY_HEAD_MAX (16 * 1024)
#define REPLY_BODY_MAX (16 * 1024 * 1024)

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

static const char *
reason(int status)
{
	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "";
}

struct http_reply
http_reply_new(int status)
{
	return (struct http_reply){
		.status = status, .head = BUF_MAX(REPLY_HEAD_MAX), .body = BUF_MAX(REPLY_BODY_MAX)
	};
}

void
http_reply_field(struct http_reply *rp, const char *name, const char *fmt, ...)
{
	size_t before = rp->head.n, value;
	char text[512], *long_text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text)) {
		va_start(ap, fmt);
		n = vasprintf(&long_text, fmt, ap);
		va_end(ap);
	}
	if (n < 0) {
		rp->head.failed = true;
		return;
	}
	buf_addf(&rp->head, "%s: ", name);
	value = rp->head.n;
	buf_add(&rp->head, long_text ? long_text : text, (size_t)n);
	free(long_text);
	for (size_t i = value; i < rp->head.n; i++) {
		char c = rp->head.p[i];

		/* whoever got foreign text in here must not get to write fields, or a second
		 * reply */
		if (c == '\r' || c == '\n' || c == '\0') {
			rp->head.n = before;
			return;
		}
	}
	buf_adds(&rp->head, "\r\n");
}

static const char *
front_date(struct front *front)
{
	time_t now = (time_t)clock_unix_s();
	struct tm tm;

	if (now != front->date_unix_s) {
		gmtime_r(&now, &tm);
		strftime(front->date, sizeof(front->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		front->date_unix_s = now;
	}
	return front->date;
}

/* Head and body in one piece: it leaves as one TLS record when it fits, and never as two small
 * packets. */
static void
compose(struct conn *c, const struct http_reply *rp, struct buf *out)
{
	bool head_only = c->request && c->request->head.method == HTTP_HEAD;

	buf_reserve(out, 256 + rp->head.n + rp->body.n);
	buf_addf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", rp->status, reason(rp->status),
		front_date(c->front));
	if (rp->content_type)
		buf_addf(out, "Content-Type: %s\r\n", rp->content_type);
	/* RFC 9110 8.6 forbids it with 204, and a wrong one with 304 */
	if (rp->status != 204 && rp->status != 304)
		buf_addf(out, "Content-Length: %zu\r\n", rp->body.n);
	if (c->last)
		buf_adds(out, "Connection: close\r\n");
	buf_addspan(out, buf_span(&rp->head));
	buf_adds(out, "\r\n");
	if (!head_only && rp->status != 204 && rp->status != 304)
		buf_addspan(out, buf_span(&rp->body));
}

static void
on_written(const void *data, size_t n, void *arg)
{
	(void)n;
	(void)arg;
	free((void *)(uintptr_t)data);
}

static void
on_written_wipe(const void *data, size_t n, void *arg)
{
	OPENSSL_cleanse((void *)(uintptr_t)data, n);
	on_written(data, n, arg);
}

static void
reply_done(const struct conn *c, struct http_reply *rp)
{
	buf_done(&rp->head);
	if (c->face->wipe)
		buf_wipe(&rp->body);
	else
		buf_done(&rp->body);
}

/* A reply that fits into a record, on a connection with room for it, costs no further turn of the loop. Returns how many octets
 * are written: not all, if the client wants short records (RFC 6066 4). What is to be wiped is not left to copies. */
static size_t
write_at_once(struct conn *c, const struct buf *out)
{
	int n = 0;

	if (!c->ssl || c->face->wipe || out->n > SSL3_RT_MAX_PLAIN_LENGTH ||
		evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		return 0;
	n = SSL_write(c->ssl, out->p, (int)out->n);
	/* what went wrong shows again when the bufferevent tries */
	ERR_clear_error();
	return n > 0 ? (size_t)n : 0;
}

void
conn_reply(struct conn *c, struct http_reply *rp)
{
	void (*done)(const void *data, size_t n, void *arg) =
		c->face->wipe ? on_written_wipe : on_written;
	struct buf out = BUF_MAX(SIZE_MAX / 2);
	size_t written;

	if (!buf_ok(&rp->head) || !buf_ok(&rp->body)) {
		log_error("httpd_reply_too_large", LS("face", c->face->name),
			LI("status", rp->status));
		reply_done(c, rp);
		*rp = http_reply_new(500);
		rp->close = true;
	}
	c->last = c->last || rp->close || c->front->stopping;
	compose(c, rp, &out);
	reply_done(c, rp);
	request_free(c->request);
	c->request = NULL;
	c->held = false;
	written = write_at_once(c, &out);
	if (written == out.n) {
		done(out.p, out.n, NULL);
		conn_replied(c);
		return;
	}
	bufferevent_disable(c->bev, EV_READ);
	conn_phase_set(c, CONN_WRITE);
	if (written == 0) {
		evbuffer_add_reference(bufferevent_get_output(c->bev), out.p, out.n, done, NULL);
		return;
	}
	evbuffer_add(bufferevent_get_output(c->bev), out.p + written, out.n - written);
	done(out.p, out.n, NULL);
}

/* The handler has answered, here or, by letter, from another thread. */
static void
on_reply(void *arg)
{
	struct request *r = arg;
	struct conn *c = r->conn;
	struct http_reply rp = r->reply;

	r->reply = http_reply_new(0);
	if (c->phase == CONN_HANDLER) {
		conn_reply(c, &rp);
		return;
	}
	/* the peer has gone meanwhile */
	reply_done(c, &rp);
	c->held = false;
	conn_let_go(c);
}

void
http_reply(struct http_req *rq, struct http_reply *rp)
{
	struct request *r = (struct request *)rq;
	struct loop *loop = r->conn->front->loop;

	r->reply = *rp;
	*rp = http_reply_new(0);
	if (loop_is_mine(loop))
		on_reply(r);
	else
		loop_post(loop, on_reply, r);
}
