/* cmd_audit_verify.c - acmegatectl audit verify: what an exported trail is worth, without the daemon. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "ctl/ctl.h"
#include "json/jw.h"
#include "tlog/trail.h"

#define FILE_MAX (64 * 1024)
#define PROOF_MAX (2 * 1024 * 1024)

struct verifying {
	struct ctl *ctl;
	struct tlog_vkey keys[TRAIL_KEYS_MAX];
	size_t key_count;
	struct jw w;
};

/* The text itself, or a file with it. */
static int
read_key(struct verifying *v, const char *text)
{
	AUTO_BUF file = BUF_MAX(FILE_MAX);
	struct problem pr = { 0 };
	struct span key = span_str(text);

	if (v->key_count == TRAIL_KEYS_MAX)
		return ctl_fail(v->ctl, CTL_USAGE, "at most %d keys can be given", TRAIL_KEYS_MAX);
	if (!strchr(text, '+')) {
		if (!file_load(text, &file, &pr))
			return ctl_fail(v->ctl, CTL_FAILED, "%s", pr.cause[0] ? pr.cause : pr.detail);
		key = buf_span(&file);
	}
	while (key.n && (key.p[key.n - 1] == '\n' || key.p[key.n - 1] == '\r'))
		key.n--;
	if (!tlog_vkey_parse(key, &v->keys[v->key_count], &pr))
		return ctl_fail(v->ctl, CTL_USAGE, "--key: %s", pr.detail);
	v->key_count++;
	return CTL_DONE;
}

static int
read_keys(struct verifying *v)
{
	const char *text;
	int code = CTL_DONE;

	for (size_t i = 0; code == CTL_DONE && (text = ctl_opt_at(v->ctl, "key", i)); i++)
		code = read_key(v, text);
	if (code == CTL_DONE && v->key_count == 0)
		return ctl_fail(v->ctl, CTL_USAGE, "--key is missing: who must have signed it; a key that comes with the export proves nothing");
	return code;
}

static void
on_found(const struct trail_found *f, void *arg)
{
	struct verifying *v = arg;

	if (!v->ctl->json) {
		ctl_add_clean(&v->ctl->out, span_str(f->text));
		buf_addc(&v->ctl->out, '\n');
		return;
	}
	jw_object(&v->w, NULL);
	if (f->first <= f->last) {
		jw_int(&v->w, "first", (int64_t)f->first);
		jw_int(&v->w, "last", (int64_t)f->last);
	}
	jw_str(&v->w, "text", f->text);
	jw_end(&v->w);
}

static int
read_checkpoints(struct verifying *v, struct trail *t)
{
	const char *path;

	for (size_t i = 0; (path = ctl_opt_at(v->ctl, "checkpoint", i)); i++) {
		AUTO_BUF note = BUF_MAX(FILE_MAX);
		struct problem pr = { 0 };

		/* octets as they are: the last line end is part of a note */
		if (!file_load(path, &note, &pr))
			return ctl_fail(v->ctl, CTL_FAILED, "%s", pr.cause[0] ? pr.cause : pr.detail);
		if (!trail_know(t, buf_span(&note), &pr))
			return ctl_fail(v->ctl, CTL_FAILED, "%s: %s", path, pr.detail);
	}
	return CTL_DONE;
}

/* Line by line, so that memory does not grow with the file. */
static bool
read_lines(FILE *in, struct trail *t)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getdelim(&line, &size, '\n', in)) > 0)
		trail_line(t, span_of(line, (size_t)n - (line[n - 1] == '\n')));
	free(line);
	return !ferror(in);
}

static void
tell(struct verifying *v, bool good, const struct trail_sums *s)
{
	struct ctl *ctl = v->ctl;

	if (ctl->json) {
		jw_end(&v->w);
		jw_bool(&v->w, "good", good);
		jw_str(&v->w, "origin", s->origin);
		jw_int(&v->w, "from", (int64_t)s->from);
		jw_int(&v->w, "size", (int64_t)s->size);
		jw_int(&v->w, "checked", (int64_t)s->checked);
		jw_int(&v->w, "cut", (int64_t)s->cut);
		jw_int(&v->w, "checkpoints", (int64_t)s->checkpoints);
		jw_int(&v->w, "erased_values", (int64_t)s->erased);
		jw_int(&v->w, "faults", (int64_t)s->faults);
		jw_end(&v->w);
		buf_addc(&ctl->out, '\n');
		return;
	}
	if (!good) {
		ctl_note(ctl, "the trail is not what was signed: %" PRIu64 " fault%s", s->faults, s->faults == 1 ? "" : "s");
		return;
	}
	buf_addf(&ctl->out, "%s: entries %" PRIu64 " to %" PRIu64 " are as they were signed, %" PRIu64 " checkpoints\n", s->origin, s->from, s->size - 1,
		s->checkpoints);
	if (s->from)
		buf_addf(&ctl->out, s->from <= s->cut ? "entries before %" PRIu64 " were dropped by retention\n" : "entries before %" PRIu64 " are not in this export\n",
			s->from);
	if (s->erased)
		buf_addf(&ctl->out, "%" PRIu64 " personal values were erased\n", s->erased);
}

static int
verify_trail(struct verifying *v, FILE *in, const char *file)
{
	struct trail *t = trail_new(v->keys, v->key_count, on_found, v);
	struct trail_sums sums;
	int code = read_checkpoints(v, t);

	if (code == CTL_DONE) {
		v->w = jw_to(&v->ctl->out);
		if (v->ctl->json) {
			jw_object(&v->w, NULL);
			jw_array(&v->w, "found");
		}
		if (read_lines(in, t)) {
			bool good = trail_end(t, &sums);

			tell(v, good, &sums);
			code = good ? CTL_DONE : CTL_FAILED;
		} else {
			code = ctl_fail(v->ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
		}
	}
	trail_free(t);
	return code;
}

/* Of one entry, or that a later checkpoint only appends to an earlier one. */
static int
verify_proof(struct verifying *v, FILE *in, const char *file)
{
	AUTO_BUF text = BUF_MAX(PROOF_MAX);
	struct tlog_checkpoint c, old;
	struct problem pr = { 0 }, other = { 0 };
	char part[8192];
	uint64_t seq;
	size_t n;

	while ((n = fread(part, 1, sizeof(part), in)) > 0)
		buf_add(&text, part, n);
	if (ferror(in) || !buf_ok(&text))
		return ctl_fail(v->ctl, CTL_FAILED, "%s: cannot be read, or is too long", file);
	if (trail_consistency_check(buf_span(&text), v->keys, v->key_count, &old, &c, &other)) {
		buf_addf(&v->ctl->out, "%s: the trail of %" PRIu64 " entries begins with that of %" PRIu64 "\n", c.origin, c.size, old.size);
		return CTL_DONE;
	}
	if (!trail_proof_check(buf_span(&text), v->keys, v->key_count, &seq, &c, &pr))
		return ctl_fail(v->ctl, CTL_FAILED, "%s: %s", file, strncmp(other.detail, "it is no proof", 14) == 0 ? pr.detail : other.detail);
	buf_addf(&v->ctl->out, "%s: entry %" PRIu64 " is in the trail of %" PRIu64 " entries\n", c.origin, seq, c.size);
	return CTL_DONE;
}

int
cmd_audit_verify(struct ctl *ctl)
{
	const char *file = ctl->words[0];
	struct verifying v = { .ctl = ctl };
	int code = read_keys(&v);
	FILE *in;

	if (code != CTL_DONE)
		return code;
	in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	if (!in)
		return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
	code = ctl_opt(ctl, "proof") ? verify_proof(&v, in, file) : verify_trail(&v, in, file);
	if (in != stdin)
		fclose(in);
	return code;
}
