/* http01.c - the http-01 challenge (RFC 8555 8.3; RFC 8738 for addresses).
 *
 * resolve (or take the address) -> fetch -> 200: compare; 301/302/307/308: next hop, at most ten, decided hop by hop; else
 * failed. Each hop resolves again and is pinned to the addresses found; httpc judges the address really connected to. */
#include "validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define REDIRECTS_MAX 10
#define HOPS_MAX (REDIRECTS_MAX + 1)
#define BODY_MAX_BYTES 128
#define CONNECT_MS 5000
#define URL_MAX 2048

struct hop {
	char url[URL_MAX];
	bool https;
	char host[256]; /* without brackets */
	uint16_t port;
	struct addr addr; /* set when the host is an address */
	bool is_addr;
};

struct state {
	struct hop hop;
	char seen[HOPS_MAX][URL_MAX];
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

/* scheme, host and port of an absolute URL; only http and https on 80, 443 and the profile's port (V4). */
static bool
hop_parse(struct validation *v, const char *url, struct hop *hop, const char **ret_fault)
{
	struct span rest = span_str(url), authority = SPAN_NONE, port = SPAN_NONE;
	uint64_t n;

	*ret_fault = "is not an http or https URL";
	hop->https = span_starts(rest, "https://");
	if (!hop->https && !span_starts(rest, "http://"))
		return false;
	rest = span_from(rest, hop->https ? 8 : 7);
	authority = span_of(rest.p, strcspn(rest.p, "/?#"));
	if (memchr(authority.p, '@', authority.n))
		return false;
	hop->port = hop->https ? 443 : 80;
	if (authority.n && authority.p[0] == '[') {
		const char *end = memchr(authority.p, ']', authority.n);

		if (!end)
			return false;
		port = span_from(authority, (size_t)(end - authority.p) + 1);
		authority = span_of(authority.p + 1, (size_t)(end - authority.p) - 1);
		if (port.n && port.p[0] != ':')
			return false;
		port = span_from(port, 1);
	} else {
		struct span all = authority;

		span_cut(&all, ':', &authority);
		port = all.p ? all : SPAN_NONE;
	}
	if (port.n) {
		if (!span_uint(port, 65535, &n))
			return false;
		hop->port = (uint16_t)n;
	}
	*ret_fault = "has a host that is no name or address";
	if (authority.n == 0 || !span_copy(authority, hop->host, sizeof(hop->host)))
		return false;
	hop->is_addr = addr_parse(authority, &hop->addr);
	*ret_fault = "uses a port that is not allowed";
	if (hop->port != 80 && hop->port != 443 && hop->port != v->http01_port)
		return false;
	*ret_fault = "is too long";
	return span_copy(span_str(url), hop->url, sizeof(hop->url));
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
	char url[URL_MAX];
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
	if (!hop_parse(v, url, &next, &fault)) {
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
		.allow = v->networks,
		.allow_count = v->network_count,
		.allow_check = true,
	};

	memcpy(s->seen[s->hops++], s->hop.url, URL_MAX);
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
		dns_addrs(v->env->dns, s->hop.host, left, on_addrs, v);
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
