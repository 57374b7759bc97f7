/* conf_tenant.c - tenants and their quotas: look-ups, what must be true of them, and what is derived; see conf.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/conf.h"
#include "quota/usage.h"

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

/* What is said of `default` where the list does not have it. */
static const struct tenant_conf tenant_default = { .name = "default", .share = 1 };

static const struct tenant_conf *
tenant_listed(const struct gate_conf *conf, const char *name)
{
	const struct tenant_conf *list = conf->tenants.list;

	for (size_t i = 0; i < conf->tenants.count; i++) {
		if (list[i].name && strcmp(name, list[i].name) == 0)
			return &list[i];
	}
	return NULL;
}

const struct tenant_conf *
conf_tenant(const struct gate_conf *conf, const char *name)
{
	const struct tenant_conf *found = tenant_listed(conf, name);

	return found || strcmp(name, tenant_default.name) != 0 ? found : &tenant_default;
}

const struct tenant_conf *
conf_tenant_at(const struct gate_conf *conf, size_t i)
{
	const struct tenant_conf *list = conf->tenants.list;

	if (i < conf->tenants.count)
		return &list[i];
	return i == conf->tenants.count && !tenant_listed(conf, tenant_default.name) ? &tenant_default : NULL;
}

/* ---- quotas ---- */

bool
conf_quota_is_of(const struct quota_conf *q, const char *tenant)
{
	for (size_t i = 0; i < q->tenants.count; i++) {
		if (strcmp(q->tenants.list[i], tenant) == 0)
			return true;
	}
	return q->tenants.count == 0;
}

static void
check_quota(const struct gate_conf *conf, size_t at, const struct quota_conf *q, struct conf_errors *errors)
{
	struct problem pr;

	for (size_t i = 0; i < q->tenants.count; i++) {
		WHERE("quotas[%zu].tenants[%zu]", at, i);

		if (!conf_tenant(conf, q->tenants.list[i]))
			conf_error(errors, where, "no entry of tenants is named \"%s\"", QUOTE(span_str(q->tenants.list[i])));
	}
	for (size_t i = 0; i < q->names.count; i++) {
		WHERE("quotas[%zu].names[%zu]", at, i);

		pr = (struct problem){ 0 };
		if (!policy_pattern_check(q->names.list[i], &pr))
			conf_error(errors, where, "%s", pr.detail);
	}
	WHERE("quotas[%zu].%s", at, q->soft ? "soft" : "hard");
	if (!q->soft && !q->hard)
		conf_error(errors, where, "soft or hard must be given");
	else if (q->hard && q->soft > q->hard)
		conf_error(errors, where, "soft is more than hard");
}

void
conf_tenants_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct quota_conf *list = conf->quotas.list;

	for (size_t i = 0; i < conf->quotas.count; i++)
		check_quota(conf, i, &list[i], errors);
}

bool
conf_quotas_load(struct gate_conf *conf, struct problem *pr)
{
	struct quota_conf *list = conf->quotas.list;

	for (size_t i = 0; i < conf->quotas.count; i++) {
		struct policy_rule rule = { .name = list[i].name, .allow = true, .names = (const char *const *)list[i].names.list,
			.name_count = list[i].names.count };

		if (list[i].names.count && !policy_new(&rule, 1, &list[i].policy, pr))
			return false;
	}
	return true;
}

void
conf_quotas_done(struct gate_conf *conf)
{
	struct quota_conf *list = conf->quotas.list;

	for (size_t i = 0; i < conf->quotas.count; i++)
		policy_free(list[i].policy);
}
