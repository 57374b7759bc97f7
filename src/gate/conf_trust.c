/* conf_trust.c - attestation_trust: what must be true of it, and the files it names; see conf.h.
 *
 * They are read with the configuration, at the start, at a reload and by a check of it, so that a snapshot has all that a verdict takes
 * and no request waits for a disk. A revocation list that is too old is no fault of the configuration: the gateway serves all else (V14). */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/secret.h"
#include "gate/conf.h"

#define FILE_MAX_BYTES (16 * 1024 * 1024)

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

/* ---- checks ---- */

static const struct trust_conf *
find(const struct gate_conf *conf, const char *name)
{
	const struct trust_conf *list = conf->attestation_trust.list;

	for (size_t i = 0; i < conf->attestation_trust.count; i++) {
		if (list[i].name && strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

static bool
has_challenge(const struct profile_conf *p)
{
	for (size_t i = 0; i < p->challenges.count; i++) {
		if (strcmp(p->challenges.list[i], "device-attest-01") == 0)
			return true;
	}
	return false;
}

/* Of a format there is one: which of two roots counts must not depend on who came first. */
static void
check_named(const struct gate_conf *conf, size_t at, const struct profile_conf *p, struct conf_errors *errors)
{
	bool seen[ATTEST__COUNT] = { false };

	for (size_t i = 0; i < p->attestation.count; i++) {
		const struct trust_conf *t = find(conf, p->attestation.list[i]);
		WHERE("profiles[%zu].attestation[%zu]", at, i);

		if (!t)
			conf_error(errors, where, "no entry of attestation_trust is named \"%s\"",
				QUOTE(span_str(p->attestation.list[i])));
		else if (seen[t->format])
			conf_error(errors, where, "another entry before it is of format %s, too",
				attest_format_name((enum attest_format)t->format));
		else
			seen[t->format] = true;
	}
}

static void
check_profiles(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct profile_conf *list = conf->profiles.list;

	for (size_t i = 0; i < conf->profiles.count; i++) {
		const struct profile_conf *p = &list[i];
		WHERE("profiles[%zu].%s", i, p->attestation.count ? "attestation" : "challenges");

		check_named(conf, i, p, errors);
		if (p->attestation.count && !has_challenge(p))
			conf_error(errors, where, "is of no use without device-attest-01 among challenges");
		snprintf(where, sizeof(where), "profiles[%zu].%s", i, p->device_hook ? "device_hook" : p->device_webhook ? "device_webhook" : "devices");
		if (!has_challenge(p) && (p->devices || p->device_hook || p->device_webhook))
			conf_error(errors, where, "is of no use without device-attest-01 among challenges");
		snprintf(where, sizeof(where), "profiles[%zu].challenges", i);
		if (!p->attestation.count && has_challenge(p))
			conf_error(errors, where, "device-attest-01 needs attestation: who vouches for the devices?");
	}
}

static void
check_places(size_t at, const char *key, const struct conf_strings *files, struct conf_errors *errors)
{
	for (size_t i = 0; i < files->count; i++) {
		WHERE("attestation_trust[%zu].%s[%zu]", at, key, i);

		if (files->list[i][0] != '/')
			conf_error(errors, where, "\"%s\" must be a path from the root (/...)", QUOTE(span_str(files->list[i])));
	}
}

static void
check_entry(size_t at, const struct trust_conf *t, struct conf_errors *errors)
{
	WHERE("attestation_trust[%zu].revoked", at);

	check_places(at, "roots", &t->roots, errors);
	check_places(at, "intermediates", &t->intermediates, errors);
	check_places(at, "crls", &t->crls, errors);
	if (t->revoked && t->revoked[0] != '/')
		conf_error(errors, where, "\"%s\" must be a path from the root (/...)", QUOTE(span_str(t->revoked)));
	/* without its name the entry had faults enough, the format may be one of them */
	if (!t->name)
		return;
	snprintf(where, sizeof(where), "attestation_trust[%zu].format", at);
	if (t->format == ATTEST_ANDROID && !t->revoked)
		conf_error(errors, where, "android-key needs revoked, the list of keys that leaked");
	snprintf(where, sizeof(where), "attestation_trust[%zu].udid_modules", at);
	if (t->udid_modules && t->format != ATTEST_APPLE)
		conf_error(errors, where, "is for format apple");
}

void
conf_trust_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct trust_conf *list = conf->attestation_trust.list;

	for (size_t i = 0; i < conf->attestation_trust.count; i++)
		check_entry(i, &list[i], errors);
	check_profiles(conf, errors);
}

/* ---- files ---- */

/* A file's text, and when it was written. */
static bool
read_file(const char *path, struct buf *out, int64_t *ret_written, struct problem *pr)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return problem_set(pr, PROBLEM_SERVER_INTERNAL, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return problem_set(pr, PROBLEM_SERVER_INTERNAL, "%s is not a file", path);
	*ret_written = st.st_mtime;
	return file_load(path, out, pr) || problem_set(pr, PROBLEM_SERVER_INTERNAL, "%s", pr->cause);
}

typedef bool (*add_fn)(struct attest_trust *trust, enum attest_format format, struct span file, struct problem *pr);

static bool
load_files(const struct trust_conf *t, size_t at, const char *key, const struct conf_strings *files, add_fn add, struct conf_errors *errors)
{
	bool good = true;

	for (size_t i = 0; i < files->count; i++) {
		AUTO_BUF text = BUF_MAX(FILE_MAX_BYTES);
		struct problem pr = { 0 };
		int64_t written;
		WHERE("attestation_trust[%zu].%s[%zu]", at, key, i);

		if (read_file(files->list[i], &text, &written, &pr) && add(t->trust, (enum attest_format)t->format, buf_span(&text), &pr))
			continue;
		conf_error(errors, where, "%s: %s", files->list[i], pr.detail);
		good = false;
	}
	return good;
}

static bool
load_revoked(struct trust_conf *t, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(ATTEST_LIST_MAX_BYTES);
	int64_t written, now = clock_unix_s();

	if (!t->revoked)
		return true;
	if (!read_file(t->revoked, &text, &written, pr))
		return false;
	/* a file of tomorrow is as good as one of now */
	t->good_until_unix_s = (written < now ? written : now) + t->revoked_max_age_s;
	return attest_trust_set_revoked(t->trust, (enum attest_format)t->format, buf_span(&text), t->good_until_unix_s, pr);
}

static bool
load_crls(struct trust_conf *t, size_t at, struct conf_errors *errors)
{
	struct problem pr = { 0 };
	int64_t good_until;
	WHERE("attestation_trust[%zu].crls", at);

	if (!t->crls.count)
		return true;
	if (!load_files(t, at, "crls", &t->crls, attest_trust_add_crls, errors))
		return false;
	if (!attest_trust_check_crls(t->trust, (enum attest_format)t->format, &good_until, &pr)) {
		conf_error(errors, where, "%s", pr.detail);
		return false;
	}
	if (!t->good_until_unix_s || good_until < t->good_until_unix_s)
		t->good_until_unix_s = good_until;
	return true;
}

static bool
load_entry(struct trust_conf *t, size_t at, struct conf_errors *errors)
{
	struct problem pr = { 0 };
	bool good;
	WHERE("attestation_trust[%zu].revoked", at);

	t->trust = attest_trust_new();
	good = load_files(t, at, "roots", &t->roots, attest_trust_add_roots, errors);
	good = load_files(t, at, "intermediates", &t->intermediates, attest_trust_add_intermediates, errors) && good;
	if (!load_revoked(t, &pr)) {
		conf_error(errors, where, "%s: %s", t->revoked, pr.detail);
		good = false;
	}
	/* who signed them is among the certificates */
	good = good && load_crls(t, at, errors);
	snprintf(where, sizeof(where), "attestation_trust[%zu].assigner", at);
	if (t->assigner && !attest_trust_set_assigner(t->trust, (enum attest_format)t->format, t->assigner, &pr)) {
		conf_error(errors, where, "%s", pr.detail);
		good = false;
	}
	if (t->udid_modules)
		attest_trust_apple_modules(t->trust, true);
	return good;
}

bool
conf_trust_load(struct gate_conf *conf, struct conf_errors *errors)
{
	struct trust_conf *list = conf->attestation_trust.list;
	struct profile_conf *profiles = conf->profiles.list;
	bool good = true;

	for (size_t i = 0; i < conf->attestation_trust.count; i++)
		good = load_entry(&list[i], i, errors) && good;
	for (size_t i = 0; good && i < conf->profiles.count; i++) {
		struct profile_conf *p = &profiles[i];

		if (p->attestation.count)
			p->trust = attest_trust_new();
		for (size_t j = 0; j < p->attestation.count; j++) {
			const struct trust_conf *t = find(conf, p->attestation.list[j]);

			attest_trust_share(p->trust, t->trust);
			p->trust_names[t->format] = t->name;
		}
	}
	return good;
}

void
conf_trust_done(struct gate_conf *conf)
{
	struct trust_conf *list = conf->attestation_trust.list;
	struct profile_conf *profiles = conf->profiles.list;

	for (size_t i = 0; i < conf->attestation_trust.count; i++)
		attest_trust_free(list[i].trust);
	for (size_t i = 0; i < conf->profiles.count; i++)
		attest_trust_free(profiles[i].trust);
}
