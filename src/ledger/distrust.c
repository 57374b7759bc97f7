/* distrust.c - a ledger that came out of a backup does not know what was spent since; see ledger.h. */
#include <string.h>

#include "ledger/ledger_int.h"

#define PAGE 200

struct distrust {
	const struct gate_conf *conf;
	int64_t now_ns, last, seen, spent;
};

/* A bucket is of a CA by its label, or of an account there, whose URL has the host of the directory. */
static bool
is_of(const struct upstream_conf *u, const char *scope)
{
	AUTO_FREE char *there = NULL, *here = NULL;

	if (u->driver != DRIVER_ACME)
		return false;
	if (strcmp(scope, u->ca) == 0)
		return true;
	if (strncmp(scope, "https://", strlen("https://")) != 0)
		return false;
	there = conf_ca_label(scope);
	here = conf_ca_label(u->directory);
	return strcmp(there, here) == 0;
}

/* As empty as any of the entries that it may be of has it. */
static bool
spend_all(struct sql *db, const struct bucket *was, void *arg, struct problem *pr)
{
	struct distrust *d = arg;
	const struct upstream_conf *list = d->conf->upstreams.list;
	struct bucket b = *was;
	struct gcra g;

	d->last = was->id;
	d->seen++;
	for (size_t i = 0; i < d->conf->upstreams.count; i++) {
		struct quota_rate rate;

		if (!is_of(&list[i], was->scope))
			continue;
		rate = ledger_rate(&list[i], was);
		if (rate.count && gcra_make(rate.count, rate.burst, rate.period_s, &g) && gcra_add(d->now_ns, g.burst_ns) > b.tat_ns)
			b.tat_ns = gcra_add(d->now_ns, g.burst_ns);
	}
	if (b.tat_ns == was->tat_ns)
		return true;
	d->spent++;
	return bucket_save(db, &b, pr);
}

bool
ledger_distrust(struct sql *db, const struct gate_conf *conf, int64_t now_ns, int64_t *ret_count, struct problem *pr)
{
	struct distrust d = { .conf = conf, .now_ns = now_ns };

	do {
		const struct bucket_query q = { .kind = -1, .before = d.last, .limit = PAGE };

		d.seen = 0;
		if (!bucket_list(db, &q, spend_all, &d, pr))
			return false;
	} while (d.seen == PAGE);
	*ret_count = d.spent;
	return true;
}
