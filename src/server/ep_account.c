/* ep_account.c - newAccount, the account itself and its orders (RFC 8555 7.1.2, 7.3). */
#include <stdlib.h>

#include "flow/authz.h"
#include "flow/work.h"
#include "server/api.h"
#include "store/eab.h"

#define CONTACTS_MAX 10
#define CONTACT_MAX 256
#define ORDERS_PAGE 100

static bool
contact_check(struct span c, struct problem *pr)
{
	struct span address;

	if (c.n > CONTACT_MAX)
		return problem_set(pr, PROBLEM_INVALID_CONTACT, "a contact has at most %d octets", CONTACT_MAX);
	for (size_t i = 0; i < c.n; i++) {
		if (c.p[i] <= ' ' || c.p[i] >= 0x7f)
			return problem_set(pr, PROBLEM_INVALID_CONTACT, "contact \"%s\" must be ASCII without blanks", QUOTE(c));
	}
	if (!memchr(c.p, ':', c.n))
		return problem_set(pr, PROBLEM_INVALID_CONTACT, "contact \"%s\" is not a URL", QUOTE(c));
	if (c.n < 7 || strncasecmp(c.p, "mailto:", 7) != 0)
		return problem_set(pr, PROBLEM_UNSUPPORTED_CONTACT, "contact \"%s\": only mailto: is supported", QUOTE(c));
	address = span_from(c, 7);
	/* one address and no header fields (RFC 8555 7.3) */
	if (address.n < 3 || memchr(address.p, '?', address.n) || memchr(address.p, ',', address.n) ||
		!memchr(address.p + 1, '@', address.n - 2))
		return problem_set(pr, PROBLEM_INVALID_CONTACT, "contact \"%s\" is not one mail address", QUOTE(c));
	return true;
}

/* `contact` of the payload as JSON array text, checked; "[]" if absent. *ret_given: was it there? */
static bool
contact_read(struct api *api, char **ret, bool *ret_given)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	const struct json_node *list = json_opt_arr(&o, "contact", CONTACTS_MAX);
	struct buf text = BUF_MAX(16 * 1024);
	struct jw w = jw_to(&text);

	if (!json_ok(&o))
		return false;
	jw_array(&w, NULL);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *item = json_at(list, i);
		struct span c = json_text(item);

		if (json_type(item) != JSON_STRING) {
			buf_done(&text);
			return problem_set(&api->pr, PROBLEM_MALFORMED, "contact must be an array of strings");
		}
		if (!contact_check(c, &api->pr)) {
			buf_done(&text);
			return false;
		}
		jw_span(&w, NULL, c);
	}
	jw_end(&w);
	*ret = span_dup(buf_span(&text));
	*ret_given = list != NULL;
	buf_done(&text);
	return true;
}

struct creation {
	struct api *api;
	struct account account;
	bool only_existing, found;
	bool terms_needed, eab_needed;
	const struct json_node *binding; /* externalAccountBinding, NULL = none given */
	struct eab_claim claim;
	char *contact, *jwk;
	char key_hash[KEY_HASH_TEXT];
};

static bool
note_binding(struct sql *db, const struct creation *c, struct problem *pr)
{
	char from[ADDR_TEXT], detail[REF_TEXT + 16];

	if (!c->account.eab_id)
		return true;
	snprintf(detail, sizeof(detail), "account %s", c->account.ref);
	return eab_event_note(db, c->account.eab_id, "bound", addr_text(&c->api->http->peer, from), detail, pr);
}

static bool
note_account(struct sql *db, const struct creation *c, struct problem *pr)
{
	struct audit_entry e = api_entry(c->api, AUDIT_ACCOUNT_CREATE);

	e.account = c->account.ref;
	e.tenant = c->account.tenant;
	e.after = c->account.thumbprint;
	if (!audit_note(db, &e, pr))
		return false;
	e.event = AUDIT_ACCOUNT_BIND;
	return !c->account.eab_id || audit_note(db, &e, pr);
}

static bool
create_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct creation *c = arg;
	bool denied;

	account_done(&c->account);
	c->account = (struct account){ 0 };
	if (!account_by_thumbprint(db, c->api->thumbprint, &c->account, &c->found, pr))
		return false;
	if (c->found)
		return true;
	if (!denied_key_has(db, c->key_hash, &denied, pr))
		return false;
	if (denied)
		return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY, "the key is known to be compromised");
	if (c->terms_needed)
		return problem_set(pr, PROBLEM_USER_ACTION_REQUIRED, "the terms of service must be agreed to");
	if (c->eab_needed && !c->claim.key_id)
		return problem_set(pr, PROBLEM_EXTERNAL_ACCOUNT_REQUIRED, "this directory needs an external account binding: ask for a key");
	/* binding and account are one transaction: a use is spent only with an account made */
	if (!eab_spend(c->api, db, &c->claim, &c->account, pr))
		return false;
	c->account.eab = c->claim.json ? xstrdup(c->claim.json) : NULL;
	memcpy(c->account.thumbprint, c->api->thumbprint, sizeof(c->account.thumbprint));
	c->account.state = ACCOUNT_VALID;
	c->account.terms = c->api->conf->terms_of_service != NULL;
	c->account.terms_url = c->account.terms ? xstrdup(c->api->conf->terms_of_service) : NULL;
	c->account.jwk = xstrdup(c->jwk);
	c->account.contact = xstrdup(c->contact);
	return account_insert(db, &c->account, pr) && note_binding(db, c, pr) && note_account(db, c, pr);
}

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct creation *c = arg;

	account_done(&c->account);
	return account_by_thumbprint(db, c->api->thumbprint, &c->account, &c->found, pr);
}

static bool
create(struct api *api, struct creation *c)
{
	struct store *store = api->srv->store;
	AUTO_BUF jwk = BUF_MAX(8 * 1024);
	bool given;

	if (!contact_read(api, &c->contact, &given))
		return false;
	if (c->binding && eab_wanted(api) != EAB_NONE && !eab_verify(api, c->binding, &c->claim))
		return false;
	if (!limit_take_addr(&api->srv->limits, api->conf, LIMIT_NEW_ACCOUNT, &api->http->peer, &api->pr))
		return false;
	jwk_write(api->jwk, &jwk);
	c->jwk = span_dup(buf_span(&jwk));
	if (!key_hash(api->key, c->key_hash))
		return problem_internal(&api->pr, "cannot hash an account key");
	if (store_write(store, create_tx, c, &api->pr))
		return true;
	/* two first requests with one key at once: the other one won, so this account exists (7.3.1) */
	return sql_is_conflict(&api->pr) && store_read(store, look_tx, c, &api->pr) && c->found;
}

/* Look first: a known key is the common case of clients that register at each run, and costs no write. For it all else in the
 * request is ignored (7.3.1, W13). */
static bool
find_or_create(struct api *api, struct creation *c)
{
	if (!store_read(api->srv->store, look_tx, c, &api->pr))
		return false;
	if (c->found)
		return true;
	if (c->only_existing)
		return problem_set(&api->pr, PROBLEM_ACCOUNT_DOES_NOT_EXIST, "no account has this key");
	return create(api, c);
}

static bool
new_account(struct api *api, struct creation *c)
{
	if (!find_or_create(api, c))
		return false;
	/* W12: also for onlyReturnExisting */
	if (c->account.state != ACCOUNT_VALID)
		return problem_set(&api->pr, PROBLEM_ACCOUNT_NOT_VALID, "the account of this key is %s",
			account_state_name(c->account.state));
	keycache_put(api->srv->keys, c->account.ref, api->thumbprint, api->key);
	api_reply_account(api, c->found ? 200 : 201, &c->account);
	return true;
}

bool
api_new_account(struct api *api)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	struct creation c = { .api = api };
	bool agreed, good;

	c.only_existing = json_opt_bool(&o, "onlyReturnExisting", false);
	agreed = json_opt_bool(&o, "termsOfServiceAgreed", false);
	c.binding = json_opt_obj(&o, "externalAccountBinding");
	if (!json_ok(&o))
		return false;
	c.terms_needed = api->conf->terms_of_service && !agreed;
	c.eab_needed = eab_wanted(api) == EAB_REQUIRED;
	good = new_account(api, &c);
	account_done(&c.account);
	free(c.claim.json);
	free(c.contact);
	free(c.jwk);
	return good;
}

struct update {
	struct api *api;
	struct account account;
	bool deactivate, set_contact, agree;
	char *contact;
};

static bool
update_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct update *u = arg;
	struct account check;
	struct audit_entry entry;
	bool found, moved = false;

	if (!api_account(u->api, db, &check, pr))
		return false;
	if (u->set_contact && !account_set_contact(db, check.id, u->contact, pr))
		return false;
	if (u->agree && !account_set_terms(db, check.id, u->api->conf->terms_of_service, pr))
		return false;
	if (u->deactivate && !account_deactivate(db, check.id, jobs_node(u->api->srv->jobs), &moved, pr))
		return false;
	entry = api_entry(u->api, AUDIT_ACCOUNT_DEACTIVATE);
	if (u->deactivate && moved && !audit_note(db, &entry, pr))
		return false;
	account_done(&u->account);
	return account_by_ref(db, span_str(u->api->kid_ref), &u->account, &found, pr);
}

static bool
update_read(struct api *api, struct update *u)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	struct span status = json_opt_str(&o, "status", 32);

	/* 7.3.2: whatever else may not be changed is ignored */
	u->deactivate = span_is(status, "deactivated");
	u->agree = json_opt_bool(&o, "termsOfServiceAgreed", false) && api->conf->terms_of_service;
	return json_ok(&o) && contact_read(api, &u->contact, &u->set_contact);
}

bool
api_account_post(struct api *api)
{
	struct update u = { .api = api };
	bool good;

	/* W10: only one's own, and no look-up to tell others apart */
	if (!span_is(api->arg, api->kid_ref))
		return problem_set(&api->pr, PROBLEM_UNAUTHORIZED, "this is not the account that signed the request");
	good = !api->payload || update_read(api, &u);
	good = good && (api->payload ? store_write(api->srv->store, update_tx, &u, &api->pr) :
				       store_read(api->srv->store, update_tx, &u, &api->pr));
	if (good && u.deactivate)
		work_wake(api->srv->jobs);
	if (good)
		api_reply_account(api, 200, &u.account);
	account_done(&u.account);
	free(u.contact);
	return good;
}

struct listing {
	struct api *api;
	struct span cursor;      /* ref of the last order of the page before, SPAN_NONE = from the top */
	char last[REF_TEXT];
	size_t count;
	struct buf body;
	struct jw w;
};

static void
add_order(const char *ref, int64_t id, void *arg)
{
	struct listing *l = arg;
	char url[API_URL_TEXT];

	(void)id;
	if (l->count < ORDERS_PAGE) {
		jw_str(&l->w, NULL, api_url(l->api, "order", ref, url));
		memcpy(l->last, ref, sizeof(l->last));
	}
	l->count++;
}

/* Row id of the cursor's order: the page holds what is older. */
static bool
cursor_id(struct sql *db, struct span cursor, int64_t account_id, int64_t *ret_before, struct problem *pr)
{
	struct order o = { 0 };
	bool found;

	*ret_before = 0;
	if (!cursor.p)
		return true;
	if (!order_by_ref(db, cursor, account_id, &o, &found, pr))
		return false;
	if (!found)
		return api_not_found(pr);
	*ret_before = o.id;
	order_done(&o);
	return true;
}

static bool
listing_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct listing *l = arg;
	struct account check;
	int64_t before;

	buf_clear(&l->body);
	l->w = jw_to(&l->body);
	l->count = 0;
	if (!api_account(l->api, db, &check, pr) || !cursor_id(db, l->cursor, check.id, &before, pr))
		return false;
	jw_object(&l->w, NULL);
	jw_array(&l->w, "orders");
	if (!order_refs(db, check.id, clock_unix_s(), before, ORDERS_PAGE + 1, add_order, l, pr))
		return false;
	jw_end(&l->w);
	jw_end(&l->w);
	return true;
}

bool
api_orders(struct api *api)
{
	struct listing l = { .api = api, .body = BUF_MAX(512 * 1024) };
	char url[API_URL_TEXT];

	if (!span_is(api->arg, api->kid_ref))
		return problem_set(&api->pr, PROBLEM_UNAUTHORIZED, "this is not the account that signed the request");
	if (api->http->query.p) {
		if (!span_starts(api->http->query, "before="))
			return api_not_found(&api->pr);
		l.cursor = span_from(api->http->query, 7);
	}
	if (!store_read(api->srv->store, listing_tx, &l, &api->pr)) {
		buf_done(&l.body);
		return false;
	}
	api_reply_json(api, 200, &l.body);
	if (l.count > ORDERS_PAGE)
		http_reply_field(&api->reply, "Link", "<%s/orders?before=%s>;rel=\"next\"",
			api_url(api, "acct", api->kid_ref, url), l.last);
	return true;
}
