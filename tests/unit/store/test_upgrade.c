/* test_upgrade.c - a database of each earlier schema, with an order at work in it, becomes one of this release and loses nothing. */
#include "store/lookup.h"
#include "world.h"

#define RENEWAL_SINCE 13 /* the schema that has a row of renewal information for each certificate */

static const char *const rows[] = {
	"insert into upstream (name, created_at) values ('u', 5)",
	"insert into account (ref, thumbprint, jwk, state, contact, terms, created_at, used_at) values ('acct', 'thumb', '{}', 0, '[]', 1, 5, 5)",
	"insert into orders (ref, account_id, principal, profile, state, idents, idents_key, expires, csr, key_hash, upstream, created_at)"
	" values ('order', 1, 1, 'p', 2, 'dns:a.test,ip:10.0.0.1', 'names', 2000, 'csr', 'key', 'u', 5)",
	"insert into authz (ref, account_id, ident_type, ident, wildcard, profile, state, expires, created_at)"
	" values ('authz', 1, 0, 'a.test', 0, 'p', 1, 2000, 5)",
	"insert into order_authz (order_id, authz_id) values (1, 1)",
	"insert into challenge (ref, authz_id, kind, state, token, key_auth, validated_at, attempts, next_at)"
	" values ('chall', 1, 0, 2, 'token', 'token.thumb', 6, 1, 0)",
	"insert into cert (ref, order_id, account_id, principal, profile, upstream, serial, certid, sha256, key_hash, idents, idents_key,"
	" not_before, not_after, issuer, chain, created_at)"
	" values ('cert', 1, 1, 1, 'p', 'u', '01', 'aki.01', 'hash', 'key', 'dns:a.test', 'names', 1, 2000, 'CN=x', 'pem', 5)",
	"insert into job (kind, subject, due, attempts, lease_until, created_at) values (1, 1, 5000, 2, 0, 5)",
	"insert into upstream_order (order_id, upstream, attempt, state, url, failures) values (1, 'u', 1, 1, 'https://ca.test/order/1', 0)",
	"insert into event (order_id, at_ms, node, what, detail) values (1, 5000, 'n', 'order', 'created')",
};

static bool
fill(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sql_stmt *st = sql_begin(db, rows[i]);

		sql_step(st);
		if (!sql_end(st, pr))
			return false;
	}
	return true;
}

struct from {
	const char *what;
	int version;
};

/* Of a certificate that was issued before CAs were asked about any. */
static void
look_up(struct sql *db, const struct from *from, struct problem *pr)
{
	struct lookup_row *row = xcalloc(1, sizeof(*row));
	size_t count;

	ok(lookup_due(db, 1, 1000, 1, row, &count, pr) && count == 1 && strcmp(row->certid, "aki.01") == 0 && row->not_after == 2000,
		"%s: its CA is asked about the certificate", from->what);
	lookup_rows_free(row, 1);
}

static bool
look(struct sql *db, void *arg, struct problem *pr)
{
	const struct from *from = arg;
	const char *what = from->what;
	struct order o = get_order(db, 1);
	struct authz a = get_authz(db, 1);
	struct upstream_order u = { 0 };
	struct cert_row c = { 0 };
	struct evidence e = { 0 };
	bool found, covered = false;
	struct idents names = { 0 };
	struct ident id = dns("a.test");

	ok(o.state == ORDER_PROCESSING && o.idents.count == 2 && o.mapped.count == 0, "%s: its order is at work", what);
	ok(a.state == AUTHZ_VALID && !a.subdomains && a.challenge_count == 1 && a.challenges[0].state == CHALL_VALID &&
			a.challenges[0].kind == CHALLENGE_HTTP_01, "%s: the proof is valid", what);
	idents_add(&names, &id);
	ok(authz_covers(db, 1, &names, "p", 1000, &covered, pr) && covered, "%s: and counts", what);
	ok(upstream_order_get(db, 1, &u, &found, pr) && found && strcmp(u.url, "https://ca.test/order/1") == 0 && u.wait_bucket == 0,
		"%s: the CA's order is known, and waits for no limit", what);
	ok(cert_by_ref(db, SPAN("cert"), 1, &c, &found, pr) && found && c.not_after == 2000, "%s: the certificate is there", what);
	if (from->version < RENEWAL_SINCE)
		look_up(db, from, pr);
	ok(evidence_of_authz(db, 1, &e, &found, pr) && !found, "%s: there is no evidence", what);
	idents_done(&names);
	cert_row_done(&c);
	authz_done(&a);
	order_done(&o);
	return true;
}

static void
test_from(const struct side *side, int version)
{
	AUTO_FREE char *where = fresh(side), *what = xasprintf("%s, from version %d", side->name, version);
	struct from from = { what, version };
	struct problem pr = { 0 };
	struct store *store;

	must(store_open(where, 2, &store, &pr));
	must(schema_migrate_to(store, version, &pr));
	must(store_write(store, fill, NULL, &pr));
	ok(schema_migrate(store, &pr) && schema_migrate(store, &pr), "%s: migrated, once", what);
	must(store_write(store, look, &from, &pr));
	store_close(store);
}

int
main(void)
{
	if (!both_start())
		return done_testing();
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		for (int version = 1; version < SCHEMA_VERSION; version++)
			test_from(&both[i], version);
	}
	both_stop();
	return done_testing();
}
