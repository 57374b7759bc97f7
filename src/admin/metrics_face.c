/* metrics_face.c - GET /metrics on a listener of its own, for a Prometheus that may not have the admin socket. A worker counts what
 * stands in the store; while all are busy the front answers with what was counted last, for that is when somebody wants to look. */
#include <stdlib.h>

#include "admin/metrics.h"
#include "base/mem.h"

#define BODY_MAX (1024 * 1024)

struct scrape {
	struct http_req *rq;
	struct admin *admin;
};

static void
plain(struct http_req *rq, int status, const char *text)
{
	struct http_reply rp = http_reply_new(status);

	rp.content_type = "text/plain; charset=utf-8";
	buf_adds(&rp.body, text);
	if (status == 405)
		http_reply_field(&rp, "Allow", "GET, HEAD");
	http_reply(rq, &rp);
}

static void
answer(struct admin *admin, struct http_req *rq, bool fresh)
{
	struct http_reply rp = http_reply_new(200);

	rp.body.max = BODY_MAX;
	rp.content_type = metrics_write(admin, http_req_field(rq, "Accept"), fresh, &rp.body);
	http_reply_field(&rp, "Cache-Control", "no-store");
	if (buf_ok(&rp.body)) {
		http_reply(rq, &rp);
		return;
	}
	buf_done(&rp.head);
	buf_done(&rp.body);
	plain(rq, 500, "too much to tell\n");
}

/* Worker */
static void
scrape_task(void *arg)
{
	struct scrape *s = arg;

	answer(s->admin, s->rq, true);
	free(s);
}

void
metrics_handle(struct http_req *rq, void *arg)
{
	struct admin *admin = arg;
	struct scrape *s;

	if (health_handle(admin->server, rq)) {
		return;
	} else if (!span_is(rq->path, "/metrics")) {
		plain(rq, 404, "there are /metrics, /readyz and /livez\n");
	} else if (rq->method != HTTP_GET && rq->method != HTTP_HEAD) {
		plain(rq, 405, "this is asked by GET or HEAD\n");
	} else {
		s = xmalloc(sizeof(*s));
		*s = (struct scrape){ rq, admin };
		if (pool_try(admin->pool, scrape_task, s))
			return;
		free(s);
		answer(admin, rq, false);
	}
}
