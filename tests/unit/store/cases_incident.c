/* cases_incident.c - who is in an incident, when it no longer misses a certificate, and what is shown of it. */
#include "store/incident.h"

#include <stdlib.h>

#include "cases.h"
#include "world.h"

#define LIFE (90 * 86400)
#define KEY "key-hash"

static unsigned certs;

/* Of "NAME.test", with as much of its life over; a number of its own. */
static int64_t
put_leaf(struct sql *db, int64_t principal, const char *name, int64_t age, char ret_certid[CERTID_TEXT])
{
	AUTO_FREE char *host = xasprintf("%s.test", name);
	struct cert_row c = { .order_id = 1, .account_id = principal, .principal = principal, .profile = "p", .upstream = "u",
		.not_before = NOW - age, .not_after = NOW - age + LIFE };
	struct ident id = dns(host);
	struct problem pr = { 0 };
	int64_t row;

	snprintf(c.sha256, sizeof(c.sha256), "sha-%u", ++certs);
	snprintf(c.serial, sizeof(c.serial), "ff%04x", certs);
	snprintf(c.key_hash, sizeof(c.key_hash), "%s", KEY);
	if (!certid_write(SPAN("an issuer's key id"), span_of((const char *)&certs, sizeof(certs)), c.certid))
		abort();
	memcpy(ret_certid, c.certid, CERTID_TEXT);
	idents_add(&c.idents, &id);
	must(cert_insert(db, &c, SPAN("PEM"), &pr));
	row = c.id;
	cert_row_done(&c);
	return row;
}

static int64_t
put_incident(struct sql *db, enum incident_state state)
{
	struct incident in = { .state = state, .ca = "u", .opened_at = NOW, .finish_by = NOW + 86400 };
	struct problem pr = { 0 };

	must(incident_insert(db, &in, &pr));
	return in.id;
}

static void
add(struct sql *db, int64_t incident, int64_t cert)
{
	const struct member m = { .cert_id = cert, .not_after = NOW + LIFE, .wave_at = NOW };
	struct problem pr = { 0 };
	bool added;

	must(member_add(db, incident, &m, &added, &pr));
	must(added);
	must(member_set_wave(db, incident, cert, NOW, &pr));
	must(member_tell(db, incident, &m, NOW - 600, NOW, NOW, &pr));
}

static int64_t
count_of(struct sql *db, int64_t incident, enum member_state state)
{
	int64_t counts[MEMBER_STATE__COUNT];
	struct problem pr = { 0 };

	must(member_counts(db, incident, counts, &pr));
	return counts[state];
}

static void
on_row(const struct renewal_row *row, void *arg)
{
	*(int64_t *)arg = row->replaced_at;
}

static int64_t
replaced_at(struct sql *db, const char *certid)
{
	struct problem pr = { 0 };
	int64_t at = -1;
	bool found;

	must(renewal_by_certid(db, certid, on_row, &at, &found, &pr));
	must(found);
	return at;
}

bool
case_incident_settle(struct sql *db, void *arg, struct problem *pr)
{
	int64_t incident = put_incident(db, INCIDENT_RUNNING), other = put_incident(db, INCIDENT_RUNNING), cert[3], count;
	char id[3][CERTID_TEXT];
	bool added, affected;

	(void)arg;
	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *name = xasprintf("settle%zu", i);

		cert[i] = put_leaf(db, 1, name, 86400, id[i]);
		add(db, incident, cert[i]);
	}
	need(member_add(db, incident, &(struct member){ .cert_id = cert[0] }, &added, pr));
	ok(!added && count_of(db, incident, MEMBER_TOLD) == 3, "who is in it is in it once");
	add(db, other, cert[0]);
	need(member_is_affected(db, cert[0], &affected, pr));
	ok(affected, "it is affected");
	need(renewal_replaced(db, id[0], NOW, pr));
	ok(count_of(db, incident, MEMBER_RENEWED) == 1 && count_of(db, other, MEMBER_RENEWED) == 1, "what is replaced is renewed, in all incidents");
	need(member_is_affected(db, cert[0], &affected, pr));
	ok(!affected, "and not affected any more");
	need(renewal_revoked(db, cert[1], NOW, pr));
	ok(count_of(db, incident, MEMBER_REVOKED) == 1, "what is revoked is missed no more");
	need(member_expire(db, incident, NOW + LIFE - 1, 10, &count, pr));
	ok(count == 0, "nothing has run out a second before");
	need(member_expire(db, incident, NOW + LIFE, 10, &count, pr));
	need(member_any(db, incident, &affected, pr));
	ok(count == 1 && !affected && count_of(db, incident, MEMBER_EXPIRED) == 1, "what has run out, neither: none is missing");
	return true;
}

bool
case_incident_follow(struct sql *db, void *arg, struct problem *pr)
{
	char old[CERTID_TEXT], old2[CERTID_TEXT], young[CERTID_TEXT], mine[CERTID_TEXT], next[3][CERTID_TEXT];
	int64_t incident = put_incident(db, INCIDENT_RUNNING), first;

	(void)arg;
	put_leaf(db, 1, "pair", LIFE * 6 / 10, old);
	put_leaf(db, 1, "pair", LIFE * 5 / 10, old2);
	put_leaf(db, 2, "pair", LIFE * 6 / 10, young);
	need(renewal_followed(db, put_leaf(db, 1, "pair", 0, next[0]), NOW, pr));
	ok(replaced_at(db, old) == NOW && replaced_at(db, old2) == 0 && replaced_at(db, young) == 0,
		"of a pair with the same names the one that ends first is followed, and nobody else's");
	need(renewal_followed(db, put_leaf(db, 1, "pair", 0, next[1]), NOW, pr));
	ok(replaced_at(db, old2) == NOW && replaced_at(db, next[0]) == 0, "then the other");
	need(renewal_followed(db, put_leaf(db, 1, "pair", 0, next[2]), NOW, pr));
	ok(replaced_at(db, next[0]) == 0 && replaced_at(db, next[1]) == 0, "one that is young is another device's");
	first = put_leaf(db, 1, "called", 3600, mine);
	add(db, incident, first);
	need(renewal_followed(db, put_leaf(db, 1, "called", 0, next[0]), NOW, pr));
	ok(replaced_at(db, mine) == NOW && count_of(db, incident, MEMBER_RENEWED) == 1, "but in an incident a young one is followed, too");
	return true;
}

bool
case_incident_again(struct sql *db, void *arg, struct problem *pr)
{
	int64_t incident = put_incident(db, INCIDENT_RUNNING), cert, found;
	char certid[CERTID_TEXT], key[IDENTS_KEY_TEXT];
	struct idents names = { 0 };
	struct ident id = dns("again.test");

	(void)arg;
	cert = put_leaf(db, 1, "again", 3600, certid);
	idents_add(&names, &id);
	idents_key(&names, key);
	idents_done(&names);
	need(cert_find_again(db, 1, KEY, key, "p", "u", NOW, NOW - 86400, 10, &found, pr));
	ok(found == cert, "who comes again with the same key may have it again (O4)");
	add(db, incident, cert);
	need(cert_find_again(db, 1, KEY, key, "p", "u", NOW, NOW - 86400, 10, &found, pr));
	ok(found == 0, "but not what is in an incident");
	need(member_release(db, incident, cert, 600, NOW, pr));
	need(cert_find_again(db, 1, KEY, key, "p", "u", NOW, NOW - 86400, 10, &found, pr));
	ok(found == cert && count_of(db, incident, MEMBER_RELEASED) == 1, "and again when it is let be");
	return true;
}

bool
case_incident_kinds(struct sql *db, void *arg, struct problem *pr)
{
	static const enum incident_state states[] = { INCIDENT_DRAFT, INCIDENT_GATHERING, INCIDENT_RUNNING, INCIDENT_CLOSED };
	char certid[CERTID_TEXT];
	bool affected;

	(void)arg;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		AUTO_FREE char *name = xasprintf("kind%zu", i);
		int64_t cert = put_leaf(db, 1, name, 3600, certid), incident = put_incident(db, states[i]);
		bool added, want = states[i] == INCIDENT_GATHERING || states[i] == INCIDENT_RUNNING;

		need(member_add(db, incident, &(struct member){ .cert_id = cert, .not_after = NOW + LIFE }, &added, pr));
		need(member_is_affected(db, cert, &affected, pr));
		ok(affected == want, "in an incident that is %s it is %saffected", incident_state_name(states[i]), want ? "" : "not ");
	}
	return true;
}

bool
case_incident_sweep(struct sql *db, void *arg, struct problem *pr)
{
	struct incident in = { .state = INCIDENT_RUNNING, .ca = "swept", .opened_at = NOW, .finish_by = NOW }, draft = { .ca = "draft", .opened_at = NOW - 10 };
	bool more = true, found, added;
	unsigned rounds = 0;

	(void)arg;
	need(incident_insert(db, &in, pr) && incident_insert(db, &draft, pr));
	for (int64_t i = 0; i < 5; i++)
		need(member_add(db, in.id, &(struct member){ .cert_id = 1000 + i }, &added, pr));
	need(incident_bucket_set(db, in.id, 0, "u", 7, pr));
	in.state = INCIDENT_CLOSED;
	in.closed_at = NOW;
	need(incident_save(db, &in, pr));
	need(incident_sweep(db, NOW, NOW - 10, 2, &more, pr));
	ok(!more, "what ended a second later stays");
	for (more = true; more && rounds < 20; rounds++)
		need(incident_sweep(db, NOW + 1, NOW - 9, 2, &more, pr));
	need(incident_by_id(db, in.id, &in, &found, pr));
	ok(!found && rounds > 3 && count_of(db, in.id, MEMBER_FOUND) == 0, "what is long over goes, a little at a time");
	need(incident_by_id(db, draft.id, &draft, &found, pr));
	ok(!found, "and a draft that nobody ended");
	return true;
}

static bool
count_incident(struct sql *db, const struct incident *in, void *arg, struct problem *pr)
{
	(void)db;
	(void)in;
	(void)pr;
	(*(int64_t *)arg)++;
	return true;
}

static bool
count_candidate(struct sql *db, const struct candidate *c, void *arg, struct problem *pr)
{
	(void)db;
	(void)pr;
	if (strcmp(c->upstream, "u") == 0 && strcmp(c->profile, "p") == 0 && span_starts(c->idents, "dns:"))
		*(int64_t *)arg = *(int64_t *)arg * 100 + c->cert_id;
	return true;
}

static bool
count_missing(struct sql *db, const struct missing *m, void *arg, struct problem *pr)
{
	(void)db;
	(void)pr;
	if (m->state == MEMBER_TOLD && m->wave_at == NOW)
		*(int64_t *)arg = *(int64_t *)arg * 100 + m->cert_id;
	return true;
}

/* What the job walks, and operators are shown. */
bool
case_incident_rows(struct sql *db, void *arg, struct problem *pr)
{
	int64_t first = put_incident(db, INCIDENT_RUNNING), cert[3], sum, n = 0, tat = 0, kinds[INCIDENT_KIND__COUNT];
	struct incident in, ca = { .kind = INCIDENT_CA, .state = INCIDENT_RUNNING, .ca = "u", .opened_at = NOW, .finish_by = NOW };
	char id[CERTID_TEXT], serial[SERIAL_TEXT];
	struct member page[1];
	size_t count;
	bool found;

	(void)arg;
	snprintf(serial, sizeof(serial), "ff%04x", certs + 1);
	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *name = xasprintf("row%zu", i);

		cert[i] = put_leaf(db, 1, name, 86400, id);
		add(db, first, cert[i]);
	}
	need(renewal_revoked(db, cert[1], NOW, pr));
	ok(member_next(db, first, MEMBER_TOLD, 1, page, &count, pr) && count == 1 && page[0].cert_id == cert[0] && page[0].wave_at == NOW,
		"who is told, the most urgent first, no more than asked for");
	sum = 0;
	ok(candidates_live(db, NOW, 0, 10, count_candidate, &sum, pr) && sum == cert[0] * 100 + cert[2], "who lives and is not revoked may be affected");
	sum = 0;
	ok(candidates_by_serial(db, serial, NOW, count_candidate, &sum, pr) && sum == cert[0], "by serial number, too");
	sum = 0;
	ok(candidate_by_id(db, cert[2], count_candidate, &sum, pr) && sum == cert[2], "one is found");
	sum = 0;
	ok(missing_list(db, first, 0, 0, 10, count_missing, &sum, pr) && sum == cert[0] * 100 + cert[2], "who is missing is listed");
	sum = 0;
	ok(missing_list(db, first, NOW + LIFE, cert[0], 10, count_missing, &sum, pr) && sum == cert[2], "behind a row");
	ok(incident_by_id(db, first, &in, &found, pr) && found && incident_by_ref(db, span_str(in.ref), &in, &found, pr) && found && in.id == first,
		"an incident is found by what it is called");
	ok(incident_of_ca(db, "u", 0, &in, &found, pr) && !found, "an operator's is not the CA's");
	need(incident_insert(db, &ca, pr));
	ok(incident_of_ca(db, "u", 0, &in, &found, pr) && found && in.id == ca.id, "the CA's own is");
	add(db, ca.id, cert[0]);
	need(member_release(db, first, cert[2], 600, NOW, pr) && member_is_let_be(db, cert[2], &found, pr));
	ok(!found && member_is_let_be(db, cert[0], &found, pr) && !found, "who is let be in an operator's is not, nor who is missing in the CA's own");
	need(member_release(db, ca.id, cert[0], 600, NOW, pr) && member_is_let_be(db, cert[0], &found, pr));
	ok(found, "who was let be in that one is");
	ca.state = INCIDENT_CLOSED;
	ca.closed_at = NOW;
	need(incident_save(db, &ca, pr));
	ok(incident_of_ca(db, "u", NOW, &in, &found, pr) && found && incident_of_ca(db, "u", NOW + 1, &in, &found, pr) && !found, "and for a while after its end");
	ok(incident_list(db, 0, 10, count_incident, &n, pr) && n == 2 && incident_list_count(db, 10, &n, pr) && n == 2, "both are listed");
	ok(incident_open_counts(db, kinds, &n, pr) && kinds[INCIDENT_OPERATOR] == 1 && kinds[INCIDENT_CA] == 0 && n == 0, "one is open");
	ok(incident_bucket_get(db, first, 1, "a.test", &tat, &found, pr) && !found && incident_bucket_set(db, first, 1, "a.test", 5, pr) &&
			incident_bucket_set(db, first, 1, "a.test", 7, pr) && incident_bucket_get(db, first, 1, "a.test", &tat, &found, pr) && found && tat == 7,
		"the plan's count of a limit is kept");
	return true;
}
