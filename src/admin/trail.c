/* trail.c - what operators do, for the audit trail: who, by which command, with which arguments, and what came of it.
 *
 * Arguments are told by name: of a member that its resource does not list (`told`) only the name is noted, so that what is secret in a
 * resource of tomorrow stays so. */
#include <pwd.h>
#include <stdlib.h>

#include "admin/call.h"

static bool
is_told(const struct resource *res, struct span name)
{
	struct span rest = span_str(res->told), word;

	while (rest.p && span_cut(&rest, ' ', &word)) {
		if (span_eq(word, name))
			return true;
	}
	return false;
}

static void
write_withheld(struct jw *w, const struct resource *res, const struct json_node *body)
{
	const struct json_node *value = NULL;
	bool is_open = false;
	struct span name;

	while ((value = json_next_member(body, value, &name))) {
		if (is_told(res, name))
			continue;
		if (!is_open)
			jw_array(w, "withheld");
		is_open = true;
		jw_span(w, NULL, name);
	}
	if (is_open)
		jw_end(w);
}

static void
write_arguments(struct call *c)
{
	struct jw w = jw_to(&c->arguments);
	const struct json_node *body = c->doc ? json_root(c->doc) : NULL;
	struct span rest = span_str(c->res->told), word;
	bool is_whole = true;

	jw_object(&w, NULL);
	while (rest.p && span_cut(&rest, ' ', &word)) {
		AUTO_FREE char *name = span_dup(word);
		AUTO_BUF value = BUF_MAX(AUDIT_PERSONAL_MAX);

		json_write(json_get(body, name), &value);
		is_whole = buf_ok(&value) && is_whole;
		if (value.n)
			jw_raw(&w, name, buf_span(&value));
	}
	write_withheld(&w, c->res, body);
	if (c->http->query.n)
		jw_span(&w, "query", c->http->query);
	jw_end(&w);
	/* too long: what was asked for is known by the command alone */
	if (!is_whole || !jw_ok(&w))
		buf_clear(&c->arguments);
}

void
call_identify(struct call *c)
{
	char text[16 * 1024];
	struct passwd pw, *found = NULL;

	snprintf(c->uid, sizeof(c->uid), "%lu", (unsigned long)c->http->peer_uid);
	if (getpwuid_r(c->http->peer_uid, &pw, text, sizeof(text), &found) == 0 && found)
		c->operator_name = xstrdup(found->pw_name);
}

struct audit_entry
call_operator(const struct call *c)
{
	return (struct audit_entry){ .actor = AUDIT_OPERATOR, .uid = c->uid, .operator_name = c->operator_name };
}

/* The entry, but for its outcome. */
static struct audit_entry
entry_of(struct call *c)
{
	struct audit_entry e = c->audit;

	if (e.event == 0)
		e.event = c->res && c->res->event ? c->res->event : AUDIT_OPERATOR_ACTION;
	e.actor = AUDIT_OPERATOR;
	e.node = jobs_node(c->admin->jobs);
	e.uid = c->uid;
	e.role = c->roles ? role_name(roles_first(c->roles)) : NULL;
	e.operator_name = c->operator_name;
	snprintf(c->command, sizeof(c->command), "%s %s", c->http->method == HTTP_POST ? "POST" : "GET", c->res ? c->res->path : "");
	e.command = c->command;
	if (c->res && c->arguments.n == 0)
		write_arguments(c);
	e.arguments = c->doc || c->http->query.n ? buf_cstr(&c->arguments) : NULL;
	return e;
}

struct writing {
	struct call *c;
	sql_fn fn;
	void *arg;
	enum audit_outcome outcome;
	char *object;
};

static bool
note(struct sql *db, const struct writing *w, struct problem *pr)
{
	struct audit_entry e = entry_of(w->c);

	if (!e.object)
		e.object = w->object;
	e.outcome = w->outcome;
	if (w->outcome != AUDIT_OK) {
		e.problem = problem_type(w->c->pr.kind);
		e.detail = w->c->pr.detail;
	}
	return audit_note(db, &e, pr);
}

static bool
write_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct writing *w = arg;

	return (!w->fn || w->fn(db, w->arg, pr)) && note(db, w, pr);
}

bool
call_write(struct call *c, sql_fn fn, void *arg)
{
	AUTO_FREE char *object = span_dup(c->ref);
	struct writing w = { .c = c, .fn = fn, .arg = arg, .object = object };

	c->is_noted = store_write(c->admin->store, write_tx, &w, &c->pr);
	c->audit = (struct audit_entry){ .event = c->audit.event };
	return c->is_noted;
}

bool
call_note(struct call *c, enum audit_outcome outcome, struct problem *pr)
{
	AUTO_FREE char *object = span_dup(c->ref);
	struct writing w = { .c = c, .outcome = outcome, .object = object };

	return store_write(c->admin->store, write_tx, &w, pr);
}
