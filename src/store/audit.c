/* audit.c - see audit.h. An entry's octets are made here, once; nobody writes them a second time (doc/audit.md). */
#include "store/audit.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/b64url.h"
#include "base/clock.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "json/jw.h"

static const char *const event_names[] = {
	[AUDIT_ACCOUNT_CREATE] = "account.create",
	[AUDIT_ACCOUNT_DEACTIVATE] = "account.deactivate",
	[AUDIT_ACCOUNT_KEYCHANGE] = "account.keychange",
	[AUDIT_ACCOUNT_BIND] = "account.bind",
	[AUDIT_ORDER_CREATE] = "order.create",
	[AUDIT_ORDER_REFUSE] = "order.refuse",
	[AUDIT_ORDER_EXPIRE] = "order.expire",
	[AUDIT_AUTHZ_VALID] = "authz.valid",
	[AUDIT_AUTHZ_INVALID] = "authz.invalid",
	[AUDIT_ATTESTATION_ACCEPT] = "attestation.accept",
	[AUDIT_ATTESTATION_REJECT] = "attestation.reject",
	[AUDIT_CERT_ISSUE] = "certificate.issue",
	[AUDIT_CERT_FAIL] = "certificate.fail",
	[AUDIT_CERT_DOWNLOAD] = "certificate.download",
	[AUDIT_CERT_REPLACE] = "certificate.replace",
	[AUDIT_CERT_REVOKE] = "certificate.revoke",
	[AUDIT_CERT_REVOKE_REFUSED] = "certificate.revoke_refused",
	[AUDIT_CERT_EXPIRE] = "certificate.expire",
	[AUDIT_EAB_CREATE] = "eab.create",
	[AUDIT_EAB_SUSPEND] = "eab.suspend",
	[AUDIT_EAB_REVOKE] = "eab.revoke",
	[AUDIT_EAB_USE_REFUSED] = "eab.use_refused",
	[AUDIT_QUOTA_EXCEED] = "quota.exceed",
	[AUDIT_POLICY_LOAD] = "policy.load",
	[AUDIT_CONFIG_LOAD] = "config.load",
	[AUDIT_CONFIG_REFUSE] = "config.refuse",
	[AUDIT_OPERATOR_LOGIN] = "operator.login",
	[AUDIT_OPERATOR_LOGIN_FAILED] = "operator.login_failed",
	[AUDIT_OPERATOR_ACTION] = "operator.action",
	[AUDIT_SECRET_UNSEAL] = "secret.unseal",
	[AUDIT_SECRET_CREATE] = "secret.create",
	[AUDIT_SECRET_ROTATE] = "secret.rotate",
	[AUDIT_CA_ACCOUNT_CREATE] = "ca.account_create",
	[AUDIT_CA_KEY_ROLL] = "ca.key_roll",
	[AUDIT_CA_LIMIT_HIT] = "ca.limit_hit",
	[AUDIT_CA_PAUSED] = "ca.paused",
	[AUDIT_BILLING_CLOSE] = "billing.close",
	[AUDIT_BILLING_CORRECT] = "billing.correct",
	[AUDIT_CHECKPOINT] = "audit.checkpoint",
	[AUDIT_EXPORT] = "audit.export",
	[AUDIT_VERIFY_FAILED] = "audit.verify_failed",
	[AUDIT_PRUNE] = "audit.prune",
	[AUDIT_STORE_MIGRATE] = "store.migrate",
	[AUDIT_STORE_BACKUP] = "store.backup",
	[AUDIT_STORE_RESTORE] = "store.restore",
	[AUDIT_NODE_JOIN] = "node.join",
	[AUDIT_NODE_LEAVE] = "node.leave",
	[AUDIT_SERVICE_START] = "service.start",
	[AUDIT_SERVICE_STOP] = "service.stop",
	[AUDIT_SERVICE_CRASH_RECOVERED] = "service.crash_recovered",
	[AUDIT_SOFTWARE_VERSION] = "software.version",
};
_Static_assert(COUNT_OF(event_names) == AUDIT_EVENT__COUNT, "each event has a name");

static const char *const actor_names[] = { "system", "acme", "operator", "upstream" };
static const char *const outcome_names[] = { "ok", "refused", "failed" };

/* The members in the order in which they are written; those that are personal go into an object of their own. */
static const struct {
	const char *name;
	size_t at;
	bool personal;
} members[] = {
#define MEMBER(name, personal) { #name, offsetof(struct audit_entry, name), personal }
	MEMBER(node, false),
	MEMBER(account, false),
	MEMBER(kid, false),
	MEMBER(tenant, false),
	MEMBER(uid, false),
	MEMBER(role, false),
	{ "operator", offsetof(struct audit_entry, operator_name), true },
	MEMBER(address, true),
	MEMBER(command, false),
	MEMBER(object, true),
	MEMBER(arguments, true),
	MEMBER(order, false),
	MEMBER(profile, false),
	MEMBER(names, true),
	MEMBER(rule, false),
	MEMBER(policy, false),
	MEMBER(challenge, false),
	MEMBER(evidence, false),
	MEMBER(problem, false),
	MEMBER(detail, true),
	MEMBER(cert, false),
	MEMBER(serial, false),
	MEMBER(issuer, false),
	MEMBER(sha256, false),
	MEMBER(key_sha256, false),
	MEMBER(not_before, false),
	MEMBER(not_after, false),
	MEMBER(reason, false),
	MEMBER(upstream, false),
	MEMBER(upstream_order, false),
	MEMBER(skipped, false),
	MEMBER(before, false),
	MEMBER(after, false),
};

const char *
audit_event_name(enum audit_event event)
{
	return event_names[event];
}

bool
audit_event_parse(struct span name, enum audit_event *ret)
{
	for (size_t i = AUDIT_ACCOUNT_CREATE; i < COUNT_OF(event_names); i++) {
		if (span_is(name, event_names[i])) {
			*ret = (enum audit_event)i;
			return true;
		}
	}
	return false;
}

/* Text that is stored as it is. */
static struct span
cut(const char *text, size_t max)
{
	struct span s = span_str(text);

	if (s.n > max)
		s.n = max;
	return span_of(s.p, utf8_prefix(s));
}

/* A member's value, not longer than it may be; empty: there is none. */
static struct span
value_of(const struct audit_entry *e, size_t i)
{
	return cut(*(const char *const *)((const char *)e + members[i].at), members[i].personal ? AUDIT_PERSONAL_MAX : AUDIT_VALUE_MAX);
}

#define SALT 32
#define DIGEST 32

/* Its digest goes into the entry, value and salt beside it. */
static bool
write_personal(const char *name, struct span value, struct jw *entry, struct jw *open)
{
	unsigned char digest[DIGEST], salt[SALT];
	char text[B64URL_LEN(DIGEST) + 1];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good;

	rand_bytes(salt, sizeof(salt));
	good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(md, salt, sizeof(salt)) == 1 &&
		EVP_DigestUpdate(md, value.p, value.n) == 1 && EVP_DigestFinal_ex(md, digest, NULL) == 1;
	EVP_MD_CTX_free(md);
	if (!good)
		return false;
	b64url_write(text, digest, sizeof(digest));
	jw_str(entry, name, text);
	b64url_write(text, salt, sizeof(salt));
	jw_array(open, name);
	jw_str(open, NULL, text);
	jw_span(open, NULL, value);
	jw_end(open);
	return true;
}

/* All of an entry but its number, which it is given later: a JSON object without its first brace. */
static bool
write_entry(const struct audit_entry *e, int64_t at_ms, struct buf *ret_entry, struct buf *ret_open)
{
	struct jw entry = jw_to(ret_entry), open = jw_to(ret_open);
	char at[TIME_TEXT], time[TIME_TEXT + 8];
	bool good = true;

	time_rfc3339(at_ms / 1000, at);
	snprintf(time, sizeof(time), "%.19s.%03dZ", at, (int)(at_ms % 1000));
	jw_object(&entry, NULL);
	jw_str(&entry, "at", time);
	jw_str(&entry, "event", event_names[e->event]);
	jw_str(&entry, "outcome", outcome_names[e->outcome]);
	jw_str(&entry, "actor", actor_names[e->actor]);
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (!members[i].personal && value_of(e, i).n)
			jw_span(&entry, members[i].name, value_of(e, i));
	}
	jw_object(&entry, "personal");
	jw_object(&open, NULL);
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (members[i].personal && value_of(e, i).n)
			good = good && write_personal(members[i].name, value_of(e, i), &entry, &open);
	}
	jw_end(&open);
	jw_end(&entry);
	jw_end(&entry);
	return good && jw_ok(&entry) && jw_ok(&open);
}

bool
audit_order_of(struct sql *db, int64_t order_id, struct audit_order *ret, struct problem *pr)
{
	static const char SQL[] = "select o.ref, a.ref from orders o join account a on a.id=o.account_id where o.id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret = (struct audit_order){ "", "" };
	sql_bind_int(st, 1, order_id);
	if (sql_step(st)) {
		sql_copy(st, 0, ret->order, sizeof(ret->order));
		sql_copy(st, 1, ret->account, sizeof(ret->account));
	}
	return sql_end(st, pr);
}

bool
audit_note(struct sql *db, const struct audit_entry *e, struct problem *pr)
{
	static const char SQL[] =
		"insert into audit_pending (at_ms, event, who, account, order_ref, entry, open) values ($1, $2, $3, $4, $5, $6, $7)";
	/* escapes make a value up to six times as long */
	AUTO_BUF entry = BUF_MAX(COUNT_OF(members) * AUDIT_VALUE_MAX * 6), open = BUF_MAX(8 * AUDIT_PERSONAL_MAX * 6);
	int64_t at_ms = clock_unix_ms();
	struct sql_stmt *st;

	if (!write_entry(e, at_ms, &entry, &open))
		return problem_internal(pr, "an entry of the audit trail cannot be written");
	st = sql_begin(db, SQL);
	sql_bind_int(st, 1, at_ms);
	sql_bind_str(st, 2, event_names[e->event]);
	sql_bind_text(st, 3, cut(e->operator_name ? e->operator_name : "", AUDIT_VALUE_MAX));
	sql_bind_str(st, 4, e->account ? e->account : "");
	sql_bind_str(st, 5, e->order ? e->order : "");
	sql_bind_text(st, 6, span_from(buf_span(&entry), 1));
	sql_bind_text(st, 7, buf_span(&open));
	sql_step(st);
	return sql_end(st, pr);
}
