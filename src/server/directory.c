/* directory.c - the directory object (RFC 8555 7.1.1, draft-ietf-acme-profiles section 3). */
#include <stdio.h>

#include "server/api.h"

static const struct {
	const char *name, *path;
	bool in_profile;
	bool pre_authorization; /* only where the profile has it (RFC 8555 7.1.1) */
} entries[] = {
	{ "newNonce", "/new-nonce", false },
	{ "newAccount", "/new-account", true },
	{ "newOrder", "/new-order", true },
	{ "newAuthz", "/new-authz", true, true },
	{ "revokeCert", "/revoke-cert", false },
	{ "keyChange", "/key-change", false },
	{ "renewalInfo", "/renewal-info", false },
	{ "acmegate-renewalInfoBatch", RENEWAL_BATCH_PATH, false }, /* doc/mass-ari.md */
};

static void
write_profiles(struct jw *w, const struct gate_conf *conf, const struct profile_conf *only)
{
	const struct profile_conf *list = conf->profiles.list;

	jw_object(w, "profiles");
	for (size_t i = 0; i < conf->profiles.count; i++) {
		if (only ? &list[i] == only : list[i].advertise)
			jw_str(w, list[i].name, list[i].description && list[i].description[0] ? list[i].description : list[i].name);
	}
	jw_end(w);
}

static void
write_meta(struct jw *w, const struct gate_conf *conf, const struct profile_conf *profile, const struct profile_conf *in_force)
{
	jw_object(w, "meta");
	write_profiles(w, conf, profile);
	if (conf->terms_of_service)
		jw_str(w, "termsOfService", conf->terms_of_service);
	if (conf->website && conf->website[0])
		jw_str(w, "website", conf->website);
	if (conf->caa_identities.count) {
		jw_array(w, "caaIdentities");
		for (size_t i = 0; i < conf->caa_identities.count; i++)
			jw_str(w, NULL, conf->caa_identities.list[i]);
		jw_end(w);
	}
	if (in_force && in_force->eab == EAB_REQUIRED)
		jw_bool(w, "externalAccountRequired", true);
	if (in_force && in_force->subdomains)
		jw_bool(w, "subdomainAuthAllowed", true);
	jw_end(w);
}

void
directory_write(const struct gate_conf *conf, const struct profile_conf *profile, struct buf *out)
{
	/* without a profile in the path it is the default one's word that counts (E1) */
	const struct profile_conf *in_force = profile ? profile : conf_profile(conf, span_str(conf->default_profile));
	struct jw w;

	buf_done(out);
	*out = BUF_MAX(256 * 1024);
	w = jw_to(out);
	jw_object(&w, NULL);
	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		char url[API_URL_TEXT];

		if (entries[i].pre_authorization && !(in_force && in_force->pre_authorization))
			continue;
		snprintf(url, sizeof(url), "%s%s%s%s", conf->external_url,
			profile && entries[i].in_profile ? "/p/" : "",
			profile && entries[i].in_profile ? profile->name : "", entries[i].path);
		jw_str(&w, entries[i].name, url);
	}
	write_meta(&w, conf, profile, in_force);
	jw_end(&w);
}
