/* rig.h - what the tests of src/upstream stand on: a keeper, a loop, an HTTP client, workers, a
 * CA's link; a scripted mock CA and a real pebble, both on loopback ports of their own. */
#ifndef TESTS_UPSTREAM_RIG_H
#define TESTS_UPSTREAM_RIG_H

#include "upstream/ca.h"

struct rig {
	struct keeper *keeper;
	struct loop *loop;
	struct httpc *httpc;
	struct pool *pool;
	char folder[64]; /* temporary */
};
/* Before any thread exists (the keeper is forked here). */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig, struct ca **cas, size_t count);
struct ca *rig_ca(struct rig *rig, const char *directory, const char *ca_file,
	void (*on_directory)(const char *, struct span, void *), void *arg);

/* A new account key at this CA, owned: rig_key_done. */
struct rig_key {
	struct buf sealed, jwk;
	enum jwa alg;
};
void rig_key_make(struct rig *rig, struct ca *ca, enum key_type type, struct rig_key *ret);
void rig_key_done(struct rig_key *key);
struct ca_signer rig_signer(const struct rig_key *key, const char *kid);

/* Post and wait until done; dies after 30 s. */
void rig_call(struct ca *ca, struct ca_call *call);
/* Post all at once (64 at most) and wait for all. */
void rig_calls(struct ca *ca, struct ca_call *calls, size_t count);
/* A `done` that notes it in the bool at arg. */
void rig_note_done(struct ca_call *call, void *arg);
/* Was each done on a worker, once? */
bool rig_calls_were_good(void);

/* ---- the mock: a CA that says what the script says. It checks nothing; a real CA does that
 * (pebble). ---- */

enum mock_act { MOCK_REPLY, MOCK_HANG, MOCK_RESET, MOCK_HALF };
struct mock_step {
	enum mock_act act;
	int status;
	const char *fields; /* "Name: value\r\n" each, NULL = a nonce of its own and nothing else */
	const char *body;
};
struct mock_seen {
	char path[128], nonce[64], content_type[64], accept[64], body[4096];
	bool has_jwk;
};
struct mock;
struct mock *mock_start(void);
void mock_stop(struct mock *m);
/* URL of a path on it. */
const char *mock_url(struct mock *m, const char *path, char ret[128]);
/* What the next POSTs get, each one step; borrowed. Forgets what was seen. */
void mock_script(struct mock *m, const struct mock_step *steps, size_t count);
/* GET /dir and HEAD: status 0 and no body = the good answer. */
void mock_directory(struct mock *m, int status, const char *fields, const char *body);
void mock_nonce(struct mock *m, int status, const char *fields);
size_t mock_posts(struct mock *m, struct mock_seen *ret, size_t max);
void mock_counts(struct mock *m, unsigned *ret_directories, unsigned *ret_nonces);

/* ---- pebble, Debian's, with a TLS certificate of its own ---- */

struct pebble {
	pid_t pid;
	char directory[96], ca_file[96];
};
/* False if there is no pebble here. eab_kid NULL = none demanded. */
bool pebble_start(struct rig *rig, const char *eab_kid, const char *eab_key, struct pebble *ret);
void pebble_stop(struct pebble *p);
#endif
