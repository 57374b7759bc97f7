/* list.c - what the commands on objects share: ids, lists, one object. */
#include <stdlib.h>

#include "base/b64url.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

#define ID_MAX 64
/* RFC 3986 2.3 */
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

int
ctl_check_id(struct ctl *ctl, const char *id)
{
	if (*id && strlen(id) <= ID_MAX && b64url_is_alphabet(span_str(id)))
		return CTL_DONE;
	return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no id: the list command shows them", id);
}

void
ctl_add_escaped(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++)
		buf_addf(out, strchr(UNRESERVED, *p) ? "%c" : "%%%02X", (unsigned char)*p);
}

int
ctl_ask_one(struct ctl *ctl, const char *kind, const char *query, struct ctl_reply *ret)
{
	AUTO_FREE char *path = xasprintf("/%s/%s%s", kind, ctl->words[0], query);
	int code = ctl_check_id(ctl, ctl->words[0]);

	return code == CTL_DONE ? ctl_ask(ctl, path, NULL, ret) : code;
}

size_t
ctl_add_query(const struct ctl *ctl, struct buf *out, const char *const *parameters)
{
	size_t n = 0;

	for (; *parameters; parameters++) {
		const char *value = ctl_opt(ctl, *parameters);

		if (!value)
			continue;
		buf_addf(out, "%c%s=", n++ ? '&' : '?', *parameters);
		ctl_add_escaped(out, value);
	}
	return n;
}

int
ctl_ask_list(struct ctl *ctl, const char *path, const char *const *parameters, struct ctl_reply *ret)
{
	AUTO_BUF target = BUF_MAX(4000);

	for (const char *const *p = parameters; *p; p++) {
		const char *value = ctl_opt(ctl, *p);

		/* an empty one is a variable that was not set, as a rule, and not "all of them" */
		if (value && (!*value || value[strspn(value, UNRESERVED)]))
			return ctl_fail(ctl, CTL_USAGE, "--%s cannot be \"%s\"", *p, value);
	}
	buf_adds(&target, path);
	ctl_add_query(ctl, &target, parameters);
	return ctl_ask(ctl, buf_cstr(&target), NULL, ret);
}

void
ctl_add_members(struct table *t, const struct json_node *object, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		table_add(t, ctl_text(json_get(object, names[i])));
}

int
ctl_list_json(struct ctl *ctl, int code, struct ctl_reply *rp)
{
	if (code != CTL_DONE)
		return code;
	ctl_print_json(ctl, rp);
	ctl_reply_done(rp);
	return CTL_DONE;
}

int
ctl_list_table(struct ctl *ctl, struct table *t, struct ctl_reply *rp)
{
	int code;

	if (t->cell_count)
		table_write(t, ctl->plain, ctl->width, &ctl->out);
	code = ctl_flush(ctl);
	ctl_print_rest(ctl, rp->root, t->cell_count / t->column_count);
	table_done(t);
	ctl_reply_done(rp);
	return code;
}
