/* The validation job on a real store, network and engine: attempts at their intervals, and what becomes of challenge,
 * authorization and order (T7, O5, O6, O9). */
#include "validate/job.h"

#include "../store/world.h"
#include "flow/authz.h"
#include "json/json.h"
#include "net.h"
#include "validate/device_question.h"

static struct server web;
static struct names names;
static struct addr dns_at;

static const struct name_row rows[] = {
	{ "ok.test", "127.0.0.1" },
	{ "wrong.test", "127.0.0.1" },
	{ "late.test", "127.0.0.1" },
	{ "never.test", "127.0.0.1" },
	{ "hurried.test", "127.0.0.1" },
	{ "given-up.test", "127.0.0.1" },
	{ "stopped.test", "127.0.0.1" },
	{ "weird.test", "127.0.0.1" },
	{ "profileless.test", "127.0.0.1" },
	{ "unasked.test", "127.0.0.1" },
};
static _Atomic(int) asked[COUNT_OF(rows)]; /* requests by name */

static int
asked_for(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return atomic_load(&asked[i]);
	}
	return -1;
}

/* The request's Host, counted. */
static const char *
host_of(struct peer *p, int *ret_count)
{
	char *host = strstr(p->request, "\r\nHost: ") + 8;

	host[strcspn(host, ":\r")] = '\0';
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, host) == 0)
			*ret_count = atomic_fetch_add(&asked[i], 1) + 1;
	}
	return host;
}

static bool
answer(struct peer *p)
{
	char *path = strchr(p->request, ' '), *token;
	AUTO_FREE char *good = NULL;
	int count = 0;
	const char *host, *body = NULL;

	token = path ? strstr(path, "acme-challenge/") : NULL;
	if (!token)
		return false;
	token = span_dup(span_of(token + 15, strcspn(token + 15, " ")));
	good = xasprintf("%s.thumb", token);
	free(token);
	host = host_of(p, &count);
	if (strcmp(host, "ok.test") == 0 || (strcmp(host, "late.test") == 0 && count > 2) || (strcmp(host, "hurried.test") == 0 && count > 1) ||
		strcmp(host, "profileless.test") == 0)
		body = good;
	else if (strcmp(host, "wrong.test") == 0)
		body = "something else";
	if (strcmp(host, "weird.test") == 0) {
		peer_say(p, "HTTP/1.1 302 Found\r\nLocation: ftp://\"\\\xff\xfe<b>/\x01\r\nContent-Length: 0\r\n\r\n");
		return true;
	}
	{
		AUTO_FREE char *text = xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", body ? "200 OK" : "404 Not Found", body ? strlen(body) : 0, body ? body : "");

		peer_say(p, text);
	}
	return true;
}

/* ---- a gateway without its faces ---- */

struct gateway {
	struct store *store;
	struct conf_holder *conf;
	struct loop *loop;
	struct httpc *httpc;
	struct dns *dns;
	struct pool *pool;
	struct jobs *jobs;
	struct validate_job_env env;
	struct buckets *failures;
};

static struct gate_conf *
conf_of(const char *profile, const char *attempts)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_FREE char *text = xasprintf("external_url = \"https://gate.test\"; default_profile = \"%s\"; networks = [ \"127.0.0.1\" ];"
		"profiles = ( { name = \"%s\"; upstream = \"own\"; http01_port = %u; valid_authz_lifetime = \"2h\"; validation_attempts = [ %s ]; } );"
		"upstreams = ( { name = \"own\"; driver = \"local\"; } ); rules = ( { name = \"all\"; names = [ \"*\" ]; } );", profile, profile, web.port, attempts);
	struct gate_conf *conf = gate_conf_load_text("test", span_str(text), &errors);

	if (!conf) {
		printf("Bail out! %.*s\n", SPAN_FMT(buf_span(&errors.text)));
		exit(1);
	}
	conf_errors_done(&errors);
	return conf;
}

static void
gateway_up(struct gateway *g, struct store *store, const char *attempts)
{
	struct problem pr = { 0 };

	*g = (struct gateway){ .store = store, .conf = conf_holder_new(conf_of("p", attempts)), .loop = loop_new("outbound"), .pool = pool_new(3, 1000),
		.failures = buckets_new(100) };
	g->httpc = httpc_new(g->loop, NULL);
	g->dns = dns_new(g->loop, &dns_at, 1);
	g->jobs = jobs_new(g->loop, g->pool, store, "node");
	g->env = (struct validate_job_env){ { g->loop, g->httpc, g->dns }, store, g->conf, g->failures };
	validate_job_register(g->jobs, &g->env);
	loop_start(g->loop);
	must(jobs_start(g->jobs, &pr));
}

static void
gateway_down(struct gateway *g)
{
	jobs_stop(g->jobs);
	loop_stop(g->loop);
	loop_join(g->loop);
	dns_free(g->dns);
	httpc_free(g->httpc);
	pool_free(g->pool);
	jobs_free(g->jobs);
	loop_free(g->loop);
	conf_holder_free(g->conf);
	buckets_free(g->failures);
}

/* ---- a device's order for one name, responded to ---- */

struct proof {
	struct gateway *g;
	const char *name;
	int64_t order, authz, challenge, job;
	bool no_response;
};

static bool
begin_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct proof *p = arg;
	int64_t account = put_account(db, p->name), until = clock_unix_s() + 3600;
	AUTO_FREE char *key_auth = NULL;
	struct authz a;
	bool moved;

	p->order = put_order(db, account, ORDER_PENDING, until, p->name);
	p->authz = put_authz(db, account, p->order, p->name, AUTHZ_PENDING, until);
	a = get_authz(db, p->authz);
	p->challenge = a.challenges[0].id;
	key_auth = xasprintf("%s.thumb", a.challenges[0].token);
	authz_done(&a);
	if (!p->no_response && !challenge_respond(db, p->challenge, key_auth, &moved, pr))
		return false;
	return jobs_insert(p->g->jobs, db, JOB_VALIDATE, p->challenge, &p->job, pr);
}

static struct proof
begin(struct gateway *g, const char *name)
{
	struct proof p = { .g = g, .name = name };

	world_case(g->store, begin_tx, &p);
	jobs_run(g->jobs, p.job, JOB_VALIDATE, p.challenge);
	return p;
}

/* What it has come to. */
struct state {
	struct proof *p;
	struct authz authz;
	struct order order;
};

static bool
state_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct state *s = arg;

	(void)pr;
	s->authz = get_authz(db, s->p->authz);
	s->order = get_order(db, s->p->order);
	return true;
}

static struct state
state_of(struct proof *p)
{
	struct state s = { .p = p };

	world_case(p->g->store, state_tx, &s);
	return s;
}

static void
state_done(struct state *s)
{
	authz_done(&s->authz);
	order_done(&s->order);
}

static bool
is_over(struct gateway *g)
{
	return number(g->store, "select count(*) from job") == 0 && jobs_active(g->jobs) == 0;
}

static bool
wait_over(struct gateway *g)
{
	for (int i = 0; i < 10000 && !is_over(g); i++)
		usleep(1000);
	return is_over(g);
}

static bool
wait_asked(const char *name, int count)
{
	for (int i = 0; i < 5000 && asked_for(name) < count; i++)
		usleep(1000);
	usleep(30000); /* its result is stored, and the job parked */
	return asked_for(name) == count;
}

/* ---- the cases ---- */

static void
test_proven(struct gateway *g)
{
	struct proof p = begin(g, "ok.test");
	struct state s;

	ok(wait_over(g), "a device that answers is proven, and the job is done");
	s = state_of(&p);
	ok(s.authz.challenges[0].state == CHALL_VALID && s.authz.challenges[0].validated_at > 0 && !s.authz.challenges[0].error, "its challenge is valid");
	ok(s.authz.state == AUTHZ_VALID && llabs(s.authz.expires - (clock_unix_s() + 7200)) < 10, "its authorization too, for as long as the profile says");
	ok(s.order.state == ORDER_READY, "and its order ready");
	state_done(&s);
}

static void
test_wrong(struct gateway *g)
{
	struct proof p = begin(g, "wrong.test");
	struct buckets_stats stats;
	struct state s;

	ok(wait_over(g) && asked_for("wrong.test") == 1, "a wrong answer is final: it is asked once (T7)");
	s = state_of(&p);
	ok(s.authz.state == AUTHZ_INVALID && s.authz.challenges[0].state == CHALL_INVALID && s.order.state == ORDER_INVALID, "challenge, authorization and order are invalid (O5)");
	ok(s.authz.challenges[0].error && strstr(s.authz.challenges[0].error, ":unauthorized\"") && strstr(s.authz.challenges[0].error, "\"wrong.test\""), "the challenge says why, and for which name");
	state_done(&s);
	buckets_stats(g->failures, &stats);
	is_int(stats.taken, 1, "the failure is counted against the account and the name");
}

static void
test_late(struct gateway *g)
{
	msec_t before = clock_ms();
	struct proof p = begin(g, "late.test");
	struct state s;

	ok(wait_asked("late.test", 1), "a first attempt fails");
	s = state_of(&p);
	ok(s.authz.challenges[0].state == CHALL_PROCESSING && s.authz.state == AUTHZ_PENDING && s.order.state == ORDER_PENDING, "all wait");
	ok(s.authz.challenges[0].attempts == 1 && s.authz.challenges[0].error && s.authz.challenges[0].next_at > 0, "the attempt is noted, with its error and when the next one is due (8.2)");
	state_done(&s);
	ok(wait_over(g), "the third attempt succeeds");
	ok(clock_ms() - before >= 1990, "after the intervals of the profile");
	s = state_of(&p);
	ok(s.authz.challenges[0].state == CHALL_VALID && !s.authz.challenges[0].error && s.authz.challenges[0].attempts == 3 && s.order.state == ORDER_READY, "it is valid, and the errors are forgotten");
	state_done(&s);
}

static void
test_never(struct gateway *g)
{
	struct proof p = begin(g, "never.test");
	struct state s;
	const char *error;
	int count = 0;

	ok(wait_over(g) && asked_for("never.test") == 3, "a device that never answers is asked as often as the profile says");
	s = state_of(&p);
	ok(s.authz.state == AUTHZ_INVALID && s.order.state == ORDER_INVALID && s.authz.challenges[0].next_at == 0, "then it is over");
	error = s.authz.challenges[0].error;
	for (const char *at = strstr(error, "\"subproblems\""); at && (at = strstr(at, "\"never.test\"")); at++)
		count++;
	is_int(count, 3, "each attempt has its entry in the error (8.2)");
	state_done(&s);
}

/* Of the cases so far: proven at once and at the third, wrong at once, never. */
static void
test_counts(struct gateway *g)
{
	const struct validate_stats *s = &g->env.stats[CHALLENGE_HTTP_01];

	is_int(atomic_load(&s->proven), 2, "attempts that proved are counted");
	is_int(atomic_load(&s->again), 4, "those that another one follows");
	is_int(atomic_load(&s->failed), 2, "and those that were the last");
}

static void
test_weird(struct gateway *g)
{
	struct proof p = begin(g, "weird.test");
	struct state s;
	struct json *doc = NULL;
	struct problem pr = { 0 };

	ok(wait_over(g), "a device that redirects to strange octets is given up");
	s = state_of(&p);
	ok(s.authz.challenges[0].error && json_parse(span_str(s.authz.challenges[0].error), "error", NULL, &doc, &pr), "its error is JSON all the same");
	json_free(doc);
	state_done(&s);
}

static bool
give_up_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct proof *p = arg;
	struct authz a = get_authz(db, p->authz);
	bool good = authz_deactivate(db, &a, clock_unix_s(), "node", pr);

	authz_done(&a);
	return good;
}

static void
test_given_up(struct gateway *g)
{
	struct proof p = begin(g, "given-up.test");
	struct state s;

	ok(wait_asked("given-up.test", 1), "an attempt fails");
	world_case(g->store, give_up_tx, &p);
	ok(wait_over(g) && asked_for("given-up.test") == 1, "and when the owner gives up there is no second one");
	s = state_of(&p);
	is_int(s.authz.state, AUTHZ_DEACTIVATED, "the authorization stays deactivated");
	state_done(&s);
}

static void
test_unasked(struct gateway *g)
{
	struct proof p = { .g = g, .name = "unasked.test", .no_response = true };
	int before = asked_for("unasked.test");

	world_case(g->store, begin_tx, &p);
	jobs_run(g->jobs, p.job, JOB_VALIDATE, p.challenge);
	ok(wait_over(g) && asked_for("unasked.test") == before, "a job for a challenge nobody responded to asks nobody");
}

/* In a gateway whose second attempt is far away. */
static void
test_slow(struct store *store)
{
	struct gateway g;
	struct proof hurried, stopped;
	struct state s;

	gateway_up(&g, store, "\"0s\", \"50s\", \"100s\"");
	hurried = begin(&g, "hurried.test");
	ok(wait_asked("hurried.test", 1), "an attempt fails, and the next one is far away");
	jobs_hurry(g.jobs, JOB_VALIDATE, hurried.challenge);
	ok(wait_over(&g) && asked_for("hurried.test") == 2, "it is made at once when the device asks for it (O9)");
	s = state_of(&hurried);
	is_int(s.authz.state, AUTHZ_VALID, "and proves");
	state_done(&s);

	stopped = begin(&g, "stopped.test");
	ok(wait_asked("stopped.test", 1), "an attempt fails, and the gateway stops");
	gateway_down(&g);
	gateway_up(&g, store, "\"0s\", \"1s\"");
	stopped.g = &g;
	ok(wait_over(&g) && asked_for("stopped.test") == 2, "the next run makes the attempts that are left");
	s = state_of(&stopped);
	ok(s.authz.state == AUTHZ_INVALID && s.authz.challenges[0].attempts == 2, "and counts those before");
	state_done(&s);
	gateway_down(&g);
}

static void
test_profileless(struct store *store)
{
	struct gateway g;
	struct proof p;
	struct state s;

	gateway_up(&g, store, "\"0s\"");
	conf_holder_set(g.conf, conf_of("another", "\"0s\""));
	p = begin(&g, "profileless.test");
	ok(wait_over(&g), "a challenge of a profile that has gone is over");
	s = state_of(&p);
	ok(s.authz.state == AUTHZ_INVALID && strstr(s.authz.challenges[0].error, "invalidProfile") != NULL,
		"and says why: what the profile wants of a proof is not known any more");
	is_int(asked_for("profileless.test"), 0, "nobody is asked");
	state_done(&s);
	gateway_down(&g);
}

static bool
attested_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st;
	struct proof *p = arg;
	struct device d = { .key = { IDENT_PERMANENT, "1.2", "SN1" } };
	struct evidence e;

	if (!begin_tx(db, p, pr))
		return false;
	st = sql_begin(db, "update authz set ident_type=2, ident='SN1/1.2'");
	sql_step(st);
	need(sql_end(st, pr));
	st = sql_begin(db, "update challenge set kind=5");
	sql_step(st);
	need(sql_end(st, pr));
	e = (struct evidence){ .authz_id = p->authz, .at = clock_unix_s(), .key_hash = "key", .facts = "{}" };
	return evidence_insert(db, &e, SPAN_NONE, pr) && device_insert(db, &d, pr) && device_link(db, d.id, p->authz, pr);
}

static bool
question_tx(struct sql *db, void *arg, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(DEVICE_QUESTION_MAX);
	struct proof *p = arg;
	struct sql_stmt *st;
	struct authz a;

	if (!attested_tx(db, p, pr))
		return false;
	st = sql_begin(db, "update orders set mapped='dns:sn1.d.test,dns:x.d.test'");
	sql_step(st);
	need(sql_end(st, pr));
	a = get_authz(db, p->authz);
	need(device_question_write(db, &a, &text, pr));
	ok(strstr(buf_cstr(&text), "\"mapped\":[\"sn1.d.test\",\"x.d.test\"]"), "a hook hears which names the certificate will have besides");
	authz_done(&a);
	return problem_internal(pr, "nothing is to be left");
}

static void
test_question(struct store *store)
{
	struct gateway g;
	struct proof p = { .g = &g, .name = "question.test" };
	struct problem pr = { 0 };

	gateway_up(&g, store, "\"0s\"");
	ok(!store_write(store, question_tx, &p, &pr), "a question about a device");
	gateway_down(&g);
}

/* While a hook was asked the profile has lost attestation, and the hook with it. */
static void
test_trustless(struct store *store)
{
	struct gateway g;
	struct proof p = { .g = &g, .name = "trustless.test" };
	struct state s;

	gateway_up(&g, store, "\"0s\"");
	world_case(store, attested_tx, &p);
	jobs_run(g.jobs, p.job, JOB_VALIDATE, p.challenge);
	ok(wait_over(&g), "a device waits for a hook's word, and the profile takes no attestation any more");
	s = state_of(&p);
	ok(s.authz.challenges[0].kind == CHALLENGE_DEVICE_ATTEST_01 && s.authz.state == AUTHZ_INVALID && s.order.state == ORDER_INVALID,
		"it is refused: who vouched for it may be trusted no longer");
	ok(s.authz.challenges[0].error && strstr(s.authz.challenges[0].error, "no longer takes attestation"), "and told why");
	state_done(&s);
	gateway_down(&g);
}

int
main(void)
{
	if (!both_start())
		return done_testing();
	dns_at = names_start(&names, rows, COUNT_OF(rows));
	if (!server_start(&web, "127.0.0.1", NULL, answer)) {
		printf("Bail out! no server\n");
		return 1;
	}
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		struct store *store = world_open(&both[i]);
		struct gateway g;

		printf("# %s\n", both[i].name);
		for (size_t n = 0; n < COUNT_OF(rows); n++)
			atomic_store(&asked[n], 0);
		gateway_up(&g, store, "\"0s\", \"1s\", \"2s\"");
		test_proven(&g);
		test_wrong(&g);
		test_late(&g);
		test_never(&g);
		test_counts(&g);
		test_weird(&g);
		test_given_up(&g);
		test_unasked(&g);
		gateway_down(&g);
		test_slow(store);
		test_profileless(store);
		test_question(store);
		test_trustless(store);
		store_close(store);
	}
	server_stop(&web);
	names_stop(&names);
	both_stop();
	return done_testing();
}
