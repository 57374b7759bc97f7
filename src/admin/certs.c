/* certs.c - GET /certs, GET /certs/NAME, POST /certs/NAME/revoke. NAME is a ref, a certID (RFC 9773 4.1) or a serial number in
 * hex. */
#include "admin/call.h"
#include "flow/revoke.h"
#include "renewal/plan.h"
#include "store/agenda.h"

static const char *
cert_status(const struct cert_row *cert)
{
	if (cert->revoked_at)
		return "revoked";
	return cert->not_after < clock_unix_s() ? "expired" : "valid";
}

static void
write_cert(struct jw *w, const struct cert_row *cert, const char *account_ref)
{
	jw_str(w, "status", cert_status(cert));
	write_text(w, "account", account_ref);
	jw_str(w, "tenant", cert->tenant);
	jw_str(w, "profile", cert->profile);
	jw_str(w, "upstream", cert->upstream);
	write_idents(w, &cert->idents);
	jw_str(w, "serial", cert->serial);
	jw_str(w, "issuer", cert->issuer);
	jw_str(w, "sha256", cert->sha256);
	write_text(w, "certid", cert->certid);
	jw_time(w, "not_before", cert->not_before);
	jw_time(w, "not_after", cert->not_after);
	jw_time(w, "created", cert->created_at);
	write_time(w, "fetched", cert->fetched_at);
	write_time(w, "revoked", cert->revoked_at);
	if (cert->revoked_at && cert->revoked_reason >= 0)
		jw_int(w, "revocation_reason", cert->revoked_reason);
	write_time(w, "revoked_upstream", cert->revoked_upstream_at);
}

static void
on_cert(const struct cert_row *cert, const char *account_ref, void *arg)
{
	struct list *l = arg;

	if (!list_item(l, cert->ref))
		return;
	write_cert(&l->c->w, cert, account_ref);
	jw_end(&l->c->w);
}

static bool
read_before(struct call *c, struct sql *db, int64_t *ret_id, struct problem *pr)
{
	struct span ref = call_query(c, "before");
	struct cert_row cert = { 0 };
	bool found;

	*ret_id = 0;
	if (!ref.p)
		return true;
	if (!cert_by_ref(db, ref, 0, &cert, &found, pr))
		return false;
	*ret_id = cert.id;
	cert_row_done(&cert);
	return found ? true : call_not_found(pr, "certificate", ref);
}

/* A page of those that run out; how many there are in all is for `acmegatectl status`. */
static bool
list_expiring(struct list *l, struct sql *db, int64_t account_id, struct problem *pr)
{
	struct call *c = l->c;
	struct span ref = call_query(c, "before");
	struct cert_expiring e = { .after = clock_unix_s(), .until = 0, .account_id = account_id };
	struct agenda_alarm n;
	struct cert_row last = { 0 };
	char text[32];
	bool found = true;
	int64_t now = e.after;

	if (!call_text(call_query(c, "expiring"), text, sizeof(text), pr))
		return false;
	if (!conf_time_parse(span_str(text), &e.until) || e.until < 1 || e.until > 36500LL * 86400)
		return problem_set(pr, PROBLEM_MALFORMED, "expiring is \"%s\", expected a time such as 14d", QUOTE(span_str(text)));
	e.until += now;
	if (ref.p && !cert_by_ref(db, ref, 0, &last, &found, pr))
		return false;
	if (!found)
		return call_not_found(pr, "certificate", ref);
	if (ref.p) {
		e.after = last.not_after;
		e.after_id = last.id;
	}
	cert_row_done(&last);
	if (!cert_list_expiring(db, &e, l->limit + 1, on_cert, l, pr) || !agenda_alarm(db, now, 0, e.until, &n, pr))
		return false;
	list_end(l, account_id ? l->seen : n.expiring);
	return true;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	int64_t account_id, before, total;
	struct list l;

	if (!list_begin(&l, c, pr) || !call_account_id(c, db, &account_id, pr))
		return false;
	if (call_query(c, "expiring").p)
		return list_expiring(&l, db, account_id, pr);
	if (!read_before(c, db, &before, pr) ||
		!cert_list(db, account_id, before, l.limit + 1, on_cert, &l, pr) ||
		!cert_list_count(db, account_id, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_certs(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

/* ---- one certificate ---- */

static bool
find_by_serial(struct sql *db, const char *serial, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	unsigned count;

	if (!cert_by_serial(db, serial, ret, &count, pr))
		return false;
	*ret_found = count == 1;
	return count < 2 ? true
			 : problem_set(pr, PROBLEM_MALFORMED,
				   "several certificates have the serial number %s: name yours by its id or certID", serial);
}

/* The certificate that the path names; false if there is none, too. A ref may look like a serial number: it comes first. */
static bool
find_named(struct call *c, struct sql *db, struct cert_row *ret, struct problem *pr)
{
	struct certid id;
	char serial[SERIAL_TEXT];
	bool found = false;

	if (memchr(c->ref.p, '.', c->ref.n)) {
		if (!certid_parse(c->ref, &id, pr) || !cert_by_certid(db, id.text, ret, &found, pr))
			return false;
	} else if (!cert_by_ref(db, c->ref, 0, ret, &found, pr)) {
		return false;
	} else if (!found && serial_parse(c->ref, serial) && !find_by_serial(db, serial, ret, &found, pr)) {
		return false;
	}
	return found ? true : call_not_found(pr, "certificate", c->ref);
}

/* When devices are told to renew it, and why then. */
static bool
write_renewal(struct call *c, struct sql *db, const struct cert_row *cert, struct problem *pr)
{
	AUTO_BUF words = BUF_MAX(PLAN_WORDS_MAX);
	const struct maintenance_conf *m;
	enum window_from from;
	struct window_facts f;
	struct plan_row row;
	struct window w;
	bool found;

	if (!plan_by_cert(db, cert->id, &row, &found, pr))
		return false;
	if (!found || cert->certid[0] == '\0')
		return true;
	if (!plan_maintenance(db, c->conf, &row, &m, pr))
		return false;
	f = plan_facts(&row.renewal);
	w = window_make(&f, &from);
	plan_words(&row.renewal, from, m, &words);
	jw_object(&c->w, "renewal");
	jw_time(&c->w, "start", w.start);
	jw_time(&c->w, "end", w.end);
	jw_str(&c->w, "from", window_from_name(from));
	jw_span(&c->w, "why", buf_span(&words));
	write_time(&c->w, "ca_start", f.ca.start);
	write_time(&c->w, "ca_end", f.ca.end);
	write_text(&c->w, "maintenance", m ? m->name : "");
	jw_end(&c->w);
	return true;
}

static bool
write_whole(struct call *c, struct sql *db, const struct cert_row *cert, struct problem *pr)
{
	AUTO_BUF chain = BUF_MAX(CHAIN_MAX_BYTES);
	struct account a = { 0 };
	struct order o = { 0 };
	bool found;

	if (!account_by_id(db, cert->account_id, &a, &found, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_str(&c->w, "id", cert->ref);
	write_cert(&c->w, cert, a.ref);
	account_done(&a);
	if (!order_by_id(db, cert->order_id, &o, &found, pr) || !cert_chain(db, cert->id, 0, &chain, &found, pr))
		return false;
	write_text(&c->w, "order", o.ref);
	order_done(&o);
	if (!write_renewal(c, db, cert, pr))
		return false;
	jw_span(&c->w, "chain", buf_span(&chain));
	jw_end(&c->w);
	return true;
}

static bool
cert_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct cert_row cert = { 0 };
	bool good;

	call_restart(c);
	if (!find_named(c, db, &cert, pr))
		return false;
	good = write_whole(c, db, &cert, pr);
	cert_row_done(&cert);
	return good;
}

bool
call_cert(struct call *c)
{
	return store_read(c->admin->store, cert_tx, c, &c->pr);
}

/* ---- revocation ---- */

struct revoke {
	struct call *c;
	int reason;
	int64_t cert_id, job_id;
};

static bool
revoke_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct revoke *r = arg;
	struct call *c = r->c;
	struct cert_row cert = { 0 };
	char asker[64];
	/* an operator's word suffices: else the device would go on with the key that is lost */
	const struct audit_entry who = call_operator(c);
	const struct revocation_rq rq = { .reason = r->reason, .deny_key = true, .who = &who, .asker = asker };
	bool good;

	snprintf(asker, sizeof(asker), "an operator, uid %lu", (unsigned long)c->http->peer_uid);
	if (!find_named(c, db, &cert, pr))
		return false;
	r->cert_id = cert.id;
	good = revoke_cert(db, c->admin->jobs, &cert, &rq, &r->job_id, pr);
	cert_row_done(&cert);
	return good;
}

bool
call_cert_revoke(struct call *c)
{
	struct revoke r = { .c = c, .reason = (int)json_opt_int(&c->body, "reason", 0, 10, -1) };

	if (!json_ok(&c->body) || (r.reason >= 0 && !revoke_reason_check(r.reason, &c->pr)))
		return false;
	if (!call_write(c, revoke_tx, &r))
		return false;
	jobs_run(c->admin->jobs, r.job_id, JOB_REVOKE, r.cert_id);
	return call_cert(c);
}
