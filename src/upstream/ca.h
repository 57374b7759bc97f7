/* ca.h - the link to one ACME CA (RFC 8555 6, 7.1.1, 7.2; U5, U6): its directory, its
 * nonces, signed requests.
 *
 * One ca_post is one request as its caller sees it: the directory is fetched if need be, a nonce
 * taken or fetched, the JWS signed by the keeper, sent, and after `badNonce` signed and sent again.
 * Nothing else is ever repeated here: what came of the request is told in one of four classes, and
 * the caller, who has it on record, decides what to do next.
 *
 *   struct ca_call *call = xcalloc(1, sizeof(*call));
 *   *call = (struct ca_call){ .target = CA_URL, .url = order_url, .payload = SPAN(""),
 *           .signer = signer, .done = on_order, .arg = job };
 *   ca_post(ca, call);
 *   ...
 *   static void on_order(struct ca_call *call, void *arg)        (on a worker)
 *   {
 *           if (call->result == CA_OK && acme_order_read(ca_call_body(call), &order, &pr)) ...
 *           ca_call_done(call);
 *           free(call);
 *   }
 *
 * Threads: everything here from any thread, but work (signatures, done) only on the pool's workers.
 */
#ifndef UPSTREAM_CA_H
#define UPSTREAM_CA_H

#include "acme/object.h"
#include "gate/conf.h"
#include "httpc/httpc.h"
#include "keeper/keeper.h"
#include "loop/pool.h"
#include "upstream/nonce.h"
#include "upstream/pace.h"

struct ca;

struct ca_conf {
	const struct upstream_conf *upstream; /* what is needed is copied */
	struct httpc *httpc;                  /* its per_host_max should be upstream->conns_max */
	struct httpc *gets;                   /* for ca_get; NULL = httpc */
	struct pool *pool;
	struct keeper *keeper;
	struct loop *loop;                    /* httpc's; NULL: requests are not paced */
	struct pace *pace;                    /* borrowed; NULL likewise */
	/* The directory was fetched: keep the text where a restart finds it. On a worker; may be
	 * NULL. */
	void (*on_directory)(const char *ca_name, struct span text, void *arg);
	void *arg;
};
struct ca *ca_new(const struct ca_conf *conf);
/* Send nothing any more: calls under way end as CA_UNREACHABLE, or with the answer they wait for.
 * Before httpc_free. */
void ca_stop(struct ca *ca);
/* After the last call is done: loop joined, httpc freed, pool freed. */
void ca_free(struct ca *ca);
const char *ca_name(const struct ca *ca);
/* Every call ends as CA_UNREACHABLE with this text, until a restart. Before the first call. */
void ca_set_fault(struct ca *ca, const char *text);
/* NULL = there is none. */
const char *ca_fault(const struct ca *ca);
/* "https://host[:port]" of the configured directory: the scope of account and EAB keys (keeper.h).
 */
const char *ca_origin(const struct ca *ca);

/* ---- the directory: fetched when first needed, after 24 h +-10 %, after a 404 on one of its URLs
 * ---- */

struct ca_directory {
	atomic_uint refs;
	struct acme_directory d; /* immutable */
};
/* Hand in a copy kept from before (its age in unix seconds): used until a newer one is there. False
 * if it cannot be read. */
bool ca_directory_restore(
	struct ca *ca, struct span text, int64_t fetched_unix_s, struct problem *pr) MUST_CHECK;
/* What we have, or NULL; give it back. */
struct ca_directory *ca_directory_ref(struct ca *ca);
void ca_directory_unref(struct ca_directory *dir);
/* Fetch it now (at start, on SIGHUP); nothing is told but through on_directory and the log. */
void ca_refresh(struct ca *ca);

/* ---- signed requests ---- */

/* CA_DIRECTORY: no request of its own. It is fetched anew, also from a CA that is left alone because it
 * does not answer; then the call is CA_OK, or CA_UNREACHABLE. */
enum ca_target { CA_URL, CA_NEW_ACCOUNT, CA_NEW_ORDER, CA_REVOKE, CA_KEY_CHANGE, CA_DIRECTORY };

enum ca_result {
	/* a 2xx reply: body, location, retry_after_s, ca_call_link */
	CA_OK,
	/* The CA said no: problem, http_status. After a 5xx it may have had an effect all the same.
	 * With http_status 0 nothing was sent, for it could only have said no. */
	CA_PROBLEM,
	/* nothing was sent: safe to repeat (problem says why, perhaps in the CA's words) */
	CA_UNREACHABLE,
	/* it may have been received: look before it is repeated */
	CA_LOST
};
const char *ca_result_name(enum ca_result result);

/* Who signs. All borrowed until done. */
struct ca_signer {
	struct span sealed; /* by keeper_make(PURPOSE_ACME_ACCOUNT), the scope is ca_origin() */
	enum jwa alg;
	struct span jwk; /* canonical JSON of the public key */
	const char *kid; /* account URL, exact octets; NULL = send the jwk (newAccount) */
};
/* jwk and alg for a public key as keeper_make gave it. */
bool ca_signer_public(struct span spki_der, struct buf *ret_jwk, enum jwa *ret_alg,
	struct problem *pr) MUST_CHECK;

struct ca_call {
	/* in, borrowed until done; zero is a good default for what has one */
	enum ca_target target;
	const char *url;     /* with CA_URL */
	struct span payload; /* "" = POST-as-GET */
	/* Instead of payload, for what depends on the directory (EAB, terms, keyChange): called on
	 * a worker with the resolved URL before each signature; false ends the call as CA_PROBLEM
	 * with that problem and http_status 0. */
	bool (*make_payload)(
		struct ca_call *call, const char *url, struct buf *out, struct problem *pr);
	const char *accept; /* NULL = application/json */
	struct ca_signer signer;
	msec_t deadline_ms;        /* of all of it; 0 = upstream->request_ms */
	size_t body_max_bytes;     /* 0 = ACME_BODY_MAX_BYTES */
	int64_t retry_after_max_s; /* 0 = newOrder, newAccount 7 d, else 15 min (U6) */
	/* Exactly once, on a worker, never from within ca_post. The call may be freed in it. */
	void (*done)(struct ca_call *call, void *arg);
	void *arg;

	/* out, valid in done; freed by ca_call_done */
	enum ca_result result;
	int http_status;              /* 0 = no reply */
	struct acme_problem problem;  /* unless CA_OK; its retry_after_s is the one below */
	char location[ACME_URL_TEXT]; /* exact octets if absolute; "" if absent */
	bool has_retry_after;
	int64_t retry_after_s;        /* clamped; of a rate limit without one: 1 h */
	char sent_url[ACME_URL_TEXT]; /* the URL as resolved */
	struct httpc_reply reply;

	/* private */
	struct ca *ca;
	struct ca_call *next;
	char nonce[NONCE_TEXT];
	bool has_nonce, is_probe;
	bool refreshed; /* the directory was fetched again for its sake */
	bool unserved;  /* the directory could not be fetched */
	unsigned bad_nonces;
	msec_t ends_ms;
	msec_t turn_ms;           /* it waits for its turn until then */
	void (*turn)(void *call); /* and goes on there; NULL: it does not wait */
};
/* Send a call; done comes once, never from within. */
void ca_post(struct ca *ca, struct ca_call *call);
void ca_call_done(struct ca_call *call);
/* The reply's body, until ca_call_done. */
struct span ca_call_body(const struct ca_call *call);
/* URL of the nth Link with this rel, resolved; false if none. */
bool ca_call_link(
	const struct ca_call *call, const char *rel, unsigned nth, char ret[ACME_URL_TEXT]);
/* Will the same request perhaps succeed later: no route, lost, 5xx, rate limit, nonces? (A lost one
 * must be looked for first.) */
bool ca_call_is_temporary(const struct ca_call *call);

/* A JWS without nonce by another key, within make_payload: the inner one of a keyChange
 * (RFC 8555 7.3.5). On a worker. */
bool ca_sign_inner(struct ca *ca, const struct ca_signer *signer, const char *url,
	struct span payload, struct buf *out, struct problem *pr) MUST_CHECK;

/* ---- requests that are not signed: of renewal information ---- */

struct ca_get {
	/* in, borrowed until ca_get returns */
	const char *url, *if_none_match; /* NULL = nothing is known yet */
	size_t body_max_bytes;
	/* Once, on the outbound loop's thread; it must not block, and may hand the request on. */
	void (*done)(struct ca_get *get, void *arg);
	void *arg;
	/* out, in done and from then on until ca_get_done */
	struct httpc_reply reply;
};
/* False: the CA is being stopped, or the URL is not one of its server; done is not called then. It is sent whether the CA is well or ill,
 * and its outcome is not counted as either. */
bool ca_get(struct ca *ca, struct ca_get *get) MUST_CHECK;
void ca_get_done(struct ca_get *get);
struct span ca_get_body(const struct ca_get *get);
/* Retry-After in seconds as it was told, from 1; 0 = it was not, or is not readable. */
int64_t ca_get_retry_s(const struct ca_get *get);

struct ca_stats {
	uint64_t calls, sent, good, problems, unreachable, lost, bad_nonces, nonces_fetched, directories, paced;
	bool is_open; /* the circuit: calls fail at once */
};
/* How it is. Well until CIRCUIT_FAILURES failures in a row; then ill: its directory is asked for now and then, whoever else comes between
 * hears that it is, and the first answer makes it well. */
struct ca_health {
	bool is_ill, is_probing; /* the answer to a probe is awaited */
	unsigned failures;       /* in a row */
	msec_t failing_ms;       /* since the first of these, 0 = there are none */
	msec_t probe_in_ms;      /* if it is ill */
};
void ca_health(struct ca *ca, struct ca_health *ret);
/* Counters since the start. */
void ca_stats(struct ca *ca, struct ca_stats *ret);
#endif
