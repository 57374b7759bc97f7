/* attest.c - see attest.h. */
#include "server/attest.h"

#include <stdio.h>

#include "base/log.h"
#include "flow/work.h"

void
attest_answer_done(struct attest_answer *a)
{
	buf_done(&a->object);
	attest_facts_done(&a->facts);
	*a = (struct attest_answer){ 0 };
}

/* "The client gives up" is what some clients say so; an attObj beside it is the answer. */
static struct span
give_up(const struct api *api)
{
	return json_get(api->payload, "attObj") ? SPAN_NONE : json_text(json_get(api->payload, "error"));
}

bool
attest_is_given(const struct api *api)
{
	return json_get(api->payload, "attObj") || give_up(api).n;
}

static bool
read_object(struct api *api, struct attest_answer *a)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	/* the body is bounded; what is larger than a statement may be is refused as one (V8) */
	struct span text = json_req_str(&o, "attObj", 1024 * 1024);

	if (!json_ok(&o))
		return false;
	a->object = BUF_MAX(1024 * 1024);
	if (!b64url_read(text, &a->object))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "attObj is not base64url without padding");
	return true;
}

static void
verify(const struct authz *authz, const struct challenge *c, struct attest_answer *a)
{
	struct attest_input in = {
		.trust = a->profile->trust,
		.object = span_of(a->object.n ? a->object.p : "", a->object.n),
		.token = span_str(c->token),
		.key_authorization = span_str(a->key_auth),
		.id_type = authz->ident.type == IDENT_HARDWARE ? ATTEST_HARDWARE_MODULE : ATTEST_PERMANENT_IDENTIFIER,
		.id = span_str(authz->ident.value),
		.now_unix_s = clock_unix_s(),
	};

	if (!attest_object_format(in.object, &a->format))
		a->format = ATTEST__COUNT;
	/* so does a device of Apple's that has nothing to show */
	if (span_is(in.object, "{}"))
		problem_set(&a->refusal, PROBLEM_BAD_ATTESTATION, "attObj: \"{}\" is no statement, the device has none to give");
	else if (!attest_verify(&in, &a->facts, &a->refusal) && a->refusal.kind == PROBLEM_NONE)
		problem_internal(&a->refusal, "a statement that is not good, and no reason");
}

/* Who failed too often with this device must wait, though the order was made before (T8). */
static bool
may_try(struct api *api, const struct authz *authz)
{
	struct limits *limits = &api->srv->limits;
	char key[FAILURE_KEY_TEXT];

	if (limit_allows(limits, api->conf, LIMIT_FAILED, span_str(authz_failure_key(authz->account_id, authz->ident.value, key)), &api->pr))
		return true;
	atomic_fetch_add(&limits->failed_refused, 1);
	return false;
}

bool
attest_answer_read(struct api *api, const struct authz *authz, size_t index, struct attest_answer *ret)
{
	const struct challenge *c = &authz->challenges[index];
	struct span given_up = give_up(api);

	*ret = (struct attest_answer){ .format = ATTEST__COUNT, .profile = conf_profile(api->conf, span_str(authz->profile)) };
	if (!ret->profile || !ret->profile->trust)
		return problem_set(&api->pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" no longer takes attestation statements", authz->profile);
	if (!may_try(api, authz))
		return false;
	/* the key the account has now is the one that counts; each transaction asks whether it still has it */
	snprintf(ret->key_auth, sizeof(ret->key_auth), "%s.%s", c->token, api->thumbprint);
	addr_text(&api->http->peer, ret->address);
	if (given_up.n)
		problem_set(&ret->refusal, PROBLEM_REJECTED_IDENTIFIER, "the client gave up: \"%s\"", QUOTE(given_up));
	else if (!read_object(api, ret))
		return false;
	else
		verify(authz, c, ret);
	ret->is_read = true;
	if (problem_status(ret->refusal.kind) < 500)
		return true;
	atomic_fetch_add(&api->srv->attested.by[ret->format][ATTEST_UNDECIDED], 1);
	api->pr = ret->refusal;
	return false;
}

/* The verdict, or first a question to the profile's hook: then the challenge is processing until there is an answer (V17). */
static bool
go_on(struct sql *db, const struct api *api, const struct device_chall *dc, const struct evidence *e, struct attest_answer *a, struct problem *pr)
{
	if (!dc->profile->device_hook && !dc->profile->device_webhook)
		return device_conclude(db, dc, e, &a->refusal, pr) && work_begin_ready(db, api->conf, dc->authz->id, &a->began, pr);
	/* who is refused anyway is not asked about */
	if (!device_judge(db, dc, e, &a->refusal, pr))
		return false;
	if (a->refusal.kind)
		return device_conclude(db, dc, e, &a->refusal, pr);
	return device_note_asked(db, dc, dc->profile->device_hook ? dc->profile->device_hook : dc->profile->device_webhook, pr) &&
		jobs_insert(api->srv->jobs, db, JOB_VALIDATE, dc->authz->challenges[dc->index].id, &a->job_id, pr);
}

bool
attest_answer_store(struct sql *db, const struct api *api, const struct authz *authz, size_t index, struct attest_answer *a,
	struct problem *pr)
{
	struct device_chall dc = { .profile = a->profile, .authz = authz, .index = index, .key_auth = a->key_auth, .address = a->address,
		.now = clock_unix_s(), .node = jobs_node(api->srv->jobs) };
	struct evidence e = { 0 };
	bool good;

	a->stored = false;
	a->job_id = 0;
	a->began = false;
	/* only a statement that was good has a key */
	if (!a->facts.key)
		return device_refuse(db, &dc, &a->refusal, &a->stored, pr);
	good = device_record(db, &dc, &a->facts, buf_span(&a->object), &e, &a->stored, pr) &&
		(!a->stored || go_on(db, api, &dc, &e, a, pr));
	evidence_done(&e);
	return good;
}

void
attest_answer_count(struct api *api, const struct authz *authz, const struct attest_answer *a)
{
	bool proven = a->refusal.kind == PROBLEM_NONE;
	char key[FAILURE_KEY_TEXT];
	msec_t wait;

	if (!a->stored)
		return;
	atomic_fetch_add(&api->srv->attested.by[a->format][proven ? ATTEST_PROVEN : ATTEST_REFUSED], 1);
	if (!proven)
		buckets_take(api->srv->limits.by[LIMIT_FAILED], span_str(authz_failure_key(authz->account_id, authz->ident.value, key)),
			limit_rate(api->conf, LIMIT_FAILED), clock_ms(), &wait);
	log_info("attestation", LS("ident", authz->ident.value), LS("authz", authz->ref),
		LS("format", a->format < ATTEST__COUNT ? attest_format_name(a->format) : ""), LI("proven", proven), LI("asks", a->job_id != 0),
		LS("key", a->facts.key_hash), LS("detail", a->refusal.detail));
}
