/* boulder.h - the limits of Let's Encrypt as its software, Boulder, applies them: what the gateway is measured against.
 *
 * Written from a description of Boulder of August 2026 alone; it shares no code with lib/quota, or the two would be wrong together.
 * Times are nanoseconds. */
#ifndef SIM_BOULDER_H
#define SIM_BOULDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "map.h"

#define NS INT64_C(1000000000)
#define HOUR_NS (3600 * NS)
#define DAY_NS (24 * HOUR_NS)

/* ---- one bucket ---- */

struct rate {
	int64_t count, burst, period_ns;
};
struct spent {
	bool allowed;
	int64_t remaining, retry_ns, tat_ns; /* tat_ns: after it, whether it was allowed or not */
};
struct spent gcra_try(struct rate r, int64_t tat_ns, int64_t now_ns, int64_t cost);
int64_t gcra_give_back(struct rate r, int64_t tat_ns, int64_t now_ns, int64_t cost);

/* ---- a CA ---- */

enum limit { LIMIT_ORDERS, LIMIT_DOMAIN, LIMIT_SET, LIMIT_FAIL, LIMIT_PAUSE, LIMIT__COUNT };

struct boulder {
	struct rate rates[LIMIT__COUNT];
	struct map buckets; /* int64_t: TAT */
	struct map sets;    /* when each was last issued */
};
/* With the published numbers. */
void boulder_init(struct boulder *b);
void boulder_done(struct boulder *b);
/* Forget what is full again: it makes no difference. */
void boulder_sweep(struct boulder *b, int64_t now_ns);
size_t boulder_bytes(const struct boulder *b);

/* Names are lower case, and each is below a suffix of one label. Sorted. */
struct names {
	const char *const *list;
	size_t count;
};

struct refusal {
	enum limit limit;
	int64_t retry_s;
	char detail[400]; /* as a client reads it */
	uint64_t bucket;  /* for boulder_told */
};
/* newOrder of an account. `replaces`: it names the last certificate of this set as its predecessor. False: 429. */
bool boulder_new_order(struct boulder *b, uint64_t account, const struct names *names, bool replaces, int64_t now_ns, struct refusal *ret);
/* How long until that would be allowed, nothing else being ordered meanwhile; nothing is spent. */
int64_t boulder_wait(const struct boulder *b, uint64_t account, const struct names *names, bool replaces, int64_t now_ns);
/* It was refused for another reason after that. */
void boulder_order_lost(struct boulder *b, uint64_t account, int64_t now_ns);
void boulder_authz_failed(struct boulder *b, uint64_t account, const char *name, int64_t now_ns);
void boulder_authz_valid(struct boulder *b, uint64_t account, const char *name);
/* A certificate of these names is issued, for whoever. */
void boulder_issue(struct boulder *b, const struct names *names, int64_t lifetime_ns, int64_t now_ns);
/* Somebody else gets a certificate of another name below this registered domain. */
void boulder_stranger(struct boulder *b, const char *domain, int64_t now_ns);
/* Every certificate there is. */
void boulder_revoke_all(struct boulder *b);
/* When the CA would like the last certificate of a set to be replaced (RFC 9773). False: it knows none. */
bool boulder_window(const struct boulder *b, const struct names *names, int64_t now_ns, int64_t *ret_start_ns, int64_t *ret_end_ns);

/* To one that knows only what we spend: what the real one has refused, and so told. */
void boulder_told(struct boulder *b, const struct refusal *refusal, int64_t now_ns);
#endif
