/* domain.c - the registered domain of a name, by the Public Suffix List; see quota.h. */
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/mem.h"
#include "quota/quota.h"

struct psl {
	psl_ctx_t *ctx;
};

bool
psl_open(const char *path, struct psl **ret, struct problem *pr)
{
	psl_ctx_t *ctx = path && path[0] ? psl_load_file(path) : psl_latest(NULL);
	struct psl *psl;

	if (!ctx || psl_suffix_count(ctx) == 0) {
		psl_free(ctx);
		return problem_internal(pr, "the public suffix list %s cannot be read", path && path[0] ? path : "of the system");
	}
	psl = xcalloc(1, sizeof(*psl));
	psl->ctx = ctx;
	*ret = psl;
	return true;
}

void
psl_close(struct psl *psl)
{
	if (!psl)
		return;
	psl_free(psl->ctx);
	free(psl);
}

/* An IPv4 address stands for itself, an IPv6 one for its network of 64 bits. */
static bool
address_domain(const char *text, char ret[QUOTA_KEY_TEXT])
{
	char net[ADDR_TEXT];
	struct addr a;

	if (!addr_parse(span_str(text), &a))
		return false;
	if (a.family != AF_INET6)
		return span_copy(span_str(text), ret, QUOTA_KEY_TEXT);
	memset(a.octet + 8, 0, 8);
	snprintf(ret, QUOTA_KEY_TEXT, "%s/64", addr_text(&a, net));
	return true;
}

bool
psl_domain(const struct psl *psl, const struct ident *id, char ret[QUOTA_KEY_TEXT])
{
	const char *name = ident_base(id), *domain;

	if (id->type == IDENT_IP)
		return address_domain(name, ret);
	if (id->type != IDENT_DNS)
		return false;
	domain = psl_registrable_domain(psl->ctx, name);
	return span_copy(span_str(domain ? domain : name), ret, QUOTA_KEY_TEXT);
}

bool
quota_domain_has(const char *domain, const char *name)
{
	size_t n = strlen(name), d = strlen(domain);

	if (d == 0 || d > n || strcmp(name + n - d, domain) != 0)
		return false;
	return d == n || name[n - d - 1] == '.';
}
