/* quota.h - the limits that a CA puts on its customers: their kinds, the tables of CAs whose numbers are published, and what an order
 * asks of them. Pure, any thread.
 *
 * The numbers and the order of checks are those of Let's Encrypt (Boulder of August 2026). An order is asked for by newOrder, where
 * all is checked and the order itself is spent; a certificate is spent when it is issued, a failed proof when it fails. */
#ifndef QUOTA_QUOTA_H
#define QUOTA_QUOTA_H

#include "pki/ident.h"
#include "quota/batch.h"

/* Stored by number: append. */
enum quota_kind {
	QUOTA_ORDERS,        /* new orders of an account */
	QUOTA_DOMAIN,        /* certificates of a registered domain, whoever orders them */
	QUOTA_DOMAIN_ACCT,   /* the same of an account alone: only where the CA has agreed to that */
	QUOTA_SET,           /* certificates of exactly these identifiers, whoever orders them */
	QUOTA_FAIL,          /* failed proofs of an identifier, by an account */
	QUOTA_FAIL_PAUSE,    /* the same in a row; when it is empty the CA wants to see a person */
	QUOTA_HTTP_NONCE,    /* requests from one address, by what is asked: paced, not on record */
	QUOTA_HTTP_ACCOUNT,
	QUOTA_HTTP_ORDER,
	QUOTA_HTTP_REVOKE,
	QUOTA_HTTP_OTHER,
	QUOTA_KIND__COUNT
};
/* "orders_acct", "certs_domain", ...: of the configuration, of metrics and lists. */
const char *quota_kind_name(enum quota_kind kind);
/* False: there is no such limit. */
bool quota_kind_parse(struct span name, enum quota_kind *ret);
/* Does it hang on our account, and not on the CA as a whole? */
bool quota_is_of_account(enum quota_kind kind);
/* Kinds from here on are of requests. */
bool quota_is_of_requests(enum quota_kind kind);

/* So many in a period, so many at once; count 0 = no limit is known. */
struct quota_rate {
	int64_t count, burst, period_s;
};

/* Tables by name. */
enum quota_table { QUOTA_TABLE_NONE, QUOTA_TABLE_LETSENCRYPT, QUOTA_TABLE_LETSENCRYPT_STAGING };
/* Of the CA behind a directory URL, QUOTA_TABLE_NONE if its limits are not published. */
enum quota_table quota_table_of(const char *directory);
struct quota_rate quota_table_rate(enum quota_table table, enum quota_kind kind);

/* ---- what is held back ---- */

#define QUOTA_MARGIN_PERCENT 10  /* of the burst: our count and theirs may differ */
#define QUOTA_RESERVE_PERCENT 20 /* of the burst of QUOTA_DOMAIN: for what cannot wait */

/* Tokens of a bucket that an order must leave; urgent: it replaces what is revoked or about to expire. */
int64_t quota_kept(enum quota_kind kind, int64_t burst, int64_t margin_percent, int64_t reserve_percent, bool urgent);

/* ---- exemptions (Boulder's newOrder) ---- */

#define QUOTA_EXACT_S (120 * 86400) /* how long ago the same set may have been issued */

enum quota_class {
	QUOTA_NEW,
	QUOTA_EXACT, /* the same set was issued within QUOTA_EXACT_S: no order is counted, and no domain */
	QUOTA_ARI,   /* it names what it replaces, within the window that the CA suggested: nothing is checked */
	QUOTA_ARI_EXACT /* both: no domain is counted either, when it is issued */
};
/* `replaces` is sent and will be accepted; the window is [window_start, window_end), 0 0 = none is known; issued_at is when exactly
 * these identifiers were last certified by this CA, 0 = never. Unix seconds. */
enum quota_class quota_classify(bool replaces, int64_t window_start, int64_t window_end, int64_t issued_at, int64_t now);
/* How newOrder treats a limit; false: it is not asked at all. acct_rate: the account has a limit of its own for the domain, which
 * takes the place of the common one. */
bool quota_at_new_order(enum quota_class c, enum quota_kind kind, bool acct_rate, enum quota_mode *ret);

/* ---- keys ---- */

struct psl; /* which names are registered domains */
/* path "": the newer of what the system has and the library was built with. */
bool psl_open(const char *path, struct psl **ret, struct problem *pr) __attribute__((warn_unused_result));
void psl_close(struct psl *psl);
#define QUOTA_KEY_TEXT IDENT_VALUE
/* Registered domain (private suffixes count; a name that is a suffix itself stands for itself), the IPv4 address, the /64 of an IPv6
 * one. False: it names a device, which has none. */
bool psl_domain(const struct psl *psl, const struct ident *id, char ret[QUOTA_KEY_TEXT]);
/* Is `name` this domain, or below it? Of an IPv6 network ("2001:db8::/64") and of addresses: the same text. */
bool quota_domain_has(const char *domain, const char *name);

/* ---- refusals ---- */

/* What a 429 says of itself, as far as it can be read: a hint, for only Retry-After counts. */
struct quota_refusal {
	enum quota_kind kind;
	bool is_paused;            /* a person must go to the CA's page */
	bool is_registration;      /* of accounts by address: no order's affair */
	struct quota_rate rate;    /* count = burst = N, and the period; 0 what is not told */
	char subject[IDENT_VALUE]; /* domain or identifier in quotes; "" = none */
};
/* False: not in words known here. The text is foreign; subject is checked for its form alone. */
bool quota_refusal_read(struct span detail, struct quota_refusal *ret);
/* "168h0m0s" in whole seconds, as Go writes a duration; false if it is none, or of more than ten years. */
bool quota_duration_read(struct span text, int64_t *ret_s);
#endif
