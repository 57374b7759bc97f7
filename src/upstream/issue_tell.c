/* issue_tell.c - what of a CA's refusal the device hears (U3); see issue.h. */
#include "upstream/issue.h"

#include <stdlib.h>

#include "base/mem.h"

/* A CA's pages are for whoever has the account there. */
static void
hide_urls(char *text)
{
	char *at = text;

	while ((at = strcasestr(at, "https://"))) {
		size_t n = strcspn(at, " \t\"'<>");

		memcpy(at, "...", 3);
		memmove(at + 3, at + n, strlen(at + n) + 1);
		at += 3;
	}
}

static bool
may_tell(enum problem_kind kind)
{
	return issue_is_for_device(kind) || kind == PROBLEM_UNAUTHORIZED;
}

void
issue_tell(const struct problem *why, const struct acme_problem *ca, struct issue_told *ret)
{
	*ret = (struct issue_told){ .problem = *why };
	if (!ca)
		return;
	if (!may_tell(why->kind))
		problem_set(&ret->problem, PROBLEM_SERVER_INTERNAL, "the certificate authority does not issue the certificate");
	hide_urls(ret->problem.detail);
	ret->subs = xcalloc(ca->sub_count + 1, sizeof(*ret->subs));
	for (size_t i = 0; i < ca->sub_count; i++) {
		if (!may_tell(ca->subs[i].problem.kind))
			continue;
		ret->subs[ret->sub_count] = ca->subs[i];
		hide_urls(ret->subs[ret->sub_count++].problem.detail);
	}
}

void
issue_told_done(struct issue_told *told)
{
	free(told->subs);
	*told = (struct issue_told){ 0 };
}
