/* pace.c - see pace.h. GCRA as in quota/gcra.h, but who comes too early is given the next time there is, and not sent away. */
#include "upstream/pace.h"

#include <pthread.h>
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)

struct pace {
	pthread_mutex_t lock;
	struct gcra gcra[QUOTA_KIND__COUNT]; /* burst 0: no rate */
	int64_t tat_ns[QUOTA_KIND__COUNT];   /* under lock; by the monotonic clock */
};

struct pace *
pace_new(const struct upstream_conf *u)
{
	struct pace *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	for (int k = 0; k < QUOTA_KIND__COUNT; k++) {
		struct quota_rate rate = conf_limit_rate(u, (enum quota_kind)k, NULL);

		if (quota_is_of_requests((enum quota_kind)k) && !gcra_make(rate.count, rate.burst, rate.period_s, &p->gcra[k]))
			p->gcra[k] = (struct gcra){ 0 };
	}
	return p;
}

void
pace_free(struct pace *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

msec_t
pace_take(struct pace *p, enum quota_kind kind, msec_t now_ms, msec_t most_ms)
{
	int64_t now_ns = now_ms * NS_PER_MS;
	struct gcra_verdict v;
	msec_t wait_ms = 0;

	if (!p || p->gcra[kind].burst == 0)
		return 0;
	pthread_mutex_lock(&p->lock);
	v = gcra_spend(&p->gcra[kind], p->tat_ns[kind], now_ns, 1, 0, 0);
	if (v.answer == GCRA_DENIED)
		wait_ms = (v.retry_ns + NS_PER_MS - 1) / NS_PER_MS;
	if (wait_ms <= most_ms)
		p->tat_ns[kind] = v.answer == GCRA_DENIED ? gcra_add(p->tat_ns[kind], p->gcra[kind].emission_ns) : v.tat_ns;
	pthread_mutex_unlock(&p->lock);
	return wait_ms;
}
