/* audit.c - GET /audit and what is below it, POST /audit/checkpoint, /audit/erase: the audit trail as operators read it.
 *
 * Ids are entries' numbers, which are no secrets of the store: the tree has them, too. */
#include <stdlib.h>

#include "admin/call.h"
#include "audit/trail.h"

#define EXPORT_MAX 500           /* entries of a page */
#define EXPORT_OCTETS (4 << 20)  /* behind which it begins no other */
#define ERASE_BATCH 200
#define PART_TEXT 320

/* ---- parameters ---- */

struct question {
	char who[PART_TEXT], what[64], account[PART_TEXT], order[PART_TEXT];
	struct audit_query q;
};

static const char *
or_null(const char *s)
{
	return *s ? s : NULL;
}

static bool
number_of(struct call *c, const char *name, int64_t *ret)
{
	struct span text = call_query(c, name);
	uint64_t n = 0;

	if (text.p && !span_uint(text, INT64_MAX / 2, &n))
		return problem_set(&c->pr, PROBLEM_MALFORMED, "%s is \"%s\", expected a number", name, QUOTE(text));
	*ret = (int64_t)n;
	return true;
}

static bool
time_of(struct call *c, const char *name, int64_t *ret_ms)
{
	char text[64];
	int64_t at = 0;

	if (!call_query(c, name).p)
		return true;
	if (!call_text(call_query(c, name), text, sizeof(text), &c->pr))
		return false;
	if (!time_rfc3339_parse(span_str(text), &at))
		return problem_set(&c->pr, PROBLEM_MALFORMED, "%s is \"%s\", expected an RFC 3339 time", name, text);
	*ret_ms = at * 1000;
	return true;
}

/* An unknown event is refused by name: an empty list would read as "nothing happened". */
static bool
question_read(struct call *c, struct question *ret)
{
	enum audit_event event;

	*ret = (struct question){ .who = "" };
	if (!call_text(call_query(c, "who"), ret->who, sizeof(ret->who), &c->pr) || !call_text(call_query(c, "what"), ret->what, sizeof(ret->what), &c->pr) ||
		!call_text(call_query(c, "account"), ret->account, sizeof(ret->account), &c->pr) ||
		!call_text(call_query(c, "order"), ret->order, sizeof(ret->order), &c->pr))
		return false;
	if (ret->what[0] && !audit_event_parse(span_str(ret->what), &event))
		return problem_set(&c->pr, PROBLEM_MALFORMED, "there is no event \"%s\"", ret->what);
	ret->q = (struct audit_query){ .who = or_null(ret->who), .event = or_null(ret->what), .account = or_null(ret->account), .order = or_null(ret->order) };
	return time_of(c, "since", &ret->q.since_ms) && time_of(c, "until", &ret->q.until_ms) && number_of(c, "before", &ret->q.before) &&
		number_of(c, "from", &ret->q.from);
}

/* ---- entries ---- */

static void
write_hash(struct jw *w, const char *name, const struct tlog_hash *h)
{
	AUTO_BUF text = BUF_MAX(64);

	tlog_base64_add(&text, h->octets, TLOG_HASH);
	jw_span(w, name, buf_span(&text));
}

/* "entry" is text: its octets are what is hashed. */
static void
write_row(struct jw *w, const struct audit_row *r)
{
	write_hash(w, "hash", &r->hash);
	jw_span(w, "entry", r->entry);
	jw_raw(w, "open", r->open);
	if (r->erased.p)
		jw_span(w, "erased", r->erased);
}

struct page {
	struct call *c;
	struct question question;
	struct list list;
	bool is_down;
};

static void
add_row(const struct audit_row *r, void *arg)
{
	struct page *p = arg;
	char seq[24];

	snprintf(seq, sizeof(seq), "%lld", (long long)r->seq);
	if (!list_item(&p->list, seq))
		return;
	write_row(&p->c->w, r);
	jw_end(&p->c->w);
}

/* Nobody has counted what a filter lets through: "total" is what was seen of it. */
static void
end_page(struct page *p, int64_t size)
{
	const struct audit_query *q = &p->question.q;
	bool all = !q->who && !q->event && !q->account && !q->order && !q->since_ms && !q->until_ms, more = p->list.seen > p->list.limit;
	struct jw *w = &p->c->w;

	jw_end(w);
	jw_str(w, "next", more ? p->list.last : NULL);
	jw_int(w, "total", all ? size : p->list.seen);
	jw_bool(w, "total_is_exact", all || !more);
	jw_end(w);
}

static bool
page_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct page *p = arg;
	struct audit_state s;

	call_restart(p->c);
	if (!list_begin(&p->list, p->c, pr) || !audit_state_get(db, &s, pr))
		return false;
	audit_state_done(&s);
	p->question.q.limit = p->list.limit + 1;
	if (!(p->is_down ? audit_list_down : audit_list_up)(db, &p->question.q, add_row, p, pr))
		return false;
	end_page(p, s.size - s.cut);
	return true;
}

bool
call_audit(struct call *c)
{
	struct page p = { .c = c, .is_down = !call_query(c, "from").p };

	return question_read(c, &p.question) && store_read(c->admin->store, page_tx, &p, &c->pr);
}

/* ---- one, with its proof ---- */

static void
write_proof(struct jw *w, const char *name, const struct tlog_proof *proof)
{
	jw_array(w, name);
	for (size_t i = 0; i < proof->count; i++)
		write_hash(w, NULL, &proof->hash[i]);
	jw_end(w);
}

struct showing {
	struct call *c;
	uint64_t seq;
	bool found;
};

static void
show_row(const struct audit_row *r, void *arg)
{
	struct showing *s = arg;

	if ((uint64_t)r->seq != s->seq)
		return;
	s->found = true;
	write_row(&s->c->w, r);
}

/* In the tree of the last checkpoint, if that has it already. */
static bool
write_inclusion(struct showing *s, struct sql *db, int64_t size, struct problem *pr)
{
	struct audit_tree tree = { db, pr };
	struct tlog_proof proof;
	char *note;

	if (!audit_checkpoint_get(db, size, &note, pr))
		return false;
	if (!note || s->seq >= (uint64_t)size) {
		free(note);
		return true;
	}
	jw_str(&s->c->w, "checkpoint", note);
	free(note);
	if (!tlog_prove_inclusion(s->seq, (uint64_t)size, audit_tree_full, &tree, &proof))
		return false;
	write_proof(&s->c->w, "proof", &proof);
	return true;
}

static bool
show_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct showing *s = arg;
	const struct audit_query q = { .from = (int64_t)s->seq, .limit = 1 };
	struct audit_state state;

	call_restart(s->c);
	s->found = false;
	jw_object(&s->c->w, NULL);
	if (!audit_state_get(db, &state, pr) || !audit_list_up(db, &q, show_row, s, pr))
		return false;
	audit_state_done(&state);
	if (!s->found)
		return call_not_found(pr, "entry of the audit trail", s->c->ref);
	if (!write_inclusion(s, db, state.signed_size, pr))
		return false;
	jw_end(&s->c->w);
	return true;
}

bool
call_audit_entry(struct call *c)
{
	struct showing s = { .c = c };

	if (!span_uint(c->ref, INT64_MAX / 2, &s.seq))
		return call_not_found(&c->pr, "entry of the audit trail", c->ref);
	return store_read(c->admin->store, show_tx, &s, &c->pr);
}

/* ---- checkpoints ---- */

static bool
write_consistency(struct call *c, struct sql *db, int64_t old, int64_t size, struct problem *pr)
{
	struct audit_tree tree = { db, pr };
	struct tlog_proof proof;
	char *note;

	if (!audit_checkpoint_get(db, old, &note, pr))
		return false;
	if (!note)
		return problem_set(pr, PROBLEM_NOT_FOUND, "there is no checkpoint of %lld entries", (long long)old);
	jw_str(&c->w, "since", note);
	free(note);
	if (!tlog_prove_consistency((uint64_t)old, (uint64_t)size, audit_tree_full, &tree, &proof))
		return false;
	write_proof(&c->w, "consistency", &proof);
	return true;
}

static bool
checkpoint_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct tlog_vkey key = { { 0 }, { 0 } };
	AUTO_BUF vkey = BUF_MAX(TLOG_VKEY_TEXT);
	struct audit_state s;
	int64_t old;
	char *note;

	call_restart(c);
	if (!number_of(c, "since", &old) || !audit_state_get(db, &s, pr))
		return false;
	audit_state_done(&s);
	memcpy(key.name, s.origin, sizeof(key.name));
	memcpy(key.key, s.public_key, sizeof(key.key));
	if (!tlog_vkey_write(&key, &vkey) || !audit_checkpoint_get(db, 0, &note, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_span(&c->w, "key", buf_span(&vkey));
	jw_int(&c->w, "size", s.size);
	jw_int(&c->w, "cut", s.cut);
	jw_int(&c->w, "signed_size", s.signed_size);
	write_time(&c->w, "signed", s.signed_at);
	jw_int(&c->w, "syslog_sent", s.sent);
	jw_int(&c->w, "syslog_lost", s.lost);
	jw_str(&c->w, "checkpoint", note);
	free(note);
	if (old && s.signed_size >= old && !write_consistency(c, db, old, s.signed_size, pr))
		return false;
	jw_end(&c->w);
	return true;
}

bool
call_audit_checkpoint(struct call *c)
{
	return store_read(c->admin->store, checkpoint_tx, c, &c->pr);
}

static bool
nothing_tx(struct sql *db, void *arg, struct problem *pr)
{
	(void)db;
	(void)arg;
	(void)pr;
	return true;
}

/* What waits is numbered and signed now, with who asked for that as the last entry: of a checkpoint, and before an export is read. */
bool
call_audit_sign(struct call *c)
{
	return call_write(c, nothing_tx, NULL) && trail_checkpoint(c->admin->trail, &c->pr) && call_audit_checkpoint(c);
}

/* ---- export ---- */

struct exporting {
	struct call *c;
	int64_t from, size, next; /* next: the first that is not yet written */
	int64_t note_size;        /* of the next checkpoint, 0: there is none */
	char *note;
	struct sql *db;
	struct problem *pr;
	bool good;
};

static bool
take_note(int64_t size, const char *note, void *arg)
{
	struct exporting *e = arg;

	e->note_size = size;
	e->note = xstrdup(note);
	return false;
}

static bool
next_note(struct exporting *e, int64_t above)
{
	free(e->note);
	e->note = NULL;
	e->note_size = 0;
	return audit_checkpoint_each(e->db, above, 1, take_note, e, e->pr);
}

static void
write_line(struct exporting *e, const struct buf *line)
{
	buf_addspan(&e->c->out, buf_span(line));
	buf_addc(&e->c->out, '\n');
}

static void
export_note(struct exporting *e)
{
	AUTO_BUF line = BUF_MAX(2 * TLOG_NOTE_MAX);
	struct jw w = jw_to(&line);

	jw_object(&w, NULL);
	jw_str(&w, "checkpoint", e->note);
	jw_end(&w);
	write_line(e, &line);
}

static void
export_row(const struct audit_row *r, void *arg)
{
	struct exporting *e = arg;
	AUTO_BUF line = BUF_MAX(TLOG_NOTE_MAX + 1024 * 1024);
	struct jw w = jw_to(&line);

	if (r->seq >= e->size || e->c->out.n > EXPORT_OCTETS)
		return;
	jw_object(&w, NULL);
	write_row(&w, r);
	jw_end(&w);
	write_line(e, &line);
	e->next = r->seq + 1;
}

/* Entries up to the next checkpoint, then that. */
static bool
export_part(struct exporting *e, int64_t limit)
{
	int64_t end = e->note_size && e->note_size < e->size ? e->note_size : e->size;
	struct audit_query q = { .from = e->next, .limit = end - e->next < limit ? end - e->next : limit };

	if (q.limit > 0 && !audit_list_up(e->db, &q, export_row, e, e->pr))
		return false;
	if (e->note_size != e->next)
		return true;
	export_note(e);
	return next_note(e, e->next);
}

/* The full subtrees that all before the first entry falls into. */
static bool
export_before(struct exporting *e)
{
	struct audit_tree tree = { e->db, e->pr };
	uint64_t at = 0, n = (uint64_t)e->from;

	for (unsigned level = TLOG_LEVELS; level-- > 0;) {
		AUTO_BUF line = BUF_MAX(256);
		struct jw w = jw_to(&line);
		struct tlog_hash h;

		if (!(n & (uint64_t)1 << level))
			continue;
		if (!audit_tree_full(&tree, level, at >> level, &h))
			return false;
		at += (uint64_t)1 << level;
		jw_object(&w, NULL);
		jw_object(&w, "subtree");
		jw_int(&w, "level", level);
		write_hash(&w, "hash", &h);
		jw_end(&w);
		jw_end(&w);
		write_line(e, &line);
	}
	return true;
}

static void
export_head(struct exporting *e, const struct audit_state *s)
{
	AUTO_BUF line = BUF_MAX(1024);
	struct jw w = jw_to(&line);

	jw_object(&w, NULL);
	jw_int(&w, "acmegate_audit", 1);
	jw_str(&w, "origin", s->origin);
	jw_int(&w, "from", e->from);
	jw_int(&w, "size", e->size);
	jw_end(&w);
	write_line(e, &line);
}

static bool
export_begin(struct exporting *e, bool is_first)
{
	struct audit_state s;

	if (!audit_state_get(e->db, &s, e->pr))
		return false;
	audit_state_done(&s);
	/* what no checkpoint vouches for waits for the next export; and the first page says how far all of them go */
	if (e->size == 0 || e->size > s.signed_size)
		e->size = s.signed_size;
	if (is_first && e->from < s.cut)
		e->from = s.cut;
	if (e->from > e->size)
		return problem_set(e->pr, PROBLEM_NOT_FOUND, "there is no entry %lld under a checkpoint yet", (long long)e->from);
	if (e->from < s.cut)
		return problem_set(e->pr, PROBLEM_CONFLICT, "entries were dropped meanwhile: begin anew");
	e->next = e->from;
	if (is_first)
		export_head(e, &s);
	return (!is_first || export_before(e)) && next_note(e, e->from);
}

static bool
export_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct exporting *e = arg;
	bool is_first = !call_query(e->c, "size").p, good;
	int64_t left = EXPORT_MAX, before;

	e->db = db;
	e->pr = pr;
	call_restart(e->c);
	good = number_of(e->c, "from", &e->from) && number_of(e->c, "size", &e->size) && export_begin(e, is_first);
	while (good && e->next < e->size && left > 0) {
		before = e->next;
		good = export_part(e, left);
		if (e->next == before)
			break;
		left -= e->next - before;
	}
	free(e->note);
	e->note = NULL;
	return good;
}

/* JSON lines (doc/audit.md), a page of them: the next one begins at from=N with size= of the first line. */
bool
call_audit_export(struct call *c)
{
	struct exporting e = { .c = c };

	c->content_type = "application/jsonl";
	return store_read(c->admin->store, export_tx, &e, &c->pr);
}

/* ---- erase ---- */

struct erasing {
	struct call *c;
	struct audit_query q;
	char why[96];
	int64_t count, last, total;
};

static bool
erase_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct erasing *e = arg;

	return audit_erase(db, &e->q, e->why, &e->count, &e->last, pr);
}

static bool
read_erase(struct call *c, char who[PART_TEXT], char account[PART_TEXT], char order[PART_TEXT], struct erasing *e)
{
	struct json_obj *o = &c->body;
	struct span w = json_opt_str(o, "who", PART_TEXT - 1), a = json_opt_str(o, "account", PART_TEXT - 1), r = json_opt_str(o, "order", PART_TEXT - 1);
	int64_t seq = json_opt_int(o, "entry", 0, INT64_MAX / 2, -1);
	struct span ground = json_req_str(o, "ground", 500);

	if (!json_ok(o))
		return false;
	if (ground.n == 0 || !(w.n || a.n || r.n || seq >= 0))
		return problem_set(&c->pr, PROBLEM_MALFORMED, "it takes a ground, and who, account, order or entry");
	span_copy(w, who, PART_TEXT);
	span_copy(a, account, PART_TEXT);
	span_copy(r, order, PART_TEXT);
	e->q = (struct audit_query){ .who = or_null(who), .account = or_null(account), .order = or_null(order), .limit = ERASE_BATCH };
	if (seq >= 0) {
		e->q.from = seq;
		e->q.before = seq + 1;
		e->q.limit = 1;
	}
	return true;
}

/* The values go, their digests stay; that they went, on what ground and by whom is an entry, without whom it is about. */
bool
call_audit_erase(struct call *c)
{
	char who[PART_TEXT] = "", account[PART_TEXT] = "", order[PART_TEXT] = "", at[TIME_TEXT];
	struct erasing e = { .c = c };
	bool one;

	if (!read_erase(c, who, account, order, &e) || !trail_checkpoint(c->admin->trail, &c->pr))
		return false;
	snprintf(e.why, sizeof(e.why), "%s by uid %s", time_rfc3339(clock_unix_s(), at), c->uid);
	one = e.q.limit == 1;
	do {
		if (!call_write(c, erase_tx, &e))
			return false;
		e.total += e.count;
		e.q.before = e.last;
	} while (!one && e.last > 0);
	jw_object(&c->w, NULL);
	jw_int(&c->w, "erased", e.total);
	jw_end(&c->w);
	return true;
}
