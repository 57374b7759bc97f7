/* cases_agenda.c - how many certificates are to be renewed when, and were; who is late; who runs out. */
#include "store/agenda.h"
#include "store/cert.h"

#include "cases.h"
#include "world.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define BEGIN (NOW - NOW % DAY)

/* Its window ends then; 0 = not renewed, not revoked. */
static void
put_due(struct sql *db, const char *ref, const char *profile, int64_t window_end, int64_t not_after, int64_t replaced_at, int64_t revoked_at)
{
	static const char SQL[] = "update renewal set planned_start=$2, planned_end=$3, replaced_at=$4, revoked_at=$5 where cert_id=$1";
	struct cert_row c = { .order_id = 1, .account_id = 1, .principal = 1, .upstream = "u", .not_before = NOW - 90 * DAY, .not_after = not_after };
	struct ident name = dns("a.test");
	struct problem pr = { 0 };
	struct sql_stmt *st;

	snprintf(c.profile, sizeof(c.profile), "%s", profile);
	snprintf(c.sha256, sizeof(c.sha256), "%s", ref);
	idents_add(&c.idents, &name);
	must(cert_insert(db, &c, SPAN("PEM"), &pr));
	st = sql_begin(db, SQL);
	sql_bind_int(st, 1, c.id);
	sql_bind_int(st, 2, window_end - HOUR);
	sql_bind_int(st, 3, window_end);
	sql_bind_null(st, 4);
	sql_bind_null(st, 5);
	if (replaced_at)
		sql_bind_int(st, 4, replaced_at);
	if (revoked_at)
		sql_bind_int(st, 5, revoked_at);
	must(sql_end(st, &pr));
	cert_row_done(&c);
}

static void
on_who(struct span who, const struct agenda_counts *n, void *arg)
{
	int64_t *sums = arg;

	sums[span_is(who, "p") ? 0 : 1] += n->due * 10 + n->done;
}

static void
on_cert(const struct cert_row *c, const char *account_ref, void *arg)
{
	struct buf *text = arg;

	(void)account_ref;
	buf_addf(text, "%s ", c->sha256);
}

bool
case_agenda(struct sql *db, void *arg, struct problem *pr)
{
	const struct agenda_span span = { BEGIN, BEGIN + 2 * DAY, DAY, BEGIN + 12 * HOUR };
	struct agenda_counts n[2];
	struct agenda_alarm alarm;
	AUTO_BUF text = BUF_MAX(1000);
	int64_t by[2] = { 0, 0 }, tenants[2] = { 0, 0 };

	(void)arg;
	put_due(db, "planned", "p", BEGIN + 13 * HOUR, BEGIN + 30 * DAY, 0, 0);
	put_due(db, "late", "p", BEGIN + 11 * HOUR, BEGIN + 3 * DAY, 0, 0);
	put_due(db, "lapsed", "q", BEGIN + HOUR, BEGIN + 2 * HOUR, 0, 0);
	put_due(db, "done", "q", BEGIN + 2 * HOUR, BEGIN + 2 * DAY, BEGIN + DAY + HOUR, 0);
	put_due(db, "revoked", "q", BEGIN + 3 * HOUR, BEGIN + 2 * DAY, 0, NOW);
	put_due(db, "tomorrow", "p", BEGIN + DAY, BEGIN + 20 * DAY, 0, 0);
	put_due(db, "another day", "p", BEGIN + 2 * DAY, BEGIN + 5 * DAY, 0, 0);
	need(agenda_slots(db, &span, n, pr));
	ok(n[0].due == 4 && n[0].planned == 1 && n[0].late == 1 && n[0].lapsed == 1 && n[0].done == 0, "a day's: to come, late, run out; revoked ones apart");
	ok(n[1].due == 1 && n[1].planned == 1 && n[1].done == 1, "and the next one's: what was due before is done then");
	need(agenda_each(db, &span, AGENDA_BY_PROFILE, on_who, by, pr) && agenda_each(db, &span, AGENDA_BY_TENANT, on_who, tenants, pr));
	ok(by[0] == 30 && by[1] == 21, "by profile");
	ok(tenants[0] == 0 && tenants[1] == 51, "by tenant, of which there is one");
	need(agenda_alarm_of(db, span.now, HOUR, 4 * DAY, &alarm, pr));
	ok(alarm.late == 1 && alarm.expiring == 1, "who is late, and who runs out, is counted");
	need(agenda_alarm_of(db, span.now, HOUR + 1, 0, &alarm, pr));
	ok(alarm.late == 0 && alarm.expiring == 0, "not a second before, and not if nobody asks");
	need(cert_list_expiring(db, &(struct cert_expiring){ span.now, 0, BEGIN + 20 * DAY, 0 }, 2, on_cert, &text, pr));
	is_str(buf_cstr(&text), "late another day ", "who runs out is listed, the soonest first, a page at a time");
	return true;
}
