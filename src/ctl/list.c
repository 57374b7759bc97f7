/* list.c - what the commands on objects share: ids, lists, one object. */
#include <stdlib.h>

#include "base/b64url.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

#define ID_MAX 64

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
	for (const char *p = text; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._~", *p);

		buf_addf(out, plain ? "%c" : "%%%02X", (unsigned char)*p);
	}
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

		if (!value || !*value)
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
	char sep = '?';

	buf_adds(&target, path);
	for (; *parameters; parameters++) {
		const char *value = ctl_opt(ctl, *parameters);

		if (!value)
			continue;
		if (!*value || !b64url_is_alphabet(span_str(value)))
			return ctl_fail(ctl, CTL_USAGE, "--%s cannot be \"%s\"", *parameters, value);
		buf_addf(&target, "%c%s=%s", sep, *parameters, value);
		sep = '&';
	}
	return ctl_ask(ctl, buf_cstr(&target), NULL, ret);
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
