/* object.c - see object.h.
 *
 * Each reader parses the text into a bounded tree, copies what we know out of it and lets the tree
 * go. */
#include "acme/object.h"

#include <stdlib.h>

#include "base/b64url.h"
#include "base/clock.h"

static const char *const entry_names[ACME_ENTRY__COUNT] = {
	[ACME_NEW_NONCE] = "newNonce",
	[ACME_NEW_ACCOUNT] = "newAccount",
	[ACME_NEW_ORDER] = "newOrder",
	[ACME_NEW_AUTHZ] = "newAuthz",
	[ACME_REVOKE_CERT] = "revokeCert",
	[ACME_KEY_CHANGE] = "keyChange",
	[ACME_RENEWAL_INFO] = "renewalInfo",
	[ACME_RENEWAL_LIST] = "acmegate-renewalInfoBatch",
};

const char *
acme_entry_name(enum acme_entry entry)
{
	return entry_names[entry];
}

static bool
is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	}
	return true;
}

bool
acme_url_ok(struct span url)
{
	size_t scheme = url.n > 8 && strncasecmp(url.p, "https://", 8) == 0  ? 8
			: url.n > 7 && strncasecmp(url.p, "http://", 7) == 0 ? 7
									     : 0;

	return scheme > 0 && url.n <= ACME_URL_MAX && url.p[scheme] != '/' && is_visible(url);
}

static void
json_auto_free(struct json **doc)
{
	json_free(*doc);
}
#define AUTO_JSON __attribute__((cleanup(json_auto_free))) struct json

/* The text as an object; `what` names it in the cause. */
static bool
open_object(struct span text, const char *what, struct json **ret, struct problem *pr)
{
	struct problem why = { 0 };

	if (text.n > ACME_BODY_MAX_BYTES)
		return problem_internal(pr, "the CA's %s has %zu octets", what, text.n);
	if (!json_parse(text, what, NULL, ret, &why))
		return problem_internal(pr, "the CA's %s cannot be read: %.180s", what, why.detail);
	if (json_type(json_root(*ret)) != JSON_OBJECT)
		return problem_internal(pr, "the CA's %s is no JSON object", what);
	return true;
}

static char *
copy_url(const struct json_node *object, const char *name)
{
	struct span url = json_text(json_get(object, name));

	return acme_url_ok(url) ? span_dup(url) : NULL;
}

/* A URI of any scheme, for people: some CAs have their terms in a data: URI. */
static char *
copy_uri(const struct json_node *object, const char *name)
{
	struct span uri = json_text(json_get(object, name));

	return uri.n > 0 && uri.n <= ACME_URL_MAX && is_visible(uri) ? span_dup(uri) : NULL;
}

/* Up to `max` octets without NUL (the reader refuses NUL), else as if absent. */
static char *
copy_text(const struct json_node *object, const char *name, size_t max)
{
	struct span s = json_text(json_get(object, name));

	return s.n > 0 && s.n <= max ? span_dup(s) : NULL;
}

static int64_t
read_time(const struct json_node *object, const char *name)
{
	int64_t t;

	return time_rfc3339_parse(json_text(json_get(object, name)), &t) ? t : 0;
}

static bool
any_text(struct span s)
{
	return s.n > 0 && s.n <= ACME_URL_MAX;
}

/* The strings of an array that are `good`, at most `max` looked at. */
static void
read_strings(const struct json_node *array, size_t max, bool (*good)(struct span),
	struct acme_strings *ret)
{
	size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;

	if (count > max)
		count = max;
	ret->list = count ? xcalloc(count, sizeof(*ret->list)) : NULL;
	for (size_t i = 0; i < count; i++) {
		struct span s = json_text(json_at(array, i));

		if (good(s))
			ret->list[ret->count++] = span_dup(s);
	}
}

void
acme_strings_done(struct acme_strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i]);
	free(s->list);
	*s = (struct acme_strings){ 0 };
}

static void
read_profiles(const struct json_node *profiles, struct acme_directory *ret)
{
	size_t count = json_type(profiles) == JSON_OBJECT ? json_count(profiles) : 0;

	if (count > ACME_PROFILES_MAX)
		count = ACME_PROFILES_MAX;
	ret->profiles = count ? xcalloc(count, sizeof(*ret->profiles)) : NULL;
	for (size_t i = 0; i < count; i++) {
		struct span name, description = json_text(json_member(profiles, i, &name));

		if (name.n == 0 || name.n > 128)
			continue;
		description.n = description.n > 1024 ? 1024 : description.n;
		ret->profiles[ret->profile_count++] =
			(struct acme_profile){ span_dup(name), span_dup(description) };
	}
}

bool
acme_directory_read(struct span text, struct acme_directory *ret, struct problem *pr)
{
	static const enum acme_entry needed[] = { ACME_NEW_NONCE, ACME_NEW_ACCOUNT,
		ACME_NEW_ORDER };
	AUTO_JSON *doc = NULL;
	const struct json_node *root, *meta;
	struct acme_directory d = { 0 };

	if (!open_object(text, "directory", &doc, pr))
		return false;
	root = json_root(doc);
	for (size_t i = 0; i < COUNT_OF(needed); i++) {
		if (!acme_url_ok(json_text(json_get(root, entry_names[needed[i]]))))
			return problem_internal(
				pr, "the CA's directory has no %s URL", entry_names[needed[i]]);
	}
	for (size_t i = 0; i < COUNT_OF(entry_names); i++)
		d.url[i] = copy_url(root, entry_names[i]);
	meta = json_get(root, "meta");
	if (json_type(meta) == JSON_OBJECT) {
		d.terms_of_service = copy_uri(meta, "termsOfService");
		d.website = copy_uri(meta, "website");
		d.external_account_required =
			json_bool(json_get(meta, "externalAccountRequired"), false);
		read_profiles(json_get(meta, "profiles"), &d);
		read_strings(json_get(meta, "caaIdentities"), 100, any_text, &d.caa_identities);
	}
	*ret = d;
	return true;
}

void
acme_directory_done(struct acme_directory *d)
{
	for (size_t i = 0; i < COUNT_OF(d->url); i++)
		free(d->url[i]);
	for (size_t i = 0; i < d->profile_count; i++) {
		free(d->profiles[i].name);
		free(d->profiles[i].description);
	}
	free(d->profiles);
	free(d->terms_of_service);
	free(d->website);
	acme_strings_done(&d->caa_identities);
	*d = (struct acme_directory){ 0 };
}

bool
acme_directory_has_profile(const struct acme_directory *d, const char *name)
{
	for (size_t i = 0; i < d->profile_count; i++) {
		if (strcmp(d->profiles[i].name, name) == 0)
			return true;
	}
	return false;
}

bool
acme_account_read(struct span text, struct acme_account *ret, struct problem *pr)
{
	AUTO_JSON *doc = NULL;
	const struct json_node *status;
	struct acme_account a = { .state = ACCOUNT_VALID };

	if (!open_object(text, "account", &doc, pr))
		return false;
	status = json_get(json_root(doc), "status");
	if (status && !account_state_parse(json_text(status), &a.state))
		return problem_internal(
			pr, "the CA's account has the status \"%s\"", QUOTE(json_text(status)));
	read_strings(json_get(json_root(doc), "contact"), 100, any_text, &a.contacts);
	a.orders = copy_url(json_root(doc), "orders");
	*ret = a;
	return true;
}

void
acme_account_done(struct acme_account *a)
{
	acme_strings_done(&a->contacts);
	free(a->orders);
	*a = (struct acme_account){ 0 };
}

static bool
read_ident(const struct json_node *node, const char *what, struct ident *ret, struct problem *pr)
{
	struct problem why = { 0 };

	if (!ident_parse(json_text(json_get(node, "type")), json_text(json_get(node, "value")), ret,
		    &why))
		return problem_internal(
			pr, "the CA's %s has a strange identifier: %.180s", what, why.detail);
	return true;
}

static bool
read_idents(const struct json_node *array, struct idents *ret, struct problem *pr)
{
	size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;
	struct ident id;

	if (count == 0 || count > ACME_IDENTS_MAX)
		return problem_internal(pr, "the CA's order has %zu identifiers", count);
	for (size_t i = 0; i < count; i++) {
		if (!read_ident(json_at(array, i), "order", &id, pr))
			return false;
		idents_add(ret, &id);
	}
	return true;
}

/* All of them or none: with an authorization missing the order would never become ready. */
static bool
read_authz_urls(const struct json_node *array, struct acme_strings *ret, struct problem *pr)
{
	size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;

	if (count > ACME_AUTHZS_MAX)
		return problem_internal(pr, "the CA's order has %zu authorizations", count);
	read_strings(array, count, acme_url_ok, ret);
	if (ret->count != count)
		return problem_internal(pr, "the CA's order has an authorization that is no URL");
	return true;
}

bool
acme_order_read(struct span text, struct acme_order *ret, struct problem *pr)
{
	AUTO_JSON *doc = NULL;
	const struct json_node *root;
	struct acme_order o = { 0 };

	if (!open_object(text, "order", &doc, pr))
		return false;
	root = json_root(doc);
	if (!order_state_parse(json_text(json_get(root, "status")), &o.state))
		return problem_internal(pr, "the CA's order has the status \"%s\"",
			QUOTE(json_text(json_get(root, "status"))));
	if (!read_idents(json_get(root, "identifiers"), &o.idents, pr) ||
		!read_authz_urls(json_get(root, "authorizations"), &o.authzs, pr)) {
		acme_order_done(&o);
		return false;
	}
	o.expires_unix_s = read_time(root, "expires");
	o.not_before_unix_s = read_time(root, "notBefore");
	o.not_after_unix_s = read_time(root, "notAfter");
	o.finalize = copy_url(root, "finalize");
	o.certificate = copy_url(root, "certificate");
	o.profile = copy_text(root, "profile", 128);
	o.replaces = copy_text(root, "replaces", 256);
	o.has_error = acme_problem_read_node(json_get(root, "error"), &o.error);
	*ret = o;
	return true;
}

void
acme_order_done(struct acme_order *o)
{
	idents_done(&o->idents);
	acme_strings_done(&o->authzs);
	free(o->finalize);
	free(o->certificate);
	free(o->profile);
	free(o->replaces);
	if (o->has_error)
		acme_problem_done(&o->error);
	*o = (struct acme_order){ 0 };
}

/* False for one that nothing can be done with: no type, no URL, a status of the future. */
static bool
read_chall(const struct json_node *node, struct acme_chall *ret)
{
	struct acme_chall c = { 0 };
	struct span type = json_text(json_get(node, "type"));
	struct span token = json_text(json_get(node, "token"));

	if (type.n == 0 || !span_copy(type, c.type, sizeof(c.type)) ||
		!chall_state_parse(json_text(json_get(node, "status")), &c.state))
		return false;
	c.url = copy_url(node, "url");
	if (!c.url)
		return false;
	/* a token becomes a path, a record, a file name somewhere: nothing but the alphabet */
	if (!b64url_is_alphabet(token) || !span_copy(token, c.token, sizeof(c.token)))
		c.token[0] = '\0';
	read_strings(json_get(node, "issuer-domain-names"), ACME_ISSUERS_MAX, any_text, &c.issuers);
	c.has_error = acme_problem_read_node(json_get(node, "error"), &c.error);
	*ret = c;
	return true;
}

void
acme_chall_done(struct acme_chall *c)
{
	free(c->url);
	acme_strings_done(&c->issuers);
	if (c->has_error)
		acme_problem_done(&c->error);
	*c = (struct acme_chall){ 0 };
}

bool
acme_chall_read(struct span text, struct acme_chall *ret, struct problem *pr)
{
	AUTO_JSON *doc = NULL;

	if (!open_object(text, "challenge", &doc, pr))
		return false;
	if (!read_chall(json_root(doc), ret))
		return problem_internal(pr, "the CA's challenge lacks type, url or a known status");
	return true;
}

static void
read_challs(const struct json_node *array, struct acme_authz *ret)
{
	size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;

	if (count > ACME_CHALLS_MAX)
		count = ACME_CHALLS_MAX;
	ret->challs = count ? xcalloc(count, sizeof(*ret->challs)) : NULL;
	for (size_t i = 0; i < count; i++) {
		if (read_chall(json_at(array, i), &ret->challs[ret->chall_count]))
			ret->chall_count++;
	}
}

bool
acme_authz_read(struct span text, struct acme_authz *ret, struct problem *pr)
{
	AUTO_JSON *doc = NULL;
	const struct json_node *root;
	struct acme_authz a = { 0 };

	if (!open_object(text, "authorization", &doc, pr))
		return false;
	root = json_root(doc);
	if (!authz_state_parse(json_text(json_get(root, "status")), &a.state))
		return problem_internal(pr, "the CA's authorization has the status \"%s\"",
			QUOTE(json_text(json_get(root, "status"))));
	if (!read_ident(json_get(root, "identifier"), "authorization", &a.ident, pr))
		return false;
	a.wildcard = json_bool(json_get(root, "wildcard"), false) || ident_is_wildcard(&a.ident);
	/* the base name by RFC 8555 7.1.4, but a CA that leaves the "*." on means the same */
	if (ident_is_wildcard(&a.ident))
		memmove(a.ident.value, a.ident.value + 2, strlen(a.ident.value + 2) + 1);
	a.expires_unix_s = read_time(root, "expires");
	read_challs(json_get(root, "challenges"), &a);
	*ret = a;
	return true;
}

void
acme_authz_done(struct acme_authz *a)
{
	for (size_t i = 0; i < a->chall_count; i++)
		acme_chall_done(&a->challs[i]);
	free(a->challs);
	*a = (struct acme_authz){ 0 };
}

const struct acme_chall *
acme_authz_chall(const struct acme_authz *a, const char *type)
{
	for (size_t i = 0; i < a->chall_count; i++) {
		if (strcmp(a->challs[i].type, type) == 0)
			return &a->challs[i];
	}
	return NULL;
}

const struct acme_problem *
acme_authz_error(const struct acme_authz *a)
{
	for (size_t i = 0; i < a->chall_count; i++) {
		if (a->challs[i].has_error && a->challs[i].state == CHALL_INVALID)
			return &a->challs[i].error;
	}
	return NULL;
}

bool
acme_orders_read(struct span text, struct acme_strings *ret, struct problem *pr)
{
	AUTO_JSON *doc = NULL;
	struct acme_strings s = { 0 };

	if (!open_object(text, "orders list", &doc, pr))
		return false;
	if (json_type(json_get(json_root(doc), "orders")) != JSON_ARRAY)
		return problem_internal(pr, "the CA's orders list has no array \"orders\"");
	read_strings(json_get(json_root(doc), "orders"), ACME_ORDERS_MAX, acme_url_ok, &s);
	*ret = s;
	return true;
}
