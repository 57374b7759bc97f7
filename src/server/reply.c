/* reply.c - what endpoints share in answering. */
#include <stdio.h>
#include <stdlib.h>

#include "server/api.h"
#include "store/upstream.h"

const char *
api_url(const struct api *api, const char *kind, const char *ref, char dst[API_URL_TEXT])
{
	snprintf(dst, API_URL_TEXT, "%s/%s/%s", api->conf->external_url, kind, ref);
	return dst;
}

void
api_reply_json(struct api *api, int status, struct buf *body)
{
	api->reply = http_reply_new(status);
	api->reply.content_type = "application/json";
	buf_done(&api->reply.body);
	api->reply.body = *body;
	*body = BUF_MAX(body->max);
}

void
api_location(struct api *api, const char *kind, const char *ref)
{
	char url[API_URL_TEXT];

	http_reply_field(&api->reply, "Location", "%s", api_url(api, kind, ref, url));
}

void
api_link(struct api *api, const char *rel, const char *kind, const char *ref)
{
	char url[API_URL_TEXT];

	http_reply_field(&api->reply, "Link", "<%s>;rel=\"%s\"", api_url(api, kind, ref, url), rel);
}

void
api_retry_after(struct api *api, int64_t seconds)
{
	http_reply_field(&api->reply, "Retry-After", "%lld", (long long)seconds);
}

void
api_subproblem(struct api *api, const struct problem *pr, const struct ident *id)
{
	api->subs = xrealloc(api->subs, (api->sub_count + 1) * sizeof(*api->subs));
	api->subs[api->sub_count++] = (struct acme_subproblem){ *pr, *id };
}

bool
api_not_found(struct problem *pr)
{
	return problem_set(pr, PROBLEM_NOT_FOUND, "no such resource");
}

static void
add_ref(const char *ref, void *arg)
{
	struct buf *refs = arg;

	buf_add(refs, ref, REF_TEXT - 1);
}

/* Until when the CA's limits make it, or the order that it has joined, wait. */
static bool
load_wait(struct sql *db, struct order_view *v, struct problem *pr)
{
	const struct order *o = &v->order;
	struct upstream_order u = { 0 };
	bool found;

	v->wait_until = 0;
	if (o->state != ORDER_PROCESSING)
		return true;
	if (!upstream_order_get(db, o->joined_to ? o->joined_to : o->id, &u, &found, pr))
		return false;
	v->wait_until = found ? u.wait_until : 0;
	return true;
}

bool
order_view_load(struct sql *db, struct order_view *v, struct problem *pr)
{
	buf_done(&v->authz_refs);
	v->authz_refs = BUF_MAX(256 * 1024);
	return authz_refs_of_order(db, v->order.id, add_ref, &v->authz_refs, pr) && load_wait(db, v, pr);
}

void
order_view_done(struct order_view *v)
{
	order_done(&v->order);
	buf_done(&v->authz_refs);
}

static void
write_idents(struct jw *w, const struct idents *ids)
{
	jw_array(w, "identifiers");
	for (size_t i = 0; i < ids->count; i++) {
		jw_object(w, NULL);
		jw_str(w, "type", ident_type_name(ids->list[i].type));
		jw_str(w, "value", ids->list[i].value);
		jw_end(w);
	}
	jw_end(w);
}

static void
write_authzs(const struct api *api, struct jw *w, const struct buf *refs)
{
	char url[API_URL_TEXT], ref[REF_TEXT];

	jw_array(w, "authorizations");
	for (size_t at = 0; at + REF_TEXT - 1 <= refs->n; at += REF_TEXT - 1) {
		memcpy(ref, refs->p + at, REF_TEXT - 1);
		ref[REF_TEXT - 1] = '\0';
		jw_str(w, NULL, api_url(api, "authz", ref, url));
	}
	jw_end(w);
}

#define ORDER_WAIT_MAX_S 600 /* some clients give up beyond */

/* How long the device had better wait (T1): as long as the order does; else 5 s, growing with the order's age to a minute. */
static int64_t
order_wait_s(const struct order_view *v)
{
	const struct order *o = &v->order;
	int64_t now = clock_unix_s(), age = now - (o->finalized_at ? o->finalized_at : o->created_at);
	int64_t wait = age / 4, limit = v->wait_until > now ? v->wait_until - now + 1 : 0;

	if (limit > 60)
		return limit < ORDER_WAIT_MAX_S ? limit : ORDER_WAIT_MAX_S;
	wait = limit > wait ? limit : wait;
	return wait < 5 ? 5 : wait > 60 ? 60 : wait;
}

/* An order past its time is over, whether or not housekeeping has been there. */
static enum order_state
shown_state(const struct order *o)
{
	bool waits = o->state == ORDER_PENDING || o->state == ORDER_READY;

	return waits && o->expires < clock_unix_s() ? ORDER_INVALID : o->state;
}

bool
api_reply_order(struct api *api, int status, const struct order_view *v)
{
	const struct order *o = &v->order;
	struct buf body = BUF_MAX(512 * 1024);
	struct jw w = jw_to(&body);
	enum order_state state = shown_state(o);
	char url[API_URL_TEXT];

	jw_object(&w, NULL);
	jw_str(&w, "status", order_state_name(state));
	jw_time(&w, "expires", o->expires);
	write_idents(&w, &o->idents);
	if (o->not_before)
		jw_time(&w, "notBefore", o->not_before);
	if (o->not_after)
		jw_time(&w, "notAfter", o->not_after);
	jw_str(&w, "profile", o->profile);
	if (o->replaces)
		jw_str(&w, "replaces", o->replaces);
	write_authzs(api, &w, &v->authz_refs);
	api_url(api, "order", o->ref, url);
	strncat(url, "/finalize", sizeof(url) - strlen(url) - 1);
	jw_str(&w, "finalize", url);
	if (state == ORDER_VALID && o->cert_ref[0])
		jw_str(&w, "certificate", api_url(api, "cert", o->cert_ref, url));
	if (state == ORDER_INVALID && o->error)
		jw_raw(&w, "error", span_str(o->error));
	jw_end(&w);
	if (!jw_ok(&w)) {
		buf_done(&body);
		return problem_internal(&api->pr, "order %s is too large to show", o->ref);
	}
	api_reply_json(api, status, &body);
	api_location(api, "order", o->ref);
	if (state == ORDER_PROCESSING)
		api_retry_after(api, order_wait_s(v));
	return true;
}

/* To other terms than are demanded it has not agreed (7.3.3). */
static bool
terms_count(const struct gate_conf *conf, const struct account *a)
{
	return a->terms && (!conf->require_current_terms || (a->terms_url && strcmp(a->terms_url, conf->terms_of_service) == 0));
}

void
api_reply_account(struct api *api, int status, const struct account *a)
{
	struct buf body = BUF_MAX(64 * 1024);
	struct jw w = jw_to(&body);
	char url[API_URL_TEXT];

	jw_object(&w, NULL);
	jw_str(&w, "status", account_state_name(a->state));
	jw_raw(&w, "contact", span_str(a->contact));
	if (terms_count(api->conf, a))
		jw_bool(&w, "termsOfServiceAgreed", true);
	if (a->eab)
		jw_raw(&w, "externalAccountBinding", span_str(a->eab));
	api_url(api, "acct", a->ref, url);
	strncat(url, "/orders", sizeof(url) - strlen(url) - 1);
	jw_str(&w, "orders", url);
	jw_end(&w);
	api_reply_json(api, status, &body);
	api_location(api, "acct", a->ref);
}
