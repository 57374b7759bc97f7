/* eab.h - keys that we handed out to devices for external account binding (RFC 8555 7.3.4; E2, E3). In a transaction.
 *
 * The MAC key itself is a sealed blob that only the keeper opens. */
#ifndef STORE_EAB_H
#define STORE_EAB_H

#include "base/buf.h"
#include "sql/sql.h"
#include "store/account.h"

#define KID_TEXT 65
#define EAB_KEY_OCTETS 32  /* of one that we make (E2) */
#define EAB_SEALED_MAX 8192

/* Numbers are stored. Expired and used up are not states: they follow from the row. */
enum eab_state { EAB_ACTIVE = 0, EAB_SUSPENDED = 1, EAB_REVOKED = 2, EAB__COUNT };
const char *eab_state_name(enum eab_state state);

struct eab_key {
	int64_t id;
	char kid[KID_TEXT];      /* [A-Za-z0-9_-] */
	struct buf sealed;       /* owned */
	enum eab_state state;
	char note[257];          /* the operator's words */
	char profiles[1025];     /* names with a blank between; "" = all */
	char tenant[TENANT_TEXT];
	char cost_centre[129];   /* "" = that of the tenant */
	char names[4097];        /* patterns of policy.h that its accounts may order, a blank between; "" = what the rules allow */
	char networks[1025];     /* where its accounts may come from, a blank between; "" = anywhere */
	int64_t root_id;         /* the first key that this one took the place of by rotation; 0 = it took none's */
	int64_t uses, uses_max;  /* accounts made; 0 = no limit */
	int64_t accounts_max;    /* valid accounts bound at a time; 0 = no limit */
	int64_t expires;         /* 0 = never */
	bool keep_accounts;      /* suspension and revocation leave bound accounts alone */
	int64_t created_at, used_at, changed_at;
};
void eab_key_done(struct eab_key *k);
/* "active", "suspended", "revoked", or what follows from the row: "expired", "used-up". */
const char *eab_key_status(const struct eab_key *k, int64_t now);

/* *ret_found false: no such row, *ret untouched. */
bool eab_by_kid(struct sql *db, struct span kid, struct eab_key *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool eab_by_id(struct sql *db, int64_t id, struct eab_key *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Sets id, created_at, changed_at. sql_is_conflict(pr): the kid is taken. */
bool eab_insert(struct sql *db, struct eab_key *k, struct problem *pr) MUST_CHECK;
/* Compare-and-set. */
bool eab_move(struct sql *db, int64_t id, enum eab_state from, enum eab_state to, bool *ret_moved, struct problem *pr) MUST_CHECK;
bool eab_set_expires(struct sql *db, int64_t id, int64_t expires, struct problem *pr) MUST_CHECK;
/* Spend a use, if the key is active, alive and has one left: of two at once for the last one, one. */
bool eab_use(struct sql *db, int64_t id, int64_t now, bool *ret_used, struct problem *pr) MUST_CHECK;
/* Valid accounts bound to it, counted up to `most`. */
bool eab_count_accounts(struct sql *db, int64_t id, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* Is a name in a list with blanks between? */
bool eab_list_has(const char *list, const char *name);

typedef void (*eab_each_fn)(const struct eab_key *k, void *arg);
/* How many a tenant (NULL = all) has, counted up to `most`. */
bool eab_list_count(struct sql *db, const char *tenant, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* Newest first, below the row id `before` (0 = from the top). */
bool eab_list(struct sql *db, const char *tenant, int64_t before, int64_t limit, eab_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* ---- what became of a key: the last EAB_EVENTS_KEPT of each ---- */

#define EAB_EVENTS_KEPT 100
struct eab_event {
	int64_t at;
	char what[33];    /* "created", "bound", "refused", ... */
	char who[129];    /* an operator's uid, an address, an account */
	char detail[513];
};
/* What happened to it, by whom. */
bool eab_event_note(struct sql *db, int64_t eab_id, const char *what, const char *who, const char *detail, struct problem *pr) MUST_CHECK;
typedef void (*eab_event_fn)(const struct eab_event *e, void *arg);
/* Oldest first. */
bool eab_events(struct sql *db, int64_t eab_id, eab_event_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
