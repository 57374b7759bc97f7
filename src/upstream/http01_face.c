/* http01_face.c - see http01_face.h. */
#include "upstream/http01_face.h"

#include <stdlib.h>

#include "base/b64url.h"
#include "base/log.h"
#include "upstream/local.h"

#define WELL_KNOWN "/.well-known/acme-challenge/"
#define TOKEN_MAX 256

struct look {
	struct http_req *rq;
	struct upstreams *ups;
	char *name; /* token, or the CA's name; owned */
	struct buf found_text;
	bool found;
};

static void
plain(struct http_req *rq, int status, const char *text)
{
	struct http_reply rp = http_reply_new(status);

	rp.content_type = "text/plain";
	buf_adds(&rp.body, text);
	http_reply(rq, &rp);
}

static struct look *
look_new(struct http_req *rq, struct upstreams *ups, struct span name, size_t max)
{
	struct look *l = xcalloc(1, sizeof(*l));

	*l = (struct look){ rq, ups, span_dup(name), BUF_MAX(max), false };
	return l;
}

static void
look_free(struct look *l)
{
	buf_done(&l->found_text);
	free(l->name);
	free(l);
}

static bool
token_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct look *l = arg;

	return upstream_token_lookup(db, span_str(l->name), &l->found_text, &l->found, pr);
}

static void
reply_found(struct look *l, const char *type, bool good, const struct problem *pr)
{
	struct http_reply rp;

	if (!good)
		log_error("look_up_failed", LS("name", l->name), LPR(pr));
	if (!good || !l->found) {
		plain(l->rq, good ? 404 : 503, good ? "not found\n" : "please try again\n");
	} else {
		rp = http_reply_new(200);
		rp.content_type = type;
		buf_addspan(&rp.body, buf_span(&l->found_text));
		http_reply(l->rq, &rp);
	}
	look_free(l);
}

/* Worker */
static void
token_task(void *arg)
{
	struct look *l = arg;
	struct problem pr = { 0 };
	bool good = store_read(upstreams_env(l->ups)->store, token_tx, l, &pr);

	log_debug("proof_asked", LI("found", l->found));
	reply_found(l, "application/octet-stream", good, &pr);
}

/* Worker */
static void
crl_task(void *arg)
{
	struct look *l = arg;
	struct problem pr = { 0 };
	bool good = local_crl(l->ups, l->name, &l->found_text, &l->found, &pr);

	reply_found(l, "application/pkix-crl", good, &pr);
}

static bool
crl_reply(struct http_req *rq, struct upstreams *ups, struct span name)
{
	struct look *l = look_new(rq, ups, name, 16 * 1024 * 1024);

	if (pool_try(upstreams_env(ups)->pool, crl_task, l))
		return true;
	look_free(l);
	return false;
}

static bool
token_reply(struct http_req *rq, struct upstreams *ups, struct span token)
{
	struct look *l = look_new(rq, ups, token, 1024);

	if (pool_try(upstreams_env(ups)->pool, token_task, l))
		return true;
	look_free(l);
	return false;
}

void
http01_face_handle(struct http_req *rq, void *arg)
{
	struct upstreams *ups = arg;
	bool reading = rq->method == HTTP_GET || rq->method == HTTP_HEAD, taken = true;
	struct span token = SPAN_NONE;

	if (span_starts(rq->path, WELL_KNOWN))
		token = span_from(rq->path, sizeof(WELL_KNOWN) - 1);
	if (!reading)
		plain(rq, 405, "GET only\n");
	else if (span_starts(rq->path, "/crl/"))
		taken = crl_reply(rq, ups, span_from(rq->path, 5));
	else if (token.n == 0 || token.n > TOKEN_MAX || !b64url_is_alphabet(token))
		plain(rq, 404, "not found\n");
	else
		taken = token_reply(rq, ups, token);
	if (!taken)
		plain(rq, 503, "busy\n");
}
