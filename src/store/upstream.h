/* upstream.h - what the store knows of the CAs: our account there, orders on their way, proofs laid out. In a transaction. */
#ifndef STORE_UPSTREAM_H
#define STORE_UPSTREAM_H

#include "base/buf.h"
#include "acme/status.h"
#include "sql/sql.h"
#include "store/order.h"

#define URL_TEXT 2049

#define CONTACT_TEXT 321
#define EAB_KID_TEXT 513
#define TROUBLE_TEXT 513
/* What is on record of our account at a CA, besides its key and URL. Times are unix seconds, 0 = never. */
struct upstream_life {
	int64_t epoch;               /* counts up with each change of key, URL or state */
	enum account_state state;
	unsigned wanted;             /* WANT_*: what is to be done at the CA */
	bool has_contact;            /* false: what the CA was told is not known */
	char contact[CONTACT_TEXT];  /* "" = none */
	char *terms;                 /* that were agreed to; owned, NULL = none, or not known */
	int64_t checked_at;          /* when the CA last said how the account is */
	int64_t key_at;              /* when the key came into use */
	struct buf next_key;         /* keeper blob of the key that takes its place; empty = none does; owned */
	char *next_public;           /* owned */
	int64_t next_at, next_sent;  /* when it was made; when the CA was first asked, or was about to be */
	char trouble[TROUBLE_TEXT];  /* the CA's last refusal, "" = none */
	int64_t trouble_at;
	char eab_kid[EAB_KID_TEXT];  /* handed in while running, in place of the configuration's; "" = none */
	struct buf eab_key;          /* keeper blob; owned */
	int eab_alg;                 /* as upstream_conf.eab_alg */
	int64_t eab_at, eab_expires; /* of the binding in force, whoever has it */
};

/* One CA of the configuration: our key and account there (driver acme), or the CA's own key (driver local). */
struct upstream_row {
	int64_t id;
	char name[UPSTREAM_TEXT];
	struct buf sealed_key;   /* keeper blob; empty = no key yet; owned */
	char *public_key;        /* acme: canonical JWK; owned, NULL = none */
	struct buf ca_cert;      /* local: DER; owned */
	char account_url[URL_TEXT]; /* "" = not registered */
	char *directory;         /* last good copy; owned, NULL = none */
	int64_t directory_at;
	struct upstream_life life; /* acme: of the account; see store/upstream_life.h */
};
void upstream_row_done(struct upstream_row *u);

/* The row of this name, made when missing. */
bool upstream_row_get(struct sql *db, const char *name, struct upstream_row *ret, struct problem *pr) MUST_CHECK;
bool upstream_row_by_id(struct sql *db, int64_t id, struct upstream_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Only if there is no key yet: of two gateways that begin at once one wins, and the other reads the winner's. */
bool upstream_set_key(struct sql *db, int64_t id, struct span sealed, const char *public_key, struct span ca_cert, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* Forget this key and the directory, unless an account has been registered with it. */
bool upstream_drop_key(struct sql *db, int64_t id, struct span sealed, bool *ret_moved, struct problem *pr) MUST_CHECK;
bool upstream_set_directory(struct sql *db, const char *name, const char *directory, int64_t at, struct problem *pr) MUST_CHECK;

/* The way of one device order at its CA. Numbers are stored. */
enum upstream_state {
	UPSTREAM_INTENT = 0,  /* with intent_at newOrder may have been sent: whoever finds that after a crash must look for its outcome */
	UPSTREAM_ORDERED = 1, /* the CA's order URL is known */
};
#define REFUSED_BY_TEXT (8 * UPSTREAM_TEXT + 2)
struct upstream_order {
	int64_t order_id, attempt, expires, failures;
	int64_t intent_at;   /* when newOrder went out, or was about to; 0 = it has not, in this attempt */
	int64_t wait_until;  /* it waits for a limit of the CA, at least so long; 0 = it does not */
	int64_t wait_bucket; /* of store/quota.h; 0 = none */
	int64_t trouble_at;  /* since when its CA does not take it, for reasons that may pass; 0 = there are none */
	bool pinned;         /* of an order of before at this CA a certificate may still come: it goes to no other */
	char refused_by[REFUSED_BY_TEXT]; /* CAs that have refused it: ask upstream_order_has_refused */
	int64_t pauses;      /* of store/queue.h */
	bool parked;         /* the same (QUEUE_PARKED) */
	char upstream[UPSTREAM_TEXT];
	enum upstream_state state;
	char replaces_refused[UPSTREAM_TEXT]; /* the entry whose CA would not take its `replaces` (RFC 9773 5), "" = none */
	char url[URL_TEXT], finalize_url[URL_TEXT];
};
bool upstream_order_get(struct sql *db, int64_t order_id, struct upstream_order *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* What the CA said when the last attempt failed; empty if nothing. */
bool upstream_order_error(struct sql *db, int64_t order_id, struct buf *ret, struct problem *pr) MUST_CHECK;
/* Insert in state INTENT; nothing has been sent yet. */
bool upstream_order_insert(struct sql *db, int64_t order_id, const char *upstream, struct problem *pr) MUST_CHECK;
/* Its CA would not take `replaces`: not sent to it again. */
bool upstream_order_refuse_replaces(struct sql *db, int64_t order_id, const char *upstream, struct problem *pr) MUST_CHECK;
bool upstream_order_ordered(struct sql *db, int64_t order_id, const char *url, const char *finalize_url, int64_t expires, struct problem *pr) MUST_CHECK;
/* Begin again with a new upstream order: attempt + 1, state INTENT, the old order's proofs forgotten; counts a validation failure if
 * `failed`; from then on pinned if `pinned`. */
bool upstream_order_restart(struct sql *db, int64_t order_id, bool failed, bool pinned, const char *error, struct problem *pr) MUST_CHECK;
/* The same at another CA, for the order and those that joined it; the one it leaves has refused it if `refused`. */
bool upstream_order_move(struct sql *db, const struct upstream_order *row, const char *to, bool refused, const char *error, struct problem *pr) MUST_CHECK;
bool upstream_order_has_refused(const struct upstream_order *row, const char *upstream);
/* Since `at` its CA does not take it; 0: it does. */
bool upstream_order_trouble(struct sql *db, int64_t order_id, int64_t at, struct problem *pr) MUST_CHECK;
bool upstream_order_delete(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK; /* its proofs, and what it has reserved */

/* What proves an authorization to a CA, answered from here by every gateway that shares the store. NULL = it has none. */
struct upstream_proof {
	const char *url, *challenge_url;
	const char *token;       /* http-01: what the http01 face is asked for */
	const char *server_name; /* tls-alpn-01: what the alpn01 face is asked for (ident_server_name) */
	const char *ident;       /* tls-alpn-01: as idents_write has it */
	const char *key_auth;    /* with these */
};
bool upstream_authz_put(struct sql *db, int64_t order_id, const struct upstream_proof *proof, struct problem *pr) MUST_CHECK;
/* Does another order prove a name by tls-alpn-01 that is asked for like this? Nobody could tell which of the two is meant. */
bool upstream_server_name_taken(struct sql *db, int64_t order_id, const char *server_name, bool *ret, struct problem *pr) MUST_CHECK;
/* The order's names are proven: others may have them. */
bool upstream_server_names_free(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
bool upstream_server_name_lookup(struct sql *db, const char *server_name, struct buf *ret_ident, struct buf *ret_key_auth, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Is this CA order some device order's already? */
bool upstream_order_url_known(struct sql *db, const char *url, bool *ret, struct problem *pr) MUST_CHECK;
bool upstream_token_lookup(struct sql *db, struct span token, struct buf *ret_key_auth, bool *ret_found, struct problem *pr) MUST_CHECK;

/* How many upstream orders are under way, by the CA's name; for status. */
typedef void (*upstream_count_fn)(const char *name, int64_t count, void *arg);
bool upstream_order_counts(struct sql *db, upstream_count_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
