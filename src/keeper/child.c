/* child.c - see child.h. */
#include "keeper/child.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/log.h"
#include "keeper/proto.h"
#include "keeper/sandbox.h"
#include "keeper/server.h"

#define EXIT_START 1

/* OpenSSL reads its configuration file and fetches algorithms at first use: do both while files may
 * still be opened. */
static bool
warm_up(struct problem *pr)
{
	static const unsigned char master[SEAL_MASTER];
	AUTO_BUF sealed = BUF_MAX(PROTO_SEALED_MAX), signature = BUF_MAX(1024);
	AUTO_PKEY *key = NULL;

	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	return seal_write(master, PURPOSE_TSIG, SPAN("warm"), SPAN("up"), &sealed, pr) &&
		key_make(KEY_P256, &key, pr) &&
		jws_sign_raw(JWA_ES256, key, SPAN("warm.up"), &signature, pr);
}

static bool
begin(const struct keeper_conf *conf, pid_t parent, int life, const int *fds, struct vault **ret,
	struct problem *pr)
{
	size_t count = conf->connections;
	AUTO_FREE int *keep = xcalloc(count + 2, sizeof(*keep));

	memcpy(keep, fds, count * sizeof(*keep));
	keep[count] = life;
	keep[count + 1] = STDERR_FILENO;
	return sandbox_prepare(parent, keep, count + 2, pr) && vault_load(conf, ret, pr) &&
		warm_up(pr) && sandbox_lock(pr);
}

/* A few hundred octets at most: they fit the socket's buffer. */
static bool
report(int life, bool good, const struct problem *pr)
{
	AUTO_BUF out = BUF_MAX(4096);
	const struct proto_reply reply = { .good = good, .problem = *pr };

	proto_reply_write(&out, &reply);
	return send(life, out.p, out.n, MSG_NOSIGNAL) == (ssize_t)out.n;
}

void
child_main(const struct keeper_conf *conf, pid_t parent, int life, const int *fds)
{
	struct vault *vault = NULL;
	struct problem pr = { 0 };
	bool good = begin(conf, parent, life, fds, &vault, &pr);

	if (!report(life, good, &pr) || !good)
		_exit(EXIT_START);
	log_debug("keeper_started", LI("pid", getpid()), LI("filter", sandbox_filters()));
	server_run(vault, life, fds, conf->connections);
	vault_free(vault);
	/* not exit(): what the parent registered with atexit is the parent's */
	_exit(EXIT_SUCCESS);
}
