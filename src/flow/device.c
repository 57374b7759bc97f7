/* flow/device.c - see device.h. */
#include "flow/device.h"

#include "acme/problem_json.h"
#include "flow/inventory.h"
#include "flow/mapped.h"
#include "json/jw.h"
#include "json/json.h"
#include "store/audit.h"
#include "store/event.h"

static int64_t
challenge_id(const struct device_chall *dc)
{
	return dc->authz->challenges[dc->index].id;
}

struct note {
	const char *node, *what, *detail;
};

static bool
note_verdict(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct audit_entry e = *(const struct audit_entry *)arg;
	struct audit_order o;

	if (!audit_order_of(db, id, &o, pr))
		return false;
	e.order = o.order;
	e.account = o.account;
	return audit_note(db, &e, pr);
}

/* In the audit trail, for each order that waits for it. `facts` are those on record, NULL: the statement was not even read. */
static bool
note_orders(struct sql *db, const struct device_chall *dc, enum audit_event event, const struct evidence *facts, const char *why, struct problem *pr)
{
	struct json *doc = NULL;
	struct problem unreadable = { 0 };
	AUTO_FREE char *sha256 = NULL;
	struct audit_entry e = { .event = event, .outcome = why ? AUDIT_REFUSED : AUDIT_OK, .node = dc->node, .profile = dc->profile->name,
		.names = dc->authz->ident.value, .challenge = "device-attest-01", .detail = why, .address = dc->address };

	if (facts && json_parse(span_str(facts->facts), "facts", NULL, &doc, &unreadable))
		sha256 = span_dup(json_text(json_get(json_root(doc), "sha256")));
	json_free(doc);
	e.evidence = sha256;
	e.key_sha256 = facts ? facts->key_hash : NULL;
	return order_each_with_authz(db, dc->authz->id, note_verdict, &e, pr);
}

static bool
note_one(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	const struct note *n = arg;

	return event_note(db, id, n->node, n->what, pr, "%s", n->detail);
}

/* In the story of each order that waits for it. */
static bool
tell_orders(struct sql *db, const struct device_chall *dc, const char *what, const char *detail, struct problem *pr)
{
	struct note n = { dc->node, what, detail };

	return order_each_with_authz(db, dc->authz->id, note_one, &n, pr);
}

bool
device_record(struct sql *db, const struct device_chall *dc, const struct attest_facts *facts, struct span statement,
	struct evidence *ret_evidence, bool *ret_moved, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(16 * 1024), story = BUF_MAX(1024);
	struct evidence e = { .authz_id = dc->authz->id, .at = dc->now, .has_statement = dc->profile->keep_evidence };
	struct jw w = jw_to(&text);

	if (!challenge_respond(db, challenge_id(dc), dc->key_auth, ret_moved, pr))
		return false;
	if (!*ret_moved)
		return true;
	jw_object(&w, NULL);
	attest_facts_write(facts, &w);
	jw_end(&w);
	if (!jw_ok(&w))
		return problem_internal(pr, "the facts of a statement do not fit");
	memcpy(e.key_hash, facts->key_hash, sizeof(e.key_hash));
	e.facts = xstrdup(buf_cstr(&text));
	span_copy(span_str(dc->address), e.address, sizeof(e.address));
	buf_addf(&story, "%s, format %s, protection %s, key %s, statement %s", dc->authz->ident.value, attest_format_name(facts->format),
		attest_protection_name(facts->protection), facts->key_hash, facts->sha256);
	if (evidence_insert(db, &e, e.has_statement ? statement : SPAN_NONE, pr) &&
		inventory_note(db, dc->profile, dc->authz, facts, dc->now, pr) && tell_orders(db, dc, "attested", buf_cstr(&story), pr)) {
		*ret_evidence = e;
		return true;
	}
	evidence_done(&e);
	return false;
}

/* The challenge, processing by now, ends invalid. */
static bool
fail(struct sql *db, const struct device_chall *dc, const struct evidence *facts, const struct problem *why, struct problem *pr)
{
	AUTO_BUF error = BUF_MAX(16 * 1024);

	return tell_orders(db, dc, "not attested", why->detail, pr) && note_orders(db, dc, AUDIT_ATTESTATION_REJECT, facts, why->detail, pr) &&
		problem_json(&error, why, NULL) &&
		authz_fail(db, dc->authz, dc->index, buf_cstr(&error), dc->now, dc->node, pr);
}

bool
device_judge(struct sql *db, const struct device_chall *dc, const struct evidence *e, struct problem *ret_refusal, struct problem *pr)
{
	bool denied;

	*ret_refusal = (struct problem){ 0 };
	if (!denied_key_has(db, e->key_hash, &denied, pr))
		return false;
	if (!denied)
		return inventory_judge(db, dc->profile, dc->authz, ret_refusal, pr) && (ret_refusal->kind || mapped_judge(db, dc, ret_refusal, pr));
	problem_set(ret_refusal, PROBLEM_BAD_ATTESTATION, "key: the attested key is known to be compromised");
	return true;
}

bool
device_note_asked(struct sql *db, const struct device_chall *dc, const char *whom, struct problem *pr)
{
	return tell_orders(db, dc, "asked", whom, pr);
}

bool
device_conclude(struct sql *db, const struct device_chall *dc, const struct evidence *e, struct problem *ret_refusal, struct problem *pr)
{
	if (!device_judge(db, dc, e, ret_refusal, pr))
		return false;
	if (ret_refusal->kind)
		return fail(db, dc, e, ret_refusal, pr);
	return note_orders(db, dc, AUDIT_ATTESTATION_ACCEPT, e, NULL, pr) && authz_prove(db, dc->authz, dc->index, dc->now, dc->now + dc->profile->valid_authz_s, dc->node, pr) && mapped_give(db, dc, pr);
}

bool
device_refuse(struct sql *db, const struct device_chall *dc, const struct problem *why, bool *ret_moved, struct problem *pr)
{
	if (!challenge_respond(db, challenge_id(dc), dc->key_auth, ret_moved, pr))
		return false;
	return !*ret_moved || fail(db, dc, NULL, why, pr);
}
