/* renewal.h - what renewal information is made from (RFC 9773): certificates' lives, the CAs' windows, and what has changed since; a row
 * for each certificate. Within a transaction; see account.h for the manner.
 *
 * changed_at is when what a device would be told became another: at issue, at revocation, when it is replaced, when the CA's window
 * is. It is the time of whoever wrote it, and a transaction takes a while: who asks for what changed since then asks for a bit more. */
#ifndef STORE_RENEWAL_H
#define STORE_RENEWAL_H

#include "pki/certid.h"
#include "sql/sql.h"

/* Why a certificate's place in its window is where it is: bits, which are stored. */
#define PLAN_NARROWED 1 /* policy permits a part of it alone */
#define PLAN_UNHEARD 2  /* policy permits nothing of it, and is not heard: the CA's word counts for more */
#define PLAN_MOVED 4    /* its own hour was full */
#define PLAN_OVER 8     /* so are all others, and it is in the emptiest */
#define PLAN_COUNTED 16 /* it is one of those that are counted for its hour */

struct renewal_row {
	int64_t cert_id, principal;
	int64_t not_before, not_after, changed_at; /* unix s */
	int64_t revoked_at, replaced_at;           /* 0 = not */
	int64_t ca_start, ca_end;                  /* the CA's window, 0 0 = none on record */
	int64_t planned_start, planned_end;        /* its place as it was decided (renewal_plan.h), 0 0 = it was not */
	int64_t plan_why;                          /* PLAN_NARROWED and on */
	int64_t wave_start, wave_end;              /* of the incident that it is in (store/incident.h), 0 0 = of none */
	char certid[CERTID_TEXT];                  /* canonical; "" = it has none */
	struct span explanation;                   /* the CA's explanationURL, SPAN_NONE = none; until the callback returns */
	struct span page;                          /* the incident's explanation, likewise */
};
typedef void (*renewal_fn)(const struct renewal_row *row, void *arg);

/* Its certificate has just been stored; is revoked; is that of this certID (canonical), and an order that names it in `replaces` has got its
 * certificate. */
bool renewal_insert(struct sql *db, int64_t cert_id, struct problem *pr) MUST_CHECK;
bool renewal_revoked(struct sql *db, int64_t cert_id, int64_t at, struct problem *pr) MUST_CHECK;
bool renewal_replaced(struct sql *db, const char *certid, int64_t at, struct problem *pr) MUST_CHECK;
/* This certificate has been issued to an order that named none: of those with the same names and principal the one that ends first has been
 * replaced, if it was to be: half of its life is over, or it is revoked, or in an incident. One follows one: devices that share names and a
 * principal are told apart by their number alone. */
bool renewal_followed(struct sql *db, int64_t cert_id, int64_t at, struct problem *pr) MUST_CHECK;

/* *ret_found false: no such certificate, fn was not called. By certID in its canonical form. */
bool renewal_by_certid(struct sql *db, const char *certid, renewal_fn fn, void *arg, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Certificates that live at `now`, by row id above `after`. */
bool renewal_each_live(struct sql *db, int64_t now, int64_t after, int64_t limit, renewal_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* A place in a list that is ordered by a time and then the row's id: behind it is what comes next. */
struct renewal_mark {
	int64_t at, id;
};
/* All that changed, by changed_at. */
bool renewal_each_changed(struct sql *db, struct renewal_mark after, int64_t limit, renewal_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* A principal's (E5) that changed at `until` or before, by changed_at. */
bool renewal_each_changed_of(struct sql *db, int64_t principal, struct renewal_mark after, int64_t until, int64_t limit, renewal_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* A principal's that ended at `until` or before, by not_after. */
bool renewal_each_ended_of(struct sql *db, int64_t principal, struct renewal_mark after, int64_t until, int64_t limit, renewal_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
