/* issue_prove.c - the proofs that the CA's authorizations ask for, all of an order's side by side; see issue.h and solve/solve.h.
 *
 * authorizations read -> each proof is located -> all are on record, in one transaction -> each is placed, until the CA will see it ->
 * the challenges are POSTed, one after the other. Whatever fails before that costs nothing at the CA: the round begins anew later. */
#include "upstream/issue.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/b64url.h"
#include "base/log.h"
#include "store/event.h"
#include "store/upstream_life.h"

#define HOLD_MS (15 * 60 * 1000) /* an operator is needed (T6) */
#define DIGEST_OCTETS 32
#define ROLLING_S 300            /* how long a change of our key is waited for */
#define ROLLING_LOOK_MS 1000

/* One authorization's. */
struct issue_proof {
	struct proof proof;
	struct issue *is;
	char authz_url[URL_TEXT];
	struct offer {
		char *url; /* owned */
		char token[ACME_TOKEN_TEXT];
	} offers[CHALLENGE_KIND__COUNT];
	struct acme_strings issuers; /* dns-persist-01 */
};

void
issue_forget_proofs(struct issue *is)
{
	for (size_t i = 0; i < is->proof_count; i++) {
		for (int kind = 0; kind < CHALLENGE_KIND__COUNT; kind++)
			free(is->proofs[i]->offers[kind].url);
		acme_strings_done(&is->proofs[i]->issuers);
		free(is->proofs[i]);
	}
	is->proof_count = is->proof_at = 0;
}

/* ---- which challenges there are ---- */

static bool
is_answered(const struct acme_authz *authz)
{
	for (size_t i = 0; i < authz->chall_count; i++) {
		if (authz->challs[i].state == CHALL_PROCESSING)
			return true;
	}
	return false;
}

/* It has no token; its record has one of these names. */
static bool
take_issuers(struct issue_proof *ip, const struct acme_chall *c)
{
	ip->issuers.list = xcalloc(c->issuers.count + 1, sizeof(char *));
	for (size_t i = 0; i < c->issuers.count; i++)
		ip->issuers.list[ip->issuers.count++] = xstrdup(c->issuers.list[i]);
	ip->proof.issuers = (struct conf_strings){ ip->issuers.list, ip->issuers.count };
	return ip->issuers.count > 0;
}

static void
take_offers(struct issue_proof *ip, const struct acme_authz *authz)
{
	const struct upstream_conf *u = conf_upstream(ip->is->conf, ip->is->u->name);

	for (size_t i = 0; i < authz->chall_count; i++) {
		const struct acme_chall *c = &authz->challs[i];
		enum challenge_kind kind;

		if ((u && !conf_ca_has_challenge(u, c->type)) || c->state != CHALL_PENDING || strlen(c->url) >= URL_TEXT || !challenge_kind_parse(span_str(c->type), &kind) ||
			ip->offers[kind].url || !(kind == CHALLENGE_DNS_PERSIST_01 ? take_issuers(ip, c) : c->token[0] != '\0'))
			continue;
		ip->offers[kind].url = xstrdup(c->url);
		memcpy(ip->offers[kind].token, c->token, sizeof(c->token));
		ip->proof.offered[kind] = true;
	}
}

static void on_proof(struct proof *p);

enum job_next
issue_take_authz(struct issue *is, const struct acme_authz *authz)
{
	struct issue_proof *ip;

	is->open++;
	if (is_answered(authz) || is->proof_count == ACME_AUTHZS_MAX)
		return issue_next_authz(is);
	ip = xcalloc(1, sizeof(*ip));
	ip->is = is;
	span_copy(span_str(is->ca_order.authzs.list[is->at]), ip->authz_url, sizeof(ip->authz_url));
	ip->proof.ident = authz->ident;
	ip->proof.wildcard = authz->wildcard;
	ip->proof.upstream = is->u->name;
	ip->proof.conf = is->conf;
	ip->proof.account_url = is->account->kid;
	ip->proof.done = on_proof;
	ip->proof.arg = ip;
	take_offers(ip, authz);
	is->proofs[is->proof_count++] = ip;
	return issue_next_authz(is);
}

/* ---- all at once ---- */

static void
on_proof(struct proof *p)
{
	struct issue *is = ((struct issue_proof *)p->arg)->is;

	if (atomic_fetch_sub(&is->proofs_open, 1) != 1)
		return;
	is->proved = true;
	jobs_resume(is->job);
}

static enum job_next
each(struct issue *is, enum issue_phase phase, void (*start)(struct solve *solve, struct proof *p))
{
	struct solve *solve = upstreams_env(is->ups)->solve;
	size_t n = is->proof_count;

	is->phase = phase;
	atomic_store(&is->proofs_open, (unsigned)n);
	/* with the last one's end the job may run on another worker, and is not ours any more */
	for (size_t i = 0; i < n; i++)
		start(solve, &is->proofs[i]->proof);
	return JOB_IO;
}

enum job_next
issue_prove(struct issue *is)
{
	return each(is, ISSUE_LOCATE, proof_locate);
}

/* ---- what went wrong ---- */

static struct issue_proof *
worst(const struct issue *is)
{
	struct issue_proof *found = is->proofs[0];

	for (size_t i = 1; i < is->proof_count; i++) {
		if (is->proofs[i]->proof.result > found->proof.result)
			found = is->proofs[i];
	}
	return found;
}

static enum job_next
trouble(struct issue *is, const struct issue_proof *ip)
{
	const struct proof *p = &ip->proof;
	struct problem pr = { 0 };

	if (p->result == PROOF_NONE) {
		problem_set(&pr, PROBLEM_SERVER_INTERNAL, "the certificate authority offers no challenge for \"%s%s\" that this gateway can solve",
			p->wildcard ? "*." : "", p->ident.value);
		return issue_refused(is, &pr, NULL);
	}
	/* once in the order's story; in the log each time */
	if (strcmp(is->told_trouble, p->problem.detail) != 0 && !issue_note(is, p->problem.detail, &pr))
		return issue_store_trouble(is, &pr);
	span_copy(span_str(p->problem.detail), is->told_trouble, sizeof(is->told_trouble));
	snprintf(is->job->error, sizeof(is->job->error), "%.190s", p->problem.detail);
	if (p->result == PROOF_SETUP) {
		log_error("proof_needs_operator", LS("order", is->order.ref), LS("name", p->ident.value), LS("solver", p->record.solver),
			LPR(&p->problem));
		return issue_again(is, HOLD_MS, ISSUE_ORDER);
	}
	log_warning("proof_waits", LS("order", is->order.ref), LS("name", p->ident.value), LS("solver", p->record.solver), LPR(&p->problem));
	return issue_pause_then(is, 0, ISSUE_ORDER);
}

/* ---- on record ---- */

static void
digest_of(const char *key_auth, char ret[DNS_TEXT])
{
	unsigned char octets[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(key_auth, strlen(key_auth), octets, NULL, EVP_sha256(), NULL))
		abort();
	b64url_write(ret, octets, DIGEST_OCTETS);
}

/* The text of one identifier, and how it is asked for by TLS clients. */
struct alpn_name {
	char server_name[IDENT_VALUE];
	struct buf ident;
};

static bool
alpn_name_of(const struct proof *p, struct alpn_name *ret)
{
	struct idents one = { (struct ident *)(uintptr_t)&p->ident, 1 };

	ident_server_name(&p->ident, ret->server_name);
	ret->ident = BUF_MAX(2 * IDENT_VALUE);
	return idents_write(&one, &ret->ident);
}

/* In the store is all that there is to it. */
static bool
record_answer(struct sql *db, struct issue *is, struct issue_proof *ip, const char *key_auth, struct problem *pr)
{
	struct proof *p = &ip->proof;
	const struct offer *offer = &ip->offers[p->kind];
	struct upstream_proof row = { .url = ip->authz_url, .challenge_url = offer->url };
	struct alpn_name name;
	bool good = true;

	if (p->kind == CHALLENGE_HTTP_01) {
		row.token = offer->token;
		row.key_auth = key_auth;
	} else if (p->kind == CHALLENGE_TLS_ALPN_01) {
		good = alpn_name_of(p, &name);
		row.server_name = name.server_name;
		row.ident = buf_cstr(&name.ident);
		row.key_auth = key_auth;
	}
	good = good && upstream_authz_put(db, is->order.id, &row, pr);
	if (p->kind == CHALLENGE_TLS_ALPN_01)
		buf_done(&name.ident);
	return good && event_note(db, is->order.id, jobs_node(is->job->jobs), "upstream", pr, "%s proof of %s%s, by %s", challenge_kind_name(p->kind),
		p->wildcard ? "*." : "", p->ident.value, p->record.solver);
}

static bool
record_one(struct sql *db, struct issue *is, struct issue_proof *ip, struct problem *pr)
{
	struct proof *p = &ip->proof;
	const struct offer *offer = &ip->offers[p->kind];
	const char *node = jobs_node(is->job->jobs);
	char key_auth[ACME_TOKEN_TEXT + THUMBPRINT_TEXT];

	snprintf(key_auth, sizeof(key_auth), "%s.%s", offer->token, is->account->thumbprint);
	if (!p->is_recorded)
		return record_answer(db, is, ip, key_auth, pr);
	p->record.order_id = is->order.id;
	digest_of(key_auth, p->record.value);
	return upstream_authz_put(db, is->order.id, &(struct upstream_proof){ .url = ip->authz_url, .challenge_url = offer->url }, pr) &&
		proof_record_put(db, &p->record, &p->record.id, pr) &&
		event_note(db, is->order.id, node, "upstream", pr, "%s proof of %s%s: record %s, zone %s, by %s", challenge_kind_name(p->kind),
			p->wildcard ? "*." : "", p->ident.value, p->record.owner, p->record.zone, p->record.solver);
}

/* All names of the order or none, so that two orders never wait for each other. */
static bool
names_are_free(struct sql *db, struct issue *is, bool *ret, struct problem *pr)
{
	*ret = true;
	for (size_t i = 0; i < is->proof_count; i++) {
		struct proof *p = &is->proofs[i]->proof;
		char name[IDENT_VALUE];
		bool taken = false;

		ident_server_name(&p->ident, name);
		if (p->kind == CHALLENGE_TLS_ALPN_01 && !upstream_server_name_taken(db, is->order.id, name, &taken, pr))
			return false;
		p->result = taken ? PROOF_LATER : PROOF_GOOD;
		*ret = *ret && !taken;
	}
	return true;
}

/* A proof holds the thumbprint of the account's key: none is begun while another takes its place, but not for ever. */
static bool
record_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;
	int64_t epoch, since;
	bool free;

	if (!jobs_fence(is->job, db, pr) || !upstream_life_glance(db, is->u->id, &epoch, &since, pr) || !names_are_free(db, is, &free, pr))
		return false;
	is->key_changes = epoch != is->account->epoch || (since && clock_unix_s() - since < ROLLING_S);
	if (is->key_changes || !free)
		return true;
	for (size_t i = 0; i < is->proof_count; i++) {
		if (!record_one(db, is, is->proofs[i], pr))
			return false;
	}
	return true;
}

static bool
told_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;

	if (!jobs_fence(is->job, db, pr))
		return false;
	for (size_t i = 0; i < is->proof_count; i++) {
		const struct proof *p = &is->proofs[i]->proof;

		if (p->told[0] && !event_note(db, is->order.id, jobs_node(is->job->jobs), "upstream", pr, "%s", p->told))
			return false;
	}
	return true;
}

static enum job_next
located(struct issue *is)
{
	struct store *store = upstreams_env(is->ups)->store;
	struct problem pr = { 0 };
	struct issue_proof *bad;
	bool work = false;

	if (!store_write(store, record_tx, is, &pr))
		return issue_store_trouble(is, &pr);
	if (is->key_changes)
		return issue_again(is, ROLLING_LOOK_MS, ISSUE_LOAD);
	bad = worst(is);
	if (bad->proof.result != PROOF_GOOD) {
		problem_set(&bad->proof.problem, PROBLEM_CONNECTION, "another order proves \"%s\" by tls-alpn-01 now: one after the other",
			bad->proof.ident.value);
		return trouble(is, bad);
	}
	for (size_t i = 0; i < is->proof_count; i++) {
		is->has_names = is->has_names || is->proofs[i]->proof.kind == CHALLENGE_TLS_ALPN_01;
		is->has_records = is->has_records || is->proofs[i]->proof.is_recorded;
		work = work || is->proofs[i]->proof.has_work;
	}
	return work ? each(is, ISSUE_PLACE, proof_place) : issue_next_challenge(is);
}

enum job_next
issue_proved(struct issue *is)
{
	const struct issue_proof *bad = worst(is);
	struct problem pr = { 0 };

	if (bad->proof.result != PROOF_GOOD)
		return trouble(is, bad);
	if (is->phase == ISSUE_LOCATE)
		return located(is);
	if (!store_write(upstreams_env(is->ups)->store, told_tx, is, &pr))
		return issue_store_trouble(is, &pr);
	return issue_next_challenge(is);
}

/* ---- the CA is told ---- */

enum job_next
issue_next_challenge(struct issue *is)
{
	const struct issue_proof *ip;

	if (is->proof_at == is->proof_count)
		return issue_round_over(is);
	ip = is->proofs[is->proof_at++];
	return issue_ask(is, ISSUE_CHALLENGE, CA_URL, ip->offers[ip->proof.kind].url, SPAN("{}"), NULL);
}
