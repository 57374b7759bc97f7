/* tlsalpn01.c - the tls-alpn-01 challenge (RFC 8737; RFC 8738 for addresses).
 *
 * resolve (or take the address) -> shake hands, offering acme-tls/1 alone -> judge the certificate. tlsc connects only where
 * the gateway may. */
#include "validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/mem.h"
#include "pki/alpn_cert.h"

#define ALPN "acme-tls/1"
#define CONNECT_MS 5000

struct state {
	msec_t deadline;
};

static void
finish(struct validation *v)
{
	free(v->state);
	v->state = NULL;
	v->done(v);
}

static void
fail(struct validation *v, enum problem_kind kind, const char *what, const char *detail)
{
	problem_set(&v->problem, kind, "%s port %u: %s%s%s", v->ident.value, v->tls_alpn01_port, what, detail[0] ? ": " : "", detail);
	finish(v);
}

static void
judge(struct validation *v, struct span der)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct problem pr = { 0 };

	if (!EVP_Digest(v->key_auth, strlen(v->key_auth), digest, NULL, EVP_sha256(), NULL))
		abort();
	v->proven = alpn_cert_check(der, &v->ident, digest, &v->final, &pr);
	if (v->proven)
		finish(v);
	else
		fail(v, pr.kind, pr.detail, "");
}

static void
on_shake(const struct tlsc_reply *rp, void *arg)
{
	struct validation *v = arg;

	if (rp->connected.family)
		addr_text(&rp->connected, v->where);
	switch (rp->result) {
	case TLSC_OK:
		/* RFC 8737 3: what the server negotiated, not only what its certificate says */
		if (strcmp(rp->alpn, ALPN) == 0)
			judge(v, rp->leaf_der);
		else
			fail(v, PROBLEM_UNAUTHORIZED, "the server did not choose the protocol " ALPN " (ALPN)", "");
		return;
	case TLSC_DENIED:
		/* neutral: where the inside networks lie is not the device's business */
		fail(v, PROBLEM_CONNECTION, "the address is not one this gateway validates", "");
		return;
	case TLSC_BUSY:
		fail(v, PROBLEM_CONNECTION, "the gateway had no connection left", "");
		return;
	case TLSC_CONNECT:
		fail(v, PROBLEM_CONNECTION, "cannot connect", "");
		return;
	case TLSC_TIMEOUT:
		fail(v, PROBLEM_CONNECTION, "time-out", "");
		return;
	case TLSC_TLS:
		fail(v, PROBLEM_TLS, "TLS handshake with " ALPN " failed", rp->fault);
		return;
	}
}

static void
shake(struct validation *v, const struct addr *addrs, size_t count)
{
	struct state *s = v->state;
	msec_t left = s->deadline - clock_ms();
	char server_name[IDENT_VALUE];

	ident_server_name(&v->ident, server_name);
	tlsc_start(v->env->tlsc,
		&(struct tlsc_request){ .addrs = addrs, .addr_count = count, .port = v->tls_alpn01_port, .reach = v->reach,
			.server_name = server_name, .alpn = ALPN,
			.connect_ms = CONNECT_MS, .total_ms = left > 1 ? left : 1 },
		on_shake, v);
}

static void
on_addrs(const struct dns_addrs *addrs, const struct problem *pr, void *arg)
{
	struct validation *v = arg;

	if (pr)
		fail(v, PROBLEM_DNS, "cannot resolve the name", pr->detail);
	else
		shake(v, addrs->list, addrs->count);
}

/* Loop thread. */
static void
begin(void *arg)
{
	struct validation *v = arg;
	struct addr addr;

	if (v->ident.type == IDENT_IP && addr_parse(span_str(v->ident.value), &addr))
		shake(v, &addr, 1);
	else
		dns_addrs(v->env->dns, &(struct dns_ask){ v->ident.value, v->resolvers, v->resolver_count, v->timeout_ms }, on_addrs, v);
}

void
tlsalpn01_start(struct validation *v)
{
	struct state *s = xcalloc(1, sizeof(*s));

	s->deadline = clock_ms() + v->timeout_ms;
	v->state = s;
	loop_post(v->env->loop, begin, v);
}
