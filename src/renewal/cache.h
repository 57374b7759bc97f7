/* cache.h - what is told of each certificate, in memory: so that a fleet's questions need neither a worker nor the store. Any thread.
 *
 * A table by (issuer, serial number), compared octet by octet; 112 to 200 octets a certificate, as full as it happens to be. It may be
 * thrown away: what it does not have is looked for in the store. */
#ifndef RENEWAL_CACHE_H
#define RENEWAL_CACHE_H

#include <stddef.h>

#include "pki/certid.h"
#include "renewal/window.h"

struct renewal_cache;

/* What a device may be told, and who may hear it by a signed request. */
struct renewal_info {
	struct window window;
	int64_t not_after;       /* after it there is nothing to be told */
	int64_t principal;       /* whose it is (E5) */
	const char *explanation; /* explanationURL of the CA, or of an incident, NULL = none; lives as long as the cache */
	uint32_t retry_s;        /* before the window opens */
	uint32_t retry_open_s;   /* and from then on */
	bool revoked;
	bool has_page;           /* explanation is an operator's, of an incident */
	uint8_t from;            /* enum window_from */
	uint8_t why;             /* PLAN_ bits */
};

struct renewal_cache *renewal_cache_new(void);
void renewal_cache_free(struct renewal_cache *c);
/* In place of what is there. info->explanation must come from renewal_cache_text. Without room for one more issuer it is not kept. */
void renewal_cache_put(struct renewal_cache *c, const struct certid *id, const struct renewal_info *info, int64_t now);
bool renewal_cache_get(struct renewal_cache *c, const struct certid *id, struct renewal_info *ret);
/* The text as it is kept once for all; NULL for an empty one, and when there are too many different ones. */
const char *renewal_cache_text(struct renewal_cache *c, struct span text);
/* What policy made of a window. */
enum renewal_policy { POLICY_FREE, POLICY_NARROWED, POLICY_UNHEARD, POLICY__COUNT };

struct renewal_cache_stats {
	size_t entries, bytes;
	size_t windows[WINDOW_FROM__COUNT][POLICY__COUNT];
	size_t moved, over; /* PLAN_MOVED and not PLAN_OVER; PLAN_OVER */
};
/* Of what lies in it now. */
void renewal_cache_stats(struct renewal_cache *c, struct renewal_cache_stats *ret);
#endif
