/* device_import.c - POST /devices/import: lines of an inventory, a few hundred at a time, one transaction each.
 *
 *   {"dry_run": false, "records": [{"line": 2, "identifier": "C02XL0AAJGH5", "kind": "apple", "tags": ["mac"], "owner": "it"}]}
 *   {"added": 1, "changed": 0, "unchanged": 0, "blocked": 0, "refused": [{"line": 3, "field": "kind", "detail": "..."}]}
 *
 * A record may have "status": "blocked" and a "reason", from the list of another gateway: it keeps the device out, unless it is in the
 * inventory here. A member that is absent leaves what is on record; an empty text clears it. The same again changes nothing. A line that is refused
 * does not keep the others back. */
#include <stdlib.h>

#include "admin/call.h"
#include "base/log.h"
#include "flow/inventory.h"

#define RECORDS_MAX 1000
#define TAGS_MAX 16
#define TAG_MAX 60

enum { GIVEN_KIND = 1, GIVEN_TAGS = 2, GIVEN_OWNER = 4, GIVEN_COST = 8, GIVEN_NOTE = 16 };

struct record {
	int64_t line;
	struct device_key key;
	struct device_about about;
	unsigned given;
	bool is_blocked;
	char reason[DEVICE_NOTE_TEXT];
	const char *field; /* at fault, NULL = none is */
	struct problem why;
};

struct import {
	struct call *c;
	bool dry_run;
	struct record *records; /* owned */
	size_t count;
	int64_t added, changed, unchanged, blocked;
};

/* ---- a line ---- */

static bool
wrong(struct record *r, const char *field)
{
	r->field = field;
	return false;
}

/* UTF-8 without NUL it is already. */
static bool
is_plain(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	}
	return true;
}

static bool
read_text(struct json_obj *o, const char *name, unsigned flag, char *dst, size_t size, struct record *r)
{
	struct span text = json_opt_str(o, name, size - 1);

	if (!json_ok(o))
		return wrong(r, name);
	if (!text.p)
		return true;
	r->given |= flag;
	if (is_plain(text))
		return span_copy(text, dst, size);
	problem_set(&r->why, PROBLEM_MALFORMED, "%s has a control character", name);
	return wrong(r, name);
}

static bool
is_tag(struct span tag)
{
	if (tag.n == 0 || tag.n > TAG_MAX)
		return false;
	for (size_t i = 0; i < tag.n; i++) {
		char ch = tag.p[i];

		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || (ch && strchr("._:@/+-", ch))))
			return false;
	}
	return true;
}

static int
by_text(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int order = memcmp(x->p, y->p, n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* Sorted and each once, so that the same set is the same text. */
static bool
read_tags(struct json_obj *o, struct record *r)
{
	const struct json_node *list = json_opt_arr(o, "tags", TAGS_MAX);
	AUTO_BUF text = BUF_MAX(sizeof(r->about.tags) - 1);
	struct span tags[TAGS_MAX];
	size_t n = json_count(list);

	if (!json_ok(o))
		return wrong(r, "tags");
	for (size_t i = 0; i < n; i++) {
		tags[i] = json_text(json_at(list, i));
		if (!is_tag(tags[i])) {
			problem_set(&r->why, PROBLEM_MALFORMED, "tag \"%s\": expected 1 to %d of A-Z a-z 0-9 . _ : @ / + -", QUOTE(tags[i]), TAG_MAX);
			return wrong(r, "tags");
		}
	}
	if (n)
		qsort(tags, n, sizeof(*tags), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !span_eq(tags[i], tags[i - 1]))
			buf_addf(&text, "%s%.*s ", i ? "" : " ", SPAN_FMT(tags[i]));
	}
	r->given |= list ? GIVEN_TAGS : 0;
	return span_copy(buf_span(&text), r->about.tags, sizeof(r->about.tags));
}

static bool
read_identifier(struct json_obj *o, struct record *r)
{
	struct span type = json_opt_str(o, "type", 64), value = json_req_str(o, "identifier", 1024);
	struct ident id;

	if (!json_ok(o) || !ident_parse(type.n ? type : SPAN("permanent-identifier"), value, &id, &r->why))
		return wrong(r, "identifier");
	if (!ident_is_device(&id)) {
		problem_set(&r->why, PROBLEM_MALFORMED, "type is \"%s\", expected permanent-identifier or hardware-module", QUOTE(type));
		return wrong(r, "type");
	}
	if (device_key_of(&id, r->about.kind, &r->key))
		return true;
	problem_set(&r->why, PROBLEM_MALFORMED, "the identifier has no OID, so the kind must say who vouches for it: the name of an entry of attestation_trust");
	return wrong(r, "kind");
}

static bool
read_status(struct json_obj *o, struct record *r)
{
	struct span status = json_opt_str(o, "status", 32);

	if (!json_ok(o))
		return wrong(r, "status");
	r->is_blocked = span_is(status, "blocked");
	if (!status.p || r->is_blocked || span_is(status, "inventoried"))
		return read_text(o, "reason", 0, r->reason, sizeof(r->reason), r);
	problem_set(&r->why, PROBLEM_MALFORMED, "status is \"%s\", expected inventoried or blocked", QUOTE(status));
	return wrong(r, "status");
}

static bool
read_record(const struct gate_conf *conf, const struct json_node *node, struct record *r)
{
	struct json_obj o = json_obj(node, "record", &r->why);

	r->line = json_opt_int(&o, "line", 0, INT64_MAX, 0);
	if (!read_text(&o, "kind", GIVEN_KIND, r->about.kind, sizeof(r->about.kind), r))
		return false;
	if (r->about.kind[0] && !device_is_kind(conf, r->about.kind)) {
		problem_set(&r->why, PROBLEM_MALFORMED, "no entry of attestation_trust is named \"%s\"", QUOTE(span_str(r->about.kind)));
		return wrong(r, "kind");
	}
	return read_identifier(&o, r) && read_tags(&o, r) && read_text(&o, "owner", GIVEN_OWNER, r->about.owner, sizeof(r->about.owner), r) &&
		read_text(&o, "cost_centre", GIVEN_COST, r->about.cost_centre, sizeof(r->about.cost_centre), r) &&
		read_text(&o, "note", GIVEN_NOTE, r->about.note, sizeof(r->about.note), r) && read_status(&o, r);
}

/* ---- into the store ---- */

/* What is on record, with what was given. */
static struct device_about
merge(const struct device_about *old, const struct record *r)
{
	struct device_about a = *old;

	/* it is the record's key, or was told by the device itself: an empty cell does not undo that */
	if ((r->given & GIVEN_KIND) && r->about.kind[0])
		memcpy(a.kind, r->about.kind, sizeof(a.kind));
	if (r->given & GIVEN_TAGS)
		memcpy(a.tags, r->about.tags, sizeof(a.tags));
	if (r->given & GIVEN_OWNER)
		memcpy(a.owner, r->about.owner, sizeof(a.owner));
	if (r->given & GIVEN_COST)
		memcpy(a.cost_centre, r->about.cost_centre, sizeof(a.cost_centre));
	if (r->given & GIVEN_NOTE)
		memcpy(a.note, r->about.note, sizeof(a.note));
	return a;
}

static bool
is_same(const struct device_about *a, const struct device_about *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->tags, b->tags) == 0 && strcmp(a->owner, b->owner) == 0 &&
		strcmp(a->cost_centre, b->cost_centre) == 0 && strcmp(a->note, b->note) == 0;
}

static bool
add(struct import *im, struct sql *db, const struct record *r, struct problem *pr)
{
	struct device d = { .key = r->key, .state = DEVICE_INVENTORIED, .about = r->about };

	im->added++;
	im->blocked += r->is_blocked;
	return im->dry_run || (device_insert(db, &d, pr) && (!r->is_blocked || device_set_state(db, d.id, DEVICE_BLOCKED, r->reason, pr)));
}

/* Seen, it is put into the inventory, or kept out of it. */
static bool
settle(struct import *im, struct sql *db, const struct record *r, const struct device *d, struct problem *pr)
{
	if (r->is_blocked)
		return inventory_block(db, d->id, r->reason, jobs_node(im->c->admin->jobs), pr);
	return device_set_state(db, d->id, DEVICE_INVENTORIED, "", pr);
}

/* A block stays, whatever the inventory says. */
static bool
change(struct import *im, struct sql *db, const struct record *r, const struct device *d, struct problem *pr)
{
	struct device_about about = merge(&d->about, r);
	bool same = is_same(&about, &d->about), moves = d->state == DEVICE_SEEN;

	im->blocked += d->state == DEVICE_BLOCKED || (moves && r->is_blocked);
	if (same && !moves)
		im->unchanged++;
	else
		im->changed++;
	if (im->dry_run)
		return true;
	return (same || device_set_about(db, d->id, &about, pr)) && (!moves || settle(im, db, r, d, pr));
}

static bool
import_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct import *im = arg;

	im->added = im->changed = im->unchanged = im->blocked = 0;
	for (size_t i = 0; i < im->count; i++) {
		const struct record *r = &im->records[i];
		struct device d;
		bool found;

		if (r->field)
			continue;
		if (!device_by_key(db, &r->key, &d, &found, pr) || !(found ? change(im, db, r, &d, pr) : add(im, db, r, pr)))
			return false;
	}
	return true;
}

static void
write_result(const struct import *im)
{
	struct jw *w = &im->c->w;

	jw_object(w, NULL);
	jw_int(w, "added", im->added);
	jw_int(w, "changed", im->changed);
	jw_int(w, "unchanged", im->unchanged);
	jw_int(w, "blocked", im->blocked);
	jw_array(w, "refused");
	for (size_t i = 0; i < im->count; i++) {
		const struct record *r = &im->records[i];

		if (!r->field)
			continue;
		jw_object(w, NULL);
		jw_int(w, "line", r->line);
		jw_str(w, "field", r->field);
		jw_str(w, "detail", r->why.detail);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
}

static bool
import(struct import *im, const struct json_node *list)
{
	struct call *c = im->c;

	for (size_t i = 0; i < im->count; i++)
		(void)!read_record(c->conf, json_at(list, i), &im->records[i]);
	if (!(im->dry_run ? store_read(c->admin->store, import_tx, im, &c->pr) : call_write(c, import_tx, im)))
		return false;
	if (!im->dry_run && im->added + im->changed > 0)
		log_info("devices_imported", LI("added", im->added), LI("changed", im->changed), LI("uid", c->http->peer_uid));
	write_result(im);
	return true;
}

bool
call_device_import(struct call *c)
{
	const struct json_node *list = json_req_arr(&c->body, "records", RECORDS_MAX);
	struct import im = { .c = c, .dry_run = json_opt_bool(&c->body, "dry_run", false), .count = json_count(list) };
	bool good;

	if (!json_ok(&c->body))
		return false;
	c->is_noted = im.dry_run;
	im.records = xcalloc(im.count + 1, sizeof(*im.records));
	good = import(&im, list);
	free(im.records);
	return good;
}
