/* conf_device.c - profiles that know devices: what must be true of identifier_types, device_names and csr_names; see conf.h. */
#include <stdio.h>

#include "gate/conf.h"
#include "policy/mapping.h"

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

static bool
has(const struct conf_strings *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->list[i], s) == 0)
			return true;
	}
	return false;
}

/* An identifier of a device is proven by attestation alone (V6). */
static void
check_types(size_t at, const struct profile_conf *p, struct conf_errors *errors)
{
	static const char *const devices[] = { "permanent-identifier", "hardware-module" };
	const struct conf_strings *types = &p->identifier_types;

	for (size_t i = 0; i < types->count; i++) {
		WHERE("profiles[%zu].identifier_types[%zu]", at, i);

		if ((strcmp(types->list[i], devices[0]) == 0 || strcmp(types->list[i], devices[1]) == 0) &&
			!has(&p->challenges, "device-attest-01"))
			conf_error(errors, where, "a device is proven by device-attest-01, which is not among challenges");
	}
}

static void
check_templates(size_t at, const struct profile_conf *p, struct conf_errors *errors)
{
	for (size_t i = 0; i < p->device_names.count; i++) {
		struct problem pr = { 0 };
		WHERE("profiles[%zu].device_names[%zu]", at, i);

		if (!mapping_check(p->device_names.list[i], &pr))
			conf_error(errors, where, "%s", pr.detail);
		else if (has(&(struct conf_strings){ .list = p->device_names.list, .count = i }, p->device_names.list[i]))
			conf_error(errors, where, "\"%s\" is there twice", p->device_names.list[i]);
	}
}

/* Names that are ordered beside the device have challenges of their own until it has proven itself (V10). */
static bool
may_order_names(const struct profile_conf *p)
{
	return has(&p->identifier_types, "dns") &&
		(p->challenges.count > 1 || !has(&p->challenges, "device-attest-01"));
}

static void
check_names(const struct gate_conf *conf, size_t at, const struct profile_conf *p, struct conf_errors *errors)
{
	const struct upstream_conf *u = conf_profile_ca_count(p) ? conf_profile_ca(conf, p, 0) : NULL;
	bool devices = has(&p->identifier_types, "permanent-identifier") || has(&p->identifier_types, "hardware-module");
	bool names = has(&p->identifier_types, "dns") || has(&p->identifier_types, "ip");
	WHERE("profiles[%zu].device_names", at);

	if (p->device_names.count && !devices)
		conf_error(errors, where, "neither permanent-identifier nor hardware-module is among identifier_types");
	else if (p->device_names.count && p->csr_names == CSR_NAMES_ORDER && !may_order_names(p))
		conf_error(errors, where, "with csr_names = \"order\" they are ordered beside the device: dns must be among identifier_types, and "
			"a challenge for it among challenges");
	snprintf(where, sizeof(where), "profiles[%zu].csr_names", at);
	if (p->csr_names == CSR_NAMES_MAPPED && !p->device_names.count)
		conf_error(errors, where, "\"mapped\" needs device_names");
	else if (u && u->driver != DRIVER_LOCAL && devices && !names && p->csr_names == CSR_NAMES_ORDER)
		conf_error(errors, where, "a CA outside must not learn of devices, and orders have nothing else here: dns among identifier_types, "
			"or device_names and csr_names = \"mapped\"");
}

void
conf_device_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct profile_conf *list = conf->profiles.list;

	for (size_t i = 0; i < conf->profiles.count; i++) {
		check_types(i, &list[i], errors);
		check_templates(i, &list[i], errors);
		check_names(conf, i, &list[i], errors);
	}
}
