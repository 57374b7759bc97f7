/* keys.c - the buckets of an order as the queue of its CA knows them; see ledger.h. */
#include <openssl/sha.h>

#include "ledger/ledger_int.h"

static uint64_t
key_of(const struct ledger *l, enum quota_kind kind, const char *scope, const char *name, bool urgent)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	AUTO_BUF text = BUF_MAX(2 * SCOPE_TEXT);
	uint64_t key = 0;

	buf_add(&text, l->salt, sizeof(l->salt));
	buf_addf(&text, "%d %d %s %s", (int)kind, urgent, scope, name);
	SHA256((const unsigned char *)text.p, text.n, hash);
	for (size_t i = 0; i < sizeof(key); i++)
		key = key << 8 | hash[i];
	return key ? key : 1;
}

uint64_t
ledger_key(const struct ledger *l, const struct bucket *b, bool urgent)
{
	return key_of(l, b->kind, b->scope, b->name, urgent);
}

size_t
ledger_keys(const struct ledger *l, const struct ledger_ask *ask, enum quota_class class, uint64_t *ret, size_t max)
{
	static const enum quota_kind by_domain[] = { QUOTA_DOMAIN, QUOTA_DOMAIN_ACCT };
	char domain[QUOTA_KEY_TEXT];
	enum quota_mode mode;
	size_t n = 0;

	if (n < max && quota_at_new_order(class, QUOTA_ORDERS, false, &mode))
		ret[n++] = key_of(l, QUOTA_ORDERS, ledger_scope(ask, QUOTA_ORDERS), "", ask->urgent);
	for (size_t i = 0; i < ask->idents->count; i++) {
		if (!psl_domain(l->psl, &ask->idents->list[i], domain))
			continue;
		for (size_t k = 0; k < COUNT_OF(by_domain); k++) {
			bool acct = conf_limit_rate(ask->upstream, QUOTA_DOMAIN_ACCT, domain).count > 0;

			/* what is only spent holds nobody up */
			if (n < max && quota_at_new_order(class, by_domain[k], acct, &mode) && mode != QUOTA_SPEND)
				ret[n++] = key_of(l, by_domain[k], ledger_scope(ask, by_domain[k]), domain, ask->urgent);
		}
	}
	return n;
}
