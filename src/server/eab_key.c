/* eab_key.c - what a key that was handed out is good for (E1, E3): its tenant, names and networks, asked when an account is made with it
 * and at each order; and who was refused by it, on record. */
#include <stdlib.h>

#include "base/log.h"
#include "policy/policy.h"
#include "server/api.h"
#include "store/eab.h"

bool
eab_allows_peer(const struct eab_key *k, const struct addr *peer, struct problem *pr)
{
	struct span rest = span_str(k->networks), word;
	char text[ADDR_TEXT];
	struct net net;

	if (!rest.n)
		return true;
	while (rest.n && span_cut(&rest, ' ', &word)) {
		if (net_parse(word, &net, &(struct problem){ 0 }) && net_has(&net, peer))
			return true;
	}
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "the external account key \"%s\" is not for use from %s", k->kid, addr_text(peer, text));
}

/* A rule that allows its names, and nothing else. */
static bool
compile(const struct eab_key *k, struct policy **ret, struct problem *pr)
{
	char *names = xstrdup(k->names);
	const char *list[sizeof(k->names) / 2];
	struct policy_rule rule = { .name = k->kid, .allow = true, .names = list };
	bool good;

	for (char *save = NULL, *word = strtok_r(names, " ", &save); word; word = strtok_r(NULL, " ", &save))
		list[rule.name_count++] = word;
	good = policy_new(&rule, 1, ret, pr);
	free(names);
	return good;
}

bool
eab_allows_names(const struct eab_key *k, const char *profile, const struct ident *idents, size_t count, struct problem *pr)
{
	struct policy *policy;
	bool good = true;

	if (!k->names[0])
		return true;
	if (!compile(k, &policy, pr))
		return false;
	for (size_t i = 0; good && i < count; i++) {
		struct policy_verdict verdict;

		if (!policy_names(policy, profile, &idents[i], 1, &verdict))
			good = problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "the external account key \"%s\" is not for \"%s\"", k->kid, idents[i].value);
	}
	policy_free(policy);
	return good;
}

struct refusal {
	int64_t eab_id;
	char from[ADDR_TEXT];
	char detail[512];
};

static bool
note_tx(struct sql *db, void *arg, struct problem *pr)
{
	const struct refusal *r = arg;

	return eab_event_note(db, r->eab_id, "refused", r->from, r->detail, pr);
}

void
eab_note_refusal(struct api *api)
{
	struct refusal r = { .eab_id = api->eab_refused };
	struct problem pr = { 0 };

	addr_text(&api->http->peer, r.from);
	snprintf(r.detail, sizeof(r.detail), "%s%s%s", api->kid_ref[0] ? "account " : "", api->kid_ref, api->kid_ref[0] ? ": " : "");
	span_copy(span_str(api->pr.detail), r.detail + strlen(r.detail), sizeof(r.detail) - strlen(r.detail));
	/* the refusal stands without it */
	if (!store_write(api->srv->store, note_tx, &r, &pr))
		log_warning("eab_note_lost", LI("eab", r.eab_id), LS("cause", pr.cause));
}
