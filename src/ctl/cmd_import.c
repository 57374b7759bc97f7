/* cmd_import.c - acmegatectl device import, and device add, which is an import of one line.
 *
 * The file is read here, by whoever calls, twice: first all of it is looked at, so that a file of the wrong form changes nothing, then
 * it goes to the daemon in parts that fit a request, each a transaction. What has come through an import that broke off is unchanged
 * the next time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/inventory.h"
#include "json/jw.h"

#define PART_MAX (14 * 1024) /* octets of records: the smallest body_max is 16K */
#define RECORDS_MAX 250
#define REFUSED_SHOWN 100

struct importing {
	struct ctl *ctl;
	const char *file;
	struct inventory *inventory;
	struct inventory_record record;
	struct buf part;              /* records, a comma between */
	unsigned part_count;
	struct { uint64_t *hash; unsigned *line; size_t room, count; } seen; /* owned */
	int64_t total, added, changed, unchanged, blocked, refused;
	struct buf faults;            /* with --json: objects, a comma between */
};

/* ---- the same device twice ---- */

static uint64_t
hash_of(struct span key)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

static size_t
place_of(const struct importing *im, uint64_t hash)
{
	size_t i = (size_t)hash & (im->seen.room - 1);

	while (im->seen.hash[i] && im->seen.hash[i] != hash)
		i = (i + 1) & (im->seen.room - 1);
	return i;
}

static void
seen_grow(struct importing *im)
{
	struct importing old = *im;

	im->seen.room = old.seen.room ? old.seen.room * 2 : 4096;
	im->seen.hash = xcalloc(im->seen.room, sizeof(*im->seen.hash));
	im->seen.line = xcalloc(im->seen.room, sizeof(*im->seen.line));
	for (size_t i = 0; i < old.seen.room; i++) {
		size_t to;

		if (!old.seen.hash[i])
			continue;
		to = place_of(im, old.seen.hash[i]);
		im->seen.hash[to] = old.seen.hash[i];
		im->seen.line[to] = old.seen.line[i];
	}
	free(old.seen.hash);
	free(old.seen.line);
}

/* The line that was about the same device, 0 = none was. A hash of 64 bits stands for the key: of a million lines two that differ
 * are taken for one once in 10^7 files, and then a line is refused by name. */
static unsigned
seen_before(struct importing *im, struct span key, unsigned line)
{
	uint64_t hash = hash_of(key);
	size_t i;

	if (im->seen.count * 2 >= im->seen.room)
		seen_grow(im);
	i = place_of(im, hash);
	if (im->seen.hash[i])
		return im->seen.line[i];
	im->seen.hash[i] = hash;
	im->seen.line[i] = line;
	im->seen.count++;
	return 0;
}

/* ---- what was refused ---- */

static void
refuse(struct importing *im, int64_t line, unsigned column, const char *field, const char *detail)
{
	struct jw w = jw_to(&im->faults);

	im->refused++;
	if (im->ctl->json) {
		buf_adds(&im->faults, im->faults.n ? "," : "");
		jw_object(&w, NULL);
		jw_int(&w, "line", line);
		if (column)
			jw_int(&w, "column", column);
		jw_str(&w, "field", field);
		jw_str(&w, "detail", detail);
		jw_end(&w);
	} else if (im->refused == REFUSED_SHOWN + 1) {
		ctl_note(im->ctl, "%s: more lines are refused, which are counted alone", im->file);
	} else if (im->refused <= REFUSED_SHOWN && column) {
		ctl_note(im->ctl, "%s:%lld:%u: %s: %s", im->file, (long long)line, column, field, detail);
	} else if (im->refused <= REFUSED_SHOWN) {
		ctl_note(im->ctl, "%s:%lld: %s: %s", im->file, (long long)line, field, detail);
	}
}

static int64_t
number(const struct json_node *object, const char *name)
{
	int64_t n = 0;

	json_int(json_get(object, name), &n);
	return n;
}

static void
count_reply(struct importing *im, const struct json_node *reply)
{
	const struct json_node *refused = json_get(reply, "refused");

	im->added += number(reply, "added");
	im->changed += number(reply, "changed");
	im->unchanged += number(reply, "unchanged");
	im->blocked += number(reply, "blocked");
	for (size_t i = 0; i < json_count(refused); i++) {
		const struct json_node *r = json_at(refused, i);
		AUTO_FREE char *field = ctl_text(json_get(r, "field")), *detail = ctl_text(json_get(r, "detail"));

		refuse(im, number(r, "line"), 0, field, detail);
	}
}

/* ---- parts ---- */

static int
send_part(struct importing *im)
{
	AUTO_BUF body = BUF_MAX(PART_MAX * 2);
	struct ctl_reply rp;
	int code;

	if (im->part_count == 0)
		return CTL_DONE;
	buf_addf(&body, "{\"dry_run\":%s,\"records\":[", ctl_opt(im->ctl, "dry-run") ? "true" : "false");
	buf_addspan(&body, buf_span(&im->part));
	buf_adds(&body, "]}");
	buf_clear(&im->part);
	im->part_count = 0;
	code = ctl_ask(im->ctl, "/devices/import", buf_cstr(&body), &rp);
	if (code != CTL_DONE)
		return code;
	count_reply(im, rp.root);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

static int
add_record(struct importing *im)
{
	const struct inventory_record *r = &im->record;
	unsigned before = seen_before(im, buf_span(&r->key), r->line);
	int code = CTL_DONE;
	char text[64];

	im->total++;
	if (before) {
		snprintf(text, sizeof(text), "the same device as in line %u", before);
		refuse(im, r->line, inventory_column(im->inventory, "identifier"), "identifier", text);
		return CTL_DONE;
	}
	if (r->json.n > PART_MAX) {
		refuse(im, r->line, 0, "record", "it is too long");
		return CTL_DONE;
	}
	if (im->part_count == RECORDS_MAX || im->part.n + r->json.n + 1 > PART_MAX)
		code = send_part(im);
	buf_adds(&im->part, im->part_count++ ? "," : "");
	buf_addspan(&im->part, buf_span(&r->json));
	return code;
}

/* One walk through the file; `fn` NULL: only look. */
static int
walk(struct importing *im, struct span text, int (*fn)(struct importing *im))
{
	struct ctl *ctl = im->ctl;
	struct problem pr = { 0 };
	int code = CTL_DONE;

	if (!inventory_open(text, ctl_opt(ctl, "columns"), ctl_opt(ctl, "kind"), &im->inventory, &pr))
		return ctl_fail(ctl, CTL_USAGE, "%s: %s", im->file, pr.detail);
	while (code == CTL_DONE && inventory_next(im->inventory, &im->record, &pr))
		code = fn ? fn(im) : CTL_DONE;
	inventory_free(im->inventory);
	return pr.kind ? ctl_fail(ctl, CTL_USAGE, "%s: %s; nothing was imported", im->file, pr.detail) : code;
}

static void
print_result(struct importing *im)
{
	struct ctl *ctl = im->ctl;

	if (ctl->json) {
		struct jw w = jw_to(&ctl->out);

		jw_object(&w, NULL);
		jw_bool(&w, "dry_run", ctl_opt(ctl, "dry-run") != NULL);
		jw_int(&w, "records", im->total);
		jw_int(&w, "added", im->added);
		jw_int(&w, "changed", im->changed);
		jw_int(&w, "unchanged", im->unchanged);
		jw_int(&w, "blocked", im->blocked);
		jw_int(&w, "refused", im->refused);
		buf_addf(&im->faults, "]");
		buf_adds(&ctl->out, ",\"faults\":[");
		buf_addspan(&ctl->out, buf_span(&im->faults));
		jw_end(&w);
		buf_addc(&ctl->out, '\n');
		return;
	}
	buf_addf(&ctl->out, "%s%lld records: %lld added, %lld changed, %lld unchanged, %lld refused\n", ctl_opt(ctl, "dry-run") ? "dry run, " : "",
		(long long)im->total, (long long)im->added, (long long)im->changed, (long long)im->unchanged, (long long)im->refused);
	if (im->blocked)
		buf_addf(&ctl->out, "%lld of them are blocked, and stay so\n", (long long)im->blocked);
}

static int
import(struct importing *im, struct span text)
{
	int code = walk(im, text, NULL);

	if (code == CTL_DONE)
		code = walk(im, text, add_record);
	if (code == CTL_DONE)
		code = send_part(im);
	if (code == CTL_DONE || im->added + im->changed + im->unchanged > 0)
		print_result(im);
	return code == CTL_DONE && im->refused ? CTL_FAILED : code;
}

int
cmd_device_import(struct ctl *ctl)
{
	struct importing im = { .ctl = ctl, .file = ctl->words[0], .part = BUF_MAX(PART_MAX + 1), .faults = BUF_MAX(64 * 1024 * 1024) };
	AUTO_BUF text = BUF_MAX(INVENTORY_MAX_BYTES);
	int code = ctl_read_file(ctl, im.file, &text);

	if (code == CTL_DONE)
		code = import(&im, buf_span(&text));
	inventory_record_done(&im.record);
	buf_done(&im.part);
	buf_done(&im.faults);
	free(im.seen.hash);
	free(im.seen.line);
	return code;
}

/* ---- one device by hand ---- */

static void
add_tags(struct ctl *ctl, struct jw *w)
{
	struct span rest = span_str(ctl_opt(ctl, "tags")), tag;

	if (!rest.p)
		return;
	jw_array(w, "tags");
	while (span_cut(&rest, ',', &tag)) {
		if (tag.n)
			jw_span(w, NULL, span_trim(tag));
	}
	jw_end(w);
}

static void
write_one(struct ctl *ctl, struct buf *out)
{
	static const struct { const char *option, *member; } texts[] = { { "type", "type" }, { "kind", "kind" }, { "owner", "owner" },
		{ "cost-centre", "cost_centre" }, { "note", "note" } };
	struct jw w = jw_to(out);

	jw_object(&w, NULL);
	jw_array(&w, "records");
	jw_object(&w, NULL);
	jw_str(&w, "identifier", ctl->words[0]);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (ctl_opt(ctl, texts[i].option))
			jw_str(&w, texts[i].member, ctl_opt(ctl, texts[i].option));
	}
	add_tags(ctl, &w);
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
}

int
cmd_device_add(struct ctl *ctl)
{
	AUTO_BUF json = BUF_MAX(PART_MAX);
	struct ctl_reply rp;
	const struct json_node *refused;
	int code;

	write_one(ctl, &json);
	if (!buf_ok(&json))
		return ctl_fail(ctl, CTL_USAGE, "what is said of the device is too long");
	code = ctl_ask(ctl, "/devices/import", buf_cstr(&json), &rp);
	if (code != CTL_DONE)
		return code;
	refused = json_at(json_get(rp.root, "refused"), 0);
	if (refused)
		code = ctl_fail(ctl, CTL_FAILED, "%.*s", SPAN_FMT(json_text(json_get(refused, "detail"))));
	ctl_reply_done(&rp);
	return code == CTL_DONE ? cmd_device_show(ctl) : code;
}
