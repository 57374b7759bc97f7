/* scene.c - see scene.h. */
#include "scene.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../store/world.h"
#include "keeper/keeper.h"
#include "upstream/upstreams.h"

#define ROOT TESTDATA "/attestation/roots/apple-enterprise-attestation-root-ca-ccf59ef8.pem"

static struct gate_conf *
conf_of(struct scene *s, const char *roles)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_FREE char *text = xasprintf("external_url = \"https://acme.test\"; state_dir = \"%s\"; %s"
		"profiles = ( { name = \"p\"; upstream = \"local\"; } ); default_profile = \"p\";"
		"upstreams = ( { name = \"local\"; driver = \"local\"; },"
		" { name = \"ca\"; driver = \"acme\"; directory = \"http://127.0.0.1:1/dir\"; } );"
		"attestation_trust = ( { name = \"fruit\"; format = \"apple\"; roots = [ \"" ROOT "\" ]; },"
		" { name = \"tree\"; format = \"step\"; roots = [ \"" ROOT "\" ]; } );"
		"rules = ( { name = \"all\"; names = [ \"*\" ]; } );", s->folder, roles);
	struct gate_conf *conf = gate_conf_load_text(s->file, span_str(text), &errors);

	if (!conf) {
		printf("Bail out! %s\n", buf_cstr(&errors.text));
		exit(1);
	}
	conf_errors_done(&errors);
	conf->generation = 3;
	return conf;
}

void
scene_roles(struct scene *s, const char *roles)
{
	conf_holder_set(s->admin.conf, conf_of(s, roles));
}

void
scene_users(struct scene *s, const char *users)
{
	AUTO_FREE char *roles = xasprintf("admin_users = [ %s ]; auditors = [];", users);

	scene_roles(s, roles);
}

static bool
on_reload(void *arg, struct buf *ret_text)
{
	struct scene *s = arg;

	atomic_fetch_add(&s->reloads, 1);
	buf_adds(ret_text, s->reload_good ? "generation 3 is in force\n"
					  : "refused, generation 3 stays in force\na.conf:1: x: unknown key\na.conf:2: y: too large\n");
	return s->reload_good;
}

static void
on_drain(void *arg)
{
	struct scene *s = arg;

	atomic_fetch_add(&s->drains, 1);
}

static bool
on_tls(void *arg, struct admin_tls *ret, struct problem *pr)
{
	struct scene *s = arg;

	(void)pr;
	ret->source = s->tls_source;
	ret->renewal = s->tls_renewal;
	strcpy(ret->upstream, "ca");
	strcpy(ret->order, s->processing);
	ret->due = 1000000000;
	buf_adds(&ret->error, "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"not ours\"}");
	return true;
}

/* ---- rows ---- */

static void
ref_of(struct sql *db, int64_t order, char ref[REF_TEXT])
{
	struct order o = get_order(db, order);

	memcpy(ref, o.ref, REF_TEXT);
	order_done(&o);
}

static bool
put_challenge_error(struct sql *db, int64_t authz, struct problem *pr)
{
	struct authz a = get_authz(db, authz);
	int64_t id = a.challenges[0].id;
	bool moved;

	authz_done(&a);
	return challenge_respond(db, id, "t.k", &moved, pr) &&
		challenge_attempted(db, id, "{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":\"nobody \\u001b answers\",\"status\":400}", 0, pr) &&
		challenge_move(db, id, CHALL_PROCESSING, CHALL_INVALID, &moved, pr);
}

static bool
put_invalid(struct sql *db, struct scene *s, int64_t account, struct problem *pr)
{
	int64_t order = put_order(db, account, ORDER_PENDING, NOW, "bad.test");
	int64_t authz = put_authz(db, account, order, "bad.test", AUTHZ_INVALID, NOW);
	bool moved;

	ref_of(db, order, s->invalid);
	return put_challenge_error(db, authz, pr) &&
		order_move(db, order, ORDER_PENDING, ORDER_INVALID,
			"{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"not proven\",\"status\":403}", &moved, pr) &&
		event_note(db, order, "n1", "new order", pr, "names=bad.test") &&
		event_note(db, order, "n1", "order", pr, "pending->invalid");
}

static bool
put_processing(struct sql *db, struct scene *s, int64_t account, struct problem *pr)
{
	int64_t order = put_order(db, account, ORDER_PROCESSING, NOW, "work.test"), job;

	ref_of(db, order, s->processing);
	return upstream_order_insert(db, order, "ca", pr) &&
		upstream_order_ordered(db, order, "https://ca.test/o/1", "https://ca.test/f/1", NOW, pr) &&
		upstream_order_restart(db, order, true, false, "the CA could not connect", pr) &&
		job_insert(db, JOB_ISSUE, order, 0, NULL, 0, &job, pr) && job_release(db, job, 4000, "circuit open", pr);
}

static bool
rows_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct scene *s = arg;
	int64_t account = put_account(db, "one"), other = put_account(db, "two"), order, cert;
	struct cert_row row = { 0 };
	struct account a = { 0 };
	bool found;

	if (!account_by_id(db, account, &a, &found, pr))
		return false;
	memcpy(s->account, a.ref, REF_TEXT);
	account_done(&a);
	if (!account_by_id(db, other, &a, &found, pr))
		return false;
	memcpy(s->other, a.ref, REF_TEXT);
	account_done(&a);
	order = put_order(db, account, ORDER_VALID, NOW, "a.test");
	ref_of(db, order, s->valid);
	cert = put_cert(db, order, account, "c1");
	if (!order_set_cert(db, order, cert, pr) || !cert_by_id(db, cert, &row, &found, pr))
		return false;
	memcpy(s->cert, row.ref, REF_TEXT);
	cert_row_done(&row);
	if (!cert_by_id(db, put_cert(db, order, other, "c2"), &row, &found, pr))
		return false;
	memcpy(s->cert2, row.ref, REF_TEXT);
	cert_row_done(&row);
	if (!put_invalid(db, s, account, pr) || !put_processing(db, s, account, pr))
		return false;
	ref_of(db, put_order(db, other, ORDER_PENDING, NOW, "new.test,*.new.test"), s->pending);
	return true;
}

/* ---- up and down ---- */

static void
start_face(struct scene *s)
{
	struct httpd_face *face;
	struct problem pr = { 0 };
	const struct httpd_face_conf fc = { .name = "admin", .unix_path = s->socket, .unix_mode = 0666, .wipe = true,
		.handler = admin_handle, .refusal = admin_refusal, .arg = &s->admin };

	s->admin.httpd = httpd_new(1, &http_default_limits);
	must(httpd_face_add(s->admin.httpd, &fc, &face, &pr));
	httpd_start(s->admin.httpd);
}

void
scene_up(struct scene *s)
{
	struct problem pr = { 0 };
	AUTO_FREE char *store = NULL, *master = NULL;
	struct upstream_env env;
	const char *tmp = getenv("TMPDIR");

	memset(s, 0, sizeof(*s));
	snprintf(s->folder, sizeof(s->folder), "%s/test-admin-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(s->folder) || chmod(s->folder, 0755) != 0)
		exit(1);
	snprintf(s->socket, sizeof(s->socket), "%s/admin.sock", s->folder);
	snprintf(s->file, sizeof(s->file), "%s/a.conf", s->folder);
	store = xasprintf("sqlite:%s/a.db", s->folder);
	master = xasprintf("file:%s/master", s->folder);
	must(keeper_start(&(struct keeper_conf){ .master = master, .create_master = true, .connections = 2, .call_ms = 60000 }, &s->keeper, &pr));
	s->admin.conf = conf_holder_new(conf_of(s, ""));
	must(store_open(store, 4, &s->admin.store, &pr));
	must(schema_migrate(s->admin.store, &pr));
	must(store_write(s->admin.store, rows_tx, s, &pr));
	s->admin.pool = pool_new(2, 64);
	s->loop = loop_new("outbound");
	s->httpc = httpc_new(s->loop, NULL);
	s->admin.jobs = jobs_new(s->loop, s->admin.pool, s->admin.store, "node-1");
	env = (struct upstream_env){ s->admin.store, s->admin.jobs, s->keeper, s->admin.pool, s->httpc, s->admin.conf };
	must(upstreams_open(&env, &s->admin.ups, &pr));
	loop_start(s->loop);
	s->server.keeper = s->keeper;
	limits_init(&s->server.limits);
	server_stats_init(&s->server.stats);
	s->server.renewal = renewal_new(s->admin.store);
	s->admin.server = &s->server;
	s->trail = (struct trail_env){ .store = s->admin.store, .keeper = s->keeper, .conf = s->admin.conf, .node = "node-1" };
	must(trail_begin(&s->trail, &pr));
	s->admin.trail = &s->trail;
	s->admin.metrics = metrics_new();
	s->admin.version = "9.8.7";
	s->admin.started_unix_s = clock_unix_s() - 90061;
	s->admin.reload = on_reload;
	s->admin.drain = on_drain;
	s->admin.tls = on_tls;
	s->tls_source = "upstream";
	s->tls_renewal = "failed";
	s->admin.arg = s;
	s->reload_good = true;
	start_face(s);
}

void
scene_down(struct scene *s)
{
	AUTO_FREE char *command = xasprintf("rm -rf %s", s->folder);

	httpd_stop(s->admin.httpd, 1000);
	jobs_stop(s->admin.jobs);
	upstreams_stop(s->admin.ups);
	loop_stop(s->loop);
	loop_join(s->loop);
	httpc_free(s->httpc);
	pool_free(s->admin.pool);
	httpd_free(s->admin.httpd);
	jobs_free(s->admin.jobs);
	upstreams_free(s->admin.ups);
	loop_free(s->loop);
	limits_done(&s->server.limits);
	server_stats_done(&s->server.stats);
	renewal_free(s->server.renewal);
	metrics_free(s->admin.metrics);
	store_close(s->admin.store);
	keeper_stop(s->keeper);
	conf_holder_free(s->admin.conf);
	if (system(command) != 0)
		exit(1);
}
