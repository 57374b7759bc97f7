/* note.c - see note.h. */
#include "tlog/note.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define KEY_ID 4
#define ALG_ED25519 0x01
#define DASH "\xe2\x80\x94 " /* U+2014 */
#define SIGNATURES_MAX 64

/* Of what is put into one text here. */
#define BASE64_OCTETS_MAX 128

bool
tlog_base64_add(struct buf *out, const void *p, size_t n)
{
	unsigned char text[BASE64_OCTETS_MAX * 4 / 3 + 8];

	if (n > BASE64_OCTETS_MAX)
		return false;
	return buf_add(out, text, (size_t)EVP_EncodeBlock(text, p, (int)n));
}

bool
tlog_base64_exact(struct span text, void *dst, size_t n)
{
	unsigned char octets[BASE64_OCTETS_MAX + 4];
	AUTO_BUF again = BUF_MAX(256);

	if (n > BASE64_OCTETS_MAX || text.n != (n + 2) / 3 * 4 || memchr(text.p, '\n', text.n) || memchr(text.p, ' ', text.n))
		return false;
	/* OpenSSL's reader is lenient: one text for one value */
	if (EVP_DecodeBlock(octets, (const unsigned char *)text.p, (int)text.n) < (int)n || !tlog_base64_add(&again, octets, n) ||
		!span_eq(buf_span(&again), text))
		return false;
	memcpy(dst, octets, n);
	return true;
}

bool
tlog_origin_is_good(struct span origin)
{
	for (size_t i = 0; i < origin.n; i++) {
		if (origin.p[i] <= ' ' || origin.p[i] >= 0x7f || origin.p[i] == '+')
			return false;
	}
	return origin.n > 0 && origin.n < TLOG_ORIGIN_TEXT;
}

bool
tlog_checkpoint_write(const struct tlog_checkpoint *c, struct buf *out)
{
	buf_addf(out, "%s\n%" PRIu64 "\n", c->origin, c->size);
	tlog_base64_add(out, c->root.octets, TLOG_HASH);
	buf_addc(out, '\n');
	if (c->cut)
		buf_addf(out, "cut %" PRIu64 "\n", c->cut);
	return buf_ok(out);
}

bool
tlog_checkpoint_parse(struct span text, struct tlog_checkpoint *ret, struct problem *pr)
{
	struct tlog_checkpoint c = { 0 };
	struct span rest = text, origin = SPAN_NONE, size = SPAN_NONE, root = SPAN_NONE, cut = SPAN_NONE;
	AUTO_BUF again = BUF_MAX(1024);

	span_cut(&rest, '\n', &origin);
	span_cut(&rest, '\n', &size);
	span_cut(&rest, '\n', &root);
	span_cut(&rest, '\n', &cut);
	if (!tlog_origin_is_good(origin) || !span_copy(origin, c.origin, sizeof(c.origin)))
		return problem_set(pr, PROBLEM_MALFORMED, "the checkpoint has no origin");
	if (!span_uint(size, ((uint64_t)1 << TLOG_LEVELS) - 1, &c.size) || !tlog_base64_exact(root, c.root.octets, TLOG_HASH))
		return problem_set(pr, PROBLEM_MALFORMED, "the checkpoint has no size and root");
	if (cut.n && (!span_starts(cut, "cut ") || !span_uint(span_from(cut, 4), c.size, &c.cut)))
		return problem_set(pr, PROBLEM_MALFORMED, "the checkpoint has a line that is not known");
	if (!tlog_checkpoint_write(&c, &again) || !span_eq(buf_span(&again), text))
		return problem_set(pr, PROBLEM_MALFORMED, "the checkpoint is not in its one form");
	*ret = c;
	return true;
}

static void
key_id(const struct tlog_vkey *k, unsigned char ret[KEY_ID])
{
	unsigned char md[EVP_MAX_MD_SIZE], text[TLOG_ORIGIN_TEXT + 2 + TLOG_KEY];
	size_t n = strlen(k->name);

	memcpy(text, k->name, n);
	text[n] = '\n';
	text[n + 1] = ALG_ED25519;
	memcpy(text + n + 2, k->key, TLOG_KEY);
	if (EVP_Digest(text, n + 2 + TLOG_KEY, md, NULL, EVP_sha256(), NULL) != 1)
		abort();
	memcpy(ret, md, KEY_ID);
}

bool
tlog_vkey_write(const struct tlog_vkey *k, struct buf *out)
{
	unsigned char id[KEY_ID], key[1 + TLOG_KEY] = { ALG_ED25519 };

	key_id(k, id);
	memcpy(key + 1, k->key, TLOG_KEY);
	buf_addf(out, "%s+%02x%02x%02x%02x+", k->name, id[0], id[1], id[2], id[3]);
	return tlog_base64_add(out, key, sizeof(key));
}

bool
tlog_vkey_parse(struct span text, struct tlog_vkey *ret, struct problem *pr)
{
	struct span rest = text, name = SPAN_NONE, id = SPAN_NONE;
	unsigned char key[1 + TLOG_KEY];
	AUTO_BUF again = BUF_MAX(TLOG_VKEY_TEXT * 2);
	struct tlog_vkey k = { 0 };

	span_cut(&rest, '+', &name);
	span_cut(&rest, '+', &id);
	if (!tlog_origin_is_good(name) || !span_copy(name, k.name, sizeof(k.name)) || !rest.p ||
		!tlog_base64_exact(rest, key, sizeof(key)) || key[0] != ALG_ED25519)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no key of the form NAME+ID+KEY, of Ed25519", QUOTE(text));
	memcpy(k.key, key + 1, TLOG_KEY);
	if (!tlog_vkey_write(&k, &again) || !span_eq(buf_span(&again), text))
		return problem_set(pr, PROBLEM_MALFORMED, "the id of key \"%s\" is not that of the key", QUOTE(name));
	*ret = k;
	return true;
}

bool
tlog_note_write(struct span text, const struct tlog_vkey *k, const unsigned char signature[TLOG_SIGNATURE], struct buf *out)
{
	unsigned char octets[KEY_ID + TLOG_SIGNATURE];

	key_id(k, octets);
	memcpy(octets + KEY_ID, signature, TLOG_SIGNATURE);
	buf_addspan(out, text);
	buf_addf(out, "\n" DASH "%s ", k->name);
	tlog_base64_add(out, octets, sizeof(octets));
	buf_addc(out, '\n');
	return buf_ok(out);
}

static bool
is_signed_by(const struct tlog_vkey *k, struct span text, const unsigned char signature[TLOG_SIGNATURE])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->key, TLOG_KEY);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = key && md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(md, signature, TLOG_SIGNATURE, (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return good;
}

/* One line "— NAME BASE64"; *good counts those that verify. */
static bool
check_signature(struct span line, struct span text, const struct tlog_vkey *keys, size_t count, size_t *good, struct problem *pr)
{
	unsigned char octets[KEY_ID + TLOG_SIGNATURE], id[KEY_ID];
	struct span rest, name = SPAN_NONE;

	if (!span_starts(line, DASH))
		return problem_set(pr, PROBLEM_MALFORMED, "a line of signatures is none");
	rest = span_from(line, strlen(DASH));
	span_cut(&rest, ' ', &name);
	/* another algorithm's is of another length: its key is not known */
	if (!rest.p || !tlog_base64_exact(rest, octets, sizeof(octets)))
		return true;
	for (size_t i = 0; i < count; i++) {
		key_id(&keys[i], id);
		if (!span_is(name, keys[i].name) || memcmp(id, octets, KEY_ID) != 0)
			continue;
		if (!is_signed_by(&keys[i], text, octets + KEY_ID))
			return problem_set(pr, PROBLEM_MALFORMED, "the signature of \"%s\" is wrong", keys[i].name);
		++*good;
	}
	return true;
}

bool
tlog_note_open(struct span note, const struct tlog_vkey *keys, size_t count, struct tlog_checkpoint *ret, struct problem *pr)
{
	const char *end = note.n > 0 && note.n <= TLOG_NOTE_MAX ? memmem(note.p, note.n, "\n\n", 2) : NULL;
	struct span text, rest, line;
	size_t good = 0, lines = 0;

	if (!end || note.p[note.n - 1] != '\n')
		return problem_set(pr, PROBLEM_MALFORMED, "it is no signed note");
	text = span_of(note.p, (size_t)(end - note.p) + 1);
	rest = span_of(end + 2, note.n - text.n - 1);
	while (span_cut(&rest, '\n', &line) && (line.n || rest.n)) {
		if (++lines > SIGNATURES_MAX)
			return problem_set(pr, PROBLEM_MALFORMED, "it has too many signatures");
		if (!check_signature(line, text, keys, count, &good, pr))
			return false;
	}
	if (good == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "none of the given keys has signed it");
	return tlog_checkpoint_parse(text, ret, pr);
}
