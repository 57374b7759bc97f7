/* lab.h - a whole ACME server in the test program: store, jobs, keeper, local CA, HTTP on loopback; and devices that say to it,
 * octet by octet, what the test wants.
 *
 * Texts are templates: $NAME is replaced by a variable. Always there: $BASE (external_url), $NONCE (a new one), $URL and $PATH (of
 * the request at hand), and of each actor, after its first good newAccount, $KID_actor, and always $JWK_actor, $KEY_actor
 * (thumbprint). */
#ifndef TESTS_SERVER_LAB_H
#define TESTS_SERVER_LAB_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "pki/key.h"
#include "server/server.h"
#include "upstream/upstreams.h"

/* For the text of a configuration: the lab's devices ask as often as they like. */
#define LAB_NO_RATES                                                                               \
	"rates = { requests_burst = 0; new_account_burst = 0; new_order_burst = 0; challenge_burst = 0; failed_burst = 0; renewal_address_burst = 0; renewal_account_burst = 0; pending_authz_max = 0; };"

struct lab {
	char folder[64];
	struct keeper *keeper;
	struct store *store;
	struct pool *pool;
	struct loop *loop;
	struct httpc *httpc;
	struct jobs *jobs;
	struct conf_holder *conf;
	struct upstreams *ups;
	struct server server;
	struct httpd *httpd;
	uint16_t port;
	char base[64]; /* "http://127.0.0.1:PORT/acme" */
	int fd;        /* the test's connection, -1 = none */
	const char *from; /* address it comes from; NULL = 127.0.0.1 */
};

/* Before any thread. `conf` is the text but for external_url, state_dir, upstreams and rules: see lab.c. `store_where` NULL: SQLite in
 * the lab's folder. Profiles may name the upstreams "own" (driver local) and "far" (driver acme, out of reach). */
void lab_start(struct lab *lab, const char *conf, const char *store_where);
void lab_stop(struct lab *lab);
/* Put another configuration in force. */
void lab_conf(struct lab *lab, const char *conf);
/* One statement, no result. */
void lab_sql(struct lab *lab, const char *text);
int64_t lab_number(struct lab *lab, const char *text);
/* Run a transaction that must succeed. */
void lab_write(struct lab *lab, sql_fn fn, void *arg);
/* Renewal information: from the store into memory, all that has changed. */
void lab_renewal_refresh(struct lab *lab);

/* ---- variables ---- */

void lab_set(const char *name, const char *value);
const char *lab_var(const char *name); /* dies if there is none */
void lab_expand(const char *text, struct buf *out);
/* The same; what names no variable stays as it is. */
void lab_try_expand(const char *text, struct buf *out);

/* ---- actors: key holders ---- */

void lab_actor(const char *name, enum key_type type, const char *alg);
EVP_PKEY *lab_key(const char *actor);

/* ---- requests ---- */

struct rq {
	const char *method; /* NULL = POST */
	const char *path;   /* template, below $BASE; if it begins with "!", the request target as it is */
	const char *type;   /* Content-Type; NULL = application/jose+json, "" = none */
	const char *fields; /* further fields, "Name: value\r\n" each; NULL = none */
	const char *by;     /* the actor that signs */
	bool jwk;           /* its jwk instead of its kid */
	const char *header; /* template of the protected header; NULL = the good one. $SIGNER is `"jwk":{..}` or `"kid":".."`, $ALG the actor's */
	const char *payload; /* template; NULL = "" (POST-as-GET) */
	const char *body;   /* template; NULL = the flattened JWS. $P, $L, $S are its parts, with variants: see lab.c */
};
/* Send it and read the reply, which is kept in *ret. Dies if there is none. */
void lab_send(struct lab *lab, const struct rq *rq, struct buf *ret);
/* The octets of a request, to be sent later (lab_raw, from any thread). */
void lab_render(struct lab *lab, const struct rq *rq, struct buf *out);
/* Send raw octets on a connection of their own. */
void lab_raw(struct lab *lab, const char *text, size_t n, struct buf *ret);
/* Come from this address of loopback from now on. */
void lab_from(struct lab *lab, const char *address);
/* GET without a body; `fields` as in struct rq. Returns the status. */
int lab_get(struct lab *lab, const char *path, const char *fields, struct buf *ret);
/* A good request by an actor. */
void lab_post(struct lab *lab, const char *by, const char *path, const char *payload, struct buf *ret);
/* newAccount: sets $KID_actor; dies unless 201. */
void lab_register(struct lab *lab, const char *actor);
/* newOrder for "a.test,device:SN-1"; sets $NAME (path below $BASE of the order), $NAME_AUTHZ0.., $NAME_CHALL0..; dies unless 201. */
void lab_order(struct lab *lab, const char *by, const char *name, const char *idents, const char *more);
/* Respond to all challenges of that order and wait until it is in this state. */
void lab_prove(struct lab *lab, const char *by, const char *name, const char *want);
/* A CSR of `key` for these names, into $NAME (base64url of the DER). */
void lab_csr(const char *name, EVP_PKEY *key, const char *idents);
/* finalize with a new key; sets $NAME_CERT (path). */
void lab_finalize(struct lab *lab, const char *by, const char *name, const char *idents);

/* A key for external account binding, as an operator hands it out: 32 octets of 'k'. */
void lab_eab_key(struct lab *lab, const char *kid);
/* The inner JWS of an external account binding into $NAME; templates, NULL = as it should be for `actor` at `url`. */
struct eab_jws {
	const char *name, *kid, *actor, *url;
	const char *header, *payload, *alg;
	bool wrong_mac;
};
void lab_eab(const struct eab_jws *e);

/* ---- replies ---- */

int reply_status(const struct buf *reply);
/* Value of the nth field of this name; NULL if absent. Valid until the next call but thirty. */
const char *reply_field(const struct buf *reply, const char *name, unsigned nth);
bool reply_has_field(const struct buf *reply, const char *name, const char *value);
struct span reply_body(const struct buf *reply);
/* Value at "a.b.0.c" in the body as text; NULL if absent. Valid until the next call but thirty. */
const char *reply_get(const struct buf *reply, const char *where);
/* Is it a problem of this type (without URN), with all that each problem must have? Says what is not so. */
bool reply_is_problem(const struct buf *reply, const char *type, int status, bool post);
/* Path below $BASE of a URL. */
const char *lab_path(const char *url);
_Noreturn void lab_die(const char *what);
#endif
