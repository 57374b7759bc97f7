/* Signed notes: a vector made by another implementation, and everything that is not one. */
#include "tlog/note.h"

#include <openssl/evp.h>

#include "tap.h"

#define VKEY "acmegate.example/audit+451fb247+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS"
#define TEXT "acmegate.example/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
#define SIGNED "\n\xe2\x80\x94 acmegate.example/audit "
#define SIGNATURE "RR+yR9lMbE6v3mxxALrM8faI2oXEzRt9DxmN9M8HgVwIQTsVBo6G9HAm/Wmmoo5x48rTvuEwv+siK+cZNMrG2LJ9RwY="
#define OTHER "\xe2\x80\x94 witness.example AAAA\n"

static struct tlog_vkey key;

static const struct {
	const char *name, *note;
	bool good;
} cases[] = {
	{ "the vector", TEXT SIGNED SIGNATURE "\n", true },
	{ "with a signature by somebody else", TEXT SIGNED SIGNATURE "\n" OTHER, true },
	{ "and first", TEXT "\n" OTHER "\xe2\x80\x94 acmegate.example/audit " SIGNATURE "\n", true },
	{ "somebody else's alone", TEXT "\n" OTHER, false },
	{ "no signature", TEXT "\n", false },
	{ "no empty line", TEXT, false },
	{ "nothing", "", false },
	{ "another size", "acmegate.example/audit\n9\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n" SIGNED SIGNATURE "\n", false },
	{ "another name", TEXT "\n\xe2\x80\x94 acmegate.example/other " SIGNATURE "\n", false },
	{ "a hyphen for a dash", TEXT "\n- acmegate.example/audit " SIGNATURE "\n", false },
	{ "a signature cut off", TEXT SIGNED "RR+yR9lMbE6v\n", false },
	{ "no end of line", TEXT SIGNED SIGNATURE, false },
	{ "a good one and a wrong one", TEXT SIGNED SIGNATURE "\n\xe2\x80\x94 acmegate.example/audit RR+yR9lMbE6v3mxxALrM8faI2oXEzRt9DxmN9M8HgVwIQTsVBo6G9HAm/Wmmoo5x48rTvuEwv+siK+cZNMrG2LJ9RwA=\n", false },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tlog_checkpoint c = { 0 };
		struct problem pr = { 0 };
		bool good = tlog_note_open(span_str(cases[i].note), &key, 1, &c, &pr);

		ok(good == cases[i].good, "%s: %s", cases[i].name, cases[i].good ? "taken" : pr.detail);
		ok(good ? c.size == 8 && c.cut == 0 : pr.kind == PROBLEM_MALFORMED, "and read, or refused in words");
	}
}

static const struct {
	const char *text;
	bool good;
} checkpoints[] = {
	{ TEXT, true },
	{ TEXT "cut 8\n", true },
	{ TEXT "cut 9\n", false },
	{ TEXT "cut 0\n", false },
	{ TEXT "cut 08\n", false },
	{ TEXT "more\n", false },
	{ TEXT "cut 1\ncut 1\n", false },
	{ "acmegate.example/audit\n08\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n", false },
	{ "acmegate.example/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=\n", false }, /* other unused bits */
	{ "acmegate.example/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg\n", false },
	{ "acmegate+example\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n", false },
	{ "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n", false },
	{ "a\n99999999999999999999\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n", false },
	{ "acmegate.example/audit\n8\n", false },
	{ "", false },
};

static void
test_checkpoints(void)
{
	for (size_t i = 0; i < sizeof(checkpoints) / sizeof(checkpoints[0]); i++) {
		struct tlog_checkpoint c = { 0 };
		struct problem pr = { 0 };
		AUTO_BUF again = BUF_MAX(1024);
		bool good = tlog_checkpoint_parse(span_str(checkpoints[i].text), &c, &pr);

		ok(good == checkpoints[i].good, "checkpoint %zu: %s", i, pr.detail);
		if (good)
			ok(tlog_checkpoint_write(&c, &again) && span_is(buf_span(&again), checkpoints[i].text), "and written as it was");
	}
}

static void
test_vkeys(void)
{
	static const char *const bad[] = { "", "a", "a+b", "acmegate.example/audit+451fb248+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS",
		"other+451fb247+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS", "acmegate.example/audit+451fb247+AiFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS",
		"acmegate.example/audit+451FB247+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS" };
	struct problem pr = { 0 };
	AUTO_BUF text = BUF_MAX(TLOG_VKEY_TEXT);

	ok(tlog_vkey_parse(SPAN(VKEY), &key, &pr), "a key is read: %s", pr.detail);
	is_str(key.name, "acmegate.example/audit", "with its name");
	ok(tlog_vkey_write(&key, &text) && span_is(buf_span(&text), VKEY), "and written as it was");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tlog_vkey k;

		ok(!tlog_vkey_parse(span_str(bad[i]), &k, &pr), "\"%s\" is none", bad[i]);
	}
}

/* The vector's key is the seed 32 times 0x42. */
static void
test_sign(void)
{
	unsigned char seed[32], signature[TLOG_SIGNATURE];
	size_t n = sizeof(signature);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	AUTO_BUF note = BUF_MAX(TLOG_NOTE_MAX);
	EVP_PKEY *pkey;

	memset(seed, 0x42, sizeof(seed));
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	ok(EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1 && EVP_DigestSign(md, signature, &n, (const unsigned char *)TEXT, strlen(TEXT)) == 1,
		"it is signed");
	ok(tlog_note_write(SPAN(TEXT), &key, signature, &note) && span_is(buf_span(&note), TEXT SIGNED SIGNATURE "\n"), "and is the vector");
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
}

int
main(void)
{
	test_vkeys();
	test_cases();
	test_checkpoints();
	test_sign();
	return done_testing();
}
