/* world.h - a store with our schema, and the few things that tests of store, flow and jobs put into it.
 *
 * A case is a transaction function: it asks and changes in one transaction, and says ok() as it goes. */
#ifndef TESTS_STORE_WORLD_H
#define TESTS_STORE_WORLD_H

#include "../sql/both.h"
#include "store/account.h"
#include "store/authz.h"
#include "store/cert.h"
#include "store/device.h"
#include "store/device_name.h"
#include "store/eab.h"
#include "store/event.h"
#include "store/evidence.h"
#include "store/job.h"
#include "store/order.h"
#include "store/renewal.h"
#include "store/schema.h"
#include "store/sweep.h"
#include "store/upstream.h"

#define NOW 2000000000 /* a fixed time for cases that pass their own */

/* must() within a case, where `pr` is a pointer. */
#define need(call) must_(call, pr, #call, __LINE__)

static inline struct store *
world_open(const struct side *side)
{
	AUTO_FREE char *where = fresh(side);
	struct problem pr = { 0 };
	struct store *store = NULL;

	must(store_open(where, 8, &store, &pr));
	must(schema_migrate(store, &pr));
	return store;
}

/* Run a case; `arg` is its own. */
static inline void
world_case(struct store *store, sql_fn fn, void *arg)
{
	struct problem pr = { 0 };

	must(store_write(store, fn, arg, &pr));
}

static inline struct ident
dns(const char *name)
{
	struct ident id = { 0 };
	struct problem pr = { 0 };

	must(ident_parse(SPAN("dns"), span_str(name), &id, &pr));
	return id;
}

/* Within a case, where a failure of scaffolding ends the program. */
static inline int64_t
put_account(struct sql *db, const char *thumbprint)
{
	struct account a = { .state = ACCOUNT_VALID };
	struct problem pr = { 0 };

	snprintf(a.thumbprint, sizeof(a.thumbprint), "%s", thumbprint);
	a.jwk = xstrdup("{}");
	a.contact = xstrdup("[]");
	must(account_insert(db, &a, &pr));
	account_done(&a);
	return a.id;
}

/* An order for "a.test,b.test" in this state. */
static inline int64_t
put_order(struct sql *db, int64_t account, enum order_state state, int64_t expires, const char *names)
{
	struct order o = { .account_id = account, .state = state, .expires = expires, .profile = "p", .upstream = "u" };
	struct span rest = span_str(names), name;
	struct problem pr = { 0 };
	struct ident id;

	while (span_cut(&rest, ',', &name)) {
		must(ident_parse(SPAN("dns"), name, &id, &pr));
		idents_add(&o.idents, &id);
	}
	must(order_insert(db, &o, &pr));
	order_done(&o);
	return o.id;
}

/* An authorization with one challenge, of this order (0 = none). */
static inline int64_t
put_authz(struct sql *db, int64_t account, int64_t order, const char *name, enum authz_state state, int64_t expires)
{
	struct authz a = { .account_id = account, .ident = dns(name), .state = state, .expires = expires,
		.profile = "p", .challenge_count = 1 };
	struct problem pr = { 0 };

	must(authz_insert(db, &a, &pr));
	if (order)
		must(authz_link(db, order, a.id, &pr));
	return a.id;
}

static inline struct authz
get_authz(struct sql *db, int64_t id)
{
	struct authz a = { 0 };
	struct problem pr = { 0 };
	bool found = false;

	must(authz_by_id(db, id, &a, &found, &pr));
	must(found);
	return a;
}

static inline struct order
get_order(struct sql *db, int64_t id)
{
	struct order o = { 0 };
	struct problem pr = { 0 };
	bool found = false;

	must(order_by_id(db, id, &o, &found, &pr));
	must(found);
	return o;
}

static inline enum order_state
order_state_of(struct sql *db, int64_t id)
{
	struct order o = get_order(db, id);

	order_done(&o);
	return o.state;
}

static inline enum authz_state
authz_state_of(struct sql *db, int64_t id)
{
	struct authz a = get_authz(db, id);

	authz_done(&a);
	return a.state;
}

/* A certificate of this order; `mark` makes its digests its own. */
static inline struct cert_row
cert_like(int64_t order, int64_t account, const char *mark, const char *name, int64_t not_after)
{
	struct cert_row c = { .order_id = order, .account_id = account, .profile = "p", .upstream = "u",
		.issuer = "CN=test", .not_before = NOW - 100, .not_after = not_after };
	struct ident id = dns(name);

	snprintf(c.serial, sizeof(c.serial), "0%s", mark);
	snprintf(c.certid, sizeof(c.certid), "aki.%s", mark);
	snprintf(c.sha256, sizeof(c.sha256), "sha-%s", mark);
	snprintf(c.key_hash, sizeof(c.key_hash), "key-%s", mark);
	idents_add(&c.idents, &id);
	return c;
}

static inline int64_t
put_cert(struct sql *db, int64_t order, int64_t account, const char *mark)
{
	struct cert_row c = cert_like(order, account, mark, "a.test", NOW + 1000);
	struct problem pr = { 0 };

	must(cert_insert(db, &c, SPAN("PEM"), &pr));
	cert_row_done(&c);
	return c.id;
}

struct story {
	char text[2048]; /* "what detail\n" each */
};

static inline void
story_add(const struct event_row *e, void *arg)
{
	struct story *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s %s\n", e->what, e->detail);
}

static inline struct story
story_of(struct sql *db, int64_t order)
{
	struct story s = { "" };
	struct problem pr = { 0 };

	must(event_each(db, order, story_add, &s, &pr));
	return s;
}
#endif
