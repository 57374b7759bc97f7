/* lookup.h - when a CA is next asked about each of its certificates (RFC 9773 4.3), and what came of it the last time: columns of the table
 * `renewal`, an index of those that are due, and a row for each CA. Within a transaction; see account.h for the manner. */
#ifndef STORE_LOOKUP_H
#define STORE_LOOKUP_H

#include "pki/certid.h"
#include "sql/sql.h"

/* How a look-up ended. Numbers are stored. */
enum lookup_result {
	LOOKUP_NEVER = 0,     /* there was none */
	LOOKUP_WINDOW = 1,    /* a window */
	LOOKUP_SAME = 2,      /* it is as it was (304) */
	LOOKUP_BUSY = 3,      /* not now (429, 503) */
	LOOKUP_BROKEN = 4,    /* no answer in time, or half of one, or 5xx */
	LOOKUP_UNREACHED = 5, /* no connection: nothing was sent */
	LOOKUP_UNKNOWN = 6,   /* the CA does not know the certificate (404) */
	LOOKUP_REFUSED = 7,   /* any other status */
	LOOKUP_UNUSABLE = 8,  /* an answer that no client may act on (4.2) */
	LOOKUP_RESULT__COUNT
};
const char *lookup_result_name(enum lookup_result result);

#define LOOKUP_STALE_S (2 * 86400) /* a window that was last heard of so long ago is told no more */

#define LOOKUP_ETAG_TEXT 129
/* Times in unix s. */
struct lookup_row {
	int64_t cert_id, not_before, not_after;
	int64_t ca_start, ca_end;      /* the CA's window, 0 0 = none on record */
	int64_t fetched_at;            /* when that was last heard of the CA, 0 = never */
	int64_t next_at;               /* when it is asked next, 0 = no more */
	int64_t failures;              /* in a row and of one class */
	int64_t urged_at;              /* since when the CA says: at once; 0 = it does not */
	enum lookup_result result;
	char certid[CERTID_TEXT];
	char etag[LOOKUP_ETAG_TEXT];   /* an ETag with its quotes, or without them the tag of a list (doc/mass-ari.md); "" = none */
	char *explanation;             /* owned, NULL = none */
};
void lookup_row_done(struct lookup_row *r);
void lookup_rows_free(struct lookup_row *rows, size_t count);

/* Those of a CA that are due at `now`, the first first; rows must have room for `limit`. */
bool lookup_due(struct sql *db, int64_t upstream_id, int64_t now, size_t limit, struct lookup_row *rows, size_t *ret_count, struct problem *pr) MUST_CHECK;
/* When the next one is; INT64_MAX = there is none. */
bool lookup_next(struct sql *db, int64_t upstream_id, int64_t *ret_at, struct problem *pr) MUST_CHECK;
/* What was learned; changed_at is `now` if `told`: a device hears something else from now on. Nothing if it has been revoked or replaced
 * meanwhile. */
bool lookup_put(struct sql *db, const struct lookup_row *r, bool told, int64_t now, struct problem *pr) MUST_CHECK;
/* Asked next then, 0 = no more. */
bool lookup_set_next(struct sql *db, int64_t cert_id, int64_t at, struct problem *pr) MUST_CHECK;
/* At most `limit` windows that were last heard of before `stale` are forgotten. *ret_count: how many were. */
bool lookup_lapse(struct sql *db, int64_t now, int64_t stale, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* How many are due at `now`, counted up to `most`, and since when the first of them. */
struct lookup_queue { int64_t due, oldest_at; };
bool lookup_queue(struct sql *db, int64_t upstream_id, int64_t now, int64_t most, struct lookup_queue *ret, struct problem *pr) MUST_CHECK;
/* Live ones that the CA has moved the windows of into the past at `since` or later: it wants them renewed at once. */
bool lookup_urged(struct sql *db, int64_t upstream_id, int64_t since, int64_t now, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* What is known of a CA that is asked; all 0 before it was. */
struct lookup_state {
	int64_t rate;         /* requests a second */
	int64_t paused_until; /* 0 = it is not paused */
	int64_t pauses;       /* in a row */
	int64_t alarmed_at;   /* when it was last told that windows were moved into the past */
};
bool lookup_state_get(struct sql *db, int64_t upstream_id, struct lookup_state *ret, struct problem *pr) MUST_CHECK;
bool lookup_state_put(struct sql *db, int64_t upstream_id, const struct lookup_state *s, struct problem *pr) MUST_CHECK;
#endif
