/* agenda.c - GET /renewals: how many certificates are to be renewed in each hour or day, and were; or in all, by profile or tenant. And what
 * of it needs somebody to look: certificates that nobody renews. */
#include <stdlib.h>

#include "admin/call.h"
#include "store/agenda.h"

#define DAY_S 86400
#define BACK_S DAY_S
#define AHEAD_S (14 * DAY_S)

struct asked {
	struct call *c;
	struct agenda_span span;
	bool has_by;
	enum agenda_by by;
	struct agenda_counts *slots; /* owned */
	struct who { char name[PROFILE_TEXT]; struct agenda_counts n; } *whos; /* owned */
	size_t who_count;
};

static bool
read_time(struct call *c, const char *name, int64_t *ret)
{
	char text[TIME_TEXT + 16];
	struct span given = call_query(c, name);

	if (!given.p)
		return true;
	if (!call_text(given, text, sizeof(text), &c->pr))
		return false;
	return time_rfc3339_parse(span_str(text), ret) ||
		problem_set(&c->pr, PROBLEM_MALFORMED, "%s is \"%s\", expected a time as in RFC 3339", name, QUOTE(given));
}

static bool
read_words(struct asked *a)
{
	struct span per = call_query(a->c, "per"), by = call_query(a->c, "by");

	a->span.step_s = span_is(per, "hour") ? 3600 : DAY_S;
	if (per.p && !span_is(per, "hour") && !span_is(per, "day"))
		return problem_set(&a->c->pr, PROBLEM_MALFORMED, "per is \"%s\", expected hour or day", QUOTE(per));
	a->has_by = by.p != NULL;
	a->by = span_is(by, "tenant") ? AGENDA_BY_TENANT : AGENDA_BY_PROFILE;
	return !by.p || span_is(by, "tenant") || span_is(by, "profile") ||
		problem_set(&a->c->pr, PROBLEM_MALFORMED, "by is \"%s\", expected profile or tenant", QUOTE(by));
}

static bool
read_span(struct asked *a)
{
	struct agenda_span *s = &a->span;

	if (!read_words(a))
		return false;
	s->now = clock_unix_s();
	s->from = s->now - BACK_S;
	s->until = s->now + AHEAD_S;
	if (!read_time(a->c, "from", &s->from) || !read_time(a->c, "to", &s->until))
		return false;
	s->from -= s->from % s->step_s;
	if (s->from >= s->until)
		return problem_set(&a->c->pr, PROBLEM_MALFORMED, "the span ends before it begins");
	if ((s->until - s->from) / s->step_s >= AGENDA_SLOTS_MAX)
		return problem_set(&a->c->pr, PROBLEM_MALFORMED, "a span of more than %d hours or days", AGENDA_SLOTS_MAX);
	s->until += (s->step_s - (s->until - s->from) % s->step_s) % s->step_s;
	return true;
}

static void
on_who(struct span who, const struct agenda_counts *n, void *arg)
{
	struct asked *a = arg;
	struct who *w = NULL;

	for (size_t i = 0; i < a->who_count && !w; i++)
		w = span_is(who, a->whos[i].name) ? &a->whos[i] : NULL;
	if (!w) {
		a->whos = xrealloc(a->whos, (a->who_count + 1) * sizeof(*a->whos));
		w = &a->whos[a->who_count++];
		*w = (struct who){ 0 };
		span_copy(who, w->name, sizeof(w->name));
	}
	w->n.due += n->due;
	w->n.planned += n->planned;
	w->n.late += n->late;
	w->n.lapsed += n->lapsed;
	w->n.done += n->done;
}

static bool
count_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct asked *a = arg;

	a->who_count = 0;
	return a->has_by ? agenda_each(db, &a->span, a->by, on_who, a, pr) : agenda_slots(db, &a->span, a->slots, pr);
}

static void
write_counts(struct jw *w, const struct agenda_counts *n)
{
	jw_int(w, "due", n->due);
	jw_int(w, "planned", n->planned);
	jw_int(w, "done", n->done);
	jw_int(w, "late", n->late);
	jw_int(w, "lapsed", n->lapsed);
}

static void
write_slots(struct jw *w, const struct asked *a, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct agenda_counts *n = &a->slots[i];

		if (!n->due && !n->done)
			continue;
		jw_object(w, NULL);
		jw_time(w, "begin", a->span.from + (int64_t)i * a->span.step_s);
		write_counts(w, n);
		jw_end(w);
	}
}

static void
write_reply(struct asked *a, size_t slots)
{
	struct jw *w = &a->c->w;

	jw_object(w, NULL);
	jw_time(w, "from", a->span.from);
	jw_time(w, "to", a->span.until);
	jw_array(w, "items");
	if (!a->has_by)
		write_slots(w, a, slots);
	for (size_t i = 0; a->has_by && i < a->who_count; i++) {
		jw_object(w, NULL);
		jw_str(w, a->by == AGENDA_BY_TENANT ? "tenant" : "profile", a->whos[i].name);
		write_counts(w, &a->whos[i].n);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

bool
call_renewals(struct call *c)
{
	struct asked a = { .c = c };
	size_t slots;
	bool good;

	if (!read_span(&a))
		return false;
	slots = (size_t)((a.span.until - a.span.from) / a.span.step_s);
	a.slots = xcalloc(slots + 1, sizeof(*a.slots));
	good = store_read(c->admin->store, count_tx, &a, &c->pr);
	if (good)
		write_reply(&a, slots);
	free(a.slots);
	free(a.whos);
	return good;
}
