/* incident.h - incidents: certificates that must be replaced soon, which ones, and how far it has come. Within a transaction; see account.h
 * for the manner. Times are unix seconds, 0 = never.
 *
 * Who is in an incident has a row there until the incident is swept; what its certificate is told stands in `renewal` (store/renewal.h), of
 * the incident whose wave is first. */
#ifndef STORE_INCIDENT_H
#define STORE_INCIDENT_H

#include "base/rand.h"
#include "sql/sql.h"
#include "pki/certid.h"
#include "store/eab.h"
#include "store/order.h"

/* Numbers are stored. */
enum incident_kind {
	INCIDENT_OPERATOR = 0, /* somebody has opened it */
	INCIDENT_CA = 1,       /* the CA's own: it has put windows into the past */
	INCIDENT_DRY_RUN = 2,  /* nobody is told: what would become of it */
	INCIDENT_KIND__COUNT
};
const char *incident_kind_name(enum incident_kind kind);

/* Numbers are stored. */
enum incident_state {
	INCIDENT_DRAFT = 0,     /* more serial numbers are coming */
	INCIDENT_GATHERING = 1, /* whoever is affected is looked for */
	INCIDENT_PLANNING = 2,  /* waves are given */
	INCIDENT_RUNNING = 3,   /* devices are told, and renew */
	INCIDENT_CLOSING = 4,   /* who is left is let be */
	INCIDENT_CLOSED = 5,
	INCIDENT_FORESEEN = 6,  /* a dry run that is over */
	INCIDENT_STATE__COUNT
};
const char *incident_state_name(enum incident_state state);

#define INCIDENT_WHY_TEXT 400
#define INCIDENT_URL_TEXT 1025
struct incident {
	int64_t id;
	char ref[REF_TEXT];
	enum incident_kind kind;
	enum incident_state state;
	/* who is affected: */
	char ca[UPSTREAM_TEXT];   /* an entry of upstreams, or the `ca` that several share */
	char profile[PROFILE_TEXT];  /* "" = all */
	int64_t issued_from, issued_until; /* 0 0 = whenever */
	bool by_list;                /* only serial numbers that were handed in */
	char explanation[INCIDENT_URL_TEXT]; /* "" = the CA's */
	int64_t opened_at, finish_by;
	int64_t cursor;              /* row id of certificates up to which all have been looked at */
	/* the plan: */
	int64_t planned_at, per_wave, planned; /* so many have a wave */
	int64_t last_wave;           /* when the last of them opens */
	char held_by[INCIDENT_WHY_TEXT]; /* what makes it that late */
	bool is_late;                /* finish_by is over, and that was said */
	int64_t closed_at;
	char closed_by[INCIDENT_WHY_TEXT];
};

/* Sets id and ref. */
bool incident_insert(struct sql *db, struct incident *in, struct problem *pr) MUST_CHECK;
bool incident_by_id(struct sql *db, int64_t id, struct incident *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool incident_by_ref(struct sql *db, struct span ref, struct incident *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The newest of the CA's own at this entry of upstreams that is not over, or has been closed since then. */
bool incident_of_ca(struct sql *db, const char *ca, int64_t closed_since, struct incident *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* All that may change: state, cursor, plan, end. */
bool incident_save(struct sql *db, const struct incident *in, struct problem *pr) MUST_CHECK;
/* For operators, newest first, below the row id `before` (0 = from the top). */
typedef bool (*incident_fn)(struct sql *db, const struct incident *in, void *arg, struct problem *pr);
bool incident_list(struct sql *db, int64_t before, int64_t limit, incident_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool incident_list_count(struct sql *db, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* How many are open, by kind. */
bool incident_open_counts(struct sql *db, int64_t ret[INCIDENT_KIND__COUNT], int64_t *ret_late, struct problem *pr) MUST_CHECK;
/* Those that ended before `before`, with all that hangs on them; dry runs that did, and drafts that were begun, before `dry_before`. At most
 * `limit` rows of certificates at a time; *ret_more: there are more. */
bool incident_sweep(struct sql *db, int64_t before, int64_t dry_before, int64_t limit, bool *ret_more, struct problem *pr) MUST_CHECK;

/* ---- certificates of an incident ---- */

/* Numbers are stored: those up to MEMBER_TOLD are still missing. */
enum member_state {
	MEMBER_FOUND = 0,   /* affected */
	MEMBER_PLANNED = 1, /* it has a wave */
	MEMBER_TOLD = 2,    /* whoever asks is told of it */
	MEMBER_RENEWED = 3,
	MEMBER_REVOKED = 4,
	MEMBER_EXPIRED = 5,
	MEMBER_RELEASED = 6, /* the incident was closed before */
	MEMBER_STATE__COUNT
};
const char *member_state_name(enum member_state state);

struct member {
	int64_t cert_id, not_after, wave_at;
	int64_t class; /* how urgent it was when it was found: enum sched_class */
};
/* What is there already stays as it is: *ret_added false. */
bool member_add(struct sql *db, int64_t incident_id, const struct member *m, bool *ret_added, struct problem *pr) MUST_CHECK;
/* In this state, the most urgent first; at most `limit`. */
bool member_next(struct sql *db, int64_t incident_id, enum member_state state, int64_t limit, struct member *ret, size_t *ret_count, struct problem *pr) MUST_CHECK;
bool member_set_wave(struct sql *db, int64_t incident_id, int64_t cert_id, int64_t wave_at, struct problem *pr) MUST_CHECK;
/* From then on whoever asks about the certificate is told this wave, if it is in no other whose wave is first. */
bool member_tell(struct sql *db, int64_t incident_id, const struct member *m, int64_t wave_start, int64_t wave_end, int64_t now, struct problem *pr) MUST_CHECK;
/* It is let be, or told of the wave that another open incident has for it; waves are wave_s long. */
bool member_release(struct sql *db, int64_t incident_id, int64_t cert_id, int64_t wave_s, int64_t now, struct problem *pr) MUST_CHECK;
/* The certificate is no longer missed, in whatever incident it is. */
bool member_settle(struct sql *db, int64_t cert_id, enum member_state end, int64_t now, struct problem *pr) MUST_CHECK;
/* At most `limit` that ran out; how many. */
bool member_expire(struct sql *db, int64_t incident_id, int64_t now, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Is it in an open incident, and still to be replaced? */
bool member_is_affected(struct sql *db, int64_t cert_id, bool *ret, struct problem *pr) MUST_CHECK;
/* Has it been let be by whoever closed an incident of its CA's own? */
bool member_is_let_be(struct sql *db, int64_t cert_id, bool *ret, struct problem *pr) MUST_CHECK;
/* Is any still missing? */
bool member_any(struct sql *db, int64_t incident_id, bool *ret, struct problem *pr) MUST_CHECK;
bool member_counts(struct sql *db, int64_t incident_id, int64_t ret[MEMBER_STATE__COUNT], struct problem *pr) MUST_CHECK;

/* Of a certificate that may be affected. */
struct candidate {
	int64_t cert_id, not_before, not_after, created_at;
	char upstream[UPSTREAM_TEXT], profile[PROFILE_TEXT];
	struct span idents; /* until the callback returns */
};
typedef bool (*candidate_fn)(struct sql *db, const struct candidate *c, void *arg, struct problem *pr);
/* Live ones that nothing has replaced, not revoked, by row id above `after`. */
bool candidates_live(struct sql *db, int64_t now, int64_t after, int64_t limit, candidate_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* The same of a serial number (lower-case hex). */
bool candidates_by_serial(struct sql *db, const char *serial, int64_t now, candidate_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool candidate_by_id(struct sql *db, int64_t cert_id, candidate_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Who is still missing, for operators, the soonest to run out first, behind (not_after, after). */
struct missing {
	int64_t cert_id, account_id, order_id;
	char ref[REF_TEXT], upstream[UPSTREAM_TEXT], profile[PROFILE_TEXT], serial[SERIAL_TEXT], certid[CERTID_TEXT];
	char account[REF_TEXT]; /* its ref */
	char eab[KID_TEXT];     /* the key that it is bound to, "" = none */
	int64_t not_after, wave_at;
	enum member_state state;
	struct span idents;     /* until the callback returns */
};
typedef bool (*missing_fn)(struct sql *db, const struct missing *m, void *arg, struct problem *pr);
bool missing_list(struct sql *db, int64_t incident_id, int64_t not_after, int64_t after, int64_t limit, missing_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* ---- the plan's own count of a CA's limits (quota/gcra.h): as it will be when the waves so far have ordered ---- */
bool incident_bucket_get(struct sql *db, int64_t incident_id, int64_t kind, const char *name, int64_t *ret_tat_ns, bool *ret_found, struct problem *pr) MUST_CHECK;
bool incident_bucket_set(struct sql *db, int64_t incident_id, int64_t kind, const char *name, int64_t tat_ns, struct problem *pr) MUST_CHECK;
#endif
