/* upstreams.c - GET /upstreams, GET /upstreams/NAME, GET /upstreams/NAME/stake, GET /upstreams/NAME/persist-records: the CAs, our
 * account at each, and what hangs on it. */
#include <stdlib.h>

#include "admin/call.h"
#include "ledger/ledger.h"
#include "store/lookup.h"
#include "store/upstream_life.h"

bool
upstream_find(struct call *c, bool acme, struct upstream **ret, const struct upstream_conf **ret_conf)
{
	char name[UPSTREAM_TEXT];

	if (!call_text(c->ref, name, sizeof(name), &c->pr))
		return false;
	*ret = upstreams_get(c->admin->ups, name);
	*ret_conf = conf_upstream(c->conf, name);
	if (!*ret || !*ret_conf)
		return call_not_found(&c->pr, "upstream", c->ref);
	if (acme && (*ret)->driver != DRIVER_ACME)
		return problem_set(&c->pr, PROBLEM_CONFLICT, "upstream \"%s\" is the gateway's own CA: it has no account", name);
	return true;
}

/* ---- one entry ---- */

struct entry {
	struct call *c;
	struct upstream *u;
	const struct upstream_conf *conf;
	struct upstream_row row;
	struct upstream_stake stake;
	struct ledger_view orders; /* what the account may still order; rate.count 0 = not known */
	struct lookup_state lookups;
	struct lookup_queue due;   /* of look-ups of renewal information */
	int64_t urged;
	struct ca_directory *dir;  /* NULL = none yet */
};

static void
entry_done(struct entry *e)
{
	upstream_row_done(&e->row);
	ca_directory_unref(e->dir);
}

static const char *
account_status(const struct entry *e)
{
	const struct upstream_life *life = &e->row.life;

	if (ca_fault(e->u->ca))
		return "fault";
	if (life->state != ACCOUNT_VALID)
		return account_state_name(life->state);
	if (!e->row.account_url[0])
		return "none";
	if (life->wanted & WANT_DEACTIVATE)
		return "deactivating";
	return life->next_key.n ? "changing-key" : "valid";
}

static void
write_account(struct jw *w, const struct entry *e)
{
	const struct upstream_life *life = &e->row.life;
	struct problem pr = { 0 };
	struct jwk *jwk = NULL;

	jw_object(w, "account");
	jw_str(w, "state", account_status(e));
	write_text(w, "url", e->row.account_url);
	if (e->row.public_key && jwk_parse_text(span_str(e->row.public_key), &jwk, &pr)) {
		jw_str(w, "key_type", key_type_name(key_type_of(jwk->key)));
		jw_str(w, "thumbprint", jwk->thumbprint);
		jwk_free(jwk);
	}
	write_time(w, "key_since", life->key_at);
	write_time(w, "key_change_since", life->next_at);
	write_text(w, "contact", life->has_contact ? life->contact : "");
	write_text(w, "contact_configured", e->conf->contact);
	write_time(w, "checked", life->checked_at);
	write_text(w, "trouble", life->trouble);
	write_time(w, "trouble_since", life->trouble_at);
	jw_end(w);
}

static void
write_terms(struct jw *w, const struct entry *e)
{
	const struct upstream_life *life = &e->row.life;
	const char *now = e->dir ? e->dir->d.terms_of_service : NULL;

	jw_object(w, "terms");
	write_text(w, "url", now);
	write_text(w, "agreed", life->terms);
	jw_bool(w, "accept_terms", e->conf->accept_terms);
	jw_bool(w, "wanted", (life->wanted & WANT_TERMS) != 0);
	jw_bool(w, "changed", now && life->terms && strcmp(now, life->terms) != 0);
	jw_end(w);
}

static void
write_eab(struct jw *w, const struct entry *e)
{
	const struct upstream_life *life = &e->row.life;
	bool by_operator = life->eab_kid[0] != '\0', by_conf = e->conf->eab_kid && e->conf->eab_kid[0];

	jw_object(w, "eab");
	if (e->dir)
		jw_bool(w, "required", e->dir->d.external_account_required);
	jw_str(w, "source", by_operator ? "operator" : by_conf ? "configuration" : "none");
	write_text(w, "kid", by_operator ? life->eab_kid : e->conf->eab_kid);
	write_time(w, "set", life->eab_at);
	write_time(w, "expires", life->eab_expires);
	if (life->eab_expires) {
		jw_bool(w, "expired", life->eab_expires <= clock_unix_s());
		jw_bool(w, "expires_soon", upstream_eab_ends(e->u, clock_unix_s()));
	}
	jw_end(w);
}

static void
write_directory(struct jw *w, const struct entry *e)
{
	const struct acme_directory *d = e->dir ? &e->dir->d : NULL;

	jw_object(w, "directory");
	jw_str(w, "url", e->conf->directory);
	write_time(w, "fetched", e->row.directory_at);
	if (d) {
		jw_bool(w, "key_change", d->url[ACME_KEY_CHANGE] != NULL);
		jw_bool(w, "renewal_info", d->url[ACME_RENEWAL_INFO] != NULL);
		jw_array(w, "profiles");
		for (size_t i = 0; i < d->profile_count; i++)
			jw_str(w, NULL, d->profiles[i].name);
		jw_end(w);
	}
	jw_end(w);
}

static void
write_link(struct jw *w, const struct entry *e)
{
	struct ca_stats s;

	ca_stats(e->u->ca, &s);
	write_text(w, "fault", ca_fault(e->u->ca));
	ca_health_write(w, e->u->ca);
	jw_object(w, "requests");
	jw_int(w, "sent", (int64_t)s.sent);
	jw_int(w, "good", (int64_t)s.good);
	jw_int(w, "problems", (int64_t)s.problems);
	jw_int(w, "unreachable", (int64_t)s.unreachable);
	jw_int(w, "lost", (int64_t)s.lost);
	jw_int(w, "bad_nonces", (int64_t)s.bad_nonces);
	jw_end(w);
	if (e->orders.rate.count) {
		jw_object(w, "orders_acct");
		jw_int(w, "left", e->orders.left);
		jw_int(w, "burst", e->orders.rate.burst);
		jw_int(w, "period_s", e->orders.rate.period_s);
		write_time(w, "next", e->orders.next_at);
		jw_end(w);
	}
}

/* When to renew: whether the CA is asked, and how that goes. As the store has it, so whichever gateway asks. */
static void
write_lookups(struct jw *w, const struct entry *e)
{
	const struct acme_directory *d = e->dir ? &e->dir->d : NULL;
	int64_t now = clock_unix_s();

	jw_object(w, "renewal_info");
	jw_bool(w, "asked", e->conf->renewal_info && d && d->url[ACME_RENEWAL_INFO]);
	jw_bool(w, "by_list", e->conf->renewal_info && d && d->url[ACME_RENEWAL_INFO] && d->url[ACME_RENEWAL_LIST]);
	jw_int(w, "rate", e->lookups.rate ? e->lookups.rate : e->conf->renewal_rate);
	jw_int(w, "due", e->due.due);
	write_time(w, "due_since", e->due.oldest_at > 1 ? e->due.oldest_at : 0);
	write_time(w, "paused_until", e->lookups.paused_until > now ? e->lookups.paused_until : 0);
	jw_int(w, "urged", e->urged);
	write_time(w, "alarmed", e->lookups.alarmed_at);
	jw_end(w);
}

/* Of several entries that the profile may take perhaps. */
bool
profile_takes(const struct gate_conf *conf, const struct profile_conf *p, const struct upstream_conf *u)
{
	for (size_t i = 0; i < conf_profile_ca_count(p); i++) {
		if (conf_profile_ca(conf, p, i) == u)
			return true;
	}
	return false;
}

static void
write_profiles(struct jw *w, const struct entry *e)
{
	const struct profile_conf *list = e->c->conf->profiles.list;

	jw_array(w, "profiles");
	for (size_t i = 0; i < e->c->conf->profiles.count; i++) {
		if (profile_takes(e->c->conf, &list[i], e->conf))
			jw_str(w, NULL, list[i].name);
	}
	jw_end(w);
}

static void
write_entry(struct jw *w, const struct entry *e)
{
	jw_object(w, NULL);
	jw_str(w, "id", e->conf->name);
	jw_str(w, "driver", e->u->driver == DRIVER_LOCAL ? "local" : "acme");
	write_text(w, "preset", e->conf->preset);
	jw_str(w, "kind", e->conf->kind == CA_KIND_PRIVATE ? "private" : "public");
	write_profiles(w, e);
	jw_int(w, "issued", (int64_t)atomic_load(&e->u->issued));
	if (e->u->driver == DRIVER_LOCAL) {
		write_text(w, "ca", e->conf->ca_name);
	} else {
		write_text(w, "ca", e->conf->ca);
		write_text(w, "proxy", e->conf->proxy);
		jw_int(w, "refused", (int64_t)atomic_load(&e->u->refused));
		jw_int(w, "orders", e->stake.orders);
		jw_int(w, "waiting", e->stake.waiting);
		write_account(w, e);
		write_terms(w, e);
		write_eab(w, e);
		write_directory(w, e);
		write_lookups(w, e);
		write_link(w, e);
	}
	jw_end(w);
}

static bool
read_limit(struct sql *db, struct entry *e, struct problem *pr)
{
	struct bucket b;

	return !e->row.account_url[0] || (bucket_find(db, e->row.account_url, QUOTA_ORDERS, "", &b, pr) &&
		ledger_view(db, e->conf, &b, clock_unix_ms() * 1000000, &e->orders, pr));
}

#define DUE_MOST 100000 /* more are not counted */

static bool
read_lookups(struct sql *db, struct entry *e, struct problem *pr)
{
	int64_t now = clock_unix_s();

	return lookup_state_get(db, e->u->id, &e->lookups, pr) && lookup_queue(db, e->u->id, now, DUE_MOST, &e->due, pr) &&
		lookup_urged(db, e->u->id, 1, now, &e->urged, pr);
}

static bool
read_entry(struct sql *db, struct call *c, struct upstream *u, struct entry *ret, struct problem *pr)
{
	struct entry e = { .c = c, .u = u, .conf = conf_upstream(c->conf, u->name) };
	bool found, good = upstream_row_by_id(db, u->id, &e.row, &found, pr);

	if (good && u->ca)
		e.dir = ca_directory_ref(u->ca);
	good = good && (!u->ca || (upstream_stake_count(db, u->name, e.row.account_url, &e.stake, pr) && read_limit(db, &e, pr) &&
		read_lookups(db, &e, pr)));
	if (!good)
		entry_done(&e);
	else
		*ret = e;
	return good;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	int64_t total = 0;

	call_restart(c);
	jw_object(&c->w, NULL);
	jw_array(&c->w, "items");
	for (size_t i = 0; i < upstreams_count(c->admin->ups); i++) {
		struct upstream *u = upstreams_at(c->admin->ups, i);
		struct entry e;

		if (!conf_upstream(c->conf, u->name))
			continue;
		if (!read_entry(db, c, u, &e, pr))
			return false;
		write_entry(&c->w, &e);
		entry_done(&e);
		total++;
	}
	jw_end(&c->w);
	jw_null(&c->w, "next");
	jw_int(&c->w, "total", total);
	jw_bool(&c->w, "total_is_exact", true);
	jw_end(&c->w);
	return true;
}

bool
call_upstream_list(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

struct one {
	struct call *c;
	struct upstream *u;
	struct entry entry;
};

static bool
one_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct one *o = arg;

	entry_done(&o->entry);
	o->entry = (struct entry){ 0 };
	return read_entry(db, o->c, o->u, &o->entry, pr);
}

bool
upstream_reply(struct call *c, struct upstream *u)
{
	struct one o = { .c = c, .u = u };
	bool good = store_read(c->admin->store, one_tx, &o, &c->pr);

	if (good) {
		call_restart(c);
		write_entry(&c->w, &o.entry);
	}
	entry_done(&o.entry);
	return good;
}

bool
call_upstream(struct call *c)
{
	const struct upstream_conf *conf;
	struct upstream *u;

	return upstream_find(c, false, &u, &conf) && upstream_reply(c, u);
}

/* ---- what another account would begin without ---- */

static void
lose(struct jw *w, const char *what, int64_t count, const char *text)
{
	if (count == 0)
		return;
	jw_object(w, NULL);
	jw_str(w, "what", what);
	jw_int(w, "count", count);
	jw_str(w, "text", text);
	jw_end(w);
}

static bool
has_records(const struct entry *e, const struct solver_conf *s)
{
	return s->kind == SOLVER_DNS_PERSIST01 && conf_solver_serves(s, e->conf->name);
}

static int64_t
count_persist(const struct entry *e)
{
	const struct solver_conf *list = e->c->conf->solvers.list;
	int64_t n = 0;

	for (size_t i = 0; i < e->c->conf->solvers.count; i++) {
		if (has_records(e, &list[i]))
			n += list[i].domains.count ? (int64_t)list[i].domains.count : 1;
	}
	return n;
}

static int64_t
count_overrides(const struct entry *e)
{
	const struct limit_conf *list = e->conf->overrides.list;
	enum quota_kind kind;
	int64_t n = 0;

	for (size_t i = 0; i < e->conf->overrides.count; i++)
		n += quota_kind_parse(span_str(list[i].limit), &kind) && quota_is_of_account(kind);
	return n;
}

static int64_t
count_profiles(const struct entry *e)
{
	const struct profile_conf *list = e->c->conf->profiles.list;
	int64_t n = 0;

	for (size_t i = 0; i < e->c->conf->profiles.count; i++)
		n += profile_takes(e->c->conf, &list[i], e->conf);
	return n;
}

static void
write_stake(struct jw *w, const struct entry *e)
{
	jw_object(w, NULL);
	jw_str(w, "id", e->conf->name);
	write_text(w, "account", e->row.account_url);
	jw_array(w, "lost");
	lose(w, "profiles", count_profiles(e), "profiles issue from this entry: their orders wait until they name another");
	lose(w, "orders", e->stake.orders, "orders are under way at the CA: what it has of them belongs to the account");
	lose(w, "certificates", e->stake.certs,
		"certificates are valid: only this account can renew them with the exemption that `replaces` gives from limits (RFC 9773), and have "
		"them revoked at the CA");
	lose(w, "revocations", e->stake.to_revoke, "revocations have not reached the CA yet, and would not any more");
	lose(w, "authorizations", e->stake.proven,
		"of them were issued within the last 30 days: names that the CA may know as proven are to be proven again");
	lose(w, "limits", e->stake.buckets, "limits of the account begin anew, what was learned of them included");
	lose(w, "overrides", count_overrides(e), "overrides of the configuration are for the account: the CA grants them to one account alone");
	lose(w, "persist-records", count_persist(e), "domains have records of dns-persist-01 with the account's URL, to be laid out anew");
	lose(w, "eab", e->dir && e->dir->d.external_account_required, "external account binding is demanded: a new account needs one that the CA has not seen used, "
		"if its bindings are good for one account");
	jw_end(w);
	jw_end(w);
}

bool
call_upstream_stake(struct call *c)
{
	const struct upstream_conf *conf;
	struct one o = { .c = c };
	bool good = upstream_find(c, true, &o.u, &conf) && store_read(c->admin->store, one_tx, &o, &c->pr);

	if (good) {
		call_restart(c);
		write_stake(&c->w, &o.entry);
	}
	entry_done(&o.entry);
	return good;
}

/* ---- records of dns-persist-01 that an operator lays out ---- */

static void
write_record(struct jw *w, const struct entry *e, const char *domain, bool wildcard)
{
	const struct acme_strings *issuers = &e->dir->d.caa_identities;

	for (size_t i = 0; i < issuers->count; i++) {
		AUTO_FREE char *owner = xasprintf("_validation-persist.%s", domain);
		AUTO_FREE char *value = xasprintf("%s; accounturi=%s%s", issuers->list[i], e->row.account_url, wildcard ? "; policy=wildcard" : "");

		jw_object(w, NULL);
		jw_str(w, "name", owner);
		jw_str(w, "value", value);
		jw_end(w);
	}
}

/* A record without it is for the name itself and nothing below. */
static bool
wants_wildcard(const struct entry *e)
{
	const struct profile_conf *list = e->c->conf->profiles.list;

	for (size_t i = 0; i < e->c->conf->profiles.count; i++) {
		if (list[i].wildcard && profile_takes(e->c->conf, &list[i], e->conf))
			return true;
	}
	return false;
}

/* What the records are made of must be known where a solver needs any. */
static bool
check_persist(const struct entry *e, size_t solvers, struct problem *pr)
{
	if (solvers && !e->row.account_url[0])
		return problem_set(pr, PROBLEM_CONFLICT, "the gateway has no account at \"%s\" yet, whose URL the records name", e->conf->name);
	if (solvers && (!e->dir || e->dir->d.caa_identities.count == 0))
		return problem_set(pr, PROBLEM_CONFLICT,
			"the directory of \"%s\" names no caaIdentities: the name that records begin with is in the CA's manual", e->conf->name);
	return true;
}

static bool
write_persist(struct call *c, const struct entry *e, const char *name)
{
	const struct solver_conf *list = c->conf->solvers.list;
	bool wildcard = wants_wildcard(e);
	size_t solvers = 0;

	for (size_t i = 0; i < c->conf->solvers.count; i++)
		solvers += has_records(e, &list[i]);
	if (!check_persist(e, solvers, &c->pr))
		return false;
	jw_object(&c->w, NULL);
	jw_str(&c->w, "id", e->conf->name);
	jw_array(&c->w, "records");
	for (size_t i = 0; i < c->conf->solvers.count; i++) {
		if (!has_records(e, &list[i]))
			continue;
		for (size_t j = 0; !name[0] && j < list[i].domains.count; j++)
			write_record(&c->w, e, list[i].domains.list[j], true);
		if (name[0] || list[i].domains.count == 0)
			write_record(&c->w, e, name[0] ? name : "NAME", wildcard);
	}
	jw_end(&c->w);
	jw_int(&c->w, "solvers", (int64_t)solvers);
	jw_end(&c->w);
	return true;
}

bool
call_upstream_persist(struct call *c)
{
	const struct upstream_conf *conf;
	char name[IDENT_VALUE] = "";
	struct one o = { .c = c };
	bool good;

	if (call_query(c, "name").p && !call_text(call_query(c, "name"), name, sizeof(name), &c->pr))
		return false;
	good = upstream_find(c, true, &o.u, &conf) && store_read(c->admin->store, one_tx, &o, &c->pr);
	if (good) {
		call_restart(c);
		good = write_persist(c, &o.entry, name);
	}
	entry_done(&o.entry);
	return good;
}
