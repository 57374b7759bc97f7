/* gate.c - see gate.h.
 *
 * Up: keeper (before any thread) -> store -> workers, outbound loop -> jobs, upstreams -> faces. Down: no new requests -> no new steps
 * -> nothing more upstream -> outbound loop -> workers -> the rest. Whatever is under way then is in the store and goes on at the
 * next start. */
#include "gate/gate.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "gate/gate_int.h"
#include "gate/notify.h"
#include "gate/own_cert.h"
#include "gate/record.h"
#include "gate/tls.h"
#include "solve/solve.h"
#include "store/schema.h"
#include "upstream/local.h"
#include "validate/job.h"

#define SECRETS_MAX 1100 /* more than upstreams and solvers together */
#define OUTBOUND_CONNS_MAX 1024 /* of each kind */
#define RENEWAL_CONNS 2         /* to a CA that is asked when to renew (R7): all questions share them */
#define HOOKS_MAX 16    /* programs about devices at a time */
#define SOLVING_MAX 16  /* and for CAs */
#define ACCOUNT_IDLE_S (24 * 3600) /* our accounts at CAs are read again after */
#define TLS_CHECK_MS (600 * 1000)
#define TLS_WAIT_MS 3000 /* while it is on its way */

/* ---- the folder and this gateway's name ---- */

static bool
make_folder(const char *path, struct problem *pr)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	return problem_internal(pr, "cannot make %s: %s", path, strerror(errno));
}

/* The name that marks our leases: of the configuration, or made once and kept. */
static bool
node_name(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	AUTO_FREE char *path = xasprintf("%s/node", conf->state_dir);
	AUTO_BUF text = BUF_MAX(256);
	char made[REF_TEXT];

	if (access(path, F_OK) != 0) {
		rand_ref(made);
		if (!file_save(path, span_str(made), 0600, pr))
			return false;
	}
	if (conf->node && conf->node[0])
		buf_adds(&text, conf->node);
	else if (!file_load(path, &text, pr))
		return false;
	return span_copy(buf_span(&text), g->node, sizeof(g->node)) ? true : problem_internal(pr, "the node's name is too long");
}

/* Only a first start makes a master key: one that is lost later must not be replaced in silence, for nothing sealed could be
 * opened again. */
static bool
is_first_start(const struct gate_conf *conf)
{
	AUTO_FREE char *path = xasprintf("%s/node", conf->state_dir);

	return access(path, F_OK) != 0;
}

/* ---- keeper ---- */

static void
add_secret(struct keeper_conf *kc, struct keeper_secret *secrets, const char *list, const char *entry, const char *key, const char *where,
	const char *encoding)
{
	if (!where || !where[0] || kc->secret_count == SECRETS_MAX)
		return;
	secrets[kc->secret_count++] = (struct keeper_secret){ xasprintf("%s.%s.%s", list, entry, key), where, encoding };
}

static bool
start_keeper(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	const struct upstream_conf *list = conf->upstreams.list;
	const struct solver_conf *solvers = conf->solvers.list;
	struct keeper_secret secrets[SECRETS_MAX];
	struct keeper_conf kc = { .master = conf->master_key, .create_master = is_first_start(conf),
		.connections = (unsigned)conf->worker_threads, .secrets = secrets };
	bool good;

	for (size_t i = 0; i < conf->upstreams.count; i++)
		add_secret(&kc, secrets, "upstreams", list[i].name, "eab_key", list[i].eab_key, list[i].eab_key_encoding);
	for (size_t i = 0; i < conf->solvers.count; i++)
		add_secret(&kc, secrets, "solvers", solvers[i].name, "secret", solvers[i].secret, "base64");
	good = keeper_start(&kc, &g->keeper, pr);
	for (size_t i = 0; i < kc.secret_count; i++)
		free((char *)secrets[i].name);
	return good;
}

/* ---- engine ---- */

static bool
start_engine(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	struct jobs_times times = jobs_default_times;
	struct upstream_env env;
	int64_t conns = 1;
	const struct upstream_conf *list = conf->upstreams.list;

	for (size_t i = 0; i < conf->upstreams.count; i++)
		conns = list[i].conns_max > conns ? list[i].conns_max : conns;
	g->pool = pool_new((unsigned)conf->worker_threads, (size_t)conf->limits.queue_max);
	g->outbound = loop_new("outbound");
	g->httpc = httpc_new(g->outbound, &(struct httpc_conf){ .connections_max = OUTBOUND_CONNS_MAX, .per_host_max = (unsigned)conns });
	g->gets = httpc_new(g->outbound, &(struct httpc_conf){ .connections_max = OUTBOUND_CONNS_MAX, .per_host_max = RENEWAL_CONNS });
	g->probes = httpc_new(g->outbound, &(struct httpc_conf){ .connections_max = OUTBOUND_CONNS_MAX });
	g->dns = dns_new(g->outbound, conf->resolvers.list, conf->resolvers.count);
	g->tlsc = tlsc_new(g->outbound, OUTBOUND_CONNS_MAX);
	g->hooks = proc_new(g->outbound, HOOKS_MAX);
	g->solving = proc_new(g->outbound, SOLVING_MAX);
	g->jobs = jobs_new(g->outbound, g->pool, g->store, g->node);
	times.lease_ms = conf->job_lease_ms;
	times.heartbeat_ms = conf->job_lease_ms / 3;
	jobs_set_times(g->jobs, &times);
	if (!solve_open(&(struct solve_env){ g->outbound, g->dns, g->pool, g->store, g->jobs, g->keeper, g->conf, g->solving, g->httpc }, &g->solve, pr))
		return false;
	env = (struct upstream_env){ g->store, g->jobs, g->keeper, g->pool, g->httpc, g->conf, g->solve, g->outbound, g->gets };
	g->validate = (struct validate_job_env){ { g->outbound, g->probes, g->dns, g->tlsc, g->hooks }, g->store, g->conf, NULL };
	g->housekeep = (struct housekeep){ g->store, g->conf };
	validate_job_register(g->jobs, &g->validate);
	housekeep_register(g->jobs, &g->housekeep);
	g->plan = (struct plan_job){ g->store, g->conf };
	plan_job_register(g->jobs, &g->plan);
	g->trail = (struct trail_env){ .store = g->store, .keeper = g->keeper, .conf = g->conf, .node = g->node, .syslog = syslog_new() };
	trail_register(g->jobs, &g->trail);
	if (!upstreams_open(&env, &g->ups, pr))
		return false;
	g->incidents = (struct incidents){ .store = g->store, .conf = g->conf, .ledger = upstreams_ledger(g->ups) };
	incidents_register(g->jobs, &g->incidents);
	loop_start(g->outbound);
	g->renewal = renewal_new(g->store);
	return true;
}

/* ---- start and stop ---- */

static void
watch_signals(struct gate *g)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	g->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
start_all(struct gate *g, const struct gate_conf *conf, enum gate_exit *ret_exit, struct problem *pr)
{
	*ret_exit = GATE_CONFIG;
	if (!make_folder(conf->state_dir, pr) || !start_keeper(g, conf, pr) || !node_name(g, conf, pr))
		return false;
	*ret_exit = GATE_UNAVAILABLE;
	if (!store_open(conf->store, (unsigned)conf->worker_threads + 2, &g->store, pr) || !schema_migrate(g->store, pr))
		return false;
	*ret_exit = GATE_INTERNAL;
	if (!start_engine(g, conf, pr))
		return false;
	*ret_exit = GATE_UNAVAILABLE;
	if (!faces_start(g, conf, pr))
		return false;
	*ret_exit = GATE_INTERNAL;
	renewal_start(g->renewal, g->outbound, g->pool);
	return trail_begin(&g->trail, pr) && jobs_start(g->jobs, pr) && housekeep_begin(&g->housekeep, pr) && plan_job_begin(&g->plan, pr) && incidents_begin(&g->incidents, pr) && upstreams_begin(g->ups, pr);
}

/* No reason not to serve what does not need them. */
static void
warn_of_lists(const struct gate_conf *conf)
{
	const struct trust_conf *list = conf->attestation_trust.list;

	for (size_t i = 0; i < conf->attestation_trust.count; i++) {
		if (list[i].good_until_unix_s && list[i].good_until_unix_s < clock_unix_s())
			log_warning("attestation_lists_too_old", LS("trust", list[i].name), LI("good_until", list[i].good_until_unix_s));
	}
}

bool
gate_start(struct gate_conf *conf, struct gate **ret, enum gate_exit *ret_exit, struct problem *pr)
{
	struct gate *g = xcalloc(1, sizeof(*g));

	g->signal_fd = -1;
	g->generation = 1;
	conf->generation = 1;
	pthread_mutex_init(&g->reload_lock, NULL);
	g->conf = conf_holder_new(conf);
	watch_signals(g);
	if (!start_all(g, conf, ret_exit, pr)) {
		gate_stop(g);
		return false;
	}
	log_notice("started", LS("url", conf->external_url), LS("node", g->node), LS("store", store_is_shared(g->store) ? "postgresql" : "sqlite"),
		LI("profiles", conf->profiles.count), LI("upstreams", conf->upstreams.count));
	warn_of_lists(conf);
	record_start(g, conf);
	notify_send("READY=1");
	*ret = g;
	return true;
}

void
gate_stop(struct gate *g)
{
	struct gate_conf *conf = conf_holder_take(g->conf);

	if (g->httpd)
		httpd_stop(g->httpd, conf->limits.drain_ms);
	gate_conf_unref(conf);
	if (g->jobs)
		jobs_stop(g->jobs);
	if (g->renewal)
		renewal_stop(g->renewal);
	if (g->ups)
		upstreams_stop(g->ups);
	if (g->outbound) {
		loop_stop(g->outbound);
		loop_join(g->outbound);
		dns_free(g->dns);
		tlsc_free(g->tlsc);
		proc_free(g->hooks);
		proc_free(g->solving);
		httpc_free(g->httpc);
		httpc_free(g->gets);
		httpc_free(g->probes);
	}
	pool_free(g->pool);
	solve_free(g->solve);
	httpd_free(g->httpd);
	jobs_free(g->jobs);
	upstreams_free(g->ups);
	renewal_free(g->renewal);
	syslog_free(g->trail.syslog);
	loop_free(g->outbound);
	nonce_window_free(g->server.nonces);
	keycache_free(g->server.keys);
	limits_done(&g->server.limits);
	buckets_free(g->server.noted);
	server_stats_done(&g->server.stats);
	metrics_free(g->admin.metrics);
	buf_done(&g->server.decoy);
	store_close(g->store);
	keeper_stop(g->keeper);
	conf_holder_free(g->conf);
	if (g->signal_fd >= 0)
		close(g->signal_fd);
	pthread_mutex_destroy(&g->reload_lock);
	free(g);
}

/* ---- reload ---- */

static void
swap_tls(struct gate *g, const struct gate_conf *conf)
{
	struct upstream_env env = *upstreams_env(g->ups);
	struct httpd_tls *tls = NULL;
	struct problem pr = { 0 };

	if (gate_tls_load(&env, conf, &tls, &pr)) {
		httpd_face_set_tls(g->acme_face, tls);
		httpd_tls_unref(tls);
	} else {
		/* the certificate in use goes on serving */
		log_error("tls_not_loaded", LPR(&pr));
	}
}

/* With what is in force by now, so that neither this nor a reload puts old files in place of new ones. */
static void
swap_tls_now(struct gate *g)
{
	struct gate_conf *conf;

	pthread_mutex_lock(&g->reload_lock);
	conf = conf_holder_take(g->conf);
	swap_tls(g, conf);
	gate_conf_unref(conf);
	pthread_mutex_unlock(&g->reload_lock);
}

/* Our accounts at CAs: contacts and terms as the configuration has them, and what else is due. */
static void
see_to_accounts(struct gate *g, int64_t stale_s)
{
	struct problem pr = { 0 };

	if (!upstreams_see_to(g->ups, stale_s, &pr))
		log_error("upstream_accounts_not_looked_at", LPR(&pr));
}

static void
put_in_force(struct gate *g, struct gate_conf *next)
{
	struct http_limits limits = faces_limits(next);
	enum log_level level;

	next->generation = ++g->generation;
	if (log_level_parse(span_str(next->log_level), &level))
		log_set_level(level);
	httpd_set_limits(g->httpd, &limits);
	swap_tls(g, next);
	warn_of_lists(next);
	conf_holder_set(g->conf, next);
	see_to_accounts(g, ACCOUNT_STALE_S);
}

/* What `systemctl status` shows of the configuration: the first line. */
static void
tell_manager(struct span text)
{
	AUTO_FREE char *status = NULL;
	struct span line = SPAN_NONE;

	span_cut(&text, '\n', &line);
	status = xasprintf("STATUS=configuration: %.*s", SPAN_FMT(line));
	notify_send(status);
}

bool
gate_reload(struct gate *g, struct buf *ret_text)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *running = conf_holder_take(g->conf), *next;
	bool good;

	pthread_mutex_lock(&g->reload_lock);
	next = gate_conf_load(running->path, &errors);
	good = next && gate_conf_may_reload(running, next, &errors);
	if (good)
		put_in_force(g, next);
	else
		gate_conf_unref(next);
	buf_addf(ret_text, good ? "generation %u is in force\n" : "refused, generation %u stays in force\n", g->generation);
	buf_addspan(ret_text, buf_span(&errors.text));
	record_conf(g, good ? next : running, good ? SPAN_NONE : buf_span(&errors.text));
	tell_manager(buf_span(ret_text));
	atomic_store(&g->admin.reload_refused, !good);
	pthread_mutex_unlock(&g->reload_lock);
	if (good)
		log_notice("reloaded", LI("generation", g->generation));
	else
		log_error("reload_refused", LSP("errors", buf_span(&errors.text)));
	conf_errors_done(&errors);
	gate_conf_unref(running);
	return good;
}

/* ---- run ---- */

static void
reload_by_signal(struct gate *g)
{
	AUTO_BUF text = BUF_MAX(64 * 1024);

	notify_reloading();
	gate_reload(g, &text);
	/* due after a refusal too */
	notify_send("READY=1");
}

/* 0 = none waits */
static int
next_signal(struct gate *g)
{
	struct signalfd_siginfo info;

	return read(g->signal_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

/* Now and then: is our own certificate there, and good for a while? How long until the next look. */
static int
see_to_tls(struct gate *g)
{
	struct gate_conf *conf = conf_holder_take(g->conf);
	enum own_cert own = OWN_CERT_NOTHING;
	struct problem pr = { 0 };

	if (!own_cert_tick(g->store, g->jobs, conf, &own, &pr))
		log_error("own_tls_certificate_not_ordered", LPR(&pr));
	if (own == OWN_CERT_CHANGED)
		log_notice("own_tls_certificate", LS("upstream", conf->tls_upstream));
	if (own == OWN_CERT_CHANGED || gate_tls_is_due(conf))
		swap_tls_now(g);
	gate_conf_unref(conf);
	return own == OWN_CERT_WAITING ? TLS_WAIT_MS : TLS_CHECK_MS;
}

enum gate_exit
gate_run(struct gate *g)
{
	struct pollfd fds[] = { { .fd = g->signal_fd, .events = POLLIN }, { .fd = keeper_death_fd(g->keeper), .events = POLLIN } };

	for (;;) {
		int n, sig;

		see_to_accounts(g, ACCOUNT_IDLE_S);
		n = poll(fds, 2, see_to_tls(g));
		if (fds[1].revents) {
			/* no key, no work; a new keeper cannot be forked from threads (H6) */
			log_error("keeper_died");
			return GATE_INTERNAL;
		}
		while (n > 0 && (sig = next_signal(g)) != 0) {
			if (sig != SIGHUP) {
				log_notice("stopping", LI("signal", sig));
				record_stop(g);
				notify_send("STOPPING=1");
				return GATE_OK;
			}
			reload_by_signal(g);
		}
	}
}
