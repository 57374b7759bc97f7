/* roles.c - who may ask what (N6): the roles of a user of this machine, by the configuration's lists of users and @groups. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/call.h"

#define GROUPS_MAX 1024
#define TEXT_MAX (16 * 1024)

static const char *const names[] = { [ROLE_ADMINISTRATOR] = "administrator", [ROLE_OPERATOR] = "operator", [ROLE_AUDITOR] = "auditor", [ROLE_VIEWER] = "viewer" };

const char *
role_name(enum role role)
{
	return names[role];
}

struct person {
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int group_count;
};

/* A user whom nobody knows has the group of his process alone. */
static void
person_find(uid_t uid, gid_t gid, struct person *ret)
{
	struct passwd pw, *found = NULL;
	char text[TEXT_MAX];

	ret->uid = uid;
	ret->groups[0] = gid;
	ret->group_count = 1;
	if (getpwuid_r(uid, &pw, text, sizeof(text), &found) != 0 || !found)
		return;
	ret->group_count = GROUPS_MAX;
	if (getgrouplist(pw.pw_name, pw.pw_gid, ret->groups, &ret->group_count) < 0)
		ret->group_count = GROUPS_MAX;
}

static bool
is_user(const struct person *p, const char *name)
{
	struct passwd pw, *found = NULL;
	char text[TEXT_MAX];

	return getpwnam_r(name, &pw, text, sizeof(text), &found) == 0 && found && found->pw_uid == p->uid;
}

static bool
is_member(const struct person *p, const char *name)
{
	struct group gr, *found = NULL;
	char text[4 * TEXT_MAX];

	if (getgrnam_r(name, &gr, text, sizeof(text), &found) != 0 || !found)
		return false;
	for (int i = 0; i < p->group_count; i++) {
		if (p->groups[i] == found->gr_gid)
			return true;
	}
	return false;
}

static bool
is_listed(const struct person *p, const struct conf_strings *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->list[i];

		if (name[0] == '@' ? is_member(p, name + 1) : is_user(p, name))
			return true;
	}
	return false;
}

/* In the order of enum role. */
static void
lists_of(const struct gate_conf *conf, const struct conf_strings *ret[ROLE__COUNT])
{
	ret[ROLE_ADMINISTRATOR] = &conf->admin_users;
	ret[ROLE_OPERATOR] = &conf->operators;
	ret[ROLE_AUDITOR] = &conf->auditors;
	ret[ROLE_VIEWER] = &conf->viewers;
}

bool
roles_named(const struct gate_conf *conf)
{
	return conf->admin_users.count + conf->operators.count + conf->auditors.count + conf->viewers.count > 0;
}

unsigned
roles_of(const struct gate_conf *conf, uid_t uid, gid_t gid)
{
	const struct conf_strings *lists[ROLE__COUNT];
	unsigned roles = 0;
	struct person p;

	if (uid == 0 || uid == geteuid())
		return 1u << ROLE_ADMINISTRATOR;
	if (!roles_named(conf))
		return 0;
	person_find(uid, gid, &p);
	lists_of(conf, lists);
	for (int i = 0; i < ROLE__COUNT; i++) {
		if (is_listed(&p, lists[i]))
			roles |= 1u << i;
	}
	return roles;
}

bool
roles_allow(unsigned roles, enum role needed)
{
	if (needed == ROLE_VIEWER)
		return roles != 0;
	return (roles & (1u << ROLE_ADMINISTRATOR | 1u << needed)) != 0;
}

enum role
roles_first(unsigned roles)
{
	int i = 0;

	while (i < ROLE_VIEWER && !(roles & 1u << i))
		i++;
	return (enum role)i;
}
