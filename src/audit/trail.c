/* trail.c - see trail.h. */
#include "audit/trail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/rand.h"
#include "gate/url.h"

#define BATCH 200
#define IDLE_MS 2000
#define PRUNE_MS (3600 * 1000)
#define PRUNE_TILES 16  /* at once */
#define SEND_MAX 200    /* lines at a time: others want the worker, too */
#define CLOCK_BACK_S 60 /* that a clock may be put back by */

/* ---- numbers ---- */

struct sequencing {
	struct job *job; /* NULL: not the job */
	int64_t count;
};

static bool
sequence_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct sequencing *s = arg;

	return (!s->job || jobs_fence(s->job, db, pr)) && audit_sequence(db, BATCH, &s->count, pr);
}

static bool
waiting_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct sequencing *s = arg;

	return audit_waiting(db, BATCH, &s->count, pr);
}

/* Nothing to do costs a look, no write. */
static bool
sequence(struct trail_env *t, struct sequencing *s, struct problem *pr)
{
	return store_read(t->store, waiting_tx, s, pr) && (s->count == 0 || store_write(t->store, sequence_tx, s, pr));
}

/* ---- checkpoints ---- */

struct signing {
	struct audit_state state;
	struct tlog_checkpoint c;
	struct buf note;
};

static bool
root_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct signing *s = arg;
	struct audit_tree tree = { db, pr };

	audit_state_done(&s->state);
	if (!audit_state_get(db, &s->state, pr))
		return false;
	s->c.size = (uint64_t)s->state.size;
	s->c.cut = (uint64_t)s->state.cut;
	memcpy(s->c.origin, s->state.origin, sizeof(s->c.origin));
	return s->state.size == 0 || tlog_root(s->c.size, audit_tree_full, &tree, &s->c.root);
}

static bool
add_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct signing *s = arg;

	return audit_checkpoint_add(db, s->state.size, buf_cstr(&s->note), pr);
}

/* The keeper is asked between two transactions: what is signed stays true whatever is appended meanwhile. */
static bool
sign_root(struct trail_env *t, struct signing *s, struct problem *pr)
{
	struct tlog_vkey key = { { 0 }, { 0 } };
	AUTO_BUF text = BUF_MAX(TLOG_NOTE_MAX), signature = BUF_MAX(TLOG_SIGNATURE);

	if (clock_unix_s() + CLOCK_BACK_S < s->state.signed_at)
		return problem_internal(pr, "the clock is behind the last checkpoint");
	memcpy(key.name, s->c.origin, sizeof(key.name));
	memcpy(key.key, s->state.public_key, sizeof(key.key));
	if (!tlog_checkpoint_write(&s->c, &text) ||
		!keeper_sign_checkpoint(t->keeper, buf_span(&s->state.sealed), buf_span(&text), &signature, pr))
		return false;
	if (signature.n != TLOG_SIGNATURE || !tlog_note_write(buf_span(&text), &key, (const unsigned char *)signature.p, &s->note))
		return problem_internal(pr, "a checkpoint cannot be written");
	crash_point("audit-signed");
	return store_write(t->store, add_tx, s, pr);
}

/* every_s: not sooner than so long after the last one. */
static bool
checkpoint(struct trail_env *t, int64_t every_s, struct problem *pr)
{
	struct signing s = { .note = BUF_MAX(TLOG_NOTE_MAX) };
	bool good = store_read(t->store, root_tx, &s, pr);

	if (good && s.state.size > s.state.signed_size && clock_unix_s() - s.state.signed_at >= every_s) {
		good = sign_root(t, &s, pr);
		if (good)
			log_debug("audit.checkpoint", LI("size", s.state.size));
	}
	audit_state_done(&s.state);
	buf_done(&s.note);
	return good;
}

bool
trail_checkpoint(struct trail_env *t, struct problem *pr)
{
	struct sequencing s = { 0 };

	do {
		if (!sequence(t, &s, pr))
			return false;
	} while (s.count == BATCH);
	return checkpoint(t, 0, pr);
}

/* ---- syslog ---- */

struct line {
	int64_t seq;
	char *text;
};

struct sending {
	struct trail_env *t;
	const struct audit_conf *conf;
	struct job *job;
	char host[256];
	struct line *lines;
	size_t count;
	int64_t sent, lost, size;
	struct problem why; /* it cannot go on */
	bool is_stuck;
};

static void
lines_done(struct sending *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->lines[i].text);
	s->count = 0;
}

static void
add_line(const struct audit_row *r, void *arg)
{
	struct sending *s = arg;
	AUTO_BUF line = BUF_MAX(SYSLOG_LINE_MAX + 16);

	syslog_write(&(struct syslog_line){ s->conf->syslog_id, s->host, getpid(), r->event, r->entry, s->conf->syslog_personal ? r->open : SPAN_NONE }, &line);
	s->lines[s->count++] = (struct line){ r->seq, span_dup(buf_span(&line)) };
}

static bool
lines_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct sending *s = arg;
	struct audit_state state;

	lines_done(s);
	if (!audit_state_get(db, &state, pr))
		return false;
	audit_state_done(&state);
	s->size = state.size;
	s->sent = state.sent;
	s->lost = state.lost;
	return state.sent >= state.size || audit_list_up(db, &(struct audit_query){ .from = state.sent, .limit = SEND_MAX }, add_line, s, pr);
}

/* Sockets that never wait. */
static void
send_lines(struct sending *s)
{
	for (size_t i = 0; i < s->count && !s->is_stuck; i++) {
		enum syslog_sent how = syslog_send(s->t->syslog, s->conf->syslog, span_str(s->lines[i].text), &s->why);

		s->is_stuck = how == SYSLOG_LATER;
		if (s->is_stuck)
			return;
		s->lost += how == SYSLOG_LOST;
		s->sent = s->lines[i].seq + 1;
	}
}

static bool
sent_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct sending *s = arg;

	return jobs_fence(s->job, db, pr) && audit_set_sent(db, s->sent, s->lost, pr);
}

static void
tell_syslog(struct trail_env *t, const struct sending *s)
{
	if (s->is_stuck && !t->is_syslog_down)
		log_warning("audit_syslog_waits", LS("where", s->conf->syslog), LI("entries", s->size - s->sent), LS("cause", s->why.cause));
	else if (!s->is_stuck && t->is_syslog_down)
		log_notice("audit_syslog_goes_on", LS("where", s->conf->syslog));
	t->is_syslog_down = s->is_stuck;
}

static bool
send_some(struct sending *s, struct problem *pr)
{
	if (!store_read(s->t->store, lines_tx, s, pr))
		return false;
	send_lines(s);
	/* dies here: some go once more */
	return s->count == 0 || s->sent <= s->lines[0].seq || store_write(s->t->store, sent_tx, s, pr);
}

/* From where it was left off, after an outage too. True: there is more to be sent at once. */
static bool
send_entries(struct trail_env *t, const struct audit_conf *conf, struct job *job)
{
	struct sending s = { .t = t, .conf = conf, .job = job };
	struct problem pr = { 0 };
	bool good;

	if (!conf->syslog || !conf->syslog[0])
		return false;
	s.lines = xcalloc(SEND_MAX, sizeof(*s.lines));
	if (gethostname(s.host, sizeof(s.host) - 1) != 0)
		s.host[0] = '\0';
	good = send_some(&s, &pr);
	if (good)
		tell_syslog(t, &s);
	else
		log_error("audit_failed", LPR(&pr));
	lines_done(&s);
	free(s.lines);
	return good && !s.is_stuck && s.sent < s.size;
}

/* ---- retention ---- */

struct pruning {
	struct trail_env *t;
	struct job *job;
	int64_t before_ms, cut, old_cut;
};

static bool
prune_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct pruning *p = arg;
	struct audit_state state;
	char before[24], after[24];

	if (!jobs_fence(p->job, db, pr) || !audit_state_get(db, &state, pr))
		return false;
	audit_state_done(&state);
	p->old_cut = state.cut;
	if (!audit_prune(db, p->before_ms, PRUNE_TILES, &p->cut, pr))
		return false;
	snprintf(before, sizeof(before), "%lld", (long long)state.cut);
	snprintf(after, sizeof(after), "%lld", (long long)p->cut);
	return p->cut == state.cut || audit_note(db, &(struct audit_entry){ .event = AUDIT_PRUNE, .node = p->t->node, .before = before, .after = after }, pr);
}

/* True: there may be more. */
static bool
prune(struct trail_env *t, const struct audit_conf *conf, struct job *job)
{
	struct pruning p = { .t = t, .job = job, .before_ms = clock_unix_ms() - conf->retention_s * 1000 };
	struct problem pr = { 0 };

	if (conf->retention_s == 0 || clock_ms() < t->prune_at_ms)
		return false;
	t->prune_at_ms = clock_ms() + PRUNE_MS;
	if (!store_write(t->store, prune_tx, &p, &pr)) {
		log_error("audit_failed", LPR(&pr));
		return false;
	}
	if (p.cut == p.old_cut)
		return false;
	log_notice("audit.prune", LI("before", p.old_cut), LI("after", p.cut));
	t->prune_at_ms = 0;
	return true;
}

/* ---- the job ---- */

static enum job_next
step(struct job *job, void *arg)
{
	struct trail_env *t = arg;
	struct gate_conf *conf = conf_holder_take(t->conf);
	struct sequencing s = { .job = job };
	struct problem pr = { 0 };
	bool more;

	if (!sequence(t, &s, &pr) || !checkpoint(t, conf->audit.checkpoint_every_s, &pr))
		log_error("audit_failed", LPR(&pr));
	more = s.count == BATCH;
	more = send_entries(t, &conf->audit, job) || more;
	more = prune(t, &conf->audit, job) || more;
	gate_conf_unref(conf);
	job->wait_ms = more ? 1 : IDLE_MS;
	return JOB_AGAIN;
}

void
trail_register(struct jobs *jobs, struct trail_env *t)
{
	jobs_register(jobs, JOB_AUDIT, &(struct job_ops){ .step = step, .arg = t });
}

/* ---- start ---- */

struct beginning {
	struct trail_env *t;
	struct audit_state state;
	char origin[TLOG_ORIGIN_TEXT];
	struct buf sealed, public;
};

static bool
state_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct beginning *b = arg;

	audit_state_done(&b->state);
	return audit_state_get(db, &b->state, pr);
}

static bool
key_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct beginning *b = arg;
	const unsigned char *key = (const unsigned char *)b->public.p + b->public.n - TLOG_KEY;
	bool set;

	return audit_set_key(db, b->origin, buf_span(&b->sealed), key, &set, pr) &&
		(!set || audit_note(db, &(struct audit_entry){ .event = AUDIT_SECRET_CREATE, .node = b->t->node, .after = b->origin }, pr));
}

/* "acme.corp.example/audit/Xb3k...": of this store alone, so that what is begun anew is another trail. */
static bool
make_origin(struct trail_env *t, char ret[TLOG_ORIGIN_TEXT], struct problem *pr)
{
	struct gate_conf *conf = conf_holder_take(t->conf);
	char ref[REF_TEXT];
	struct url url;
	bool good = url_parse(span_str(conf->external_url), &url, pr);

	rand_ref(ref);
	if (good)
		snprintf(ret, TLOG_ORIGIN_TEXT, "%.200s/audit/%.22s", strstr(conf->external_url, "://") + 3, ref);
	/* which parts the name of a key from its hash (tlog/note.h) */
	for (char *plus = ret; good && (plus = strchr(plus, '+'));)
		*plus = '-';
	gate_conf_unref(conf);
	return good;
}

static bool
make_key(struct beginning *b, struct problem *pr)
{
	if (!make_origin(b->t, b->origin, pr) ||
		!keeper_make(b->t->keeper, KEY_ED25519, PURPOSE_AUDIT, span_str(b->origin), &b->sealed, &b->public, pr))
		return false;
	if (b->public.n < TLOG_KEY)
		return problem_internal(pr, "the key of the audit trail has no public side");
	return store_write(b->t->store, key_tx, b, pr);
}

static bool
job_tx(struct sql *db, void *arg, struct problem *pr)
{
	int64_t id;

	(void)arg;
	return job_insert(db, JOB_AUDIT, 0, clock_unix_ms(), NULL, 0, &id, pr);
}

bool
trail_begin(struct trail_env *t, struct problem *pr)
{
	struct beginning b = { .t = t, .sealed = BUF_MAX(AUDIT_KEY_MAX), .public = BUF_MAX(AUDIT_KEY_MAX) };
	bool good = store_read(t->store, state_tx, &b, pr) && (b.state.origin[0] || make_key(&b, pr)) && store_write(t->store, job_tx, NULL, pr);

	audit_state_done(&b.state);
	buf_done(&b.sealed);
	buf_done(&b.public);
	return good;
}
