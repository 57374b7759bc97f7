/* trail.c - see trail.h.
 *
 * An entry has its number within what is hashed, so the text itself says where it belongs; the hash beside it tells a changed text from
 * a changed place; and the signed roots tell whether all of it was made anew. What they cannot tell apart is said as a range: from the
 * last checkpoint that holds to the first that does not. */
#include "tlog/trail.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "json/json.h"

#define GAPS_MAX 256
#define TOLD_MAX 1000

static const struct json_limits limits = { .depth_max = 8, .nodes_max = 4096 };

struct known {
	struct tlog_checkpoint c;
	bool seen;
};

struct gap {
	uint64_t first, last;
};

struct trail {
	const struct tlog_vkey *keys;
	size_t key_count;
	trail_found_fn fn;
	void *arg;
	struct tlog_edge edge;    /* of what was read */
	struct trail_sums sums;
	struct tlog_checkpoint last;
	struct known known[TRAIL_KNOWN_MAX];
	size_t known_count;
	struct gap gaps[GAPS_MAX];
	size_t gap_count;
	uint64_t lines, next;     /* the number that the next entry must have */
	uint64_t told_size;       /* that the head tells */
	bool has_head, has_entry, is_broken; /* the tree cannot be followed any more */
};

__attribute__((format(printf, 4, 5))) static void
found(struct trail *t, uint64_t first, uint64_t last, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->sums.faults++ < TOLD_MAX)
		t->fn(&(struct trail_found){ first, last, text }, t->arg);
}

struct trail *
trail_new(const struct tlog_vkey *keys, size_t key_count, trail_found_fn fn, void *arg)
{
	struct trail *t = xcalloc(1, sizeof(*t));

	t->keys = keys;
	t->key_count = key_count;
	t->fn = fn;
	t->arg = arg;
	return t;
}

void
trail_free(struct trail *t)
{
	free(t);
}

bool
trail_know(struct trail *t, struct span note, struct problem *pr)
{
	if (t->known_count == TRAIL_KNOWN_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "at most %d checkpoints can be given", TRAIL_KNOWN_MAX);
	if (!tlog_note_open(note, t->keys, t->key_count, &t->known[t->known_count].c, pr))
		return false;
	t->known_count++;
	return true;
}

/* Do what was read and the checkpoint have one root? */
static void
compare(struct trail *t, const struct tlog_checkpoint *c, const char *what)
{
	struct tlog_hash root;

	tlog_edge_root(&t->edge, &root);
	if (tlog_hash_eq(&root, &c->root)) {
		if (c->size > t->sums.checked)
			t->sums.checked = c->size;
		return;
	}
	if (c->size > t->sums.checked)
		found(t, t->sums.checked, c->size - 1, "of the entries %" PRIu64 " to %" PRIu64 " at least one is not what %s of %" PRIu64 " entries was signed over",
			t->sums.checked, c->size - 1, what, c->size);
	else
		found(t, 1, 0, "%s of %" PRIu64 " entries is of another tree", what, c->size);
	t->is_broken = true;
}

/* Known checkpoints of the size that has been reached. */
static void
compare_known(struct trail *t)
{
	for (size_t i = 0; i < t->known_count; i++) {
		struct known *k = &t->known[i];

		if (k->seen || t->is_broken || k->c.size != t->edge.size)
			continue;
		k->seen = true;
		compare(t, &k->c, "the checkpoint given");
	}
}

static void
read_head(struct trail *t, const struct json_node *root, struct problem *pr)
{
	struct json_obj o = json_obj(root, "head", pr);
	int64_t version = json_opt_int(&o, "acmegate_audit", 1, 1, 0), from = json_opt_int(&o, "from", 0, INT64_MAX, 0);
	int64_t size = json_opt_int(&o, "size", 0, INT64_MAX, 0);
	struct span origin = json_req_str(&o, "origin", TLOG_ORIGIN_TEXT - 1);

	if (!json_ok(&o) || version != 1 || !tlog_origin_is_good(origin)) {
		found(t, 1, 0, "line %" PRIu64 ": no head of an audit trail of version 1", t->lines);
		t->is_broken = true;
		return;
	}
	span_copy(origin, t->sums.origin, sizeof(t->sums.origin));
	t->has_head = true;
	t->sums.from = t->next = t->sums.checked = (uint64_t)from;
	t->told_size = (uint64_t)size;
}

/* What lies before the first entry, as hashes. */
static void
read_subtree(struct trail *t, const struct json_node *n)
{
	struct problem pr = { 0 };
	struct json_obj o = json_obj(n, "subtree", &pr);
	int64_t level = json_opt_int(&o, "level", 0, TLOG_LEVELS - 1, -1);
	struct span text = json_req_str(&o, "hash", 64);
	struct tlog_hash hash;

	if (!t->has_entry && json_ok(&o) && level >= 0 && tlog_base64_exact(text, hash.octets, TLOG_HASH) &&
		tlog_edge_add(&t->edge, (unsigned)level, &hash) && t->edge.size <= t->sums.from)
		return;
	found(t, 1, 0, "line %" PRIu64 ": a hash of what lies before entry %" PRIu64 " that does not belong there", t->lines, t->sums.from);
	t->is_broken = true;
}

static void
add_gap(struct trail *t, uint64_t first, uint64_t last)
{
	if (t->gap_count < GAPS_MAX)
		t->gaps[t->gap_count++] = (struct gap){ first, last };
	else
		found(t, first, last, "entries %" PRIu64 " to %" PRIu64 " are missing", first, last);
}

/* An entry that comes late was not removed. */
static bool
leave_gap(struct trail *t, uint64_t seq)
{
	for (size_t i = 0; i < t->gap_count; i++) {
		struct gap *g = &t->gaps[i];
		uint64_t last = g->last;

		if (seq < g->first || seq > g->last)
			continue;
		if (g->first == g->last) {
			*g = t->gaps[--t->gap_count];
		} else if (seq == g->first) {
			g->first++;
		} else {
			g->last = seq - 1;
			if (seq < last)
				add_gap(t, seq + 1, last);
		}
		return true;
	}
	return false;
}

/* Is it the next one? Only such are followed in the tree. */
static bool
check_place(struct trail *t, uint64_t seq)
{
	if (seq == t->next) {
		t->next++;
		return !t->is_broken;
	}
	t->is_broken = true;
	if (seq > t->next) {
		add_gap(t, t->next, seq - 1);
		t->next = seq + 1;
	} else if (leave_gap(t, seq)) {
		found(t, seq, seq, "entry %" PRIu64 " stands after entry %" PRIu64 ": the order was changed", seq, t->next - 1);
	} else {
		found(t, seq, seq, "entry %" PRIu64 " is there twice: one was inserted, on line %" PRIu64, seq, t->lines);
		/* the tree can be followed without it */
		t->is_broken = t->gap_count > 0;
	}
	return false;
}

bool
trail_digest_is(struct span salt, struct span value, struct span digest)
{
	unsigned char md[EVP_MAX_MD_SIZE], want[TLOG_HASH], octets[TLOG_HASH];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && b64url_read_exact(digest, want, sizeof(want)) && b64url_read_exact(salt, octets, sizeof(octets)) &&
		EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, octets, sizeof(octets)) == 1 &&
		EVP_DigestUpdate(ctx, value.p, value.n) == 1 && EVP_DigestFinal_ex(ctx, md, NULL) == 1 && memcmp(md, want, sizeof(want)) == 0;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* Values that are told must be those whose digests the entry has; those that are not told were erased. */
static void
check_open(struct trail *t, uint64_t seq, const struct json_node *personal, const struct json_node *open)
{
	const struct json_node *value = NULL;
	size_t told = 0;
	struct span name;

	while ((value = json_next_member(open, value, &name))) {
		AUTO_FREE char *text = span_dup(name);

		if (trail_digest_is(json_text(json_at(value, 0)), json_text(json_at(value, 1)), json_text(json_get(personal, text))))
			told++;
		else
			found(t, seq, seq, "entry %" PRIu64 ": \"%.64s\" is not what was recorded", seq, text);
	}
	if (json_count(personal) > told)
		t->sums.erased += json_count(personal) - told;
}

static bool
seq_of(const struct json_node *entry, uint64_t *ret)
{
	int64_t seq;

	if (!json_int(json_get(entry, "seq"), &seq) || seq < 0)
		return false;
	*ret = (uint64_t)seq;
	return true;
}

static void
read_entry(struct trail *t, const struct json_node *root)
{
	struct span text = json_text(json_get(root, "entry"));
	struct tlog_hash hash, stated;
	struct json *doc = NULL;
	struct problem pr = { 0 };
	uint64_t seq = t->next;
	bool readable = json_parse(text, "entry", &limits, &doc, &pr) && seq_of(json_root(doc), &seq);
	bool has_hash = tlog_base64_exact(json_text(json_get(root, "hash")), stated.octets, TLOG_HASH);

	if (!t->has_entry && t->edge.size != t->sums.from) {
		found(t, 1, 0, "the hashes of what lies before entry %" PRIu64 " are missing", t->sums.from);
		t->is_broken = true;
	}
	t->has_entry = true;
	tlog_leaf(text, &hash);
	if (!readable)
		found(t, seq, seq, "line %" PRIu64 ": entry %" PRIu64 " was changed: it is none", t->lines, seq);
	else if (!has_hash || !tlog_hash_eq(&hash, &stated))
		found(t, seq, seq, "entry %" PRIu64 " was changed", seq);
	if (check_place(t, seq)) {
		/* with the hash as stated the tree may be right still, and shows that the text is wrong */
		if (!tlog_edge_add(&t->edge, 0, has_hash ? &stated : &hash))
			t->is_broken = true;
		compare_known(t);
	}
	if (readable)
		check_open(t, seq, json_get(json_root(doc), "personal"), json_get(root, "open"));
	json_free(doc);
}

static void
read_checkpoint(struct trail *t, struct span note)
{
	struct problem pr = { 0 };
	struct tlog_checkpoint c;

	if (!tlog_note_open(note, t->keys, t->key_count, &c, &pr)) {
		found(t, 1, 0, "line %" PRIu64 ": the checkpoint after entry %" PRIu64 " is not good: %s", t->lines, t->next - 1, pr.detail);
		return;
	}
	if (strcmp(c.origin, t->sums.origin) != 0) {
		found(t, 1, 0, "line %" PRIu64 ": a checkpoint of \"%s\", which is another trail", t->lines, c.origin);
		return;
	}
	t->sums.checkpoints++;
	if (c.size >= t->last.size)
		t->last = c;
	if (t->is_broken)
		return;
	if (c.size != t->edge.size)
		found(t, 1, 0, "line %" PRIu64 ": a checkpoint of %" PRIu64 " entries stands after entry %" PRIu64, t->lines, c.size, t->edge.size);
	else
		compare(t, &c, "the checkpoint");
}

void
trail_line(struct trail *t, struct span line)
{
	struct json *doc = NULL;
	struct problem pr = { 0 };
	const struct json_node *root;

	t->lines++;
	if (line.n > TRAIL_LINE_MAX || !json_parse(line, "line", &limits, &doc, &pr) || json_type(json_root(doc)) != JSON_OBJECT) {
		found(t, t->next, t->next, "line %" PRIu64 " is none of an audit trail: %s", t->lines, pr.detail);
		t->is_broken = true;
		json_free(doc);
		return;
	}
	root = json_root(doc);
	if (!t->has_head)
		read_head(t, root, &pr);
	else if (json_get(root, "entry"))
		read_entry(t, root);
	else if (json_get(root, "checkpoint"))
		read_checkpoint(t, json_text(json_get(root, "checkpoint")));
	else if (json_get(root, "subtree"))
		read_subtree(t, json_get(root, "subtree"));
	else
		found(t, 1, 0, "line %" PRIu64 " is of no kind that is known", t->lines);
	json_free(doc);
}

static void
end_known(struct trail *t)
{
	for (size_t i = 0; i < t->known_count; i++) {
		const struct known *k = &t->known[i];

		if (strcmp(k->c.origin, t->sums.origin) != 0)
			found(t, 1, 0, "the checkpoint given of %" PRIu64 " entries is of \"%s\", which is another trail", k->c.size, k->c.origin);
		else if (k->c.size > t->next)
			found(t, t->next, k->c.size - 1, "entries %" PRIu64 " to %" PRIu64 " are missing at the end: a checkpoint given is of %" PRIu64 " entries",
				t->next, k->c.size - 1, k->c.size);
	}
}

bool
trail_end(struct trail *t, struct trail_sums *ret)
{
	for (size_t i = 0; i < t->gap_count; i++) {
		const struct gap *g = &t->gaps[i];

		if (g->first == g->last)
			found(t, g->first, g->last, "entry %" PRIu64 " is missing", g->first);
		else
			found(t, g->first, g->last, "entries %" PRIu64 " to %" PRIu64 " are missing", g->first, g->last);
	}
	t->gap_count = 0;
	if (!t->has_head)
		found(t, 1, 0, "there is no audit trail in it");
	else if (t->told_size > t->next)
		found(t, t->next, t->told_size - 1, "entries %" PRIu64 " to %" PRIu64 " are missing at the end", t->next, t->told_size - 1);
	else if (!t->is_broken && t->sums.checked < t->next)
		found(t, t->sums.checked, t->next - 1, "no checkpoint vouches for the entries from %" PRIu64 " on", t->sums.checked);
	end_known(t);
	t->sums.size = t->next;
	t->sums.cut = t->last.cut;
	*ret = t->sums;
	return t->sums.faults == 0;
}

/* ---- proofs of their own ---- */

static bool
read_hashes(const struct json_node *list, struct tlog_proof *ret)
{
	if (json_type(list) != JSON_ARRAY || json_count(list) > COUNT_OF(ret->hash))
		return false;
	ret->count = json_count(list);
	for (size_t i = 0; i < ret->count; i++) {
		if (!tlog_base64_exact(json_text(json_at(list, i)), ret->hash[i].octets, TLOG_HASH))
			return false;
	}
	return true;
}

static bool
check_inclusion(const struct json_node *root, const struct tlog_vkey *keys, size_t key_count, uint64_t *ret_seq, struct tlog_checkpoint *ret, struct problem *pr)
{
	struct span text = json_text(json_get(root, "entry"));
	struct json *doc = NULL;
	struct tlog_proof proof;
	struct tlog_hash leaf;
	bool good = json_parse(text, "entry", &limits, &doc, pr) && seq_of(json_root(doc), ret_seq) && read_hashes(json_get(root, "proof"), &proof);

	json_free(doc);
	if (!good)
		return problem_set(pr, PROBLEM_MALFORMED, "it is no proof of an entry");
	if (!tlog_note_open(json_text(json_get(root, "checkpoint")), keys, key_count, ret, pr))
		return false;
	tlog_leaf(text, &leaf);
	if (!tlog_included(&leaf, *ret_seq, ret->size, &proof, &ret->root))
		return problem_set(pr, PROBLEM_MALFORMED, "entry %" PRIu64 " is not in the tree of the checkpoint", *ret_seq);
	return true;
}

bool
trail_proof_check(struct span json, const struct tlog_vkey *keys, size_t key_count, uint64_t *ret_seq, struct tlog_checkpoint *ret, struct problem *pr)
{
	struct json *doc = NULL;
	bool good = json_parse(json, "proof", &limits, &doc, pr) && check_inclusion(json_root(doc), keys, key_count, ret_seq, ret, pr);

	json_free(doc);
	return good;
}

static bool
check_consistency(const struct json_node *root, const struct tlog_vkey *keys, size_t key_count, struct tlog_checkpoint *ret_old, struct tlog_checkpoint *ret,
	struct problem *pr)
{
	struct tlog_proof proof;

	if (!read_hashes(json_get(root, "consistency"), &proof))
		return problem_set(pr, PROBLEM_MALFORMED, "it is no proof of two checkpoints");
	if (!tlog_note_open(json_text(json_get(root, "since")), keys, key_count, ret_old, pr) ||
		!tlog_note_open(json_text(json_get(root, "checkpoint")), keys, key_count, ret, pr))
		return false;
	if (strcmp(ret_old->origin, ret->origin) != 0 || !tlog_consistent(ret_old->size, ret->size, &proof, &ret_old->root, &ret->root))
		return problem_set(pr, PROBLEM_MALFORMED, "the tree of %" PRIu64 " entries does not begin with that of %" PRIu64, ret->size, ret_old->size);
	return true;
}

bool
trail_consistency_check(struct span json, const struct tlog_vkey *keys, size_t key_count, struct tlog_checkpoint *ret_old, struct tlog_checkpoint *ret,
	struct problem *pr)
{
	struct json *doc = NULL;
	bool good = json_parse(json, "proof", &limits, &doc, pr) && check_consistency(json_root(doc), keys, key_count, ret_old, ret, pr);

	json_free(doc);
	return good;
}
