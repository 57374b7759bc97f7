/* call.h - what the files of the admin room share: one request on its way. */
#ifndef ADMIN_CALL_H
#define ADMIN_CALL_H

#include "admin/admin.h"
#include "json/json.h"
#include "json/jw.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/cert.h"
#include "store/device.h"
#include "store/eab.h"
#include "store/order.h"

/* What a user of this machine may do (N6). The first one is the least to be given away: a resource that says nothing is his. */
enum role {
	ROLE_ADMINISTRATOR, /* everything: keys, accounts, tenants */
	ROLE_OPERATOR,      /* what keeps it running: reload, drain, revoke, block */
	ROLE_AUDITOR,       /* reads the audit trail */
	ROLE_VIEWER,        /* reads; so may each of the others */
	ROLE__COUNT
};
const char *role_name(enum role role);
/* Bits, 1 << role; 0 = a stranger. Worker, but for root and ourselves: users may come from a directory service. */
unsigned roles_of(const struct gate_conf *conf, uid_t uid, gid_t gid);
/* Is anybody named but root and ourselves? */
bool roles_named(const struct gate_conf *conf);
bool roles_allow(unsigned roles, enum role needed);
enum role roles_first(unsigned roles); /* the one that may most */

struct call;
/* Worker. Writes the reply's body with c->w (or sets c->pr and answers false). */
typedef bool (*call_fn)(struct call *c);

struct resource {
	enum http_method method;
	const char *path;  /* "{}" takes a ref */
	call_fn fn;
	enum role role;    /* that it takes */
	const char *query; /* names of the parameters it knows, a blank between; NULL = none */
	void (*after)(struct call *c); /* after the reply */
	bool text;         /* it writes c->out itself, of c->content_type */
	bool later;        /* when fn answers true it goes on by itself, and ends with call_end, once */
	const char *told;  /* members of the body that the audit trail may have, a blank between: of all others but the name; NULL = none */
	enum audit_event event; /* in the trail; 0 = operator.action */
};
/* How many rows the table has. Any thread. */
size_t resource_count(void);
/* One of them, i < resource_count(); it lives as long as the program. Any thread. */
const struct resource *resource_at(size_t i);
/* NULL: none; *ret_known says whether the path is known by another method. Sets ret_ref. */
const struct resource *resource_find(
	enum http_method method, struct span path, struct span *ret_ref, bool *ret_known);

struct call {
	struct admin *admin;
	struct http_req *http;
	struct gate_conf *conf; /* a reference */
	const struct resource *res;
	struct span ref;        /* of the path */
	struct json *doc;       /* of a POST with a body */
	struct json_obj body;   /* its root; an empty object if there was no body */
	struct buf out;
	const char *content_type;
	struct jw w;
	struct buf errors;      /* lines, for the problem document */
	struct problem pr;
	/* for the audit trail: what the function knows of what it does (`event` 0: the resource's), borrowed until call_write returns; who
	 * asks, and by which command, is filled in */
	struct audit_entry audit;
	unsigned roles;         /* of who asks */
	bool is_noted;          /* in the trail; or nothing was changed, as by a dry run */
	char uid[16], command[128];
	char *operator_name;    /* owned */
	struct buf arguments;
};

/* What changes anything: store_write, and the entry of the audit trail in its transaction. A POST that has written nothing by this is
 * noted when its function has answered. */
bool call_write(struct call *c, sql_fn fn, void *arg) MUST_CHECK;

/* trail.c: who asks, for the trail: when it is known that he may, or may not. Worker. */
void call_identify(struct call *c);
/* Who asks, as the start of another entry than the call's own. */
struct audit_entry call_operator(const struct call *c);
/* An entry in a transaction of its own. Worker. */
bool call_note(struct call *c, enum audit_outcome outcome, struct problem *pr) MUST_CHECK;

/* Any thread: the body is written. */
void call_end(struct call *c);
/* Start the body anew: a transaction function does so, since it may run twice. */
void call_restart(struct call *c);
/* A parameter of the query, SPAN_NONE if absent or empty. */
struct span call_query(const struct call *c, const char *name);
/* A part of the path or query as text: %XX undone. PROBLEM_MALFORMED if it is too long, or no text. */
bool call_text(struct span part, char *dst, size_t size, struct problem *pr) MUST_CHECK;
bool call_not_found(struct problem *pr, const char *what, struct span ref);

/* The account that account= names; 0 without it. An unknown one is PROBLEM_NOT_FOUND: an empty list would read as "nothing
 * happened". */
bool call_account_id(struct call *c, struct sql *db, int64_t *ret_id, struct problem *pr) MUST_CHECK;

/* ---- lists ---- */
#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 500
#define LIST_COUNT_MAX 10000
struct list {
	struct call *c;
	int64_t limit, seen;
	char last[KID_TEXT]; /* of the items written */
};
/* Reads limit=. */
bool list_begin(struct list *l, struct call *c, struct problem *pr) MUST_CHECK;
/* To be asked for each row: false means that the page is full and only tells that there are more. Opens the item. */
bool list_item(struct list *l, const char *ref);
void list_end(struct list *l, int64_t total);

/* ---- parts of objects ---- */
void write_idents(struct jw *w, const struct idents *ids);
void write_time(struct jw *w, const char *name, int64_t unix_s); /* 0: nothing */
void write_text(struct jw *w, const char *name, const char *s);  /* "": nothing */

/* ---- tenants.c ---- */
/* tenant= of a list; "" if it is not given. */
bool call_tenant_query(struct call *c, char ret[TENANT_TEXT], struct problem *pr) MUST_CHECK;

/* ---- usage.c ---- */
/* Member `quotas`: those that count by tenant, and what this one has used. */
bool write_tenant_use(struct call *c, struct sql *db, const char *tenant, struct problem *pr) MUST_CHECK;

/* ---- devices.c ---- */
/* The device that the path names by its ref or identifier; *ret_found false: none, and *ret_key is the key that one would have, if
 * path and query (type=, kind=) say so much. */
bool device_find(struct call *c, struct sql *db, struct device *ret, bool *ret_found, struct device_key *ret_key, struct problem *pr) MUST_CHECK;
/* Is it the name of an entry of attestation_trust? */
bool device_is_kind(const struct gate_conf *conf, const char *kind);
/* The reply: the whole device; `revoked` < 0: nothing is said of it. */
bool device_write(struct call *c, struct sql *db, const struct device *d, int64_t revoked, struct problem *pr) MUST_CHECK;

/* ---- status.c ---- */
/* Members about its health. */
void ca_health_write(struct jw *w, struct ca *ca);

/* ---- upstreams.c ---- */
/* The entry that the path names; with `acme` one that has an account, else PROBLEM_CONFLICT. */
bool upstream_find(struct call *c, bool acme, struct upstream **ret, const struct upstream_conf **ret_conf);
/* May orders of the profile go to this entry? */
bool profile_takes(const struct gate_conf *conf, const struct profile_conf *p, const struct upstream_conf *u);
/* The reply: the whole entry. */
bool upstream_reply(struct call *c, struct upstream *u);

/* ---- the resources, a file each ---- */
bool call_status(struct call *c);
bool call_orders(struct call *c);
bool call_order(struct call *c);
bool call_order_policy(struct call *c);
bool call_policy(struct call *c);
bool call_policy_orders(struct call *c);
bool call_accounts(struct call *c);
bool call_account(struct call *c);
bool call_certs(struct call *c);
bool call_cert(struct call *c);
bool call_cert_revoke(struct call *c);
bool call_reload(struct call *c);
bool call_drain(struct call *c);
void call_drain_after(struct call *c);
bool call_backup(struct call *c);
bool call_log(struct call *c);
bool call_log_set(struct call *c);
bool call_config(struct call *c);
bool call_eab_list(struct call *c);
bool call_eab(struct call *c);
bool call_eab_create(struct call *c);
bool call_eab_rotate(struct call *c);
bool call_eab_disable(struct call *c);
bool call_eab_enable(struct call *c);
bool call_eab_revoke(struct call *c);
bool call_device_list(struct call *c);
bool call_device(struct call *c);
bool call_device_block(struct call *c);
bool call_device_allow(struct call *c);
bool call_device_remove(struct call *c);
bool call_device_import(struct call *c);
bool call_limits(struct call *c);
bool call_quotas(struct call *c);
bool call_upstream_list(struct call *c);
bool call_upstream(struct call *c);
bool call_upstream_stake(struct call *c);
bool call_upstream_persist(struct call *c);
bool call_upstream_rotate_key(struct call *c);
bool call_upstream_eab(struct call *c);
bool call_upstream_deactivate(struct call *c);
bool call_upstream_register(struct call *c);
bool call_upstream_test(struct call *c);
bool call_queue(struct call *c);
bool call_queue_cas(struct call *c);
bool call_bill(struct call *c);
bool call_bill_summary(struct call *c);
bool call_bill_close(struct call *c);
bool call_bill_correct(struct call *c);
bool call_bill_find(struct call *c);
bool call_quota_use(struct call *c);
bool call_tenant_list(struct call *c);
bool call_tenant(struct call *c);
bool call_renewals(struct call *c);
bool call_incidents(struct call *c);
bool call_incident_open(struct call *c);
bool call_incident(struct call *c);
bool call_incident_missing(struct call *c);
bool call_incident_serials(struct call *c);
bool call_incident_close(struct call *c);
bool call_audit(struct call *c);
bool call_audit_entry(struct call *c);
bool call_audit_checkpoint(struct call *c);
bool call_audit_sign(struct call *c);
bool call_audit_export(struct call *c);
bool call_audit_erase(struct call *c);
bool call_tls(struct call *c);
bool call_metrics(struct call *c);
#endif
