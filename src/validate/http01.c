/* http01.c - the http-01 challenge (RFC 8555 8.3; RFC 8738 for addresses).
 *
 * resolve (or take the address) -> fetch -> 200: compare; 301/302/307/308: next hop, at most ten, decided hop by hop; else
 * failed. Each hop resolves again and is pinned to the addresses found; httpc judges the address really connected to. */
#include "validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "validate/hop.h"

#define REDIRECTS_MAX 10
#define HOPS_MAX (REDIRECTS_MAX + 1)
#define BODY_MAX_BYTES 128
#define CONNECT_MS 5000

struct state {
	struct hop hop;
	char seen[HOPS_MAX][HOP_URL_TEXT];
	unsigned hops;
	msec_t deadline;
};

static void fetch_hop(struct validation *v);

static void
finish(struct validation *v)
{
	free(v->state);
	v->state = NULL;
	v->done(v);
}

static void
fail(struct validation *v, enum problem_kind kind, bool final, const char *what, const char *detail)
{
	struct state *s = v->state;

	v->proven = false;
	v->final = final;
	problem_set(&v->problem, kind, "%s: %s%s%s", s->hop.url, what, detail[0] ? ": " : "", detail);
	finish(v);
}

/* The commonest fault of web servers: a redirect to "https://name.example.well-known/...", without the slash behind the host. */
static const char *
slash_hint(const struct hop *hop, const char *url)
{
	size_t n = strlen(hop->host), end = sizeof(".well-known") - 1;
	bool missing = n > end ? strcasecmp(hop->host + n - end, ".well-known") == 0 :
				 strstr(url, ".well-known/") && !strstr(url, "/.well-known/");

	return missing ? " (is a slash missing in the redirect rule?)" : "";
}

static void
follow(struct validation *v, struct httpc_reply *rp)
{
	struct state *s = v->state;
	struct span location = httpc_field(rp, "Location", 0);
	const char *fault = "";
	char url[HOP_URL_TEXT];
	struct hop next = { 0 };

	if (location.n == 0 || !httpc_url_resolve(s->hop.url, location, url, sizeof(url))) {
		fail(v, PROBLEM_CONNECTION, false, "redirect without a usable Location", "");
		return;
	}
	if (s->hops >= HOPS_MAX) {
		fail(v, PROBLEM_CONNECTION, false, "more than 10 redirects", "");
		return;
	}
	for (unsigned i = 0; i < s->hops; i++) {
		if (strcmp(s->seen[i], url) == 0) {
			fail(v, PROBLEM_CONNECTION, false, "redirect loop", "");
			return;
		}
	}
	if (!hop_parse(url, v->http01_port, &next, &fault)) {
		char what[192];

		snprintf(what, sizeof(what), "redirect to \"%s\" %s%s", QUOTE(span_str(url)), fault, slash_hint(&next, url));
		fail(v, PROBLEM_CONNECTION, false, what, "");
		return;
	}
	s->hop = next;
	fetch_hop(v);
}

/* Only trailing white space is ignored (8.3). */
static bool
is_expected(struct span body, const char *key_auth)
{
	while (body.n && strchr(" \t\r\n\v\f", body.p[body.n - 1]))
		body.n--;
	return span_is(body, key_auth);
}

static void
judge_body(struct validation *v, struct httpc_reply *rp)
{
	if (is_expected(buf_span(&rp->body), v->key_auth)) {
		v->proven = true;
		finish(v);
		return;
	}
	/* never show what came back: the device's owner has no right to see what lies there (RFC 8555 10.4) */
	fail(v, PROBLEM_UNAUTHORIZED, rp->body.n > 0, "the answer is not the key authorization of this challenge", "");
}

static void
on_reply(struct httpc_reply *rp, void *arg)
{
	struct validation *v = arg;
	char text[32];

	if (rp->connected.family)
		addr_text(&rp->connected, v->where);
	switch (rp->result) {
	case HTTPC_OK:
		break;
	case HTTPC_DENIED:
		/* neutral: where the inside networks lie is not the device's business */
		fail(v, PROBLEM_CONNECTION, false, "the address is not one this gateway validates", "");
		return;
	case HTTPC_TOO_LARGE:
		fail(v, PROBLEM_UNAUTHORIZED, true, "the answer is longer than a key authorization", "");
		return;
	case HTTPC_TLS:
		fail(v, PROBLEM_TLS, false, "TLS handshake failed", "");
		return;
	case HTTPC_BUSY:
		fail(v, PROBLEM_CONNECTION, false, "the gateway had no connection left", "");
		return;
	case HTTPC_TIMEOUT:
		fail(v, PROBLEM_CONNECTION, false, "time-out", "");
		return;
	default:
		fail(v, PROBLEM_CONNECTION, false,
			rp->result == HTTPC_CONNECT ? "cannot connect" : "connection broken", "");
		return;
	}
	switch (rp->status) {
	case 200:
		judge_body(v, rp);
		return;
	case 301:
	case 302:
	case 307:
	case 308:
		follow(v, rp);
		return;
	default:
		snprintf(text, sizeof(text), "%d", rp->status);
		fail(v, PROBLEM_UNAUTHORIZED, false, "expected HTTP status 200, got", text);
	}
}

static void
fetch(struct validation *v, const struct addr *addrs, size_t count)
{
	struct state *s = v->state;
	msec_t left = s->deadline - clock_ms();
	struct httpc_request rq = {
		.method = "GET",
		.url = s->hop.url,
		.tls_no_verify = true, /* the redirect's target need not have a certificate yet */
		.fresh = true,
		.connect_ms = CONNECT_MS,
		.total_ms = left > 1 ? left : 1,
		.body_max_bytes = BODY_MAX_BYTES,
		.pin = addrs,
		.pin_count = count,
		.reach = v->reach,
	};

	memcpy(s->seen[s->hops++], s->hop.url, HOP_URL_TEXT);
	httpc_start(v->env->httpc, &rq, on_reply, v);
}

static void
on_addrs(const struct dns_addrs *addrs, const struct problem *pr, void *arg)
{
	struct validation *v = arg;
	struct state *s = v->state;
	char what[128];

	snprintf(what, sizeof(what), "cannot resolve the name%s", slash_hint(&s->hop, s->hop.url));
	if (pr)
		fail(v, PROBLEM_DNS, false, what, pr->detail);
	else
		fetch(v, addrs->list, addrs->count);
}

static void
fetch_hop(struct validation *v)
{
	struct state *s = v->state;
	msec_t left = s->deadline - clock_ms();

	if (left <= 0)
		fail(v, PROBLEM_CONNECTION, false, "time-out", "");
	else if (s->hop.is_addr)
		fetch(v, &s->hop.addr, 1);
	else
		dns_addrs(v->env->dns, &(struct dns_ask){ s->hop.host, v->resolvers, v->resolver_count, left }, on_addrs, v);
}

/* Loop thread: so that no fault is called back before http01_start has returned. */
static void
begin(void *arg)
{
	fetch_hop(arg);
}

void
http01_start(struct validation *v)
{
	struct state *s = xcalloc(1, sizeof(*s));
	bool v6 = v->ident.type == IDENT_IP && strchr(v->ident.value, ':');
	char port[8] = "";

	if (v->http01_port != 80)
		snprintf(port, sizeof(port), ":%u", v->http01_port);
	snprintf(s->hop.host, sizeof(s->hop.host), "%s", v->ident.value);
	snprintf(s->hop.url, sizeof(s->hop.url), "http://%s%s%s%s/.well-known/acme-challenge/%s",
		v6 ? "[" : "", v->ident.value, v6 ? "]" : "", port, v->token);
	s->hop.port = v->http01_port;
	s->hop.is_addr = v->ident.type == IDENT_IP && addr_parse(span_str(v->ident.value), &s->hop.addr);
	s->deadline = clock_ms() + v->timeout_ms;
	v->state = s;
	loop_post(v->env->loop, begin, v);
}
