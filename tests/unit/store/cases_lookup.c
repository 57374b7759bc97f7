/* cases_lookup.c - when CAs are asked about certificates, on record: who is due, what an answer changes, what lapses. */
#include "store/lookup.h"

#include "base/clock.h"

#include "cases.h"
#include "world.h"

#define LIFE (90 * 86400)

static int64_t
put_upstream(struct sql *db, const char *name, struct span ca_cert)
{
	struct upstream_row u = { 0 };
	struct problem pr = { 0 };
	bool moved;
	int64_t id;

	must(upstream_row_get(db, name, &u, &pr));
	id = u.id;
	must(upstream_set_key(db, id, SPAN("sealed"), ca_cert.n ? NULL : "{}", ca_cert, &moved, &pr));
	upstream_row_done(&u);
	return id;
}

static int64_t
issue(struct sql *db, const char *ref, const char *upstream, const char *certid)
{
	struct cert_row c = { .order_id = 1, .account_id = 1, .principal = 1, .profile = "p", .not_before = NOW, .not_after = NOW + LIFE };
	struct ident name = dns("a.test");
	struct problem pr = { 0 };

	snprintf(c.upstream, sizeof(c.upstream), "%s", upstream);
	snprintf(c.certid, sizeof(c.certid), "%s", certid);
	snprintf(c.sha256, sizeof(c.sha256), "%s", ref);
	idents_add(&c.idents, &name);
	must(cert_insert(db, &c, SPAN("PEM"), &pr));
	cert_row_done(&c);
	return c.id;
}

/* certIDs of those that are due, joined. */
static const char *
due(struct sql *db, int64_t upstream, int64_t now, size_t limit, char text[200])
{
	struct lookup_row *rows = xcalloc(limit, sizeof(*rows));
	struct problem pr = { 0 };
	size_t count;

	must(lookup_due(db, upstream, now, limit, rows, &count, &pr));
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), 200 - strlen(text), "%s ", rows[i].certid);
	lookup_rows_free(rows, count);
	return text;
}

bool
case_lookup_due(struct sql *db, void *arg, struct problem *pr)
{
	int64_t ca = put_upstream(db, "ca", SPAN_NONE), other = put_upstream(db, "other", SPAN_NONE), own = put_upstream(db, "own", SPAN("DER"));
	int64_t first = issue(db, "s1", "ca", "a.one"), at;
	int64_t now = clock_unix_s() + 1;
	char text[200];
	bool moved;

	(void)arg;
	issue(db, "s2", "ca", "a.two");
	issue(db, "s3", "ca", "a.three");
	issue(db, "s4", "other", "a.four");
	issue(db, "s5", "own", "a.five");
	issue(db, "s6", "ca", "");
	issue(db, "s7", "gone", "a.seven");
	is_str(due(db, ca, now, 10, text), "a.one a.two a.three ", "certificates of a CA are due when they are issued, but those that have no certID");
	is_str(due(db, other, now, 10, text), "a.four ", "each at its own CA");
	is_str(due(db, own, now, 10, text), "", "a CA of our own is not asked");
	is_str(due(db, ca, now, 2, text), "a.one a.two ", "no more than wanted");
	is_str(due(db, ca, 5, 10, text), "", "nor before their time");
	need(lookup_set_next(db, first, now + 100, pr));
	is_str(due(db, ca, now, 10, text), "a.two a.three ", "put off");
	is_str(due(db, ca, now + 100, 10, text), "a.two a.three a.one ", "until then: those that wait the longest first");
	need(lookup_set_next(db, first, 0, pr));
	is_str(due(db, ca, now + 100, 10, text), "a.two a.three ", "and for good");
	need(lookup_set_next(db, first, now, pr));
	is_str(due(db, ca, now + 100, 10, text), "a.two a.three ", "from where there is no way back");
	need(renewal_replaced(db, "a.two", now, pr));
	need(cert_revoke(db, first + 2, now, -1, &moved, pr));
	is_str(due(db, ca, now, 10, text), "", "what is replaced or revoked is not asked about any more");
	need(lookup_next(db, ca, &at, pr));
	ok(at == INT64_MAX, "nothing to come");
	need(lookup_next(db, other, &at, pr));
	ok(at > 0 && at <= now, "what is due next, is known");
	return true;
}

struct row_is {
	int64_t ca_start, ca_end, changed_at, fetched_at;
	char explanation[64];
};

static void
take(const struct renewal_row *row, void *arg)
{
	struct row_is *r = arg;

	*r = (struct row_is){ row->ca_start, row->ca_end, row->changed_at, 0, "" };
	if (row->explanation.n)
		span_copy(row->explanation, r->explanation, sizeof(r->explanation));
}

bool
case_lookup_put(struct sql *db, void *arg, struct problem *pr)
{
	int64_t ca = put_upstream(db, "put", SPAN_NONE), id = issue(db, "p1", "put", "b.one"), count, now = clock_unix_s() + 1;
	struct lookup_row *row = xcalloc(1, sizeof(*row));
	struct lookup_queue queue;
	struct row_is is;
	size_t n;
	bool found;

	(void)arg;
	need(lookup_due(db, ca, now, 1, row, &n, pr));
	ok(n == 1 && row->cert_id == id && row->fetched_at == 0 && row->result == LOOKUP_NEVER && row->ca_end == 0 && !row->explanation &&
			row->not_before == NOW && row->not_after == NOW + LIFE, "a row that nothing is known of yet");
	need(lookup_queue(db, ca, now, 100, &queue, pr));
	ok(queue.due == 1 && queue.oldest_at > 0, "it is counted as due");
	row->ca_start = now + 10;
	row->ca_end = now + 20;
	row->explanation = xstrdup("https://ca.test/");
	row->fetched_at = now;
	row->next_at = now + 1000;
	row->failures = 3;
	row->result = LOOKUP_WINDOW;
	row->urged_at = now;
	snprintf(row->etag, sizeof(row->etag), "\"e\"");
	need(lookup_put(db, row, true, NOW + 77, pr));
	need(renewal_by_certid(db, "b.one", take, &is, &found, pr));
	ok(found && is.ca_start == now + 10 && is.ca_end == now + 20 && is.changed_at == NOW + 77 && strcmp(is.explanation, "https://ca.test/") == 0,
		"what the CA said is what devices are told from");
	lookup_rows_free(row, 1);

	row = xcalloc(1, sizeof(*row));
	need(lookup_due(db, ca, now + 1000, 1, row, &n, pr));
	ok(n == 1 && row->ca_start == now + 10 && row->fetched_at == now && row->next_at == now + 1000 && row->failures == 3 && row->urged_at == now &&
			row->result == LOOKUP_WINDOW && strcmp(row->etag, "\"e\"") == 0 && strcmp(row->explanation, "https://ca.test/") == 0, "and comes back");
	need(lookup_put(db, row, false, NOW + 99, pr));
	need(renewal_by_certid(db, "b.one", take, &is, &found, pr));
	ok(is.changed_at == NOW + 77, "a look-up that brought no news is none for devices");
	lookup_rows_free(row, 1);

	need(lookup_urged(db, ca, now, now, &count, pr));
	is_int(count, 1, "one is to be renewed at once");
	need(lookup_urged(db, ca, now + 1, now, &count, pr));
	is_int(count, 0, "not since later");

	need(lookup_lapse(db, now + 5, now, 100, &count, pr));
	is_int(count, 0, "a window that is fresh does not lapse");
	need(lookup_lapse(db, now + 5, now + 1, 100, &count, pr));
	is_int(count, 1, "an old one does");
	need(renewal_by_certid(db, "b.one", take, &is, &found, pr));
	ok(is.ca_start == 0 && is.ca_end == 0 && is.explanation[0] == '\0' && is.changed_at == now + 5, "and devices hear of it");
	need(lookup_lapse(db, now + 6, now + 100, 100, &count, pr));
	is_int(count, 0, "once");
	need(renewal_replaced(db, "b.one", now, pr));
	row = xcalloc(1, sizeof(*row));
	*row = (struct lookup_row){ .cert_id = id, .ca_start = 5, .ca_end = 6, .next_at = now };
	need(lookup_put(db, row, true, now + 200, pr));
	need(renewal_by_certid(db, "b.one", take, &is, &found, pr));
	ok(is.ca_end == 0 && is.changed_at == now, "an answer that comes after it was replaced changes nothing");
	lookup_rows_free(row, 1);
	return true;
}

bool
case_lookup_state(struct sql *db, void *arg, struct problem *pr)
{
	struct lookup_state s;

	(void)arg;
	need(lookup_state_get(db, 7, &s, pr));
	ok(s.rate == 0 && s.paused_until == 0, "of a CA that was never asked nothing is known");
	need(lookup_state_put(db, 7, &(struct lookup_state){ 25, NOW, 2, NOW - 1 }, pr));
	need(lookup_state_put(db, 7, &(struct lookup_state){ 12, NOW + 1, 3, NOW }, pr));
	need(lookup_state_get(db, 7, &s, pr));
	ok(s.rate == 12 && s.paused_until == NOW + 1 && s.pauses == 3 && s.alarmed_at == NOW, "its pace and its pause are on record");
	return true;
}
