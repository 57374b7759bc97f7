/* account_end.c - the transactions of the account job; see account_job.h. Each asks first whether the job is still ours. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/audit.h"
#include "upstream/account_job.h"

#define PROOFS_S 120 /* how long a rollover waits for proofs bound to the present key */

struct tx {
	struct account_work *w;
	const char *text; /* URL, refusal or contact */
	char *terms;      /* of the directory; owned */
	enum account_state state;
	bool found, done, may;
};

static bool
write_tx(struct account_work *w, sql_fn fn, struct tx *t, struct problem *pr)
{
	t->w = w;
	return store_write(upstreams_env(w->ups)->store, fn, t, pr);
}

static char *
terms_of(const struct account_work *w)
{
	struct ca_directory *dir = ca_directory_ref(w->u->ca);
	char *terms = dir && dir->d.terms_of_service ? xstrdup(dir->d.terms_of_service) : NULL;

	ca_directory_unref(dir);
	return terms;
}

static const char *
contact_of(const struct account_work *w)
{
	return w->entry->contact ? w->entry->contact : "";
}

static bool
load_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	upstream_row_done(&t->w->row);
	return jobs_fence(t->w->job, db, pr) && upstream_row_by_id(db, t->w->job->row.subject, &t->w->row, &t->found, pr);
}

bool
account_job_load(struct account_work *w, bool *ret_found, struct problem *pr)
{
	struct tx t = { .w = w };

	if (!store_read(upstreams_env(w->ups)->store, load_tx, &t, pr))
		return false;
	*ret_found = t.found;
	return true;
}

static bool
done_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;
	struct upstream_row row = { 0 };

	if (!jobs_fence(t->w->job, db, pr) || !upstream_row_by_id(db, t->w->u->id, &row, &t->found, pr))
		return false;
	/* what was just read is not read again; what somebody has asked for meanwhile is done */
	t->done = !t->found || account_next(&row, t->w->entry, clock_unix_s(), INT64_MAX) == ACCOUNT_DONE;
	upstream_row_done(&row);
	return !t->done || job_delete(db, t->w->job->row.id, pr);
}

bool
account_job_done(struct account_work *w, bool *ret_done, struct problem *pr)
{
	struct tx t = { 0 };

	if (!write_tx(w, done_tx, &t, pr))
		return false;
	*ret_done = t.done;
	return true;
}

static bool
registered_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	return jobs_fence(t->w->job, db, pr) && upstream_life_registered(db, t->w->u->id, t->text, contact_of(t->w), t->terms, pr) &&
		audit_note(db, &(struct audit_entry){ .event = AUDIT_CA_ACCOUNT_CREATE, .actor = AUDIT_UPSTREAM, .node = jobs_node(t->w->job->jobs),
			.upstream = t->w->u->name, .after = t->text }, pr);
}

bool
account_job_registered(struct account_work *w, const char *url, struct problem *pr)
{
	struct tx t = { .text = url, .terms = w->entry->accept_terms ? terms_of(w) : NULL };
	bool good = write_tx(w, registered_tx, &t, pr);

	free(t.terms);
	return good;
}

static bool
forgotten_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	return jobs_fence(t->w->job, db, pr) && upstream_life_forgotten(db, t->w->u->id, t->w->row.account_url, pr);
}

bool
account_job_forgotten(struct account_work *w, struct problem *pr)
{
	return write_tx(w, forgotten_tx, &(struct tx){ 0 }, pr);
}

static bool
may_roll_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;
	int64_t proofs;

	if (!jobs_fence(t->w->job, db, pr) || !upstream_proofs_out(db, t->w->u->name, &proofs, pr))
		return false;
	t->may = proofs == 0 || clock_unix_s() - t->w->row.life.next_at >= PROOFS_S;
	return !t->may || upstream_next_sent(db, t->w->u->id, pr);
}

bool
account_job_may_roll(struct account_work *w, bool *ret_may, struct problem *pr)
{
	struct tx t = { 0 };

	if (!write_tx(w, may_roll_tx, &t, pr))
		return false;
	*ret_may = t.may;
	return true;
}

static bool
rolled_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	return jobs_fence(t->w->job, db, pr) && upstream_next_promote(db, t->w->u->id, pr) &&
		audit_note(db, &(struct audit_entry){ .event = AUDIT_CA_KEY_ROLL, .actor = AUDIT_UPSTREAM, .node = jobs_node(t->w->job->jobs),
			.upstream = t->w->u->name }, pr);
}

bool
account_job_rolled(struct account_work *w, struct problem *pr)
{
	return write_tx(w, rolled_tx, &(struct tx){ 0 }, pr);
}

static bool
not_rolled_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	return jobs_fence(t->w->job, db, pr) && upstream_next_drop(db, t->w->u->id, pr) &&
		upstream_life_trouble(db, t->w->u->id, t->text, pr);
}

bool
account_job_not_rolled(struct account_work *w, const char *why, struct problem *pr)
{
	return write_tx(w, not_rolled_tx, &(struct tx){ .text = why }, pr);
}

static bool
told_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;
	int64_t id = t->w->u->id;
	bool terms = t->w->row.life.wanted & WANT_TERMS;

	return jobs_fence(t->w->job, db, pr) &&
		upstream_life_told(db, id, contact_of(t->w), terms && !*t->text ? t->terms : NULL, pr) &&
		upstream_life_unwant(db, id, WANT_TERMS, pr) && (!*t->text || upstream_life_trouble(db, id, t->text, pr)) &&
		(!terms || upstream_orders_hurry(db, t->w->u->name, clock_unix_ms(), pr));
}

bool
account_job_told(struct account_work *w, const char *refusal, struct problem *pr)
{
	struct tx t = { .text = refusal, .terms = terms_of(w) };
	bool good = write_tx(w, told_tx, &t, pr);

	free(t.terms);
	if (good && (w->row.life.wanted & WANT_TERMS))
		jobs_look_in(w->job->jobs, 0);
	return good;
}

static bool
checked_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;
	int64_t id = t->w->u->id;

	return jobs_fence(t->w->job, db, pr) &&
		(t->state == ACCOUNT_VALID ? upstream_life_checked(db, id, t->text, pr) : upstream_life_state(db, id, t->state, pr));
}

bool
account_job_checked(struct account_work *w, enum account_state state, const char *contact, struct problem *pr)
{
	return write_tx(w, checked_tx, &(struct tx){ .state = state, .text = contact }, pr);
}

static bool
not_read_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	return jobs_fence(t->w->job, db, pr) && upstream_life_checked(db, t->w->u->id, NULL, pr) &&
		upstream_life_trouble(db, t->w->u->id, t->text, pr);
}

bool
account_job_not_read(struct account_work *w, const char *text, struct problem *pr)
{
	return write_tx(w, not_read_tx, &(struct tx){ .text = text }, pr);
}

static bool
deactivated_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;
	int64_t id = t->w->u->id;

	if (!jobs_fence(t->w->job, db, pr))
		return false;
	if (!*t->text)
		return upstream_life_state(db, id, ACCOUNT_DEACTIVATED, pr) && upstream_life_trouble(db, id, "", pr);
	return upstream_life_unwant(db, id, WANT_DEACTIVATE, pr) && upstream_life_trouble(db, id, t->text, pr);
}

bool
account_job_deactivated(struct account_work *w, const char *refusal, struct problem *pr)
{
	return write_tx(w, deactivated_tx, &(struct tx){ .text = refusal }, pr);
}

static bool
trouble_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tx *t = arg;

	return jobs_fence(t->w->job, db, pr) && upstream_life_trouble(db, t->w->u->id, t->text, pr);
}

bool
account_job_trouble(struct account_work *w, const char *text, struct problem *pr)
{
	return write_tx(w, trouble_tx, &(struct tx){ .text = text }, pr);
}
