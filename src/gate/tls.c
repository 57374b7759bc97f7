/* gate/tls.c - see tls.h. */
#include "gate/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/secret.h"
#include "gate/own_cert.h"
#include "gate/url.h"
#include "pki/cert.h"
#include "upstream/local.h"

#define PEM_MAX (64 * 1024)

static char *
place(const struct gate_conf *conf, const char *name)
{
	return xasprintf("%s/tls/%s", conf->state_dir, name);
}

static bool
has_files(const struct gate_conf *conf)
{
	return conf->tls_cert && conf->tls_cert[0];
}

bool
gate_tls_is_due(const struct gate_conf *conf)
{
	/* one from an upstream serves to its end: its renewal is own_cert.c's, and any is better than none */
	return !has_files(conf) && own_cert_is_due(conf, own_cert_is_from_upstream(conf) ? 0 : 3);
}

static bool
save(const struct gate_conf *conf, const char *name, const struct buf *text, unsigned mode, struct problem *pr)
{
	AUTO_FREE char *path = place(conf, name);

	return file_save(path, buf_span(text), mode, pr);
}

static bool
make_own(const struct upstream_env *env, const struct gate_conf *conf, struct problem *pr)
{
	AUTO_FREE char *folder = xasprintf("%s/tls", conf->state_dir);
	AUTO_BUF cert = BUF_MAX(PEM_MAX), root = BUF_MAX(PEM_MAX);
	AUTO_SECRET key = BUF_MAX(PEM_MAX);
	AUTO_FREE char *host = NULL;
	struct url url;

	if (!url_parse(span_str(conf->external_url), &url, pr))
		return false;
	host = span_dup(url.host);
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return problem_internal(pr, "cannot make %s: %s", folder, strerror(errno));
	if (!local_tls_make(env, host, &cert, &key, &root, pr) || !save(conf, "root.pem", &root, 0644, pr) ||
		!save(conf, "key.pem", &key, 0600, pr) || !save(conf, "cert.pem", &cert, 0644, pr))
		return false;
	own_cert_forget_upstream(conf);
	log_notice("own_tls_certificate_made", LS("host", host), LS("trust", folder));
	return true;
}

bool
gate_tls_load(const struct upstream_env *env, const struct gate_conf *conf, struct httpd_tls **ret, struct problem *pr)
{
	AUTO_FREE char *cert = NULL, *key = NULL;

	if (has_files(conf))
		return httpd_tls_load(conf->tls_cert, conf->tls_key, ret, pr);
	if (gate_tls_is_due(conf) && !make_own(env, conf, pr))
		return false;
	cert = place(conf, "cert.pem");
	key = place(conf, "key.pem");
	return httpd_tls_load(cert, key, ret, pr);
}

/* ---- for operators ---- */

/* The file holds another certificate than the face shows, or none that can be read. */
static bool
differs(const struct gate_conf *conf, struct span served)
{
	AUTO_FREE char *path = has_files(conf) ? xstrdup(conf->tls_cert) : place(conf, "cert.pem");
	AUTO_BUF pem = BUF_MAX(CHAIN_MAX_BYTES), der = BUF_MAX(CHAIN_MAX_BYTES);
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	bool same = file_load(path, &pem, &pr) && chain_parse(buf_span(&pem), &chain, &pr) && cert_der(chain.certs[0], &der) &&
		span_eq(buf_span(&der), served);

	chain_done(&chain);
	return !same;
}

/* Both kinds are made anew when a third of their life is left. */
static int64_t
due_at(struct span der)
{
	struct cert *cert = NULL;
	struct problem pr = { 0 };
	int64_t due = 0;

	if (cert_parse(der, &cert, &pr))
		due = cert->not_after_unix_s - (cert->not_after_unix_s - cert->not_before_unix_s) / 3;
	cert_free(cert);
	return due;
}

static bool
tell_upstream(const struct upstream_env *env, const struct gate_conf *conf, struct admin_tls *ret, struct problem *pr)
{
	struct own_cert_order last = { .error = BUF_MAX(ret->error.max) };
	bool good = own_cert_last_order(env->store, jobs_node(env->jobs), &last, pr);
	bool wanted = !own_cert_is_from_upstream(conf) || own_cert_is_due(conf, 3);

	span_copy(span_str(conf->tls_upstream), ret->upstream, sizeof(ret->upstream));
	if (good && strcmp(last.upstream, conf->tls_upstream) == 0) {
		memcpy(ret->order, last.ref, sizeof(ret->order));
		if (last.state == ORDER_PROCESSING)
			ret->renewal = "ordered";
		else if (wanted && last.state == ORDER_INVALID) {
			ret->renewal = "failed";
			ret->due = last.again_at;
			buf_addspan(&ret->error, buf_span(&last.error));
		}
	}
	if (!ret->renewal)
		ret->renewal = wanted ? "due" : "scheduled";
	buf_done(&last.error);
	return good;
}

bool
gate_tls_tell(const struct upstream_env *env, const struct gate_conf *conf, struct httpd_face *face, struct admin_tls *ret, struct problem *pr)
{
	if (httpd_face_cert(face, &ret->der))
		ret->file_differs = differs(conf, buf_span(&ret->der));
	ret->source = has_files(conf) ? "files" : own_cert_is_from_upstream(conf) ? "upstream" : "own-ca";
	if (has_files(conf)) {
		ret->renewal = "manual";
		return true;
	}
	if (conf->tls_upstream && conf->tls_upstream[0] && !tell_upstream(env, conf, ret, pr))
		return false;
	if (!ret->renewal)
		ret->renewal = "scheduled";
	if (strcmp(ret->renewal, "scheduled") == 0)
		ret->due = due_at(buf_span(&ret->der));
	return true;
}
