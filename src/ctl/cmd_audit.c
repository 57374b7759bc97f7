/* cmd_audit.c - acmegatectl audit tail, search, show, export, checkpoint, erase: the trail as the daemon has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "json/jw.h"

#define POLL_S 2

/* ---- an entry, for people ---- */

/* A personal value; NULL: it was erased, or there is none. */
static struct span
open_value(const struct json_node *item, const char *name)
{
	return json_text(json_at(json_get(json_get(item, "open"), name), 1));
}

static char *
who_of(const struct json_node *item, const struct json_node *entry)
{
	struct span name = open_value(item, "operator"), account = json_text(json_get(entry, "account")), uid = json_text(json_get(entry, "uid"));

	if (name.n)
		return span_dup(name);
	if (account.n)
		return span_dup(account);
	if (uid.n)
		return xasprintf("uid %.*s", SPAN_FMT(uid));
	return ctl_text(json_get(entry, "actor"));
}

/* What it is about: the first of these that it has. */
static char *
about(const struct json_node *item, const struct json_node *entry)
{
	static const char *const personal[] = { "object", "names" }, *const members[] = { "serial", "order", "kid", "command", "upstream", "after" };

	for (size_t i = 0; i < COUNT_OF(personal); i++) {
		if (open_value(item, personal[i]).n)
			return span_dup(open_value(item, personal[i]));
	}
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (json_text(json_get(entry, members[i])).n)
			return ctl_text(json_get(entry, members[i]));
	}
	return xstrdup("");
}

static const struct column columns[] = { { "ENTRY" }, { "TIME" }, { "EVENT" }, { "OUTCOME" }, { "WHO", .may_cut = true }, { "ABOUT", .may_cut = true } };

static void
add_item(struct table *t, const struct json_node *item)
{
	static const char *const names[] = { "at", "event", "outcome" };
	struct problem pr = { 0 };
	struct json *doc = NULL;
	const struct json_node *entry;

	if (!json_parse(json_text(json_get(item, "entry")), "entry", NULL, &doc, &pr))
		return;
	entry = json_root(doc);
	table_add(t, ctl_text(json_get(item, "id")));
	ctl_add_members(t, entry, names, COUNT_OF(names));
	table_add(t, who_of(item, entry));
	table_add(t, about(item, entry));
	json_free(doc);
}

/* ---- tail ---- */

static int64_t
id_of(const struct json_node *item)
{
	uint64_t n = 0;

	(void)span_uint(json_text(json_get(item, "id")), INT64_MAX / 2, &n);
	return (int64_t)n;
}

/* A line each, the oldest first; `is_down`: they came newest first. Returns the last one's number. */
static int64_t
print_items(struct ctl *ctl, const struct json_node *items, bool is_down, int64_t last)
{
	struct table t = table_of(columns, COUNT_OF(columns));
	size_t count = json_count(items);

	for (size_t i = 0; i < count; i++) {
		const struct json_node *item = json_at(items, is_down ? count - 1 - i : i);

		if (ctl->json) {
			json_write(item, &ctl->out);
			buf_addc(&ctl->out, '\n');
		} else {
			add_item(&t, item);
		}
		last = id_of(item);
	}
	/* lines come one after the other: titles would stand between them */
	if (!ctl->json)
		table_write(&t, true, 0, &ctl->out);
	table_done(&t);
	return last;
}

static int
follow(struct ctl *ctl, int64_t last)
{
	for (;;) {
		AUTO_FREE char *path = xasprintf("/audit?from=%lld&limit=500", (long long)last + 1);
		struct ctl_reply rp;
		int code = ctl_flush(ctl);

		if (code == CTL_DONE)
			code = ctl_ask(ctl, path, NULL, &rp);
		if (code != CTL_DONE)
			return code;
		last = print_items(ctl, json_get(rp.root, "items"), false, last);
		if (!json_text(json_get(rp.root, "next")).p)
			sleep(POLL_S);
		ctl_reply_done(&rp);
	}
}

int
cmd_audit_tail(struct ctl *ctl)
{
	static const char *const parameters[] = { "limit", NULL };
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/audit", parameters, &rp);
	int64_t last;

	if (code != CTL_DONE)
		return code;
	last = print_items(ctl, json_get(rp.root, "items"), true, -1);
	ctl_reply_done(&rp);
	return ctl_opt(ctl, "follow") ? follow(ctl, last) : CTL_DONE;
}

/* ---- search, show ---- */

static void
add_part(struct buf *path, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(path, "%c%s=", memchr(path->p, '?', path->n) ? '&' : '?', name);
	ctl_add_escaped(path, value);
}

int
cmd_audit_search(struct ctl *ctl)
{
	static const char *const plain[] = { "who", "what", "account", "order", "before", "limit" };
	struct table t = table_of(columns, COUNT_OF(columns));
	AUTO_BUF path = BUF_MAX(8192);
	char since[TIME_TEXT], until[TIME_TEXT];
	const struct json_node *items;
	struct ctl_reply rp;
	int code = ctl_opt_past(ctl, "since", since);

	if (code == CTL_DONE)
		code = ctl_opt_past(ctl, "until", until);
	if (code != CTL_DONE)
		return code;
	buf_adds(&path, "/audit");
	for (size_t i = 0; i < COUNT_OF(plain); i++) {
		/* an empty one is a variable that was not set, as a rule, and not "all of them" */
		if (ctl_opt(ctl, plain[i]) && !*ctl_opt(ctl, plain[i]))
			return ctl_fail(ctl, CTL_USAGE, "--%s cannot be \"\"", plain[i]);
		add_part(&path, plain[i], ctl_opt(ctl, plain[i]));
	}
	add_part(&path, "since", since);
	add_part(&path, "until", until);
	code = ctl_ask(ctl, buf_cstr(&path), NULL, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		add_item(&t, json_at(items, i));
	return ctl_list_table(ctl, &t, &rp);
}

static void
show_fields(struct ctl *ctl, const struct json_node *entry, const struct json_node *open)
{
	const struct json_node *value = NULL;
	struct span name;

	while ((value = json_next_member(entry, value, &name))) {
		AUTO_FREE char *label = span_dup(name);

		if (json_type(value) != JSON_OBJECT)
			ctl_field_member(ctl, label, entry, label);
	}
	value = NULL;
	while ((value = json_next_member(json_get(entry, "personal"), value, &name))) {
		AUTO_FREE char *label = span_dup(name);
		const struct json_node *known = json_get(open, label);

		ctl_field(ctl, label, known ? json_text(json_at(known, 1)) : SPAN("(erased)"));
	}
}

int
cmd_audit_show(struct ctl *ctl)
{
	struct problem pr = { 0 };
	struct json *doc = NULL;
	struct ctl_reply rp;
	int code = ctl_ask_one(ctl, "audit", "", &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	if (json_parse(json_text(json_get(rp.root, "entry")), "entry", NULL, &doc, &pr))
		show_fields(ctl, json_root(doc), json_get(rp.root, "open"));
	ctl_field_member(ctl, "erased", rp.root, "erased");
	ctl_field_member(ctl, "hash", rp.root, "hash");
	ctl_field(ctl, "proven", json_get(rp.root, "proof") ? SPAN("by the last checkpoint") : SPAN("not yet: no checkpoint has it"));
	json_free(doc);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

/* ---- export ---- */

static bool
write_all(int fd, struct span text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = span_from(text, (size_t)n);
	}
	return true;
}

/* Entries on a page, and how far all pages go, which the first one's head says. */
static int64_t
count_entries(struct span page, int64_t *size)
{
	struct span line;
	int64_t count = 0;

	while (span_cut(&page, '\n', &line)) {
		struct problem pr = { 0 };
		struct json *doc = NULL;

		count += span_starts(line, "{\"hash\":");
		if (span_starts(line, "{\"acmegate_audit\":") && json_parse(line, "head", NULL, &doc, &pr))
			json_int(json_get(json_root(doc), "size"), size);
		json_free(doc);
	}
	return count;
}

static int64_t
head_from(struct span page)
{
	struct problem pr = { 0 };
	struct json *doc = NULL;
	struct span line = SPAN_NONE;
	int64_t from = 0;

	span_cut(&page, '\n', &line);
	if (json_parse(line, "head", NULL, &doc, &pr))
		json_int(json_get(json_root(doc), "from"), &from);
	json_free(doc);
	return from;
}

static int
export_pages(struct ctl *ctl, int fd)
{
	int64_t from = 0, size = -1, count;
	bool is_first = true;
	int code = ctl_opt_count(ctl, "from", &from);

	while (code == CTL_DONE && (is_first || from < size)) {
		AUTO_FREE char *path = is_first ? xasprintf("/audit/export?from=%lld", (long long)from)
						: xasprintf("/audit/export?from=%lld&size=%lld", (long long)from, (long long)size);
		struct ctl_reply rp;

		code = ctl_ask_text(ctl, path, &rp);
		if (code != CTL_DONE)
			return code;
		if (is_first)
			from = head_from(buf_span(&rp.body));
		count = count_entries(buf_span(&rp.body), &size);
		if (!write_all(fd, buf_span(&rp.body)))
			code = ctl_fail(ctl, CTL_FAILED, "it cannot be written: %s", strerror(errno));
		else if (count == 0 && from < size)
			code = ctl_fail(ctl, CTL_FAILED, "the daemon's answer has no entries");
		from += count;
		is_first = false;
		ctl_reply_done(&rp);
	}
	return code;
}

int
cmd_audit_export(struct ctl *ctl)
{
	const char *file = ctl->word_count ? ctl->words[0] : "-";
	int fd = strcmp(file, "-") == 0 ? STDOUT_FILENO : open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct ctl_reply rp;
	int code;

	if (fd < 0)
		return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
	code = ctl_ask(ctl, "/audit/export", "{}", &rp);
	if (code == CTL_DONE) {
		ctl_reply_done(&rp);
		code = export_pages(ctl, fd);
	}
	if (fd != STDOUT_FILENO) {
		if (code == CTL_DONE && fsync(fd) != 0)
			code = ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
		close(fd);
		/* half an export would look like one whose end was removed */
		if (code != CTL_DONE)
			unlink(file);
	}
	return code;
}

/* ---- checkpoint, erase ---- */

int
cmd_audit_checkpoint(struct ctl *ctl)
{
	int64_t from = 0;
	struct ctl_reply rp;
	int code = ctl_opt_count(ctl, "from", &from);
	AUTO_FREE char *path = from ? xasprintf("/audit/checkpoint?since=%lld", (long long)from) : xstrdup("/audit/checkpoint");

	if (code == CTL_DONE)
		code = ctl_ask(ctl, path, ctl_opt(ctl, "public-key") ? NULL : "{}", &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	buf_addspan(&ctl->out, json_text(json_get(rp.root, ctl_opt(ctl, "public-key") ? "key" : "checkpoint")));
	if (ctl_opt(ctl, "public-key"))
		buf_addc(&ctl->out, '\n');
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_audit_erase(struct ctl *ctl)
{
	static const char *const names[] = { "who", "account", "order", "ground" };
	AUTO_BUF json = BUF_MAX(16384);
	AUTO_FREE char *count = NULL;
	struct jw w = jw_to(&json);
	const char *entry = ctl_opt(ctl, "entry");
	struct ctl_reply rp;
	uint64_t seq = 0;
	int code;

	if (!ctl_opt(ctl, "ground"))
		return ctl_fail(ctl, CTL_USAGE, "--ground is missing: why it may go");
	if (entry && !span_uint(span_str(entry), INT64_MAX / 2, &seq))
		return ctl_fail(ctl, CTL_USAGE, "--entry is \"%s\", expected a number", entry);
	code = ctl_confirm(ctl, "erase for ever what these entries say of persons");
	if (code != CTL_DONE)
		return code;
	jw_object(&w, NULL);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (ctl_opt(ctl, names[i]))
			jw_str(&w, names[i], ctl_opt(ctl, names[i]));
	}
	if (entry)
		jw_int(&w, "entry", (int64_t)seq);
	jw_end(&w);
	code = ctl_ask(ctl, "/audit/erase", buf_cstr(&json), &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	count = ctl_text(json_get(rp.root, "erased"));
	buf_addf(&ctl->out, "entries whose personal values are gone: %s\n", count);
	ctl_reply_done(&rp);
	return CTL_DONE;
}
