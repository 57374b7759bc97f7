/* cmd_eab_fleet.c - acmegatectl eab create-fleet: a key for each line of a CSV file, into another one.
 *
 * The keys are made here, and in the file, on the disk, before the daemon is given them to keep. So a run that broke off is made again: a key
 * that is in the file is given to the daemon once more, which has it, or not; none is made twice, and none is lost. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/b64url.h"
#include "base/rand.h"
#include "base/secret.h"
#include "csv/csv.h"
#include "ctl/ctl.h"
#include "json/jw.h"

#define FLEET_MAX_BYTES (64 * 1024 * 1024)
#define KEY_OCTETS 32
#define KEY_TEXT (B64URL_LEN(KEY_OCTETS) + 1)
#define TOLD_EVERY 500

static const char *const members[] = { "kid", "note", "tenant", "cost_centre", "names", "networks", "profiles" };
#define MEMBERS COUNT_OF(members)
enum { KID = 0, NAMES = 4 };

struct fleet {
	struct ctl *ctl;
	int at[MEMBERS];      /* columns, -1 = there is none */
	size_t columns;
	struct csv in;
	FILE *out;
	struct buf made;      /* the file with keys as it was found: kid,key lines */
	size_t done, before;
};

/* ---- the file with keys ---- */

/* The key of a kid that a run before has written. */
static bool
find_made(const struct fleet *f, struct span kid, char ret[KEY_TEXT])
{
	struct span rest = buf_span(&f->made), line, word;

	while (rest.n && span_cut(&rest, '\n', &line)) {
		if (span_cut(&line, ',', &word) && span_eq(word, kid) && line.n == KEY_TEXT - 1)
			return span_copy(line, ret, KEY_TEXT);
	}
	return false;
}

static void
make_key(char ret[KEY_TEXT])
{
	unsigned char octets[KEY_OCTETS];
	AUTO_SECRET text = BUF_MAX(KEY_TEXT);

	rand_bytes(octets, sizeof(octets));
	buf_reserve(&text, KEY_TEXT - 1);
	b64url_add(&text, octets, sizeof(octets));
	span_copy(buf_span(&text), ret, KEY_TEXT);
	explicit_bzero(octets, sizeof(octets));
}

static int
keep_key(struct fleet *f, struct span kid, const char *key)
{
	if (fprintf(f->out, "%.*s,%s\n", SPAN_FMT(kid), key) > 0 && fflush(f->out) == 0 && fdatasync(fileno(f->out)) == 0)
		return CTL_DONE;
	return ctl_fail(f->ctl, CTL_FAILED, "%s: %s", ctl_opt(f->ctl, "output"), strerror(errno));
}

/* What a run before has left, without a line that it did not end. */
static int
open_output(struct fleet *f)
{
	const char *name = ctl_opt(f->ctl, "output");
	int fd = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	char piece[65536];
	ssize_t n;

	if (!name)
		return ctl_fail(f->ctl, CTL_USAGE, "--output is needed: the file that the keys go to");
	if (fd < 0)
		return ctl_fail(f->ctl, CTL_FAILED, "%s: %s", name, strerror(errno));
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&f->made, piece, (size_t)n);
	explicit_bzero(piece, sizeof(piece));
	while (f->made.n && f->made.p[f->made.n - 1] != '\n')
		f->made.n--;
	if (n < 0 || ftruncate(fd, (off_t)f->made.n) != 0 || lseek(fd, 0, SEEK_END) < 0 || !(f->out = fdopen(fd, "w"))) {
		close(fd);
		return ctl_fail(f->ctl, CTL_FAILED, "%s: %s", name, strerror(errno));
	}
	if (f->made.n == 0 && (fputs("kid,key\n", f->out) < 0 || fflush(f->out) != 0))
		return ctl_fail(f->ctl, CTL_FAILED, "%s: %s", name, strerror(errno));
	return CTL_DONE;
}

/* ---- the file with lines ---- */

static int
read_header(struct fleet *f, struct problem *pr)
{
	for (size_t m = 0; m < MEMBERS; m++)
		f->at[m] = -1;
	if (!csv_next(&f->in, pr))
		return pr->kind ? CTL_USAGE : ctl_fail(f->ctl, CTL_USAGE, "%s is empty: expected a line that names the columns", f->ctl->words[0]);
	f->columns = f->in.count;
	for (size_t i = 0; i < f->in.count; i++) {
		for (size_t m = 0; m < MEMBERS; m++) {
			if (span_is(f->in.fields[i].text, members[m]))
				f->at[m] = (int)i;
		}
	}
	return f->at[KID] >= 0 ? CTL_DONE : ctl_fail(f->ctl, CTL_USAGE, "%s, line 1: no column is kid", f->ctl->words[0]);
}

/* Names, networks and profiles: several, with blanks between. */
static void
write_member(struct jw *w, size_t m, struct span text)
{
	struct span word;

	if (text.n == 0)
		return;
	if (m < NAMES) {
		jw_span(w, members[m], text);
		return;
	}
	jw_array(w, members[m]);
	while (text.n && span_cut(&text, ' ', &word)) {
		if (word.n)
			jw_span(w, NULL, word);
	}
	jw_end(w);
}

static int
create(struct fleet *f, const char *key)
{
	AUTO_SECRET json = BUF_MAX(64 * 1024);
	struct jw w = jw_to(&json);
	struct ctl_reply rp;
	int code;

	buf_reserve(&json, 32 * 1024);
	jw_object(&w, NULL);
	for (size_t m = 0; m < MEMBERS; m++) {
		if (f->at[m] >= 0)
			write_member(&w, m, f->in.fields[f->at[m]].text);
	}
	if (ctl_opt(f->ctl, "tenant") && f->at[2] < 0)
		jw_str(&w, "tenant", ctl_opt(f->ctl, "tenant"));
	jw_str(&w, "key", key);
	jw_bool(&w, "again", true);
	jw_end(&w);
	if (!jw_ok(&w))
		return ctl_fail(f->ctl, CTL_USAGE, "%s, line %u: too long", f->ctl->words[0], f->in.line);
	code = ctl_ask(f->ctl, "/eab", buf_cstr(&json), &rp);
	if (code == CTL_DONE)
		ctl_reply_done(&rp);
	else
		ctl_note(f->ctl, "that is line %u of %s; after it is mended, the same command goes on there", f->in.line, f->ctl->words[0]);
	return code;
}

static int
one(struct fleet *f)
{
	struct span kid = f->in.fields[f->at[KID]].text;
	char key[KEY_TEXT];
	int code = CTL_DONE;

	if (f->in.count != f->columns || !b64url_is_alphabet(kid) || kid.n == 0)
		return ctl_fail(f->ctl, CTL_USAGE, "%s, line %u: expected %zu fields, and a kid of A-Z a-z 0-9 _ -", f->ctl->words[0], f->in.line, f->columns);
	if (find_made(f, kid, key)) {
		f->before++;
	} else {
		make_key(key);
		code = keep_key(f, kid, key);
	}
	if (code == CTL_DONE)
		code = create(f, key);
	explicit_bzero(key, sizeof(key));
	if (code == CTL_DONE && ++f->done % TOLD_EVERY == 0 && !f->ctl->json)
		ctl_note(f->ctl, "%zu keys", f->done);
	return code;
}

static int
all(struct fleet *f)
{
	struct problem pr = { 0 };
	int code = read_header(f, &pr);

	while (code == CTL_DONE && csv_next(&f->in, &pr))
		code = one(f);
	return pr.kind ? ctl_fail(f->ctl, CTL_USAGE, "%s: %s", f->ctl->words[0], pr.detail) : code;
}

int
cmd_eab_create_fleet(struct ctl *ctl)
{
	struct fleet f = { .ctl = ctl, .made = BUF_MAX(FLEET_MAX_BYTES) };
	AUTO_BUF text = BUF_MAX(FLEET_MAX_BYTES);
	int code = ctl_read_file(ctl, ctl->words[0], &text);

	if (code == CTL_DONE)
		code = open_output(&f);
	if (code == CTL_DONE) {
		csv_init(&f.in, buf_span(&text));
		code = all(&f);
		csv_done(&f.in);
	}
	if (f.out && fclose(f.out) != 0 && code == CTL_DONE)
		code = ctl_fail(ctl, CTL_FAILED, "%s: %s", ctl_opt(ctl, "output"), strerror(errno));
	buf_wipe(&f.made);
	if (code == CTL_DONE && ctl->json)
		buf_addf(&ctl->out, "{\"keys\":%zu,\"of_before\":%zu}\n", f.done, f.before);
	else if (code == CTL_DONE)
		buf_addf(&ctl->out, "%zu keys, %zu of them in %s before\n", f.done, f.before, ctl_opt(ctl, "output"));
	return code;
}
