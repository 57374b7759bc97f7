/* window.c - see window.h. */
#include "renewal/window.h"

#include <string.h>

#include "store/renewal.h"

#define DAY_S 86400
#define TIME_MAX 253402300799 /* the last second that RFC 3339 can write */
#define NARROW 8              /* a certificate's own window is this part of what is allowed */
#define NARROW_MIN_S 600      /* a shorter one would be missed by who looks seldom */
#define BASE_MAX_S (400 * DAY_S) /* longer than any certificate lives */
#define BACKSTOP_PART 24      /* the back-stop reaches this part of life to either side */
#define RETRY_S (6 * 3600)
#define RETRY_OPEN_S 3600
#define RETRY_MIN_S 60
#define RETRY_MAX_S DAY_S
#define RETRY_LIFE_PART 16    /* of a short life there must be enough looks */

bool
window_is_usable(const struct window *ca, int64_t not_after)
{
	return ca->start >= 0 && ca->end <= TIME_MAX && ca->start < ca->end && ca->start < not_after;
}

static int64_t
life_of(const struct window_facts *f)
{
	return f->not_after > f->not_before ? f->not_after - f->not_before : 1;
}

static struct window
backstop(const struct window_facts *f)
{
	int64_t life = life_of(f), half = life / BACKSTOP_PART;
	int64_t centre = f->not_after - (life < 10 * DAY_S ? life / 2 : life / 3);

	return (struct window){ centre - half, centre + half };
}

/* Whatever the facts were: nobody is told a window that ends before it has begun (4.2). */
static struct window
sane(struct window w)
{
	if (w.start < 0)
		w.start = 0;
	if (w.start >= TIME_MAX)
		w.start = TIME_MAX - 1;
	if (w.end > TIME_MAX)
		w.end = TIME_MAX;
	if (w.end <= w.start)
		w.end = w.start + 1;
	return w;
}

/* What may be promised: of a CA that says "since 1970" only the end is of use. */
static struct window
base_of(const struct window_facts *f, enum window_from *ret_from)
{
	struct window w = f->ca;

	*ret_from = window_is_usable(&f->ca, f->not_after) ? WINDOW_CA : WINDOW_BACKSTOP;
	if (*ret_from == WINDOW_BACKSTOP)
		w = backstop(f);
	if (w.end > f->not_after)
		w.end = f->not_after;
	w = sane(w);
	if (w.start < w.end - BASE_MAX_S)
		w.start = w.end - BASE_MAX_S;
	return w;
}

struct window
window_make(const struct window_facts *f, enum window_from *ret_from)
{
	const struct window *p = &f->planned;
	struct window_room room;
	struct window base;

	if (f->revoked_at > 0) {
		*ret_from = WINDOW_REVOKED;
		return sane((struct window){ f->revoked_at - 3600, f->revoked_at - 1800 });
	}
	if (window_is_usable(&f->incident, f->not_after)) {
		*ret_from = WINDOW_INCIDENT;
		return sane(f->incident);
	}
	base = base_of(f, ret_from);
	if (p->start < p->end && p->start >= base.start && p->end <= base.end)
		return *p;
	window_room_of(f, NULL, &room);
	return window_own(&room, f->place, false);
}

int64_t
window_retry_s(const struct window_facts *f, const struct window *w, int64_t now)
{
	int64_t s = life_of(f) / RETRY_LIFE_PART;

	if (s > RETRY_S)
		s = RETRY_S;
	if (now >= w->start && s > RETRY_OPEN_S)
		s = RETRY_OPEN_S;
	s = s - s / 10 + (int64_t)(f->place % (uint64_t)(s / 5 + 1));
	return s < RETRY_MIN_S ? RETRY_MIN_S : s > RETRY_MAX_S ? RETRY_MAX_S : s;
}

const char *
window_from_name(enum window_from from)
{
	static const char *const names[] = { [WINDOW_CA] = "ca", [WINDOW_BACKSTOP] = "backstop", [WINDOW_INCIDENT] = "incident",
		[WINDOW_REVOKED] = "revoked" };

	return names[from];
}

/* ---- to decide where its place is ---- */

static void
count_seconds(struct window_room *room)
{
	room->seconds = 0;
	for (size_t i = 0; i < room->count; i++)
		room->seconds += room->spans[i].end - room->spans[i].start;
}

void
window_room_of(const struct window_facts *f, const struct calendar *calendar, struct window_room *ret)
{
	enum window_from from;
	struct window base = base_of(f, &from);

	ret->count = calendar ? calendar_permits(calendar, base.start, base.end, ret->spans, WINDOW_SPANS_MAX) : 0;
	ret->why = !calendar ? 0 : ret->count ? PLAN_NARROWED : PLAN_UNHEARD;
	if (ret->count == 0) {
		ret->spans[0] = (struct calendar_span){ base.start, base.end };
		ret->count = 1;
	}
	count_seconds(ret);
	if (ret->seconds == base.end - base.start && ret->why == PLAN_NARROWED)
		ret->why = 0;
}

void
window_room_from(struct window_room *room, int64_t now)
{
	size_t over = 0;

	while (over < room->count && room->spans[over].end < now + NARROW_MIN_S)
		over++;
	if (over == room->count)
		return;
	room->count -= over;
	memmove(room->spans, room->spans + over, room->count * sizeof(*room->spans));
	if (room->spans[0].start < now)
		room->spans[0].start = now;
	count_seconds(room);
}

bool
window_fits(const struct window_room *room, const struct window *w)
{
	for (size_t i = 0; i < room->count; i++) {
		if (w->start >= room->spans[i].start && w->end <= room->spans[i].end)
			return w->start < w->end;
	}
	return false;
}

/* As short as it must be, but not shorter than ten minutes of its span. */
static struct window
in_span(const struct calendar_span *span, int64_t start, int64_t end)
{
	struct window w = { start < span->start ? span->start : start, end > span->end ? span->end : end };

	if (w.end - w.start < NARROW_MIN_S)
		w.end = w.start + NARROW_MIN_S;
	if (w.end > span->end) {
		w.end = span->end;
		w.start = w.end - NARROW_MIN_S > span->start ? w.end - NARROW_MIN_S : span->start;
	}
	return w;
}

struct window
window_own(const struct window_room *room, uint64_t place, bool by_hour)
{
	int64_t width = room->seconds / NARROW, at;
	size_t i = 0;

	if (width < NARROW_MIN_S)
		width = room->seconds < NARROW_MIN_S ? room->seconds : NARROW_MIN_S;
	by_hour = by_hour && room->seconds >= 2 * WINDOW_HOUR_S;
	at = (int64_t)(place % (uint64_t)(by_hour ? room->seconds : room->seconds - width + 1));
	for (; i + 1 < room->count && at >= room->spans[i].end - room->spans[i].start; i++)
		at -= room->spans[i].end - room->spans[i].start;
	at += room->spans[i].start;
	return by_hour ? window_of_hour(room, i, at / WINDOW_HOUR_S) : in_span(&room->spans[i], at, at + width);
}

struct window
window_of_hour(const struct window_room *room, size_t i, int64_t hour)
{
	return in_span(&room->spans[i], hour * WINDOW_HOUR_S, (hour + 1) * WINDOW_HOUR_S);
}
