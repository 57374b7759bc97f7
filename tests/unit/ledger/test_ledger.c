/* The ledger on both stores: what is admitted, held, spent, given back and learned. */
#include <stdlib.h>

#include "../store/world.h"
#include "base/clock.h"
#include "ledger/ledger.h"
#include "store/queue.h"

#define DAY 86400
#define ACCOUNT "https://ca.example/acct/1"

static struct gate_conf *conf;
static struct ledger *ledger;
static int64_t account;
static int64_t now_ns = NOW * NS_PER_S;

/* Entry "u" is Let's Encrypt with small numbers; "v" is another account there; "w" is a CA of which nothing is known. */
static const char conf_text[] =
	"external_url = \"https://acme.corp.example\";"
	"default_profile = \"p\";"
	"profiles = ( { name = \"p\"; upstream = \"u\"; } );"
	"upstreams = ("
	" { name = \"u\"; driver = \"acme\"; directory = \"https://ca.example/dir\"; ca = \"le\"; limits = \"letsencrypt\"; overrides = ("
	"  { limit = \"certs_domain\"; count = 5; period = \"50s\"; },"
	"  { limit = \"certs_domain_acct\"; name = \"agreed.example\"; count = 100; period = \"1h\"; },"
	"  { limit = \"orders_acct\"; count = 20; period = \"200s\"; } ); },"
	" { name = \"v\"; driver = \"acme\"; directory = \"https://ca.example/dir\"; ca = \"le\"; limits = \"letsencrypt\"; overrides = ("
	"  { limit = \"certs_domain\"; count = 5; period = \"50s\"; } ); },"
	" { name = \"w\"; driver = \"acme\"; directory = \"https://other.example/dir\"; } );"
	"rules = ( { name = \"all\"; names = [ \"*\" ]; } );";

static struct ledger_ask
ask_at(struct sql *db, const char *upstream, const char *names, struct order *order)
{
	struct problem pr = { 0 };
	int64_t id = put_order(db, account, ORDER_PROCESSING, NOW + 1000, names);

	must(upstream_order_insert(db, id, upstream, &pr));
	*order = get_order(db, id);
	return (struct ledger_ask){ .conf = conf, .upstream = conf_upstream(conf, upstream), .account_url = ACCOUNT, .order_id = id,
		.idents = &order->idents, .ordered = &order->idents, .now_ns = now_ns };
}

/* An order for these names asks; it waits or is under way, as it is told. */
static struct ledger_answer
admit(struct sql *db, struct ledger_ask *ask)
{
	struct ledger_answer a = { 0 };
	struct problem pr = { 0 };

	must(ledger_admit(ledger, db, ask, &a, &pr));
	if (a.admitted)
		must(upstream_order_intend(db, ask->order_id, ask->now_ns / NS_PER_S, &pr));
	else
		must(queue_enter(db, &(struct queue_row){ .order_id = ask->order_id, .since = ask->now_ns / NS_PER_S }, &pr) &&
			queue_tell(db, ask->order_id, a.blocked.id, a.until, 0, ask->urgent, &pr));
	return a;
}

static void
end(struct sql *db, const struct ledger_ask *ask)
{
	struct problem pr = { 0 };

	must(upstream_order_delete(db, ask->order_id, &pr));
}

static struct ledger_view
view(struct sql *db, const char *upstream, const char *scope, enum quota_kind kind, const char *name)
{
	struct ledger_view v = { 0 };
	struct problem pr = { 0 };
	struct bucket b;

	must(bucket_find(db, scope, kind, name, &b, &pr));
	must(ledger_view(db, conf_upstream(conf, upstream), &b, now_ns, &v, &pr));
	return v;
}

/* ---- cases, a transaction each on a store of its own ---- */

static bool
domain_is_held(struct sql *db, void *arg, struct problem *pr)
{
	struct order orders[7];
	struct ledger_ask asks[7];
	struct ledger_answer a;
	char name[32];

	(void)arg;
	/* of five one is kept for what cannot wait */
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "h%d.corp.example", i);
		asks[i] = ask_at(db, "u", name, &orders[i]);
		a = admit(db, &asks[i]);
		ok(a.admitted && a.class == QUOTA_NEW, "order %d of a domain is admitted", i);
	}
	asks[4] = ask_at(db, "u", "h4.corp.example", &orders[4]);
	a = admit(db, &asks[4]);
	ok(!a.admitted && a.blocked.kind == QUOTA_DOMAIN && strcmp(a.blocked.name, "corp.example") == 0, "the fifth waits for its domain");
	ok(a.wait_ns == 10 * NS_PER_S && a.until == NOW + 10 && a.each_ns == 10 * NS_PER_S, "for one token: ten seconds");
	asks[5] = ask_at(db, "u", "h5.corp.example,h5.other.example", &orders[5]);
	need(ledger_forecast(ledger, db, &asks[5], NOW, &a, pr));
	ok(!a.admitted && a.until == NOW + 20 && a.ahead == 1 && strcmp(a.blocked.name, "corp.example") == 0, "the sixth is foretold to go behind it");
	need(place_keep(db, &(struct queue_place){ .principal = 1, .since = NOW - 5, .until = NOW + DAY, .bucket = a.blocked.id, .upstream = "u", .idents_key = "k" }, pr));
	need(ledger_forecast(ledger, db, &asks[5], NOW, &a, pr));
	ok(a.until == NOW + 30 && a.ahead == 2, "and behind whom a place is kept for");
	need(ledger_forecast(ledger, db, &asks[5], NOW - 5, &a, pr));
	is_int(a.until, NOW + 20, "unless its own is older");
	is_int(admit(db, &asks[5]).until, NOW + 10, "asked first it would be first: whose turn it is the queue says");
	is_int(admit(db, &asks[4]).until, NOW + 10, "who asks again keeps its place");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "other.example").held, 0, "a batch that was denied holds nothing");
	asks[6] = ask_at(db, "u", "h6.corp.example", &orders[6]);
	asks[6].urgent = true;
	ok(admit(db, &asks[6]).admitted, "what cannot wait has what is kept for it");

	need(ledger_issued(db, &asks[0], pr));
	end(db, &asks[0]);
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").used, 1, "issued: spent");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").held, 4, "and held no more");
	need(ledger_released(db, &asks[1], pr));
	end(db, &asks[1]);
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").held, 3, "given back: neither");
	for (int i = 2; i < 7; i++)
		end(db, &asks[i]);
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").held, 0, "an order that is gone holds nothing");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").waiting, 0, "nor does it wait");
	for (int i = 0; i < 7; i++)
		order_done(&orders[i]);
	return true;
}

static bool
order_is_spent(struct sql *db, void *arg, struct problem *pr)
{
	struct order order;
	struct ledger_ask ask = ask_at(db, "u", "a.corp.example", &order);

	(void)arg;
	ok(admit(db, &ask).admitted, "an order");
	ok(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").held == 1 && view(db, "u", ACCOUNT, QUOTA_ORDERS, "").used == 0, "holds its own token");
	ok(admit(db, &ask).admitted, "asked again after a crash between: the CA may have it");
	ok(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").held == 1 && view(db, "u", ACCOUNT, QUOTA_ORDERS, "").used == 1,
		"so the first is spent, another held");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").held, 1, "and of its domain still one");
	need(ledger_ordered(db, &ask, pr));
	ok(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").held == 0 && view(db, "u", ACCOUNT, QUOTA_ORDERS, "").used == 2, "answered: spent");
	need(ledger_ordered(db, &ask, pr));
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").used, 2, "once");
	ok(admit(db, &ask).admitted, "another one");
	need(ledger_released(db, &ask, pr));
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").used, 2, "which the CA refuses is given back");
	order_done(&order);
	return true;
}

static bool
exact_sets(struct sql *db, void *arg, struct problem *pr)
{
	struct order order, other;
	struct ledger_ask ask = ask_at(db, "u", "a.test", &order);
	struct cert_row c = cert_like(order.id, account, "1", "a.test", NOW + 1000);
	struct ledger_answer a;
	int64_t real_ns = now_ns;

	(void)arg;
	/* a certificate is stored at the clock's time */
	now_ns = clock_unix_s() * NS_PER_S;
	need(cert_insert(db, &c, SPAN("PEM"), pr));
	cert_row_done(&c);
	ask.now_ns = now_ns + 119LL * DAY * NS_PER_S;
	a = admit(db, &ask);
	ok(a.admitted && a.class == QUOTA_EXACT, "the same set within 120 days is an exact renewal");
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").held, 0, "which costs no order");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "a.test").held, 0, "and nothing of its domain");
	ask.now_ns = now_ns + 121LL * DAY * NS_PER_S;
	is_int(admit(db, &ask).class, QUOTA_NEW, "after 120 days it is new");
	end(db, &ask);
	ask = ask_at(db, "v", "a.test", &other);
	is_int(admit(db, &ask).class, QUOTA_EXACT, "at the same CA by another account, too");
	order_done(&other);
	ask = ask_at(db, "w", "a.test", &other);
	is_int(admit(db, &ask).class, QUOTA_NEW, "at another CA it is new");
	order_done(&other);
	ask = ask_at(db, "u", "a.test,b.test", &other);
	is_int(admit(db, &ask).class, QUOTA_NEW, "and with another name");
	ask.replaces = true;
	ask.window_start = 1;
	ask.window_end = now_ns / NS_PER_S + DAY;
	is_int(admit(db, &ask).class, QUOTA_ARI, "unless it replaces one within the window");
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").held, 0, "which costs no order");
	order_done(&other);
	order_done(&order);
	now_ns = real_ns;
	return true;
}

static bool
accounts_and_cas(struct sql *db, void *arg, struct problem *pr)
{
	struct order orders[3];
	struct ledger_ask a = ask_at(db, "u", "a.corp.example", &orders[0]), b = ask_at(db, "v", "b.corp.example", &orders[1]),
		c = ask_at(db, "u", "x.agreed.example", &orders[2]);

	(void)arg;
	b.account_url = "https://ca.example/acct/2";
	ok(admit(db, &a).admitted && admit(db, &b).admitted, "orders by two accounts of a CA");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").held, 2, "share what the CA counts by domain");
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").held, 1, "and not their orders");
	ok(admit(db, &c).admitted, "an order for a domain of which the account has a limit of its own");
	is_int(view(db, "u", ACCOUNT, QUOTA_DOMAIN_ACCT, "agreed.example").held, 1, "is counted there");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "agreed.example").held, 1, "and to the common one, which does not decide");
	need(ledger_issued(db, &c, pr));
	is_int(view(db, "u", ACCOUNT, QUOTA_DOMAIN_ACCT, "agreed.example").used, 1, "issued: spent there");
	is_str(view(db, "u", ACCOUNT, QUOTA_DOMAIN_ACCT, "agreed.example").source, "override", "by what was agreed");
	is_str(view(db, "u", "le", QUOTA_SET, "x").source, "table", "and a limit of the table is the table's");
	for (int i = 0; i < 3; i++)
		order_done(&orders[i]);
	return true;
}

static bool
failures(struct sql *db, void *arg, struct problem *pr)
{
	struct order order, wild;
	struct ledger_ask ask = ask_at(db, "u", "a.corp.example", &order);
	struct ledger_answer a;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		ok(admit(db, &ask).admitted, "try %d of a name that fails", i + 1);
		need(ledger_ordered(db, &ask, pr));
		need(ledger_released(db, &ask, pr));
		need(ledger_failed(db, &ask, &order.idents, pr));
	}
	a = admit(db, &ask);
	ok(!a.admitted && a.blocked.kind == QUOTA_FAIL && a.until == NOW + 720, "after three it waits: two are left to a person");
	is_int(view(db, "u", ACCOUNT, QUOTA_FAIL_PAUSE, "a.corp.example").used, 3, "failures in a row are counted");
	need(ledger_issued(db, &ask, pr));
	is_int(view(db, "u", ACCOUNT, QUOTA_FAIL_PAUSE, "a.corp.example").used, 0, "until it succeeds");
	is_int(view(db, "u", ACCOUNT, QUOTA_FAIL, "a.corp.example").used, 3, "failures of the hour are not forgotten");
	ask = ask_at(db, "u", "*.a.corp.example", &wild);
	ok(admit(db, &ask).admitted, "a wildcard is another name");
	order_done(&order);
	order_done(&wild);
	return true;
}

#define TOO_MANY(n, what) "too many certificates (" n ") already issued for " what " in the last 50s, retry after x"

static bool
refusals(struct sql *db, void *arg, struct problem *pr)
{
	struct order order, next;
	struct ledger_ask ask = ask_at(db, "u", "a.b.corp.example", &order), other = ask_at(db, "v", "z.corp.example", &next);
	struct ledger_refusal r;
	struct ledger_answer a;

	(void)arg;
	ok(admit(db, &ask).admitted, "we think that it is allowed");
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("5", "\"corp.example\"")), 9, &r, pr));
	ok(r.foreign && r.kind == QUOTA_DOMAIN && !r.learned, "the CA does not, by the same number: somebody else spends");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").held, 0, "nothing is held");
	a = admit(db, &ask);
	ok(!a.admitted && a.until == NOW + 19, "it waits as long as the CA said, and for the one that is kept");
	ask.urgent = true;
	is_int(admit(db, &ask).until, NOW + 9, "of what cannot wait: just as long");
	ask.urgent = false;
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("5", "\"corp.example\"")), 3, &r, pr));
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").frozen_until, NOW + 9, "a shorter wait shortens nothing");
	ok(!admit(db, &other).admitted, "another account waits for the same domain");

	/* the CA's list of suffixes is another one */
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("5", "\"b.corp.example\"")), 40, &r, pr));
	is_str(r.bucket.name, "b.corp.example", "the CA counts by another domain");
	ok(r.bucket.adopted, "which is adopted");
	now_ns += 20 * NS_PER_S;
	ask.now_ns = other.now_ns = now_ns;
	is_str(admit(db, &ask).blocked.name, "b.corp.example", "and asked from then on");
	ok(admit(db, &other).admitted, "names outside of it are not of it");
	now_ns -= 20 * NS_PER_S;

	/* a larger number: an override that we did not know of */
	ask.now_ns = now_ns;
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("500", "\"b.corp.example\"")), 1, &r, pr));
	ok(r.learned && !r.foreign && r.burst == 500, "another number than ours is learned, and no sign of strangers");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "b.corp.example").rate.count, 500, "it counts");
	is_str(view(db, "u", "le", QUOTA_DOMAIN, "b.corp.example").source, "learned", "and says where it is from");

	/* somebody else's domain, or none */
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("5", "\"evil.example\"")), 30, &r, pr));
	is_str(r.bucket.name, "b.corp.example", "a domain that is none of ours: the order's own");
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("5", "this exact set of identifiers")), 30, &r, pr));
	is_int(r.kind, QUOTA_SET, "the set");
	need(ledger_refused(ledger, db, &ask, SPAN("no"), 60, &r, pr));
	ok(r.kind == QUOTA_ORDERS && !r.foreign, "words that say nothing: the account");
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").frozen_until, NOW + 60, "waits");
	need(ledger_refused(ledger, db, &ask, SPAN("Your account is temporarily prevented from requesting certificates for x"), 3600, &r, pr));
	ok(r.is_paused && r.kind == QUOTA_FAIL_PAUSE && !r.foreign, "a pause is one of the order's names");
	need(ledger_refused(ledger, db, &ask, SPAN("no"), INT64_MAX, &r, pr));
	is_int(view(db, "u", ACCOUNT, QUOTA_ORDERS, "").frozen_until, NOW + 7 * DAY, "no wait is longer than seven days");
	order_done(&order);
	order_done(&next);
	return true;
}

static bool
unknown_ca(struct sql *db, void *arg, struct problem *pr)
{
	struct order order, next;
	struct ledger_ask ask = ask_at(db, "w", "a.corp.example", &order), other = ask_at(db, "w", "a.elsewhere.example", &next);
	struct ledger_refusal r;
	bool all = true;

	(void)arg;
	for (int i = 0; i < 50; i++)
		all = all && admit(db, &ask).admitted;
	ok(all, "of a CA of which nothing is known all is admitted");
	is_int(view(db, "w", ACCOUNT, QUOTA_ORDERS, "").held, 0, "and nothing held");
	need(ledger_refused(ledger, db, &ask, SPAN("slow down"), 60, &r, pr));
	is_int(admit(db, &ask).until, NOW + 60, "until it says no");
	is_int(admit(db, &other).until, NOW + 60, "to everybody");
	now_ns += 60 * NS_PER_S;
	ask.now_ns = other.now_ns = now_ns;
	ok(admit(db, &ask).admitted, "and then all again");
	need(ledger_refused(ledger, db, &ask, span_str(TOO_MANY("5", "\"corp.example\"")), 9, &r, pr));
	ok(r.learned && !r.foreign, "a number that it tells is learned");
	ok(!admit(db, &ask).admitted, "for this domain");
	ok(admit(db, &other).admitted, "for others, too");
	is_int(view(db, "w", "other.example", QUOTA_DOMAIN, "elsewhere.example").held, 1, "which are counted from now on");
	now_ns -= 60 * NS_PER_S;
	order_done(&order);
	order_done(&next);
	return true;
}

static bool
clocks(struct sql *db, void *arg, struct problem *pr)
{
	struct order order;
	struct ledger_ask ask = ask_at(db, "u", "a.corp.example", &order);
	struct bucket b = { .kind = QUOTA_DOMAIN, .scope = "le", .name = "corp.example" };

	(void)arg;
	b.tat_ns = now_ns + 100LL * 365 * DAY * NS_PER_S;
	b.frozen_ns = b.tat_ns;
	need(bucket_save(db, &b, pr));
	ok(admit(db, &ask).until == NOW + 7 * DAY, "a clock that was a hundred years ahead freezes for no more than seven days");
	b.frozen_ns = 0;
	need(bucket_save(db, &b, pr));
	is_int(admit(db, &ask).until, NOW + 20, "and makes a bucket no emptier than empty");
	order_done(&order);
	return true;
}

static bool
never_right(struct sql *db, void *arg, struct problem *pr)
{
	struct order order;
	struct ledger_ask ask = ask_at(db, "u", "a.corp.example", &order);
	struct ledger_answer a;
	bool good;

	(void)arg;
	need(sql_exec(db, "insert into quota_bucket (scope, kind, name, tat, frozen, learned_burst, learned_period, learned_instead, adopted,"
		" changed_at) values ('le', 1, 'corp.example', -5, 0, 0, 0, 0, 0, 0)", pr));
	good = ledger_admit(ledger, db, &ask, &a, pr);
	ok(!good && pr->kind == PROBLEM_SERVER_INTERNAL, "a bucket that cannot be right is no yes");
	*pr = (struct problem){ 0 };
	order_done(&order);
	return true;
}

static bool
sweeping(struct sql *db, void *arg, struct problem *pr)
{
	struct order order;
	struct ledger_ask ask = ask_at(db, "u", "a.corp.example", &order);
	int64_t count;

	(void)arg;
	ok(admit(db, &ask).admitted, "an order");
	need(bucket_sweep(db, now_ns, 100, &count, pr));
	is_int(count, 0, "a bucket in which something is held stays");
	need(ledger_issued(db, &ask, pr));
	end(db, &ask);
	need(bucket_sweep(db, now_ns, 100, &count, pr));
	is_int(count, 0, "one that is not full, too");
	need(bucket_sweep(db, now_ns + 8LL * DAY * NS_PER_S, 100, &count, pr));
	is_int(count, 3, "those that are full again are forgotten");
	order_done(&order);
	return true;
}

static bool
same_sets(struct sql *db, void *arg, struct problem *pr)
{
	struct order a, b;
	struct ledger_ask one = ask_at(db, "u", "a.test,b.test", &a), two = ask_at(db, "u", "b.test,a.test", &b);
	char key[IDENTS_KEY_TEXT];
	bool same;

	(void)arg;
	idents_key(two.idents, key);
	need(upstream_order_same_set(db, two.order_id, "u", key, &same, pr));
	ok(!same, "an order for the same set that the CA does not know of is in nobody's way");
	ok(admit(db, &one).admitted, "it goes out");
	need(upstream_order_same_set(db, two.order_id, "u", key, &same, pr));
	ok(same, "now it is");
	need(upstream_order_same_set(db, two.order_id, "v", key, &same, pr));
	ok(!same, "for the same account alone");
	need(upstream_order_intend(db, two.order_id, NOW, pr));
	need(upstream_order_same_set(db, two.order_id, "u", key, &same, pr));
	ok(same, "of two that may both have gone out the newer waits");
	need(upstream_order_same_set(db, one.order_id, "u", key, &same, pr));
	ok(!same, "and the older does not: they would wait for each other");
	end(db, &one);
	need(upstream_order_same_set(db, two.order_id, "u", key, &same, pr));
	ok(!same, "until it has ended");
	order_done(&a);
	order_done(&b);
	return true;
}

static bool
waiting(struct sql *db, void *arg, struct problem *pr)
{
	struct order orders[8];
	struct ledger_ask asks[8];
	char name[32];

	(void)arg;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "h%d.corp.example", i);
		asks[i] = ask_at(db, "u", name, &orders[i]);
		ok(admit(db, &asks[i]).admitted == (i < 4), "order %d", i);
	}
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").waiting, 4, "four wait");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").next_at, NOW + 50, "one more would wait behind them");
	is_int(view(db, "u", "le", QUOTA_DOMAIN, "corp.example").left, 0, "nothing is left");
	for (int i = 0; i < 4; i++) {
		need(ledger_issued(db, &asks[i], pr));
		end(db, &asks[i]);
	}
	now_ns += 10 * NS_PER_S;
	for (int i = 7; i >= 4; i--) {
		asks[i].now_ns = now_ns;
		ok(admit(db, &asks[i]).admitted == (i == 7), "a token comes back: order %d has it that is asked about first (%d)", 7, i);
	}
	now_ns -= 10 * NS_PER_S;
	for (int i = 0; i < 8; i++)
		order_done(&orders[i]);
	return true;
}

#define MANY 1200

/* Another newOrder soon after need not count them again. */
static bool
crowds(struct sql *db, void *arg, struct problem *pr)
{
	struct order first, orders[5];
	struct ledger_ask asks[5], ask;
	struct ledger_answer a, again;
	int64_t took = 0;

	(void)arg;
	for (int i = 0; i < 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "h%d.corp.example", i);
		asks[i] = ask_at(db, "u", name, &orders[i]);
		a = admit(db, &asks[i]);
	}
	for (int i = 1; i < MANY; i++) {
		int64_t id = put_order(db, account, ORDER_PROCESSING, NOW + 1000, "h.corp.example");

		need(upstream_order_insert(db, id, "u", pr) && queue_enter(db, &(struct queue_row){ .order_id = id, .since = NOW }, pr) &&
			queue_tell(db, id, a.blocked.id, 0, 0, false, pr));
	}
	ask = ask_at(db, "u", "new.corp.example", &first);
	ask.order_id = 0;
	/* a machine that is slow for long enough to have forgotten tries again */
	do {
		int64_t since = clock_ms();

		need(ledger_forecast(ledger, db, &ask, NOW, &a, pr));
		need(upstream_order_delete(db, asks[4].order_id, pr));
		need(ledger_forecast(ledger, db, &ask, NOW, &again, pr));
		took = clock_ms() - since;
		need(upstream_order_insert(db, asks[4].order_id, "u", pr) && queue_enter(db, &(struct queue_row){ .order_id = asks[4].order_id, .since = NOW }, pr) &&
			queue_tell(db, asks[4].order_id, a.blocked.id, 0, 0, false, pr));
	} while (took >= 1500);
	is_int(a.ahead, MANY, "all that wait are counted");
	is_int(again.ahead, MANY, "and where they are many, the number is told again for a moment");
	ask.order_id = asks[0].order_id;
	need(upstream_order_delete(db, asks[4].order_id, pr) && ledger_forecast(ledger, db, &ask, NOW, &again, pr));
	ok(again.ahead == 0, "of an order that is there those before it are counted each time");
	for (int i = 0; i < 5; i++)
		order_done(&orders[i]);
	order_done(&first);
	return true;
}

static bool
put_world(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	(void)pr;
	account = put_account(db, "t1");
	return true;
}

int
main(void)
{
	static const struct { const char *name; sql_fn fn; } cases[] = {
		{ "domain", domain_is_held }, { "orders", order_is_spent }, { "exact sets", exact_sets }, { "accounts", accounts_and_cas },
		{ "failures", failures }, { "refusals", refusals }, { "unknown CA", unknown_ca }, { "clocks", clocks },
		{ "never right", never_right }, { "sweeping", sweeping }, { "same sets", same_sets }, { "waiting", waiting },
		{ "crowds", crowds },
	};
	struct conf_errors errors = CONF_ERRORS;
	struct problem pr = { 0 };

	conf = gate_conf_load_text("t", span_str(conf_text), &errors);
	if (!ok(conf, "a configuration: %s", buf_cstr(&errors.text)) || !both_start())
		return done_testing();
	must(ledger_open(conf, &ledger, &pr));
	for (size_t s = 0; s < COUNT_OF(both); s++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			struct store *store = world_open(&both[s]);

			printf("# %s, %s\n", both[s].name, cases[i].name);
			world_case(store, put_world, NULL);
			world_case(store, cases[i].fn, NULL);
			store_close(store);
		}
	}
	ledger_close(ledger);
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	both_stop();
	return done_testing();
}
