/* window.h - when a certificate had better be renewed (RFC 9773 4.2). Pure: facts in, window out; any thread.
 *
 * What may be promised to a device is the CA's window, or without one a back-stop of ours; within it each certificate has a place of its
 * own, which does not move: so a fleet that was enrolled in an hour does not come back in one. */
#ifndef RENEWAL_WINDOW_H
#define RENEWAL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
	int64_t start, end; /* unix s; of one that was made start < end */
};

struct window_facts {
	int64_t not_before, not_after; /* unix s, as are all */
	int64_t revoked_at;            /* 0 = it is not */
	struct window ca;              /* as the CA said; { 0, 0 } = it has not */
	struct window incident;        /* its wave of an incident, in which it is to be replaced; { 0, 0 } = it is in none */
	uint64_t place;                /* the certificate's for ever, and no neighbour's: span_hash of its certID */
};
/* Is a CA's window one that a device may be sent into: an end behind its start (4.2), and a start before the certificate's end? */
bool window_is_usable(const struct window *ca, int64_t not_after);
/* Revoked: over already, which means at once. Else the wave of an incident as it is, wherever the CA's window may lie: only then is a device
 * sent outside of that. Else a part of the CA's window if that is usable, else of the back-stop: around two thirds of
 * life, half of it below ten days. */
struct window window_make(const struct window_facts *f);
/* Retry-After in seconds (4.3.1), 60 to 86400 (T2): six hours, less for a short life; an hour at most once the window is open. Differs by a
 * tenth from one certificate to the next, so that those who asked together do not for ever. */
int64_t window_retry_s(const struct window_facts *f, const struct window *w, int64_t now);
#endif
