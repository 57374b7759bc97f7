/* api.h - one request within the ACME server, as the endpoint functions see it. A worker's, from start to end. */
#ifndef SERVER_API_H
#define SERVER_API_H

#include "acme/problem_json.h"
#include "base/b64url.h"
#include "base/clock.h"
#include "base/mem.h"
#include "jose/jws.h"
#include "json/json.h"
#include "server/server.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/authz.h"
#include "store/cert.h"
#include "store/eab.h"
#include "store/order.h"

struct api;
struct renewal_list;
typedef bool (*api_fn)(struct api *api);

/* Who may sign a request to a route (RFC 8555 6.2). */
enum api_signer { SIGNER_KID, SIGNER_JWK, SIGNER_EITHER };
/* What the payload may be. */
enum api_payload { PAYLOAD_OBJECT, PAYLOAD_EMPTY, PAYLOAD_ANY };

struct route {
	const char *path;       /* below external_url; "{}" is one id */
	api_fn fn;              /* NULL: answered on the front (directory, new-nonce) */
	enum api_signer signer;
	enum api_payload payload;
	bool in_profile;        /* also below /p/PROFILE (E1) */
	bool get;               /* GET and HEAD are allowed */
	bool crl;               /* a revocation list: for anybody, by GET alone */
	bool renewal;           /* renewal information by GET, for anybody */
	bool list;              /* of many certificates */
	bool query;             /* may have a query: the cursor of a list */
	enum audit_event refusal; /* what a refusal is noted as in the audit trail; 0: not at all */
};

struct api {
	struct server *srv;
	struct gate_conf *conf;
	struct http_req *http;
	const struct route *route;
	struct span arg;                     /* the id in the path */
	struct span arg2;                    /* a second id */
	const struct profile_conf *profile;  /* of /p/PROFILE, NULL = none named by the path */
	struct jws jws;
	EVP_PKEY *key;                       /* that the signature was verified with; owned */
	struct jwk *jwk;                     /* when the header carried one; owned */
	char kid_ref[REF_TEXT];              /* the account's ref when signed by kid, else "" */
	char thumbprint[THUMBPRINT_TEXT];    /* of the key */
	bool from_cache;                     /* the key was */
	bool authentic;                      /* signature, nonce and url are good: what follows is about the request itself */
	struct json *payload_doc;            /* owned */
	const struct json_node *payload;     /* an object, or NULL for POST-as-GET */
	struct problem pr;
	const char *rule;                    /* that refused it, for the audit trail; as long as conf; NULL = none */
	int64_t eab_refused;                 /* the key by which the request was refused, to be noted with it; 0 = none */
	struct acme_subproblem *subs;        /* owned */
	size_t sub_count;
	struct http_reply reply;
	bool replied_problem;
	char peer_text[ADDR_TEXT];
	struct {                             /* for the audit trail, as far as it is known */
		const char *profile, *rule;  /* of the configuration */
		struct buf names;            /* identifiers asked for; owned */
		char kid[KID_TEXT];          /* of the binding asked for */
	} noted;
	struct renewal_list *renewals;       /* that a GET asks about; owned */
	unsigned cert_ids_max;               /* with the problem of too many of them; 0 = another problem */
};

/* All of them, in the order of the table. */
size_t route_count(void);
const struct route *route_at(size_t i);
/* Find the route of a path and its ids; NULL: no such resource. */
const struct route *route_find(struct api *api, struct span path);

/* Open the envelope: signature, nonce, url, payload (RFC 8555 6.2-6.5, W4). */
bool envelope_open(struct api *api) MUST_CHECK;
/* First thing in each transaction of a request signed by kid: the account still has this key and is valid. Fills what
 * account_check does. False with the problem to answer. */
bool api_account(struct api *api, struct sql *db, struct account *ret, struct problem *pr) MUST_CHECK;

/* Is the key that the account is bound to neither suspended nor revoked (E3)? Asked where new things begin: newOrder, finalize. */
bool api_eab_alive(struct api *api, const struct account *account, struct problem *pr) MUST_CHECK;
/* Are today's terms those that the account agreed to, if that is demanded (7.3.3, W31)? Asked before each step that leads to a
 * certificate: newOrder, a challenge's response, finalize. */
bool api_terms_agreed(struct api *api, struct sql *db, const struct account *account, struct problem *pr) MUST_CHECK;

/* The externalAccountBinding of a newAccount (eab.c). */
struct eab_claim {
	int64_t key_id;     /* verified to be bound to; 0 = none was given, or it is not wanted */
	char *json;         /* as it came, to be shown again; owned */
};
/* The five checks of RFC 8555 7.3.4 (W14): form, header, key, MAC by the keeper, payload. The key's limits are checked when it is
 * spent (eab_spend). */
bool eab_verify(struct api *api, const struct json_node *binding, struct eab_claim *ret) MUST_CHECK;
/* In newAccount's transaction: spend a use of the key, or say why not. */
bool eab_spend(struct api *api, struct sql *db, const struct eab_claim *claim, struct account *ret_account, struct problem *pr) MUST_CHECK;
/* What the key is good for (eab_key.c). A name that it is not for: rejectedIdentifier. */
struct eab_key;
bool eab_allows_peer(const struct eab_key *k, const struct addr *peer, struct problem *pr) MUST_CHECK;
bool eab_allows_names(const struct eab_key *k, const char *profile, const struct ident *idents, size_t count, struct problem *pr) MUST_CHECK;
/* After the transaction: who was refused by api->eab_refused, and why. */
void eab_note_refusal(struct api *api);
/* What the directory in use asks for. */
enum eab_wanted eab_wanted(const struct api *api);

/* The certificate that an order is to replace (replaces.c; RFC 9773 5). */
struct replaced {
	bool named;             /* by the request */
	char text[CERTID_TEXT]; /* as it was sent */
	struct certid id;
	bool found;             /* it is one of ours */
	struct cert_row cert;   /* owned */
};
bool replaces_read(struct json_obj *o, struct replaced *ret) MUST_CHECK;
void replaced_done(struct replaced *r);
/* In newOrder's transaction: look for it; if it is ours the order says so from now on. False, too, if it is not and the profile wants that. */
bool replaces_find(struct sql *db, const struct profile_conf *p, struct replaced *r, struct order *o, struct problem *pr) MUST_CHECK;
/* May this new order replace it? */
bool replaces_check(struct api *api, struct sql *db, const struct replaced *r, const struct order *o, struct problem *pr) MUST_CHECK;
/* Is a certificate that could be handed out again (O4) the very one that the order is to replace? Then there is none: *cert_id = 0. */
bool replaces_keep(struct sql *db, const struct order *o, int64_t *cert_id, struct problem *pr) MUST_CHECK;

/* Renewal information by GET (ep_renewal.c). On the front: false with the problem, or all is there, or a worker must look in the store
 * first. */
bool renewal_get_begin(struct api *api, bool *ret_in_memory) MUST_CHECK;
bool renewal_get_find(struct api *api) MUST_CHECK;
bool renewal_get_reply(struct api *api) MUST_CHECK;
void renewal_get_done(struct api *api);

/* Is its tenant (U12, E8) one that the configuration has? */
bool api_tenant(struct api *api, const char *name, const struct tenant_conf **ret, struct problem *pr) MUST_CHECK;
/* Who asks, and what he asks for, as the start of an entry of the audit trail; valid as long as the request. */
struct audit_entry api_entry(const struct api *api, enum audit_event event);
/* That it was refused. Worker, outside of any transaction. */
void api_note_refusal(struct api *api);

/* Replies. Each begins api->reply anew. */
void api_reply_json(struct api *api, int status, struct buf *body);
void api_location(struct api *api, const char *kind, const char *ref); /* Location: external_url/kind/ref */
void api_link(struct api *api, const char *rel, const char *kind, const char *ref);
void api_retry_after(struct api *api, int64_t seconds);
/* "external_url/kind/ref" into dst. */
#define RENEWAL_BATCH_PATH "/renewal-info-batch"
#define API_URL_TEXT 2300
const char *api_url(const struct api *api, const char *kind, const char *ref, char dst[API_URL_TEXT]);
/* A sub-problem of newOrder (6.7.1). */
void api_subproblem(struct api *api, const struct problem *pr, const struct ident *id);
bool api_not_found(struct problem *pr); /* one text for absent and foreign (W10) */

/* What an order's reply shows; the same for every endpoint that answers with an order. */
struct order_view {
	struct order order;
	int64_t wait_until;    /* processing: the CA's limits let it go on then (unix s), 0 = nothing of the kind is known */
	struct buf authz_refs; /* refs of REF_TEXT - 1 characters, one after the other */
};
bool order_view_load(struct sql *db, struct order_view *v, struct problem *pr) MUST_CHECK;
void order_view_done(struct order_view *v);
bool api_reply_order(struct api *api, int status, const struct order_view *v);
void api_reply_authz(struct api *api, int status, const struct authz *a);
void api_reply_account(struct api *api, int status, const struct account *a);

/* Endpoints, one file each. */
bool api_new_account(struct api *api);
bool api_account_post(struct api *api);
bool api_orders(struct api *api);
bool api_new_order(struct api *api);
bool api_new_authz(struct api *api);
bool api_order_get(struct api *api);
bool api_finalize(struct api *api);
bool api_authz(struct api *api);
bool api_challenge(struct api *api);
bool api_cert(struct api *api);
bool api_revoke(struct api *api);
bool api_key_change(struct api *api);
bool api_renewal_batch(struct api *api);
/* On the front. */
void directory_write(const struct gate_conf *conf, const struct profile_conf *profile, struct buf *out);
#endif
