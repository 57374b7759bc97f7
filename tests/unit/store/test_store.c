/* Every function of src/store on both databases; then, on SQLite, how each of their statements finds its rows.
 *
 * The linker hands sql_begin to __wrap_sql_begin (local.mk), which notes each statement that the cases run. */
#include <ctype.h>
#include <dirent.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "cases.h"
#include "store/audit_trail.h"
#include "store/order_policy.h"
#include "store/bill.h"
#include "store/proof_record.h"
#include "store/queue.h"
#include "store/renewal_plan.h"
#include "store/quota.h"
#include "store/upstream_life.h"
#include "store/usage.h"
#include "world.h"

/* ---- accounts ---- */

struct list {
	int64_t ids[16];
	size_t count;
};

static void
list_account(const struct account *a, void *arg)
{
	struct list *l = arg;

	l->ids[l->count++ % 16] = a->id;
}

static bool
case_accounts(struct sql *db, void *arg, struct problem *pr)
{
	struct account a = { .state = ACCOUNT_VALID, .terms = true, .thumbprint = "thumb-1" }, got = { 0 };
	bool found, moved, has;
	struct list list = { 0 };
	int64_t n;
	int64_t second;

	(void)arg;
	a.jwk = xstrdup("{\"kty\":\"EC\"}");
	a.contact = xstrdup("[\"mailto:a@b.test\"]");
	ok(account_insert(db, &a, pr) && a.id > 0 && strlen(a.ref) == REF_TEXT - 1 && a.created_at > 0, "an account is inserted with ids of its own");
	ok(account_by_ref(db, span_str(a.ref), &got, &found, pr) && found && got.id == a.id && got.terms, "found by its ref");
	is_str(got.jwk, a.jwk, "with its key");
	is_str(got.contact, a.contact, "and its contact");
	account_done(&got);
	ok(account_by_ref(db, SPAN("nobody"), &got, &found, pr) && !found, "an unknown ref finds nothing");
	ok(account_by_thumbprint(db, "thumb-1", &got, &found, pr) && found && got.id == a.id, "found by its key");
	account_done(&got);
	ok(account_by_thumbprint(db, "thumb-2", &got, &found, pr) && !found, "not by another");
	ok(account_check(db, span_str(a.ref), &got, &found, pr) && found && got.id == a.id && got.state == ACCOUNT_VALID, "account_check finds it");
	is_str(got.thumbprint, "thumb-1", "with its thumbprint");
	ok(account_check(db, SPAN("nobody"), &got, &found, pr) && !found, "and nobody else");
	ok(account_set_contact(db, a.id, "[]", pr) && account_by_ref(db, span_str(a.ref), &got, &found, pr), "the contact is changed");
	is_str(got.contact, "[]", "to what was said");
	account_done(&got);
	ok(account_has_terms(db, a.id, "https://t.test/1", &has, pr) && !has, "to no terms in particular has it agreed");
	ok(account_set_terms(db, a.id, "https://t.test/1", pr) && account_has_terms(db, a.id, "https://t.test/1", &has, pr) && has, "it agrees to some");
	ok(account_has_terms(db, a.id, "https://t.test/2", &has, pr) && !has, "not to others");
	ok(account_by_ref(db, span_str(a.ref), &got, &found, pr) && found, "which it shows");
	is_str(got.terms_url, "https://t.test/1", "by their URL");
	account_done(&got);
	ok(account_set_key(db, a.id, "thumb-x", "thumb-2", "{}", &moved, pr) && !moved, "the key is not changed for who names a wrong old one");
	ok(account_set_key(db, a.id, "thumb-1", "thumb-2", "{}", &moved, pr) && moved, "it is for who names the right one");
	ok(account_has_key(db, "thumb-1", &has, pr) && !has, "the old key is nobody's now");
	ok(account_has_key(db, "thumb-2", &has, pr) && has, "the new one is an account's");
	ok(account_move(db, a.id, ACCOUNT_DEACTIVATED, ACCOUNT_VALID, &moved, pr) && !moved, "a state moves only from where it is");
	ok(account_move(db, a.id, ACCOUNT_VALID, ACCOUNT_DEACTIVATED, &moved, pr) && moved, "and then it does");
	second = put_account(db, "thumb-3");
	ok(account_list(db, NULL, 0, 10, list_account, &list, pr) && list.count == 2 && list.ids[0] == second && list.ids[1] == a.id, "the list has the newest first");
	list.count = 0;
	ok(account_list(db, NULL, second, 10, list_account, &list, pr) && list.count == 1 && list.ids[0] == a.id, "below a row id");
	list.count = 0;
	ok(account_list(db, NULL, 0, 1, list_account, &list, pr) && list.count == 1, "and up to a limit");
	ok(account_list_count(db, NULL, 10, &n, pr) && n == 2 && account_list_count(db, NULL, 1, &n, pr) && n == 1, "they are counted, up to a limit too");
	ok(account_by_id(db, second, &got, &found, pr) && found && got.id == second, "an operator finds one by its row id");
	account_done(&got);
	ok(account_by_id(db, 999, &got, &found, pr) && !found, "but not another");
	account_done(&a);
	return true;
}

static bool
insert_twice(struct sql *db, void *arg, struct problem *pr)
{
	struct account a = { .thumbprint = "same" };
	bool good;

	(void)arg;
	put_account(db, "same");
	a.jwk = xstrdup("{}");
	a.contact = xstrdup("[]");
	good = account_insert(db, &a, pr);
	account_done(&a);
	return good;
}

static bool
take_key(struct sql *db, void *arg, struct problem *pr)
{
	int64_t id = put_account(db, "mine");
	bool moved;

	(void)arg;
	put_account(db, "theirs");
	return account_set_key(db, id, "mine", "theirs", "{}", &moved, pr);
}

static void
test_conflicts(struct store *store)
{
	struct problem pr = { 0 };

	ok(!store_write(store, insert_twice, NULL, &pr) && sql_is_conflict(&pr), "two accounts cannot have one key");
	ok(!store_write(store, take_key, NULL, &pr) && sql_is_conflict(&pr), "nor can a change of key make it so");
}

/* ---- orders ---- */

static bool
note_id(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct list *l = arg;

	(void)db;
	(void)pr;
	l->ids[l->count++ % 16] = id;
	return true;
}

static void
note_ref(const char *ref, int64_t id, void *arg)
{
	(void)ref;
	note_id(NULL, id, arg, NULL);
}

static void
list_order(const struct order *o, const char *account_ref, void *arg)
{
	if (account_ref[0])
		note_id(NULL, o->id, arg, NULL);
}

static void
test_order_lists(struct sql *db, int64_t account, int64_t other, int64_t valid, struct problem *pr)
{
	/* so many there are of each state, of all, and of an account */
	static const struct { int state; size_t all, mine; } want[] = { { -1, 3, 3 }, { ORDER_PENDING, 1, 1 }, { ORDER_READY, 0, 0 },
		{ ORDER_PROCESSING, 0, 0 }, { ORDER_VALID, 1, 1 }, { ORDER_INVALID, 1, 1 } };
	struct list list;
	int64_t n;

	for (size_t i = 0; i < COUNT_OF(want); i++) {
		struct order_query q = { .state = want[i].state, .limit = 10 };

		list.count = 0;
		ok(order_list(db, &q, list_order, &list, pr) && list.count == want[i].all && order_list_count(db, &q, 10, &n, pr) &&
			n == (int64_t)want[i].all, "operators list and count state %d of all", want[i].state);
		list.count = 0;
		q.account_id = account;
		ok(order_list(db, &q, list_order, &list, pr) && list.count == want[i].mine && order_list_count(db, &q, 10, &n, pr) &&
			n == (int64_t)want[i].mine, "and of an account");
	}
	list.count = 0;
	ok(order_list(db, &(struct order_query){ .state = ORDER_VALID, .tenant = "default", .limit = 10 }, list_order, &list, pr) && list.count == 1 &&
			order_list_count(db, &(struct order_query){ .state = -1, .tenant = "nobody" }, 10, &n, pr) && n == 0, "and of a tenant");
	list.count = 0;
	ok(order_list(db, &(struct order_query){ .state = -1, .account_id = other, .limit = 10 }, list_order, &list, pr) && list.count == 0,
		"of that account alone");
	ok(order_list(db, &(struct order_query){ .state = -1, .limit = 10 }, list_order, &list, pr) && list.ids[0] > list.ids[1] && list.ids[2] == valid,
		"newest first");
	list.count = 0;
	ok(order_list(db, &(struct order_query){ .state = -1, .before = list.ids[1], .limit = 1 }, list_order, &list, pr) && list.count == 1 && list.ids[0] == valid,
		"below a row id");
	ok(order_list_count(db, &(struct order_query){ .state = -1 }, 2, &n, pr) && n == 2, "counting ends where it is told");
}

static bool
case_orders(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "orders"), other = put_account(db, "other"), counts[ORDER__COUNT];
	struct order o = { .account_id = account, .state = ORDER_PENDING, .expires = NOW + 10, .profile = "prof", .upstream = "up",
		.not_before = NOW, .not_after = NOW + 5, .replaces = (char *)"aki.01" }, got;
	struct ident a = dns("b.test"), b = dns("*.a.test");
	AUTO_BUF csr = BUF_MAX(1000);
	bool found, moved;

	(void)arg;
	idents_add(&o.idents, &a);
	idents_add(&o.idents, &b);
	ok(order_insert(db, &o, pr) && o.id > 0 && strlen(o.ref) == REF_TEXT - 1, "an order is inserted");
	ok(order_by_ref(db, span_str(o.ref), account, &got, &found, pr) && found, "its account finds it");
	ok(got.id == o.id && got.state == ORDER_PENDING && got.expires == NOW + 10 && got.not_before == NOW && got.not_after == NOW + 5, "with its times");
	ok(got.idents.count == 2 && ident_eq(&got.idents.list[0], &a) && ident_eq(&got.idents.list[1], &b), "and identifiers in their order");
	ok(strcmp(got.profile, "prof") == 0 && strcmp(got.upstream, "up") == 0 && strcmp(got.replaces, "aki.01") == 0, "profile, upstream, replaces");
	ok(!got.error && !got.cert_ref[0] && got.cert_id == 0 && got.joined_to == 0 && got.finalized_at == 0 && !got.key_hash[0], "and nothing that is yet to come");
	order_done(&got);
	ok(order_by_ref(db, span_str(o.ref), other, &got, &found, pr) && !found, "another account does not");
	ok(order_by_ref(db, span_str(o.ref), 0, &got, &found, pr) && found, "an operator does");
	order_done(&got);
	ok(order_by_ref(db, SPAN("x"), 0, &got, &found, pr) && !found, "an unknown ref finds nothing");
	ok(order_by_id(db, o.id, &got, &found, pr) && found, "a job finds it by id");
	order_done(&got);
	ok(order_by_id(db, 999, &got, &found, pr) && !found, "but not another");
	ok(order_find_replacing(db, "aki.01", "x", NOW + 10, &got, &found, pr) && found && got.id == o.id, "who looks for what replaces a certificate finds it");
	order_done(&got);
	ok(order_find_replacing(db, "x", "aki.01", NOW, &got, &found, pr) && found, "by either text");
	order_done(&got);
	ok(order_find_replacing(db, "aki.02", "aki.0", NOW, &got, &found, pr) && !found, "not by another");
	ok(order_find_replacing(db, "aki.01", "x", NOW + 11, &got, &found, pr) && !found, "nor when its time is over");
	ok(order_set_expiry(db, o.id, NOW + 8, pr), "its expiry is pulled in");
	ok(order_move(db, o.id, ORDER_READY, ORDER_INVALID, "{}", &moved, pr) && !moved, "it moves only from the state it has");
	ok(order_set_csr(db, o.id, SPAN("der"), "kh", 0, NOW, NOW + 99, &moved, pr) && !moved, "no CSR while it is pending");
	ok(order_move(db, o.id, ORDER_PENDING, ORDER_READY, NULL, &moved, pr) && moved, "pending to ready");
	ok(order_set_csr(db, o.id, SPAN("d\0r"), "kh", 0, NOW, NOW + 99, &moved, pr) && moved, "then with a CSR to processing");
	ok(order_csr(db, o.id, &csr, pr) && span_eq(buf_span(&csr), SPAN("d\0r")), "the CSR is kept octet for octet");
	ok(order_set_csr(db, o.id, SPAN("der2"), "kh", 0, NOW, NOW + 99, &moved, pr) && !moved, "a second CSR comes too late");
	got = get_order(db, o.id);
	ok(got.finalized_at == NOW && got.expires == NOW + 99 && strcmp(got.key_hash, "kh") == 0, "finalize leaves its marks");
	order_done(&got);
	ok(order_set_cert(db, o.id, put_cert(db, o.id, account, "o1"), pr) && order_move(db, o.id, ORDER_PROCESSING, ORDER_VALID, NULL, &moved, pr) && moved, "issued");
	got = get_order(db, o.id);
	ok(got.cert_id > 0 && got.cert_ref[0], "it has a certificate and its ref");
	order_done(&got);
	idents_done(&o.idents);

	put_order(db, account, ORDER_PENDING, NOW + 5, "x.test");
	put_order(db, account, ORDER_INVALID, NOW + 5, "x.test");
	ok(order_counts(db, counts, pr) && counts[ORDER_PENDING] == 1 && counts[ORDER_READY] == 0 && counts[ORDER_PROCESSING] == 0, "unfinished orders are counted");
	test_order_lists(db, account, other, o.id, pr);
	return true;
}

static bool
case_order_finds(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "finds"), other = put_account(db, "finds not"), id, leader, first, second, third, found_id, half;
	struct order like = { .account_id = account, .profile = "p" }, got;
	struct ident a = dns("a.test"), b = dns("b.test");
	struct list list = { 0 };
	char key[IDENTS_KEY_TEXT];
	bool found, moved, awaited;

	(void)arg;
	idents_add(&like.idents, &b);
	idents_add(&like.idents, &a);
	idents_key(&like.idents, key);
	id = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test,b.test");
	got = get_order(db, id);
	half = (got.created_at + got.expires) / 2;
	order_done(&got);
	must_(order_find_same(db, &like, half, &got, &found, pr), pr, "find", __LINE__);
	ok(found && got.id == id, "the same order is found, whatever the names' order (O1)");
	order_done(&got);
	ok(order_find_same(db, &like, half + 1, &got, &found, pr) && !found, "not when less than half its life is left");
	strcpy(like.profile, "q");
	ok(order_find_same(db, &like, half, &got, &found, pr) && !found, "not of another profile");
	strcpy(like.profile, "p");
	like.not_after = NOW + 1;
	ok(order_find_same(db, &like, half, &got, &found, pr) && !found, "not with other dates");
	like.not_after = 0;
	like.replaces = (char *)"x.y";
	ok(order_find_same(db, &like, half, &got, &found, pr) && !found, "not with another replaces");
	like.replaces = NULL;
	like.account_id = other;
	ok(order_find_same(db, &like, half, &got, &found, pr) && !found, "not of another account");
	like.account_id = account;
	must_(order_move(db, id, ORDER_PENDING, ORDER_READY, NULL, &moved, pr), pr, "move", __LINE__);
	ok(order_find_same(db, &like, half, &got, &found, pr) && found, "a ready one is found as well");
	order_done(&got);
	must_(order_set_csr(db, id, SPAN("c"), "kh", 0, NOW, NOW + 10, &moved, pr), pr, "csr", __LINE__);
	ok(order_find_same(db, &like, half, &got, &found, pr) && !found, "one that is processing is not");

	ok(order_find_working(db, account, "kh", key, "p", "u", &found_id, pr) && found_id == id, "it is found as work under way (O4)");
	ok(order_find_working(db, account, "other", key, "p", "u", &found_id, pr) && found_id == 0, "not for another key");
	ok(order_find_working(db, other, "kh", key, "p", "u", &found_id, pr) && found_id == 0, "not for another account");
	ok(order_find_working(db, account, "kh", key, "q", "u", &found_id, pr) && found_id == 0, "not for another profile");
	ok(order_find_working(db, account, "kh", key, "p", "v", &found_id, pr) && found_id == 0, "not at another CA");
	leader = id;
	first = put_order(db, account, ORDER_READY, NOW + 10, "a.test,b.test");
	must_(order_set_csr(db, first, SPAN("c"), "kh", leader, NOW, NOW + 10, &moved, pr), pr, "csr", __LINE__);
	ok(order_find_working(db, account, "kh", key, "p", "u", &found_id, pr) && found_id == leader, "one that joined is not joined in its turn");
	ok(order_each_joined(db, leader, note_id, &list, pr) && list.count == 1 && list.ids[0] == first, "who joined is told");
	list.count = 0;
	ok(order_each_joined(db, first, note_id, &list, pr) && list.count == 0, "nobody joined the other");
	idents_done(&like.idents);
	ok(order_is_awaited(db, leader, &awaited, pr) && awaited, "an order at work is awaited");
	must_(order_move(db, leader, ORDER_PROCESSING, ORDER_INVALID, NULL, &moved, pr), pr, "over", __LINE__);
	ok(order_is_awaited(db, leader, &awaited, pr) && awaited, "one that has ended is, while another waits for it");
	must_(order_move(db, first, ORDER_PROCESSING, ORDER_INVALID, NULL, &moved, pr), pr, "over", __LINE__);
	ok(order_is_awaited(db, leader, &awaited, pr) && !awaited, "then it is not");
	ok(order_is_awaited(db, INT64_MAX, &awaited, pr) && !awaited, "nor is one that is not there");
	must_(order_move(db, leader, ORDER_INVALID, ORDER_PROCESSING, NULL, &moved, pr) &&
		order_move(db, first, ORDER_INVALID, ORDER_PROCESSING, NULL, &moved, pr), pr, "again", __LINE__);

	second = put_order(db, other, ORDER_PENDING, NOW - 5, "c.test");
	third = put_order(db, other, ORDER_READY, NOW - 9, "c.test");
	put_order(db, other, ORDER_VALID, NOW - 9, "c.test");
	ok(order_each_expired(db, NOW, 10, note_id, &list, pr) && list.count == 2 && list.ids[0] == third && list.ids[1] == second, "expired orders, the longest over first");
	list.count = 0;
	ok(order_each_expired(db, NOW, 1, note_id, &list, pr) && list.count == 1, "up to a limit");
	list.count = 0;
	ok(order_each_open_of(db, other, note_id, &list, pr) && list.count == 2, "open orders of an account");
	list.count = 0;
	ok(order_each_open_of(db, account, note_id, &list, pr) && list.count == 2, "those at work, too");
	list.count = 0;
	ok(order_refs(db, other, NOW, 0, 10, note_ref, &list, pr) && list.count == 0, "the orders list shows nothing that is over (O11)");
	ok(order_refs(db, account, NOW, 0, 10, note_ref, &list, pr) && list.count == 2 && list.ids[0] == first && list.ids[1] == leader, "it shows processing ones, newest first");
	list.count = 0;
	ok(order_refs(db, account, NOW, first, 10, note_ref, &list, pr) && list.count == 1 && list.ids[0] == leader, "and goes on below a row id");
	must_(order_move(db, leader, ORDER_PROCESSING, ORDER_VALID, NULL, &moved, pr) &&
		order_set_cert(db, leader, put_cert(db, leader, account, "refs"), pr), pr, "issued", __LINE__);
	list.count = 0;
	ok(order_refs(db, account, NOW + 1000, 0, 10, note_ref, &list, pr) && list.count == 1 && list.ids[0] == leader, "a valid one while its certificate lives");
	list.count = 0;
	ok(order_refs(db, account, NOW + 1001, 0, 10, note_ref, &list, pr) && list.count == 0, "no longer");
	return true;
}

/* ---- authorizations ---- */

static void
add_text(const char *ref, void *arg)
{
	buf_adds(arg, ref);
	buf_addc(arg, ' ');
}

/* An authorization of a domain and the names below it is one for those that look for such (RFC 9444). */
static bool
case_subdomains(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "domains"), other = put_account(db, "no domains"), id, expires;
	struct authz a = { .account_id = account, .ident = dns("corp.test"), .subdomains = true, .profile = "p", .expires = NOW + 7, .challenge_count = 1 },
		     plain = { .account_id = account, .ident = dns("plain.test"), .profile = "p", .expires = NOW + 7, .challenge_count = 1 }, got;
	bool found, moved;

	(void)arg;
	ok(authz_insert(db, &a, pr) && authz_insert(db, &plain, pr) && authz_by_id(db, a.id, &got, &found, pr) && found && got.subdomains, "it says so");
	authz_done(&got);
	ok(authz_find_subdomains(db, account, "corp.test", "p", AUTHZ_PENDING, NOW + 7, NOW + 1000, &id, &expires, pr) && id == a.id && expires == NOW + 7, "a pending one is found");
	ok(authz_find_subdomains(db, account, "corp.test", "p", AUTHZ_VALID, NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not as a valid one");
	ok(authz_move(db, a.id, AUTHZ_PENDING, AUTHZ_VALID, NOW + 9, &moved, pr) && moved &&
			authz_move(db, plain.id, AUTHZ_PENDING, AUTHZ_VALID, NOW + 9, &moved, pr) && moved, "they become valid");
	ok(authz_find_subdomains(db, account, "corp.test", "p", AUTHZ_VALID, NOW + 9, NOW + 1000, &id, &expires, pr) && id == a.id && expires == NOW + 9, "and it is found so");
	ok(authz_find_subdomains(db, account, "corp.test", "p", AUTHZ_VALID, NOW + 10, NOW + 1000, &id, &expires, pr) && id == 0, "not if it would live too short");
	ok(authz_find_subdomains(db, account, "corp.test", "q", AUTHZ_VALID, NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not for another profile");
	ok(authz_find_subdomains(db, other, "corp.test", "p", AUTHZ_VALID, NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not for another account");
	ok(authz_find_subdomains(db, account, "a.corp.test", "p", AUTHZ_VALID, NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not under a name below");
	ok(authz_find_subdomains(db, account, "plain.test", "p", AUTHZ_VALID, NOW, NOW + 1000, &id, &expires, pr) && id == 0, "one of a name alone is none");
	return true;
}

static bool
case_authzs(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "authzs"), other = put_account(db, "others"), order = put_order(db, account, ORDER_PENDING, NOW, "a.test");
	struct authz a = { .account_id = account, .ident = dns("a.test"), .wildcard = true, .profile = "prof", .expires = NOW + 7, .challenge_count = 2 }, got;
	size_t index = 9;
	bool found, moved;
	struct challenge *c;

	(void)arg;
	ok(authz_insert(db, &a, pr) && a.id > 0 && a.challenges[1].id > a.challenges[0].id, "an authorization is inserted with its challenges");
	ok(strlen(a.challenges[0].token) == TOKEN_TEXT - 1 && strcmp(a.challenges[0].token, a.challenges[1].token) != 0, "each has a token of its own");
	ok(authz_by_ref(db, span_str(a.ref), account, &got, &found, pr) && found && got.challenge_count == 2, "its account finds it, with them");
	ok(got.wildcard && got.expires == NOW + 7 && strcmp(got.profile, "prof") == 0 && ident_eq(&got.ident, &a.ident), "as it was");
	authz_done(&got);
	ok(authz_by_ref(db, span_str(a.ref), other, &got, &found, pr) && !found, "another account does not");
	ok(authz_by_ref(db, SPAN(""), account, &got, &found, pr) && !found, "an unknown ref finds nothing");
	ok(authz_by_id(db, a.id, &got, &found, pr) && found, "found by id");
	authz_done(&got);
	ok(authz_by_challenge_ref(db, span_str(a.challenges[1].ref), account, &got, &index, &found, pr) && found && index == 1, "found by a challenge's ref");
	authz_done(&got);
	ok(authz_by_challenge_ref(db, span_str(a.challenges[1].ref), other, &got, &index, &found, pr) && !found, "not by another account");
	ok(authz_by_challenge_id(db, a.challenges[1].id, &got, &index, &found, pr) && found && index == 1, "by a challenge's id");
	authz_done(&got);
	ok(authz_by_challenge_id(db, 99999, &got, &index, &found, pr) && !found, "not by another's");

	ok(challenge_respond(db, a.challenges[0].id, "tok.thumb", &moved, pr) && moved, "a response is taken");
	ok(challenge_respond(db, a.challenges[0].id, "tok.other", &moved, pr) && !moved, "once");
	ok(challenge_attempted(db, a.challenges[0].id, "{\"type\":\"dns\"}", NOW + 3, pr), "an attempt fails");
	got = get_authz(db, a.id);
	c = &got.challenges[0];
	ok(c->state == CHALL_PROCESSING && c->attempts == 1 && c->next_at == NOW + 3 && strcmp(c->key_auth, "tok.thumb") == 0 && c->error, "it is noted");
	authz_done(&got);
	ok(challenge_validated(db, a.challenges[1].id, NOW, &moved, pr) && !moved, "a challenge nobody responded to is not validated");
	ok(challenge_validated(db, a.challenges[0].id, NOW, &moved, pr) && moved, "one that is processing is");
	got = get_authz(db, a.id);
	ok(got.challenges[0].state == CHALL_VALID && got.challenges[0].validated_at == NOW && !got.challenges[0].error, "and its error forgotten");
	authz_done(&got);
	ok(challenge_move(db, a.challenges[1].id, CHALL_PROCESSING, CHALL_INVALID, &moved, pr) && !moved, "a challenge moves from its state alone");
	ok(challenge_move(db, a.challenges[1].id, CHALL_PENDING, CHALL_INVALID, &moved, pr) && moved, "and then it does");
	ok(authz_move(db, a.id, AUTHZ_PENDING, AUTHZ_VALID, NOW + 100, &moved, pr) && moved, "the authorization becomes valid");
	ok(authz_move(db, a.id, AUTHZ_PENDING, AUTHZ_VALID, NOW + 900, &moved, pr) && !moved, "once");
	got = get_authz(db, a.id);
	is_int(got.expires, NOW + 100, "with its new expiry");
	authz_done(&got);
	ok(authz_move(db, a.id, AUTHZ_VALID, AUTHZ_DEACTIVATED, 0, &moved, pr) && moved, "0 leaves the expiry");
	got = get_authz(db, a.id);
	is_int(got.expires, NOW + 100, "as it was");
	authz_done(&got);
	ok(authz_link(db, order, a.id, pr) && authz_link(db, order, a.id, pr), "an order takes it, twice without harm");
	return true;
}

static bool
case_authz_sets(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "sets"), other = put_account(db, "others"), order = put_order(db, account, ORDER_PENDING, NOW, "a.test,b.test");
	int64_t pending = put_authz(db, account, order, "a.test", AUTHZ_PENDING, NOW + 5), valid = put_authz(db, account, order, "b.test", AUTHZ_VALID, NOW + 9);
	struct authz_summary s;
	AUTO_BUF refs = BUF_MAX(1000), want = BUF_MAX(1000);
	struct ident a = dns("a.test"), b = dns("b.test"), wild = dns("*.b.test");
	struct idents names = { 0 };
	struct list list = { 0 };
	struct authz got;
	int64_t id, expires, count, waiting;
	bool covers;

	(void)arg;
	ok(authz_summary_of_order(db, order, NOW, &s, pr) && s.count == 2 && s.not_valid == 1 && s.dead == 0 && s.first_expiry == NOW + 5, "the summary of an order's authorizations");
	ok(authz_summary_of_order(db, order, NOW + 6, &s, pr) && s.dead == 1, "one past its time is dead");
	ok(authz_summary_of_order(db, 9999, NOW, &s, pr) && s.count == 0, "there are none of an unknown order");
	got = get_authz(db, pending);
	add_text(got.ref, &want);
	authz_done(&got);
	got = get_authz(db, valid);
	add_text(got.ref, &want);
	authz_done(&got);
	ok(authz_refs_of_order(db, order, (authz_ref_fn)add_text, &refs, pr) && span_eq(buf_span(&refs), buf_span(&want)), "refs come in the order of the identifiers");
	ok(order_each_with_authz(db, pending, note_id, &list, pr) && list.count == 1 && list.ids[0] == order, "the orders that use an authorization");

	ok(authz_find_valid(db, account, &b, false, "p", NOW + 9, NOW + 1000, &id, &expires, pr) && id == valid && expires == NOW + 9, "a valid one is found again (O2)");
	ok(authz_find_valid(db, account, &b, false, "p", NOW + 10, NOW + 1000, &id, &expires, pr) && id == 0, "not if it would live too short");
	ok(authz_find_valid(db, account, &b, false, "p", NOW, NOW + 8, &id, &expires, pr) && id == 0, "nor if it would live longer than a new one");
	ok(authz_find_valid(db, account, &b, true, "p", NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not for the wildcard");
	ok(authz_find_valid(db, account, &b, false, "q", NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not for another profile");
	ok(authz_find_valid(db, other, &b, false, "p", NOW, NOW + 1000, &id, &expires, pr) && id == 0, "not for another account");
	ok(authz_find_valid(db, account, &a, false, "p", NOW, NOW + 1000, &id, &expires, pr) && id == 0, "a pending one is not");

	ok(authz_covers(db, account, &names, "p", NOW, &covers, pr) && !covers, "no names are not covered");
	idents_add(&names, &b);
	ok(authz_covers(db, account, &names, "p", NOW + 9, &covers, pr) && covers, "a valid authorization covers its name");
	ok(authz_covers(db, account, &names, "p", NOW + 10, &covers, pr) && !covers, "while it lives");
	ok(authz_covers(db, other, &names, "p", NOW, &covers, pr) && !covers, "for its account");
	ok(authz_covers(db, account, &names, "q", NOW, &covers, pr) && !covers, "and for its profile");
	idents_add(&names, &a);
	ok(authz_covers(db, account, &names, "p", NOW, &covers, pr) && !covers, "all names must be covered");
	idents_done(&names);
	idents_add(&names, &wild);
	ok(authz_covers(db, account, &names, "p", NOW, &covers, pr) && !covers, "a name does not cover its wildcard");
	idents_done(&names);

	ok(authz_expire(db, NOW + 6, 10, &count, pr) && count == 1 && authz_state_of(db, pending) == AUTHZ_EXPIRED, "what is over expires");
	ok(authz_expire(db, NOW + 99, 0, &count, pr) && count == 0, "up to a limit");
	pending = put_authz(db, account, order, "a.test", AUTHZ_PENDING, NOW + 5);
	ok(authz_count_pending(db, account, 10, &waiting, pr) && waiting == 1, "pending ones are counted");
	ok(authz_deactivate_pending_of(db, account, pr) && authz_state_of(db, pending) == AUTHZ_DEACTIVATED && authz_state_of(db, valid) == AUTHZ_VALID, "pending ones of an account are deactivated, valid ones are not");
	return true;
}

static void
test_kinds(void)
{
	enum challenge_kind kind = CHALLENGE_KIND__COUNT;

	is_str(challenge_kind_name(CHALLENGE_HTTP_01), "http-01", "challenge kinds have names");
	ok(challenge_kind_parse(SPAN("http-01"), &kind) && kind == CHALLENGE_HTTP_01, "and are read by them");
	ok(!challenge_kind_parse(SPAN("HTTP-01"), &kind) && !challenge_kind_parse(SPAN(""), &kind), "octet for octet");
	for (int k = 0; k < JOB_KIND__COUNT; k++)
		ok(job_kind_name((enum job_kind)k) != NULL, "job kind %d has a name", k);
}

/* ---- certificates ---- */

static void
list_cert(const struct cert_row *c, void *arg)
{
	note_id(NULL, c->id, arg, NULL);
}

static void
list_cert_of(const struct cert_row *c, const char *account_ref, void *arg)
{
	if (account_ref[0])
		note_id(NULL, c->id, arg, NULL);
}

static bool
case_certs(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "certs"), other = put_account(db, "others"), id, n;
	struct cert_row c = cert_like(7, account, "c1", "a.test", NOW + 1000), got = { 0 };
	AUTO_BUF pem = BUF_MAX(1000);
	char key[IDENTS_KEY_TEXT];
	struct list list = { 0 };
	unsigned count;
	bool found, moved, has;

	(void)arg;
	idents_key(&c.idents, key);
	ok(cert_insert(db, &c, SPAN("CHAIN"), pr) && c.id > 0, "a certificate is inserted");
	ok(cert_by_ref(db, span_str(c.ref), account, &got, &found, pr) && found && got.id == c.id && got.order_id == 7, "its account finds it");
	ok(strcmp(got.serial, c.serial) == 0 && strcmp(got.certid, c.certid) == 0 && strcmp(got.sha256, c.sha256) == 0 && strcmp(got.key_hash, c.key_hash) == 0 &&
			strcmp(got.issuer, c.issuer) == 0 && got.not_before == c.not_before && got.not_after == c.not_after && idents_same(&got.idents, &c.idents), "as it was");
	ok(got.fetched_at == 0 && got.revoked_at == 0 && got.revoked_reason == -1 && got.revoked_upstream_at == 0, "not fetched, not revoked");
	cert_row_done(&got);
	ok(cert_by_ref(db, span_str(c.ref), other, &got, &found, pr) && !found, "another account does not");
	ok(cert_by_id(db, c.id, &got, &found, pr) && found, "found by id");
	cert_row_done(&got);
	ok(cert_by_sha256(db, "sha-c1", &got, &found, pr) && found, "found by its digest");
	cert_row_done(&got);
	ok(cert_by_sha256(db, "sha-c2", &got, &found, pr) && !found, "not by another");
	ok(cert_by_certid(db, "aki.c1", &got, &found, pr) && found && got.id == c.id, "found by its certID");
	cert_row_done(&got);
	ok(cert_by_certid(db, "aki.c", &got, &found, pr) && !found, "not by a part of it");
	cert_row_done(&got);
	ok(cert_last_of_set(db, account, key, &got, &found, pr) && found && got.id == c.id, "the newest of its principal and set");
	cert_row_done(&got);
	ok(cert_last_of_set(db, other, key, &got, &found, pr) && !found, "of nobody else");
	ok(cert_by_serial(db, "0c1", &got, &count, pr) && count == 1 && got.id == c.id, "found by its serial number");
	cert_row_done(&got);
	ok(cert_by_serial(db, "c1", &got, &count, pr) && count == 0, "not by another");
	ok(cert_chain(db, c.id, 0, &pem, &found, pr) && found && span_is(buf_span(&pem), "CHAIN"), "its chain");
	ok(cert_chain(db, c.id, 1, &pem, &found, pr) && !found && pem.n == 0, "has no alternate");
	ok(cert_alternates(db, c.id, &n, pr) && n == 0, "as their number says");
	ok(cert_add_alternate(db, c.id, 1, SPAN("OTHER"), pr) && cert_alternates(db, c.id, &n, pr) && n == 1, "now it has one");
	ok(cert_chain(db, c.id, 1, &pem, &found, pr) && found && span_is(buf_span(&pem), "OTHER"), "that one");

	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW, NOW, 0, &id, pr) && id == c.id, "it may be had again (O4)");
	ok(cert_find_again(db, other, "key-c1", key, "p", "u", NOW, NOW, 0, &id, pr) && id == 0, "not by another account");
	ok(cert_find_again(db, account, "key-c2", key, "p", "u", NOW, NOW, 0, &id, pr) && id == 0, "not with another key");
	ok(cert_find_again(db, account, "key-c1", key, "q", "u", NOW, NOW, 0, &id, pr) && id == 0, "not in another profile");
	ok(cert_find_again(db, account, "key-c1", key, "p", "v", NOW, NOW, 0, &id, pr) && id == 0, "not from another CA");
	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW + 450, NOW, 50, &id, pr) && id == c.id, "while so much of its life (1100 s) is ahead as is wanted");
	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW + 451, NOW, 50, &id, pr) && id == 0, "not later");
	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW + 1000, NOW, 0, &id, pr) && id == 0, "not when it has ended");
	ok(cert_set_fetched(db, c.id, NOW, pr) && cert_set_fetched(db, c.id, NOW + 5, pr) && cert_by_id(db, c.id, &got, &found, pr) && got.fetched_at == NOW, "the first fetch counts");
	cert_row_done(&got);
	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW, c.created_at + 1, 0, &id, pr) && id == 0, "once fetched it is not given out again when it is old");
	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW, c.created_at, 0, &id, pr) && id == c.id, "it is while it is young");
	ok(cert_revoke(db, c.id, NOW, 4, &moved, pr) && moved && cert_revoke(db, c.id, NOW + 1, 1, &moved, pr) && !moved, "it is revoked once");
	ok(cert_by_id(db, c.id, &got, &found, pr) && !got.revoked_by_holder, "by whom is not said");
	cert_row_done(&got);
	ok(cert_set_revoked_by_holder(db, c.id, pr) && cert_by_id(db, c.id, &got, &found, pr) && got.revoked_by_holder, "unless its holder wanted that");
	cert_row_done(&got);
	ok(cert_set_revoked_upstream(db, c.id, NOW + 2, pr) && cert_by_id(db, c.id, &got, &found, pr) && got.revoked_at == NOW && got.revoked_reason == 4 && got.revoked_upstream_at == NOW + 2, "with the first reason, at the CA too");
	cert_row_done(&got);
	ok(cert_find_again(db, account, "key-c1", key, "p", "u", NOW, NOW, 0, &id, pr) && id == 0, "a revoked one is not given out again");
	ok(cert_each_revoked(db, "u", NOW + 1000, list_cert, &list, pr) && list.count == 1 && list.ids[0] == c.id, "it is on the list of revoked ones");
	list.count = 0;
	ok(cert_each_revoked(db, "u", NOW + 1001, list_cert, &list, pr) && list.count == 0, "until it ends");
	ok(cert_each_revoked(db, "v", NOW, list_cert, &list, pr) && list.count == 0, "of its CA");
	id = put_cert(db, 8, other, "c2");
	ok(cert_revoke(db, id, NOW, -1, &moved, pr) && cert_by_id(db, id, &got, &found, pr) && got.revoked_at == NOW && got.revoked_reason == -1, "a revocation needs no reason");
	cert_row_done(&got);
	list.count = 0;
	ok(cert_list(db, 0, 0, 10, list_cert_of, &list, pr) && list.count == 2 && list.ids[0] == id, "operators list all, newest first");
	list.count = 0;
	ok(cert_list(db, account, 0, 10, list_cert_of, &list, pr) && list.count == 1 && list.ids[0] == c.id, "or an account's");
	ok(cert_list_count(db, 0, 10, &n, pr) && n == 2 && cert_list_count(db, account, 10, &n, pr) && n == 1 && cert_list_count(db, 0, 1, &n, pr) && n == 1, "and count them");
	ok(cert_is_of(db, c.id, account, &has, pr) && has && cert_is_of(db, c.id, other, &has, pr) && !has, "a certificate is its account's alone");
	ok(denied_key_has(db, "kh", &has, pr) && !has, "no key is denied at first");
	ok(denied_key_add(db, "kh", "why", pr) && denied_key_add(db, "kh", "again", pr) && denied_key_has(db, "kh", &has, pr) && has, "then one is, twice without harm");
	cert_row_done(&c);
	return true;
}

struct renewals {
	int64_t ids[8], starts[8];
	size_t count;
};

static void
list_renewal(const struct renewal_row *row, void *arg)
{
	struct renewals *r = arg;

	r->starts[r->count] = row->ca_start;
	r->ids[r->count++] = row->cert_id;
}

/* Where certificates' places are, and how many are counted for an hour. */
static bool
case_renewal_plans(struct sql *db, void *arg, struct problem *pr)
{
	int64_t mine = put_account(db, "plans"), n, hour = NOW / 3600;
	struct cert_row a = cert_like(31, mine, "p1", "p.test", NOW + 1000), b = cert_like(32, mine, "p2", "q.test", NOW + 2000);
	struct plan_row rows[8], row;
	size_t count, later;
	uint32_t counts[3];
	bool found, moved;

	(void)arg;
	need(cert_insert(db, &a, SPAN("PEM"), pr) && cert_insert(db, &b, SPAN("PEM"), pr));
	ok(plan_each_missing(db, 8, rows, &count, pr) && count >= 2 && !rows[0].is_current, "a new certificate has no plan");
	ok(plan_each_live(db, NOW, a.id - 1, 8, rows, &later, pr) && later == 2 && rows[1].renewal.cert_id == b.id, "those that live are walked");
	need(plan_by_cert(db, b.id, &row, &found, pr));
	ok(found && strcmp(row.upstream, "u") == 0 && row.renewal.planned_start == 0 && row.order_id == 32, "with what a plan is made from");
	row.renewal.planned_start = NOW;
	row.renewal.planned_end = NOW + 600;
	row.renewal.plan_why = PLAN_COUNTED;
	need(plan_set(db, &row, NOW + 5, pr) && plan_count_add(db, "u", hour, 1, pr) && plan_count_add(db, "u", hour, 1, pr));
	ok(plan_by_cert(db, b.id, &row, &found, pr) && row.is_current && row.renewal.planned_end == NOW + 600 && row.renewal.changed_at == NOW + 5, "it is put on record");
	ok(plan_each_missing(db, 8, rows, &later, pr) && later == count - 1, "and is missing no longer");
	ok(plan_count(db, "u", hour, &n, pr) && n == 2 && plan_count(db, "v", hour, &n, pr) && n == 0, "an hour of a CA is counted");
	ok(plan_counts(db, "u", hour - 1, 3, counts, pr) && counts[0] == 0 && counts[1] == 2 && counts[2] == 0, "and several are read at once");
	need(cert_revoke(db, b.id, NOW, 1, &moved, pr));
	ok(plan_count(db, "u", hour, &n, pr) && n == 1, "who is revoked is counted no longer");
	ok(plan_sweep(db, hour, 9, &n, pr) && n == 0 && plan_sweep(db, hour + 1, 9, &n, pr) && n == 1, "hours that are over are deleted");
	ok(plan_by_cert(db, -1, &row, &found, pr) && !found, "of no certificate there is no plan");
	cert_row_done(&a);
	cert_row_done(&b);
	return true;
}

static bool
case_renewal(struct sql *db, void *arg, struct problem *pr)
{
	static const char WINDOW[] = "update renewal set ca_start=5, ca_end=6, explanation='x', changed_at=7 where certid='aki.r2'";
	int64_t mine = put_account(db, "renews"), other = put_account(db, "renews-too");
	struct cert_row a = cert_like(21, mine, "r1", "r.test", NOW + 1000), b = cert_like(22, mine, "r2", "s.test", NOW + 2000);
	struct cert_row c = cert_like(23, other, "r3", "r.test", NOW - 5);
	struct renewals r = { .count = 0 };
	char key[IDENTS_KEY_TEXT], certid[CERTID_TEXT];
	bool found, moved;

	(void)arg;
	idents_key(&a.idents, key);
	need(cert_insert(db, &a, SPAN("PEM"), pr) && cert_insert(db, &b, SPAN("PEM"), pr) && cert_insert(db, &c, SPAN("PEM"), pr));
	ok(renewal_by_certid(db, "aki.r1", list_renewal, &r, &found, pr) && found && r.count == 1 && r.ids[0] == a.id && r.starts[0] == 0, "of a new certificate there is renewal information");
	ok(renewal_by_certid(db, "aki.r", list_renewal, &r, &found, pr) && !found && r.count == 1, "of no other");
	r.count = 0;
	ok(renewal_each_live(db, NOW, a.id - 1, 10, list_renewal, &r, pr) && r.count == 2 && r.ids[0] == a.id && r.ids[1] == b.id, "those that live are walked");
	need(sql_exec(db, WINDOW, pr));
	r.count = 0;
	ok(renewal_each_changed(db, (struct renewal_mark){ 6, 0 }, 1, list_renewal, &r, pr) && r.count == 1 && r.ids[0] == b.id && r.starts[0] == 5, "changes come by their time, with the CA's window");
	r.count = 0;
	ok(renewal_each_changed(db, (struct renewal_mark){ 7, b.id }, 1, list_renewal, &r, pr) && r.count == 1 && r.ids[0] != b.id, "each once");
	need(cert_revoke(db, a.id, NOW, 1, &moved, pr) && renewal_replaced(db, "aki.r2", NOW + 1, pr) && renewal_replaced(db, "aki.r2", NOW + 9, pr));
	r.count = 0;
	ok(renewal_each_changed_of(db, mine, (struct renewal_mark){ NOW - 1, INT64_MAX }, NOW + 1, 10, list_renewal, &r, pr) && r.count == 2 && r.ids[0] == a.id && r.ids[1] == b.id, "a principal's that were revoked and replaced, once each");
	r.count = 0;
	ok(renewal_each_changed_of(db, mine, (struct renewal_mark){ NOW - 1, INT64_MAX }, NOW, 10, list_renewal, &r, pr) && r.count == 1, "up to a time");
	r.count = 0;
	ok(renewal_each_ended_of(db, other, (struct renewal_mark){ 0, 0 }, NOW, 10, list_renewal, &r, pr) && r.count == 1 && r.ids[0] == c.id, "a principal's that have ended");
	ok(cert_find_predecessor(db, mine, key, "u", NOW, certid, pr) && !certid[0], "what is revoked is nobody's predecessor");
	a.sha256[0] = 'S';
	strcpy(a.certid, "aki.r4");
	need(cert_insert(db, &a, SPAN("PEM"), pr));
	ok(cert_find_predecessor(db, mine, key, "u", NOW, certid, pr) && strcmp(certid, "aki.r4") == 0, "the one live certificate of a set is (R8)");
	ok(cert_find_predecessor(db, other, key, "u", NOW, certid, pr) && !certid[0], "not another principal's");
	ok(cert_find_predecessor(db, mine, key, "v", NOW, certid, pr) && !certid[0], "not another CA's");
	ok(cert_find_predecessor(db, mine, key, "u", NOW + 1000, certid, pr) && !certid[0], "not when it has ended");
	a.sha256[0] = 'T';
	strcpy(a.certid, "aki.r5");
	need(cert_insert(db, &a, SPAN("PEM"), pr));
	ok(cert_find_predecessor(db, mine, key, "u", NOW, certid, pr) && !certid[0], "of two it is not known which");
	need(renewal_replaced(db, "aki.r5", NOW, pr));
	ok(cert_find_predecessor(db, mine, key, "u", NOW, certid, pr) && strcmp(certid, "aki.r4") == 0, "until one has been replaced");
	cert_row_done(&a);
	cert_row_done(&b);
	cert_row_done(&c);
	return true;
}

/* ---- jobs ---- */

static bool
case_jobs(struct sql *db, void *arg, struct problem *pr)
{
	struct job_row rows[8];
	int64_t free_id, later, mine = 0, id, due, counts[JOB_KIND__COUNT];
	struct job_queue queues[JOB_KIND__COUNT];
	size_t n;
	struct job_view v;
	bool is_mine, found, kept;

	(void)arg;
	ok(job_next_due(db, &due, pr) && due == INT64_MAX, "no job is due");
	ok(job_insert(db, JOB_ISSUE, 1, 1000, NULL, 0, &free_id, pr) && free_id > 0, "a free job is inserted");
	ok(job_insert(db, JOB_ISSUE, 1, 5, NULL, 0, &id, pr) && id == 0, "the same again stays as it is");
	ok(job_insert(db, JOB_ISSUE, 2, 3000, NULL, 0, &later, pr) && job_insert(db, JOB_VALIDATE, 1, 1000, "n1", 9000, &mine, pr) && mine > 0, "another, and one that is leased at once");
	ok(job_next_due(db, &due, pr) && due == 1000, "the next free one is due");
	ok(job_is_mine(db, mine, "n1", JOB_EPOCH_FIRST, &is_mine, pr) && is_mine, "a leased one is its node's");
	ok(job_is_mine(db, mine, "n2", JOB_EPOCH_FIRST, &is_mine, pr) && !is_mine, "not another's");
	ok(job_is_mine(db, mine, "n1", JOB_EPOCH_FIRST + 1, &is_mine, pr) && !is_mine, "nor by another lease");
	ok(job_is_mine(db, free_id, "n1", 0, &is_mine, pr) && !is_mine, "a free one is nobody's");
	ok(job_claim(db, "n2", 2000, 8000, 8, rows, &n, pr) && n == 1, "what is due and free is claimed");
	ok(rows[0].id == free_id && rows[0].kind == JOB_ISSUE && rows[0].subject == 1 && rows[0].attempts == 0 && rows[0].epoch == 1, "as it was, by its first lease");
	ok(job_claim(db, "n1", 2000, 8000, 8, rows, &n, pr) && n == 0, "by one node alone");
	ok(job_release(db, free_id, 2500, "why", pr) && job_claim(db, "n1", 2499, 8000, 8, rows, &n, pr) && n == 0, "given back, it waits until it is due");
	ok(job_find(db, JOB_ISSUE, 1, &v, &found, pr) && found && v.row.id == free_id && v.row.attempts == 1 && strcmp(v.error, "why") == 0 && !v.node[0], "an operator sees why it waits");
	ok(job_find(db, JOB_VALIDATE, 1, &v, &found, pr) && found && strcmp(v.node, "n1") == 0 && !v.error[0], "and who works on another");
	ok(job_find(db, JOB_REVOKE, 1, &v, &found, pr) && !found, "but not what is not there");
	ok(job_hurry(db, JOB_ISSUE, 1, 100, pr) && job_claim(db, "n1", 100, 8000, 8, rows, &n, pr) && n == 1 && rows[0].attempts == 1 && rows[0].epoch == 2, "unless somebody hurries it; attempts and leases are counted");
	ok(job_hurry(db, JOB_ISSUE, 1, 50, pr) && job_is_mine(db, free_id, "n1", 2, &is_mine, pr) && is_mine, "a leased one is not hurried");
	ok(job_extend(db, mine, "n1", 1, 20000, &kept, pr) && kept && job_release_expired(db, 19999, pr) && job_is_mine(db, mine, "n1", 1, &is_mine, pr) && is_mine, "a heartbeat keeps leases");
	ok(job_extend(db, mine, "n2", 1, 1, &kept, pr) && !kept && job_extend(db, mine, "n1", 2, 1, &kept, pr) && !kept, "not another node's, nor by another lease");
	ok(job_release_expired(db, 20001, pr) && job_is_mine(db, mine, "n1", 1, &is_mine, pr) && !is_mine, "without it they end");
	ok(job_extend(db, mine, "n1", 1, 30000, &kept, pr) && !kept, "and none comes back");
	ok(job_claim(db, "n3", 4000, 8000, 1, rows, &n, pr) && n == 1, "no more is claimed than the limit says");
	ok(job_claim(db, "n3", 4000, 8000, 8, rows, &n, pr) && n == 2, "then the rest");
	ok(job_release_node(db, "n3", pr) && job_claim(db, "n4", 4000, 8000, 8, rows, &n, pr) && n == 3, "a node's leases end when it says so");
	ok(job_counts(db, counts, pr) && counts[JOB_ISSUE] == 2 && counts[JOB_VALIDATE] == 1 && counts[JOB_REVOKE] == 0, "jobs are counted by kind");
	ok(job_queues(db, 4000, queues, pr) && queues[JOB_ISSUE].leased == 2 && queues[JOB_ISSUE].due == 0 && queues[JOB_ISSUE].oldest_due_ms == 0 &&
			queues[JOB_VALIDATE].leased == 1 && queues[JOB_REVOKE].leased == 0,
		"of each kind it is told how many are leased");
	ok(job_release(db, later, 5000, NULL, pr) && job_queues(db, 4999, queues, pr) && queues[JOB_ISSUE].leased == 1 && queues[JOB_ISSUE].waiting == 1 &&
			queues[JOB_ISSUE].due == 0 && queues[JOB_ISSUE].oldest_due_ms == 0,
		"how many wait for their time");
	ok(job_queues(db, 5000, queues, pr) && queues[JOB_ISSUE].waiting == 0 && queues[JOB_ISSUE].due == 1 && queues[JOB_ISSUE].oldest_due_ms == 5000,
		"how many are due, and since when");
	ok(job_delete(db, later, pr) && job_counts(db, counts, pr) && counts[JOB_ISSUE] == 1, "a job that is done goes");
	return true;
}

/* ---- records in the DNS ---- */

static void
count_records(const char *solver, int64_t wanted, int64_t unwanted, void *arg)
{
	int64_t *counts = arg;

	counts[0] += strcmp(solver, "corp") == 0 ? wanted : 100;
	counts[1] += unwanted;
}

static bool
case_proof_records(struct sql *db, void *arg, struct problem *pr)
{
	struct proof_record r = { .order_id = 7, .solver = "corp", .zone = "x.test", .server = "ns.x.test", .owner = "_acme-challenge.x.test",
		.value = "one" }, got = { 0 };
	int64_t first, second, same, other, ahead, counts[2] = { 0 };
	struct job_view job;
	bool found, wanted, shared;

	(void)arg;
	ok(proof_record_put(db, &r, &first, pr) && proof_record_get(db, first, &got, &found, pr) && found && got.wanted && got.order_id == 7,
		"a record is in the journal, and wanted");
	is_str(got.owner, "_acme-challenge.x.test", "with its name");
	is_str(got.server, "ns.x.test", "and the server");
	ok(job_find(db, JOB_CLEAN, first, &job, &found, pr) && found && job.row.due_ms > clock_unix_ms() + 1000000, "a job will look after it, much later");
	ok(proof_record_put(db, &r, &same, pr) && same == first, "the same once more is the same");
	snprintf(r.value, sizeof(r.value), "two");
	ok(proof_record_put(db, &r, &second, pr) && second != first, "another value is another");
	snprintf(r.value, sizeof(r.value), "one");
	r.order_id = 8;
	ok(proof_record_put(db, &r, &other, pr) && other != first, "and so is another order's");
	ok(proof_record_look(db, first, &wanted, &shared, pr) && wanted && shared, "of which two want the very same");
	ok(proof_record_look(db, second, &wanted, &shared, pr) && wanted && !shared, "but not this");
	ok(proof_record_ahead(db, first, &ahead, pr) && ahead == 0 && proof_record_ahead(db, other, &ahead, pr) && ahead == 2,
		"how many were there before is told");
	ok(proof_record_counts(db, count_records, counts, pr) && counts[0] == 3 && counts[1] == 0, "they are counted by solver");
	ok(upstream_order_delete(db, 7, pr), "the order at the CA is over");
	ok(proof_record_look(db, first, &wanted, &shared, pr) && !wanted && shared, "its records are not wanted any more; the other order's is");
	ok(proof_record_look(db, other, &wanted, &shared, pr) && wanted && !shared, "which nobody shares now");
	ok(job_find(db, JOB_CLEAN, first, &job, &found, pr) && job.row.due_ms < clock_unix_ms() + 10000, "their jobs are due soon");
	ok(job_find(db, JOB_CLEAN, other, &job, &found, pr) && job.row.due_ms > clock_unix_ms() + 1000000, "its is not");
	ok(proof_record_delete(db, other, &wanted, pr) && wanted && proof_record_get(db, other, &got, &found, pr) && found, "what is wanted is not forgotten, and that is told");
	ok(proof_record_delete(db, first, &wanted, pr) && !wanted && proof_record_get(db, first, &got, &found, pr) && !found, "what is gone is");
	ok(proof_record_look(db, first, &wanted, &shared, pr) && !wanted && !shared, "and nobody wants it");
	return true;
}

/* ---- what the store knows of the CAs ---- */

/* The account of row `id` as it is by now; to be done with. */
static struct upstream_row
life_of(struct sql *db, int64_t id, struct problem *pr)
{
	struct upstream_row u = { 0 };
	bool found;

	ok(upstream_row_by_id(db, id, &u, &found, pr) && found, "  (read)");
	return u;
}

/* Orders of one CA, and of another, and which of their jobs are due at once when what they wait for has come. */
static void
case_hurry(struct sql *db, struct problem *pr)
{
	static const struct {
		const char *name, *upstream;
		bool queued, leased;
		int64_t not_before, bucket;
		bool want;
	} cases[] = {
		{ "an order that is not in the queue is hurried", "life", false, false, 0, 0, true },
		{ "one that was put back for a time, too", "life", true, false, NOW + 60, 0, true },
		{ "one that waits for its turn is not", "life", true, false, 0, 0, false },
		{ "one whose time has come is not", "life", true, false, NOW - 60, 0, false },
		{ "nor is one that waits for a limit", "life", true, false, NOW + 60, 4, false },
		{ "nor one that is at work", "life", false, true, 0, 0, false },
		{ "nor another CA's", "other", false, false, 0, 0, false },
	};
	const int64_t now_ms = NOW * INT64_C(1000);
	struct job_row taken;
	int64_t job;
	bool got;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t id = 700 + (int64_t)i;

		need(upstream_order_insert(db, id, cases[i].upstream, pr) && job_insert(db, JOB_ISSUE, id, JOB_DUE_NEVER, NULL, 0, &job, pr) &&
			(!cases[i].queued || (queue_enter(db, &(struct queue_row){ .order_id = id }, pr) &&
				queue_back(db, id, cases[i].not_before, cases[i].bucket, pr))) &&
			(!cases[i].leased || (job_take(db, JOB_ISSUE, id, "n", now_ms - 1000, now_ms + 1000, &taken, &got, pr) && got)));
	}
	need(upstream_orders_hurry(db, "life", now_ms, pr));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t id = 700 + (int64_t)i;
		struct job_view view;

		ok(job_find(db, JOB_ISSUE, id, &view, &got, pr) && got && (view.row.due_ms == now_ms) == cases[i].want, "%s", cases[i].name);
		need(job_delete(db, view.row.id, pr) && upstream_order_delete(db, id, pr));
	}
}

static bool
case_life(struct sql *db, void *arg, struct problem *pr)
{
	struct upstream_row u = { 0 };
	int64_t id, epoch, since, before, proofs;
	struct upstream_stake stake;
	bool moved;

	(void)arg;
	ok(upstream_row_get(db, "life", &u, pr) && upstream_set_key(db, u.id, SPAN("one"), "jwk1", SPAN_NONE, &moved, pr), "a CA with a key");
	id = u.id;
	upstream_row_done(&u);
	ok(upstream_life_glance(db, id, &before, &since, pr) && since == 0, "it has an epoch");
	ok(upstream_life_registered(db, id, "https://ca/a/1", "", NULL, pr) && upstream_life_glance(db, id, &epoch, &since, pr) && epoch == before + 1,
		"which an account counts up");
	u = life_of(db, id, pr);
	ok(u.life.has_contact && !u.life.contact[0] && !u.life.terms && u.life.checked_at && u.life.key_at && u.life.state == ACCOUNT_VALID,
		"no contact is on record as such, and no terms");
	upstream_row_done(&u);
	ok(upstream_life_told(db, id, "mailto:a@b", "https://ca/t", pr) && upstream_life_told(db, id, "mailto:c@d", NULL, pr), "what the CA was told");
	ok(upstream_life_trouble(db, id, "no", pr) && upstream_life_want(db, id, WANT_TERMS, pr) && upstream_life_want(db, id, WANT_DEACTIVATE, pr) &&
		upstream_life_unwant(db, id, WANT_TERMS, pr), "and what is to be done");
	u = life_of(db, id, pr);
	ok(strcmp(u.life.contact, "mailto:c@d") == 0 && strcmp(u.life.terms, "https://ca/t") == 0 && strcmp(u.life.trouble, "no") == 0 &&
		u.life.trouble_at && u.life.wanted == WANT_DEACTIVATE, "is there");
	upstream_row_done(&u);
	ok(upstream_life_checked(db, id, "mailto:e@f", pr), "a contact that the CA tells");
	u = life_of(db, id, pr);
	is_str(u.life.contact, "mailto:c@d", "does not take the place of one on record");
	upstream_row_done(&u);

	ok(upstream_next_key(db, id, SPAN("two"), "jwk2", &moved, pr) && moved && upstream_next_key(db, id, SPAN("three"), "jwk3", &moved, pr) && !moved,
		"one key at a time is to take the place of the present one");
	ok(upstream_life_glance(db, id, &before, &since, pr) && before == epoch && since, "that is seen at a glance");
	ok(upstream_next_sent(db, id, pr), "the CA is asked");
	u = life_of(db, id, pr);
	ok(span_is(buf_span(&u.sealed_key), "one") && span_is(buf_span(&u.life.next_key), "two") && strcmp(u.life.next_public, "jwk2") == 0 &&
		u.life.next_at && u.life.next_sent, "both keys are kept");
	upstream_row_done(&u);
	ok(upstream_next_promote(db, id, pr) && upstream_life_glance(db, id, &before, &since, pr) && before == epoch + 1 && !since, "until it has answered");
	u = life_of(db, id, pr);
	ok(span_is(buf_span(&u.sealed_key), "two") && strcmp(u.public_key, "jwk2") == 0 && u.life.next_key.n == 0 && !u.life.next_sent,
		"then the new one is the key");
	upstream_row_done(&u);
	ok(upstream_next_promote(db, id, pr) && upstream_life_glance(db, id, &epoch, &since, pr) && epoch == before, "without a next key nothing changes");
	ok(upstream_next_key(db, id, SPAN("four"), "jwk4", &moved, pr) && moved && upstream_next_drop(db, id, pr), "or it is given up");
	u = life_of(db, id, pr);
	ok(span_is(buf_span(&u.sealed_key), "two") && u.life.next_key.n == 0, "and the old one stays");
	upstream_row_done(&u);

	ok(upstream_set_eab(db, id, "kid", SPAN("mac"), 2, NOW, pr) && upstream_set_eab(db, id, NULL, SPAN_NONE, 0, NOW + 5, pr), "a binding, then its end alone");
	u = life_of(db, id, pr);
	ok(strcmp(u.life.eab_kid, "kid") == 0 && span_is(buf_span(&u.life.eab_key), "mac") && u.life.eab_alg == 2 && u.life.eab_at &&
		u.life.eab_expires == NOW + 5, "are on record");
	upstream_row_done(&u);
	ok(upstream_order_insert(db, 77, "life", pr) && upstream_authz_put(db, 77, &(struct upstream_proof){ .url = "https://ca/z/1", .challenge_url = "https://ca/c/1", .token = "t", .key_auth = "t.k" }, pr) &&
		upstream_proofs_out(db, "life", &proofs, pr) && proofs == 1, "a proof that is out is seen");
	case_hurry(db, pr);
	ok(upstream_stake_count(db, "life", "https://ca/a/1", &stake, pr) && stake.orders == 1 && stake.waiting == 0 && stake.certs == 0 && stake.buckets == 0,
		"what hangs on the account is counted");
	ok(upstream_order_delete(db, 77, pr), "(the order goes)");
	ok(upstream_life_state(db, id, ACCOUNT_DEACTIVATED, pr), "an account that has ended");
	u = life_of(db, id, pr);
	ok(u.life.state == ACCOUNT_DEACTIVATED && u.life.wanted == 0 && u.account_url[0], "says so, and wants nothing");
	upstream_row_done(&u);
	ok(upstream_life_anew(db, id, SPAN("five"), "jwk5", pr), "another one in its place");
	u = life_of(db, id, pr);
	ok(u.life.state == ACCOUNT_VALID && !u.account_url[0] && span_is(buf_span(&u.sealed_key), "five") && !u.life.has_contact && strcmp(u.life.eab_kid, "kid") == 0,
		"begins with its own key, and the binding that was handed in");
	upstream_row_done(&u);
	ok(upstream_life_registered(db, id, "https://ca/a/2", "", NULL, pr) && upstream_life_forgotten(db, id, "https://ca/a/1", pr), "an account that is not that any more");
	u = life_of(db, id, pr);
	is_str(u.account_url, "https://ca/a/2", "is not forgotten for it");
	upstream_row_done(&u);
	return true;
}

static void
count_upstream(const char *name, int64_t count, void *arg)
{
	int64_t *total = arg;

	*total += strcmp(name, "ca-1") == 0 ? count : 100;
}

static bool
case_upstreams(struct sql *db, void *arg, struct problem *pr)
{
	struct upstream_row u = { 0 };
	struct upstream_order o = { 0 };
	struct upstream_proof web = { .url = "https://ca/authz/1", .challenge_url = "https://ca/chall/1", .token = "tok", .key_auth = "tok.old" },
			      tls = { .url = "https://ca/authz/2", .challenge_url = "https://ca/chall/2", .server_name = "x.test", .ident = "dns:x.test",
				      .key_auth = "t2.thumb" };
	AUTO_BUF error = BUF_MAX(1000);
	AUTO_BUF key_auth = BUF_MAX(1000);
	AUTO_BUF ident = BUF_MAX(1000);
	bool found, moved, known;
	int64_t id, total = 0;

	(void)arg;
	ok(upstream_row_get(db, "ca-1", &u, pr) && u.id > 0 && u.sealed_key.n == 0 && !u.public_key && !u.account_url[0], "the row of a CA is made when first asked for");
	id = u.id;
	upstream_row_done(&u);
	ok(upstream_set_key(db, id, SPAN("sealed"), "jwk", SPAN("der"), &moved, pr) && moved, "its key is set");
	ok(upstream_set_key(db, id, SPAN("second"), "jwk2", SPAN("der2"), &moved, pr) && !moved, "once: the first gateway's counts");
	ok(upstream_life_registered(db, id, "https://ca/acct/1", "mailto:a@b", "https://ca/terms", pr) && upstream_set_directory(db, "ca-1", "{}", NOW, pr), "account and directory");
	ok(upstream_row_get(db, "ca-1", &u, pr) && u.id == id && span_is(buf_span(&u.sealed_key), "sealed") && span_is(buf_span(&u.ca_cert), "der") && u.directory_at == NOW, "are there when asked again");
	is_str(u.public_key, "jwk", "with the public key");
	is_str(u.account_url, "https://ca/acct/1", "and the account");
	upstream_row_done(&u);
	ok(upstream_row_by_id(db, id, &u, &found, pr) && found && strcmp(u.name, "ca-1") == 0, "found by id");
	upstream_row_done(&u);
	ok(upstream_row_by_id(db, id + 1, &u, &found, pr) && !found, "not by another");
	ok(upstream_drop_key(db, id, SPAN("sealed"), &moved, pr) && !moved, "a key that an account has is not dropped");
	ok(upstream_life_forgotten(db, id, "https://ca/acct/1", pr) && upstream_row_get(db, "ca-1", &u, pr) && !u.account_url[0], "an account may be forgotten");
	upstream_row_done(&u);
	ok(upstream_drop_key(db, id, SPAN("other"), &moved, pr) && !moved, "then its key may be dropped, but not another");
	ok(upstream_drop_key(db, id, SPAN("sealed"), &moved, pr) && moved, "but that one");
	ok(upstream_row_get(db, "ca-1", &u, pr) && u.sealed_key.n == 0 && !u.public_key && !u.directory, "the directory goes with it");
	upstream_row_done(&u);
	ok(upstream_set_key(db, id, SPAN("third"), "jwk3", SPAN("der3"), &moved, pr) && moved, "there is room for a new one");

	ok(upstream_order_insert(db, 5, "ca-1", pr) && upstream_order_get(db, 5, &o, &found, pr) && found && o.state == UPSTREAM_INTENT && o.attempt == 1 && o.intent_at == 0 && !o.url[0], "an order to be made is on record");
	ok(upstream_order_intend(db, 5, NOW, pr) && upstream_order_get(db, 5, &o, &found, pr) && o.intent_at == NOW, "and that newOrder goes out");
	ok(upstream_order_get(db, 6, &o, &found, pr) && !found, "of that order alone");
	ok(upstream_order_ordered(db, 5, "https://ca/order/1", "https://ca/order/1/f", NOW, pr) && upstream_order_get(db, 5, &o, &found, pr) && o.state == UPSTREAM_ORDERED && o.expires == NOW, "then the CA's order");
	is_str(o.finalize_url, "https://ca/order/1/f", "with its URLs");
	ok(upstream_order_url_known(db, "https://ca/order/1", &known, pr) && known, "which is known as taken");
	ok(upstream_order_url_known(db, "https://ca/order/2", &known, pr) && !known, "others are not");
	ok(upstream_authz_put(db, 5, &web, pr), "a proof is laid out");
	web.key_auth = "tok.new";
	ok(upstream_authz_put(db, 5, &web, pr), "and again");
	ok(upstream_token_lookup(db, SPAN("tok"), &key_auth, &found, pr) && found && span_is(buf_span(&key_auth), "tok.new"), "it is found by its token");
	ok(upstream_token_lookup(db, SPAN("tik"), &key_auth, &found, pr) && !found && key_auth.n == 0, "no other is");
	ok(upstream_authz_put(db, 5, &tls, pr) && upstream_server_name_lookup(db, "x.test", &ident, &key_auth, &found, pr) && found, "one is found by its name");
	ok(span_is(buf_span(&ident), "dns:x.test") && span_is(buf_span(&key_auth), "t2.thumb"), "with whose it is, and what proves it");
	ok(upstream_token_lookup(db, SPAN("t2"), &key_auth, &found, pr) && !found, "and not by its token");
	ok(upstream_server_name_lookup(db, "y.test", &ident, &key_auth, &found, pr) && !found && ident.n == 0, "another name is not");
	ok(upstream_server_name_taken(db, 6, "x.test", &known, pr) && known, "for another order the name is taken");
	ok(upstream_server_name_taken(db, 5, "x.test", &known, pr) && !known, "for the same it is not");
	ok(upstream_server_names_free(db, 6, pr) && upstream_server_name_taken(db, 6, "x.test", &known, pr) && known, "that one has nothing to give");
	ok(upstream_server_names_free(db, 5, pr) && upstream_server_name_taken(db, 6, "x.test", &known, pr) && !known, "until this has given it back");
	ok(upstream_server_name_lookup(db, "x.test", &ident, &key_auth, &found, pr) && !found, "then it proves nothing any more");
	ok(upstream_authz_put(db, 5, &tls, pr) && upstream_server_name_taken(db, 6, "x.test", &known, pr) && known, "it may take it again");
	ok(upstream_order_counts(db, count_upstream, &total, pr) && total == 1, "orders under way are counted by CA");
	ok(upstream_order_refuse_replaces(db, 5, "ca-1", pr) && upstream_order_get(db, 5, &o, &found, pr) && strcmp(o.replaces_refused, "ca-1") == 0, "that the CA takes no replaces is kept");
	ok(upstream_order_restart(db, 5, true, false, "why", pr) && upstream_order_get(db, 5, &o, &found, pr) && o.state == UPSTREAM_INTENT && o.attempt == 2 && o.failures == 1 && !o.url[0] && o.expires == 0 && o.intent_at == 0, "a restart begins anew and counts");
	ok(upstream_order_error(db, 5, &error, pr) && span_is(buf_span(&error), "why") && upstream_order_error(db, 6, &error, pr) && error.n == 0, "and keeps why");
	ok(upstream_token_lookup(db, SPAN("tok"), &key_auth, &found, pr) && !found, "its proofs are forgotten");
	ok(upstream_server_name_taken(db, 6, "x.test", &known, pr) && !known, "by tls-alpn-01, too");
	ok(!o.pinned && o.trouble_at == 0 && !o.refused_by[0], "it may go to another CA");
	ok(upstream_order_delete(db, 5, pr) && upstream_order_get(db, 5, &o, &found, pr) && !found, "it goes when the order ends");
	return true;
}

/* To another CA, with whoever joined it. */
static bool
case_move(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "mover"), id = put_order(db, account, ORDER_PROCESSING, NOW, "m.test");
	struct upstream_proof web = { .url = "https://a/authz/1", .challenge_url = "https://a/chall/1", .token = "mtok", .key_auth = "mtok.thumb" };
	struct upstream_order o = { 0 };
	AUTO_BUF key_auth = BUF_MAX(100);
	struct order order;
	bool found;

	(void)arg;
	need(upstream_order_insert(db, id, "ca-a", pr) && upstream_order_intend(db, id, NOW, pr) && upstream_authz_put(db, id, &web, pr));
	ok(upstream_order_trouble(db, id, NOW, pr) && upstream_order_trouble(db, id, NOW + 5, pr) && upstream_order_get(db, id, &o, &found, pr) &&
			o.trouble_at == NOW, "since when a CA does not take an order is kept");
	ok(upstream_order_move(db, &o, "ca-b", false, "down", pr) && upstream_order_get(db, id, &o, &found, pr) && strcmp(o.upstream, "ca-b") == 0 &&
			o.state == UPSTREAM_INTENT && o.attempt == 2 && o.intent_at == 0 && o.trouble_at == 0, "it begins anew at another one");
	ok(order_by_id(db, id, &order, &found, pr) && strcmp(order.upstream, "ca-b") == 0, "as the order says");
	order_done(&order);
	ok(upstream_token_lookup(db, SPAN("mtok"), &key_auth, &found, pr) && !found, "its proofs are forgotten");
	ok(!upstream_order_has_refused(&o, "ca-a") && !upstream_order_has_refused(&o, "ca-b"), "which has refused nothing");
	ok(upstream_order_move(db, &o, "ca-c", true, "no", pr) && upstream_order_get(db, id, &o, &found, pr) && upstream_order_has_refused(&o, "ca-b") &&
			!upstream_order_has_refused(&o, "ca-") && !upstream_order_has_refused(&o, "ca-c"), "one that has is remembered by its whole name");
	ok(upstream_order_move(db, &o, "ca-a", true, "no", pr) && upstream_order_get(db, id, &o, &found, pr) && upstream_order_has_refused(&o, "ca-b") &&
			upstream_order_has_refused(&o, "ca-c"), "beside those before it");
	ok(upstream_order_ordered(db, id, "https://a/order/9", "", NOW, pr) && upstream_order_restart(db, id, false, true, "gone", pr) &&
			upstream_order_restart(db, id, true, false, "why", pr) && upstream_order_get(db, id, &o, &found, pr) && o.pinned,
		"of which a certificate may yet come stays for good");
	need(upstream_order_delete(db, id, pr));
	return true;
}

static bool
case_events(struct sql *db, void *arg, struct problem *pr)
{
	AUTO_FREE char *longest = xasprintf("%*s", 600, "x");
	struct story s;

	(void)arg;
	ok(event_note(db, 3, "n1", "order", pr, "a=%d", 1) && event_note(db, 4, "n1", "order", pr, "other") && event_note(db, 3, "n1", "upstream", pr, "b"), "events are noted");
	s = story_of(db, 3);
	is_str(s.text, "order a=1\nupstream b\n", "an order's story is its own, oldest first");
	ok(event_note(db, 9, "n1", "w", pr, "%s", longest), "a long detail");
	s = story_of(db, 9);
	is_int(strlen(s.text), strlen("w \n") + 512, "is cut at 512 octets");
	return true;
}

/* ---- what is over goes ---- */

static bool
case_sweep(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "sweep"), idle = put_account(db, "idle"), busy = put_account(db, "busy"), n, cert;
	int64_t old = put_order(db, account, ORDER_INVALID, NOW - 9, "a.test"), kept = put_order(db, account, ORDER_VALID, NOW - 9, "b.test");
	int64_t young = put_order(db, account, ORDER_INVALID, NOW, "c.test"), open = put_order(db, account, ORDER_PENDING, NOW - 9, "d.test");
	int64_t linked = put_authz(db, account, open, "d.test", AUTHZ_EXPIRED, NOW - 9), loose = put_authz(db, account, 0, "a.test", AUTHZ_INVALID, NOW - 9);
	int64_t live = put_authz(db, account, 0, "a.test", AUTHZ_VALID, NOW - 9);
	struct authz a = { 0 };
	struct order o;
	struct account checked, found_account = { 0 }, bound = { .state = ACCOUNT_VALID, .thumbprint = "bound", .eab_id = 1 };
	struct cert_row c = { 0 };
	bool found;

	(void)arg;
	bound.jwk = xstrdup("{}");
	bound.contact = xstrdup("[]");
	need(account_insert(db, &bound, pr));
	account_done(&bound);
	need(event_note(db, old, "n1", "order", pr, "x"));
	cert = put_cert(db, kept, busy, "kept");
	need(order_set_cert(db, kept, cert, pr));
	need(upstream_order_insert(db, old, "ca-1", pr));
	ok(sweep_orders(db, NOW, NOW - 1, 10, &n, pr) && n == 0, "an order that ended long ago stays while something of it is at a CA, or in the queue");
	need(upstream_order_delete(db, old, pr));
	ok(sweep_orders(db, NOW, NOW - 1, 10, &n, pr) && n == 1, "then it goes");
	ok(order_by_id(db, old, &o, &found, pr) && !found && !story_of(db, old).text[0], "with its story");
	ok(order_state_of(db, kept) == ORDER_VALID && order_state_of(db, young) == ORDER_INVALID && order_state_of(db, open) == ORDER_PENDING,
		"not while its certificate lives, not too soon, not while it is open");
	ok(sweep_authzs(db, NOW - 1, 10, &n, pr) && n == 1 && authz_by_id(db, loose, &a, &found, pr) && !found, "an authorization that ended and that no order needs goes");
	ok(authz_state_of(db, linked) == AUTHZ_EXPIRED && authz_state_of(db, live) == AUTHZ_VALID, "others stay");
	ok(sweep_certs(db, NOW + 2000, 10, &n, pr) && n == 0, "a certificate stays while its order is there");
	ok(sweep_orders(db, NOW + 2000, NOW + 2000, 1, &n, pr) && n == 1 && sweep_orders(db, NOW + 2000, NOW + 2000, 10, &n, pr) && n == 1, "no more go at once than the limit says");
	ok(sweep_certs(db, NOW + 999, 10, &n, pr) && n == 0 && sweep_certs(db, NOW + 2000, 10, &n, pr) && n == 1, "then it goes when it is old");
	ok(cert_by_id(db, cert, &c, &found, pr) && !found, "it is gone");
	cert = put_cert(db, 999, busy, "later");
	ok(account_touch(db, &(struct account){ .id = account }, NOW, pr) && account_touch(db, &(struct account){ .id = account, .used_at = NOW }, NOW + 5, pr) &&
			account_by_id(db, account, &found_account, &found, pr) && found &&
			account_check(db, span_str(found_account.ref), &checked, &found, pr) && found,
		"an account is in use");
	is_int(checked.used_at, NOW, "noted once a day");
	account_done(&found_account);
	ok(sweep_accounts(db, NOW, NOW - 1, 10, &n, pr) && n == 1 && account_by_thumbprint(db, "idle", &found_account, &found, pr) && !found, "an idle one goes");
	ok(account_by_thumbprint(db, "busy", &found_account, &found, pr) && found, "not one with a live certificate");
	account_done(&found_account);
	ok(account_by_thumbprint(db, "sweep", &found_account, &found, pr) && found, "not one with an order, or in use");
	account_done(&found_account);
	ok(account_by_thumbprint(db, "bound", &found_account, &found, pr) && found, "not one that is bound to an external account key");
	account_done(&found_account);
	(void)idle;
	return true;
}

/* ---- external account keys ---- */

static void
count_key(const struct eab_key *k, void *arg)
{
	int *n = arg;

	(void)k;
	++*n;
}

static void
count_account(const struct account *a, void *arg)
{
	int *n = arg;

	(void)a;
	++*n;
}

struct seen_events {
	int count;
	char first[33];
};

static void
on_eab_event(const struct eab_event *e, void *arg)
{
	struct seen_events *s = arg;

	if (!s->count++)
		memcpy(s->first, e->what, sizeof(s->first));
}

static bool
case_eab(struct sql *db, void *arg, struct problem *pr)
{
	struct eab_key next = { .kid = "kid-0", .tenant = "web", .sealed = BUF_MAX(16) };
	struct seen_events events = { 0 };
	struct eab_key k = { .kid = "kid-1", .note = "printers", .profiles = "p q", .uses_max = 2, .sealed = BUF_MAX(16) }, got = { 0 };
	struct account a = { .state = ACCOUNT_VALID, .jwk = xstrdup("{}"), .contact = xstrdup("[]"), .thumbprint = "eab-account" }, seen_a = { 0 };
	bool found, moved, used;
	int64_t n;
	int listed = 0;

	(void)arg;
	buf_adds(&k.sealed, "blob");
	ok(eab_insert(db, &k, pr) && k.id > 0, "a key is kept");
	ok(eab_by_kid(db, SPAN("kid-1"), &got, &found, pr) && found && got.id == k.id && span_is(buf_span(&got.sealed), "blob"), "found by its kid");
	eab_key_done(&got);
	ok(eab_by_kid(db, SPAN("kid-2"), &got, &found, pr) && !found, "no other");
	ok(eab_by_id(db, k.id, &got, &found, pr) && found && strcmp(got.note, "printers") == 0, "or by its id");
	is_str(eab_key_status(&got, NOW), "active", "it is active");
	eab_key_done(&got);
	ok(eab_use(db, k.id, NOW, &used, pr) && used && eab_use(db, k.id, NOW, &used, pr) && used, "it has two uses");
	ok(eab_use(db, k.id, NOW, &used, pr) && !used, "not three");
	ok(eab_by_id(db, k.id, &got, &found, pr) && strcmp(eab_key_status(&got, NOW), "used-up") == 0, "then it is used up");
	eab_key_done(&got);
	ok(eab_list_has(k.profiles, "q") && !eab_list_has(k.profiles, "r"), "it is for its profiles alone");
	a.eab_id = k.id;
	a.eab = xstrdup("{}");
	ok(account_insert(db, &a, pr) && eab_count_accounts(db, k.id, 10, &n, pr) && n == 1, "an account is bound to it");
	ok(account_check(db, span_str(a.ref), &seen_a, &found, pr) && seen_a.eab_id == k.id && !seen_a.eab_stopped, "it may act");
	is_int(account_principal(&seen_a), -k.id, "and acts for it");
	next.root_id = k.id;
	buf_adds(&next.sealed, "blob");
	ok(eab_insert(db, &next, pr) && account_rebind(db, k.id, next.id, pr) && account_check(db, span_str(a.ref), &seen_a, &found, pr) &&
			seen_a.eab_id == next.id && account_principal(&seen_a) == -k.id, "bound to the key that takes its place, for the same principal");
	need(account_rebind(db, next.id, k.id, pr));
	for (int i = 0; i < EAB_EVENTS_KEPT + 3; i++)
		need(eab_event_note(db, k.id, i == 3 ? "third" : "x", "uid 0", "", pr));
	ok(eab_events(db, k.id, on_eab_event, &events, pr) && events.count == EAB_EVENTS_KEPT && strcmp(events.first, "third") == 0,
		"the last things that became of it are kept, oldest first");
	ok(eab_move(db, k.id, EAB_ACTIVE, EAB_SUSPENDED, &moved, pr) && moved && eab_move(db, k.id, EAB_ACTIVE, EAB_REVOKED, &moved, pr) && !moved,
		"the key is suspended, once");
	ok(account_check(db, span_str(a.ref), &seen_a, &found, pr) && seen_a.eab_stopped, "and its accounts are stopped");
	ok(eab_move(db, k.id, EAB_SUSPENDED, EAB_ACTIVE, &moved, pr) && moved && eab_set_expires(db, k.id, NOW - 1, pr) && eab_by_id(db, k.id, &got, &found, pr) &&
			strcmp(eab_key_status(&got, NOW), "expired") == 0, "it can end in time, too");
	eab_key_done(&got);
	ok(eab_list(db, NULL, 0, 10, count_key, &listed, pr) && listed == 2 && eab_list_count(db, NULL, 10, &n, pr) && n == 2, "operators list and count them");
	ok(eab_list(db, "web", 0, 10, count_key, &listed, pr) && listed == 3 && eab_list_count(db, "web", 10, &n, pr) && n == 1, "of one tenant, too");
	ok(account_list(db, "default", 0, 10, count_account, &listed, pr) && listed == 4 && account_list_count(db, "default", 10, &n, pr) && n == 1 &&
			account_list_count(db, "web", 10, &n, pr) && n == 0, "and the accounts of one");
	eab_key_done(&next);
	eab_key_done(&k);
	account_done(&a);
	return true;
}

/* ---- quotas ---- */

static void
sum_use(const struct usage_count *c, void *arg)
{
	int64_t *sum = arg;

	*sum += c->used;
}

/* The order takes one of each kind. */
static void
claim_all(struct sql *db, int64_t order, struct usage_count counts[USAGE__COUNT])
{
	struct problem pr = { 0 };

	for (int i = 0; i < USAGE__COUNT; i++) {
		counts[i] = (struct usage_count){ .counts = (enum usage_counts)i, .subject = "web", .end = i < 2 ? NOW + 10 : 0 };
		snprintf(counts[i].quota, sizeof(counts[i].quota), "q%d", i);
		must(usage_take(db, &counts[i], &pr) && usage_hold(db, order, &counts[i], &pr));
	}
}

static int64_t
use_of(struct sql *db, int kind)
{
	struct problem pr = { 0 };
	char quota[8];
	int64_t n;

	snprintf(quota, sizeof(quota), "q%d", kind);
	must(usage_used(db, quota, "web", 0, &n, &pr));
	return n;
}

static bool
case_usage(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "usage"), first = put_order(db, account, ORDER_READY, NOW, "a.test"), n, sum = 0;
	int64_t second = put_order(db, account, ORDER_READY, NOW, "b.test"), third = put_order(db, account, ORDER_READY, NOW, "a.test"), cert;
	struct usage_count counts[USAGE__COUNT];
	struct cert_row row = { 0 };
	bool found;

	(void)arg;
	claim_all(db, first, counts);
	claim_all(db, second, counts);
	is_int(counts[0].used, 2, "two orders are two");
	ok(usage_give_back(db, second, pr) && use_of(db, USAGE_DAY) == 1 && use_of(db, USAGE_PENDING) == 1, "what comes to nothing is given back");
	ok(usage_give_back(db, second, pr) && use_of(db, USAGE_DAY) == 1, "once");
	cert = put_cert(db, first, account, "usage-1");
	ok(usage_settle(db, first, cert, pr) && use_of(db, USAGE_DAY) == 1 && use_of(db, USAGE_MONTH) == 1 && use_of(db, USAGE_LIVE) == 1 &&
			use_of(db, USAGE_PENDING) == 0, "with a certificate it is spent, lives, and is under way no more");
	claim_all(db, third, counts);
	ok(usage_settle(db, third, cert, pr) && use_of(db, USAGE_DAY) == 2 && use_of(db, USAGE_LIVE) == 1, "two orders of one certificate live once");
	ok(usage_give_back(db, third, pr) && use_of(db, USAGE_DAY) == 2, "what is spent is not given back");
	ok(usage_end_cert(db, cert, pr) && use_of(db, USAGE_LIVE) == 0 && usage_end_cert(db, cert, pr) && use_of(db, USAGE_LIVE) == 0, "a certificate ends once");
	claim_all(db, second, counts);
	cert = put_cert(db, second, account, "usage-2");
	need(usage_settle(db, second, cert, pr) && cert_by_id(db, cert, &row, &found, pr) && found);
	ok(usage_end_certid(db, "nobody's", pr) && use_of(db, USAGE_LIVE) == 1 && usage_end_certid(db, row.certid, pr) && use_of(db, USAGE_LIVE) == 0,
		"also by what names it in replaces");
	claim_all(db, first, counts);
	need(usage_settle(db, first, cert, pr));
	ok(usage_list(db, "", NOW, 0, 10, sum_use, &sum, pr) && sum == 4 + 4 + 1 && usage_list_count(db, "", NOW, 10, &n, pr) && n == 4, "operators see all of it");
	sum = 0;
	ok(usage_list(db, "q0", NOW, 0, 10, sum_use, &sum, pr) && sum == 4 && usage_list_count(db, "q0", NOW, 10, &n, pr) && n == 1, "or of one quota");
	ok(usage_list_count(db, "", NOW + 11, 10, &n, pr) && n == 2, "of periods that have not ended");
	ok(usage_sweep(db, row.not_after + 1, NOW + 11, 10, &n, pr) && n == 1 && use_of(db, USAGE_LIVE) == 0, "what has run out lives no more");
	ok(usage_sweep(db, row.not_after + 1, NOW + 11, 10, &n, pr) && n == 0 && usage_list_count(db, "", NOW, 10, &n, pr) && n == 0, "old counters go, and empty ones");
	cert_row_done(&row);
	return true;
}

/* ---- the bill ---- */

static void
sum_bill(const struct bill_row *r, void *arg)
{
	int64_t *sum = arg;

	*sum += r->price.amount;
}

static void
sum_sums(const struct bill_sum *s, void *arg)
{
	int64_t *sum = arg;

	*sum += s->amount;
}

static bool
case_bill(struct sql *db, void *arg, struct problem *pr)
{
	struct bill_row a = { .at = 1793836800, .kind = PRICE_NEW, .tenant = "web", .cost_centre = "CC", .ca = "ca", .product = "OV", .currency = "USD",
		.price = { 2000000, 15000000, 30000000 }, .names = 2, .url = "https://ca.test/1", .serial = "ab", .sha256 = "hash-1", .refund_until = 5 }, b = a, got;
	struct bill_term term = { 1, 2, 3, 4, 5 }, back;
	int64_t sum = 0, n, at;
	bool found, is_new;

	(void)arg;
	is_int(bill_month(1793836800), 202611, "a time lies in a month");
	ok(bill_month_parse(SPAN("2026-11"), &n) && n == 202611 && !bill_month_parse(SPAN("2026-13"), &n) && !bill_month_parse(SPAN("2026-1"), &n), "a month is read");
	need(bill_insert(db, &a, pr));
	b.kind = PRICE_REVOCATION;
	b.corrects = a.id;
	b.price.amount = -30000000;
	need(bill_insert(db, &b, pr));
	ok(bill_by_id(db, b.id, &got, &found, pr) && found && got.corrects == a.id && got.price.amount == -30000000 && !got.corrects_closed && got.month == 202611,
		"a row comes back as it was written");
	ok(bill_of_cert(db, "hash-1", &got, &found, pr) && found && got.id == a.id && bill_of_cert(db, "hash-2", &got, &found, pr) && !found, "found by its certificate");
	ok(bill_find(db, SPAN("https://ca.test/1"), SPAN(""), &got, &found, pr) && found && got.id == a.id && bill_find(db, SPAN(""), SPAN("ab"), &got, &found, pr) && found,
		"or by what an invoice has");
	ok(bill_list(db, 202611, 0, 10, sum_bill, &sum, pr) && sum == 0 && bill_list(db, 202611, a.id, 10, sum_bill, &sum, pr) && sum == -30000000, "rows of a month, and those behind one");
	ok(bill_count(db, 202611, 10, &n, pr) && n == 2 && bill_count(db, 202612, 10, &n, pr) && n == 0, "are counted");
	for (int by = 0; by < BILL_BY__COUNT; by++) {
		sum = 1;
		ok(bill_sums(db, 202611, (enum bill_by)by, sum_sums, &sum, pr) && sum == 1, "they add up by %d", by);
	}
	ok(bill_term_get(db, "ca/x", &back, &found, pr) && !found && bill_term_put(db, "ca/x", &term, pr) && bill_term_put(db, "ca/x", &term, pr) &&
			bill_term_get(db, "ca/x", &back, &found, pr) && found && back.active == 5, "a term is kept");
	ok(bill_name_put(db, "ca/x", "a.test", 5, 100, &is_new, pr) && is_new && bill_name_put(db, "ca/x", "a.test", 5, 200, &is_new, pr) && !is_new, "a name is new once");
	ok(bill_names_end(db, "ca/x", 150, &n, pr) && n == 0 && bill_names_end(db, "ca/x", 200, &n, pr) && n == 5, "until its time is over");
	ok(bill_is_closed(db, 202611, &at, pr) && at == 0 && bill_close(db, 202611, "uid 0", pr) && bill_is_closed(db, 202611, &at, pr) && at > 0 &&
			bill_by_id(db, b.id, &got, &found, pr) && got.corrects_closed, "a month is closed");
	return true;
}

/* An authorization that device-attest-01 proved, with this key in evidence. */
static int64_t
put_attested(struct sql *db, int64_t account, int64_t order, const char *key, struct span statement)
{
	struct problem pr = { 0 };
	struct authz a = { .account_id = account, .ident = dns("a.test"), .state = AUTHZ_VALID, .expires = NOW, .profile = "p", .challenge_count = 1 };
	struct evidence e = { .at = NOW, .facts = (char *)(uintptr_t)"{\"format\":\"tpm\"}", .address = "10.0.0.1" };

	a.challenges[0] = (struct challenge){ .kind = CHALLENGE_DEVICE_ATTEST_01, .state = CHALL_VALID };
	must(authz_insert(db, &a, &pr) && (!order || authz_link(db, order, a.id, &pr)));
	e.authz_id = a.id;
	snprintf(e.key_hash, sizeof(e.key_hash), "%s", key);
	must(!key[0] || evidence_insert(db, &e, statement, &pr));
	return a.id;
}

static bool
list_key(struct sql *db, const struct evidence *e, void *arg, struct problem *pr)
{
	(void)db;
	buf_adds(arg, e->key_hash);
	return strcmp(e->key_hash, "k9") != 0 || problem_internal(pr, "no more");
}

static bool
case_evidence(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "tp"), order = put_order(db, account, ORDER_READY, NOW, "a.test"), authz, n;
	struct evidence e = { 0 };
	AUTO_BUF statement = BUF_MAX(64), keys = BUF_MAX(64);
	struct problem why = { 0 };
	bool found, has;

	(void)arg;
	put_authz(db, account, order, "b.test", AUTHZ_VALID, NOW);
	ok(evidence_has_key(db, order, "k1", &has, pr) && has, "an order that nothing was attested for may have any key");
	authz = put_attested(db, account, order, "k1", SPAN("raw"));
	ok(evidence_has_key(db, order, "k1", &has, pr) && has && evidence_has_key(db, order, "k2", &has, pr) && !has, "else the one that was attested");
	ok(evidence_of_authz(db, authz, &e, &found, pr) && found && e.at == NOW && strcmp(e.address, "10.0.0.1") == 0 && strcmp(e.key_hash, "k1") == 0 && e.has_statement &&
			strcmp(e.facts, "{\"format\":\"tpm\"}") == 0, "evidence reads as it was written");
	evidence_done(&e);
	ok(evidence_statement(db, authz, &statement, pr) && span_is(buf_span(&statement), "raw"), "so does a statement that was kept");
	put_attested(db, account, order, "k2", SPAN_NONE);
	ok(evidence_has_key(db, order, "k1", &has, pr) && !has && evidence_has_key(db, order, "k2", &has, pr) && !has,
		"of two devices both must have it");
	ok(evidence_each_of_order(db, order, list_key, &keys, pr) && strcmp(buf_cstr(&keys), "k1k2") == 0, "all evidence of an order");
	order = put_order(db, account, ORDER_READY, NOW, "a.test");
	put_attested(db, account, order, "k9", SPAN_NONE);
	ok(!evidence_each_of_order(db, order, list_key, &keys, &why) && why.kind == PROBLEM_SERVER_INTERNAL, "until one of it is a fault");
	order = put_order(db, account, ORDER_READY, NOW, "a.test");
	authz = put_attested(db, account, order, "k3", SPAN_NONE);
	ok(evidence_of_authz(db, authz, &e, &found, pr) && found && !e.has_statement && evidence_statement(db, authz, &statement, pr) && !statement.n,
		"a statement need not be kept");
	evidence_done(&e);
	put_attested(db, account, order, "", SPAN_NONE);
	ok(evidence_has_key(db, order, "k3", &has, pr) && !has, "an attested device without evidence has no key");
	authz = put_attested(db, account, 0, "k4", SPAN("raw"));
	ok(authz_move(db, authz, AUTHZ_VALID, AUTHZ_EXPIRED, 5, &found, pr) && found, "a device's authorization ends");
	ok(sweep_authzs(db, NOW - 1, 10, &n, pr) && n == 1 && evidence_of_authz(db, authz, &e, &found, pr) && !found, "and its evidence goes with it");
	return true;
}

static bool
list_proof(const struct authz_proof *p, void *arg, struct problem *pr)
{
	buf_addf(arg, "%s%s%s=%s ", p->wildcard ? "*." : "", p->ident.value, p->subdomains ? "+" : "", p->by_rule ? "rule" : challenge_kind_name(p->kind));
	return strcmp(p->ident.value, "bad.test") != 0 || problem_set(pr, PROBLEM_UNAUTHORIZED, "no more");
}

static bool
list_policy(const struct order_policy_row *row, void *arg)
{
	buf_addf(arg, "%lld %s %s; ", (long long)row->id, row->p.rules, row->idents);
	return true;
}

/* How names were proven, and by which rules orders were made. */
static bool
case_order_policy(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "tpo"), order = put_order(db, account, ORDER_READY, NOW, "a.test"), other = put_order(db, account, ORDER_VALID, NOW, "b.test"), n;
	struct authz a = { .account_id = account, .ident = dns("rule.test"), .state = AUTHZ_VALID, .expires = NOW + 9, .profile = "p", .by_rule = true };
	struct order_policy p = { order, (char *)(uintptr_t)"{}", (char *)(uintptr_t)"[\"r\"]", (char *)(uintptr_t)"" }, q = { 0 };
	struct idents names = { &a.ident, 1 };
	AUTO_BUF proofs = BUF_MAX(256), list = BUF_MAX(256);
	struct problem why = { 0 };
	int64_t id, expires;
	bool found, moved;

	(void)arg;
	ok(authz_insert(db, &a, pr) && authz_link(db, order, a.id, pr), "a rule gives an authorization");
	ok(authz_by_id(db, a.id, &(struct authz){ 0 }, &found, pr) && found, "an authorization without a challenge is found");
	ok(authz_find_valid(db, account, &a.ident, false, "p", NOW, NOW + 1000, &id, &expires, pr) && id == 0, "one that a rule has given is for its order alone");
	ok(authz_covers(db, account, &names, "p", NOW, &found, pr) && !found, "and is no proof that the account holds the name");
	put_attested(db, account, order, "k1", SPAN_NONE);
	id = put_authz(db, account, order, "given.test", AUTHZ_PENDING, NOW);
	ok(authz_give(db, order, &(struct ident){ .type = IDENT_DNS, .value = "given.test" }, a.id, NOW, &moved, pr) && moved, "a device gives one");
	ok(authz_each_proof(db, order, list_proof, &proofs, pr), "how the names of an order were proven");
	is_str(buf_cstr(&proofs), "rule.test=rule a.test=device-attest-01 given.test=device-attest-01 ", "  by a rule, by a statement, by the device");
	buf_clear(&proofs);
	ok(authz_proof_of(db, a.id, list_proof, &proofs, pr) && strcmp(buf_cstr(&proofs), "rule.test=rule ") == 0, "of one alone");
	a = (struct authz){ .account_id = account, .ident = dns("bad.test"), .state = AUTHZ_VALID, .expires = NOW + 9, .profile = "p", .by_rule = true };
	ok(authz_insert(db, &a, pr) && !authz_proof_of(db, a.id, list_proof, &proofs, &why) && why.kind == PROBLEM_UNAUTHORIZED, "who lists them may refuse");

	ok(order_policy_get(db, order, &q, &found, pr) && !found, "no rules are on record");
	ok(order_policy_insert(db, &p, pr) && order_policy_get(db, order, &q, &found, pr) && found && strcmp(q.rules, "[\"r\"]") == 0 && !q.upstreams[0], "then they are");
	order_policy_done(&q);
	p.upstreams = (char *)(uintptr_t)"ca";
	ok(order_policy_update(db, &p, pr) && order_policy_get(db, order, &q, &found, pr) && strcmp(q.upstreams, "ca") == 0, "they change with what is known");
	order_policy_done(&q);
	p.order_id = other;
	ok(order_policy_insert(db, &p, pr) && order_policy_each(db, 0, 2, list_policy, &list, pr), "they are listed");
	AUTO_FREE char *want = xasprintf("%lld [\"r\"] dns:b.test; %lld [\"r\"] dns:a.test; ", (long long)other, (long long)order);
	is_str(buf_cstr(&list), want, "  newest first");
	buf_clear(&list);
	ok(order_policy_each(db, order, 10, list_policy, &list, pr) && !strstr(buf_cstr(&list), "a.test"), "and below one");
	ok(order_policy_outstanding(db, account, NOW, 10, &n, pr) && n == 0, "who has no certificate has none outstanding");
	ok(sweep_orders(db, NOW + 1, NOW + 1, 100, &n, pr) && order_policy_get(db, other, &q, &found, pr) && !found, "they go with the order");
	return true;
}

static bool
count_device(const struct device *d, void *arg)
{
	int64_t *n = arg;

	(void)d;
	return ++*n < 1000;
}

static void
note_cert(int64_t id, const char *ref, int64_t not_after, void *arg)
{
	int64_t *last = arg;

	*last = ref[0] && not_after == NOW + 1000 ? id : -1;
}

static bool
count_order(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	int64_t *n = arg;

	(void)db;
	(void)id;
	(void)pr;
	++*n;
	return true;
}

/* Its proof for the order, and the certificate that came of it. */
static void
device_life(struct sql *db, int64_t device, struct problem *pr)
{
	int64_t account = put_account(db, "dev"), order = put_order(db, account, ORDER_VALID, NOW, "a.test"), cert = put_cert(db, order, account, "d"), n = 0, last = 0;
	int64_t authz = put_authz(db, account, order, "a.test", AUTHZ_VALID, NOW);
	struct device_use use;
	bool moved;

	need(order_set_cert(db, order, cert, pr));
	ok(device_link(db, device, authz, pr) && device_link(db, device, authz, pr), "an authorization is linked, once");
	ok(device_each_of_authz(db, authz, count_device, &n, pr) && n == 1 && device_each_of_order(db, order, count_device, &n, pr) && n == 2, "and leads to it");
	ok(order_each_working_of_device(db, device, count_order, &n, pr) && n == 2, "no CA works at its order");
	ok(device_uses(db, device, NOW, 10, &use, pr) && use.orders == 0 && use.certs == 1, "so does its certificate");
	ok(device_each_cert(db, device, NOW, 10, note_cert, &last, pr) && last == cert, "which can be found");
	ok(authz_move(db, authz, AUTHZ_VALID, AUTHZ_EXPIRED, 5, &moved, pr) && moved, "the authorization ends");
}

static int64_t
devices_swept(struct sql *db, int64_t before, struct problem *pr)
{
	struct sweep_cursor cursor = { 0 };
	int64_t n;

	need(sweep_devices(db, before, 10, &cursor, &n, pr));
	return n;
}

static struct device
put_device(struct sql *db, const char *name, int64_t last_seen, struct problem *pr)
{
	struct ident id = { .type = IDENT_PERMANENT };
	struct device d = { .state = DEVICE_SEEN };

	span_copy(span_str(name), id.value, sizeof(id.value));
	need(device_key_of(&id, "kind", &d.key) && device_insert(db, &d, pr) && device_set_seen(db, d.id, "kind", 7, "key", last_seen, pr));
	return d;
}

/* One that stays must not be in the way of those behind it. */
static void
devices_in_parts(struct sql *db, struct problem *pr)
{
	struct device stays = put_device(db, "stays", NOW, pr), goes = put_device(db, "goes", NOW, pr), e;
	struct sweep_cursor cursor = { 0 };
	int64_t n;
	bool found;

	need(device_name_claim(db, "stays.test", &stays.key, NOW, pr));
	ok(sweep_devices(db, NOW + 1, 1, &cursor, &n, pr) && n == 0 && cursor.id == stays.id, "the first of a part of one stays");
	ok(sweep_devices(db, NOW + 1, 1, &cursor, &n, pr) && n == 1 && device_by_key(db, &goes.key, &e, &found, pr) && !found, "the next part has the next");
	ok(sweep_devices(db, NOW + 1, 1, &cursor, &n, pr) && n == 0 && cursor.id == 0 && cursor.last_seen == 0, "behind the last it begins anew");
	need(device_name_release(db, &stays.key, pr) && device_delete(db, stays.id, pr));
}

static bool
case_devices(struct sql *db, void *arg, struct problem *pr)
{
	const struct ident id = { .type = IDENT_PERMANENT, .value = "A/1.2" };
	const struct device_about about = { "kind", " a b ", "ann", "47", "note" };
	const struct device_query q = { .state = DEVICE_BLOCKED, .kind = "kind", .tag = "b", .owner = "ann", .limit = 10 };
	struct device d = { .state = DEVICE_SEEN }, e = { 0 };
	int64_t n = 0, total;
	bool found;

	(void)arg;
	ok(device_key_of(&id, "", &d.key) && device_insert(db, &d, pr) && d.id && d.ref[0], "a device is inserted");
	ok(device_set_about(db, d.id, &about, pr) && device_set_state(db, d.id, DEVICE_BLOCKED, "lost", pr) &&
			device_set_seen(db, d.id, "other", 7, "key", NOW, pr) && device_by_ref(db, span_str(d.ref), &e, &found, pr) && found, "and changed");
	ok(e.state == DEVICE_BLOCKED && strcmp(e.reason, "lost") == 0 && e.blocked_at && memcmp(&e.about, &about, sizeof(about)) == 0 && e.seen == 1 &&
			e.last_seen == NOW && e.account_id == 7 && strcmp(e.key_hash, "key") == 0, "all of which is read again");
	ok(device_by_key(db, &d.key, &e, &found, pr) && found && e.id == d.id, "by its key, too");
	ok(device_set_state(db, d.id, DEVICE_SEEN, "lost", pr) && device_by_key(db, &d.key, &e, &found, pr) && !e.blocked_at && !e.reason[0], "the reason goes with the block");
	ok(device_set_state(db, d.id, DEVICE_BLOCKED, "", pr) && device_list(db, &q, count_device, &n, pr) && n == 1 && device_list_count(db, &q, 10, &total, pr) && total == 1,
		"operators list and count them");
	ok(device_each_named(db, IDENT_PERMANENT, "A", count_device, &n, pr) && n == 2, "by the ID alone");
	device_life(db, d.id, pr);
	ok(device_set_state(db, d.id, DEVICE_SEEN, "", pr) && devices_swept(db, NOW + 1, pr) == 0, "one with an authorization is not swept");
	ok(sweep_orders(db, NOW + 2000, NOW + 1, 10, &n, pr) && n == 1 && sweep_authzs(db, NOW - 1, 10, &n, pr) && n == 1 && device_name_claim(db, "a.test", &d.key, NOW, pr) &&
			devices_swept(db, NOW + 1, pr) == 0 && device_name_release(db, &d.key, pr),
		"nor one that owns a name");
	ok(devices_swept(db, NOW, pr) == 0 && devices_swept(db, NOW + 1, pr) == 1, "nor one that came lately, and then it is");
	devices_in_parts(db, pr);
	ok(device_insert(db, &d, pr) && device_delete(db, d.id, pr) && device_by_key(db, &d.key, &e, &found, pr) && !found, "and may be removed");
	return true;
}

static bool
note_bucket(struct sql *db, const struct bucket *b, void *arg, struct problem *pr)
{
	(void)db;
	(void)pr;
	*(int64_t *)arg += b->id != 0;
	return true;
}

static void
note_waiting(const char *upstream, enum quota_kind kind, int64_t count, void *arg)
{
	if (strcmp(upstream, "ca-1") == 0 && kind == QUOTA_DOMAIN)
		*(int64_t *)arg = count;
}

static bool
note_queued(struct sql *db, const struct queue_item *item, void *arg, struct problem *pr)
{
	int64_t *n = arg;

	(void)db;
	(void)pr;
	*n = *n * 10 + item->row.order_id % 10;
	return strcmp(item->profile, "p") == 0;
}

static void
note_queue_count(const char *upstream, int64_t class, int64_t count, void *arg)
{
	int64_t *n = arg;

	*n += strcmp(upstream, "ca-1") == 0 ? count * (class == QUEUE_CLASS_PARKED ? 1000 : class == QUEUE_CLASS_FLYING ? 100 : class) : 10000;
}

static void
order_key(struct sql *db, int64_t id, char key[IDENTS_KEY_TEXT])
{
	struct order o = get_order(db, id);

	idents_key(&o.idents, key);
	order_done(&o);
}

static bool
case_queue(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "t1"), a = put_order(db, account, ORDER_PROCESSING, NOW, "a.test"), b, n, job, since;
	char key[IDENTS_KEY_TEXT];
	struct queue_place place = { .principal = 7, .since = NOW, .until = NOW + 10, .bucket = 9, .upstream = "ca-1", .idents_key = "k" };
	struct queue_row q, rows[4];
	struct upstream_order u;
	struct job_row taken;
	size_t count;
	bool found;

	(void)arg;
	ok(upstream_order_insert(db, a, "ca-1", pr) && queue_get(db, a, &q, &found, pr) && found && q.state == QUEUE_OUT, "an order that nobody put there is not in the queue");
	ok(queue_enter(db, &(struct queue_row){ .order_id = a, .class = 2, .since = NOW, .deadline = NOW + 5, .urgent_at = NOW + 3 }, pr) &&
		queue_get(db, a, &q, &found, pr) && q.state == QUEUE_NEW && q.class == 2 && q.since == NOW && q.deadline == NOW + 5 && q.urgent_at == NOW + 3 && !q.bucket, "put there it is");
	ok(queue_rows(db, QUEUE_NEW, 0, 4, rows, &count, pr) && count == 1 && rows[0].order_id == a && strcmp(rows[0].upstream, "ca-1") == 0, "and found");
	ok(queue_rows(db, QUEUE_NEW, a, 4, rows, &count, pr) && count == 0 && queue_rows(db, QUEUE_TOLD, 0, 4, rows, &count, pr) && count == 0, "page by page, by state");
	ok(queue_tell(db, a, 4, NOW + 60, 2, true, pr) && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_TOLD && q.bucket == 4 && q.until == NOW + 60 && q.place == 2, "what is foretold is on record");
	ok(waiters_ahead(db, 4, 0, true, &n, pr) && n == 1, "for the ledger, too");
	ok(queue_set_class(db, a, 1, pr) && queue_get(db, a, &q, &found, pr) && q.class == 1, "it may become urgent");
	n = 0;
	ok(queue_list(db, &(struct queue_query){ .limit = 5 }, note_queued, &n, pr) && n == a % 10, "operators see it");
	n = 0;
	ok(queue_list(db, &(struct queue_query){ .upstream = "ca-2", .limit = 5 }, note_queued, &n, pr) && n == 0 && queue_list(db, &(struct queue_query){ .after = 1, .limit = 5 }, note_queued, &n, pr) && n == 0, "by CA, and in pages");
	ok(queue_list_count(db, &(struct queue_query){ .profile = "p" }, 9, &n, pr) && n == 1 && queue_list_count(db, &(struct queue_query){ .profile = "x" }, 9, &n, pr) && n == 0, "counted");
	n = 0;
	ok(queue_counts(db, note_queue_count, &n, pr) && n == 1, "by class");
	ok(upstream_order_intend(db, a, NOW, pr) && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_OUT && !q.bucket, "let through it is in the queue no more");
	n = 0;
	ok(queue_counts(db, note_queue_count, &n, pr) && n == 100, "but in flight");
	ok(queue_tell(db, a, 4, NOW, 0, false, pr) && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_OUT && !q.bucket, "and nothing is foretold of it");
	ok(queue_back(db, a, NOW + 9, 4, pr) && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_NEW && q.not_before == NOW + 9 && q.pauses == 1 && q.bucket == 4 && q.until == NOW + 9 && q.since == NOW, "put back it keeps its place, and waits for what the CA said");
	ok(upstream_order_get(db, a, &u, &found, pr) && u.intent_at == 0 && u.pauses == 1, "its newOrder is not under way");
	ok(queue_leave(db, a, pr) && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_OUT, "or it leaves");

	ok(job_insert(db, JOB_ISSUE, a, JOB_DUE_NEVER, NULL, 0, &job, pr) && job_take(db, JOB_ISSUE, a, "n1", 7, NOW, &taken, &found, pr) && found && taken.id == job && taken.epoch == 1 && taken.due_ms == 7, "a job that is nobody's can be taken, and is due for the next if this one dies");
	ok(job_take(db, JOB_ISSUE, a, "n2", 7, NOW, &taken, &found, pr) && !found, "once");

	ok(job_delete_of(db, JOB_ISSUE, a, pr) && job_take(db, JOB_ISSUE, a, "n2", 7, NOW, &taken, &found, pr) && !found, "gone, it is nobody's any more");

	ok(upstream_order_ordered(db, a, "https://ca.test/o/1", "https://ca.test/f/1", NOW + 9, pr) && queue_park(db, a, pr) && upstream_order_get(db, a, &u, &found, pr) && u.parked && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_PARKED, "an order waits for its CSR");
	n = 0;
	ok(queue_counts(db, note_queue_count, &n, pr) && n == 1000, "neither in the queue nor in flight");
	ok(queue_list_count(db, &(struct queue_query){ 0 }, 9, &n, pr) && n == 0, "as operators see it");
	ok(queue_set_class(db, a, 0, pr) && queue_tell(db, a, 4, NOW, 0, false, pr) && queue_get(db, a, &q, &found, pr) && q.state == QUEUE_PARKED && q.class == 1 && !q.bucket, "nothing is foretold of it");
	order_key(db, a, key);
	ok(queue_parked_of(db, "ca-1", key, &n, pr) && n == 0, "finalized, it gives way to none");
	b = put_order(db, account, ORDER_READY, NOW, "a.test");
	ok(upstream_order_insert(db, b, "ca-1", pr) && queue_parked_of(db, "ca-1", key, &n, pr) && n == 0, "nor does one that is ready, and not parked");
	ok(upstream_order_same_set(db, a, "ca-1", key, &found, pr) && !found, "that is in nobody's way");
	ok(upstream_order_ordered(db, b, "https://ca.test/o/2", "", NOW + 9, pr) && queue_park(db, b, pr) && queue_parked_of(db, "ca-1", key, &n, pr) && n == b && queue_parked_of(db, "ca-2", key, &n, pr) && n == 0, "parked and ready it does, at its CA");
	ok(upstream_order_same_set(db, a, "ca-1", key, &found, pr) && found, "and is in the way");
	ok(queue_leave(db, b, pr) && upstream_order_get(db, b, &u, &found, pr) && !u.parked && queue_parked_of(db, "ca-1", key, &n, pr) && n == 0, "until it leaves");
	ok(order_is_awaited(db, b, &found, pr) && found, "a ready order with work at its CA is awaited");
	ok(order_set_csr(db, b, SPAN("csr"), "k", a, NOW, NOW, &found, pr) && found && order_is_awaited(db, b, &found, pr) && !found, "one that has joined another is not, by itself");
	ok(upstream_order_delete(db, b, pr) && queue_leave(db, a, pr), "over");

	ok(place_find(db, 7, "ca-1", "k", NOW, &since, pr) && since == 0, "no place is kept");
	ok(place_keep(db, &place, pr) && place_find(db, 7, "ca-1", "k", NOW + 10, &since, pr) && since == NOW, "then one is");
	place.since = NOW + 5;
	place.until = NOW + 15;
	ok(place_keep(db, &place, pr) && place_find(db, 7, "ca-1", "k", NOW + 15, &since, pr) && since == NOW, "who comes again has the place of the first time");
	ok(places_ahead(db, 9, NOW + 1, NOW, &n, pr) && n == 1 && places_ahead(db, 9, NOW, NOW, &n, pr) && n == 0, "it is before those that came later");
	ok(places_of(db, 7, NOW + 15, 9, &n, pr) && n == 1 && places_of(db, 7, NOW + 16, 9, &n, pr) && n == 0 && places_of(db, 8, NOW, 9, &n, pr) && n == 0 &&
			places_of(db, 7, NOW, 0, &n, pr) && n == 0, "a principal's places are counted, as far as need be");
	place.since = NOW + 20;
	place.until = NOW + 30;
	ok(place_keep(db, &place, pr) && place_find(db, 7, "ca-1", "k", NOW + 20, &since, pr) && since == NOW + 20, "who comes too late begins anew");
	ok(place_sweep(db, NOW + 30, 9, &n, pr) && n == 0 && place_sweep(db, NOW + 31, 9, &n, pr) && n == 1, "what is over is forgotten");
	return place_drop(db, 7, "ca-1", "k", pr);
}

static bool
case_quota(struct sql *db, void *arg, struct problem *pr)
{
	static const char *const upstreams[] = { "u", "v" };
	struct bucket b = { .scope = "le", .kind = QUOTA_DOMAIN, .name = "corp.example", .tat_ns = 7, .learned = { 9, 9, 60 }, .learned_instead = 3 }, other;
	int64_t n, ids[HOLDS_MAX], first, account = put_account(db, "t1"), order = put_order(db, account, ORDER_PROCESSING, NOW, "a.test");
	char adopted[QUOTA_KEY_TEXT], key[IDENTS_KEY_TEXT];
	struct order o = get_order(db, order);
	struct idents set;
	struct upstream_order u;
	size_t count;
	bool found, same;

	(void)arg;
	idents_key(&o.idents, key);
	order_done(&o);
	ok(bucket_find(db, "le", QUOTA_DOMAIN, "corp.example", &other, pr) && other.id == 0 && strcmp(other.name, "corp.example") == 0, "a bucket that is not there is full");
	ok(bucket_save(db, &b, pr) && b.id, "it is stored");
	first = b.id;
	b.tat_ns = 8;
	ok(bucket_save(db, &b, pr) && b.id == first, "and stored again");
	ok(bucket_find(db, "le", QUOTA_DOMAIN, "corp.example", &other, pr) && other.id == first && other.tat_ns == 8 && other.learned.count == 9 && other.learned.period_s == 60 && other.learned_instead == 3 && !other.adopted, "as it was");
	ok(bucket_by_id(db, first, &other, &found, pr) && found && strcmp(other.scope, "le") == 0, "it is found by its id");
	ok(bucket_find(db, "le", QUOTA_SET, "corp.example", &other, pr) && other.id == 0 && bucket_find(db, "acct", QUOTA_DOMAIN, "corp.example", &other, pr) && other.id == 0, "of another kind or scope it is another one");
	ok(bucket_adopted(db, "le", "a.corp.example", adopted, pr) && !adopted[0], "a domain that is not adopted");
	b.adopted = true;
	ok(bucket_save(db, &b, pr) && bucket_adopted(db, "le", "a.corp.example", adopted, pr) && strcmp(adopted, "corp.example") == 0, "and one that is");
	ok(bucket_adopted(db, "le", "a.example", adopted, pr) && !adopted[0], "of the names below it");

	ok(upstream_order_insert(db, order, "ca-1", pr) && upstream_order_insert(db, order + 1, "ca-1", pr) && upstream_order_insert(db, order + 2, "ca-1", pr), "three orders");
	ok(hold_add(db, order, first, pr) && hold_add(db, order, first, pr) && hold_add(db, order + 1, first, pr), "two hold a token, one said so twice");
	ok(hold_count(db, first, 0, &n, pr) && n == 2 && hold_count(db, first, order, &n, pr) && n == 1, "they are counted");
	ok(hold_buckets(db, order, ids, &count, pr) && count == 1 && ids[0] == first, "and found by order");
	ok(hold_delete(db, order, first, pr) && hold_count(db, first, 0, &n, pr) && n == 1, "one is given back");
	ok(hold_delete_all(db, order + 1, pr) && hold_count(db, first, 0, &n, pr) && n == 0, "and all of an order");
	ok(hold_add(db, order, first, pr) && queue_enter(db, &(struct queue_row){ .order_id = order + 1 }, pr) && queue_enter(db, &(struct queue_row){ .order_id = order + 2 }, pr) && queue_tell(db, order + 1, first, NOW, 1, false, pr) && queue_tell(db, order + 2, first, NOW, 0, true, pr), "two wait");
	ok(upstream_order_get(db, order + 1, &u, &found, pr) && u.wait_until == NOW && u.wait_bucket == first, "until when is on record");
	ok(waiters_ahead(db, first, 0, false, &n, pr) && n == 2 && waiters_ahead(db, first, 0, true, &n, pr) && n == 1, "they are counted");
	ok(waiters_ahead(db, first, order + 1, false, &n, pr) && n == 1 && waiters_ahead(db, first, order + 2, true, &n, pr) && n == 0, "what is urgent is before what is not");
	ok(waiters_ahead(db, first, order + 3, true, &n, pr) && n == 1 && waiters_ahead(db, first, order + 3, false, &n, pr) && n == 2, "and the older before the newer");
	n = 0;
	ok(waiting_counts(db, note_waiting, &n, pr) && n == 2, "they are counted by entry and limit");
	ok(queue_tell(db, order + 1, 0, NOW, 0, false, pr) && upstream_order_get(db, order + 1, &u, &found, pr) && u.wait_bucket == 0, "one may wait for no bucket");
	ok(upstream_order_intend(db, order, NOW, pr) && upstream_order_get(db, order, &u, &found, pr) && u.intent_at == NOW && u.wait_until == 0, "who goes out waits no more");
	ok(upstream_order_same_set(db, order + 1, "ca-1", key, &same, pr) && same, "the same set is under way");
	ok(upstream_order_unintend(db, order, pr) && upstream_order_same_set(db, order + 1, "ca-1", key, &same, pr) && !same, "and is not");
	n = 0;
	ok(bucket_list(db, &(struct bucket_query){ .kind = -1, .limit = 10 }, note_bucket, &n, pr) && n == 1, "buckets are listed");
	ok(bucket_list(db, &(struct bucket_query){ .kind = QUOTA_SET, .limit = 10 }, note_bucket, &n, pr) && n == 1, "by kind");
	ok(bucket_count(db, &(struct bucket_query){ .kind = -1 }, 10, &n, pr) && n == 1 && bucket_count(db, &(struct bucket_query){ .kind = QUOTA_SET }, 10, &n, pr) && n == 0, "and counted");
	b.learned = (struct quota_rate){ 0 };
	b.adopted = false;
	ok(bucket_save(db, &b, pr) && bucket_sweep(db, NOW, 10, &n, pr) && n == 0, "a bucket in which something is held stays");
	ok(upstream_order_delete(db, order, pr) && upstream_order_delete(db, order + 2, pr) && bucket_sweep(db, NOW, 10, &n, pr) && n == 1, "what an order holds ends with it");

	ok(cert_set_issued_at(db, key, upstreams, 2, 0, &n, pr) && n == 0, "a set that was never certified");
	put_cert(db, order, account, "1");
	ok(cert_set_issued_at(db, key, upstreams, 2, 0, &n, pr) && n > 0, "and one that was");
	ok(cert_set_issued_at(db, key, upstreams + 1, 1, 0, &n, pr) && n == 0, "by another CA");
	ok(cert_set_idents(db, key, &set, pr) && set.count == 1 && strcmp(set.list[0].value, "a.test") == 0, "its names are found by its key");
	idents_done(&set);
	ok(cert_set_idents(db, "none", &set, pr) && set.count == 0, "of another there are none");
	return true;
}

static void
count_name(const char *name, int64_t since, void *arg)
{
	int64_t *n = arg;

	*n += since == NOW && strcmp(name, "a.d.test") == 0;
}

static bool
case_device_names(struct sql *db, void *arg, struct problem *pr)
{
	const struct ident id = { .type = IDENT_PERMANENT, .value = "A/1.2" }, name = dns("a.d.test");
	int64_t account = put_account(db, "dn"), order = put_order(db, account, ORDER_PENDING, NOW, "a.d.test"), n = 0;
	int64_t authz = put_authz(db, account, order, "a.d.test", AUTHZ_PENDING, NOW);
	unsigned char key[DEVICE_NAME_KEY_BYTES];
	struct device_key owner, found_key;
	bool found, moved;

	(void)arg;
	ok(device_key_of(&id, "", &owner) && device_name_claim(db, "a.d.test", &owner, NOW, pr) &&
			device_name_owner(db, "a.d.test", &found_key, &found, pr) && found && memcmp(&owner, &found_key, sizeof(owner)) == 0, "a name has its device");
	ok(device_name_each(db, &owner, count_name, &n, pr) && n == 1, "and a device its names");
	ok(device_name_release(db, &owner, pr) && device_name_owner(db, "a.d.test", &found_key, &found, pr) && !found, "until it is released");
	ok(device_name_key(db, key, pr), "there is a key for hashes");
	ok(authz_give(db, order, &name, 7, NOW + 9, &moved, pr) && moved && authz_state_of(db, authz) == AUTHZ_VALID, "a device's name is proven by it");
	ok(authz_give(db, order, &name, 7, NOW + 9, &moved, pr) && !moved, "once");
	return true;
}

/* ---- the audit trail ---- */

struct audit_rows {
	int64_t seqs[8], count;
	bool erased;
	char entry[2048], open[2048]; /* of the last */
};

static void
on_row(const struct audit_row *r, void *arg)
{
	struct audit_rows *rows = arg;

	rows->seqs[rows->count++ % 8] = r->seq;
	rows->erased = r->erased.p != NULL;
	span_copy(r->entry, rows->entry, sizeof(rows->entry));
	span_copy(r->open, rows->open, sizeof(rows->open));
}

static bool
note_many(struct sql *db, int count, struct problem *pr)
{
	for (int i = 0; i < count; i++) {
		if (!audit_note(db, &(struct audit_entry){ .event = AUDIT_ORDER_CREATE, .account = "many", .order = "o" }, pr))
			return false;
	}
	return true;
}

/* Is the tree of what is stored the one of its entries? */
static void
on_leaf(const struct audit_row *r, void *arg)
{
	struct tlog_edge *edge = arg;
	struct tlog_hash h;

	tlog_leaf(r->entry, &h);
	ok(r->seq == (int64_t)edge->size && tlog_hash_eq(&h, &r->hash) && tlog_edge_add(edge, 0, &h), "entry %lld has its hash", (long long)r->seq);
}

static bool
on_checkpoint(int64_t size, const char *note, void *arg)
{
	*(int64_t *)arg += size;
	return note[0] == 'n';
}

#define QUERY(max, ...) (&(struct audit_query){ .limit = max, __VA_ARGS__ })

static bool
case_audit(struct sql *db, void *arg, struct problem *pr)
{
	static const unsigned char key[TLOG_KEY] = { 7 };
	const struct audit_entry refused = { .event = AUDIT_ORDER_REFUSE, .actor = AUDIT_ACME, .outcome = AUDIT_REFUSED, .account = "acct",
		.order = "ord", .address = "10.0.0.1", .names = "dns:a.test", .detail = "no rule \xff hears", .rule = "a \"rule\"" };
	enum audit_event event = AUDIT_EVENT__COUNT;
	struct audit_tree tree = { db, pr };
	struct tlog_edge edge = { 0 };
	struct tlog_hash root, want;
	struct audit_state s;
	struct audit_rows rows = { 0 };
	int64_t n, last, sum = 0, cut, order = put_order(db, put_account(db, "t"), ORDER_PENDING, NOW, "a.test");
	struct audit_order of;
	char *note;
	bool set;

	(void)arg;
	ok(audit_event_parse(SPAN("order.refuse"), &event) && event == AUDIT_ORDER_REFUSE && !audit_event_parse(SPAN("order.refused"), &event),
		"events are known by their names");
	ok(audit_order_of(db, order, &of, pr) && strlen(of.order) == REF_TEXT - 1 && strlen(of.account) == REF_TEXT - 1 &&
			audit_order_of(db, 999, &of, pr) && !of.order[0], "an order and its account are known by their refs");
	ok(audit_note(db, &refused, pr) && audit_note(db, &(struct audit_entry){ .event = AUDIT_OPERATOR_ACTION, .operator_name = "eve" }, pr), "what happened is noted");
	ok(audit_waiting(db, 10, &n, pr) && n == 2 && audit_list_up(db, QUERY(5, .from = 0), on_row, &rows, pr) && rows.count == 0, "and waits for its number");
	ok(audit_sequence(db, 10, &n, pr) && n == 2 && audit_waiting(db, 10, &n, pr) && n == 0, "which it gets");
	ok(audit_list_up(db, QUERY(1, .from = 0), on_row, &rows, pr) && rows.count == 1 && rows.seqs[0] == 0, "the first is 0");
	ok(strncmp(rows.entry, "{\"seq\":0,\"at\":\"", 15) == 0 && strstr(rows.entry, "\"event\":\"order.refuse\",\"outcome\":\"refused\",\"actor\":\"acme\",\"account\":\"acct\"") &&
			strstr(rows.entry, "\"rule\":\"a \\\"rule\\\"\""), "it says what happened: %s", rows.entry);
	ok(!strstr(rows.entry, "a.test") && strstr(rows.open, "\"dns:a.test\"") && strstr(rows.open, "\"no rule \""), "what is personal lies beside it: %s", rows.open);
	rows.count = 0;
	ok(audit_list_down(db, QUERY(5, .before = 0), on_row, &rows, pr) && rows.count == 2 && rows.seqs[0] == 1 && rows.seqs[1] == 0, "the newest first");
	rows.count = 0;
	ok(audit_list_down(db, QUERY(5, .before = 1), on_row, &rows, pr) && rows.count == 1 && rows.seqs[0] == 0, "and below one");
	rows.count = 0;
	ok(audit_list_down(db, QUERY(5, .who = "eve"), on_row, &rows, pr) && audit_list_down(db, QUERY(5, .event = "order.refuse"), on_row, &rows, pr) &&
			audit_list_down(db, QUERY(5, .account = "acct"), on_row, &rows, pr) && audit_list_down(db, QUERY(5, .order = "ord"), on_row, &rows, pr) &&
			audit_list_down(db, QUERY(5, .since_ms = clock_unix_ms() - 60000, .until_ms = clock_unix_ms() + 60000), on_row, &rows, pr) && rows.count == 6,
		"by who, what, account, order and time");
	rows.count = 0;
	ok(audit_list_down(db, QUERY(5, .who = "eve", .event = "order.refuse"), on_row, &rows, pr) &&
			audit_list_down(db, QUERY(5, .until_ms = clock_unix_ms() - 60000), on_row, &rows, pr) &&
			audit_list_down(db, QUERY(5, .since_ms = clock_unix_ms() + 60000), on_row, &rows, pr) && rows.count == 0, "and nothing else");
	ok(audit_erase(db, QUERY(1, .from = 7, .before = 8), "then", &n, &last, pr) && n == 0, "of an entry that is not there nothing is erased, nor of the one below");
	ok(audit_erase(db, QUERY(5, .account = "acct"), "then", &n, &last, pr) && n == 1 && last == 0, "personal values are erased");
	ok(audit_list_up(db, QUERY(1, .from = 0), on_row, &rows, pr) && rows.erased && strcmp(rows.open, "{}") == 0, "and gone");
	ok(audit_erase(db, QUERY(5, .account = "acct"), "then", &n, &last, pr) && n == 0, "once");
	ok(audit_erase(db, QUERY(5, .who = "eve"), "then", &n, &last, pr) && n == 1 && audit_erase(db, QUERY(5, .who = "eve"), "then", &n, &last, pr) && n == 0 && last == 0,
		"the name is no more to be found");

	ok(note_many(db, 2 * AUDIT_TILE, pr) && audit_sequence(db, 300, &n, pr) && n == 300 && audit_sequence(db, 300, &n, pr) && n == 2 * AUDIT_TILE - 300, "many more");
	for (int64_t from = 0; from < 2 * AUDIT_TILE + 2; from += 200)
		ok(audit_list_up(db, QUERY(200, .from = from), on_leaf, &edge, pr), "from %lld on", (long long)from);
	tlog_edge_root(&edge, &want);
	ok(audit_state_get(db, &s, pr) && s.size == 2 * AUDIT_TILE + 2 && tlog_root((uint64_t)s.size, audit_tree_full, &tree, &root) && tlog_hash_eq(&root, &want),
		"the tree is that of the entries");
	audit_state_done(&s);

	ok(audit_set_key(db, "o/1", SPAN("sealed"), key, &set, pr) && set && audit_set_key(db, "o/2", SPAN("other"), key, &set, pr) && !set, "it gets a key once");
	ok(audit_checkpoint_get(db, 0, &note, pr) && !note, "there is no checkpoint");
	ok(audit_checkpoint_add(db, 3, "n3", pr) && audit_checkpoint_add(db, 257, "n257", pr) && audit_checkpoint_add(db, 257, "again", pr), "checkpoints are put on record");
	ok(audit_checkpoint_get(db, 0, &note, pr) && note && strcmp(note, "n257") == 0, "the last one is found");
	free(note);
	ok(audit_checkpoint_get(db, 3, &note, pr) && note && strcmp(note, "n3") == 0, "and one of a size");
	free(note);
	ok(audit_checkpoint_get(db, 4, &note, pr) && !note && audit_checkpoint_each(db, 0, 9, on_checkpoint, &sum, pr) && sum == 260, "all in their order");
	ok(audit_state_get(db, &s, pr) && s.signed_size == 257 && s.signed_at > 0 && strcmp(s.origin, "o/1") == 0 && span_is(buf_span(&s.sealed), "sealed") &&
			memcmp(s.public_key, key, TLOG_KEY) == 0, "the trail says how far it has come");
	audit_state_done(&s);

	ok(audit_prune(db, clock_unix_ms() - 60000, 9, &cut, pr) && cut == 0, "nothing is dropped that is young");
	ok(audit_set_sent(db, 5, 0, pr) && audit_prune(db, clock_unix_ms() + 60000, 9, &cut, pr) && cut == AUDIT_TILE, "what is old and signed is dropped, in whole tiles");
	rows.count = 0;
	ok(audit_list_up(db, QUERY(1, .from = 0), on_row, &rows, pr) && rows.seqs[0] == AUDIT_TILE, "what is left begins there");
	ok(tlog_root(2 * AUDIT_TILE + 2, audit_tree_full, &tree, &root) && tlog_hash_eq(&root, &want), "and the tree is the same");
	ok(audit_state_get(db, &s, pr) && s.cut == AUDIT_TILE && s.sent == AUDIT_TILE && s.lost == AUDIT_TILE - 5, "what syslog has not had is counted");
	audit_state_done(&s);
	return true;
}

static const struct {
	const char *name;
	sql_fn fn;
} cases[] = {
	{ "device names", case_device_names },
	{ "devices", case_devices },
	{ "limits of CAs", case_quota },
	{ "the queue", case_queue },
	{ "evidence", case_evidence },
	{ "rules of orders", case_order_policy },
	{ "accounts", case_accounts },
	{ "orders", case_orders },
	{ "order look-ups", case_order_finds },
	{ "authorizations", case_authzs },
	{ "authorizations of subdomains", case_subdomains },
	{ "sets of authorizations", case_authz_sets },
	{ "certificates", case_certs },
	{ "renewal information", case_renewal },
	{ "plans of renewals", case_renewal_plans },
	{ "jobs", case_jobs },
	{ "external account keys", case_eab },
	{ "use of quotas", case_usage },
	{ "the bill", case_bill },
	{ "records in the DNS", case_proof_records },
	{ "CAs", case_upstreams },
	{ "accounts at CAs", case_life },
	{ "another CA", case_move },
	{ "events", case_events },
	{ "the audit trail", case_audit },
	{ "look-ups that are due", case_lookup_due },
	{ "look-ups and what they change", case_lookup_put },
	{ "look-ups, a CA", case_lookup_state },
	{ "incidents and their ends", case_incident_settle },
	{ "who follows whom", case_incident_follow },
	{ "incidents and who comes again", case_incident_again },
	{ "states of incidents", case_incident_kinds },
	{ "incidents that are long over", case_incident_sweep },
	{ "rows of incidents", case_incident_rows },
	{ "what is renewed when", case_agenda },
	{ "what is over", case_sweep },
};

/* ---- how statements find their rows ---- */

static const char *seen[512];
static size_t seen_count;
static bool noting;

struct sql_stmt *__real_sql_begin(struct sql *db, const char *text);
struct sql_stmt *__wrap_sql_begin(struct sql *db, const char *text);

struct sql_stmt *
__wrap_sql_begin(struct sql *db, const char *text)
{
	for (size_t i = 0; noting && i < seen_count; i++) {
		if (seen[i] == text)
			return __real_sql_begin(db, text);
	}
	if (noting && seen_count < COUNT_OF(seen))
		seen[seen_count++] = text;
	return __real_sql_begin(db, text);
}

/* Only operators and the status page ask these: they may look at all rows. */
static const char *const for_operators[] = {
	"select state, count(*) from orders where state<=2 group by state",
	"select kind, count(*) from job group by kind",
	("select kind, count(case when lease_until>0 then 1 end), count(case when lease_until=0 and due<=$1 then 1 end),"
	 " count(case when lease_until=0 and due>$1 then 1 end), min(case when lease_until=0 and due<=$1 then due end) from job group by kind"),
	"select upstream, count(*) from upstream_order group by upstream",
	("select u.upstream, b.kind, count(*) from upstream_order u join quota_bucket b on b.id=u.wait_bucket"
	 " where u.wait_bucket is not null group by u.upstream, b.kind"),
	"select upstream, case queue when 0 then -1 when 3 then -2 else class end as what, count(*) from upstream_order group by upstream, what",
	"select solver, count(case when wanted=1 then 1 end), count(case when wanted=0 then 1 end) from proof_record group by solver",
	("select count(*), coalesce(min(next_at), 0) from (select next_at from renewal where upstream_id=$1 and next_at<=$2"
	 " order by next_at limit $3) q"),
	("select count(*) from (select id from quota_bucket where ($1=-1 or kind=$1) and ($2='' or scope=$2) and ($3='' or name=$3)"
	 " limit $4) bounded"),
};

static bool
is_for_operators(const char *text)
{
	for (size_t i = 0; i < COUNT_OF(for_operators); i++) {
		if (strcmp(for_operators[i], text) == 0)
			return true;
	}
	return false;
}

static void
test_plan(sqlite3 *h, const char *text)
{
	AUTO_FREE char *sql = xasprintf("explain query plan %s", text);
	char *token = strstr(sql, "{skip_locked}");
	sqlite3_stmt *st = NULL;
	bool good = true;

	if (token)
		memset(token, ' ', strlen("{skip_locked}"));
	if (!ok(sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK, "it can be explained: %.60s", text))
		return;
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(st, 3);

		/* `bounded` is what a limit has cut from another select of the same statement; an index of those alone that are looked
		 * for is read from end to end */
		if ((strncmp(detail, "SCAN ", 5) == 0 && strcmp(detail, "SCAN CONSTANT ROW") != 0 && strcmp(detail, "SCAN bounded") != 0 &&
			    !strstr(detail, "USING INDEX renewal_unplanned")) ||
			strstr(detail, "AUTOMATIC")) {
			printf("# %s\n", detail);
			good = false;
		}
	}
	sqlite3_finalize(st);
	ok(good || is_for_operators(text), "an index leads to the rows of: %.100s", text);
}

/* How many statements do the files of src/store have? */
static size_t
count_statements(void)
{
	static const char mark[] = "static const char ";
	DIR *d = opendir(TESTS_DIR "/../src/store");
	struct dirent *e;
	size_t count = 0;

	while (d && (e = readdir(d))) {
		AUTO_FREE char *path = xasprintf("%s/../src/store/%s", TESTS_DIR, e->d_name);
		char line[512], *at;
		FILE *f;

		if (!strstr(e->d_name, ".c") || !(f = fopen(path, "r")))
			continue;
		while (fgets(line, sizeof(line), f))
			count += (at = strstr(line, mark)) && isupper((unsigned char)at[strlen(mark)]);
		fclose(f);
	}
	if (d)
		closedir(d);
	return count;
}

static void
test_plans(const char *where)
{
	sqlite3 *h = NULL;

	is_int(seen_count, count_statements(), "every statement of src/store has been run");
	if (!ok(sqlite3_open_v2(where + strlen("sqlite:"), &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK, "the database can be asked"))
		return;
	for (size_t i = 0; i < seen_count; i++)
		test_plan(h, seen[i]);
	sqlite3_close(h);
}

int
main(void)
{
	AUTO_FREE char *where = NULL;
	struct problem pr = { 0 };
	struct store *store;

	if (!both_start())
		return done_testing();
	test_kinds();
	for (size_t s = 0; s < COUNT_OF(both); s++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			store = world_open(&both[s]);
			printf("# %s, %s\n", both[s].name, cases[i].name);
			noting = true;
			world_case(store, cases[i].fn, NULL);
			noting = false;
			store_close(store);
		}
		store = world_open(&both[s]);
		test_conflicts(store);
		store_close(store);
	}
	where = fresh(&both[0]);
	must(store_open(where, 1, &store, &pr));
	must(schema_migrate(store, &pr));
	must(schema_migrate(store, &pr));
	store_close(store);
	test_plans(where);
	both_stop();
	return done_testing();
}
