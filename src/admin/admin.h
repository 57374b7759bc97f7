/* admin.h - the operators' API on the daemon's own UNIX socket: JSON over HTTP/1.1, for acmegatectl and scripts.
 *
 *   httpd_face_add(httpd, &(struct httpd_face_conf){ .name = "admin", .unix_path = conf->admin_socket, .unix_mode = 0666, .wipe = true,
 *           .handler = admin_handle, .refusal = admin_refusal, .arg = &admin }, &face, &pr)
 *
 * Who asks is judged by the peer's uid, not by the socket's mode: root, the daemon's own user and those to whom the
 * configuration may; others hear 403. A struct admin is filled once before the face is added and outlives the pool's threads.
 *
 * Lists answer {"items":[...],"next":CURSOR or null,"total":N,"total_is_exact":bool}; ids and cursors are refs (H2).
 * Errors are problem documents, a refused reload's with a member "errors" (lines). */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "audit/trail.h"
#include "gate/holder.h"
#include "httpd/httpd.h"
#include "jobs/jobs.h"
#include "server/server.h"
#include "solve/solve.h"
#include "upstream/upstreams.h"
#include "validate/job.h"

/* The ACME face's own certificate. */
struct admin_tls {
	struct buf der;               /* that new connections are shown; empty: none */
	bool file_differs;            /* the file holds another one by now, to be read at the next reload */
	const char *source;           /* "files", "own-ca", "upstream" */
	const char *renewal;          /* "manual", "scheduled", "due", "ordered", "failed" */
	int64_t due;                  /* scheduled, failed: when the next one is made or ordered; 0 = cannot be said */
	char upstream[UPSTREAM_TEXT]; /* that it is to be ordered from, "" = none */
	char order[REF_TEXT];         /* of the last one ordered, "" = none */
	struct buf error;             /* of that order: a problem document, or empty */
};

struct metrics;

struct admin {
	struct store *store;
	struct jobs *jobs;
	struct pool *pool;
	struct conf_holder *conf;
	struct upstreams *ups;
	struct solve *solve;
	struct server *server;
	struct httpd *httpd;
	const struct validate_job_env *validate; /* NULL: nothing is told of proofs */
	struct trail_env *trail;
	struct metrics *metrics; /* NULL: no GET /metrics */
	const char *version;
	int64_t started_unix_s;
	/* Load the file again and put it in force; on a worker. False: the old one stays. ret_text: a line that says what came of
	 * it ("refused, ..."), then the faults, "FILE:LINE: text\n" each. */
	bool (*reload)(void *arg, struct buf *ret_text);
	atomic_bool reload_refused; /* the last one was, by this or by a signal */
	/* Begin to stop as SIGTERM does; must not wait for the end. On a worker, after the reply was handed over. */
	void (*drain)(void *arg);
	/* Fill *ret, zeroed but for the buffers' ceilings; on a worker. */
	bool (*tls)(void *arg, struct admin_tls *ret, struct problem *pr);
	void *arg;
	_Atomic(int64_t) strangers_from_ms; /* when the next one who may not ask comes into the audit trail; begins 0 */
};

/* What is remembered between two scrapes; before the struct admin is filled, and after the last request. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* The http_handler of the metrics face: GET and HEAD of /metrics, and nothing else. arg is the struct admin. */
void metrics_handle(struct http_req *rq, void *arg);

/* The http_handler and http_refusal of the face; arg is the struct admin. */
void admin_handle(struct http_req *rq, void *arg);
void admin_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg);
#endif
