/* device.h - devices as records: what an inventory says of them, whether they may enrol, when they were seen. In a transaction.
 *
 * The key of a record is (type, scope, name), compared octet for octet (V9): scope is the OID of the order's value, the assigner or the
 * hardware type, or without one ":" and the kind, the entry of attestation_trust that vouches for the device. */
#ifndef STORE_DEVICE_H
#define STORE_DEVICE_H

#include "base/rand.h"
#include "pki/ident.h"
#include "pki/key.h"
#include "sql/sql.h"
#include "store/order.h"

/* Numbers are stored. */
enum device_state {
	DEVICE_SEEN = 0,        /* it has proven itself, and nobody has put it into the inventory */
	DEVICE_INVENTORIED = 1,
	DEVICE_BLOCKED = 2,
	DEVICE_STATE__COUNT
};
const char *device_state_name(enum device_state state);
bool device_state_parse(struct span name, enum device_state *ret);

#define DEVICE_SCOPE_TEXT IDENT_VALUE
#define DEVICE_KIND_TEXT 65
#define DEVICE_TAGS_TEXT 1026 /* " a b ": a blank before each and behind the last; "" = none */
#define DEVICE_OWNER_TEXT 257
#define DEVICE_COST_TEXT 65
#define DEVICE_NOTE_TEXT 257

struct device_key {
	enum ident_type type;
	char scope[DEVICE_SCOPE_TEXT];
	char name[IDENT_VALUE]; /* the ID alone */
};
/* Of an order's value; `kind` stands in for an OID. False: the value has neither. */
bool device_key_of(const struct ident *id, const char *kind, struct device_key *ret);
/* Is the scope an OID? */
bool device_key_has_oid(const struct device_key *k);
/* The value as an order has it. */
#define DEVICE_VALUE_TEXT (IDENT_VALUE + DEVICE_SCOPE_TEXT)
const char *device_key_value(const struct device_key *k, char ret[DEVICE_VALUE_TEXT]);

/* What an inventory says; "" = nothing. */
struct device_about {
	char kind[DEVICE_KIND_TEXT];
	char tags[DEVICE_TAGS_TEXT];
	char owner[DEVICE_OWNER_TEXT];
	char cost_centre[DEVICE_COST_TEXT];
	char note[DEVICE_NOTE_TEXT];
};

struct device {
	int64_t id;
	char ref[REF_TEXT];
	struct device_key key;
	enum device_state state;
	struct device_about about;
	char reason[DEVICE_NOTE_TEXT]; /* why it is blocked; the operator's words */
	int64_t blocked_at;            /* 0 = not */
	int64_t created_at, changed_at;
	int64_t first_seen, last_seen; /* proofs; 0 = never */
	int64_t seen;                  /* how many */
	int64_t account_id;            /* of the last proof; 0 = none */
	char key_hash[KEY_HASH_TEXT];  /* of the key that the last proof attested */
};

/* *ret_found false: no such row, *ret untouched. */
bool device_by_ref(struct sql *db, struct span ref, struct device *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool device_by_key(struct sql *db, const struct device_key *key, struct device *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* All of one type and name, whatever their scope; fn answers false to see no more. */
typedef bool (*device_each_fn)(const struct device *d, void *arg);
bool device_each_named(struct sql *db, enum ident_type type, const char *name, device_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Sets id, ref, created_at, changed_at. */
bool device_insert(struct sql *db, struct device *d, struct problem *pr) MUST_CHECK;
bool device_set_about(struct sql *db, int64_t id, const struct device_about *about, struct problem *pr) MUST_CHECK;
/* The reason is kept with DEVICE_BLOCKED alone. */
bool device_set_state(struct sql *db, int64_t id, enum device_state state, const char *reason, struct problem *pr) MUST_CHECK;
/* It has proven itself: counts, and takes the kind if none is known. */
bool device_set_seen(struct sql *db, int64_t id, const char *kind, int64_t account_id, const char *key_hash, int64_t at, struct problem *pr) MUST_CHECK;
/* With its links to authorizations. */
bool device_delete(struct sql *db, int64_t id, struct problem *pr) MUST_CHECK;

struct device_query {
	int state;               /* -1 = any */
	const char *kind, *tag, *owner; /* "" = any */
	int64_t before, limit;   /* newest first, below this row id (0 = from the top) */
};
/* Those that fit. */
bool device_list(struct sql *db, const struct device_query *q, device_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* How many there are in all, counted up to `most`. */
bool device_list_count(struct sql *db, const struct device_query *q, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;

/* ---- what it has proven itself for ---- */

/* Its statement answered this authorization. */
bool device_link(struct sql *db, int64_t device_id, int64_t authz_id, struct problem *pr) MUST_CHECK;
/* Devices of an authorization, or of all authorizations of an order: the one that it names, and its records under other names. */
bool device_each_of_authz(struct sql *db, int64_t authz_id, device_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool device_each_of_order(struct sql *db, int64_t order_id, device_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Orders that it has under way, and certificates that are neither over nor revoked: counted up to `most`. */
struct device_use { int64_t orders, certs; };
bool device_uses(struct sql *db, int64_t id, int64_t now, int64_t most, struct device_use *ret, struct problem *pr) MUST_CHECK;
/* Certificates of the device that are neither over nor revoked, at most `limit`. */
typedef void (*device_cert_fn)(int64_t cert_id, const char *ref, int64_t not_after, void *arg);
bool device_each_cert(struct sql *db, int64_t id, int64_t now, int64_t limit, device_cert_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
