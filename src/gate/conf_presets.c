/* conf_presets.c - CAs that are known by name: what an entry of upstreams need not say of them (`preset`). A CA changes its ways within
 * months: whatever stands here is a default, and what the operator writes goes before it. What no source tells is left unknown, and
 * then it is tried. State of September 2026. */
#include "gate/conf.h"

#include <string.h>

#include "base/mem.h"

/* Boulder: "*.x" with "a.x" is refused as redundant, at most 100 names, 25 with the newer profiles; addresses by `shortlived` alone. */
#define LETSENCRYPT                                                                                            \
	.max_names = 100, .covered_names = KNOWN_NO, .wildcards = KNOWN_YES, .not_after = KNOWN_NO,            \
	.client_auth = KNOWN_NO, .addresses = KNOWN_NO, .profiles = {                                          \
		{ "classic", 100, KNOWN_NO }, { "tlsserver", 25, KNOWN_NO }, { "shortlived", 25, KNOWN_YES } }

static const struct ca_preset presets[] = {
	{ .name = "letsencrypt", .directory = "https://acme-v02.api.letsencrypt.org/directory", .limits = LIMITS_LETSENCRYPT, LETSENCRYPT },
	{ .name = "letsencrypt-staging", .directory = "https://acme-staging-v02.api.letsencrypt.org/directory",
		.limits = LIMITS_LETSENCRYPT_STAGING, LETSENCRYPT },
	{ .name = "google", .directory = "https://dv.acme-v02.api.pki.goog/directory", .needs_eab = true, .wildcards = KNOWN_YES,
		.not_after = KNOWN_YES, .client_auth = KNOWN_NO },
	{ .name = "google-staging", .directory = "https://dv.acme-v02.test-api.pki.goog/directory", .needs_eab = true,
		.wildcards = KNOWN_YES, .not_after = KNOWN_YES, .client_auth = KNOWN_NO },
	{ .name = "zerossl", .directory = "https://acme.zerossl.com/v2/DV90", .needs_eab = true, .addresses = KNOWN_NO,
		.wildcards = KNOWN_YES },
	{ .name = "sslcom", .directory = "https://acme.ssl.com/sslcom-dv-rsa", .needs_eab = true, .needs_contact = true,
		.replaces = KNOWN_NO },
	{ .name = "actalis", .directory = "https://acme-api.actalis.com/acme/directory", .needs_eab = true, .addresses = KNOWN_NO },
	{ .name = "digicert", .directory = "https://one.digicert.com/mpki/api/v1/acme/v2/directory", .needs_eab = true,
		.addresses = KNOWN_NO },
	/* finalize blocks for the better part of a minute, and its answer must be waited for */
	{ .name = "sectigo", .directory = "https://acme.sectigo.com/v2/DV", .needs_eab = true, .request_ms = 2 * 60 * 1000 },
	/* each customer has a directory of his own; a `replaces` ends in 404 */
	{ .name = "harica", .needs_eab = true, .needs_contact = true, .replaces = KNOWN_NO, .challenges = { "http-01", "dns-01" } },
	{ .name = "globalsign", .directory = "https://emea.acme.atlas.globalsign.com/directory", .needs_eab = true },
	{ .name = "certinext", .directory = "https://acme-us.certinext.io/v1/directory", .needs_eab = true },
};

const struct ca_preset *
ca_preset_at(size_t i)
{
	return i < COUNT_OF(presets) ? &presets[i] : NULL;
}

const struct ca_preset *
ca_preset_find(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(presets); i++) {
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	}
	return NULL;
}

static void
fill(struct upstream_conf *u, const struct ca_preset *preset)
{
	if (!u->directory && preset->directory)
		u->directory = xstrdup(preset->directory);
	if (!u->request_ms)
		u->request_ms = preset->request_ms;
}

void
conf_presets_apply(struct gate_conf *conf)
{
	struct upstream_conf *list = conf->upstreams.list;

	for (size_t i = 0; i < conf->upstreams.count; i++) {
		const struct ca_preset *preset = ca_preset_find(list[i].preset);

		if (preset && list[i].driver == DRIVER_ACME)
			fill(&list[i], preset);
		if (!list[i].request_ms)
			list[i].request_ms = CA_REQUEST_MS;
		if (list[i].kind == CA_KIND_AUTO)
			list[i].kind = list[i].driver == DRIVER_LOCAL ? CA_KIND_PRIVATE : CA_KIND_PUBLIC;
	}
}

/* ---- what counts for an entry: written, else of the preset, else not known ---- */

static int
known(int written, int preset)
{
	return written != KNOWN_AUTO ? written : preset;
}

static void
take_profile(struct ca_facts *f, const struct ca_preset *preset, const char *profile)
{
	for (size_t i = 0; profile && i < COUNT_OF(preset->profiles) && preset->profiles[i].name; i++) {
		if (strcmp(preset->profiles[i].name, profile) == 0) {
			f->max_names = preset->profiles[i].max_names;
			f->addresses = preset->profiles[i].addresses;
		}
	}
}

void
conf_ca_facts(const struct upstream_conf *u, const struct profile_conf *p, struct ca_facts *ret)
{
	static const struct ca_preset none = { .name = "" };
	const struct ca_preset *preset = ca_preset_find(u->preset);
	struct ca_facts f;

	preset = preset ? preset : &none;
	f = (struct ca_facts){ .max_names = preset->max_names, .addresses = preset->addresses };
	f.profile = p && p->upstream_profile ? p->upstream_profile : u->upstream_profile;
	take_profile(&f, preset, f.profile);
	f.max_names = u->max_names ? u->max_names : f.max_names;
	f.addresses = known(u->addresses, f.addresses);
	f.wildcards = known(u->wildcards, preset->wildcards);
	f.covered_names = known(u->covered_names, preset->covered_names);
	f.not_after = known(u->not_after, preset->not_after);
	f.client_auth = known(u->client_auth, preset->client_auth);
	f.replaces = known(u->replaces, preset->replaces);
	*ret = f;
}

bool
conf_ca_has_challenge(const struct upstream_conf *u, const char *type)
{
	const struct ca_preset *preset = ca_preset_find(u->preset);
	bool any = true;

	for (size_t i = 0; i < u->challenges.count; i++) {
		any = false;
		if (strcmp(u->challenges.list[i], type) == 0)
			return true;
	}
	if (!any || !preset || !preset->challenges[0])
		return any;
	for (size_t i = 0; i < COUNT_OF(preset->challenges) && preset->challenges[i]; i++) {
		if (strcmp(preset->challenges[i], type) == 0)
			return true;
	}
	return false;
}
