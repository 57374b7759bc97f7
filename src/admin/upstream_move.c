/* upstream_move.c - POST /upstreams/NAME/rotate-key, eab, deactivate, register: what an operator wants done about our account at a CA.
 * It is on record when the reply goes out; the job of the account does it, and GET /upstreams/NAME says what came of it. */
#include <stdlib.h>

#include "admin/call.h"
#include "base/log.h"
#include "base/secret.h"
#include "keeper/vault.h"
#include "store/upstream_life.h"

#define KEY_MAX_BYTES (64 * 1024)
#define SECRET_TEXT_MAX 4096
#define MAC_KEY_MIN 16
#define MAC_KEY_MAX 1024
#define EXPIRES_MAX_S (100LL * 366 * 86400)

struct move {
	struct call *c;
	struct upstream *u;
	const struct upstream_conf *conf;
	struct buf sealed, jwk; /* of a new account key */
	const char *kid;        /* of a binding */
	int alg;
	int64_t expires;
	bool has_eab, has_key, has_expires;
	bool has_job;           /* there is something to do now */
	int64_t job_id;
};

static bool
row_of(struct sql *db, const struct move *m, struct upstream_row *ret, struct problem *pr)
{
	bool found;

	if (!upstream_row_by_id(db, m->u->id, ret, &found, pr))
		return false;
	return found || problem_internal(pr, "no row of upstream %s", m->u->name);
}

static bool
is_valid(const struct upstream_row *row, struct problem *pr)
{
	if (row->life.state != ACCOUNT_VALID)
		return problem_set(pr, PROBLEM_CONFLICT, "our account at \"%s\" is %s", row->name, account_state_name(row->life.state));
	if (!row->account_url[0])
		return problem_set(pr, PROBLEM_CONFLICT, "we have no account at \"%s\" yet", row->name);
	if (row->life.wanted & WANT_DEACTIVATE)
		return problem_set(pr, PROBLEM_CONFLICT, "our account at \"%s\" is being deactivated", row->name);
	return true;
}

static bool
have_done(struct sql *db, struct move *m, struct problem *pr)
{
	m->has_job = true;
	return jobs_insert(m->c->admin->jobs, db, JOB_ACCOUNT, m->u->id, &m->job_id, pr);
}

/* The transaction, then the job, then the entry as it is by now. */
static bool
carry_out(struct move *m, sql_fn fn, const char *event)
{
	struct call *c = m->c;

	c->audit.upstream = m->u->name;
	if (!call_write(c, fn, m))
		return false;
	if (m->has_eab)
		atomic_store(&m->u->eab_expires, m->expires);
	log_notice(event, LS("upstream", m->u->name), LI("uid", c->http->peer_uid));
	if (m->has_job)
		account_job_run(m->u, m->job_id);
	return upstream_reply(c, m->u);
}

static bool
begin(struct move *m, struct call *c)
{
	*m = (struct move){ .c = c, .sealed = BUF_MAX(KEY_MAX_BYTES), .jwk = BUF_MAX(KEY_MAX_BYTES) };
	if (!upstream_find(c, true, &m->u, &m->conf))
		return false;
	if (ca_fault(m->u->ca))
		return problem_set(&c->pr, PROBLEM_CONFLICT, "%s", ca_fault(m->u->ca));
	return true;
}

static void
move_done(struct move *m)
{
	buf_done(&m->sealed);
	buf_done(&m->jwk);
}

/* ---- rotate-key ---- */

static bool
rotate_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct upstream_row row = { 0 };
	bool moved = true, good;

	if (!row_of(db, m, &row, pr))
		return false;
	good = is_valid(&row, pr) && upstream_next_key(db, m->u->id, buf_span(&m->sealed), buf_cstr(&m->jwk), &moved, pr) && have_done(db, m, pr);
	upstream_row_done(&row);
	if (good && !moved)
		return problem_set(pr, PROBLEM_CONFLICT, "the key of our account at \"%s\" is being changed already", m->u->name);
	return good;
}

/* Unknown is offered: the job will hear. */
static bool
offers_key_change(const struct move *m, struct problem *pr)
{
	struct ca_directory *dir = ca_directory_ref(m->u->ca);
	bool offered = !dir || dir->d.url[ACME_KEY_CHANGE];

	ca_directory_unref(dir);
	return offered || problem_set(pr, PROBLEM_CONFLICT,
		"this CA offers no keyChange: another key means another account, and upstream move tells what that costs");
}

bool
call_upstream_rotate_key(struct call *c)
{
	struct move m;
	bool good = begin(&m, c) && offers_key_change(&m, &c->pr) && upstream_make_key(m.u, m.conf, &m.sealed, &m.jwk, &c->pr) &&
		carry_out(&m, rotate_tx, "upstream_key_change_asked");

	move_done(&m);
	return good;
}

/* ---- deactivate, register ---- */

static bool
deactivate_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct upstream_row row = { 0 };
	bool good;

	if (!row_of(db, m, &row, pr))
		return false;
	good = is_valid(&row, pr) && upstream_life_want(db, m->u->id, WANT_DEACTIVATE, pr) && upstream_life_trouble(db, m->u->id, "", pr) &&
		have_done(db, m, pr);
	upstream_row_done(&row);
	return good;
}

bool
call_upstream_deactivate(struct call *c)
{
	struct move m;
	bool good = begin(&m, c) && carry_out(&m, deactivate_tx, "upstream_deactivate_asked");

	move_done(&m);
	return good;
}

static bool
register_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct upstream_row row = { 0 };
	bool ended;

	if (!row_of(db, m, &row, pr))
		return false;
	ended = row.life.state != ACCOUNT_VALID;
	upstream_row_done(&row);
	if (!ended)
		return problem_set(pr, PROBLEM_CONFLICT, "our account at \"%s\" has not ended: it is kept", m->u->name);
	return upstream_life_anew(db, m->u->id, buf_span(&m->sealed), buf_cstr(&m->jwk), pr) && have_done(db, m, pr);
}

bool
call_upstream_register(struct call *c)
{
	struct move m;
	bool good = begin(&m, c) && upstream_make_key(m.u, m.conf, &m.sealed, &m.jwk, &c->pr) &&
		carry_out(&m, register_tx, "upstream_register_asked");

	move_done(&m);
	return good;
}

/* ---- eab ---- */

static bool
choose(struct json_obj *o, const char *name, const char *const names[], size_t count, int *ret)
{
	struct span text = json_opt_str(o, name, 32);

	*ret = 0;
	for (size_t i = 0; text.p && i < count; i++) {
		if (span_is(text, names[i])) {
			*ret = (int)i;
			return true;
		}
	}
	return !text.p || problem_set(o->pr, PROBLEM_MALFORMED, "%s is \"%s\", which is none", name, QUOTE(text));
}

static bool
read_expires(struct move *m, struct json_obj *o)
{
	struct span text = json_opt_str(o, "expires", 64);

	m->has_expires = text.p != NULL;
	if (!text.p)
		return true;
	if (!time_rfc3339_parse(text, &m->expires))
		return problem_set(o->pr, PROBLEM_MALFORMED, "expires is \"%s\", expected an RFC 3339 time", QUOTE(text));
	if (m->expires <= clock_unix_s() || m->expires > clock_unix_s() + EXPIRES_MAX_S)
		return problem_set(o->pr, PROBLEM_MALFORMED, "expires is \"%s\", which is over, or too far off", QUOTE(text));
	return true;
}

/* Sealed here, and nowhere else after. */
static bool
seal_key(struct move *m, struct span text, const char *encoding, struct problem *pr)
{
	AUTO_SECRET octets = BUF_MAX(SECRET_TEXT_MAX);

	if (!secret_decode(text, encoding, &octets))
		return problem_set(pr, PROBLEM_MALFORMED, "key is not written in the encoding %s", encoding);
	if (octets.n < MAC_KEY_MIN || octets.n > MAC_KEY_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "key has %zu octets, expected %d to %d", octets.n, MAC_KEY_MIN, MAC_KEY_MAX);
	return keeper_seal(m->c->admin->server->keeper, PURPOSE_EAB_UPSTREAM, span_str(ca_origin(m->u->ca)), buf_span(&octets), &m->sealed, pr);
}

static bool
read_eab(struct move *m, char kid[EAB_KID_TEXT])
{
	static const char *const algs[] = { "HS256", "HS384", "HS512" }, *const encodings[] = { "base64url", "base64", "double", "raw" };
	struct json_obj *o = &m->c->body;
	struct span name = json_opt_str(o, "kid", EAB_KID_TEXT - 1), key = json_opt_str(o, "key", SECRET_TEXT_MAX);
	int encoding;

	if (!json_ok(o) || !choose(o, "alg", algs, COUNT_OF(algs), &m->alg) || !choose(o, "encoding", encodings, COUNT_OF(encodings), &encoding) ||
		!read_expires(m, o))
		return false;
	if (!name.n != !key.n)
		return problem_set(o->pr, PROBLEM_MALFORMED, "kid and key need each other");
	if (!name.n && !m->has_expires)
		return problem_set(o->pr, PROBLEM_MALFORMED, "kid and key are missing");
	m->has_eab = true;
	m->has_key = name.n > 0;
	span_copy(name, kid, EAB_KID_TEXT);
	m->kid = kid;
	return !m->has_key || seal_key(m, key, encodings[encoding], o->pr);
}

/* An entry that has no account yet tries it at once. */
static bool
eab_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct upstream_row row = { 0 };
	bool waits, has;

	m->has_job = false;
	if (!row_of(db, m, &row, pr))
		return false;
	waits = row.life.state == ACCOUNT_VALID && !row.account_url[0];
	has = m->has_key || row.life.eab_kid[0] || (m->conf->eab_kid && m->conf->eab_kid[0]);
	upstream_row_done(&row);
	if (!has)
		return problem_set(pr, PROBLEM_CONFLICT, "there is no external account binding at \"%s\" that could end: kid and key give one", m->u->name);
	return upstream_set_eab(db, m->u->id, m->kid, m->has_key ? buf_span(&m->sealed) : SPAN_NONE, m->alg, m->expires, pr) &&
		(!waits || have_done(db, m, pr));
}

bool
call_upstream_eab(struct call *c)
{
	char kid[EAB_KID_TEXT] = "";
	struct move m;
	bool good = begin(&m, c) && read_eab(&m, kid) && carry_out(&m, eab_tx, "upstream_eab_set");

	move_done(&m);
	return good;
}
