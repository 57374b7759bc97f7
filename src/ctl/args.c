/* args.c - from argv to a command with its options; see ctl.h.
 *
 * Options may stand anywhere, so they are read by the options of all commands together; which command it is, is known
 * afterwards, and then each option is held against it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "ctl/ctl.h"

const struct ctl_option *
ctl_option_find(const struct ctl_option *list, const char *name)
{
	for (; list && list->name; list++) {
		if (strcmp(list->name, name) == 0)
			return list;
	}
	return NULL;
}

static const struct ctl_option *
find_anywhere(const char *name)
{
	const struct ctl_option *found = ctl_option_find(ctl_global_options, name);

	for (size_t i = 0; !found && i < ctl_command_count; i++)
		found = ctl_option_find(ctl_commands[i].options, name);
	return found;
}

static const struct ctl_option *
letter_in(const struct ctl_option *list, char letter)
{
	for (; list && list->name; list++) {
		if (list->letter == letter)
			return list;
	}
	return NULL;
}

static const struct ctl_option *
find_letter(char letter)
{
	const struct ctl_option *found = letter_in(ctl_global_options, letter);

	for (size_t i = 0; !found && i < ctl_command_count; i++)
		found = letter_in(ctl_commands[i].options, letter);
	return found;
}

static void
add_given(struct ctl *ctl, const char *name, const char *value)
{
	ctl->given = xrealloc(ctl->given, (ctl->given_count + 1) * sizeof(*ctl->given));
	ctl->given[ctl->given_count++] = (struct ctl_given){ name, value };
}

static void
add_word(struct ctl *ctl, const char *word)
{
	ctl->words = xrealloc(ctl->words, (ctl->word_count + 1) * sizeof(*ctl->words));
	ctl->words[ctl->word_count++] = word;
}

void
ctl_done(struct ctl *ctl)
{
	free(ctl->given);
	free(ctl->words);
	buf_wipe(&ctl->out);
}

const char *
ctl_opt(const struct ctl *ctl, const char *name)
{
	for (size_t i = ctl->given_count; i-- > 0;) {
		if (strcmp(ctl->given[i].name, name) == 0)
			return ctl->given[i].value ? ctl->given[i].value : "";
	}
	return NULL;
}

const char *
ctl_opt_at(const struct ctl *ctl, const char *name, size_t i)
{
	for (size_t j = 0; j < ctl->given_count; j++) {
		if (strcmp(ctl->given[j].name, name) == 0 && i-- == 0)
			return ctl->given[j].value;
	}
	return NULL;
}

int
ctl_opt_count(struct ctl *ctl, const char *name, int64_t *ret)
{
	const char *text = ctl_opt(ctl, name);
	uint64_t n;

	if (!text)
		return CTL_DONE;
	if (!span_uint(span_str(text), 1000000000, &n) || n == 0)
		return ctl_fail(ctl, CTL_USAGE, "--%s is \"%s\", expected a number from 1 to 1000000000", name, text);
	*ret = (int64_t)n;
	return CTL_DONE;
}

/* Reads argv[*at], an option; false with *ret_wrong. */
static bool
read_option(struct ctl *ctl, int argc, char **argv, int *at, char **ret_wrong)
{
	const char *text = argv[*at], *equals = strchr(text, '=');
	bool is_long = text[1] == '-';
	AUTO_FREE char *name =
		equals && is_long ? span_dup(span_of(text + 2, (size_t)(equals - text) - 2)) : xstrdup(is_long ? text + 2 : text);
	const struct ctl_option *o = is_long ? find_anywhere(name) : text[1] && !text[2] ? find_letter(text[1]) : NULL;
	const char *value = equals && is_long ? equals + 1 : NULL;

	if (!o) {
		*ret_wrong = xasprintf("unknown option %s%s", is_long ? "--" : "", name);
		return false;
	}
	if (!o->arg && value) {
		*ret_wrong = xasprintf("option --%s takes no argument", o->name);
		return false;
	}
	if (o->arg && !value) {
		if (*at + 1 >= argc) {
			*ret_wrong = xasprintf("option --%s needs its argument %s", o->name, o->arg);
			return false;
		}
		value = argv[++*at];
	}
	add_given(ctl, o->name, value);
	return true;
}

static bool
read_all(struct ctl *ctl, int argc, char **argv, char **ret_wrong)
{
	bool options = true;

	for (int i = 1; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (!options || argv[i][0] != '-' || argv[i][1] == '\0')
			add_word(ctl, argv[i]);
		else if (!read_option(ctl, argc, argv, &i, ret_wrong))
			return false;
	}
	return true;
}

static bool
is_noun(const char *word)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		if (strcmp(ctl_commands[i].noun, word) == 0)
			return true;
	}
	return false;
}

/* The command that the first words name; they are taken off. */
static bool
find_command(struct ctl *ctl)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		size_t n = c->verb ? 2 : 1;

		if (ctl->word_count < n || strcmp(c->noun, ctl->words[0]) != 0 ||
			(c->verb && strcmp(c->verb, ctl->words[1]) != 0))
			continue;
		ctl->command = c;
		ctl->word_count -= n;
		memmove(ctl->words, ctl->words + n, ctl->word_count * sizeof(*ctl->words));
		return true;
	}
	return false;
}

static char *
unknown_command(const struct ctl *ctl)
{
	AUTO_FREE char *typed = ctl->word_count > 1 ? xasprintf("%s %s", ctl->words[0], ctl->words[1]) : xstrdup(ctl->words[0]);
	AUTO_FREE char *near = ctl_suggest(typed);

	if (near)
		return xasprintf("there is no command \"%s\"; did you mean \"%s\"?", typed, near);
	return xasprintf("there is no command \"%s\"", typed);
}

static char *
check_words(const struct ctl *ctl)
{
	const struct ctl_command *c = ctl->command;
	AUTO_BUF synopsis = BUF_MAX(4096);

	ctl_synopsis(c, &synopsis);
	if (ctl->word_count < c->words_min)
		return xasprintf("something is missing: %s", buf_cstr(&synopsis));
	if (ctl->word_count > c->words_max)
		return xasprintf("\"%s\" is too much: %s", ctl->words[c->words_max], buf_cstr(&synopsis));
	return NULL;
}

static bool
is_value(const struct ctl_option *o, const char *value)
{
	struct span rest = span_str(o->values), known;

	while (span_cut(&rest, ' ', &known)) {
		if (span_is(known, value))
			return true;
	}
	return false;
}

static char *
check_options(const struct ctl *ctl)
{
	const struct ctl_command *c = ctl->command;

	for (size_t i = 0; i < ctl->given_count; i++) {
		const char *name = ctl->given[i].name, *value = ctl->given[i].value;
		const struct ctl_option *o = ctl_option_find(ctl_global_options, name);

		if (!o)
			o = ctl_option_find(c->options, name);
		if (!o)
			return xasprintf("option --%s is not for \"%s%s%s\"", name, c->noun, c->verb ? " " : "",
				c->verb ? c->verb : "");
		if (o->values && !is_value(o, value))
			return xasprintf("--%s is \"%s\", expected one of: %s", name, value, o->values);
		for (size_t j = 0; j < i; j++) {
			if (!o->many && o->arg && strcmp(ctl->given[j].name, name) == 0)
				return xasprintf("option --%s was given twice", name);
		}
	}
	return NULL;
}

/* -h on anything wins over everything else, faults in the rest included. */
static bool
wants(int argc, char **argv, const char *name, const char *letter)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], name) == 0 || strcmp(argv[i], letter) == 0)
			return true;
	}
	return false;
}

enum ctl_wish
ctl_args_read(struct ctl *ctl, int argc, char **argv, char **ret_wrong)
{
	bool good = read_all(ctl, argc, argv, ret_wrong), found;

	if (good && ctl->word_count && strcmp(ctl->words[0], "help") == 0) {
		memmove(ctl->words, ctl->words + 1, --ctl->word_count * sizeof(*ctl->words));
		find_command(ctl);
		return CTL_WISH_HELP;
	}
	found = find_command(ctl);
	if (wants(argc, argv, "--help", "-h")) {
		free(*ret_wrong);
		*ret_wrong = NULL;
		return CTL_WISH_HELP;
	}
	if (!good)
		return CTL_WISH_WRONG;
	if (ctl_opt(ctl, "version"))
		return CTL_WISH_VERSION;
	if (!found && ctl->word_count == 0)
		return ctl->given_count ? (*ret_wrong = xstrdup("a command is missing"), CTL_WISH_WRONG) : CTL_WISH_BARE;
	if (!found && ctl->word_count == 1 && is_noun(ctl->words[0]))
		return CTL_WISH_NOUN;
	if (!found)
		*ret_wrong = unknown_command(ctl);
	else
		*ret_wrong = check_words(ctl);
	if (!*ret_wrong)
		*ret_wrong = check_options(ctl);
	ctl->json = ctl_opt(ctl, "json") != NULL;
	ctl->plain = ctl_opt(ctl, "plain") != NULL;
	if (!*ret_wrong && ctl->json && ctl->plain)
		*ret_wrong = xstrdup("--json and --plain exclude each other");
	return *ret_wrong ? CTL_WISH_WRONG : CTL_WISH_RUN;
}

/* ---- suggestions ---- */

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

#define WORD_MAX 40
/* How many letters must be put in, left out or changed (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b);

	if (strlen(a) > WORD_MAX || n > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t before = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];

			row[j] = least(row[j] + 1, row[j - 1] + 1, before + (a[i - 1] != b[j - 1]));
			before = above;
		}
	}
	return row[n];
}

char *
ctl_suggest(const char *typed)
{
	size_t best = strlen(typed) / 3 + 2;
	char *found = NULL;

	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		char *name = c->verb ? xasprintf("%s %s", c->noun, c->verb) : xstrdup(c->noun);
		size_t d = distance(typed, name);

		if (d < best) {
			best = d;
			free(found);
			found = TAKE(name);
		}
		free(name);
	}
	return found;
}

/* A time from now, as many seconds forward or back as `sign` says, or a date or time. */
static int
time_option(struct ctl *ctl, const char *name, int sign, char ret[TIME_TEXT])
{
	const char *text = ctl_opt(ctl, name);
	AUTO_FREE char *day = text ? xasprintf("%sT00:00:00Z", text) : NULL;
	int64_t n;

	ret[0] = '\0';
	if (!text)
		return CTL_DONE;
	if (conf_time_parse(span_str(text), &n) && n > 0 && n <= 100LL * 366 * 86400)
		n = clock_unix_s() + sign * n;
	else if (!time_rfc3339_parse(span_str(text), &n) && !time_rfc3339_parse(span_str(day), &n))
		return ctl_fail(ctl, CTL_USAGE, "--%s is \"%s\", expected a time such as 30d or 12h, or a date such as 2027-01-31", name, text);
	time_rfc3339(n < 0 ? 0 : n, ret);
	return CTL_DONE;
}

int
ctl_opt_expires(struct ctl *ctl, char ret[TIME_TEXT])
{
	return time_option(ctl, "expires", 1, ret);
}

int
ctl_opt_past(struct ctl *ctl, const char *name, char ret[TIME_TEXT])
{
	return time_option(ctl, name, -1, ret);
}

int
ctl_read_secret(struct ctl *ctl, const char *file, struct buf *ret)
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	size_t n;

	if (!in)
		return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
	/* the stream's own buffer would keep a copy */
	setvbuf(in, NULL, _IONBF, 0);
	buf_reserve(ret, CTL_SECRET_MAX);
	n = fread(ret->p, 1, CTL_SECRET_MAX, in);
	if (in != stdin)
		fclose(in);
	ret->n = n;
	while (ret->n && strchr(" \t\r\n", ret->p[ret->n - 1]))
		ret->n--;
	if (ret->n == 0 || n == CTL_SECRET_MAX)
		return ctl_fail(ctl, CTL_USAGE, "%s: expected one key, as text", file);
	return CTL_DONE;
}

int
ctl_read_file(struct ctl *ctl, const char *file, struct buf *ret)
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	size_t n = 1;
	int error = 0;

	if (!in)
		return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
	while (n > 0 && buf_reserve(ret, 64 * 1024)) {
		n = fread(ret->p + ret->n, 1, 64 * 1024, in);
		ret->n += n;
	}
	if (ferror(in))
		error = errno ? errno : EIO;
	if (in != stdin)
		fclose(in);
	if (error)
		return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(error));
	if (!buf_ok(ret))
		return ctl_fail(ctl, CTL_USAGE, "%s: more than %zu MiB: take it in parts", file, ret->max >> 20);
	return CTL_DONE;
}
