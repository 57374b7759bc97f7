/* server.c - see server.h. The way of a request:
 *
 * front: server_handle -> route, method, media type -> directory and nonces are answered here; else the pool (503 when full)
 * worker: run -> envelope_open -> the route's function -> finish: headers that every reply has -> http_reply
 *         run_crl -> the list, or finish */
#include "server/server.h"

#include <stdlib.h>

#include "base/log.h"
#include "server/api.h"

#define CRL_MAX_BYTES (16 * 1024 * 1024)
#define FAULT_WAIT_S 60
#define RENEWAL_BODY_MAX (128 * 1024)

static struct api *
api_new(struct server *srv, struct http_req *rq)
{
	struct api *api = xcalloc(1, sizeof(*api));

	api->srv = srv;
	api->http = rq;
	api->conf = conf_holder_take(srv->conf);
	api->noted.names = BUF_MAX(AUDIT_PERSONAL_MAX);
	addr_text(&rq->peer, api->peer_text);
	return api;
}

static void
api_free(struct api *api)
{
	jws_done(&api->jws);
	EVP_PKEY_free(api->key);
	jwk_free(api->jwk);
	json_free(api->payload_doc);
	free(api->subs);
	buf_done(&api->noted.names);
	renewal_get_done(api);
	gate_conf_unref(api->conf);
	free(api);
}

static void
add_standard_fields(struct server *srv, const struct gate_conf *conf, bool nonce, bool index, struct http_reply *rp)
{
	char text[REPLAY_NONCE_TEXT];

	if (nonce)
		http_reply_field(rp, "Replay-Nonce", "%s", nonce_make(srv->nonces, text));
	if (index)
		http_reply_field(rp, "Link", "<%s/directory>;rel=\"index\"", conf->external_url);
	http_reply_field(rp, "Cache-Control", "no-store");
}

static void
write_problem(const struct problem *pr, const struct problem_more *more, struct http_reply *rp)
{
	/* T2: a fault of ours may be over in a minute */
	unsigned wait_s = pr->retry_after_s == 0 && problem_status(pr->kind) == 500 ? FAULT_WAIT_S : pr->retry_after_s;

	rp->content_type = "application/problem+json";
	buf_clear(&rp->body);
	problem_json(&rp->body, pr, more);
	if (wait_s)
		http_reply_field(rp, "Retry-After", "%u", wait_s);
}

/* The face's own refusals: framing, sizes, too many connections (W25). */
void
server_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg)
{
	struct server *srv = arg;
	struct gate_conf *conf = conf_holder_take(srv->conf);

	server_count(&srv->stats, NULL, problem_status(pr->kind), pr->kind, 0);
	write_problem(pr, NULL, rp);
	add_standard_fields(srv, conf, !rq || rq->method == HTTP_POST, true, rp);
	gate_conf_unref(conf);
}

static void
problem_reply(struct api *api)
{
	struct problem_more more = { .subs = api->subs, .sub_count = api->sub_count, .cert_ids_max = api->cert_ids_max };

	/* what an endpoint began is thrown away, but a Location belongs to some refusals (W15, W23) */
	api->reply.status = problem_status(api->pr.kind);
	if (api->pr.kind == PROBLEM_BAD_SIGNATURE_ALGORITHM)
		more.algorithms_json = jwa_list_json();
	if (api->pr.kind == PROBLEM_USER_ACTION_REQUIRED && api->conf->terms_of_service) {
		more.instance = api->conf->terms_of_service;
		http_reply_field(&api->reply, "Link", "<%s>;rel=\"terms-of-service\"", api->conf->terms_of_service);
	}
	write_problem(&api->pr, &more, &api->reply);
}

/* Count it, reply, and let the request go. */
static void
reply(struct api *api, int64_t took_us)
{
	server_count(&api->srv->stats, api->route, api->reply.status, api->pr.kind, took_us);
	http_reply(api->http, &api->reply);
	api_free(api);
}

/* Lists of certIDs stay out of the log (doc/mass-ari.md, Privacy). */
static struct span
path_for_log(const struct api *api)
{
	return api->route && api->route->list ? span_str(api->route->path) : api->http->path;
}

static void
finish(struct api *api, bool good)
{
	struct server *srv = api->srv;
	struct http_req *rq = api->http;
	bool post = rq->method == HTTP_POST;
	int64_t took_us = clock_us() - rq->started_us;

	if (good)
		api->pr.kind = PROBLEM_NONE;
	else
		problem_reply(api);
	add_standard_fields(srv, api->conf, post, true, &api->reply);
	if (!good && problem_status(api->pr.kind) >= 500)
		log_error("request", LI("id", rq->id), LSP("path", path_for_log(api)), LI("status", api->reply.status), LPR(&api->pr));
	else
		log_info("request", LI("id", rq->id), LSP("path", path_for_log(api)), LI("status", api->reply.status),
			LS("account", api->kid_ref), LI("us", took_us),
			LS("problem", good ? "" : problem_type(api->pr.kind)), LS("detail", good ? "" : api->pr.detail));
	reply(api, took_us);
}

static void
directory_reply(struct api *api)
{
	api->reply = http_reply_new(200);
	api->reply.content_type = "application/json";
	directory_write(api->conf, api->profile, &api->reply.body);
}

static bool
account_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct account account;

	return api_account(arg, db, &account, pr);
}

static bool
answer(struct api *api)
{
	if (api->route->fn)
		return api->route->fn(api);
	/* POST-as-GET of the directory and of newNonce (RFC 8555 6.3, 7.2) */
	if (api->kid_ref[0] && !store_read(api->srv->store, account_tx, api, &api->pr))
		return false;
	if (strcmp(api->route->path, "/new-nonce") == 0)
		api->reply = http_reply_new(204);
	else
		directory_reply(api);
	return true;
}

/* W4: whose account has ended hears that first, whatever else is wrong with the request. Endpoints ask within their transaction;
 * what they refuse before it comes here. */
static void
tell_account_first(struct api *api)
{
	struct problem pr = { 0 };
	int status = problem_status(api->pr.kind);

	if (!api->authentic || !api->kid_ref[0] || status == 429 || status >= 500)
		return;
	if (store_read(api->srv->store, account_tx, api, &pr) || problem_status(pr.kind) >= 500)
		return;
	api->pr = pr;
	api->sub_count = 0;
	api->cert_ids_max = 0;
}

/* Worker */
static void
run(void *arg)
{
	struct api *api = arg;
	bool good = envelope_open(api) && answer(api);

	if (!good && api->eab_refused)
		eab_note_refusal(api);
	if (!good) {
		tell_account_first(api);
		api_note_refusal(api);
	}
	finish(api, good);
}

/* directory, new-nonce by GET and HEAD: no store, no signature, no hop */
static void
answer_here(struct api *api)
{
	bool nonce = strcmp(api->route->path, "/new-nonce") == 0;

	if (nonce)
		api->reply = http_reply_new(api->http->method == HTTP_HEAD ? 200 : 204);
	else
		directory_reply(api);
	/* the directory has no index link: it is the index (RFC 8555 7.1) */
	add_standard_fields(api->srv, api->conf, nonce, nonce, &api->reply);
	reply(api, clock_us() - api->http->started_us);
}

static void
refuse_here(struct api *api, enum problem_kind kind, const char *detail)
{
	api->reply = http_reply_new(problem_status(kind));
	problem_set(&api->pr, kind, "%s", detail);
	finish(api, false);
}

static bool
is_jose(const struct http_req *rq)
{
	struct span type = http_req_field(rq, "Content-Type"), media;

	return type.n && span_cut(&type, ';', &media) &&
		span_is_nocase(span_trim(media), "application/jose+json");
}

/* For anybody, by GET alone: there is nothing to sign. */
static bool
is_public(const struct route *route)
{
	return route->crl || route->renewal;
}

static void
refuse_method(struct api *api)
{
	const char *allow = is_public(api->route) ? "GET, HEAD" : api->route->get ? "GET, HEAD, POST" : "POST";

	api->reply = http_reply_new(405);
	http_reply_field(&api->reply, "Allow", "%s", allow);
	problem_set(&api->pr, PROBLEM_METHOD_NOT_ALLOWED, "this resource is asked by %s", allow);
	finish(api, false);
}

static void
refuse_limited(struct api *api)
{
	api->reply = http_reply_new(problem_status(api->pr.kind));
	finish(api, false);
}

static void
overloaded(struct api *api)
{
	api->pr.retry_after_s = 5 + rand_below(30);
	refuse_here(api, PROBLEM_OVERLOADED, "the gateway is busy, please try again later");
}

/* Worker */
static void
run_crl(void *arg)
{
	struct api *api = arg;
	AUTO_FREE char *name = span_dup(api->arg);
	struct buf der = BUF_MAX(CRL_MAX_BYTES);
	bool found = false, good;

	api->reply = http_reply_new(404);
	good = api->srv->crl(api->srv->crl_arg, name, &der, &found, &api->pr);

	if (good && !found)
		good = api_not_found(&api->pr);
	if (!good) {
		buf_done(&der);
		finish(api, false);
		return;
	}
	/* none of the fields of ACME: anybody may fetch it, and keep it */
	api->reply.status = 200;
	api->reply.content_type = "application/pkix-crl";
	buf_done(&api->reply.body);
	api->reply.body = der;
	reply(api, clock_us() - api->http->started_us);
}

static void
to_worker(struct api *api, void (*task)(void *))
{
	if (!pool_try(api->srv->pool, task, api))
		overloaded(api);
}

/* Front or worker: what is found goes out with none of the fields of ACME, so that caches keep it. */
static void
reply_renewal(struct api *api)
{
	if (renewal_get_reply(api))
		reply(api, clock_us() - api->http->started_us);
	else
		finish(api, false);
}

/* Worker */
static void
run_renewal(void *arg)
{
	struct api *api = arg;

	if (renewal_get_find(api))
		reply_renewal(api);
	else
		finish(api, false);
}

static void
renewal_here(struct api *api)
{
	bool in_memory;

	api->reply = http_reply_new(200);
	if (!renewal_get_begin(api, &in_memory))
		finish(api, false);
	else if (in_memory)
		reply_renewal(api);
	else
		to_worker(api, run_renewal);
}

size_t
server_body_max(const struct http_req *rq, void *arg)
{
	struct server *srv = arg;
	struct gate_conf *conf = conf_holder_take(srv->conf);
	size_t base = strlen(conf->base_path);
	bool batch = span_starts(rq->path, conf->base_path) && span_is(span_from(rq->path, base), RENEWAL_BATCH_PATH);
	size_t max = (size_t)conf->limits.body_max_bytes;

	gate_conf_unref(conf);
	return batch && max < RENEWAL_BODY_MAX ? RENEWAL_BODY_MAX : max;
}

void
server_handle(struct http_req *rq, void *arg)
{
	struct server *srv = arg;
	bool reading = rq->method == HTTP_GET || rq->method == HTTP_HEAD;
	struct api *api;

	if (health_handle(srv, rq))
		return;
	api = api_new(srv, rq);
	api->route = route_find(api, rq->path);
	if (!limit_take_addr(&srv->limits, api->conf, LIMIT_REQUESTS, &rq->peer, &api->pr))
		refuse_limited(api);
	else if (!api->route || (rq->query.p && !api->route->query))
		refuse_here(api, PROBLEM_NOT_FOUND, "no such resource");
	else if (reading && api->route->crl)
		to_worker(api, run_crl);
	else if (reading && api->route->renewal)
		renewal_here(api);
	else if (reading && api->route->get)
		answer_here(api);
	else if (rq->method != HTTP_POST || is_public(api->route))
		refuse_method(api);
	else if (!is_jose(rq))
		refuse_here(api, PROBLEM_MEDIA_TYPE, "the Content-Type must be application/jose+json");
	else
		to_worker(api, run);
}
