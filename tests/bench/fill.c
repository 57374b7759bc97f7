/* fill.c - see fill.h. Keys are spread over their whole range as random ones are, but ascend with
 * the row: filling is quick, and the trees come out as large and as deep. */
#include "fill.h"

#include <stddef.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench.h"
#include "store/schema.h"

/* {KEY} is 22 characters that ascend with i. */
static const char *const tables[] = {
	"account (id, ref, thumbprint, jwk, state, contact, terms, created_at, used_at)"
	" select i, {KEY}, {KEY} || {KEY}, '{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"' || "
	"hex(zeroblob(21)) || '\",\"y\":\"' || hex(zeroblob(21)) || '\"}',"
	" 0, '[\"mailto:pki@bench.test\"]', 1, {NOW}, {NOW}",
	"orders (id, ref, account_id, principal, profile, state, idents, idents_key, expires, csr, "
	"key_hash, cert_id, upstream, created_at,"
	" finalized_at) select i, {KEY}, i, i, 'default', 3, 'dns:d' || i || '.old.bench.test', "
	"{KEY} || {KEY}, {NOW} + 604800 + i,"
	" zeroblob(250), {KEY} || {KEY}, i, 'ca', {NOW}, {NOW}",
	"authz (id, ref, account_id, ident_type, ident, wildcard, profile, state, expires, "
	"created_at)"
	" select i, {KEY}, i, 0, 'd' || i || '.old.bench.test', 0, 'default', 1, {NOW} + 86400 + "
	"i, {NOW}",
	"order_authz (order_id, authz_id) select i, i",
	"challenge (id, ref, authz_id, kind, state, token, key_auth, validated_at, attempts, "
	"next_at)"
	" select i, {KEY}, i, 0, 2, {KEY} || {KEY}, {KEY} || {KEY} || '.' || {KEY} || {KEY}, "
	"{NOW}, 0, 0",
	"cert (id, ref, order_id, account_id, principal, profile, upstream, serial, certid, "
	"sha256, key_hash, idents, idents_key,"
	" not_before, not_after, issuer, chain, created_at, fetched_at) select i, {KEY}, i, i, i, "
	"'default', 'ca', {KEY}, {KEY} || '.' || {KEY},"
	" {KEY} || {KEY}, {KEY} || {KEY}, 'dns:d' || i || '.old.bench.test', {KEY} || {KEY}, "
	"{NOW}, {NOW} + 7776000 + i, 'CN=bench',"
	" hex(zeroblob(350)), {NOW}, {NOW}",
	"event (order_id, at_ms, node, what, detail) select i, {NOW} * 1000, 'bench', 'order', 'created, 1 identifiers'",
};

static char *
replaced(const char *text, const char *what, const char *by)
{
	AUTO_BUF out = BUF_MAX(64 * 1024);
	const char *at;

	while ((at = strstr(text, what))) {
		buf_add(&out, text, (size_t)(at - text));
		buf_adds(&out, by);
		text = at + strlen(what);
	}
	buf_adds(&out, text);
	return xstrdup(buf_cstr(&out));
}

static void
run(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die("filling: %s", sqlite3_errmsg(db));
}

static void
fill_table(sqlite3 *db, const char *table, unsigned n)
{
	AUTO_FREE char *key = xasprintf("printf('%%08x%%014x', i * %u, i)", UINT32_MAX / (n + 1));
	AUTO_FREE char *now = xasprintf("%lld", (long long)clock_unix_s());
	AUTO_FREE char *with_key = replaced(table, "{KEY}", key),
		       *with_now = replaced(with_key, "{NOW}", now);
	AUTO_FREE char *all = xasprintf("with recursive n(i) as (values (1) union all select i + 1 "
					"from n where i < %u) insert into %s from n",
		n, with_now);

	run(db, all);
}

void
fill_store(const char *db_file, unsigned n)
{
	AUTO_FREE char *where = xasprintf("sqlite:%s", db_file);
	struct problem pr = {0};
	struct store *store;
	sqlite3 *db;

	if (!store_open(where, 1, &store, &pr) || !schema_migrate(store, &pr))
		die("cannot make %s: %s", db_file, pr.cause);
	store_close(store);
	if (sqlite3_open(db_file, &db) != SQLITE_OK)
		die("cannot open %s", db_file);
	run(db, "pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-262144; "
		"begin");
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		fill_table(db, tables[i], n);
	run(db, "commit");
	sqlite3_close(db);
}
