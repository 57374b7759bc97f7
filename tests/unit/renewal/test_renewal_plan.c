/* Plans, on both stores: no hour above its budget, hours that policy permits, and each certificate stays where it is. */
#include "renewal/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../store/world.h"
#include "base/clock.h"

#define HOUR 3600
#define DAY 86400
#define LIFE (90 * DAY)

static struct gate_conf *
conf_of(const char *maintenance, const char *profile, int per_hour)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_FREE char *text = xasprintf("external_url = \"https://acme.corp.example\"; default_profile = \"p\";\n"
		"profiles = ( { name = \"p\"; upstream = \"u\"; %s } );\n"
		"upstreams = ( { name = \"u\"; driver = \"acme\"; directory = \"https://ca.example/dir\"; renewals_per_hour = %d; } );\n"
		"rules = ( { name = \"all\"; names = [ \"*\" ]; } );\n%s", profile, per_hour, maintenance);
	struct gate_conf *conf = gate_conf_load_text("t", span_str(text), &errors);

	if (!conf)
		fprintf(stderr, "# %s\n", buf_cstr(&errors.text));
	conf_errors_done(&errors);
	if (!conf)
		abort();
	return conf;
}

struct batch {
	const struct gate_conf *conf;
	unsigned from, count;
	int64_t not_before, ca_start, ca_end;
	struct plan_row row; /* of the last */
};

/* What the CA says, of one certificate, or of all (0). */
static bool
say_window(struct sql *db, int64_t cert_id, int64_t start, int64_t end, struct problem *pr)
{
	static const char SQL[] = "update renewal set ca_start=$1, ca_end=$2 where cert_id=$3 or $3=0";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, start);
	sql_bind_int(st, 2, end);
	sql_bind_int(st, 3, cert_id);
	return sql_end(st, pr);
}

/* As issue_store does it, and whoever asks the CA, in one transaction. */
static bool
put_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct batch *b = arg;
	bool found;

	for (unsigned i = b->from; i < b->from + b->count; i++) {
		struct cert_row c = { .order_id = i, .account_id = 1, .principal = 1, .profile = "p", .upstream = "u",
			.not_before = b->not_before, .not_after = b->not_before + LIFE };
		unsigned char serial[4] = { 0x11, (unsigned char)(i >> 16), (unsigned char)(i >> 8), (unsigned char)i };
		struct ident name = dns("a.test");
		bool good;

		snprintf(c.sha256, sizeof(c.sha256), "sha-%u", i);
		need(certid_write(SPAN("an issuer's key id"), span_of(serial, sizeof(serial)), c.certid));
		idents_add(&c.idents, &name);
		good = cert_insert(db, &c, SPAN("PEM"), pr);
		cert_row_done(&c);
		if (!good || (b->ca_end && !say_window(db, c.id, b->ca_start, b->ca_end, pr)) || !plan_cert(db, b->conf, c.id, pr) ||
			!plan_by_cert(db, c.id, &b->row, &found, pr))
			return false;
	}
	return true;
}

static void
put(struct store *store, struct batch *b)
{
	world_case(store, put_tx, b);
}

struct count {
	int64_t most, sum, hours;
};

static bool
count_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct count *c = arg;
	struct sql_stmt *st = sql_begin(db, "select coalesce(max(count), 0), cast(coalesce(sum(count), 0) as bigint), count(*) from renewal_plan where count>0");

	if (sql_step(st))
		*c = (struct count){ sql_int(st, 0), sql_int(st, 1), sql_int(st, 2) };
	return sql_end(st, pr);
}

static struct count
counts(struct store *store)
{
	struct count c = { 0 };

	world_case(store, count_tx, &c);
	return c;
}

/* All plans, in the order of their certificates. */
struct seen {
	int64_t start[3000], end[3000], changed[3000];
	unsigned why[3000];
	size_t count;
};

static void
see(const struct renewal_row *row, void *arg)
{
	struct seen *s = arg;

	s->start[s->count] = row->planned_start;
	s->end[s->count] = row->planned_end;
	s->changed[s->count] = row->changed_at;
	s->why[s->count++] = (unsigned)row->plan_why;
}

static bool
see_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct seen *s = arg;

	s->count = 0;
	return renewal_each_live(db, 0, 0, 3000, see, s, pr);
}

static struct seen *
seen(struct store *store)
{
	struct seen *s = xcalloc(1, sizeof(*s));

	world_case(store, see_tx, s);
	return s;
}

static bool
are_equal(const struct seen *a, const struct seen *b)
{
	return a->count == b->count && memcmp(a->start, b->start, sizeof(a->start)) == 0 && memcmp(a->end, b->end, sizeof(a->end)) == 0 &&
		memcmp(a->changed, b->changed, sizeof(a->changed)) == 0;
}

/* The job's work, without the job. */
struct walk {
	const struct gate_conf *conf;
	size_t missing, walked;
};

static bool
walk_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct walk *w = arg;
	AUTO_FREE struct plan_row *rows = xcalloc(3000, sizeof(*rows));

	if (!plan_each_missing(db, 3000, rows, &w->missing, pr))
		return false;
	for (size_t i = 0; i < w->missing; i++)
		need(plan_of_row(db, w->conf, &rows[i], pr));
	if (!plan_each_live(db, clock_unix_s(), 0, 3000, rows, &w->walked, pr))
		return false;
	for (size_t i = 0; i < w->walked; i++)
		need(plan_of_row(db, w->conf, &rows[i], pr));
	return true;
}

static size_t
walk(struct store *store, const struct gate_conf *conf)
{
	struct walk w = { .conf = conf };

	world_case(store, walk_tx, &w);
	return w.missing;
}

static bool
say_tx(struct sql *db, void *arg, struct problem *pr)
{
	const struct window *w = arg;

	return say_window(db, 0, w->start, w->end, pr);
}

static void
say_of_all(struct store *store, int64_t start, int64_t end)
{
	world_case(store, say_tx, &(struct window){ start, end });
}

static bool
are_inside(const struct seen *s, int64_t start, int64_t end)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->start[i] < start || s->end[i] > end || s->start[i] >= s->end[i])
			return false;
	}
	return true;
}

static bool
have(const struct seen *s, unsigned mask, unsigned want)
{
	for (size_t i = 0; i < s->count; i++) {
		if ((s->why[i] & mask) != want)
			return false;
	}
	return true;
}

/* A thousand certificates in a window of two days: 48 hours, of which 25 have what a budget of 40 asks. */
static void
test_budget(const struct side *side)
{
	struct store *store = world_open(side);
	struct gate_conf *conf = conf_of("", "", 40);
	int64_t now = clock_unix_s(), day = now / DAY * DAY + 2 * DAY;
	struct batch b = { .conf = conf, .from = 1, .count = 1000, .not_before = now - 30 * DAY, .ca_start = day, .ca_end = day + 2 * DAY };
	struct count c;

	put(store, &b);
	c = counts(store);
	ok(c.most <= 40 && c.sum == 1000 && c.hours > 30, "no hour is given more than its budget has (%" PRId64 " in one of %" PRId64 ")", c.most, c.hours);
	{
		AUTO_FREE struct seen *s = seen(store), *t = NULL;

		ok(are_inside(s, day, day + 2 * DAY) && have(s, PLAN_COUNTED | PLAN_OVER, PLAN_COUNTED), "and all are inside the CA's window");
		is_int((int64_t)walk(store, conf), 0, "none is without a plan");
		t = seen(store);
		ok(are_equal(s, t), "and a look at all of them moves none");
	}
	b.from = 1001;
	b.count = 1000;
	put(store, &b);
	c = counts(store);
	is_int(c.sum, 2000, "more come than the window has room for");
	ok(c.most <= 43, "then all hours are as full as the others (%" PRId64 ")", c.most);
	ok(b.row.renewal.plan_why & PLAN_OVER && b.row.renewal.plan_why & PLAN_MOVED, "and that is on record");
	gate_conf_unref(conf);
	store_close(store);
}

static bool
release_tx(struct sql *db, void *arg, struct problem *pr)
{
	const struct plan_row *row = arg;
	bool moved;

	return renewal_replaced(db, row->renewal.certid, clock_unix_s(), pr) && cert_revoke(db, row->renewal.cert_id, clock_unix_s(), -1, &moved, pr);
}

static void
test_release(const struct side *side)
{
	struct store *store = world_open(side);
	struct gate_conf *conf = conf_of("", "", 40), *free_of = conf_of("", "", 0);
	int64_t now = clock_unix_s();
	struct batch b = { .conf = conf, .from = 1, .count = 10, .not_before = now - 30 * DAY };

	put(store, &b);
	is_int(counts(store).sum, 10, "certificates without a window of the CA are counted in the back-stop's");
	world_case(store, release_tx, &b.row);
	is_int(counts(store).sum, 9, "who is replaced is counted no longer, and not twice when it is revoked, too");
	is_int((int64_t)walk(store, conf), 0, "it needs no plan");
	is_int(counts(store).sum, 9, "nor does it get one");
	say_of_all(store, now + DAY, now + 3 * DAY);
	is_int((int64_t)walk(store, conf), 10, "the CA says another window: all are without a plan");
	{
		AUTO_FREE struct seen *s = seen(store);

		is_int(counts(store).sum, 9, "they are counted anew, once");
		s->count--; /* that is the one which is replaced */
		ok(are_inside(s, now + DAY, now + 3 * DAY) && s->changed[0] >= now, "inside it, and it is told that they have moved");
	}
	walk(store, free_of);
	is_int(counts(store).sum, 0, "without a budget nothing is counted");
	walk(store, conf);
	is_int(counts(store).sum, 9, "with one that comes later all that live are");
	gate_conf_unref(conf);
	gate_conf_unref(free_of);
	store_close(store);
}

/* Hours that the first plan did not know of. */
static void
test_policy(const struct side *side)
{
	static const char nights[] = "maintenance = ( { name = \"n\"; hours = [ \"daily 01:00-05:00\" ]; } );";
	struct store *store = world_open(side);
	struct gate_conf *any = conf_of("", "", 0), *conf = conf_of(nights, "maintenance = \"n\";", 0);
	int64_t now = clock_unix_s(), day = now / DAY * DAY + 2 * DAY;
	struct batch b = { .conf = any, .from = 1, .count = 200, .not_before = now - 30 * DAY, .ca_start = day, .ca_end = day + 2 * DAY };
	bool good = true;

	put(store, &b);
	walk(store, conf);
	{
		AUTO_FREE struct seen *s = seen(store), *t = NULL;

		for (size_t i = 0; i < s->count; i++)
			good = good && s->start[i] % DAY >= HOUR && s->start[i] % DAY + s->end[i] - s->start[i] <= 5 * HOUR;
		ok(good && are_inside(s, day, day + 2 * DAY) && have(s, 31, PLAN_NARROWED), "hours that come with a reload are kept by all, inside the CA's window");
		walk(store, conf);
		t = seen(store);
		ok(are_equal(s, t), "and then they stay");
	}
	{
		AUTO_FREE struct seen *s = seen(store), *t = NULL;

		walk(store, any);
		t = seen(store);
		ok(memcmp(s->start, t->start, sizeof(s->start)) == 0 && have(t, 31, 0), "when the hours go again, nobody need move");
	}
	/* noon to three in the afternoon has no night */
	say_of_all(store, day + 12 * HOUR, day + 15 * HOUR);
	walk(store, conf);
	{
		AUTO_FREE struct seen *s = seen(store);

		ok(are_inside(s, day + 12 * HOUR, day + 15 * HOUR) && have(s, 31, PLAN_UNHEARD), "where policy permits no part of the CA's window it is not heard");
	}
	/* half of it is over */
	say_of_all(store, now - DAY, now + DAY);
	walk(store, any);
	{
		AUTO_FREE struct seen *s = seen(store);

		ok(are_inside(s, now, now + DAY), "of a window that has begun no place is given that is over");
	}
	say_of_all(store, now - 2 * DAY, now - DAY);
	walk(store, conf);
	{
		AUTO_FREE struct seen *s = seen(store);

		ok(are_inside(s, now - 2 * DAY, now - DAY), "one that is over is passed on as over");
	}
	gate_conf_unref(any);
	gate_conf_unref(conf);
	store_close(store);
}

struct fitted {
	const struct gate_conf *conf;
	const char *tags;
	const char *name;
};

static bool
tag_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct fitted *f = arg;
	struct device d = { .key = { .type = IDENT_PERMANENT, .scope = ":k" }, .state = DEVICE_INVENTORIED };
	int64_t order = put_order(db, 1, ORDER_READY, NOW, "a.test"), authz = put_authz(db, 1, order, "a.test", AUTHZ_VALID, NOW);
	struct plan_row row = { .order_id = order, .profile = "p" };
	const struct maintenance_conf *m = NULL;

	snprintf(d.key.name, sizeof(d.key.name), "SN-%s", f->tags);
	snprintf(d.about.tags, sizeof(d.about.tags), "%s", f->tags);
	need(device_insert(db, &d, pr) && device_link(db, d.id, authz, pr) && plan_maintenance(db, f->conf, &row, &m, pr));
	f->name = m ? m->name : "";
	return true;
}

static void
test_tags(const struct side *side)
{
	static const char entries[] = "maintenance = ( { name = \"n\"; }, { name = \"shops\"; tags = [ \"shop\", \"kiosk\" ]; }, "
				      "{ name = \"labs\"; tags = [ \"lab\" ]; } );";
	static const struct { const char *tags, *want, *what; } cases[] = {
		{ "", "n", "a device without tags has its profile's hours" },
		{ " blue ", "n", "so has one whose tags no entry asks for" },
		{ " kiosk ", "shops", "one with such a tag has those of the entry" },
		{ " blue shop ", "shops", "be it not the first" },
		{ " workshop shopping ", "n", "a part of a tag is none" },
		{ " lab shop ", "shops", "of two entries the first counts" },
	};
	struct store *store = world_open(side);
	struct gate_conf *conf = conf_of(entries, "maintenance = \"n\";", 0);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fitted f = { .conf = conf, .tags = cases[i].tags };

		world_case(store, tag_tx, &f);
		ok(strcmp(f.name, cases[i].want) == 0, "%s", cases[i].what);
	}
	gate_conf_unref(conf);
	store_close(store);
}

int
main(void)
{
	if (!both_start())
		return done_testing();
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		printf("# %s\n", both[i].name);
		test_budget(&both[i]);
		test_release(&both[i]);
		test_policy(&both[i]);
		test_tags(&both[i]);
	}
	both_stop();
	return done_testing();
}
