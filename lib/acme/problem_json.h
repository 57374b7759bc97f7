/* problem_json.h - problem documents (RFC 9457, RFC 8555 6.7): written for devices, read from CAs.
 * Any thread. */
#ifndef ACME_PROBLEM_JSON_H
#define ACME_PROBLEM_JSON_H

#include "base/problem.h"
#include "json/json.h"
#include "json/jw.h"
#include "pki/ident.h"

#define ACME_SUBPROBLEMS_MAX 100
#define ACME_PROBLEM_MAX_BYTES (64 * 1024) /* a longer body is not read as a problem document */

/* One of several problems of one request, mostly about one identifier (RFC 8555 6.7.1). */
struct acme_subproblem {
	struct problem problem;
	struct ident ident; /* value "" = no identifier, or one of a type we do not know */
};

/* What may accompany a problem; all borrowed, all may be nothing. */
struct problem_more {
	const struct acme_subproblem *subs;
	size_t sub_count;            /* the first ACME_SUBPROBLEMS_MAX are written */
	const char *algorithms_json; /* array text, with badSignatureAlgorithm (jwa_list_json) */
	unsigned cert_ids_max;       /* with a list of certIDs that is too long (doc/mass-ari.md); 0 = nothing of the kind */
	const char *instance;        /* URL to visit, with userActionRequired (RFC 8555 7.3.3) */
};

/* {"type","detail","status",...} as a value of a larger document (`error` of an order or challenge)
 * or, with name NULL, as the root. `cause` is never written. `more` may be NULL. */
void problem_json_write(
	struct jw *w, const char *name, const struct problem *pr, const struct problem_more *more);
/* The same as a whole body; false when `out` is full. */
bool problem_json(struct buf *out, const struct problem *pr, const struct problem_more *more);

/* A problem as a server told it. */
struct acme_problem {
	struct problem problem; /* kind by type and status, by status alone if the type is none of
				 * ours; cause = what else was told: the foreign type, the first
				 * octets of a body that is no problem document */
	char type[128];         /* as sent, made safe to log; "" if none */
	int status;     /* of the HTTP reply, or of the member within an object; 0 = unknown */
	char *instance; /* URL, owned, or NULL */
	struct acme_subproblem *subs; /* owned */
	size_t sub_count;
	char *algorithms; /* names with a blank between, owned, or NULL */
};

/* The body of an HTTP error, whatever it is: problem+json, any JSON object, a bare JSON string,
 * HTML, nothing. Members of a wrong type are ignored (RFC 9457 3.1), so is whatever is unknown.
 * Never fails: the HTTP status says the rest. */
void acme_problem_read(struct span body, int http_status, struct acme_problem *ret);
/* `error` within an object; false and *ret untouched if the node is no object. */
bool acme_problem_read_node(const struct json_node *node, struct acme_problem *ret);
void acme_problem_done(struct acme_problem *p);

/* The kind for an HTTP status that came without a known type. */
enum problem_kind problem_kind_of_status(int http_status);
#endif
