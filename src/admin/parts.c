/* parts.c - what the resources of the admin API share: pages of lists, members of objects. */
#include "admin/call.h"
#include "base/utf8.h"

static int
hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool
call_text(struct span part, char *dst, size_t size, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(size - 1);

	for (size_t i = 0; i < part.n; i++) {
		int high = part.p[i] == '%' && i + 2 < part.n ? hex_digit(part.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(part.p[i + 2]) : -1;

		if (part.p[i] == '%' && low < 0)
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\": %% is not followed by two hex digits", QUOTE(part));
		buf_addc(&text, low < 0 ? part.p[i] : (char)(high << 4 | low));
		i += low < 0 ? 0 : 2;
	}
	if (!buf_ok(&text) || utf8_prefix(buf_span(&text)) != text.n || !span_copy(buf_span(&text), dst, size))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is too long, or no text", QUOTE(part));
	return true;
}

bool
call_not_found(struct problem *pr, const char *what, struct span ref)
{
	return problem_set(pr, PROBLEM_NOT_FOUND, "there is no %s \"%s\"", what, QUOTE(ref));
}

bool
call_account_id(struct call *c, struct sql *db, int64_t *ret_id, struct problem *pr)
{
	struct span ref = call_query(c, "account");
	struct account a = { 0 };
	bool found;

	*ret_id = 0;
	if (!ref.p)
		return true;
	if (!account_check(db, ref, &a, &found, pr))
		return false;
	*ret_id = a.id;
	return found ? true : call_not_found(pr, "account", ref);
}

bool
list_begin(struct list *l, struct call *c, struct problem *pr)
{
	struct span limit = call_query(c, "limit");
	uint64_t n = LIST_LIMIT;

	if (limit.p && (!span_uint(limit, LIST_LIMIT_MAX, &n) || n == 0))
		return problem_set(pr, PROBLEM_MALFORMED, "limit is \"%s\", expected a number from 1 to %d",
			QUOTE(limit), LIST_LIMIT_MAX);
	*l = (struct list){ .c = c, .limit = (int64_t)n };
	call_restart(c);
	jw_object(&c->w, NULL);
	jw_array(&c->w, "items");
	return true;
}

bool
list_item(struct list *l, const char *ref)
{
	if (++l->seen > l->limit)
		return false;
	span_copy(span_str(ref), l->last, sizeof(l->last));
	jw_object(&l->c->w, NULL);
	jw_str(&l->c->w, "id", ref);
	return true;
}

void
list_end(struct list *l, int64_t total)
{
	struct jw *w = &l->c->w;

	jw_end(w);
	jw_str(w, "next", l->seen > l->limit ? l->last : NULL);
	jw_int(w, "total", total);
	jw_bool(w, "total_is_exact", total < LIST_COUNT_MAX);
	jw_end(w);
}

void
write_idents(struct jw *w, const struct idents *ids)
{
	jw_array(w, "identifiers");
	for (size_t i = 0; i < ids->count; i++) {
		jw_object(w, NULL);
		jw_str(w, "type", ident_type_name(ids->list[i].type));
		jw_str(w, "value", ids->list[i].value);
		jw_end(w);
	}
	jw_end(w);
}

void
write_time(struct jw *w, const char *name, int64_t unix_s)
{
	if (unix_s)
		jw_time(w, name, unix_s);
}

void
write_text(struct jw *w, const char *name, const char *s)
{
	if (s && *s)
		jw_str(w, name, s);
}
