/* window.h - when a certificate had better be renewed (RFC 9773 4.2). Pure: facts in, window out; any thread.
 *
 * What may be promised to a device is the CA's window, or without one a back-stop of ours. Of that policy permits some hours, and in these
 * each certificate has a place of its own, which does not move: so a fleet that was enrolled in an hour does not come back in one. Where its
 * place is, is decided once, with what is planned for others in mind (renewal/plan.h), and is on record from then on. */
#ifndef RENEWAL_WINDOW_H
#define RENEWAL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cal/calendar.h"

struct window {
	int64_t start, end; /* unix s; of one that was made start < end */
};

/* What a window was made from. */
enum window_from { WINDOW_CA, WINDOW_BACKSTOP, WINDOW_INCIDENT, WINDOW_REVOKED, WINDOW_FROM__COUNT };
const char *window_from_name(enum window_from from);

struct window_facts {
	int64_t not_before, not_after; /* unix s, as are all */
	int64_t revoked_at;            /* 0 = it is not */
	struct window ca;              /* as the CA said; { 0, 0 } = it has not */
	struct window incident;        /* its wave of an incident, in which it is to be replaced; { 0, 0 } = it is in none */
	struct window planned;         /* its place as it was decided; { 0, 0 } = it was not */
	uint64_t place;                /* the certificate's for ever, and no neighbour's: span_hash of its certID */
};
/* Is a CA's window one that a device may be sent into: an end behind its start (4.2), and a start before the certificate's end? */
bool window_is_usable(const struct window *ca, int64_t not_after);
/* Revoked: over already, which means at once. Else the wave of an incident as it is, wherever the CA's window may lie: only then is a device
 * sent outside of that. Else what was planned, if that is still inside, or a place of its own in the CA's window if that is usable, else in
 * the back-stop: around two thirds of life, half of it below ten days. */
struct window window_make(const struct window_facts *f, enum window_from *ret_from);
/* Retry-After in seconds (4.3.1), 60 to 86400 (T2): six hours, less for a short life; an hour at most once the window is open. Differs by a
 * tenth from one certificate to the next, so that those who asked together do not for ever. */
int64_t window_retry_s(const struct window_facts *f, const struct window *w, int64_t now);

/* ---- to decide where its place is ---- */

#define WINDOW_HOUR_S 3600
#define WINDOW_SPANS_MAX 512

/* The time that it has: the CA's window or the back-stop, as far as policy permits it. At least one span, a second at least. */
struct window_room {
	struct calendar_span spans[WINDOW_SPANS_MAX];
	size_t count;
	int64_t seconds; /* of all spans */
	unsigned why;    /* 0, PLAN_NARROWED or PLAN_UNHEARD */
};
/* calendar NULL: all is permitted. */
void window_room_of(const struct window_facts *f, const struct calendar *calendar, struct window_room *ret);
/* Without what is over at `now`, if that leaves a while. */
void window_room_from(struct window_room *room, int64_t now);
/* Does it lie in one of the spans? */
bool window_fits(const struct window_room *room, const struct window *w);
/* Its own place: an eighth of the time, ten minutes at least, or by_hour, where there are several of them, an hour of the clock. */
struct window window_own(const struct window_room *room, uint64_t place, bool by_hour);
/* The part of span `i` in an hour (unix s / 3600) of it; ten minutes at least, if the span has them. */
struct window window_of_hour(const struct window_room *room, size_t i, int64_t hour);
#endif
