/* audit.h - the audit trail: who did or decided what, from where, by which rule, on which evidence. Append only.
 *
 * audit_note is called in the transaction that makes it true, so that neither is there without the other; what was refused changed
 * nothing and is noted in a transaction of its own. An entry waits in audit_pending until the trail's job gives it the next number
 * (audit/trail.h); so writers never wait for each other.
 *
 * Members of an entry are texts; NULL and "" are left out. What may speak of a person is *personal*: the entry has but
 * SHA-256(salt || value) of it, in base64url, and value and salt lie beside it, where they can be erased. Never a key, token or MAC. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "base/rand.h"
#include "sql/sql.h"

/* What may be noted: a closed list, whose names are stored, and those of logs and syslog (N8). */
enum audit_event {
	AUDIT_ACCOUNT_CREATE = 1, AUDIT_ACCOUNT_DEACTIVATE, AUDIT_ACCOUNT_KEYCHANGE, AUDIT_ACCOUNT_BIND,
	AUDIT_ORDER_CREATE, AUDIT_ORDER_REFUSE, AUDIT_ORDER_EXPIRE,
	AUDIT_AUTHZ_VALID, AUDIT_AUTHZ_INVALID,
	AUDIT_ATTESTATION_ACCEPT, AUDIT_ATTESTATION_REJECT,
	AUDIT_CERT_ISSUE, AUDIT_CERT_FAIL, AUDIT_CERT_DOWNLOAD, AUDIT_CERT_REPLACE, AUDIT_CERT_REVOKE, AUDIT_CERT_REVOKE_REFUSED,
	AUDIT_CERT_EXPIRE,
	AUDIT_EAB_CREATE, AUDIT_EAB_SUSPEND, AUDIT_EAB_REVOKE, AUDIT_EAB_USE_REFUSED,
	AUDIT_QUOTA_EXCEED,
	AUDIT_POLICY_LOAD, AUDIT_CONFIG_LOAD, AUDIT_CONFIG_REFUSE,
	AUDIT_OPERATOR_LOGIN, AUDIT_OPERATOR_LOGIN_FAILED, AUDIT_OPERATOR_ACTION,
	AUDIT_SECRET_UNSEAL, AUDIT_SECRET_CREATE, AUDIT_SECRET_ROTATE,
	AUDIT_CA_ACCOUNT_CREATE, AUDIT_CA_KEY_ROLL, AUDIT_CA_LIMIT_HIT, AUDIT_CA_PAUSED,
	AUDIT_BILLING_CLOSE, AUDIT_BILLING_CORRECT,
	AUDIT_CHECKPOINT, AUDIT_EXPORT, AUDIT_VERIFY_FAILED, AUDIT_PRUNE,
	AUDIT_STORE_MIGRATE, AUDIT_STORE_BACKUP, AUDIT_STORE_RESTORE,
	AUDIT_NODE_JOIN, AUDIT_NODE_LEAVE,
	AUDIT_SERVICE_START, AUDIT_SERVICE_STOP, AUDIT_SERVICE_CRASH_RECOVERED, AUDIT_SOFTWARE_VERSION,
	AUDIT_EVENT__COUNT
};
/* "order.refuse" */
const char *audit_event_name(enum audit_event event);
bool audit_event_parse(struct span name, enum audit_event *ret);

enum audit_actor { AUDIT_SYSTEM, AUDIT_ACME, AUDIT_OPERATOR, AUDIT_UPSTREAM };
enum audit_outcome { AUDIT_OK, AUDIT_REFUSED, AUDIT_FAILED };

struct audit_entry {
	enum audit_event event;
	enum audit_actor actor;
	enum audit_outcome outcome;
	const char *node;          /* jobs_node() */
	/* who */
	const char *account;       /* ref */
	const char *kid;           /* EAB key */
	const char *tenant;
	const char *uid, *role;    /* of an operator */
	const char *operator_name; /* personal */
	const char *address;       /* personal: the peer's, as seen */
	/* what */
	const char *command;       /* of an operator: "POST /devices/{}/block" */
	const char *object;        /* personal: what the command is about */
	const char *arguments;     /* personal: JSON, without secrets */
	const char *order;         /* ref */
	const char *profile;
	const char *names;         /* personal: identifiers, "dns:a.example,ip:10.0.0.1" */
	/* by which rule, on which evidence */
	const char *rule, *policy; /* a rule's name; the digest of the rules */
	const char *challenge;     /* its type */
	const char *evidence;      /* digest */
	const char *problem;       /* an ACME error type, without its prefix */
	const char *detail;        /* personal: the words; they may quote names */
	/* the certificate */
	const char *cert;          /* ref */
	const char *serial, *issuer, *sha256, *key_sha256, *not_before, *not_after, *reason;
	/* the CA */
	const char *upstream, *upstream_order;
	const char *skipped;       /* how many like this one were too many to be noted, before it */
	const char *before, *after; /* of what was changed: states, versions, digests */
};
#define AUDIT_VALUE_MAX 1024           /* octets; more is cut */
#define AUDIT_PERSONAL_MAX (32 * 1024)
/* The refs by which an order is known in entries, and its account; "" if there is no such order. */
struct audit_order {
	char order[REF_TEXT], account[REF_TEXT];
};
bool audit_order_of(struct sql *db, int64_t order_id, struct audit_order *ret, struct problem *pr) MUST_CHECK;
/* Within a transaction. */
bool audit_note(struct sql *db, const struct audit_entry *e, struct problem *pr) MUST_CHECK;
#endif
