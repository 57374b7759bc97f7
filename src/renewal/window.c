/* window.c - see window.h. */
#include "renewal/window.h"

#define DAY_S 86400
#define TIME_MAX 253402300799 /* the last second that RFC 3339 can write */
#define NARROW 8              /* a certificate's own window is this part of what is allowed */
#define NARROW_MIN_S 600      /* a shorter one would be missed by who looks seldom */
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

struct window
window_make(const struct window_facts *f)
{
	struct window w;
	int64_t width, room;

	if (f->revoked_at > 0)
		return sane((struct window){ f->revoked_at - 3600, f->revoked_at - 1800 });
	if (window_is_usable(&f->incident, f->not_after))
		return sane(f->incident);
	w = window_is_usable(&f->ca, f->not_after) ? f->ca : backstop(f);
	if (w.end > f->not_after)
		w.end = f->not_after;
	w = sane(w);
	width = (w.end - w.start) / NARROW;
	if (width < NARROW_MIN_S)
		width = w.end - w.start < NARROW_MIN_S ? w.end - w.start : NARROW_MIN_S;
	room = w.end - w.start - width;
	w.start += (int64_t)(f->place % (uint64_t)(room + 1));
	w.end = w.start + width;
	return w;
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
