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
