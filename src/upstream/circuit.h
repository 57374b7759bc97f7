/* circuit.h - do not hammer a CA that is down: closed, open for a growing pause, one probe
 * (U5). No locking.
 *
 * Three failures in a row open it for 1 s; each failed probe doubles the pause up to 5 min; a
 * success closes it. */
#ifndef UPSTREAM_CIRCUIT_H
#define UPSTREAM_CIRCUIT_H

#include "base/clock.h"

#define CIRCUIT_FAILURES 3
#define CIRCUIT_PAUSE_MIN_MS 1000
#define CIRCUIT_PAUSE_MAX_MS (5 * 60 * 1000)

struct circuit {
	unsigned failures; /* in a row */
	unsigned opened;   /* times in a row */
	msec_t since_ms;   /* of the first of them */
	msec_t open_until_ms;
	bool probing;
};

/* May a request go now? If it is the probe, *ret_probe is true and its outcome must be told (or
 * circuit_give_up). If not, *ret_wait_ms is how long to wait before asking again. */
bool circuit_enter(struct circuit *c, msec_t now_ms, bool *ret_probe, msec_t *ret_wait_ms);
void circuit_succeeded(struct circuit *c);
void circuit_failed(struct circuit *c, msec_t now_ms);
/* The probe ended without an answer about the CA: the next request probes. */
void circuit_give_up(struct circuit *c);
bool circuit_is_open(const struct circuit *c);
#endif
