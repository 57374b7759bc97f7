/* flow/usage.c - see usage.h. What is asked first is asked again when it is taken: on a store where two run at once, one of them is run
 * again, and finds the last one gone. */
#include "flow/usage.h"

#include "store/cert.h"
#include "store/eab.h"

#define AGAIN_MAX_S (7 * 86400) /* T2 */
#define PENDING_AGAIN_S 60      /* orders end at any time */

struct claim {
	struct sql *db;
	const struct gate_conf *conf;
	const struct order *order;
	const char *account_ref;
	int64_t now;
	int renews; /* -1 = not asked yet */
	struct usage_warned *warned;
};

static bool
names_match(const struct quota_conf *q, const struct idents *ids)
{
	struct policy_verdict verdict;

	for (size_t i = 0; q->policy && i < ids->count; i++) {
		if (policy_names(q->policy, "", &ids->list[i], 1, &verdict))
			return true;
	}
	return q->policy == NULL;
}

/* The kid of the first key that its own took the place of by rotation, or the account. */
static bool
key_subject(const struct claim *c, char ret[SUBJECT_TEXT], struct problem *pr)
{
	struct eab_key k = { 0 };
	bool found = false;

	if (c->order->principal < 0 && !eab_by_id(c->db, -c->order->principal, &k, &found, pr))
		return false;
	snprintf(ret, SUBJECT_TEXT, "%s", found ? k.kid : c->account_ref);
	eab_key_done(&k);
	return true;
}

static void
device_subject(const struct order *o, char ret[SUBJECT_TEXT])
{
	ret[0] = '\0';
	for (size_t i = 0; i < o->idents.count; i++) {
		if (!ident_is_device(&o->idents.list[i]))
			continue;
		snprintf(ret, SUBJECT_TEXT, "%s:%s", ident_type_name(o->idents.list[i].type), o->idents.list[i].value);
		return;
	}
}

/* Whose use of this quota the order adds to; "": nobody's. */
static bool
subject_of(const struct claim *c, const struct quota_conf *q, char ret[SUBJECT_TEXT], struct problem *pr)
{
	struct idents names;
	bool matches;

	ret[0] = '\0';
	order_names(c->order, &names);
	matches = conf_quota_is_of(q, c->order->tenant) && names_match(q, &names);
	idents_done(&names);
	if (!matches)
		return true;
	switch ((enum quota_per)q->per) {
	case QUOTA_PER_TENANT:
		return span_copy(span_str(c->order->tenant), ret, SUBJECT_TEXT);
	case QUOTA_PER_KEY:
		return key_subject(c, ret, pr);
	case QUOTA_PER_DEVICE:
		device_subject(c->order, ret);
		return true;
	case QUOTA_PER_ALL:
		return span_copy(SPAN("all"), ret, SUBJECT_TEXT);
	}
	return true;
}

/* It says so, or there is a live certificate of the same names. */
static bool
renews(struct claim *c, bool *ret, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT], certid[CERTID_TEXT] = "";
	struct idents names;

	if (c->renews < 0) {
		order_names(c->order, &names);
		idents_key(&names, key);
		idents_done(&names);
		if (!c->order->replaces && !cert_find_predecessor(c->db, c->order->principal, key, c->order->upstream, c->now, certid, pr))
			return false;
		c->renews = c->order->replaces || certid[0];
	}
	*ret = c->renews == 1;
	return true;
}

static bool
refuse(const struct claim *c, const struct quota_conf *q, const struct usage_count *count, struct problem *pr)
{
	const struct tenant_conf *t = conf_tenant(c->conf, c->order->tenant);
	bool heals = q->counts != USAGE_LIVE;
	int64_t again_s = count->end ? count->end - c->now : PENDING_AGAIN_S;

	if (heals)
		pr->retry_after_s = (unsigned)(again_s < 1 ? 1 : again_s < AGAIN_MAX_S ? again_s : AGAIN_MAX_S);
	return problem_set(pr, heals ? PROBLEM_RATE_LIMITED : PROBLEM_UNAUTHORIZED, "quota \"%s\" is spent: all %lld %s of \"%s\" are in use%s%s",
		q->name, (long long)q->hard, usage_counts_name((enum usage_counts)q->counts), count->subject, t && t->contact ? "; ask " : "",
		t && t->contact ? t->contact : "");
}

/* `used` with this one. */
static bool
judge(struct claim *c, const struct quota_conf *q, const struct usage_count *count, struct problem *pr)
{
	enum usage_verdict v = usage_judge(count->used, q->soft, q->hard, false);
	struct usage_warned *w = c->warned;
	bool exempt = false;

	if (v == USAGE_REFUSE && !q->refuse_renewals && !renews(c, &exempt, pr))
		return false;
	v = usage_judge(count->used, q->soft, q->hard, exempt);
	if (v == USAGE_REFUSE)
		return refuse(c, q, count, pr);
	if (v == USAGE_WARN && w && w->count < USAGE_WARNED_MAX) {
		memcpy(w->list[w->count].quota, count->quota, sizeof(count->quota));
		memcpy(w->list[w->count].subject, count->subject, sizeof(count->subject));
		w->list[w->count++].used = count->used;
	}
	return true;
}

static bool
each(struct claim *c, bool take, struct problem *pr)
{
	const struct quota_conf *list = c->conf->quotas.list;

	for (size_t i = 0; i < c->conf->quotas.count; i++) {
		struct usage_count count = { .counts = (enum usage_counts)list[i].counts };

		if (!subject_of(c, &list[i], count.subject, pr))
			return false;
		if (!count.subject[0])
			continue;
		span_copy(span_str(list[i].name), count.quota, sizeof(count.quota));
		usage_period(count.counts, c->now, &count.begin, &count.end);
		if (take && (!usage_take(c->db, &count, pr) || !usage_hold(c->db, c->order->id, &count, pr)))
			return false;
		if (!take && !usage_used(c->db, count.quota, count.subject, count.begin, &count.used, pr))
			return false;
		count.used += !take;
		if (!judge(c, &list[i], &count, pr))
			return false;
	}
	return true;
}

bool
usage_check(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *account_ref, int64_t now, struct problem *pr)
{
	struct claim c = { .db = db, .conf = conf, .order = o, .account_ref = account_ref, .now = now, .renews = -1 };

	return each(&c, false, pr);
}

bool
usage_claim(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *account_ref, int64_t now, struct usage_warned *ret,
	struct problem *pr)
{
	struct claim c = { .db = db, .conf = conf, .order = o, .account_ref = account_ref, .now = now, .renews = -1, .warned = ret };

	ret->count = 0;
	return each(&c, true, pr);
}
