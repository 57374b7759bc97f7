/* conf_policy.c - rules: what must be true of them, the files they name, and the policy compiled of all; see conf.h.
 *
 * Files are read with the configuration, at the start, at a reload and by a check of it: a line that is wrong is a fault of the
 * configuration, so that a reload keeps what was in force. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/attest.h"
#include "base/secret.h"
#include "gate/conf_case.h"
#include "policy/lines.h"

#define LIST_MAX_BYTES (16 * 1024 * 1024)
#define ZONEINFO "/usr/share/zoneinfo/"

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

/* The conditions that are lists of the configuration. */
static const struct list_key {
	enum policy_cond cond;
	size_t offset;
} list_keys[] = {
	{ POLICY_TENANT, offsetof(struct rule_conf, tenants) },
	{ POLICY_EAB_KEY, offsetof(struct rule_conf, eab_keys) },
	{ POLICY_ACCOUNT, offsetof(struct rule_conf, accounts) },
	{ POLICY_ADDRESS, offsetof(struct rule_conf, networks) },
	{ POLICY_DEVICE_KIND, offsetof(struct rule_conf, device_kinds) },
	{ POLICY_DEVICE_TAG, offsetof(struct rule_conf, device_tags) },
	{ POLICY_DEVICE_OWNER, offsetof(struct rule_conf, device_owners) },
	{ POLICY_FORMAT, offsetof(struct rule_conf, device_formats) },
	{ POLICY_MODEL, offsetof(struct rule_conf, device_models) },
	{ POLICY_FIRMWARE, offsetof(struct rule_conf, device_firmware) },
	{ POLICY_PROTECTION, offsetof(struct rule_conf, key_protection) },
	{ POLICY_KEY_TYPE, offsetof(struct rule_conf, key_types) },
};

static const struct conf_strings *
list_of(const struct rule_conf *r, const struct list_key *key)
{
	return (const struct conf_strings *)((const char *)r + key->offset);
}

/* ---- for people ---- */

#define SHOWN_MAX 5

static void
say_list(const struct conf_strings *list, bool has_files, struct buf *out)
{
	for (size_t i = 0; i < list->count && i < SHOWN_MAX; i++)
		buf_addf(out, "%s%s", i ? ", " : "", list->list[i]);
	if (list->count > SHOWN_MAX)
		buf_addf(out, " and %zu more", list->count - SHOWN_MAX);
	if (has_files)
		buf_addf(out, "%sthose in its files", list->count ? ", " : "");
}

static void
say_range(int64_t min, int64_t max, const char *unit, struct buf *out)
{
	if (min)
		buf_addf(out, "at least %lld%s", (long long)min, unit);
	if (max)
		buf_addf(out, "%sat most %lld%s", min ? ", " : "", (long long)max, unit);
}

static void
say_hours(const struct rule_conf *r, struct buf *out)
{
	say_list(&r->days, false, out);
	buf_addf(out, "%s%s %s", r->days.count && r->hours ? " " : "", r->hours ? r->hours : "", r->zone ? r->zone : "UTC");
}

void
conf_rule_says(const struct rule_conf *r, enum policy_cond cond, struct buf *out)
{
	static const char *const wildcards[] = { "any", "only", "never" };

	for (size_t i = 0; i < COUNT_OF(list_keys); i++) {
		if (list_keys[i].cond == cond)
			say_list(list_of(r, &list_keys[i]), cond == POLICY_ADDRESS && r->networks_files.count, out);
	}
	if (cond == POLICY_PROFILE)
		say_list(&r->profiles, false, out);
	else if (cond == POLICY_NAME)
		say_list(&r->names, r->names_files.count, out);
	else if (cond == POLICY_NAME_COUNT)
		say_range(r->name_count_min, r->name_count_max, "", out);
	else if (cond == POLICY_LIFETIME)
		say_range(r->lifetime_min_s, r->lifetime_max_s, "s", out);
	else if (cond == POLICY_OUTSTANDING)
		say_range(r->outstanding_min, r->outstanding_max, "", out);
	else if (cond == POLICY_HOURS)
		say_hours(r, out);
	else if (cond == POLICY_TYPE)
		say_list(&r->identifier_types, false, out);
	else if (cond == POLICY_WILDCARD)
		buf_adds(out, wildcards[r->wildcard]);
}

/* ---- checks ---- */

static void
check_patterns(size_t at, const struct conf_strings *names, struct conf_errors *errors)
{
	for (size_t i = 0; i < names->count; i++) {
		struct problem pr = { 0 };
		WHERE("rules[%zu].names[%zu]", at, i);

		if (!policy_pattern_check(names->list[i], &pr))
			conf_error(errors, where, "%s", pr.detail);
	}
}

static void
check_texts(size_t at, enum policy_cond cond, const struct conf_strings *texts, struct conf_errors *errors)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct problem pr = { 0 };
		WHERE("rules[%zu].%s[%zu]", at, policy_cond_name(cond), i);

		if (!policy_text_check(cond, texts->list[i], &pr))
			conf_error(errors, where, "%s", pr.detail);
	}
}

static void
check_paths(size_t at, const char *key, const struct conf_strings *files, struct conf_errors *errors)
{
	for (size_t i = 0; i < files->count; i++) {
		WHERE("rules[%zu].%s[%zu]", at, key, i);

		if (files->list[i][0] != '/')
			conf_error(errors, where, "\"%s\" must be a path from the root (/...)", QUOTE(span_str(files->list[i])));
	}
}

/* A word that means nothing would make a rule that never matches, or a refusal that never refuses. */
static bool
is_known(enum policy_cond cond, const char *text)
{
	static const char *const keys[] = { "p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa4096" };
	enum attest_format format;

	if (cond == POLICY_FORMAT)
		return attest_format_parse(span_str(text), &format);
	for (int i = ATTEST_TEE; cond == POLICY_PROTECTION && i <= ATTEST_AUTHENTICATOR; i++) {
		if (strcmp(text, attest_protection_name((enum attest_protection)i)) == 0)
			return true;
	}
	for (size_t i = 0; cond == POLICY_KEY_TYPE && i < COUNT_OF(keys); i++) {
		if (strcmp(text, keys[i]) == 0)
			return true;
	}
	return cond != POLICY_PROTECTION && cond != POLICY_KEY_TYPE;
}

static void
check_words(size_t at, enum policy_cond cond, const struct conf_strings *texts, struct conf_errors *errors)
{
	for (size_t i = 0; i < texts->count; i++) {
		WHERE("rules[%zu].%s[%zu]", at, policy_cond_name(cond), i);

		if (!is_known(cond, texts->list[i]))
			conf_error(errors, where, "\"%s\" is unknown", QUOTE(span_str(texts->list[i])));
	}
}

static bool
type_of(const char *name, enum ident_type *ret)
{
	for (int t = 0; t < IDENT__COUNT; t++) {
		if (strcmp(ident_type_name((enum ident_type)t), name) == 0) {
			*ret = (enum ident_type)t;
			return true;
		}
	}
	return false;
}

static bool
zone_is_name(const char *zone)
{
	return zone[strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] == '\0' && zone[0] != '/' && zone[0] != '-';
}

static void
check_hours(size_t at, const struct rule_conf *r, struct conf_errors *errors)
{
	struct policy_hours hours = { 0 };
	struct problem pr = { 0 };
	WHERE("rules[%zu].hours", at);

	if (r->hours && !policy_hours_parse(span_str(r->hours), &hours, &pr))
		conf_error(errors, where, "%s", pr.detail);
	for (size_t i = 0; i < r->days.count; i++) {
		snprintf(where, sizeof(where), "rules[%zu].days[%zu]", at, i);
		if (!policy_days_parse(span_str(r->days.list[i]), &hours, &pr))
			conf_error(errors, where, "%s", pr.detail);
	}
	snprintf(where, sizeof(where), "rules[%zu].zone", at);
	if (r->zone && !zone_is_name(r->zone))
		conf_error(errors, where, "\"%s\" is no time zone", QUOTE(span_str(r->zone)));
	else if (r->zone && !r->hours && !r->days.count)
		conf_error(errors, where, "is of no use without days or hours");
}

static void
check_range(size_t at, const char *key, int64_t min, int64_t max, struct conf_errors *errors)
{
	WHERE("rules[%zu].%s_max", at, key);

	if (max && max < min)
		conf_error(errors, where, "is less than %s_min", key);
}

/* What an order may have that the rule allows. */
static void
check_effects(const struct gate_conf *conf, size_t at, const struct rule_conf *r, struct conf_errors *errors)
{
	const bool given[] = { r->challenges.count > 0, r->already_proven, r->upstreams.count > 0, r->longest_wait_s > 0 };
	static const char *const keys[] = { "challenges", "already_proven", "upstreams", "longest_wait" };
	WHERE("rules[%zu].challenges", at);

	if (r->already_proven && r->challenges.count)
		conf_error(errors, where, "cannot go with already_proven: nothing is to be proven");
	for (size_t i = 0; r->action != 0 && i < COUNT_OF(keys); i++) {
		snprintf(where, sizeof(where), "rules[%zu].%s", at, keys[i]);
		if (given[i])
			conf_error(errors, where, "is for rules that allow");
	}
	for (size_t i = 0; i < r->challenges.count; i++) {
		snprintf(where, sizeof(where), "rules[%zu].challenges[%zu]", at, i);
		if (!conf_challenge_is_known(r->challenges.list[i]))
			conf_error(errors, where, "\"%s\" is unknown", QUOTE(span_str(r->challenges.list[i])));
	}
	for (size_t i = 0; i < r->upstreams.count; i++) {
		snprintf(where, sizeof(where), "rules[%zu].upstreams[%zu]", at, i);
		if (!conf_upstream(conf, r->upstreams.list[i]))
			conf_error(errors, where, "no entry of upstreams is named \"%s\"", QUOTE(span_str(r->upstreams.list[i])));
	}
}

/* A tenant that is none would be one that no account has; how their names begin may be said of those to come. */
static void
check_tenants(const struct gate_conf *conf, size_t at, const struct conf_strings *tenants, struct conf_errors *errors)
{
	for (size_t i = 0; i < tenants->count; i++) {
		WHERE("rules[%zu].tenants[%zu]", at, i);

		if (!strchr(tenants->list[i], '*') && !conf_tenant(conf, tenants->list[i]))
			conf_error(errors, where, "no entry of tenants is named \"%s\"", QUOTE(span_str(tenants->list[i])));
	}
}

static void
check_rule(const struct gate_conf *conf, size_t at, const struct rule_conf *r, struct conf_errors *errors)
{
	enum ident_type type;
	WHERE("rules[%zu].names", at);

	if (!r->names.count && !r->names_files.count && r->name)
		conf_error(errors, where, "is required and not there");
	check_patterns(at, &r->names, errors);
	check_paths(at, "names_files", &r->names_files, errors);
	check_paths(at, "networks_files", &r->networks_files, errors);
	for (size_t i = 0; i < COUNT_OF(list_keys); i++) {
		check_texts(at, list_keys[i].cond, list_of(r, &list_keys[i]), errors);
		check_words(at, list_keys[i].cond, list_of(r, &list_keys[i]), errors);
	}
	check_tenants(conf, at, &r->tenants, errors);
	for (size_t i = 0; i < r->profiles.count; i++) {
		snprintf(where, sizeof(where), "rules[%zu].profiles[%zu]", at, i);
		if (!conf_profile(conf, span_str(r->profiles.list[i])))
			conf_error(errors, where, "no entry of profiles is named \"%s\"", QUOTE(span_str(r->profiles.list[i])));
	}
	for (size_t i = 0; i < r->identifier_types.count; i++) {
		snprintf(where, sizeof(where), "rules[%zu].identifier_types[%zu]", at, i);
		if (!type_of(r->identifier_types.list[i], &type))
			conf_error(errors, where, "\"%s\" is unknown: expected dns, ip, permanent-identifier or hardware-module",
				QUOTE(span_str(r->identifier_types.list[i])));
	}
	check_range(at, "name_count", r->name_count_min, r->name_count_max, errors);
	check_range(at, "lifetime", r->lifetime_min_s, r->lifetime_max_s, errors);
	check_range(at, "outstanding", r->outstanding_min, r->outstanding_max, errors);
	check_hours(at, r, errors);
	check_effects(conf, at, r, errors);
}

void
conf_policy_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct rule_conf *list = conf->rules.list;

	for (size_t i = 0; i < conf->rules.count; i++)
		check_rule(conf, i, &list[i], errors);
	for (size_t i = 0; i < conf->policy_tests.count; i++) {
		WHERE("policy_tests[%zu]", i);

		if (conf->policy_tests.list[i][0] != '/')
			conf_error(errors, where, "\"%s\" must be a path from the root (/...)", QUOTE(span_str(conf->policy_tests.list[i])));
	}
}

/* ---- files ---- */

/* Texts of the file and of those before, borrowed from what was written in the rule, or from `texts`. */
struct pool {
	const char **list;
	size_t count, cap;
	struct buf *texts; /* one for each file */
	size_t text_count;
};

static void
pool_add(struct pool *pool, const char *text)
{
	if (pool->count == pool->cap) {
		pool->cap = pool->cap ? 2 * pool->cap : 16;
		pool->list = xrealloc(pool->list, pool->cap * sizeof(*pool->list));
	}
	pool->list[pool->count++] = text;
}

static void
pool_done(struct pool *pool)
{
	for (size_t i = 0; i < pool->text_count; i++)
		buf_done(&pool->texts[i]);
	free(pool->texts);
	free(pool->list);
}

static bool
check_line(const char *text, const enum policy_cond *cond, struct problem *pr)
{
	return cond ? policy_text_check(*cond, text, pr) : policy_pattern_check(text, pr);
}

/* cond NULL: patterns of names. */
static bool
load_file(struct pool *pool, struct buf *text, const char *where, const char *path, const enum policy_cond *cond, struct conf_errors *errors)
{
	struct problem pr = { 0 };
	struct lines lines;
	struct span line;
	bool good = true;

	*text = BUF_MAX(LIST_MAX_BYTES);
	if (!file_load(path, text, &pr)) {
		conf_error(errors, where, "%s", pr.cause);
		return false;
	}
	buf_cstr(text);
	lines = lines_of(buf_span(text));
	while (lines_next(&lines, &line)) {
		/* the text is ours: the line's end becomes the string's */
		text->p[line.p - text->p + (ptrdiff_t)line.n] = '\0';
		pr = (struct problem){ 0 };
		if (strlen(line.p) != line.n)
			problem_set(&pr, PROBLEM_MALFORMED, "has a NUL octet");
		else if (check_line(line.p, cond, &pr)) {
			pool_add(pool, line.p);
			continue;
		}
		conf_error(errors, where, "%s:%u: %s", path, lines.number, pr.detail);
		good = false;
	}
	return good;
}

static bool
load_list(struct pool *pool, size_t at, const char *key, const struct conf_strings *written, const struct conf_strings *files,
	const enum policy_cond *cond, struct conf_errors *errors)
{
	bool good = true;

	pool->texts = xcalloc(files->count + 1, sizeof(*pool->texts));
	for (size_t i = 0; i < written->count; i++)
		pool_add(pool, written->list[i]);
	for (size_t i = 0; i < files->count; i++) {
		WHERE("rules[%zu].%s[%zu]", at, key, i);

		good = load_file(pool, &pool->texts[pool->text_count++], where, files->list[i], cond, errors) && good;
	}
	return good;
}

static bool
load_zone(struct gate_conf *conf, size_t at, const char *name, struct conf_errors *errors)
{
	AUTO_FREE char *path = xasprintf(ZONEINFO "%s", name);
	AUTO_BUF file = BUF_MAX(POLICY_ZONE_MAX_BYTES);
	struct problem pr = { 0 };
	WHERE("rules[%zu].zone", at);

	if (!file_load(path, &file, &pr))
		conf_error(errors, where, "\"%s\" is no time zone that this machine knows: %s", name, pr.cause);
	else if (!policy_zone_parse(buf_span(&file), &conf->zones[conf->zone_count], &pr))
		conf_error(errors, where, "%s %s", path, pr.detail);
	else {
		conf->zone_count++;
		return true;
	}
	return false;
}

/* ---- compiling ---- */

struct build {
	struct policy_rule *rules;
	struct pool *names, *networks; /* one for each rule */
	size_t count;
};

static struct policy_strings
strings_of(const struct conf_strings *s)
{
	return (struct policy_strings){ (const char *const *)s->list, s->count };
}

static void
build_conditions(const struct rule_conf *from, struct policy_rule *to)
{
	struct problem pr = { 0 };
	enum ident_type type;
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(list_keys); i++)
		to->lists[list_keys[i].cond] = strings_of(list_of(from, &list_keys[i]));
	to->ranges[POLICY_NAME_COUNT - POLICY_LISTS] = (struct policy_range){ from->name_count_min, from->name_count_max };
	to->ranges[POLICY_LIFETIME - POLICY_LISTS] = (struct policy_range){ from->lifetime_min_s, from->lifetime_max_s };
	to->ranges[POLICY_OUTSTANDING - POLICY_LISTS] = (struct policy_range){ from->outstanding_min, from->outstanding_max };
	for (size_t i = 0; i < from->identifier_types.count; i++)
		to->types |= type_of(from->identifier_types.list[i], &type) ? 1u << type : 0;
	/* they were checked */
	good = good && (!from->hours || policy_hours_parse(span_str(from->hours), &to->hours, &pr));
	for (size_t i = 0; good && i < from->days.count; i++)
		good = policy_days_parse(span_str(from->days.list[i]), &to->hours, &pr);
}

static bool
build_rule(struct gate_conf *conf, size_t at, struct build *b, struct conf_errors *errors)
{
	static const enum policy_cond address = POLICY_ADDRESS;
	const struct rule_conf *from = (const struct rule_conf *)conf->rules.list + at;
	struct policy_rule *to = &b->rules[at];
	struct pool *names = &b->names[at], *networks = &b->networks[at];
	bool good;

	*to = (struct policy_rule){
		.name = from->name,
		.allow = from->action == 0,
		.warn = from->mode == 1,
		.profiles = (const char *const *)from->profiles.list,
		.profile_count = from->profiles.count,
		.say = from->say,
		.wildcard = (enum policy_wildcard)from->wildcard,
		.no_idn = from->idn == 1,
	};
	good = load_list(names, at, "names_files", &from->names, &from->names_files, NULL, errors);
	good = load_list(networks, at, "networks_files", &from->networks, &from->networks_files, &address, errors) && good;
	if (from->zone && !load_zone(conf, at, from->zone, errors))
		good = false;
	else if (from->zone)
		to->hours.zone = conf->zones[conf->zone_count - 1];
	build_conditions(from, to);
	to->names = names->list;
	to->name_count = names->count;
	to->lists[POLICY_ADDRESS] = (struct policy_strings){ networks->list, networks->count };
	/* a list that is empty by its file is no list that asks for nothing */
	if (from->networks_files.count && !networks->count) {
		WHERE("rules[%zu].networks_files", at);
		conf_error(errors, where, "there is no network in them: the rule would be for all");
		good = false;
	}
	return good;
}

bool
conf_policy_load(struct gate_conf *conf, struct conf_errors *errors)
{
	size_t n = conf->rules.count;
	struct build b = { .rules = xcalloc(n + 1, sizeof(*b.rules)), .names = xcalloc(n + 1, sizeof(*b.names)), .networks = xcalloc(n + 1, sizeof(*b.networks)), .count = n };
	struct problem pr = { 0 };
	bool good = true;

	conf->zones = xcalloc(n + 1, sizeof(*conf->zones));
	conf->rule_counts = xcalloc(n + 1, sizeof(*conf->rule_counts));
	for (size_t i = 0; i < n; i++)
		good = build_rule(conf, i, &b, errors) && good;
	if (good && !policy_new(b.rules, n, &conf->policy, &pr)) {
		conf_error(errors, "rules", "%s", pr.detail);
		good = false;
	}
	for (size_t i = 0; i < n; i++) {
		pool_done(&b.names[i]);
		pool_done(&b.networks[i]);
	}
	free(b.rules);
	free(b.names);
	free(b.networks);
	return good;
}

void
conf_policy_done(struct gate_conf *conf)
{
	policy_free(conf->policy);
	for (size_t i = 0; i < conf->zone_count; i++)
		policy_zone_free(conf->zones[i]);
	free(conf->zones);
	free(conf->rule_counts);
}
