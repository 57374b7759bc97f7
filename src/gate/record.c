/* record.c - see record.h. */
#include "gate/record.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/b64url.h"
#include "base/log.h"
#include "base/secret.h"
#include "config.h"

#define FILE_MAX (16u << 20)

static bool
note_tx(struct sql *db, void *arg, struct problem *pr)
{
	return audit_note(db, arg, pr);
}

static void
note(struct gate *g, struct audit_entry *e)
{
	struct problem pr = { 0 };

	e->node = g->node;
	if (!store_write(g->store, note_tx, e, &pr))
		log_error("audit_failed", LPR(&pr));
}

/* There while the gateway runs: who finds it at the start comes after a crash. */
static char *
mark_of(struct gate *g)
{
	struct gate_conf *conf = conf_holder_take(g->conf);
	char *path = xasprintf("%s/running", conf->state_dir);

	gate_conf_unref(conf);
	return path;
}

void
record_start(struct gate *g, const struct gate_conf *conf)
{
	AUTO_FREE char *mark = mark_of(g);
	struct problem pr = { 0 };

	if (access(mark, F_OK) == 0)
		note(g, &(struct audit_entry){ .event = AUDIT_SERVICE_CRASH_RECOVERED });
	note(g, &(struct audit_entry){ .event = AUDIT_SERVICE_START, .after = PACKAGE_VERSION });
	record_conf(g, conf, SPAN_NONE);
	if (!file_save(mark, span_str(g->node), 0600, &pr))
		log_error("audit_failed", LPR(&pr));
}

void
record_stop(struct gate *g)
{
	AUTO_FREE char *mark = mark_of(g);

	note(g, &(struct audit_entry){ .event = AUDIT_SERVICE_STOP });
	unlink(mark);
}

/* SHA-256 of the file as it is now. */
static void
digest_of(const char *path, char dst[B64URL_LEN(32) + 1])
{
	AUTO_BUF text = BUF_MAX(FILE_MAX);
	unsigned char md[EVP_MAX_MD_SIZE];
	struct problem pr = { 0 };
	unsigned n = 0;

	dst[0] = '\0';
	if (file_load(path, &text, &pr) && EVP_Digest(text.n ? text.p : "", text.n, md, &n, EVP_sha256(), NULL) == 1)
		b64url_write(dst, md, n);
}

void
record_conf(struct gate *g, const struct gate_conf *conf, struct span faults)
{
	AUTO_FREE char *detail = faults.n ? span_dup(faults) : NULL;
	char digest[B64URL_LEN(32) + 1], generation[16];

	digest_of(conf->path, digest);
	snprintf(generation, sizeof(generation), "%u", conf->generation);
	note(g, &(struct audit_entry){ .event = faults.n ? AUDIT_CONFIG_REFUSE : AUDIT_CONFIG_LOAD, .outcome = faults.n ? AUDIT_REFUSED : AUDIT_OK,
		.policy = digest, .detail = detail, .after = generation });
}
