/* conf.c - load, derive, count references; see conf.h. What must be true of the values is in
 * conf_check.c. */
#include "gate/conf.h"

#include <stdlib.h>
#include <string.h>

#include "gate/url.h"

static void
free_conf(struct gate_conf *conf)
{
	conf_trust_done(conf);
	conf_quotas_done(conf);
	conf_rates_free(conf->prices);
	conf_maintenance_done(conf);
	conf_policy_done(conf);
	conf_done(gate_conf_keys, conf);
	free(conf->path);
	free(conf->base_path);
	free((void *)conf->reach.own);
	free(conf);
}

/* Where validation may connect: a device's name, or a redirect, must not lead to a face of our own. */
static void
derive_reach(struct gate_conf *conf)
{
	const struct conf_addrs *faces[] = { &conf->listen, &conf->http01_listen, &conf->tls_alpn01_listen, &conf->metrics_listen };
	struct addr *own = xcalloc(conf->listen.count + conf->http01_listen.count + conf->tls_alpn01_listen.count + conf->metrics_listen.count, sizeof(*own));
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(faces); i++) {
		for (size_t j = 0; j < faces[i]->count; j++)
			own[n++] = faces[i]->list[j];
	}
	conf->reach = (struct reach){ conf->networks.list, conf->networks.count, own, n };
}

/* Fill what the file left to us; only after all checks were passed. */
static bool
derive(struct gate_conf *conf, struct problem *pr)
{
	struct upstream_conf *upstreams = conf->upstreams.list;
	struct url url;

	if (!conf->master_key)
		conf->master_key = xasprintf("file:%s/master.key", conf->state_dir);
	if (!*conf->store) {
		free(conf->store);
		conf->store = xasprintf("sqlite:%s/acmegate.db", conf->state_dir);
	}
	for (size_t i = 0; i < conf->upstreams.count; i++) {
		if (upstreams[i].driver == DRIVER_LOCAL && !upstreams[i].ca_name)
			upstreams[i].ca_name = xstrdup("acmegate local CA");
		if (upstreams[i].driver == DRIVER_ACME && !upstreams[i].ca)
			upstreams[i].ca = conf_ca_label(upstreams[i].directory);
	}
	if (!url_parse(span_str(conf->external_url), &url, pr))
		return false;
	conf->base_path = span_dup(url.path);
	derive_reach(conf);
	return conf_quotas_load(conf, pr);
}

static struct gate_conf *
load(const char *path, struct span text, struct conf_errors *errors)
{
	struct gate_conf *conf = xcalloc(1, sizeof(*conf));
	struct problem pr = { 0 };
	bool good;

	atomic_init(&conf->refs, 1);
	conf->path = xstrdup(path);
	good = text.p ? conf_load_text(path, text, gate_conf_keys, conf, errors)
		      : conf_load(path, gate_conf_keys, conf, errors);
	if (errors->parsed) {
		unsigned before = errors->count;

		conf_presets_apply(conf);
		gate_conf_check(conf, errors);
		conf_maintenance_check(conf, errors);
		good = good && errors->count == before;
	}
	if (good && !derive(conf, &pr)) {
		conf_error(errors, NULL, "%s", pr.detail);
		good = false;
	}
	good = good && conf_policy_load(conf, errors) && conf_trust_load(conf, errors) && conf_rates_load(conf, errors);
	if (good)
		return conf;
	free_conf(conf);
	return NULL;
}

struct gate_conf *
gate_conf_load(const char *path, struct conf_errors *errors)
{
	return load(path, SPAN_NONE, errors);
}

struct gate_conf *
gate_conf_load_text(const char *name, struct span text, struct conf_errors *errors)
{
	return load(name, text.p ? text : SPAN(""), errors);
}

struct gate_conf *
gate_conf_ref(struct gate_conf *conf)
{
	atomic_fetch_add_explicit(&conf->refs, 1, memory_order_relaxed);
	return conf;
}

void
gate_conf_unref(struct gate_conf *conf)
{
	if (conf && atomic_fetch_sub_explicit(&conf->refs, 1, memory_order_acq_rel) == 1)
		free_conf(conf);
}

bool
gate_conf_may_reload(
	const struct gate_conf *running, const struct gate_conf *next, struct conf_errors *errors)
{
	return conf_may_reload(gate_conf_keys, running, next, errors);
}

const struct profile_conf *
conf_profile(const struct gate_conf *conf, struct span name)
{
	const struct profile_conf *list = conf->profiles.list;

	for (size_t i = 0; i < conf->profiles.count; i++) {
		if (list[i].name && span_is(name, list[i].name))
			return &list[i];
	}
	return NULL;
}

const struct upstream_conf *
conf_upstream(const struct gate_conf *conf, const char *name)
{
	const struct upstream_conf *list = conf->upstreams.list;

	for (size_t i = 0; i < conf->upstreams.count; i++) {
		if (list[i].name && strcmp(name, list[i].name) == 0)
			return &list[i];
	}
	return NULL;
}

const struct solver_conf *
conf_solver(const struct gate_conf *conf, const char *name)
{
	const struct solver_conf *list = conf->solvers.list;

	for (size_t i = 0; i < conf->solvers.count; i++) {
		if (list[i].name && strcmp(name, list[i].name) == 0)
			return &list[i];
	}
	return NULL;
}

bool
conf_solver_serves(const struct solver_conf *s, const char *upstream)
{
	for (size_t i = 0; i < s->upstreams.count; i++) {
		if (strcmp(s->upstreams.list[i], upstream) == 0)
			return true;
	}
	return s->upstreams.count == 0;
}

bool
conf_solver_is_of_dns(const struct solver_conf *s)
{
	return s->kind == SOLVER_RFC2136 || s->kind == SOLVER_EXEC || s->kind == SOLVER_ACME_DNS || s->kind == SOLVER_DNS_PERSIST01;
}

size_t
conf_validation_attempts(const struct profile_conf *p, int64_t *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < p->validation_attempts_text.count && n < max; i++) {
		if (conf_time_parse(span_str(p->validation_attempts_text.list[i]), &ret[n]))
			n++;
	}
	return n;
}
