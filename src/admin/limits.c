/* limits.c - GET /limits: the abuse limits of this gateway, and what they have refused. */
#include "admin/call.h"
#include "server/limits.h"

bool
call_limits(struct call *c)
{
	struct jw *w = &c->w;

	jw_object(w, NULL);
	jw_array(w, "limits");
	for (int i = 0; i < LIMIT__COUNT; i++) {
		struct rate rate = limit_rate(c->conf, i);
		struct buckets_stats s;

		buckets_stats(c->admin->server->limits.by[i], &s);
		jw_object(w, NULL);
		jw_str(w, "name", limit_name(i));
		jw_str(w, "per", limit_scope(i));
		jw_int(w, "burst", rate.burst);
		jw_int(w, "interval_ms", rate.interval_ms);
		jw_int(w, "keys", (int64_t)s.keys);
		jw_int(w, "taken", (int64_t)s.taken);
		jw_int(w, "refused", (int64_t)limit_refused(&c->admin->server->limits, i));
		jw_end(w);
	}
	jw_end(w);
	jw_int(w, "pending_authz_max", c->conf->rates.pending_authz_max);
	jw_int(w, "pending_authz_refused", (int64_t)atomic_load(&c->admin->server->limits.pending_refused));
	jw_end(w);
	return true;
}
