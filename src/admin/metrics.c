/* metrics.c - see metrics.h; GET /metrics of the admin face. A function a subject; a family stands together, its series are there from
 * the start, and none has a label that devices or operators could make many of: no name, account, key or address. */
#include "admin/metrics.h"

#include <openssl/opensslv.h>
#include <pthread.h>
#include <stdlib.h>

#include "admin/call.h"
#include "admin/expo.h"
#include "admin/process.h"
#include "store/agenda.h"
#include "store/incident.h"
#include "store/audit_trail.h"
#include "store/queue.h"
#include "store/quota.h"
#include "server/limits.h"
#include "solve/solve.h"

#define FRESH_MS 5000 /* a store of a million rows is not counted for each of several scrapers */

/* What stands in the store. */
struct gauges {
	int64_t orders[ORDER__COUNT];
	struct job_queue jobs[JOB_KIND__COUNT];
	int64_t waiting[QUOTA_HTTP_NONCE]; /* orders, by the limit of a CA */
	int64_t queued[SCHED_CLASS__COUNT], in_flight, awaiting_csr;
	int64_t incidents[INCIDENT_KIND__COUNT], incidents_late;
	int64_t late_after_s, expiry_alarm_s; /* as the configuration has them */
	struct agenda_alarm alarm;
	struct audit_state audit; /* numbers alone */
	int64_t audit_waiting;
};

struct metrics {
	pthread_mutex_t lock;
	struct gauges gauges;
	msec_t read_ms; /* 0: never, or the last try failed */
};

struct metrics *
metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
metrics_free(struct metrics *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* ---- the store's part ---- */

static void
on_waiting(const char *upstream, enum quota_kind kind, int64_t count, void *arg)
{
	struct gauges *g = arg;

	(void)upstream;
	if (!quota_is_of_requests(kind))
		g->waiting[kind] += count;
}

static void
on_queued(const char *upstream, int64_t class, int64_t count, void *arg)
{
	struct gauges *g = arg;

	(void)upstream;
	if (class == QUEUE_CLASS_FLYING)
		g->in_flight += count;
	else if (class == QUEUE_CLASS_PARKED)
		g->awaiting_csr += count;
	else if (class < SCHED_CLASS__COUNT)
		g->queued[class] += count;
}

static bool
gauges_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct gauges *g = arg;
	int64_t now = clock_unix_s();

	memset(g->waiting, 0, sizeof(g->waiting));
	memset(g->queued, 0, sizeof(g->queued));
	g->in_flight = g->awaiting_csr = 0;
	if (!audit_state_get(db, &g->audit, pr) || !audit_waiting(db, LIST_COUNT_MAX, &g->audit_waiting, pr))
		return false;
	/* numbers alone are wanted */
	audit_state_done(&g->audit);
	return queue_counts(db, on_queued, g, pr) && waiting_counts(db, on_waiting, g, pr) && order_counts(db, g->orders, pr) &&
		job_queues(db, clock_unix_ms(), g->jobs, pr) && incident_open_counts(db, g->incidents, &g->incidents_late, pr) &&
		agenda_alarm_of(db, now, g->late_after_s, g->expiry_alarm_s, &g->alarm, pr);
}

/* False: there are none. */
static bool
gauges_take(struct admin *admin, bool fresh, struct gauges *ret)
{
	struct metrics *m = admin->metrics;
	struct gate_conf *conf;
	struct problem pr = { 0 };
	msec_t now = clock_ms(), read;

	pthread_mutex_lock(&m->lock);
	*ret = m->gauges;
	read = m->read_ms;
	pthread_mutex_unlock(&m->lock);
	if (!fresh || (read && now - read < FRESH_MS))
		return read != 0;
	conf = conf_holder_take(admin->conf);
	ret->late_after_s = conf->late_after_s;
	ret->expiry_alarm_s = conf->expiry_alarm_s;
	gate_conf_unref(conf);
	read = store_read(admin->store, gauges_tx, ret, &pr) ? now : 0;
	pthread_mutex_lock(&m->lock);
	m->gauges = *ret;
	m->read_ms = read;
	pthread_mutex_unlock(&m->lock);
	return read != 0;
}

static void
write_audit(struct expo *x, const struct gauges *g)
{
	expo_family(x, EXPO_COUNTER, "acmegate_audit_entries", "Entries of the audit trail that have their number.");
	expo_int(x, g->audit.size, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_audit_waiting", "Entries that wait for theirs, ten thousand at most.");
	expo_int(x, g->audit_waiting, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_audit_last_checkpoint_timestamp_seconds", "When the audit trail was signed last; 0: never.");
	expo_int(x, g->audit.signed_at, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_audit_unsigned", "Entries behind the last checkpoint.");
	expo_int(x, g->audit.size - g->audit.signed_size, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_audit_syslog_lost", "Entries that were dropped, or too long, before syslog had them.");
	expo_int(x, g->audit.lost, NULL);
}

static void
write_orders(struct expo *x, const struct gauges *g)
{
	expo_family(x, EXPO_GAUGE, "acmegate_orders", "Orders that are not over, in the store.");
	for (int i = 0; i < ORDER__COUNT; i++) {
		if (!order_state_is_final(i))
			expo_int(x, g->orders[i], "state", order_state_name(i), NULL);
	}
}

static void
write_queue(struct expo *x, const struct gauges *g)
{
	expo_family(x, EXPO_GAUGE, "acmegate_queue_jobs", "Jobs in the store: leased by a gateway, due and free, waiting for their time.");
	for (int i = 0; i < JOB_KIND__COUNT; i++) {
		expo_int(x, g->jobs[i].leased, "kind", job_kind_name(i), "state", "leased", NULL);
		expo_int(x, g->jobs[i].due, "kind", job_kind_name(i), "state", "due", NULL);
		expo_int(x, g->jobs[i].waiting, "kind", job_kind_name(i), "state", "waiting", NULL);
	}
	expo_family(x, EXPO_GAUGE, "acmegate_queue_oldest_due_timestamp_seconds", "Since when the oldest job that is due and free is due.");
	for (int i = 0; i < JOB_KIND__COUNT; i++) {
		if (g->jobs[i].oldest_due_ms)
			expo_real(x, (double)g->jobs[i].oldest_due_ms / 1000, "kind", job_kind_name(i), NULL);
	}
}

/* ---- the queue of orders that wait for their CAs ---- */

static void
write_queued(struct expo *x, const struct gauges *g)
{
	expo_family(x, EXPO_GAUGE, "acmegate_queue_orders", "Orders that wait for their CAs, by class.");
	for (int i = 0; i < SCHED_CLASS__COUNT; i++)
		expo_int(x, g->queued[i], "class", sched_class_name((enum sched_class)i), NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_queue_orders_in_flight", "Orders under way at their CAs.");
	expo_int(x, g->in_flight, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_queue_orders_awaiting_csr", "Orders that are ready at their CAs, and wait for their devices' CSRs (upstream_start).");
	expo_int(x, g->awaiting_csr, NULL);
}

static void
write_incidents(struct expo *x, const struct gauges *g)
{
	expo_family(x, EXPO_GAUGE, "acmegate_incidents_open", "Incidents that are not over, by who opened them.");
	for (int i = 0; i < INCIDENT_KIND__COUNT; i++)
		expo_int(x, g->incidents[i], "kind", incident_kind_name((enum incident_kind)i), NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_incidents_late", "Of these, those whose time is over while certificates are missing.");
	expo_int(x, g->incidents_late, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_certificates_late", "Certificates that live and are not renewed, though their window is over (late_after).");
	expo_int(x, g->alarm.late, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_certificates_expiring", "Certificates that are not renewed, and run out soon (expiry_alarm).");
	expo_int(x, g->alarm.expiring, NULL);
}

/* ---- the ACME face ---- */

static void
write_requests(struct expo *x, const struct server_stats *s)
{
	expo_family(x, EXPO_COUNTER, "acmegate_http_requests", "Requests of devices that were answered, refusals included.");
	for (size_t i = 0; i < server_route_count(); i++) {
		for (int code = 0; code < SERVER_CODE__COUNT; code++)
			expo_int(x, (int64_t)server_requests(s, i, code), "route", server_route_name(i), "code", server_code_name(code), NULL);
	}
	expo_family(x, EXPO_HISTOGRAM, "acmegate_http_request_duration_seconds", "From the end of a request's head to its reply.");
	for (size_t i = 0; i < server_route_count(); i++) {
		uint64_t counts[SERVER_BUCKETS + 1];

		for (size_t j = 0; j <= SERVER_BUCKETS; j++)
			counts[j] = server_took(s, i, j);
		expo_histogram(x, server_bucket_us, counts, SERVER_BUCKETS, server_took_us(s, i), "route", server_route_name(i), NULL);
	}
}

/* Several kinds may have one type. */
static void
write_problems(struct expo *x, const struct server_stats *s)
{
	expo_family(x, EXPO_COUNTER, "acmegate_problems", "Requests of devices that were refused, by the problem's type.");
	for (int i = PROBLEM_NONE + 1; i < PROBLEM__COUNT; i++) {
		uint64_t n = 0;

		if (problem_kind_of(span_str(problem_type(i))) != (enum problem_kind)i)
			continue;
		for (int j = i; j < PROBLEM__COUNT; j++) {
			if (strcmp(problem_type(i), problem_type(j)) == 0)
				n += server_refusals(s, j);
		}
		expo_int(x, (int64_t)n, "face", "device", "type", problem_type(i), NULL);
	}
}

static void
write_quotas(struct expo *x, struct server *srv)
{
	expo_family(x, EXPO_COUNTER, "acmegate_quota_refusals", "Orders that a quota refused.");
	expo_int(x, (int64_t)atomic_load(&srv->quota_refused), NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_quota_warnings", "Orders that passed the soft limit of a quota.");
	expo_int(x, (int64_t)atomic_load(&srv->quota_warned), NULL);
}

static void
write_limits(struct expo *x, struct limits *l)
{
	expo_family(x, EXPO_COUNTER, "acmegate_limit_refusals", "Requests that an abuse limit of this gateway refused.");
	for (int i = 0; i < LIMIT__COUNT; i++)
		expo_int(x, (int64_t)limit_refused(l, i), "limit", limit_name(i), NULL);
	expo_int(x, (int64_t)atomic_load(&l->pending_refused), "limit", "pending-authz", NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_limit_keys", "Addresses or accounts that an abuse limit has a bucket of.");
	for (int i = 0; i < LIMIT__COUNT; i++) {
		struct buckets_stats s;

		buckets_stats(l->by[i], &s);
		expo_int(x, (int64_t)s.keys, "limit", limit_name(i), NULL);
	}
}

/* ---- connections, threads, store, keeper ---- */

static void
write_connections(struct expo *x, struct httpd *httpd)
{
	struct httpd_stats s;

	httpd_stats(httpd, &s);
	expo_family(x, EXPO_GAUGE, "acmegate_http_connections", "Open connections of all faces.");
	expo_int(x, s.open, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_http_connections_accepted", "Connections accepted, those refused at once included.");
	expo_int(x, (int64_t)s.accepted, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_http_connections_rejected", "Connections closed at once: too many of one address, or of a face.");
	expo_int(x, (int64_t)s.refused_addr, "reason", "address", NULL);
	expo_int(x, (int64_t)s.refused_all, "reason", "face", NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_tls_handshakes", "TLS handshakes with those who connect to us.");
	expo_int(x, (int64_t)s.handshakes, "result", "good", NULL);
	expo_int(x, (int64_t)s.handshake_failed, "result", "failed", NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_http_framing_errors", "Requests that are no HTTP/1.1.");
	expo_int(x, (int64_t)s.framing_errors, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_http_timeouts", "Connections closed because they were too slow, or idle.");
	expo_int(x, (int64_t)s.timeouts, NULL);
}

static void
write_windows(struct expo *x, const struct renewal_cache_stats *s)
{
	static const char *const policies[] = { [POLICY_FREE] = "none", [POLICY_NARROWED] = "narrowed", [POLICY_UNHEARD] = "unheard" };

	expo_family(x, EXPO_GAUGE, "acmegate_renewal_windows", "Windows of certificates, by what they come from and what policy made of them.");
	for (int from = 0; from < WINDOW_FROM__COUNT; from++) {
		for (int policy = 0; policy < POLICY__COUNT; policy++)
			expo_int(x, (int64_t)s->windows[from][policy], "from", window_from_name((enum window_from)from), "policy", policies[policy], NULL);
	}
	expo_family(x, EXPO_GAUGE, "acmegate_renewal_windows_moved", "Windows that are not in their own hour, since that was full.");
	expo_int(x, (int64_t)s->moved, "hour", "free", NULL);
	expo_int(x, (int64_t)s->over, "hour", "full", NULL);
}

static void
write_renewal(struct expo *x, struct renewal *r)
{
	struct renewal_stats s;

	renewal_stats(r, &s);
	expo_family(x, EXPO_GAUGE, "acmegate_renewal_certificates", "Certificates whose renewal information is in memory.");
	expo_int(x, (int64_t)s.cache.entries, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_renewal_memory_bytes", "Memory that it takes.");
	expo_int(x, (int64_t)s.cache.bytes, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_renewal_warm", "1 once all live certificates have been read after the start.");
	expo_int(x, s.warm, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_renewal_lookups", "Certificates that were asked about, by where the answer came from.");
	expo_int(x, (int64_t)s.hits, "from", "memory", NULL);
	expo_int(x, (int64_t)s.misses, "from", "store", NULL);
	write_windows(x, &s.cache);
}

static void
write_workers(struct expo *x, const struct admin *admin)
{
	expo_family(x, EXPO_GAUGE, "acmegate_workers", "Worker threads.");
	expo_int(x, pool_threads(admin->pool), NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_worker_queue_length", "Requests and steps of jobs that wait for a worker.");
	expo_int(x, (int64_t)pool_queued(admin->pool), NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_active_jobs", "Jobs that this gateway has in hand.");
	expo_int(x, (int64_t)jobs_active(admin->jobs), NULL);
}

static void
write_store(struct expo *x, struct store *store)
{
	struct store_stats s;

	store_stats(store, &s);
	expo_family(x, EXPO_COUNTER, "acmegate_store_transactions", "Transactions asked for.");
	expo_int(x, (int64_t)s.reads, "operation", "read", NULL);
	expo_int(x, (int64_t)s.writes, "operation", "write", NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_store_commits", "Commits; with SQLite one may be of many transactions.");
	expo_int(x, (int64_t)s.commits, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_store_reruns", "Transactions that ran again after a conflict.");
	expo_int(x, (int64_t)s.reruns, NULL);
}

static void
write_keeper(struct expo *x, struct keeper *keeper)
{
	struct keeper_stats s;

	keeper_stats(keeper, &s);
	expo_family(x, EXPO_GAUGE, "acmegate_keeper_up", "1 while the process with the keys lives.");
	expo_int(x, !s.dead, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_keeper_operations", "Round trips to the process with the keys.");
	expo_int(x, (int64_t)(s.calls - s.failed), "result", "good", NULL);
	expo_int(x, (int64_t)s.failed, "result", "failed", NULL);
}

/* ---- devices' proofs, CAs ---- */

static void
write_validations(struct expo *x, const struct validate_job_env *env)
{
	expo_family(x, EXPO_COUNTER, "acmegate_validations", "Attempts to prove a device's name; again: another one follows.");
	for (int i = 0; i < CHALLENGE_KIND__COUNT; i++) {
		const struct validate_stats *s = &env->stats[i];
		const char *challenge = challenge_kind_name((enum challenge_kind)i);

		if (!validator_of((enum challenge_kind)i))
			continue;
		expo_int(x, (int64_t)atomic_load(&s->proven), "challenge", challenge, "result", "proven", NULL);
		expo_int(x, (int64_t)atomic_load(&s->again), "challenge", challenge, "result", "again", NULL);
		expo_int(x, (int64_t)atomic_load(&s->failed), "challenge", challenge, "result", "failed", NULL);
	}
}

static void
write_attestations(struct expo *x, const struct attest_stats *s)
{
	expo_family(x, EXPO_COUNTER, "acmegate_attestations", "Attestation statements of devices; undecided: the gateway could not judge it then.");
	for (int i = 0; i <= ATTEST__COUNT; i++) {
		for (int j = 0; j < ATTEST_RESULT__COUNT; j++)
			expo_int(x, (int64_t)atomic_load(&s->by[i][j]), "format", i < ATTEST__COUNT ? attest_format_name(i) : "other", "result",
				attest_result_name(j), NULL);
	}
}

/* By what profiles call it: when the list of revoked serials is too old to verify anything with. */
static void
write_trust(struct expo *x, const struct admin *admin)
{
	struct gate_conf *conf = conf_holder_take(admin->conf);
	const struct trust_conf *list = conf->attestation_trust.list;

	expo_family(x, EXPO_GAUGE, "acmegate_attestation_revoked_expiry_timestamp_seconds",
		"When the list of revoked serials of an entry of attestation_trust is too old.");
	for (size_t i = 0; i < conf->attestation_trust.count; i++) {
		if (list[i].good_until_unix_s)
			expo_int(x, list[i].good_until_unix_s, "trust", list[i].name, NULL);
	}
	gate_conf_unref(conf);
}

/* ---- solvers ---- */

struct solver_family {
	const char *name, *help, *label;
	const char *values[3];
	size_t at[3]; /* of the counters, in struct solver_stats */
};

static void
write_solver_family(struct expo *x, const struct admin *admin, const struct gate_conf *conf, const struct solver_family *f)
{
	const struct solver_conf *list = conf->solvers.list;

	expo_family(x, EXPO_COUNTER, f->name, f->help);
	for (size_t i = 0; i < conf->solvers.count; i++) {
		char *stats = admin->solve ? (char *)solve_stats(admin->solve, list[i].name) : NULL;

		for (size_t j = 0; stats && conf_solver_is_of_dns(&list[i]) && j < 3 && f->values[j]; j++)
			expo_int(x, (int64_t)atomic_load((_Atomic(uint64_t) *)(void *)(stats + f->at[j])), "solver", list[i].name, f->label,
				f->values[j], NULL);
	}
}

/* By the names of the configuration. */
static void
write_solvers(struct expo *x, const struct admin *admin)
{
#define AT(field) offsetof(struct solver_stats, field)
	static const struct solver_family families[] = {
		{ "acmegate_dns_updates", "Messages that lay out or remove records for CAs, each of many, by what became of them.", "result",
			{ "good", "refused", "failed" }, { AT(good), AT(refused), AT(failed) } },
		{ "acmegate_dns_records", "Records for CAs that a server has taken, and taken back.", "change", { "added", "removed" },
			{ AT(added), AT(removed) } },
		{ "acmegate_dns_propagations", "Records that all name servers of their zone had in time, and that some had not.", "result",
			{ "complete", "incomplete" }, { AT(visible), AT(invisible) } },
	};
#undef AT
	struct gate_conf *conf = conf_holder_take(admin->conf);

	for (size_t i = 0; i < COUNT_OF(families); i++)
		write_solver_family(x, admin, conf, &families[i]);
	gate_conf_unref(conf);
}

/* ---- limits of CAs ---- */

static void
write_waiting(struct expo *x, const struct gauges *g)
{
	expo_family(x, EXPO_GAUGE, "acmegate_ledger_waiting", "Orders that wait for a limit of a CA.");
	for (int i = 0; i < QUOTA_HTTP_NONCE; i++)
		expo_int(x, g->waiting[i], "limit", quota_kind_name((enum quota_kind)i), NULL);
}

/* ---- the process ---- */

static void
write_process(struct expo *x, const struct admin *admin)
{
	struct gate_conf *conf = conf_holder_take(admin->conf);
	struct process p;

	process_read(&p);
	expo_family(x, EXPO_GAUGE, "acmegate_build_info", "1; what runs here.");
	expo_int(x, 1, "version", admin->version, "openssl", OPENSSL_VERSION_STR, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_config_generation", "Configurations that have been in force since the start.");
	expo_int(x, conf->generation, NULL);
	expo_family(x, EXPO_GAUGE, "acmegate_config_last_reload_successful", "0 while the last reload was refused.");
	expo_int(x, !atomic_load(&admin->reload_refused), NULL);
	metrics_write_policy(x, conf);
	gate_conf_unref(conf);
	expo_family(x, EXPO_GAUGE, "process_start_time_seconds", "When the process started, in seconds since 1970.");
	expo_int(x, admin->started_unix_s, NULL);
	expo_family(x, EXPO_COUNTER, "process_cpu_seconds", "Processor time used.");
	expo_real(x, p.cpu_s, NULL);
	expo_family(x, EXPO_GAUGE, "process_resident_memory_bytes", "Memory in use.");
	expo_int(x, p.resident_bytes, NULL);
	expo_family(x, EXPO_GAUGE, "process_virtual_memory_bytes", "Address space in use.");
	expo_int(x, p.virtual_bytes, NULL);
	expo_family(x, EXPO_GAUGE, "process_threads", "Threads.");
	expo_int(x, p.threads, NULL);
	expo_family(x, EXPO_GAUGE, "process_open_fds", "Open file descriptors.");
	expo_int(x, p.open_fds, NULL);
	expo_family(x, EXPO_GAUGE, "process_max_fds", "File descriptors that may be open.");
	expo_int(x, p.max_fds, NULL);
}

const char *
metrics_write(struct admin *admin, struct span accept, bool fresh, struct buf *out)
{
	struct expo x = { .out = out, .open_metrics = expo_wants_open_metrics(accept) };
	struct gauges gauges;

	write_process(&x, admin);
	write_requests(&x, &admin->server->stats);
	write_problems(&x, &admin->server->stats);
	write_limits(&x, &admin->server->limits);
	write_quotas(&x, admin->server);
	write_connections(&x, admin->httpd);
	write_renewal(&x, admin->server->renewal);
	write_workers(&x, admin);
	write_store(&x, admin->store);
	write_keeper(&x, admin->server->keeper);
	if (admin->validate)
		write_validations(&x, admin->validate);
	write_attestations(&x, &admin->server->attested);
	write_trust(&x, admin);
	metrics_write_cas(&x, admin->ups);
	write_solvers(&x, admin);
	if (gauges_take(admin, fresh, &gauges)) {
		write_orders(&x, &gauges);
		write_queued(&x, &gauges);
		write_queue(&x, &gauges);
		write_waiting(&x, &gauges);
		write_incidents(&x, &gauges);
		write_audit(&x, &gauges);
	}
	expo_end(&x);
	return expo_content_type(x.open_metrics);
}

bool
call_metrics(struct call *c)
{
	c->content_type = metrics_write(c->admin, http_req_field(c->http, "Accept"), true, &c->out);
	return true;
}
