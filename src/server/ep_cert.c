/* ep_cert.c - the certificate and its alternate chains (RFC 8555 7.4.2, 9.1). */
#include <stdio.h>

#include "base/log.h"
#include "server/api.h"

struct cert_get {
	struct api *api;
	int64_t n; /* 0 = the default chain */
	struct cert_row row;
	struct buf pem;
	int64_t alternates;
};

static bool
get_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct cert_get *g = arg;
	struct account account;
	bool found;

	cert_row_done(&g->row);
	if (!api_account(g->api, db, &account, pr) || !cert_by_ref(db, g->api->arg, account.id, &g->row, &found, pr))
		return false;
	if (!found)
		return api_not_found(pr);
	if (!cert_chain(db, g->row.id, g->n, &g->pem, &found, pr) || !cert_alternates(db, g->row.id, &g->alternates, pr))
		return false;
	return found ? true : api_not_found(pr);
}

static bool
fetched_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct cert_get *g = arg;
	struct audit_entry e = api_entry(g->api, AUDIT_CERT_DOWNLOAD);

	e.cert = g->row.ref;
	e.serial = g->row.serial;
	return cert_set_fetched(db, g->row.id, clock_unix_s(), pr) && audit_note(db, &e, pr);
}

/* The other chains than the one asked for. */
static void
add_links(struct api *api, const struct cert_get *g)
{
	char url[API_URL_TEXT];

	api_url(api, "cert", g->row.ref, url);
	for (int64_t i = 0; i <= g->alternates; i++) {
		if (i == g->n)
			continue;
		if (i == 0)
			http_reply_field(&api->reply, "Link", "<%s>;rel=\"alternate\"", url);
		else
			http_reply_field(&api->reply, "Link", "<%s/%lld>;rel=\"alternate\"", url, (long long)i);
	}
}

bool
api_cert(struct api *api)
{
	struct cert_get g = { .api = api, .pem = BUF_MAX(CHAIN_MAX_BYTES) };
	struct problem pr = { 0 };
	uint64_t n = 0;
	bool good;

	if (api->arg2.p && (!span_uint(api->arg2, 99, &n) || n == 0))
		return api_not_found(&api->pr);
	g.n = (int64_t)n;
	good = store_read(api->srv->store, get_tx, &g, &api->pr);
	/* that it was fetched decides only what a later order is given: a fault here must not keep it from the device */
	if (good && !g.row.fetched_at && !store_write(api->srv->store, fetched_tx, &g, &pr))
		log_error("certificate_fetch_not_noted", LPR(&pr));
	if (good) {
		api_reply_json(api, 200, &g.pem);
		api->reply.content_type = "application/pem-certificate-chain";
		add_links(api, &g);
	}
	buf_done(&g.pem);
	cert_row_done(&g.row);
	return good;
}
