/* status.c - GET /status: how the gateway is, on one page. */
#include "admin/call.h"
#include "store/agenda.h"
#include "store/quota.h"

struct counts {
	int64_t orders[ORDER__COUNT], jobs[JOB_KIND__COUNT];
	int64_t *upstream; /* orders under way, one per CA */
	int64_t waiting;   /* of them, for a limit */
	struct upstreams *ups;
	struct record_count { int64_t wanted, unwanted; } *records; /* one per solver */
	const struct gate_conf *conf;
	struct agenda_alarm alarm;
};

static void
on_upstream(const char *name, int64_t count, void *arg)
{
	struct counts *n = arg;

	for (size_t i = 0; i < upstreams_count(n->ups); i++) {
		if (strcmp(upstreams_at(n->ups, i)->name, name) == 0)
			n->upstream[i] = count;
	}
}

static void
on_records(const char *solver, int64_t wanted, int64_t unwanted, void *arg)
{
	struct counts *n = arg;
	const struct solver_conf *list = n->conf->solvers.list;

	for (size_t i = 0; i < n->conf->solvers.count; i++) {
		if (strcmp(list[i].name, solver) == 0)
			n->records[i] = (struct record_count){ wanted, unwanted };
	}
}

static void
on_waiting(const char *name, enum quota_kind kind, int64_t count, void *arg)
{
	(void)name;
	(void)kind;
	((struct counts *)arg)->waiting += count;
}

static bool
counts_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct counts *n = arg;

	n->waiting = 0;
	return order_counts(db, n->orders, pr) && job_counts(db, n->jobs, pr) && waiting_counts(db, on_waiting, n, pr) &&
		upstream_order_counts(db, on_upstream, n, pr) && proof_record_counts(db, on_records, n, pr) &&
		agenda_alarm_of(db, clock_unix_s(), n->conf->late_after_s, n->conf->expiry_alarm_s, &n->alarm, pr);
}

static void
write_gate(struct call *c)
{
	struct jw *w = &c->w;
	int64_t now = clock_unix_s();

	jw_str(w, "version", c->admin->version);
	jw_str(w, "node", jobs_node(c->admin->jobs));
	jw_time(w, "started", c->admin->started_unix_s);
	jw_int(w, "uptime_s", now - c->admin->started_unix_s);
	jw_str(w, "external_url", c->conf->external_url);
	jw_object(w, "configuration");
	jw_str(w, "file", c->conf->path);
	jw_int(w, "generation", c->conf->generation);
	jw_end(w);
}

static void
write_http(struct call *c)
{
	struct jw *w = &c->w;
	struct httpd_stats s;
	const struct server_stats *server = &c->admin->server->stats;
	uint64_t requests = 0, refused = 0;

	httpd_stats(c->admin->httpd, &s);
	jw_object(w, "connections");
	jw_int(w, "open", s.open);
	jw_int(w, "accepted", (int64_t)s.accepted);
	jw_int(w, "refused_address", (int64_t)s.refused_addr);
	jw_int(w, "refused_all", (int64_t)s.refused_all);
	jw_int(w, "handshakes", (int64_t)s.handshakes);
	jw_int(w, "handshakes_failed", (int64_t)s.handshake_failed);
	jw_int(w, "framing_errors", (int64_t)s.framing_errors);
	jw_int(w, "timeouts", (int64_t)s.timeouts);
	jw_int(w, "requests", (int64_t)s.requests);
	jw_end(w);
	jw_object(w, "acme");
	for (size_t i = 0; i < server_route_count() * SERVER_CODE__COUNT; i++)
		requests += server_requests(server, i / SERVER_CODE__COUNT, i % SERVER_CODE__COUNT);
	for (int i = 0; i < PROBLEM__COUNT; i++)
		refused += server_refusals(server, i);
	jw_int(w, "requests", (int64_t)requests);
	jw_int(w, "refused", (int64_t)refused);
	jw_int(w, "overloaded", (int64_t)server_refusals(server, PROBLEM_OVERLOADED));
	jw_end(w);
}

static void
write_store(struct call *c)
{
	struct jw *w = &c->w;
	struct store_stats s;

	store_stats(c->admin->store, &s);
	jw_object(w, "store");
	jw_str(w, "kind", store_is_shared(c->admin->store) ? "postgresql" : "sqlite");
	jw_int(w, "reads", (int64_t)s.reads);
	jw_int(w, "writes", (int64_t)s.writes);
	jw_int(w, "commits", (int64_t)s.commits);
	jw_int(w, "reruns", (int64_t)s.reruns);
	jw_end(w);
}

static void
write_work(struct call *c, const struct counts *n)
{
	struct jw *w = &c->w;

	jw_object(w, "workers");
	jw_int(w, "threads", pool_threads(c->admin->pool));
	jw_int(w, "queued", (int64_t)pool_queued(c->admin->pool));
	jw_end(w);
	jw_object(w, "jobs");
	jw_int(w, "active", (int64_t)jobs_active(c->admin->jobs));
	for (int i = 0; i < JOB_KIND__COUNT; i++)
		jw_int(w, job_kind_name(i), n->jobs[i]);
	jw_end(w);
	/* only unfinished orders have an index to be counted by */
	jw_object(w, "orders");
	for (int i = 0; i < ORDER__COUNT; i++) {
		if (!order_state_is_final(i))
			jw_int(w, order_state_name(i), n->orders[i]);
	}
	jw_end(w);
}

void
ca_health_write(struct jw *w, struct ca *ca)
{
	struct ca_health h;

	ca_health(ca, &h);
	jw_str(w, "circuit", h.is_probing ? "half-open" : h.is_ill ? "open" : "closed");
	jw_int(w, "failures_in_a_row", h.failures);
	if (h.failures)
		jw_time(w, "failing_since", clock_unix_s() - h.failing_ms / 1000);
	if (h.is_ill)
		jw_int(w, "probe_in_s", (h.probe_in_ms + 999) / 1000);
}

static void
write_ca(struct jw *w, struct upstream *u)
{
	struct ca_account *account = upstream_account(u);
	struct ca_stats s;

	ca_stats(u->ca, &s);
	write_text(w, "origin", ca_origin(u->ca));
	jw_str(w, "account", account->kid[0] ? account->kid : NULL);
	jw_str(w, "account_state", account_state_name(account->state));
	write_time(w, "eab_expires", atomic_load(&u->eab_expires));
	jw_bool(w, "eab_expires_soon", upstream_eab_ends(u, clock_unix_s()));
	if (ca_fault(u->ca))
		jw_str(w, "fault", ca_fault(u->ca));
	ca_health_write(w, u->ca);
	jw_int(w, "calls", (int64_t)s.calls);
	jw_int(w, "sent", (int64_t)s.sent);
	jw_int(w, "problems", (int64_t)s.problems);
	jw_int(w, "unreachable", (int64_t)s.unreachable);
	jw_int(w, "lost", (int64_t)s.lost);
	jw_int(w, "bad_answers", (int64_t)atomic_load(&u->bad_answers));
	jw_int(w, "bad_nonces", (int64_t)s.bad_nonces);
	jw_int(w, "nonces_fetched", (int64_t)s.nonces_fetched);
	jw_int(w, "directories", (int64_t)s.directories);
	ca_account_unref(account);
}

static void
write_upstreams(struct call *c, const struct counts *n)
{
	struct jw *w = &c->w;

	jw_array(w, "upstreams");
	for (size_t i = 0; i < upstreams_count(c->admin->ups); i++) {
		struct upstream *u = upstreams_at(c->admin->ups, i);
		const struct upstream_conf *conf = conf_upstream(c->conf, u->name);

		jw_object(w, NULL);
		jw_str(w, "name", u->name);
		jw_str(w, "driver", u->driver == DRIVER_LOCAL ? "local" : "acme");
		if (conf && conf->preset)
			jw_str(w, "preset", conf->preset);
		if (conf)
			jw_str(w, "kind", conf->kind == CA_KIND_PRIVATE ? "private" : "public");
		jw_int(w, "orders", n->upstream[i]);
		if (u->ca)
			write_ca(w, u);
		jw_end(w);
	}
	jw_end(w);
}

static void
write_trust(struct call *c)
{
	const struct trust_conf *list = c->conf->attestation_trust.list;
	int64_t now = clock_unix_s();

	jw_array(&c->w, "attestation_trust");
	for (size_t i = 0; i < c->conf->attestation_trust.count; i++) {
		const struct trust_conf *t = &list[i];

		jw_object(&c->w, NULL);
		jw_str(&c->w, "name", t->name);
		jw_str(&c->w, "format", attest_format_name((enum attest_format)t->format));
		write_time(&c->w, "lists_good_until", t->good_until_unix_s);
		jw_bool(&c->w, "lists_too_old", t->good_until_unix_s && t->good_until_unix_s < now);
		jw_end(&c->w);
	}
	jw_end(&c->w);
}

static void
write_solvers(struct call *c, const struct counts *n)
{
	const struct solver_conf *list = c->conf->solvers.list;
	struct jw *w = &c->w;

	jw_array(w, "solvers");
	for (size_t i = 0; i < c->conf->solvers.count; i++) {
		const struct solver_stats *s = c->admin->solve ? solve_stats(c->admin->solve, list[i].name) : NULL;

		jw_object(w, NULL);
		jw_str(w, "name", list[i].name);
		jw_str(w, "kind", solver_kind_name((enum solver_kind)list[i].kind));
		if (s && list[i].kind != SOLVER_HTTP01) {
			jw_int(w, "records", n->records[i].wanted);
			jw_int(w, "records_to_remove", n->records[i].unwanted);
			jw_int(w, "updates", (int64_t)atomic_load(&s->good));
			jw_int(w, "updates_refused", (int64_t)atomic_load(&s->refused));
			jw_int(w, "updates_failed", (int64_t)atomic_load(&s->failed));
		}
		jw_end(w);
	}
	jw_end(w);
}

bool
call_status(struct call *c)
{
	size_t cas = upstreams_count(c->admin->ups);
	AUTO_FREE int64_t *upstream = xcalloc(cas ? cas : 1, sizeof(*upstream));
	AUTO_FREE struct record_count *records = xcalloc(c->conf->solvers.count + 1, sizeof(*records));
	struct counts n = { .upstream = upstream, .ups = c->admin->ups, .records = records, .conf = c->conf };

	if (!store_read(c->admin->store, counts_tx, &n, &c->pr))
		return false;
	jw_object(&c->w, NULL);
	write_gate(c);
	write_http(c);
	write_store(c);
	write_work(c, &n);
	jw_object(&c->w, "renewals");
	jw_int(&c->w, "late", n.alarm.late);
	jw_int(&c->w, "expiring", n.alarm.expiring);
	jw_end(&c->w);
	jw_object(&c->w, "ledger");
	jw_bool(&c->w, "readable", ledger_is_well(upstreams_ledger(c->admin->ups)));
	jw_int(&c->w, "waiting", n.waiting);
	jw_end(&c->w);
	write_upstreams(c, &n);
	write_trust(c);
	write_solvers(c, &n);
	jw_end(&c->w);
	return true;
}
