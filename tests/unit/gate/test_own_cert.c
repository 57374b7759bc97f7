/* The gateway's own certificate while tls_upstream changes: what another CA was asked for is neither waited for nor installed. The
 * CAs' part, an order's end, is played here. */
#include "gate/own_cert.h"

#include <unistd.h>

#include "../pki/forge.h"
#include "../store/world.h"
#include "base/log.h"
#include "base/secret.h"
#include "flow/issue.h"
#include "pki/csr.h"

static struct gate_conf conf = { .external_url = (char *)(uintptr_t) "https://gate.test/acme" };
static struct store *store;
static struct jobs *jobs;

/* JOB_ISSUE: nothing, the row stays. */
static enum job_next
no_step(struct job *job, void *arg)
{
	(void)job;
	(void)arg;
	return JOB_DONE;
}

static enum own_cert
tick(const char *upstream)
{
	struct problem pr = { 0 };
	enum own_cert ret = OWN_CERT_NOTHING;

	conf.tls_upstream = (char *)(uintptr_t)upstream;
	must(own_cert_tick(store, jobs, &conf, &ret, &pr));
	return ret;
}

/* The chain that the CA called `issuer` makes of the order's CSR. */
static void
sign(struct sql *db, int64_t order, const char *issuer, struct buf *ret_pem)
{
	AUTO_BUF der = BUF_MAX(CSR_MAX_BYTES);
	AUTO_PKEY *ca = NULL;
	struct csr *csr = NULL;
	struct problem pr = { 0 };
	int64_t now = clock_unix_s();
	X509 *leaf, *root;

	must(order_csr(db, order, &der, &pr));
	must(csr_parse(buf_span(&der), &csr, &pr));
	must(key_make(KEY_P256, &ca, &pr));
	root = forge_x509(&(struct forge_cert){ .cn = issuer, .key = ca, .not_before_unix_s = now - 60, .not_after_unix_s = now + 90 * 86400,
		.exts = { "basicConstraints=critical,CA:TRUE" } });
	leaf = forge_x509(&(struct forge_cert){ .cn = "gate.test", .key = csr->key, .issuer = root, .issuer_key = ca,
		.not_before_unix_s = now - 60, .not_after_unix_s = now + 90 * 86400, .exts = { "subjectAltName=DNS:gate.test" } });
	forge_pem(ret_pem, leaf);
	X509_free(leaf);
	X509_free(root);
	csr_free(csr);
}

static bool
issue(struct sql *db, void *arg, struct problem *pr)
{
	const char *upstream = arg;
	AUTO_BUF pem = BUF_MAX(65536);
	struct chain chain = { 0 };
	struct sql_stmt *st = sql_begin(db, "select id from orders where upstream=$1 and state=2");
	struct order o;
	int64_t id;

	sql_bind_str(st, 1, upstream);
	id = sql_step(st) ? sql_int(st, 0) : 0;
	need(sql_end(st, pr));
	sign(db, id, upstream, &pem);
	need(chain_parse(buf_span(&pem), &chain, pr));
	o = get_order(db, id);
	need(issue_store(db, &conf, &o, &(struct issued){ &chain, buf_span(&pem), NULL, 0 }, "node", pr));
	order_done(&o);
	chain_done(&chain);
	return true;
}

static bool
is_in_place(const char *issuer)
{
	AUTO_FREE char *path = xasprintf("%s/tls/cert.pem", conf.state_dir), *want = xasprintf("CN=%s", issuer);
	AUTO_BUF pem = BUF_MAX(65536);
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	bool is = file_load(path, &pem, &pr) && chain_parse(buf_span(&pem), &chain, &pr) && strstr(chain.certs[0]->issuer, want);

	chain_done(&chain);
	return is && own_cert_is_from_upstream(&conf);
}

static void
test_switch(void)
{
	AUTO_FREE char *cert = xasprintf("%s/tls/cert.pem", conf.state_dir);

	is_int(tick("first"), OWN_CERT_WAITING, "a certificate is ordered of the first CA");
	is_int(tick("first"), OWN_CERT_WAITING, "and waited for");
	is_int(number(store, "select count(*) from orders"), 1, "that is one order");
	is_int(tick("second"), OWN_CERT_WAITING, "tls_upstream names another: it is ordered there");
	is_int(number(store, "select count(*) from orders where upstream='second'"), 1, "at once");
	is_int(tick("first"), OWN_CERT_WAITING, "the first one again: it is waited for");
	is_int(number(store, "select count(*) from orders"), 2, "its order is found behind the other");
	world_case(store, issue, "first");
	is_int(tick("second"), OWN_CERT_WAITING, "the first CA's certificate is none of the second");
	ok(access(cert, F_OK) != 0, "so it is not installed");
	world_case(store, issue, "second");
	is_int(tick("second"), OWN_CERT_CHANGED, "the second CA's is");
	ok(is_in_place("second"), "it is in place");
	is_int(tick("second"), OWN_CERT_NOTHING, "and all is well");
	is_int(number(store, "select count(*) from orders"), 2, "with two orders in all");
}

int
main(void)
{
	AUTO_FREE char *state = NULL, *where = NULL, *command = NULL;
	struct problem pr = { 0 };
	struct pool *pool;
	struct loop *loop;

	strcpy(both_dir, "/tmp/test_own_cert.XXXXXX");
	if (!mkdtemp(both_dir))
		return 1;
	log_set_level(LOG_ERROR);
	state = xstrdup(both_dir);
	conf.state_dir = state;
	where = xasprintf("sqlite:%s/gate.db", both_dir);
	must(store_open(where, 4, &store, &pr));
	must(schema_migrate(store, &pr));
	loop = loop_new("test");
	pool = pool_new(2, 100);
	jobs = jobs_new(loop, pool, store, "node");
	jobs_register(jobs, JOB_ISSUE, &(struct job_ops){ no_step, NULL, NULL });
	/* rows are all that is looked at: nobody runs the loop, and nothing is to be hurried */
	jobs_stop(jobs);
	test_switch();
	pool_free(pool);
	jobs_free(jobs);
	loop_free(loop);
	store_close(store);
	command = xasprintf("rm -r %s", both_dir);
	ok(system(command) == 0, "nothing else is left");
	return done_testing();
}
