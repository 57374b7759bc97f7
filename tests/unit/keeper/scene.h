/* scene.h - a scratch folder, a keeper and what is sent to it, for the keeper's tests. */
#ifndef TESTS_KEEPER_SCENE_H
#define TESTS_KEEPER_SCENE_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper/keeper.h"
#include "tap.h"

#define CA_URL "https://ca.example"

/* What a TSIG key makes a MAC over: an UPDATE that adds a TXT record, and something in place of the TSIG variables. */
#define UPDATE                                                                                     \
	SPAN("\0\1\x28\0\0\1\0\0\0\1\0\0" "\1x\0" "\0\6\0\1" "\1x\0" "\0\x10" "\0\1" "\0\0\0\x3c" "\0\3" "\2ab" "variables")

static char scene_folder[64];

/* Makes the folder and goes there: paths are relative from now on. */
static inline void
scene_begin(void)
{
	snprintf(scene_folder, sizeof(scene_folder), "/tmp/test-keeper-XXXXXX");
	if (!mkdtemp(scene_folder) || chdir(scene_folder) != 0)
		exit(1);
}

static inline void
scene_end(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", scene_folder);
	if (chdir("/") != 0 || system(command) != 0)
		exit(1);
}

static inline void
file_put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		exit(1);
}

static inline struct keeper *
keeper_up(unsigned connections, const struct keeper_secret *secrets, size_t count)
{
	/* patient: valgrind takes its time with RSA keys */
	const struct keeper_conf conf = { .master = "file:master",
		.create_master = true,
		.connections = connections,
		.call_ms = 60000,
		.secrets = secrets,
		.secret_count = count };
	struct keeper *k = NULL;
	struct problem pr = { 0 };

	if (!keeper_start(&conf, &k, &pr)) {
		log_error("keeper_start", LPR(&pr));
		exit(1);
	}
	return k;
}

/* b64(header) '.' b64(payload) with this alg, "kid" (NULL: a jwk) and url; nonce NULL: the inner JWS of a keyChange. */
static inline void
input_write(struct buf *out, const char *alg, const char *kid, const char *nonce, const char *url)
{
	AUTO_BUF header = BUF_MAX(4096);

	jws_header_write(
		&header, alg, kid ? SPAN_NONE : SPAN("{\"kty\":\"oct\"}"), kid, nonce, url);
	jws_input_write(out, buf_span(&header),
		nonce ? SPAN("{}") : SPAN("{\"account\":\"https://ca.example/acct/1\",\"oldKey\":{}}"));
}
#endif
