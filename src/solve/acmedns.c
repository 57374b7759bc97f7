/* acmedns.c - dns-01 by acme-dns, a DNS server that only serves such records, each name at an address of its own there: the record's name
 * is an alias (CNAME) of it.
 *
 * Its accounts are read from a file as other clients keep them: { "NAME": { "fulldomain", "subdomain", "username", "password" } ... };
 * what counts is the fulldomain. It keeps the two newest values of each, so no more are laid out at a time; nothing is ever removed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "httpc/httpc.h"
#include "json/json.h"
#include "json/jw.h"
#include "solve/solve_int.h"

#define ACCOUNTS_MAX_BYTES (8 * 1024 * 1024)
#define ACCOUNTS_USUAL_BYTES (256 * 1024)
#define TEXT_MAX 256
#define VALUES_MAX 2
#define UPDATE_MS 30000
#define REPLY_MAX 4096

struct update {
	struct pending pending; /* first */
	struct proof *p;
	const struct solver_conf *conf;
	bool only_asks;           /* whether the server is there, and has an account for it */
	enum proof_result result; /* unless good */
	struct problem problem;
	char user[TEXT_MAX], key[TEXT_MAX]; /* wiped */
	struct buf body;
};

static void
update_free(struct pending *pending)
{
	struct update *u = (struct update *)pending;

	explicit_bzero(u->key, sizeof(u->key));
	buf_done(&u->body);
	free(u);
}

static void
end(struct update *u, enum proof_result result)
{
	struct proof *p = u->p;
	const struct solver_conf *conf = u->conf;
	struct solver_stats *stats = &solver_state(p->solve, p->record.solver)->stats;
	bool only_asks = u->only_asks;

	if (!only_asks)
		atomic_fetch_add_explicit(result == PROOF_GOOD ? &stats->good : result == PROOF_SETUP ? &stats->refused : &stats->failed, 1,
		memory_order_relaxed);
	if (result != PROOF_GOOD)
		p->problem = u->problem;
	TAILQ_REMOVE(&p->solve->pending, &u->pending, entry);
	update_free(&u->pending);
	if (result != PROOF_GOOD || only_asks) {
		proof_done(p, result);
		return;
	}
	atomic_fetch_add_explicit(&stats->added, 1, memory_order_relaxed);
	check_start(p, conf);
}

static void
on_reply(struct httpc_reply *rp, void *arg)
{
	struct update *u = arg;
	struct proof *p = u->p;
	bool refused = rp->result == HTTPC_OK && rp->status >= 400 && rp->status < 500 && rp->status != 429;

	if (rp->result == HTTPC_OK && rp->status == 200) {
		if (u->only_asks)
			snprintf(p->told, sizeof(p->told), "acme-dns %.200s is well, and %s has an account there", u->conf->url, p->record.owner);
		end(u, PROOF_GOOD);
		return;
	}
	if (rp->result == HTTPC_OK)
		problem_set(&u->problem, PROBLEM_DNS, "acme-dns %.200s, for \"%s\": status %d: %s", u->conf->url, u->p->record.owner, rp->status,
			QUOTE(buf_span(&rp->body)));
	else
		problem_set(&u->problem, PROBLEM_DNS, "acme-dns %.200s: %s: %s", u->conf->url, httpc_result_name(rp->result), rp->error);
	end(u, refused ? PROOF_SETUP : PROOF_LATER);
}

/* Loop's thread */
static void
send_update(void *arg)
{
	struct update *u = arg;
	AUTO_FREE char *url = xasprintf("%s/%s", u->conf->url, u->only_asks ? "health" : "update");

	if (u->result != PROOF_GOOD) {
		end(u, u->result);
		return;
	}
	if (u->only_asks) {
		httpc_start(u->p->solve->env.httpc, &(struct httpc_request){ .method = "GET", .url = url, .ca_file = u->conf->ca_file,
			.total_ms = UPDATE_MS, .body_max_bytes = REPLY_MAX }, on_reply, u);
		return;
	}
	httpc_start(u->p->solve->env.httpc,
		&(struct httpc_request){ .method = "POST", .url = url, .body = buf_span(&u->body), .content_type = "application/json",
			.fields = { { "X-Api-User", u->user }, { "X-Api-Key", u->key } }, .ca_file = u->conf->ca_file, .total_ms = UPDATE_MS,
			.body_max_bytes = REPLY_MAX },
		on_reply, u);
}

/* The account whose fulldomain is the record's name. */
static bool
take_account(struct update *u, const struct json_node *accounts, char subdomain[TEXT_MAX])
{
	const struct json_node *a = NULL;
	struct span name;

	while ((a = json_next_member(accounts, a, &name))) {
		if (span_is_nocase(json_text(json_get(a, "fulldomain")), u->p->record.owner))
			break;
	}
	return a && span_copy(json_text(json_get(a, "username")), u->user, TEXT_MAX) &&
		span_copy(json_text(json_get(a, "password")), u->key, TEXT_MAX) &&
		span_copy(json_text(json_get(a, "subdomain")), subdomain, TEXT_MAX) && u->user[0] && u->key[0] && subdomain[0] &&
		!strpbrk(u->user, "\r\n") && !strpbrk(u->key, "\r\n");
}

static bool
read_account(struct update *u, char subdomain[TEXT_MAX])
{
	AUTO_SECRET text = BUF_MAX(ACCOUNTS_MAX_BYTES);
	static const struct json_limits limits = { .depth_max = 8, .nodes_max = 500000 };
	struct problem why = { 0 };
	struct json *doc = NULL;
	bool good;

	/* a buffer that grows leaves copies behind */
	buf_reserve(&text, ACCOUNTS_USUAL_BYTES);
	if (!secret_load(u->conf->accounts, &text, &why) || !json_parse(buf_span(&text), "accounts", &limits, &doc, &why))
		return problem_set(&u->problem, PROBLEM_DNS, "the accounts at acme-dns cannot be read: %s", why.cause[0] ? why.cause : why.detail);
	good = take_account(u, json_root(doc), subdomain);
	json_wipe(doc);
	return good || problem_set(&u->problem, PROBLEM_DNS, "no account at acme-dns has the fulldomain \"%s\"", u->p->record.owner);
}

/* Worker */
static void
prepare_task(void *arg)
{
	struct update *u = arg;
	char subdomain[TEXT_MAX];
	struct jw w = jw_to(&u->body);

	if (!u->only_asks && proof_look(u->p, false, VALUES_MAX, &u->problem) != LOOK_DO) {
		u->result = PROOF_LATER;
	} else if (!read_account(u, subdomain)) {
		u->result = PROOF_SETUP;
	} else {
		jw_object(&w, NULL);
		jw_str(&w, "subdomain", subdomain);
		jw_str(&w, "txt", u->p->record.value);
		jw_end(&w);
	}
	loop_post(u->p->solve->env.loop, send_update, u);
}

void
acmedns_find(struct proof *p, const struct solver_conf *conf)
{
	zone_find(p, conf->zone, true);
}

static void
begin(struct proof *p, const struct solver_conf *conf, bool only_asks)
{
	struct update *u = xcalloc(1, sizeof(*u));

	*u = (struct update){ .pending.free = update_free, .p = p, .conf = conf, .only_asks = only_asks, .result = PROOF_GOOD, .body = BUF_MAX(4096) };
	TAILQ_INSERT_TAIL(&p->solve->pending, &u->pending, entry);
	pool_post(p->solve->env.pool, prepare_task, u);
}

void
acmedns_place(struct proof *p, const struct solver_conf *conf)
{
	begin(p, conf, false);
}

void
acmedns_ask(struct proof *p, const struct solver_conf *conf)
{
	begin(p, conf, true);
}

void
acmedns_remove(struct proof *p, const struct solver_conf *conf)
{
	(void)conf;
	proof_done(p, PROOF_GOOD);
}
