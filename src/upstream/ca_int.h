/* ca_int.h - what the files of a CA's link share. */
#ifndef UPSTREAM_CA_INT_H
#define UPSTREAM_CA_INT_H

#include <pthread.h>

#include "upstream/ca.h"
#include "upstream/circuit.h"

#define CA_RETRY_MAX_S (7 * 86400)
#define DIRECTORY_LIFE_S (24 * 3600)
#define DIRECTORY_RETRY_S 300 /* after a failed refresh, while the last good copy serves */
#define DIRECTORY_FRESH_S 60  /* a 404 does not make us fetch it again so soon */
#define DIRECTORY_MAX_BYTES (64 * 1024)

struct ca {
	char *name, *directory_url, *origin, *ca_file, *proxy;
	msec_t request_ms;
	struct httpc *httpc, *gets;
	struct pool *pool;
	struct keeper *keeper;
	void (*on_directory)(const char *ca_name, struct span text, void *arg);
	void *arg;

	struct loop *loop;         /* of its timer; NULL: nothing is paced */
	struct pace *pace;         /* borrowed */
	struct timer *pace_timer;  /* the loop's thread; so is the next */
	struct timer *probe_timer;

	char *fault; /* why nothing is asked here, NULL = nothing is wrong; set before the first call */

	pthread_mutex_t lock; /* all below */
	bool stopped;
	struct ca_directory *dir;           /* the newest good one, a reference of ours */
	int64_t fetched_unix_s, due_unix_s; /* when it was fetched, when to fetch it again */
	bool fetching;
	struct ca_call *waiters; /* calls that need the directory under way */
	struct nonces nonces;
	struct ca_call *nonce_first, *nonce_last; /* calls that wait for a nonce, in order; last
						     only if there is a first */
	unsigned nonce_fetches;                   /* HEADs under way */
	struct circuit circuit;
	struct ca_call *paced; /* calls whose turn comes later, by time */
	struct ca_stats stats;
};

/* Fill what all requests to this CA have in common. */
void ca_request_init(const struct ca *ca, struct httpc_request *rq, msec_t total_ms);
/* Start it unless the ca is stopped. */
bool ca_send(struct ca *ca, const struct httpc_request *rq, httpc_fn fn, void *arg) MUST_CHECK;
/* What a reply that is no 2xx with what we asked for says, whoever asked. */
void ca_read_problem(const struct httpc_reply *rp, struct acme_problem *ret);
/* Retry-After clamped to [1, max_s]; of a rate limit without one what the detail says, else 1 h.
 * False if there is none. */
bool ca_retry_after(
	const struct httpc_reply *rp, const struct problem *pr, int64_t max_s, int64_t *ret_s);
/* The flattened JWS of a payload: with kid, or jwk if that is NULL; nonce NULL within another. */
bool ca_sign(struct ca *ca, const struct ca_signer *signer, const char *kid, const char *nonce,
	const char *url, struct span payload, struct buf *out, struct problem *pr) MUST_CHECK;
/* Is the CA ill, by this reply? Then count it. Any thread. */
bool ca_count_failure(struct ca *ca, const struct httpc_reply *rp);
/* It has answered: it is well. */
void ca_count_success(struct ca *ca);
/* ca_directory.c: it is ill; its directory is asked for when its pause is over, until it answers. Any thread. */
void ca_probe_later(struct ca *ca);
/* Only where its directory is (scheme, host, port). */
bool ca_url_allowed(const struct ca *ca, const char *url);

/* ca_directory.c: let the call wait for a directory fetched from now on; ca_call_resume comes on a
 * worker. */
void ca_directory_wait(struct ca *ca, struct ca_call *call);
/* Fetch in the background if due. */
void ca_directory_check(struct ca *ca);
/* Was it fetched within the last seconds? */
bool ca_directory_is_fresh(struct ca *ca);

/* ca_pace.c, on a worker: may the call's next request go, its own or (nonce) one for a nonce? LATER: turn(call) is called then, on a
 * worker, and asks again. NEVER: its turn is too far off, the call says how far. */
enum ca_turn { CA_TURN_NOW, CA_TURN_LATER, CA_TURN_NEVER };
enum ca_turn ca_pace(struct ca_call *call, bool nonce, void (*turn)(void *call)) MUST_CHECK;
/* The ca was stopped: whoever waits goes on, and hears that. */
void ca_pace_stop(struct ca *ca);

/* ca_nonce.c, on a worker: go on to ca_call_send with a nonce, or end the call. */
void ca_nonce_get(struct ca_call *call);
/* A reply brought one; what is no nonce is dropped. */
void ca_nonce_keep(struct ca *ca, struct span nonce);

/* ca_call.c, all on a worker. Sign and send; needs call->nonce. */
void ca_call_send(struct ca_call *call);
/* End it as unreachable: a request that had to come first failed (the call's problem says how), or
 * for a reason of ours. */
void ca_call_unserved(struct ca_call *call);
void ca_call_refuse(struct ca_call *call, const char *why);
/* Read Retry-After of the call's reply; forget the reply. */
void ca_call_retry_after(struct ca_call *call);
void ca_call_clear(struct ca_call *call);
/* The fetch of the directory is over; `why` NULL = it worked, retry_after_s 0 = none was named. */
void ca_call_resume(struct ca_call *call, const struct problem *why, int64_t retry_after_s);
#endif
