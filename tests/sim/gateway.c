/* gateway.c - what the daemon does between a device and its CA, with the daemon's own ledger, scheduler, policy and circuit breaker;
 * see sim.h. In place of the jobs there are events. */
#include <stdio.h>

#include "base/rand.h"
#include "flow/rank.h"
#include "sim.h"

#define UPSTREAM "ca"
#define ACCOUNT_URL "https://acme.example/acct/1"
#define ORDER_LIFE_NS (7 * DAY_NS)   /* as the configuration has it */
#define LOST_NS (10 * NS)            /* an answer that is missed for so long is lost */
#define PROOF_NS (4 * NS)            /* least time from newOrder to the certificate */
#define PROOF_SPREAD_NS (8 * NS)
#define POLL_NS (300 * NS)           /* what was under way when the CA went is asked for within, when it is back */

/* ---- configuration ---- */

static void
write_rate(char *dst, size_t size, const char *limit, const struct rate *r)
{
	dst[0] = '\0';
	if (r->count)
		snprintf(dst, size, "{ limit = \"%s\"; count = %lld; burst = %lld; period = \"%llds\"; }", limit, (long long)r->count,
			(long long)r->burst, (long long)(r->period_ns / NS));
}

void
gateway_init(struct world *w)
{
	const struct scenario *sc = w->sc;
	struct conf_errors errors = CONF_ERRORS;
	struct problem pr = { 0 };
	char text[2048], orders[200], domain[200], hours[200] = "";

	write_rate(orders, sizeof(orders), "orders_acct", &sc->orders);
	write_rate(domain, sizeof(domain), "certs_domain", &sc->by_domain);
	if (sc->hours)
		snprintf(hours, sizeof(hours), "maintenance = ( { name = \"m\"; time_zone = \"Europe/Berlin\"; hours = [ \"%s\" ]; } );", sc->hours);
	snprintf(text, sizeof(text), "external_url = \"https://gate.example\"; default_profile = \"p\";"
		"profiles = ( { name = \"p\"; upstream = \"" UPSTREAM "\"; %s } ); %s"
		"upstreams = ( { name = \"" UPSTREAM "\"; driver = \"acme\"; directory = \"https://acme.example/directory\"; limits = \"letsencrypt\"; renewals_per_hour = %lld;"
		" limits_margin = %lld; limits_reserve = %lld; overrides = ( %s%s%s ); } );"
		"rules = ( { name = \"fleet\"; names = [ \"*.example\" ]; } );",
		sc->hours ? "maintenance = \"m\";" : "", hours, (long long)sc->per_hour, (long long)sc->margin, (long long)sc->reserve, orders, orders[0] && domain[0] ? ", " : "", domain);
	w->conf = gate_conf_load_text("sim", span_str(text), &errors);
	if (!w->conf)
		die("configuration: %s", buf_cstr(&errors.text));
	conf_errors_done(&errors);
	if (!ledger_open(w->conf, &w->ledger, &pr))
		die("ledger: %s", pr.cause);
	w->db = memstore_new();
	w->sched = sched_new(sc->width_max);
}

void
gateway_done(struct world *w)
{
	sched_free(w->sched);
	memstore_free(w->db);
	ledger_close(w->ledger);
	gate_conf_unref(w->conf);
}

/* ---- an order and the ledger ---- */

static int64_t
id_of(uint32_t who)
{
	return (int64_t)who + 1;
}

static uint32_t
who_of(int64_t id)
{
	return (uint32_t)(id - 1);
}

static int64_t
ends_ns(const struct world *w, const struct device *d)
{
	return d->issued_ns + scenario_life_ns(w->sc);
}

/* When it comes (rate-limits 7). */
static enum sched_class
class_of(const struct world *w, const struct device *d)
{
	struct rank_before before = { d->issued_ns / NS, ends_ns(w, d) / NS, d->revoked, false };
	int64_t urgent_at;

	return rank_class(d->issued_ns ? &before : NULL, false, w->now_ns / NS, &urgent_at);
}

static struct ledger_ask
ask_of(const struct world *w, uint32_t who, const struct order_names *on)
{
	const struct device *d = &w->devices[who];
	struct ledger_ask ask = { .conf = w->conf, .upstream = conf_upstream(w->conf, UPSTREAM), .account_url = ACCOUNT_URL,
		.order_id = id_of(who), .idents = &on->idents, .ordered = &on->idents, .urgent = class_of(w, d) <= SCHED_EXPIRING,
		.now_ns = w->now_ns };
	int64_t start_ns, end_ns;

	if (d->replaces && boulder_window(&w->ca, &on->names, w->now_ns, &start_ns, &end_ns)) {
		ask.replaces = true;
		/* whole seconds, as RFC 3339 writes them here: never more than the window */
		ask.window_start = (start_ns + NS - 1) / NS;
		ask.window_end = end_ns / NS;
	}
	return ask;
}

static void
need(bool good, const struct problem *pr)
{
	if (!good)
		die("ledger: %s", pr->cause);
}

/* ---- the queue ---- */

void
gateway_asked(struct world *w, uint32_t who)
{
	const struct device *d = &w->devices[who];
	struct sched_item item = { .id = id_of(who), .class = class_of(w, d), .unit = (uint64_t)d->unit + 1, .weight = w->sc->weights[d->unit],
		.deadline_ns = class_of(w, d) < SCHED_NEW ? ends_ns(w, d) : w->now_ns + ORDER_LIFE_NS, .since_ns = w->now_ns };
	struct policy_verdict verdicts[NAMES_MAX];
	struct order_names on;
	struct ledger_ask ask;
	enum quota_class class;
	struct problem pr = { 0 };

	device_names(w, who, &on);
	if (!policy_names(w->conf->policy, "p", on.ident_list, on.idents.count, verdicts))
		die("policy: %s", verdicts[0].say);
	ask = ask_of(w, who, &on);
	need(ledger_class(w->db, &ask, &class, &pr), &pr);
	item.key_count = ledger_keys(w->ledger, &ask, class, item.keys, SCHED_KEYS_MAX);
	if (!sched_add(w->sched, &item, w->now_ns))
		die("device %u is in the queue already", who);
	gateway_look(w);
}

static struct sched_answer
may_go(int64_t id, void *arg)
{
	struct world *w = arg;
	struct order_names on;
	struct ledger_ask ask;
	struct ledger_answer a;
	struct problem pr = { 0 };
	bool is_probe;
	msec_t wait_ms;

	if (!circuit_enter(&w->circuit, w->now_ns / 1000000, &is_probe, &wait_ms))
		return (struct sched_answer){ .verdict = SCHED_STOP, .until_ns = w->now_ns + wait_ms * 1000000 };
	device_names(w, who_of(id), &on);
	ask = ask_of(w, who_of(id), &on);
	w->tally.asked++;
	need(ledger_admit(w->ledger, w->db, &ask, &a, &pr), &pr);
	w->devices[who_of(id)].admitted_ns = w->now_ns;
	if (a.admitted)
		return (struct sched_answer){ .verdict = SCHED_ADMITTED };
	if (is_probe)
		circuit_give_up(&w->circuit);
	return (struct sched_answer){ SCHED_BLOCKED, ledger_key(w->ledger, &a.blocked, ask.urgent), w->now_ns + a.wait_ns, a.each_ns };
}

/* newOrder goes out, or cannot. */
static void
send_order(struct world *w, uint32_t who)
{
	struct problem pr = { 0 };

	if (!w->outage_end_ns) {
		event_at(w, w->now_ns + 2 * WAY_NS, EVENT_ORDERED, who);
		return;
	}
	circuit_failed(&w->circuit, w->now_ns / 1000000);
	need(ledger_released(w->db, &(struct ledger_ask){ .order_id = id_of(who) }, &pr), &pr);
	sched_back(w->sched, id_of(who), SCHED_OVERLOAD, 0, w->now_ns);
}

void
gateway_look(struct world *w)
{
	int64_t look_ns, id;

	while ((id = sched_next(w->sched, w->now_ns, may_go, w, &look_ns)) != 0)
		send_order(w, who_of(id));
	if (look_ns == SCHED_NEVER || (w->look_ns > w->now_ns && w->look_ns <= look_ns))
		return;
	w->look_ns = look_ns;
	event_at(w, look_ns, EVENT_LOOK, 0);
}

/* ---- what the CA says ---- */

/* Would one who saw nothing but our own orders, and what came back by the time that it was sent, have known? */
static void
count_refusal(struct world *w, const struct order_names *on, bool replaces, const struct refusal *no, int64_t at_ns)
{
	if (!w->sc->strangers_per_week || boulder_wait(&w->ours, ACCOUNT, &on->names, replaces, at_ns) > 0) {
		w->tally.foreseen++;
		return;
	}
	w->tally.unforeseen++;
	w->told[w->told_count % TOLD_MAX] = *no;
	event_at(w, w->now_ns + 2 * WAY_NS, EVENT_TOLD, w->told_count++);
}

void
gateway_told(struct world *w, uint32_t nth)
{
	boulder_told(&w->ours, &w->told[nth % TOLD_MAX], w->now_ns - 2 * WAY_NS);
}

static void
refused(struct world *w, uint32_t who, const struct order_names *on, const struct refusal *no)
{
	struct ledger_ask ask = ask_of(w, who, on);
	int64_t until_ns = w->now_ns + (no->retry_s + 1) * NS;
	struct ledger_refusal r;
	struct problem pr = { 0 };

	count_refusal(w, on, ask.replaces, no, w->now_ns - WAY_NS);
	need(ledger_refused(w->ledger, w->db, &ask, span_str(no->detail), no->retry_s, &r, &pr), &pr);
	for (int urgent = 0; urgent < 2; urgent++)
		sched_close(w->sched, ledger_key(w->ledger, &r.bucket, urgent), until_ns, 0, w->now_ns);
	sched_back(w->sched, id_of(who), SCHED_FAILURE, until_ns, w->now_ns);
}

void
gateway_ordered(struct world *w, uint32_t who)
{
	int64_t at_ns = w->now_ns - WAY_NS, proof_ns = PROOF_NS + dice(w, PROOF_SPREAD_NS);
	bool fails = dice_permille(w, w->sc->fail_permille);
	struct order_names on;
	struct ledger_ask ask;
	struct refusal no;
	struct problem pr = { 0 };

	device_names(w, who, &on);
	ask = ask_of(w, who, &on);
	if (!boulder_new_order(&w->ca, ACCOUNT, &on.names, ask.replaces, at_ns, &no)) {
		circuit_succeeded(&w->circuit);
		refused(w, who, &on, &no);
		gateway_look(w);
		return;
	}
	if (w->sc->strangers_per_week)
		boulder_new_order(&w->ours, ACCOUNT, &on.names, ask.replaces, at_ns, &no);
	w->tally.orders_spent += !w->devices[who].issued_ns;
	if (w->outage_end_ns || dice_permille(w, w->sc->lost_permille)) {
		/* the CA has counted it, and we shall have to count another one */
		w->devices[who].hampered = true;
		circuit_failed(&w->circuit, w->now_ns / 1000000);
		sched_back(w->sched, id_of(who), SCHED_FAILURE, w->now_ns + LOST_NS, w->now_ns);
		gateway_look(w);
		return;
	}
	circuit_succeeded(&w->circuit);
	need(ledger_ordered(w->db, &ask, &pr), &pr);
	event_at(w, w->now_ns + proof_ns, fails ? EVENT_FAILED : EVENT_ISSUED, who);
}

/* Nothing is heard while the CA is away. */
static bool
is_put_off(struct world *w, enum event_kind kind, uint32_t who)
{
	if (!w->outage_end_ns)
		return false;
	event_at(w, w->outage_end_ns + dice(w, POLL_NS), kind, who);
	return true;
}

void
gateway_issued(struct world *w, uint32_t who)
{
	int64_t at_ns = w->now_ns - WAY_NS, life_ns = scenario_life_ns(w->sc);
	struct order_names on;
	struct ledger_ask ask;
	struct problem pr = { 0 };

	if (is_put_off(w, EVENT_ISSUED, who))
		return;
	device_names(w, who, &on);
	ask = ask_of(w, who, &on);
	for (size_t i = 0; i < on.names.count; i++)
		boulder_authz_valid(&w->ca, ACCOUNT, on.list[i]);
	boulder_issue(&w->ca, &on.names, life_ns, at_ns);
	if (w->sc->strangers_per_week)
		boulder_issue(&w->ours, &on.names, life_ns, at_ns);
	need(ledger_issued(w->db, &ask, &pr), &pr);
	memstore_issued(w->db, &on.idents, w->now_ns / NS);
	sched_done(w->sched, id_of(who), SCHED_SUCCESS, w->now_ns);
	device_has_it(w, who);
	gateway_look(w);
}

void
gateway_failed(struct world *w, uint32_t who)
{
	static const int64_t pauses_ns[] = { 60 * NS, 600 * NS, 6000 * NS };
	struct device *d = &w->devices[who];
	struct order_names on;
	struct ledger_ask ask;
	struct idents one;
	struct problem pr = { 0 };

	if (is_put_off(w, EVENT_FAILED, who))
		return;
	device_names(w, who, &on);
	ask = ask_of(w, who, &on);
	one = (struct idents){ on.ident_list, 1 };
	d->hampered = true;
	boulder_authz_failed(&w->ca, ACCOUNT, on.list[0], w->now_ns - WAY_NS);
	need(ledger_failed(w->db, &ask, &one, &pr) && ledger_released(w->db, &ask, &pr), &pr);
	if (d->fails < COUNT_OF(pauses_ns))
		sched_back(w->sched, id_of(who), SCHED_FAILURE, w->now_ns + pauses_ns[d->fails++], w->now_ns);
	else {
		sched_done(w->sched, id_of(who), SCHED_FAILURE, w->now_ns);
		device_has_failed(w, who);
	}
	gateway_look(w);
}
