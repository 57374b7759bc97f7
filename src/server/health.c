/* health.c - see health.h. */
#include "server/health.h"

#include <stdlib.h>

#include "server/server.h"
#include "store/schema.h"

#define FRESH_MS 1000
#define LATE_MS (10 * 1000) /* a look that takes longer */

enum { ILL_STORE = 1, ILL_KEEPER = 2, ILL_WORKERS = 4 };

struct look {
	struct server *srv;
	struct http_req *rq;
};

static void
answer(struct http_req *rq, unsigned ill, const char *good)
{
	struct http_reply rp = http_reply_new(ill ? 503 : 200);

	rp.content_type = "text/plain; charset=utf-8";
	if (ill)
		buf_addf(&rp.body, "not ready:%s%s%s\n", ill & ILL_STORE ? " store" : "", ill & ILL_KEEPER ? " keeper" : "", ill & ILL_WORKERS ? " workers" : "");
	else
		buf_addf(&rp.body, "%s\n", good);
	http_reply_field(&rp, "Cache-Control", "no-store");
	http_reply(rq, &rp);
}

static bool
probe_tx(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	return schema_probe(db, pr);
}

/* Worker */
static unsigned
look(struct server *srv)
{
	static const char mac[32];
	struct problem pr = { 0 };
	unsigned ill = 0;
	bool good;

	if (!store_write(srv->store, probe_tx, NULL, &pr))
		ill |= ILL_STORE;
	/* an answer, whatever it is */
	if (!keeper_mac_verify(srv->keeper, buf_span(&srv->decoy), JWA_HS256, SPAN("well?"), span_of(mac, sizeof(mac)), &good, &pr))
		ill |= ILL_KEEPER;
	return ill;
}

static void
look_task(void *arg)
{
	struct look *l = arg;
	struct server *srv = l->srv;
	unsigned ill = look(srv);

	atomic_store(&srv->health.ill, ill);
	atomic_store(&srv->health.looked_ms, clock_ms());
	atomic_store(&srv->health.looking, false);
	answer(l->rq, ill, "ready");
	free(l);
}

static void
ready(struct server *srv, struct http_req *rq)
{
	int64_t looked = atomic_load(&srv->health.looked_ms);
	struct look *l;

	if (looked && clock_ms() - looked < FRESH_MS) {
		answer(rq, atomic_load(&srv->health.ill), "ready");
		return;
	}
	/* one look at a time: a store that hangs must not have the workers wait for our sake */
	if (atomic_exchange(&srv->health.looking, true)) {
		bool late = !looked || clock_ms() - looked > LATE_MS;

		answer(rq, atomic_load(&srv->health.ill) | (late ? ILL_WORKERS : 0), "ready");
		return;
	}
	l = xmalloc(sizeof(*l));
	*l = (struct look){ srv, rq };
	if (pool_try(srv->pool, look_task, l))
		return;
	free(l);
	atomic_store(&srv->health.looking, false);
	answer(rq, ILL_WORKERS, "");
}

bool
health_handle(struct server *srv, struct http_req *rq)
{
	bool live = span_is(rq->path, "/livez") || span_is(rq->path, "/healthz");

	if (!live && !span_is(rq->path, "/readyz"))
		return false;
	if (rq->method != HTTP_GET && rq->method != HTTP_HEAD)
		return false;
	if (live)
		answer(rq, 0, "live");
	else
		ready(srv, rq);
	return true;
}
