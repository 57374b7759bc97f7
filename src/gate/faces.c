/* faces.c - where others meet the gateway: devices, CAs that look for proofs, operators, Prometheus. */
#include <signal.h>
#include <unistd.h>

#include "admin/admin.h"
#include "config.h"
#include "gate/gate_int.h"
#include "gate/sockets.h"
#include "gate/tls.h"
#include "server/server.h"
#include "solve/alpn01_face.h"
#include "upstream/dispatch.h"
#include "upstream/http01_face.h"
#include "upstream/local.h"

#define KEYS_CACHED 20000

struct http_limits
faces_limits(const struct gate_conf *conf)
{
	const struct limits_conf *l = &conf->limits;

	return (struct http_limits){ .head_max_bytes = (size_t)l->head_max_bytes, .target_max_bytes = (size_t)l->target_max_bytes,
		.fields_max = (unsigned)l->fields_max, .body_max_bytes = (size_t)l->body_max_bytes,
		.conns_max = (unsigned)l->conns_max, .conns_per_addr = (unsigned)l->conns_per_addr,
		.handshake_ms = l->handshake_ms, .head_ms = l->head_ms, .body_ms = l->body_ms, .idle_ms = l->idle_ms,
		.write_ms = l->write_ms };
}

static bool
crl_hook(void *arg, const char *name, struct buf *ret_der, bool *ret_found, struct problem *pr)
{
	return local_crl(arg, name, ret_der, ret_found, pr);
}

static bool
init_server(struct gate *g, struct problem *pr)
{
	g->server.store = g->store;
	g->server.jobs = g->jobs;
	g->server.pool = g->pool;
	g->server.keeper = g->keeper;
	g->server.conf = g->conf;
	g->server.renewal = g->renewal;
	g->server.nonces = nonce_window_new();
	g->server.keys = keycache_new(KEYS_CACHED);
	limits_init(&g->server.limits);
	g->server.noted = buckets_new(KEYS_CACHED);
	server_stats_init(&g->server.stats);
	g->validate.failures = g->server.limits.by[LIMIT_FAILED];
	g->server.issue_now = local_issue_now;
	g->server.issue_now_arg = g->ups;
	g->server.count_issued = local_count_issued;
	g->server.foresee = dispatch_foresee;
	g->server.foresee_arg = g->ups;
	g->server.crl = crl_hook;
	g->server.crl_arg = g->ups;
	return eab_decoy_make(g->keeper, &g->server.decoy, pr);
}

/* On the sockets that the service manager holds for it, and on those of the configuration that it does not. */
static bool
add_face(struct gate *g, struct httpd_face_conf *fc, struct httpd_face **ret, struct problem *pr)
{
	int held[SOCKETS_MAX];

	fc->held = held;
	fc->held_count = sockets_take(fc->name, held);
	if (fc->listen_count + fc->held_count == 0 && !fc->unix_path)
		return true;
	return httpd_face_add(g->httpd, fc, ret, pr);
}

static bool
add_acme_face(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	struct upstream_env env = *upstreams_env(g->ups);
	struct httpd_tls *tls = NULL;
	struct httpd_face_conf fc = { .name = "acme", .listen = conf->listen.list, .listen_count = conf->listen.count,
		.handler = server_handle, .refusal = server_refusal, .body_max = server_body_max, .arg = &g->server };
	bool good;

	if (!gate_tls_load(&env, conf, &tls, pr))
		return false;
	fc.tls = tls;
	good = add_face(g, &fc, &g->acme_face, pr);
	httpd_tls_unref(tls);
	return good;
}

static bool
reload_hook(void *arg, struct buf *ret_text)
{
	return gate_reload(arg, ret_text);
}

/* The main thread does as it is told by a signal. */
static void
drain_hook(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

static bool
tls_hook(void *arg, struct admin_tls *ret, struct problem *pr)
{
	struct gate *g = arg;
	struct upstream_env env = *upstreams_env(g->ups);
	struct gate_conf *conf = conf_holder_take(g->conf);
	bool good = gate_tls_tell(&env, conf, g->acme_face, ret, pr);

	gate_conf_unref(conf);
	return good;
}

/* Who may ask is told by the peer's uid, so everybody may connect. */
static bool
add_admin_face(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	struct httpd_face *face;
	struct httpd_face_conf fc = { .name = "admin", .unix_path = conf->admin_socket, .unix_mode = 0666, .wipe = true,
		.handler = admin_handle, .refusal = admin_refusal, .arg = &g->admin };

	g->admin = (struct admin){ .store = g->store, .jobs = g->jobs, .pool = g->pool, .conf = g->conf, .ups = g->ups, .solve = g->solve,
		.server = &g->server, .httpd = g->httpd, .validate = &g->validate, .trail = &g->trail, .metrics = metrics_new(), .version = PACKAGE_VERSION, .started_unix_s = clock_unix_s(),
		.reload = reload_hook, .drain = drain_hook, .tls = tls_hook, .arg = g };
	return add_face(g, &fc, &face, pr);
}

static bool
add_metrics_face(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	struct httpd_face *face;
	struct httpd_face_conf fc = { .name = "metrics", .listen = conf->metrics_listen.list,
		.listen_count = conf->metrics_listen.count, .handler = metrics_handle, .arg = &g->admin };

	return add_face(g, &fc, &face, pr);
}

bool
faces_start(struct gate *g, const struct gate_conf *conf, struct problem *pr)
{
	struct http_limits limits = faces_limits(conf);
	struct httpd_face *face;
	struct httpd_face_conf alpn01 = { .name = "alpn01", .listen = conf->tls_alpn01_listen.list,
		.listen_count = conf->tls_alpn01_listen.count, .hello = alpn01_face_hello, .protocol = "acme-tls/1", .conns_max = ALPN01_CONNS_MAX,
		.arg = g->solve };
	struct httpd_face_conf http01 = { .name = "http01", .listen = conf->http01_listen.list,
		.listen_count = conf->http01_listen.count, .handler = http01_face_handle, .arg = g->ups };

	if (!init_server(g, pr))
		return false;
	g->httpd = httpd_new((unsigned)conf->front_threads, &limits);
	if (!add_acme_face(g, conf, pr) || !add_face(g, &http01, &face, pr) || !add_face(g, &alpn01, &face, pr))
		return false;
	if (!add_admin_face(g, conf, pr) || !add_metrics_face(g, conf, pr))
		return false;
	httpd_start(g->httpd);
	return true;
}
