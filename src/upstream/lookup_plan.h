/* lookup_plan.h - when a CA is asked again about a certificate, how fast it is asked at all, and what an answer changes (RFC 9773 4.3; R7,
 * U6). Pure: facts in, times out, and chance is an argument; one thread at a time. */
#ifndef UPSTREAM_LOOKUP_PLAN_H
#define UPSTREAM_LOOKUP_PLAN_H

#include "base/clock.h"
#include "store/lookup.h"

#define LOOKUP_STREAMS 64           /* requests under way at a CA */
#define LOOKUP_UNKNOWN_ALARM 4      /* times in a row that a CA does not know its own certificate */

/* ---- one certificate ---- */

struct lookup_answer {
	enum lookup_result result;
	int64_t start, end;      /* LOOKUP_WINDOW */
	const char *explanation; /* likewise; NULL = none */
	const char *etag;        /* of LOOKUP_WINDOW and LOOKUP_SAME; NULL or too long = none */
	int64_t retry_s;         /* as it was told, 0 = it was not */
};
struct lookup_change {
	bool told;    /* a device hears something else from now on */
	bool urged;   /* the CA has moved the window into the past: it wants the certificate replaced at once */
	bool unknown; /* the CA did not know it LOOKUP_UNKNOWN_ALARM times in a row by now */
};
/* Make the row what it is after the answer. `chance` is any number. What comes too late for a certificate is LOOKUP_UNUSABLE in the row. */
void lookup_take(struct lookup_row *row, const struct lookup_answer *a, int64_t now, uint32_t chance, struct lookup_change *ret);
/* When one that should have been asked about long ago is: within an hour, and the nearer its window the sooner. */
int64_t lookup_spread(const struct lookup_row *row, int64_t now);

/* ---- a CA ---- */

/* A bucket whose rate is halved each time that the CA is too busy, and grows again while it is not. */
struct lookup_pace {
	int64_t rate, most;    /* requests a second */
	int64_t tokens_milli;
	msec_t filled_ms, grown_ms, halved_ms;
};
void lookup_pace_init(struct lookup_pace *p, int64_t rate, int64_t most, msec_t now);
/* Another most. */
void lookup_pace_limit(struct lookup_pace *p, int64_t most);
/* How many requests may go now, at most `most`; none of them counts yet. */
size_t lookup_pace_may(struct lookup_pace *p, size_t most, msec_t now);
void lookup_pace_sent(struct lookup_pace *p, size_t count);
/* Until it is worth while to ask for the next ones: half a second's. */
msec_t lookup_pace_wait(const struct lookup_pace *p, msec_t now);
/* The CA was too busy, once in a second or often; it was not, for a page. */
void lookup_pace_busy(struct lookup_pace *p, msec_t now);
void lookup_pace_good(struct lookup_pace *p, msec_t now);

/* What became of a page of requests. */
#define LOOKUP_PAUSE_FAILURES 3
struct lookup_tally {
	size_t before; /* failures of earlier pages, as lookup_pause_s left them */
	size_t asked;
	size_t busy;
	size_t failed; /* LOOKUP_BUSY, LOOKUP_BROKEN, LOOKUP_UNREACHED: they say more of the CA than of a certificate */
	int64_t retry_s; /* the longest that a busy CA told, 0 = none */
};
void lookup_tally_add(struct lookup_tally *t, const struct lookup_answer *a);
/* The page is over. For how long the CA is not asked at all, 0 = go on; pauses: that there were in a row before. Half of a page must have failed, and
 * LOOKUP_PAUSE_FAILURES in a row of such pages, but one is enough after a pause. The tally is then the next page's. */
int64_t lookup_pause_s(struct lookup_tally *t, int64_t pauses);
#endif
