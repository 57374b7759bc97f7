/* upstream_test.c - POST /upstreams/NAME/test: would this CA issue? Its directory is fetched, our account read, solvers are tried; no
 * order is made, nothing is spent but a few requests. A step a line, with what to do about it.
 *
 *   start (worker) -> directory -> account -> the rest -> solvers, one after the other -> call_end
 *
 * A signed update of a zone is tried by the removal of a record that is not there: it needs all that a real one needs, and changes
 * nothing. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/call.h"
#include "base/b64url.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "store/quota.h"
#include "store/upstream_life.h"

#define NAMES_MAX 16        /* that solvers are tried with */
#define DOMAINS_MAX 5       /* of one solver */
#define DIGEST_OCTETS 32

struct trial {
	const struct solver_conf *solver;
	const char *name; /* NULL: none is known */
};

struct test {
	struct call *c;
	struct upstream *u;
	const struct upstream_conf *conf;
	struct ca_account *account;
	struct upstream_row row;
	struct ca_call call;
	struct ca_directory *dir;
	int64_t waiting;
	struct ledger_view orders; /* of the account; rate.count 0 = not known */
	bool good;
	struct trial trials[NAMES_MAX];
	size_t trial_count, trial_at;
	struct ident name;     /* of the query's name=; value "" = none */
	struct proof proof;
	char *issuers[PERSIST_ISSUERS_MAX];
};

static void
test_free(struct test *t)
{
	ca_call_done(&t->call);
	ca_directory_unref(t->dir);
	ca_account_unref(t->account);
	upstream_row_done(&t->row);
	free(t);
}

__attribute__((format(printf, 4, 5))) static void
step(struct test *t, const char *name, bool good, const char *fmt, ...)
{
	struct jw *w = &t->c->w;
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	t->good = t->good && good;
	jw_object(w, NULL);
	jw_str(w, "step", name);
	jw_bool(w, "good", good);
	jw_str(w, "text", text);
	jw_end(w);
}

static void
finish(struct test *t)
{
	struct call *c = t->c;

	jw_end(&c->w);
	jw_bool(&c->w, "good", t->good);
	jw_end(&c->w);
	log_notice("upstream_tested", LS("upstream", t->u->name), LI("good", t->good), LI("uid", c->http->peer_uid));
	test_free(t);
	call_end(c);
}

/* ---- solvers ---- */

static void next_trial(struct test *t);

static const char *
words(const struct proof *p)
{
	return p->problem.detail;
}

static void
trial_done(struct test *t, bool good, const char *text)
{
	char name[128];

	snprintf(name, sizeof(name), "solver %.64s", t->trials[t->trial_at].solver->name);
	step(t, name, good, "%s", text);
	t->trial_at++;
	next_trial(t);
}

static void
on_last(struct proof *p)
{
	struct test *t = p->arg;
	AUTO_FREE char *text = NULL;

	if (p->result != PROOF_GOOD)
		text = xasprintf("%s: %s", p->record.owner[0] ? p->record.owner : p->ident.value, words(p));
	else if (p->told[0])
		text = xstrdup(p->told);
	else
		text = xasprintf("the server of %s takes signed updates of %s", p->record.zone, p->record.owner);
	trial_done(t, p->result == PROOF_GOOD, text);
}

static void
look_for_record(struct test *t)
{
	struct proof *p = &t->proof;

	p->issuers.list = t->issuers;
	for (size_t i = 0; t->dir && i < t->dir->d.caa_identities.count && p->issuers.count < PERSIST_ISSUERS_MAX; i++)
		t->issuers[p->issuers.count++] = t->dir->d.caa_identities.list[i];
	if (!t->account || !p->issuers.count) {
		trial_done(t, false, "it cannot be looked for: there is no account yet, or the CA's directory names no caaIdentities");
		return;
	}
	p->done = on_last;
	proof_place(t->c->admin->solve, p);
}

static void
on_located(struct proof *p)
{
	struct test *t = p->arg;
	const struct solver_conf *s = t->trials[t->trial_at].solver, *chosen = conf_solver(t->c->conf, p->record.solver);
	unsigned char random[DIGEST_OCTETS];
	AUTO_BUF value = BUF_MAX(DNS_TEXT - 1);
	AUTO_FREE char *text = NULL;

	if (p->result != PROOF_GOOD) {
		on_last(p);
	} else if (chosen != s) {
		text = xasprintf("%s is another solver's: %s", p->record.owner, p->record.solver);
		trial_done(t, true, text);
	} else if (s->kind == SOLVER_DNS_PERSIST01) {
		look_for_record(t);
	} else if (s->kind == SOLVER_EXEC) {
		text = xasprintf("%s %s; it was not run", s->program, access(s->program, X_OK) == 0 ? "may be run" : "may not be run by the daemon");
		trial_done(t, access(s->program, X_OK) == 0, text);
	} else if (s->kind == SOLVER_ACME_DNS) {
		p->done = on_last;
		proof_ask(t->c->admin->solve, p);
	} else {
		rand_bytes(random, sizeof(random));
		b64url_add(&value, random, sizeof(random));
		span_copy(buf_span(&value), p->record.value, sizeof(p->record.value));
		p->done = on_last;
		proof_remove(t->c->admin->solve, p);
	}
}

static void
try_listener(struct test *t, const struct solver_conf *s)
{
	const struct gate_conf *conf = t->c->conf;

	if (s->kind == SOLVER_NONE)
		trial_done(t, true, "the CA has validated its names, by your word");
	else if (s->kind == SOLVER_HTTP01 && conf->http01_listen.count == 0)
		trial_done(t, false, "http01_listen is not set: nobody would answer the CA");
	else if (s->kind == SOLVER_TLS_ALPN01 && conf->tls_alpn01_listen.count == 0)
		trial_done(t, false, "tls_alpn01_listen is not set: nobody would answer the CA");
	else
		trial_done(t, true, s->kind == SOLVER_HTTP01 ? "http01_listen is there to answer; whether the CA gets as far as that was not tried" :
			"tls_alpn01_listen is there to answer; whether the CA gets as far as that was not tried");
}

static void
next_trial(struct test *t)
{
	const struct trial *now = &t->trials[t->trial_at];
	struct problem pr = { 0 };
	struct ident name;
	bool is_wild;

	if (t->trial_at == t->trial_count) {
		finish(t);
		return;
	}
	if (!conf_solver_is_of_dns(now->solver)) {
		try_listener(t, now->solver);
		return;
	}
	if (!now->name || !t->c->admin->solve) {
		trial_done(t, true, "it has no domains to be tried with: --name NAME names one");
		return;
	}
	is_wild = strncmp(now->name, "*.", 2) == 0;
	if (!ident_parse(SPAN("dns"), span_str(now->name + (is_wild ? 2 : 0)), &name, &pr)) {
		trial_done(t, false, pr.detail);
		return;
	}
	t->proof = (struct proof){ .ident = name, .wildcard = is_wild, .upstream = t->u->name, .conf = t->c->conf, .account_url = t->account ? t->account->kid : "",
		.done = on_located, .arg = t };
	t->proof.offered[now->solver->kind == SOLVER_DNS_PERSIST01 ? CHALLENGE_DNS_PERSIST_01 : CHALLENGE_DNS_01] = true;
	proof_locate(t->c->admin->solve, &t->proof);
}

static void
add_trial(struct test *t, const struct solver_conf *s, const char *name)
{
	if (t->trial_count < NAMES_MAX)
		t->trials[t->trial_count++] = (struct trial){ s, name };
}

static void
choose_trials(struct test *t)
{
	static const struct solver_conf builtin = { .name = (char *)"http-01", .kind = SOLVER_HTTP01 };
	const struct solver_conf *list = t->c->conf->solvers.list;

	if (t->c->conf->solvers.count == 0)
		add_trial(t, &builtin, NULL);
	for (size_t i = 0; i < t->c->conf->solvers.count; i++) {
		const struct solver_conf *s = &list[i];

		if (!conf_solver_serves(s, t->u->name))
			continue;
		for (size_t j = 0; !t->name.value[0] && conf_solver_is_of_dns(s) && j < s->domains.count && j < DOMAINS_MAX; j++)
			add_trial(t, s, s->domains.list[j]);
		if (t->name.value[0] || !conf_solver_is_of_dns(s) || s->domains.count == 0)
			add_trial(t, s, t->name.value[0] ? t->name.value : s->zone);
	}
}

/* ---- what the directory and the store say ---- */

static void
step_terms(struct test *t)
{
	const char *now = t->dir->d.terms_of_service, *agreed = t->row.life.terms;

	if (!now)
		step(t, "terms", true, "the CA has none");
	else if (!t->conf->accept_terms)
		step(t, "terms", false, "read %s, then set accept_terms of the entry", now);
	else if (t->row.life.wanted & WANT_TERMS)
		step(t, "terms", false, "the CA wants %s agreed to on its own pages", now);
	else
		step(t, "terms", true, "%s%s", now, agreed && strcmp(agreed, now) != 0 ? ", which are new; accept_terms agrees to them" : "");
}

static void
step_eab(struct test *t)
{
	const struct upstream_life *life = &t->row.life;
	bool has = life->eab_kid[0] || (t->conf->eab_kid && t->conf->eab_kid[0]);

	if (life->eab_expires && life->eab_expires <= clock_unix_s())
		step(t, "eab", t->account != NULL, "the binding %s%s", "has expired: upstream set-eab gives another one",
			t->account ? "; the account that was made with it goes on" : "");
	else if (t->dir->d.external_account_required && !has)
		step(t, "eab", t->account != NULL, "the CA demands a binding for a new account: upstream set-eab gives one");
	else
		step(t, "eab", true, "%s", has ? "there is one" : "none is demanded");
}

static void
step_profiles(struct test *t)
{
	const struct profile_conf *list = t->c->conf->profiles.list;

	for (size_t i = 0; i < t->c->conf->profiles.count; i++) {
		struct ca_facts facts;

		if (!profile_takes(t->c->conf, &list[i], t->conf))
			continue;
		conf_ca_facts(t->conf, &list[i], &facts);
		if (facts.profile && acme_directory_has_profile(&t->dir->d, facts.profile))
			step(t, "profiles", true, "the CA offers \"%s\", which profile %s asks for", facts.profile, list[i].name);
		else if (facts.profile)
			step(t, "profiles", false, "the CA does not offer \"%s\": profile %s gets what it issues by default", facts.profile, list[i].name);
	}
}

static void
step_rest(struct test *t)
{
	step_terms(t);
	step_eab(t);
	step_profiles(t);
	step(t, "renewalInfo", true, "%s", t->dir->d.url[ACME_RENEWAL_INFO] ? "offered" : "not offered: renewals have no exemption from limits");
	step(t, "keyChange", true, "%s", t->dir->d.url[ACME_KEY_CHANGE] ? "offered" : "not offered: upstream rotate-key is not possible");
	if (!ledger_is_well(upstreams_ledger(t->c->admin->ups)))
		step(t, "limits", false, "the ledger of limits cannot be read: nothing is ordered");
	else if (t->waiting)
		step(t, "limits", false, "%lld orders wait for one: see limits --blocked", (long long)t->waiting);
	else if (t->orders.rate.count)
		step(t, "limits", t->orders.left > 0, "no order waits; %lld of %lld orders of the account are left%s", (long long)t->orders.left,
			(long long)t->orders.rate.burst, t->orders.left > 0 ? "" : " to those that can wait");
	else
		step(t, "limits", true, "no order waits, and none is known for orders of the account");
}

static void
go_on(struct test *t)
{
	if (t->dir)
		step_rest(t);
	choose_trials(t);
	next_trial(t);
}

/* ---- the CA ---- */

/* Worker */
static void
on_account(struct ca_call *call, void *arg)
{
	struct test *t = arg;
	struct acme_account a = { 0 };
	struct problem pr = { 0 };

	if (call->result != CA_OK) {
		step(t, "account", false, "%s: %s", t->account->kid, call->problem.problem.detail);
	} else if (!acme_account_read(ca_call_body(call), &a, &pr)) {
		step(t, "account", false, "%s: the CA's answer cannot be read", t->account->kid);
	} else {
		step(t, "account", a.state == ACCOUNT_VALID, "%s is %s", t->account->kid, account_state_name(a.state));
		acme_account_done(&a);
	}
	go_on(t);
}

static void
ask_account(struct test *t)
{
	enum account_state state = ACCOUNT_VALID;

	t->account = upstream_account_registered(t->u, &state);
	if (!t->account) {
		if (state != ACCOUNT_VALID)
			step(t, "account", false, "it is %s: upstream register makes another one", account_state_name(state));
		else
			step(t, "account", false, "there is none yet%s%s", t->row.life.trouble[0] ? ": " : "", t->row.life.trouble);
		go_on(t);
		return;
	}
	t->call = (struct ca_call){ .target = CA_URL, .url = t->account->kid, .payload = SPAN(""), .signer = ca_account_signer(t->account),
		.done = on_account, .arg = t };
	ca_post(t->u->ca, &t->call);
}

/* Worker */
static void
on_directory(struct ca_call *call, void *arg)
{
	struct test *t = arg;
	const struct problem *why = &call->problem.problem;

	t->dir = call->result == CA_OK ? ca_directory_ref(t->u->ca) : NULL;
	if (t->dir)
		step(t, "directory", true, "%s%s%s", t->conf->directory, t->conf->proxy ? ", through " : "", t->conf->proxy ? t->conf->proxy : "");
	else
		step(t, "directory", false, "%s%s%s: %s%s%s", t->conf->directory, t->conf->proxy ? ", through " : "",
			t->conf->proxy ? t->conf->proxy : "", why->detail, why->cause[0] ? ": " : "", why->cause);
	ca_call_done(call);
	t->call = (struct ca_call){ 0 };
	if (t->dir)
		ask_account(t);
	else
		go_on(t);
}

static void
on_waiting(const char *name, enum quota_kind kind, int64_t count, void *arg)
{
	struct test *t = arg;

	(void)kind;
	if (strcmp(name, t->u->name) == 0)
		t->waiting += count;
}

static bool
read_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct test *t = arg;
	struct bucket b;
	bool found;

	t->waiting = 0;
	upstream_row_done(&t->row);
	if (!upstream_row_by_id(db, t->u->id, &t->row, &found, pr) || !waiting_counts(db, on_waiting, t, pr))
		return false;
	return !t->row.account_url[0] || (bucket_find(db, t->row.account_url, QUOTA_ORDERS, "", &b, pr) &&
		ledger_view(db, t->conf, &b, clock_unix_ms() * 1000000, &t->orders, pr));
}

static void
write_head(struct test *t)
{
	struct jw *w = &t->c->w;

	call_restart(t->c);
	jw_object(w, NULL);
	jw_str(w, "id", t->u->name);
	jw_array(w, "steps");
}

/* A local CA has its key, or the daemon would not run. */
static bool
test_local(struct test *t)
{
	write_head(t);
	step(t, "local", true, "the gateway's own CA, %s, signs by itself", t->conf->ca_name);
	finish(t);
	return true;
}

static bool
start(struct test *t)
{
	if (t->u->driver == DRIVER_LOCAL)
		return test_local(t);
	if (!store_read(t->c->admin->store, read_tx, t, &t->c->pr))
		return false;
	write_head(t);
	if (ca_fault(t->u->ca)) {
		step(t, "entry", false, "%s", ca_fault(t->u->ca));
		finish(t);
		return true;
	}
	t->call = (struct ca_call){ .target = CA_DIRECTORY, .done = on_directory, .arg = t };
	ca_post(t->u->ca, &t->call);
	return true;
}

bool
call_upstream_test(struct call *c)
{
	struct test *t = xcalloc(1, sizeof(*t));
	struct span name = json_opt_str(&c->body, "name", IDENT_VALUE);

	t->c = c;
	t->good = true;
	if (json_ok(&c->body) && (!name.p || ident_parse(SPAN("dns"), name, &t->name, &c->pr)) && upstream_find(c, false, &t->u, &t->conf) &&
		start(t))
		return true;
	test_free(t);
	return false;
}
