/* conf_maintenance.c - when certificates may be renewed: calendars by name, of profiles and of devices' tags; see conf.h. */
#include <stdio.h>

#include "cal/calendar.h"
#include "gate/conf.h"

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

static const struct maintenance_conf *
find(const struct gate_conf *conf, const char *name)
{
	const struct maintenance_conf *list = conf->maintenance.list;

	for (size_t i = 0; i < conf->maintenance.count; i++) {
		if (list[i].name && strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

typedef bool (*add_fn)(struct calendar *c, const char *text, struct problem *pr);

static void
add_each(struct maintenance_conf *m, size_t at, const char *key, const struct conf_strings *texts, add_fn add, struct conf_errors *errors)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct problem pr = { 0 };
		WHERE("maintenance[%zu].%s[%zu]", at, key, i);

		if (!add(m->calendar, texts->list[i], &pr))
			conf_error(errors, where, "%s", pr.detail);
	}
}

/* One word, as device records have them. */
static void
check_tags(const struct maintenance_conf *m, size_t at, struct conf_errors *errors)
{
	for (size_t i = 0; i < m->tags.count; i++) {
		const char *tag = m->tags.list[i];
		WHERE("maintenance[%zu].tags[%zu]", at, i);

		if (tag[0] == '\0' || strpbrk(tag, " \t\n"))
			conf_error(errors, where, "\"%s\" is no tag: it is empty or has a blank", QUOTE(span_str(tag)));
	}
}

static void
make_calendar(struct maintenance_conf *m, size_t at, struct conf_errors *errors)
{
	struct problem pr = { 0 };
	WHERE("maintenance[%zu].time_zone", at);

	if (!m->time_zone || !calendar_new(m->time_zone, &m->calendar, &pr)) {
		conf_error(errors, where, "%s", pr.detail);
		return;
	}
	add_each(m, at, "hours", &m->hours, calendar_add_hours, errors);
	add_each(m, at, "blackouts", &m->blackouts, calendar_add_blackout, errors);
}

void
conf_maintenance_check(struct gate_conf *conf, struct conf_errors *errors)
{
	struct maintenance_conf *list = conf->maintenance.list;
	const struct profile_conf *profiles = conf->profiles.list;

	for (size_t i = 0; i < conf->maintenance.count; i++) {
		make_calendar(&list[i], i, errors);
		check_tags(&list[i], i, errors);
	}
	for (size_t i = 0; i < conf->profiles.count; i++) {
		WHERE("profiles[%zu].maintenance", i);

		if (profiles[i].maintenance && !find(conf, profiles[i].maintenance))
			conf_error(errors, where, "no entry of maintenance is named \"%s\"", QUOTE(span_str(profiles[i].maintenance)));
	}
}

void
conf_maintenance_done(struct gate_conf *conf)
{
	struct maintenance_conf *list = conf->maintenance.list;

	for (size_t i = 0; i < conf->maintenance.count; i++)
		calendar_free(list[i].calendar);
}

static bool
is_for(const struct maintenance_conf *m, const char *tags)
{
	for (size_t i = 0; i < m->tags.count; i++) {
		size_t n = strlen(m->tags.list[i]);

		for (const char *p = tags; (p = strstr(p, m->tags.list[i])); p++) {
			if (p > tags && p[-1] == ' ' && p[n] == ' ')
				return true;
		}
	}
	return false;
}

const struct maintenance_conf *
conf_maintenance(const struct gate_conf *conf, const char *profile, const char *tags)
{
	const struct maintenance_conf *list = conf->maintenance.list;
	const struct profile_conf *p;

	for (size_t i = 0; tags[0] && i < conf->maintenance.count; i++) {
		if (is_for(&list[i], tags))
			return &list[i];
	}
	p = conf_profile(conf, span_str(profile));
	return p && p->maintenance ? find(conf, p->maintenance) : NULL;
}

bool
conf_maintenance_by_tag(const struct gate_conf *conf)
{
	const struct maintenance_conf *list = conf->maintenance.list;

	for (size_t i = 0; i < conf->maintenance.count; i++) {
		if (list[i].tags.count)
			return true;
	}
	return false;
}
