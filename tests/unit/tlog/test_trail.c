/* Exports of an audit trail: a good one, and one for each way of tampering; what is found, and where. */
#include "tlog/trail.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "base/mem.h"
#include "json/jw.h"
#include "tap.h"

#define ORIGIN "acme.test/audit/1"
#define ENTRIES 21
#define LINES 40

static EVP_PKEY *signer;
static struct tlog_vkey vkey;

static void
keys(void)
{
	unsigned char seed[32];
	size_t n = sizeof(vkey.key);

	memset(seed, 7, sizeof(seed));
	signer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	EVP_PKEY_get_raw_public_key(signer, vkey.key, &n);
	strcpy(vkey.name, ORIGIN);
}

static char *
note_of(const struct tlog_edge *edge, uint64_t cut)
{
	struct tlog_checkpoint c = { .origin = ORIGIN, .size = edge->size, .cut = cut };
	AUTO_BUF text = BUF_MAX(1024), note = BUF_MAX(TLOG_NOTE_MAX);
	unsigned char signature[TLOG_SIGNATURE];
	size_t n = sizeof(signature);
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	tlog_edge_root(edge, &c.root);
	tlog_checkpoint_write(&c, &text);
	EVP_DigestSignInit(md, NULL, NULL, NULL, signer);
	EVP_DigestSign(md, signature, &n, (const unsigned char *)text.p, text.n);
	EVP_MD_CTX_free(md);
	tlog_note_write(buf_span(&text), &vkey, signature, &note);
	return span_dup(buf_span(&note));
}

/* An export in memory: lines that a case may change. */
struct export {
	char *lines[LINES];
	size_t count;
	char *notes[ENTRIES + 1]; /* the checkpoint of each size that has one */
	struct tlog_edge edge;
};

static char *
salted(const char *value, char digest[64])
{
	unsigned char salt[32], md[32];
	AUTO_BUF both = BUF_MAX(256);
	static char text[64];

	memset(salt, 1, sizeof(salt));
	buf_add(&both, salt, sizeof(salt));
	buf_adds(&both, value);
	EVP_Digest(both.p, both.n, md, NULL, EVP_sha256(), NULL);
	b64url_write(digest, md, sizeof(md));
	b64url_write(text, salt, sizeof(salt));
	return text;
}

static void
add_line(struct export *e, struct buf *text)
{
	e->lines[e->count++] = span_dup(buf_span(text));
}

static void
add_entry_line(struct export *e, uint64_t seq, const char *what)
{
	char digest[64], *salt = salted("10.0.0.1", digest);
	AUTO_BUF entry = BUF_MAX(1024), line = BUF_MAX(4096), hash64 = BUF_MAX(64);
	struct jw w = jw_to(&line);
	struct tlog_hash hash;

	buf_addf(&entry, "{\"seq\":%llu,\"event\":\"%s\",\"personal\":{\"address\":\"%s\"}}", (unsigned long long)seq, what, digest);
	tlog_leaf(buf_span(&entry), &hash);
	(void)!tlog_edge_add(&e->edge, 0, &hash);
	tlog_base64_add(&hash64, hash.octets, TLOG_HASH);
	jw_object(&w, NULL);
	jw_span(&w, "hash", buf_span(&hash64));
	jw_span(&w, "entry", buf_span(&entry));
	jw_object(&w, "open");
	jw_array(&w, "address");
	jw_str(&w, NULL, salt);
	jw_str(&w, NULL, "10.0.0.1");
	jw_end(&w);
	jw_end(&w);
	jw_end(&w);
	add_line(e, &line);
}

static void
add_checkpoint(struct export *e, uint64_t cut)
{
	AUTO_BUF line = BUF_MAX(8192);
	struct jw w = jw_to(&line);

	e->notes[e->edge.size] = note_of(&e->edge, cut);
	jw_object(&w, NULL);
	jw_str(&w, "checkpoint", e->notes[e->edge.size]);
	jw_end(&w);
	add_line(e, &line);
}

/* Entries 0 .. 20, checkpoints of 10 and 21; lines: head, 0-9, checkpoint, 10-20, checkpoint. From `from` on: subtrees instead. */
static struct export
make(uint64_t from)
{
	struct export e = { 0 };
	AUTO_BUF line = BUF_MAX(1024);

	buf_addf(&line, "{\"acmegate_audit\":1,\"origin\":\"" ORIGIN "\",\"from\":%llu,\"size\":%d}", (unsigned long long)from, ENTRIES);
	for (uint64_t i = 0; i < from; i++) {
		add_entry_line(&e, i, "x");
		free(e.lines[--e.count]);
	}
	add_line(&e, &line);
	for (unsigned i = 0; i < e.edge.count; i++) {
		AUTO_BUF hash = BUF_MAX(64);
		unsigned level = from == 4 ? 2 : i == 0 ? 3 : i == 1 ? 1 : 0;

		buf_clear(&line);
		tlog_base64_add(&hash, e.edge.full[i].octets, TLOG_HASH);
		buf_addf(&line, "{\"subtree\":{\"level\":%u,\"hash\":\"%.*s\"}}", level, SPAN_FMT(buf_span(&hash)));
		add_line(&e, &line);
	}
	for (uint64_t i = from; i < ENTRIES; i++) {
		add_entry_line(&e, i, "x");
		if (i == 9)
			add_checkpoint(&e, 0);
	}
	add_checkpoint(&e, from);
	return e;
}

static void
export_done(struct export *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->lines[i]);
	for (size_t i = 0; i <= ENTRIES; i++)
		free(e->notes[i]);
}

static void
drop(struct export *e, size_t at)
{
	free(e->lines[at]);
	memmove(&e->lines[at], &e->lines[at + 1], (e->count - at - 1) * sizeof(e->lines[0]));
	e->count--;
}

static void
insert(struct export *e, size_t at, const char *line)
{
	memmove(&e->lines[at + 1], &e->lines[at], (e->count - at) * sizeof(e->lines[0]));
	e->lines[at] = xstrdup(line);
	e->count++;
}

static void
replace(struct export *e, size_t at, const char *what, const char *by)
{
	char *p = strstr(e->lines[at], what);
	AUTO_BUF line = BUF_MAX(16384);

	if (!p) {
		ok(false, "\"%s\" is in line %zu", what, at);
		return;
	}
	buf_add(&line, e->lines[at], (size_t)(p - e->lines[at]));
	buf_adds(&line, by);
	buf_adds(&line, p + strlen(what));
	free(e->lines[at]);
	e->lines[at] = span_dup(buf_span(&line));
}

/* What was found first, and how much. */
struct report {
	uint64_t first, last;
	size_t count;
	char text[600];
};

static void
on_found(const struct trail_found *f, void *arg)
{
	struct report *r = arg;

	if (r->count++ == 0) {
		r->first = f->first;
		r->last = f->last;
		snprintf(r->text, sizeof(r->text), "%s", f->text);
	}
}

static bool
judge(const struct export *e, const char *known, struct report *ret, struct trail_sums *ret_sums)
{
	struct trail *t = trail_new(&vkey, 1, on_found, ret);
	struct problem pr = { 0 };
	bool good;

	*ret = (struct report){ 0 };
	if (known && !trail_know(t, span_str(known), &pr))
		ok(false, "a known checkpoint: %s", pr.detail);
	for (size_t i = 0; i < e->count; i++)
		trail_line(t, span_str(e->lines[i]));
	good = trail_end(t, ret_sums);
	trail_free(t);
	return good;
}

/* ---- tampering ---- */

/* Line numbers: entry n stands on n + 1, from 10 on one later. */
static size_t
line_of(unsigned seq)
{
	return seq + 1 + (seq >= 10);
}

/* The whole line is made anew, hash and all. */
static void
forge(struct export *e, unsigned at, unsigned seq)
{
	struct export other = { 0 };

	add_entry_line(&other, seq, "forged");
	free(e->lines[line_of(at)]);
	e->lines[line_of(at)] = other.lines[0];
}

static void
change_text(struct export *e)
{
	replace(e, line_of(7), "\\\"x\\\"", "\\\"y\\\"");
}

static void
change_all(struct export *e)
{
	forge(e, 12, 12);
}

static void
change_number(struct export *e)
{
	forge(e, 12, 13);
}

static void
change_open(struct export *e)
{
	replace(e, line_of(3), "\"10.0.0.1\"", "\"10.0.0.2\"");
}

static void
remove_one(struct export *e)
{
	drop(e, line_of(5));
}

static void
remove_first(struct export *e)
{
	drop(e, line_of(0));
}

static void
remove_some(struct export *e)
{
	drop(e, line_of(14));
	drop(e, line_of(14));
	drop(e, line_of(14));
}

static void
swap_two(struct export *e)
{
	char *line = e->lines[line_of(15)];

	e->lines[line_of(15)] = e->lines[line_of(16)];
	e->lines[line_of(16)] = line;
}

static void
insert_copy(struct export *e)
{
	insert(e, line_of(18), e->lines[line_of(2)]);
}

static void
insert_forged(struct export *e)
{
	insert(e, line_of(18), e->lines[line_of(18)]);
	forge(e, 18, 18);
}

static void
cut_tail(struct export *e)
{
	while (e->count > line_of(10))
		drop(e, e->count - 1);
	replace(e, 0, "\"size\":21", "\"size\":10");
}

static void
cut_tail_openly(struct export *e)
{
	while (e->count > line_of(10))
		drop(e, e->count - 1);
}

static void
drop_checkpoint(struct export *e)
{
	drop(e, e->count - 1);
}

static void
other_checkpoint(struct export *e)
{
	replace(e, e->count - 1, "\\n21\\n", "\\n20\\n");
}

static void
no_line(struct export *e)
{
	insert(e, line_of(4), "{\"entry\":");
}

static void
no_entry(struct export *e)
{
	replace(e, line_of(4), "{\\\"seq\\\":4", "{\\\"sec\\\":4");
}

static void
no_head(struct export *e)
{
	drop(e, 0);
}

static void
nothing(struct export *e)
{
	while (e->count)
		drop(e, 0);
}

static void
other_trail(struct export *e)
{
	replace(e, 0, ORIGIN, "acme.test/audit/2");
}

static const struct {
	const char *name;
	void (*tamper)(struct export *e);
	uint64_t first, last;
	const char *says;
	bool known; /* with the checkpoint of all 21 from elsewhere */
} cases[] = {
	{ "a text was changed", change_text, 7, 7, "entry 7 was changed", false },
	{ "an entry was made anew", change_all, 10, 20, "entries 10 to 20", false },
	{ "with another number", change_number, 13, 13, "is there twice", false },
	{ "a personal value was changed", change_open, 3, 3, "\"address\" is not what was recorded", false },
	{ "one was removed", remove_one, 5, 5, "entry 5 is missing", false },
	{ "the first was removed", remove_first, 0, 0, "entry 0 is missing", false },
	{ "three were removed", remove_some, 14, 16, "entries 14 to 16 are missing", false },
	{ "two changed places", swap_two, 15, 15, "the order was changed", false },
	{ "one stands there again", insert_copy, 2, 2, "is there twice", false },
	{ "one was put before its like", insert_forged, 18, 18, "is there twice", false },
	{ "the end is gone, and the head says so", cut_tail, 10, 20, "missing at the end", true },
	{ "the end is gone", cut_tail_openly, 10, 20, "missing at the end", false },
	{ "the last checkpoint is gone", drop_checkpoint, 10, 20, "no checkpoint vouches", false },
	{ "a checkpoint was changed", other_checkpoint, 1, 0, "signature", false },
	{ "a line is none", no_line, 4, 4, "is none of an audit trail", false },
	{ "an entry is none", no_entry, 4, 4, "it is none", false },
	{ "there is no head", no_head, 1, 0, "no head", false },
	{ "there is nothing", nothing, 1, 0, "there is no audit trail", false },
	{ "the head names another trail", other_trail, 1, 0, "another trail", false },
};

static void
test_tampering(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct export e = make(0);
		struct trail_sums sums;
		struct report r;

		cases[i].tamper(&e);
		ok(!judge(&e, cases[i].known ? e.notes[ENTRIES] : NULL, &r, &sums), "%s: %s", cases[i].name, r.text);
		is_int(r.first, cases[i].first, "  the first");
		is_int(r.last, cases[i].last, "  the last");
		ok(strstr(r.text, cases[i].says) != NULL, "  \"%s\"", cases[i].says);
		export_done(&e);
	}
}

/* ---- what is good ---- */

static void
test_good(void)
{
	static const uint64_t froms[] = { 0, 4, 10 };

	for (size_t i = 0; i < COUNT_OF(froms); i++) {
		struct export e = make(froms[i]);
		struct trail_sums sums;
		struct report r;

		ok(judge(&e, e.notes[ENTRIES], &r, &sums), "from %llu on: %s", (unsigned long long)froms[i], r.text);
		is_int(sums.checked, ENTRIES, "all are vouched for");
		is_int(sums.cut, froms[i], "what was dropped is told by the checkpoint");
		is_int(sums.erased, 0, "nothing was erased");
		is_str(sums.origin, ORIGIN, "it is the trail");
		export_done(&e);
	}
}

static void
test_erased(void)
{
	struct export e = make(0);
	struct trail_sums sums;
	struct report r;
	char *open = strstr(e.lines[line_of(9)], ",\"open\":");

	strcpy(open, "}");
	ok(judge(&e, NULL, &r, &sums), "what was erased is no fault");
	is_int(sums.erased, 1, "and told");
	export_done(&e);
}

static void
test_known(void)
{
	struct export e = make(0), other = { 0 };
	struct trail_sums sums;
	struct problem pr = { 0 };
	struct report r;
	struct trail *t;

	for (unsigned i = 0; i < 12; i++)
		add_entry_line(&other, i, "z");
	other.notes[12] = note_of(&other.edge, 0);
	ok(!judge(&e, other.notes[12], &r, &sums), "a checkpoint of another history does not agree: %s", r.text);
	is_int(r.first, 10, "  behind the last that does");
	is_int(r.last, 11, "  up to its size");
	t = trail_new(&vkey, 1, on_found, &r);
	ok(!trail_know(t, SPAN("hello"), &pr), "a checkpoint that is none is refused");
	for (unsigned i = 0; i < TRAIL_KNOWN_MAX; i++)
		(void)!trail_know(t, span_str(e.notes[10]), &pr);
	ok(!trail_know(t, span_str(e.notes[10]), &pr), "and one too many");
	trail_free(t);
	t = trail_new(&vkey, 0, on_found, &r);
	ok(!trail_know(t, span_str(e.notes[10]), &pr), "without a key there is none");
	trail_free(t);
	export_done(&e);
	export_done(&other);
}

/* With gaps beyond all bounds memory does not grow, and each is told. */
static void
test_many_gaps(void)
{
	struct export e = { 0 };
	struct trail_sums sums;
	struct report r = { 0 };
	struct trail *t = trail_new(&vkey, 1, on_found, &r);

	trail_line(t, SPAN("{\"acmegate_audit\":1,\"origin\":\"" ORIGIN "\",\"from\":0,\"size\":2000}"));
	for (uint64_t i = 1; i < 2000; i += 2) {
		add_entry_line(&e, i, "x");
		trail_line(t, span_str(e.lines[0]));
		free(e.lines[--e.count]);
	}
	ok(!trail_end(t, &sums), "a thousand gaps");
	ok(sums.faults >= 1000 && r.count >= 1000, "are told");
	trail_free(t);
}

/* ---- proofs of their own ---- */

static struct tlog_hash leaves[ENTRIES];

static bool
full(void *arg, unsigned level, uint64_t index, struct tlog_hash *ret)
{
	struct tlog_hash right;

	if (level == 0) {
		*ret = leaves[index];
		return true;
	}
	full(arg, level - 1, 2 * index, ret);
	full(arg, level - 1, 2 * index + 1, &right);
	tlog_node(ret, &right, ret);
	return true;
}

static void
write_hashes(struct jw *w, const char *name, const struct tlog_proof *proof)
{
	jw_array(w, name);
	for (size_t i = 0; i < proof->count; i++) {
		AUTO_BUF text = BUF_MAX(64);

		tlog_base64_add(&text, proof->hash[i].octets, TLOG_HASH);
		jw_span(w, NULL, buf_span(&text));
	}
	jw_end(w);
}

static void
test_proofs(void)
{
	struct export e = { 0 };
	AUTO_BUF doc = BUF_MAX(16384);
	struct tlog_checkpoint c, old;
	struct tlog_proof proof;
	struct problem pr = { 0 };
	struct jw w = jw_to(&doc);
	uint64_t seq;

	for (unsigned i = 0; i < ENTRIES; i++) {
		AUTO_FREE char *entry = xasprintf("{\"seq\":%u}", i);

		tlog_leaf(span_str(entry), &leaves[i]);
		(void)!tlog_edge_add(&e.edge, 0, &leaves[i]);
		if (i == 9)
			e.notes[10] = note_of(&e.edge, 0);
	}
	e.notes[ENTRIES] = note_of(&e.edge, 0);
	(void)!tlog_prove_inclusion(12, ENTRIES, full, NULL, &proof);
	jw_object(&w, NULL);
	jw_str(&w, "entry", "{\"seq\":12}");
	write_hashes(&w, "proof", &proof);
	jw_str(&w, "checkpoint", e.notes[ENTRIES]);
	jw_end(&w);
	ok(trail_proof_check(buf_span(&doc), &vkey, 1, &seq, &c, &pr) && seq == 12 && c.size == ENTRIES, "an entry is proven: %s", pr.detail);
	doc.p[strlen("{\"entry\":\"{\\\"seq\\\":1")] = '3';
	ok(!trail_proof_check(buf_span(&doc), &vkey, 1, &seq, &c, &pr), "another is not: %s", pr.detail);
	ok(!trail_proof_check(SPAN("{}"), &vkey, 1, &seq, &c, &pr) && !trail_proof_check(SPAN("x"), &vkey, 1, &seq, &c, &pr), "nor by nothing");

	buf_clear(&doc);
	w = jw_to(&doc);
	(void)!tlog_prove_consistency(10, ENTRIES, full, NULL, &proof);
	jw_object(&w, NULL);
	jw_str(&w, "since", e.notes[10]);
	jw_str(&w, "checkpoint", e.notes[ENTRIES]);
	write_hashes(&w, "consistency", &proof);
	jw_end(&w);
	ok(trail_consistency_check(buf_span(&doc), &vkey, 1, &old, &c, &pr) && old.size == 10 && c.size == ENTRIES, "that it was appended to is proven: %s", pr.detail);
	*strstr(buf_cstr(&doc), "consistency\":[\"") = 'C';
	ok(!trail_consistency_check(buf_span(&doc), &vkey, 1, &old, &c, &pr), "not without a proof");
	export_done(&e);
}

int
main(void)
{
	keys();
	test_good();
	test_erased();
	test_tampering();
	test_known();
	test_many_gaps();
	test_proofs();
	EVP_PKEY_free(signer);
	return done_testing();
}
