/* Who an order is in the queue of its CA, on both stores: its class, by what it replaces, and a place that was kept for it. */
#include "../store/world.h"
#include "flow/order.h"
#include "flow/work.h"
#include "store/cert.h"
#include "store/incident.h"
#include "store/job.h"
#include "store/upstream.h"

#define DAY 86400
#define OWN_WISH (-90) /* revoked then: by the device */

static const char conf_text[] =
	"external_url = \"https://acme.corp.example\";"
	"default_profile = \"p\";"
	"profiles = ( { name = \"p\"; upstream = \"u\"; order_lifetime = \"3d\"; }, { name = \"r\"; upstream = \"u\"; upstream_start = \"ready\"; },"
	" { name = \"b\"; upstream = \"u\"; bulk = true; } );"
	"upstreams = ( { name = \"u\"; driver = \"acme\"; directory = \"https://ca.example/dir\"; } );"
	"rules = ( { name = \"all\"; names = [ \"*\" ]; } );";

static struct gate_conf *conf;

/* A certificate of this principal for a.test, that is good from `since` to `until`. */
static int64_t
put_earlier(struct sql *db, int64_t principal, const char *id, int64_t since, int64_t until, int64_t revoked_at)
{
	struct cert_row c = { .account_id = principal, .principal = principal, .order_id = 7, .profile = "p", .upstream = "u", .issuer = "CN=ca",
		.not_before = since, .not_after = until };
	struct ident name = dns("a.test");
	struct problem pr = { 0 };
	bool moved;

	snprintf(c.serial, sizeof(c.serial), "0%s", id);
	snprintf(c.certid, sizeof(c.certid), "AAAA.%s", id);
	snprintf(c.sha256, sizeof(c.sha256), "sha-%s", id);
	snprintf(c.key_hash, sizeof(c.key_hash), "key-%s", id);
	idents_add(&c.idents, &name);
	must(cert_insert(db, &c, SPAN("CHAIN"), &pr));
	if (revoked_at)
		must(cert_revoke(db, c.id, revoked_at, -1, &moved, &pr));
	if (revoked_at == NOW + OWN_WISH)
		must(cert_set_revoked_by_holder(db, c.id, &pr));
	cert_row_done(&c);
	return c.id;
}

/* An open one that the certificate is in. */
static void
put_incident(struct sql *db, int64_t cert_id)
{
	struct incident in = { .state = INCIDENT_RUNNING, .ca = "u", .opened_at = NOW, .finish_by = NOW + DAY };
	struct problem pr = { 0 };
	bool added;

	must(incident_insert(db, &in, &pr));
	must(member_add(db, in.id, &(struct member){ .cert_id = cert_id, .not_after = NOW + DAY }, &added, &pr));
}

static const struct {
	const char *name;
	const char *profile;
	int64_t since, until, revoked_at; /* of the certificate before, from NOW on; until 0 = there is none */
	bool is_others;
	enum sched_class want;
	int64_t deadline, urgent_at;      /* likewise; urgent_at 0 = never */
	bool in_incident;
} cases[] = {
	{ "nothing before it: new", "p", 0, 0, 0, false, SCHED_NEW, 3 * DAY, 0 },
	{ "in a profile that is bulk: last", "b", 0, 0, 0, false, SCHED_BULK, 7 * DAY, 0 },
	{ "a certificate with half its life: a renewal", "p", -45 * DAY, 45 * DAY, 0, false, SCHED_RENEWAL, 45 * DAY, 45 * DAY - 90 * DAY / 4 },
	{ "bulk, too", "b", -45 * DAY, 45 * DAY, 0, false, SCHED_RENEWAL, 45 * DAY, 45 * DAY - 90 * DAY / 4 },
	{ "a quarter of its life left: it runs out", "p", -75 * DAY, 15 * DAY, 0, false, SCHED_EXPIRING, 15 * DAY, 0 },
	{ "a short life and two days left: it runs out", "p", -2 * DAY, 2 * DAY, 0, false, SCHED_EXPIRING, 2 * DAY, 0 },
	{ "a short life and a little more: not yet", "p", -2 * DAY, 2 * DAY + 60, 0, false, SCHED_RENEWAL, 2 * DAY + 60, 60 },
	{ "it has run out", "p", -90 * DAY, -DAY, 0, false, SCHED_EXPIRING, -DAY, 0 },
	{ "long ago: new", "p", -190 * DAY, -100 * DAY, 0, false, SCHED_NEW, 3 * DAY, 0 },
	{ "it is revoked: before all", "p", -DAY, 89 * DAY, -60, false, SCHED_INCIDENT, 89 * DAY, 0 },
	{ "it is in an incident: before all, too", "p", -DAY, 89 * DAY, 0, false, SCHED_INCIDENT, 89 * DAY, 0, true },
	{ "the device has revoked it: a renewal", "p", -DAY, 89 * DAY, OWN_WISH, false, SCHED_RENEWAL, 89 * DAY, 89 * DAY - 90 * DAY / 4 },
	{ "another's certificate for the name is none of its own", "p", -DAY, 89 * DAY, -60, true, SCHED_NEW, 3 * DAY, 0 },
};

struct run {
	size_t i;
};

static bool
rank_case(struct sql *db, void *arg, struct problem *pr)
{
	const struct run *r = arg;
	int64_t account = put_account(db, "t1"), other = put_account(db, "t2");
	struct order o = get_order(db, put_order(db, account, ORDER_PROCESSING, NOW + 1000, "a.test"));
	struct queue_row q = { 0 };
	int64_t cert = 0;

	snprintf(o.profile, sizeof(o.profile), "%s", cases[r->i].profile);
	if (cases[r->i].until)
		cert = put_earlier(db, cases[r->i].is_others ? other : account, "c1", NOW + cases[r->i].since, NOW + cases[r->i].until,
			cases[r->i].revoked_at ? NOW + cases[r->i].revoked_at : 0);
	if (cases[r->i].in_incident)
		put_incident(db, cert);
	if (!work_rank(db, conf, &o, NOW, &q, pr))
		return false;
	ok(q.class == (int64_t)cases[r->i].want && q.since == NOW && q.deadline == NOW + cases[r->i].deadline &&
		q.urgent_at == (cases[r->i].urgent_at ? NOW + cases[r->i].urgent_at : 0), "%s (%s, deadline in %lld s)", cases[r->i].name,
		sched_class_name((enum sched_class)q.class), (long long)(q.deadline - NOW));
	order_done(&o);
	return true;
}

static bool
begin_case(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "t1"), since, now = clock_unix_s();
	struct order first = get_order(db, put_order(db, account, ORDER_PROCESSING, now + 1000, "a.test"));
	struct order second = get_order(db, put_order(db, account, ORDER_PROCESSING, now + 1000, "b.test"));
	struct queue_place place = { .principal = account, .since = now - 500, .until = now + 1000, .upstream = "u" };
	struct queue_row q, p;
	struct job_view job;
	bool found;

	(void)arg;
	idents_key(&second.idents, place.idents_key);
	if (!place_keep(db, &place, pr) || !work_begin(db, conf, &first, "u", pr) || !work_begin(db, conf, &second, "u", pr) ||
		!queue_get(db, first.id, &q, &found, pr) || !queue_get(db, second.id, &p, &found, pr))
		return false;
	ok(q.state == QUEUE_NEW && q.since >= now && strcmp(q.upstream, "u") == 0, "an order goes into the queue");
	ok(p.since == now - 500 && p.deadline < q.deadline - 400, "with a place that was kept for it it goes before one that came first");
	ok(place_find(db, account, "u", place.idents_key, now, &since, pr) && since == 0, "the place is taken");
	ok(job_find(db, JOB_ISSUE, first.id, &job, &found, pr) && found && job.node[0] == '\0' && job.row.due_ms == JOB_DUE_NEVER,
		"its job is nobody's, until it is let through");
	order_done(&first);
	order_done(&second);
	return true;
}

/* ---- before the CSR (U1) ---- */

static int64_t
due(struct sql *db, int64_t id)
{
	struct problem pr = { 0 };
	struct job_view job;
	bool found;

	must(job_find(db, JOB_ISSUE, id, &job, &found, &pr));
	return found ? job.row.due_ms : 0;
}

static bool
early_case(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "t1"), now = clock_unix_s();
	struct order like = { .account_id = account, .state = ORDER_READY, .expires = now + 1000, .profile = "r", .upstream = "u" }, o;
	struct ident name = dns("a.test");
	struct upstream_order row;
	bool began, found, moved;

	(void)arg;
	idents_add(&like.idents, &name);
	need(order_insert(db, &like, pr));
	ok(work_begin_early(db, conf, like.id, &began, pr) && began && due(db, like.id) == JOB_DUE_NEVER, "an order that is ready goes into the queue");
	ok(work_begin_early(db, conf, like.id, &began, pr) && !began, "once");
	ok(work_finalized(db, conf, &like, "u", pr) && due(db, like.id) == JOB_DUE_NEVER, "its CSR does not let it through");
	need(upstream_order_ordered(db, like.id, "https://ca.test/o/1", "https://ca.test/f/1", now, pr) && queue_park(db, like.id, pr));
	ok(work_finalized(db, conf, &like, "u", pr) && due(db, like.id) <= clock_unix_ms(), "but makes one go on that waits for it");
	need(job_delete_of(db, JOB_ISSUE, like.id, pr) && upstream_order_delete(db, like.id, pr));
	ok(work_finalized(db, conf, &like, "u", pr) && upstream_order_get(db, like.id, &row, &found, pr) && found, "given up meanwhile it begins at finalize");
	ok(work_unwanted(db, like.id, pr) && due(db, like.id) <= clock_unix_ms(), "what is not needed ends");
	need(job_delete_of(db, JOB_ISSUE, like.id, pr) && upstream_order_delete(db, like.id, pr));
	need(work_begin_early(db, conf, like.id, &began, pr));
	ok(order_step(db, like.id, ORDER_READY, ORDER_EV_AUTHZ_DEAD, "{}", "n", &moved, pr) && moved && due(db, like.id) <= clock_unix_ms(), "so does what was begun for an order that dies");
	ok(work_begin_early(db, conf, like.id, &began, pr) && !began, "which begins nothing any more");
	order_done(&like);
	o = get_order(db, put_order(db, account, ORDER_READY, now + 1000, "b.test"));
	ok(work_begin_early(db, conf, o.id, &began, pr) && !began && due(db, o.id) == 0, "nothing begins before its CSR in a profile that does not say so");
	order_done(&o);
	return true;
}

int
main(void)
{
	struct conf_errors errors = CONF_ERRORS;

	conf = gate_conf_load_text("t", span_str(conf_text), &errors);
	if (!ok(conf, "a configuration: %s", buf_cstr(&errors.text)) || !both_start())
		return done_testing();
	for (size_t s = 0; s < COUNT_OF(both); s++) {
		struct store *store;

		printf("# %s\n", both[s].name);
		for (struct run r = { 0 }; r.i < COUNT_OF(cases); r.i++) {
			store = world_open(&both[s]);
			world_case(store, rank_case, &r);
			store_close(store);
		}
		store = world_open(&both[s]);
		world_case(store, begin_case, NULL);
		store_close(store);
		store = world_open(&both[s]);
		world_case(store, early_case, NULL);
		store_close(store);
	}
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	both_stop();
	return done_testing();
}
