/* eab.c - the keys for external account binding that devices are given (E2, E3): POST and GET /eab, GET /eab/KID,
 * POST /eab/KID/disable, enable, revoke, rotate. Each change is noted with the key.
 *
 * A key is made here, sealed by the keeper, stored sealed, and told in this one reply; its octets are wiped then. */
#include <openssl/hmac.h>

#include "admin/call.h"
#include "base/b64url.h"
#include "base/log.h"
#include "base/secret.h"
#include "keeper/keeper.h"

#define KEY_OCTETS_MIN 16
#define KEY_OCTETS_MAX 1024
#define LIMIT_MAX 1000000000
#define OVERLAP_S (7 * 86400)
#define OVERLAP_MAX_S (3650LL * 86400)
/* the longest reply with a key: made room for at once, so that it is never copied about */
#define REPLY_MAX (16 * 1024)

static void
write_words(struct jw *w, const char *name, const char *words)
{
	struct span rest = span_str(words), word;

	jw_array(w, name);
	while (rest.n && span_cut(&rest, ' ', &word))
		jw_span(w, NULL, word);
	jw_end(w);
}

static void
write_key(struct jw *w, const struct eab_key *k)
{
	jw_str(w, "status", eab_key_status(k, clock_unix_s()));
	jw_str(w, "tenant", k->tenant);
	write_text(w, "cost_centre", k->cost_centre);
	write_text(w, "note", k->note);
	write_words(w, "profiles", k->profiles);
	write_words(w, "names", k->names);
	write_words(w, "networks", k->networks);
	jw_int(w, "uses", k->uses);
	jw_int(w, "uses_max", k->uses_max);
	jw_int(w, "accounts_max", k->accounts_max);
	jw_bool(w, "keep_accounts", k->keep_accounts);
	jw_time(w, "created", k->created_at);
	write_time(w, "expires", k->expires);
	write_time(w, "used", k->used_at);
	write_time(w, "changed", k->changed_at);
}

static void
on_key(const struct eab_key *k, void *arg)
{
	struct list *l = arg;

	if (!list_item(l, k->kid))
		return;
	write_key(&l->c->w, k);
	jw_end(&l->c->w);
}

static bool
find(struct sql *db, struct span kid, struct eab_key *ret, struct problem *pr)
{
	bool found;

	if (!eab_by_kid(db, kid, ret, &found, pr))
		return false;
	return found ? true : call_not_found(pr, "external account key", kid);
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span before = call_query(c, "before");
	char tenant[TENANT_TEXT];
	struct eab_key k = { 0 };
	int64_t total;
	struct list l;

	if (!list_begin(&l, c, pr) || !call_tenant_query(c, tenant, pr) || (before.p && !find(db, before, &k, pr)))
		return false;
	eab_key_done(&k);
	if (!eab_list(db, tenant[0] ? tenant : NULL, k.id, l.limit + 1, on_key, &l, pr) ||
		!eab_list_count(db, tenant[0] ? tenant : NULL, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_eab_list(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

/* ---- one key ---- */

static void
on_event(const struct eab_event *e, void *arg)
{
	struct jw *w = arg;

	jw_object(w, NULL);
	jw_time(w, "at", e->at);
	jw_str(w, "event", e->what);
	write_text(w, "by", e->who);
	write_text(w, "detail", e->detail);
	jw_end(w);
}

static bool
write_whole(struct call *c, struct sql *db, const struct eab_key *k, struct span secret, struct problem *pr)
{
	struct jw *w = &c->w;
	int64_t accounts;

	if (!eab_count_accounts(db, k->id, LIST_COUNT_MAX, &accounts, pr))
		return false;
	jw_object(w, NULL);
	jw_str(w, "id", k->kid);
	if (secret.n)
		jw_span(w, "key", secret);
	write_key(w, k);
	jw_int(w, "accounts", accounts);
	jw_array(w, "history");
	if (!eab_events(db, k->id, on_event, w, pr))
		return false;
	jw_end(w);
	jw_end(w);
	return true;
}

/* What an operator did with it. */
static bool
note(struct call *c, struct sql *db, int64_t id, const char *what, const char *detail, struct problem *pr)
{
	char who[32];

	snprintf(who, sizeof(who), "uid %lld", (long long)c->http->peer_uid);
	return eab_event_note(db, id, what, who, detail, pr);
}

static bool
key_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct eab_key k = { 0 };
	bool good;

	call_restart(c);
	if (!find(db, c->ref, &k, pr))
		return false;
	good = write_whole(c, db, &k, SPAN_NONE, pr);
	eab_key_done(&k);
	return good;
}

bool
call_eab(struct call *c)
{
	return store_read(c->admin->store, key_tx, c, &c->pr);
}

/* ---- a new key ---- */

struct making {
	struct call *c;
	struct eab_key key;      /* of the row to be made */
	struct buf secret;       /* octets */
	struct buf text;         /* to be shown; empty for an imported one, whose owner has it */
	int64_t overlap_s;       /* rotate: the old one's rest */
	struct eab_key old;      /* rotate */
	bool has_expires;        /* given by the operator */
	bool move_accounts;      /* rotate: they are the new key's from now on */
	bool again;              /* create: one that is there with this very key will do */
};

static void
making_done(struct making *m)
{
	buf_wipe(&m->secret);
	buf_wipe(&m->text);
	eab_key_done(&m->key);
	eab_key_done(&m->old);
}

/* No '-' in front: such a word is an option to every command line. */
static bool
kid_choose(struct span given, char ret[KID_TEXT], struct problem *pr)
{
	if (given.p && (given.n == 0 || given.n >= KID_TEXT || given.p[0] == '-' || !b64url_is_alphabet(given)))
		return problem_set(pr, PROBLEM_MALFORMED, "kid is \"%s\", expected 1 to %d of A-Z a-z 0-9 _ -, the first no -",
			QUOTE(given), KID_TEXT - 1);
	if (given.p)
		return span_copy(given, ret, KID_TEXT);
	rand_ref(ret);
	return true;
}

static bool
read_profiles(struct call *c, struct json_obj *o, char *ret, size_t size)
{
	const struct json_node *list = json_opt_arr(o, "profiles", 100);
	AUTO_BUF names = BUF_MAX(size - 1);

	for (size_t i = 0; i < json_count(list); i++) {
		struct span name = json_text(json_at(list, i));

		if (!conf_profile(c->conf, name))
			return problem_set(&c->pr, PROBLEM_MALFORMED, "there is no profile \"%s\"", QUOTE(name));
		buf_addf(&names, "%s%.*s", i ? " " : "", SPAN_FMT(name));
	}
	if (!buf_ok(&names))
		return problem_set(&c->pr, PROBLEM_MALFORMED, "profiles: too many names, %zu octets at most", size - 1);
	span_copy(buf_span(&names), ret, size);
	return true;
}

/* Words of an array, each good by `check`, with blanks between. */
static bool
read_words(struct json_obj *o, const char *member, bool (*check)(struct span word, struct problem *pr), char *ret, size_t size)
{
	const struct json_node *list = json_opt_arr(o, member, 1000);
	AUTO_BUF words = BUF_MAX(size - 1);

	for (size_t i = 0; i < json_count(list); i++) {
		struct span word = json_text(json_at(list, i));

		if (memchr(word.p ? word.p : "", ' ', word.n) || word.n == 0)
			return problem_set(o->pr, PROBLEM_MALFORMED, "%s[%zu] is \"%s\", expected a word", member, i, QUOTE(word));
		if (!check(word, o->pr))
			return false;
		buf_addf(&words, "%s%.*s", i ? " " : "", SPAN_FMT(word));
	}
	if (!buf_ok(&words))
		return problem_set(o->pr, PROBLEM_MALFORMED, "%s: too much, %zu octets at most", member, size - 1);
	span_copy(buf_span(&words), ret, size);
	return true;
}

static bool
is_pattern(struct span word, struct problem *pr)
{
	AUTO_FREE char *pattern = span_dup(word);

	return policy_pattern_check(pattern, pr);
}

static bool
is_net(struct span word, struct problem *pr)
{
	struct net net;

	return net_parse(word, &net, pr);
}

static bool
read_tenant(struct call *c, struct json_obj *o, struct eab_key *k)
{
	struct span name = json_opt_str(o, "tenant", TENANT_TEXT - 1), cost_centre = json_opt_str(o, "cost_centre", sizeof(k->cost_centre) - 1);

	span_copy(name.p ? name : SPAN(TENANT_DEFAULT), k->tenant, sizeof(k->tenant));
	span_copy(cost_centre, k->cost_centre, sizeof(k->cost_centre));
	if (!json_ok(o))
		return false;
	return conf_tenant(c->conf, k->tenant) ? true : problem_set(&c->pr, PROBLEM_MALFORMED, "there is no tenant \"%s\"", k->tenant);
}

static bool
read_expires(struct json_obj *o, struct making *m)
{
	struct span text = json_opt_str(o, "expires", 64);
	int64_t at;

	if (!text.p)
		return true;
	if (!time_rfc3339_parse(text, &at))
		return problem_set(o->pr, PROBLEM_MALFORMED, "expires is \"%s\", expected an RFC 3339 time", QUOTE(text));
	if (at <= clock_unix_s())
		return problem_set(o->pr, PROBLEM_MALFORMED, "expires is \"%s\", which is over", QUOTE(text));
	m->key.expires = at;
	m->has_expires = true;
	return true;
}

/* Padding is forgiven: it is only ours to hand out without. Other people's keys come with it. */
static bool
import(struct making *m, struct span text, struct problem *pr)
{
	while (text.n && text.p[text.n - 1] == '=')
		text.n--;
	if (!b64url_read(text, &m->secret))
		return problem_set(pr, PROBLEM_MALFORMED, "key is not base64url (A-Z a-z 0-9 - _)");
	if (m->secret.n < KEY_OCTETS_MIN || m->secret.n > KEY_OCTETS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "key has %zu octets, expected %d to %d", m->secret.n, KEY_OCTETS_MIN, KEY_OCTETS_MAX);
	return true;
}

static void
make(struct making *m)
{
	buf_reserve(&m->secret, EAB_KEY_OCTETS);
	rand_bytes(m->secret.p, EAB_KEY_OCTETS);
	m->secret.n = EAB_KEY_OCTETS;
	buf_reserve(&m->text, B64URL_LEN(EAB_KEY_OCTETS));
	b64url_add(&m->text, m->secret.p, m->secret.n);
}

static bool
seal(struct making *m, struct problem *pr)
{
	return keeper_seal(m->c->admin->server->keeper, PURPOSE_EAB_DEVICE, span_str(m->key.kid), buf_span(&m->secret), &m->key.sealed, pr);
}

static bool
tell(struct making *m, struct sql *db, struct problem *pr)
{
	struct call *c = m->c;

	call_restart(c);
	buf_reserve(&c->out, REPLY_MAX);
	return write_whole(c, db, &m->key, buf_span(&m->text), pr);
}

static bool
create_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct making *m = arg;

	return eab_insert(db, &m->key, pr) && note(m->c, db, m->key.id, m->text.n ? "created" : "imported", "", pr) && tell(m, db, pr);
}

static bool
old_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct making *m = arg;

	eab_key_done(&m->old);
	return find(db, span_str(m->key.kid), &m->old, pr);
}

/* Is the key that has this kid the one that was given? A MAC by the one must be good by the other: no key leaves the keeper. */
static bool
is_same(struct making *m)
{
	struct call *c = m->c;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool same = false;

	if (!store_read(c->admin->store, old_tx, m, &c->pr) ||
		!HMAC(EVP_sha256(), m->secret.p, (int)m->secret.n, (const unsigned char *)m->key.kid, strlen(m->key.kid), mac, &n))
		return false;
	return keeper_mac_verify(c->admin->server->keeper, buf_span(&m->old.sealed), JWA_HS256, span_str(m->key.kid), span_of((const char *)mac, n), &same,
		&c->pr) && same;
}

/* It, as it is today. */
static bool
same_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct making *m = arg;

	call_restart(m->c);
	return old_tx(db, m, pr) && write_whole(m->c, db, &m->old, SPAN_NONE, pr);
}

/* A kid that is taken, in the operator's words. */
static bool
store(struct making *m, sql_fn fn)
{
	struct call *c = m->c;

	c->audit.kid = m->key.kid;
	if (call_write(c, fn, m)) {
		log_notice("eab_key_made", LS("kid", m->key.kid), LS("rotated", m->old.kid), LI("uid", c->http->peer_uid));
		return true;
	}
	if (!sql_is_conflict(&c->pr))
		return false;
	c->pr = (struct problem){ 0 };
	if (m->again && is_same(m))
		return store_read(c->admin->store, same_tx, m, &c->pr);
	if (c->pr.kind)
		return false;
	return problem_set(&c->pr, PROBLEM_CONFLICT, "there is an external account key \"%s\" already", m->key.kid);
}

static bool
read_create(struct making *m, struct span *ret_key)
{
	struct json_obj *o = &m->c->body;
	struct span kid = json_opt_str(o, "kid", 256), note = json_opt_str(o, "note", sizeof(m->key.note) - 1);

	*ret_key = json_opt_str(o, "key", 2048);
	m->key.uses_max = json_opt_int(o, "uses", 0, LIMIT_MAX, 0);
	m->key.accounts_max = json_opt_int(o, "accounts", 0, LIMIT_MAX, 0);
	m->key.keep_accounts = json_opt_bool(o, "keep_accounts", false);
	m->again = json_opt_bool(o, "again", false);
	span_copy(note, m->key.note, sizeof(m->key.note));
	return json_ok(o) && kid_choose(kid, m->key.kid, &m->c->pr) && read_profiles(m->c, o, m->key.profiles, sizeof(m->key.profiles)) &&
		read_tenant(m->c, o, &m->key) && read_words(o, "names", is_pattern, m->key.names, sizeof(m->key.names)) &&
		read_words(o, "networks", is_net, m->key.networks, sizeof(m->key.networks)) && read_expires(o, m) && json_ok(o);
}

bool
call_eab_create(struct call *c)
{
	struct making m = { .c = c, .key = { .sealed = BUF_MAX(EAB_SEALED_MAX) }, .secret = BUF_MAX(2048), .text = BUF_MAX(64) };
	struct span given;
	bool good = buf_reserve(&m.secret, 2000) && read_create(&m, &given);

	if (good && given.p)
		good = import(&m, given, &c->pr);
	else if (good)
		make(&m);
	good = good && seal(&m, &c->pr) && store(&m, create_tx);
	making_done(&m);
	return good;
}

/* ---- a new key for an old one ---- */

/* The old one's note, tenant, names, networks, profiles and limits; its lifetime counted anew. Whose the certificates are stays the same
 * (E5): an account that is made anew with the new key may replace them. */
static bool
inherit(struct making *m, struct problem *pr)
{
	const struct eab_key *old = &m->old;
	struct eab_key *k = &m->key;

	if (old->state == EAB_REVOKED)
		return problem_set(pr, PROBLEM_CONFLICT, "the external account key \"%s\" is revoked: create a new one", old->kid);
	memcpy(k->note, old->note, sizeof(k->note));
	memcpy(k->profiles, old->profiles, sizeof(k->profiles));
	memcpy(k->tenant, old->tenant, sizeof(k->tenant));
	memcpy(k->cost_centre, old->cost_centre, sizeof(k->cost_centre));
	memcpy(k->names, old->names, sizeof(k->names));
	memcpy(k->networks, old->networks, sizeof(k->networks));
	k->root_id = old->root_id ? old->root_id : old->id;
	k->uses_max = old->uses_max;
	k->accounts_max = old->accounts_max;
	k->keep_accounts = old->keep_accounts;
	if (!m->has_expires && old->expires)
		k->expires = clock_unix_s() + (old->expires - old->created_at);
	return true;
}

static bool
rotate_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct making *m = arg;
	int64_t end = clock_unix_s() + m->overlap_s;

	eab_key_done(&m->old);
	if (!find(db, m->c->ref, &m->old, pr) || !inherit(m, pr) || !eab_insert(db, &m->key, pr))
		return false;
	/* never longer than it had */
	if ((m->old.expires == 0 || m->old.expires > end) && !eab_set_expires(db, m->old.id, end, pr))
		return false;
	if (m->move_accounts && !account_rebind(db, m->old.id, m->key.id, pr))
		return false;
	return note(m->c, db, m->old.id, "rotated", m->key.kid, pr) && note(m->c, db, m->key.id, "created by rotation of", m->old.kid, pr) && tell(m, db, pr);
}

bool
call_eab_rotate(struct call *c)
{
	struct making m = { .c = c, .key = { .sealed = BUF_MAX(EAB_SEALED_MAX) }, .secret = BUF_MAX(64), .text = BUF_MAX(64) };
	struct json_obj *o = &c->body;
	struct span kid = json_opt_str(o, "kid", 256);
	bool good;

	m.overlap_s = json_opt_int(o, "overlap_s", 0, OVERLAP_MAX_S, OVERLAP_S);
	m.move_accounts = json_opt_bool(o, "move_accounts", false);
	good = json_ok(o) && kid_choose(kid, m.key.kid, &c->pr) && read_expires(o, &m) && json_ok(o);
	if (good) {
		make(&m);
		good = seal(&m, &c->pr) && store(&m, rotate_tx);
	}
	making_done(&m);
	return good;
}

/* ---- states ---- */

struct move {
	struct call *c;
	enum eab_state to;
};

static bool
move_key(struct sql *db, const struct eab_key *k, enum eab_state to, struct problem *pr)
{
	bool moved;

	if (k->state == to)
		return true;
	if (k->state == EAB_REVOKED)
		return problem_set(pr, PROBLEM_CONFLICT, "the external account key \"%s\" is revoked, which is final", k->kid);
	if (!eab_move(db, k->id, k->state, to, &moved, pr))
		return false;
	return moved ? true : problem_set(pr, PROBLEM_CONFLICT, "somebody else was faster: look again");
}

static bool
move_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct eab_key k = { 0 };
	bool good;

	if (!find(db, m->c->ref, &k, pr))
		return false;
	good = move_key(db, &k, m->to, pr) && (k.state == m->to || note(m->c, db, k.id, eab_state_name(m->to), "", pr));
	eab_key_done(&k);
	return good && key_tx(db, m->c, pr);
}

static bool
move(struct call *c, enum eab_state to)
{
	struct move m = { c, to };

	c->audit.after = eab_state_name(to);
	if (!call_write(c, move_tx, &m))
		return false;
	log_notice("eab_key_moved", LSP("kid", c->ref), LS("state", eab_state_name(to)), LI("uid", c->http->peer_uid));
	return true;
}

bool
call_eab_disable(struct call *c)
{
	return move(c, EAB_SUSPENDED);
}

bool
call_eab_enable(struct call *c)
{
	return move(c, EAB_ACTIVE);
}

bool
call_eab_revoke(struct call *c)
{
	return move(c, EAB_REVOKED);
}
