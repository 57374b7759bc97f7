/* zone.c - the zone of a record: from its name upwards to the first SOA; see solve_int.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "solve/solve_int.h"

#define LOOK_UP_MS 10000

struct walk {
	struct proof *p;
	const char *at; /* within p->record.owner, or the configuration's zone */
	bool is_fixed, has_server;
};

static void step(struct walk *w);

/* The domain above, but none of a single label, which belongs to others; nor any above a zone that the configuration names. */
static bool
go_up(struct walk *w)
{
	const char *dot = w->is_fixed ? NULL : strchr(w->at, '.');

	if (!dot || !strchr(dot + 1, '.'))
		return false;
	w->at = dot + 1;
	return true;
}

static void
on_soa(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct walk *w = arg;
	struct proof *p = w->p;
	struct dns_soa soa;

	if (records->outcome == DNS_FOUND && dns_record_soa(records, 0, &soa)) {
		snprintf(p->record.zone, sizeof(p->record.zone), "%s", w->at);
		if (w->has_server || span_copy(span_str(soa.primary), p->record.server, sizeof(p->record.server)))
			proof_done(p, PROOF_GOOD);
		else
			proof_failed(p, PROOF_SETUP, "the primary server in the SOA of \"%s\" is no host", w->at);
	} else if (records->outcome == DNS_FAILED) {
		proof_failed(p, PROOF_LATER, "%s", pr->detail);
	} else if (go_up(w)) {
		step(w);
		return;
	} else {
		proof_failed(p, PROOF_SETUP, "no zone of the DNS was found that \"%s\" is in", p->record.owner);
	}
	free(w);
}

static void
step(struct walk *w)
{
	const struct gate_conf *conf = w->p->conf;

	dns_records(w->p->solve->env.dns,
		&(struct dns_ask){ .name = w->at, .servers = conf->public_resolvers.list, .server_count = conf->public_resolvers.count,
			.timeout_ms = LOOK_UP_MS, .how = DNS_HERE },
		DNS_SOA, on_soa, w);
}

void
zone_find(struct proof *p, const char *zone, bool has_server)
{
	struct walk *w;

	if (zone && has_server) {
		snprintf(p->record.zone, sizeof(p->record.zone), "%s", zone);
		proof_done(p, PROOF_GOOD);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct walk){ p, zone ? zone : p->record.owner, zone != NULL, has_server };
	step(w);
}
