/* help.c - help, from the table of commands. */
#include <stdio.h>

#include "ctl/ctl.h"

#define WIDTH 79

void
ctl_synopsis(const struct ctl_command *c, struct buf *out)
{
	buf_addf(out, "acmegatectl %s%s%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "", c->args ? " " : "",
		c->args ? c->args : "");
}

/* Words of `text` in lines that begin with `indent` blanks, the first one at `at`. */
static void
add_wrapped(struct buf *out, const char *text, size_t at, size_t indent)
{
	struct span rest = span_str(text), word;
	bool first = true;

	while (span_cut(&rest, ' ', &word)) {
		if (!first && at + 1 + word.n > WIDTH) {
			buf_addf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_addc(out, ' ');
			at++;
		}
		buf_addspan(out, word);
		at += word.n;
		first = false;
	}
	buf_addc(out, '\n');
}

static void
add_row(struct buf *out, const char *left, const char *right, size_t indent)
{
	size_t n = strlen(left) + 2;

	buf_addf(out, "  %s", left);
	if (n + 2 > indent) {
		buf_addc(out, '\n');
		n = 0;
	}
	for (; n < indent; n++)
		buf_addc(out, ' ');
	add_wrapped(out, right, indent, indent);
}

static void
add_examples(struct buf *out, const char *examples)
{
	struct span rest = span_str(examples), line;

	while (span_cut(&rest, '\n', &line))
		buf_addf(out, "  acmegatectl %.*s\n", SPAN_FMT(line));
}

static void
add_options(struct buf *out, const struct ctl_option *o)
{
	char left[64];

	for (; o && o->name; o++) {
		char letter[] = { '-', o->letter, ',', ' ', '\0' };

		snprintf(left, sizeof(left), "%s--%s%s%s", o->letter ? letter : "", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		add_row(out, left, o->help, 28);
	}
}

void
ctl_help_bare(struct buf *out)
{
	buf_adds(out, "acmegatectl looks after acmegate, the ACME gateway.\n\n"
		      "  acmegatectl status\n"
		      "  acmegatectl order list --state processing\n\n"
		      "Main options: --json for scripts, -c FILE for another configuration.\n"
		      "See acmegatectl --help for all commands.\n");
}

static void
add_commands(struct buf *out, const char *noun)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		char left[64];

		if (noun && strcmp(noun, c->noun) != 0)
			continue;
		snprintf(left, sizeof(left), "%s%s%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
			c->args ? " " : "", c->args ? c->args : "");
		add_row(out, left, c->summary, 24);
	}
}

void
ctl_help_all(struct buf *out)
{
	buf_adds(out, "acmegatectl looks after acmegate, the ACME gateway.\n\nExamples:\n");
	add_examples(out, "init --name acme.corp.example --allow '*.devices.corp.example'\nstatus\n"
			  "order show 3q2-7wAAAAAAAAAAAAAAAA --trace");
	buf_adds(out, "\nCommands:\n");
	add_commands(out, NULL);
	buf_adds(out, "\nOptions, before or after the command:\n");
	add_options(out, ctl_global_options);
	buf_adds(out, "\nEach command has its own help: acmegatectl order show --help. "
		      "Manual page: acmegatectl(1).\n");
}

void
ctl_help_noun(const char *noun, struct buf *out)
{
	add_commands(out, noun);
}

void
ctl_help_command(const struct ctl_command *c, struct buf *out)
{
	buf_adds(out, "Examples:\n");
	add_examples(out, c->examples);
	buf_addc(out, '\n');
	ctl_synopsis(c, out);
	buf_addf(out, "%s\n\n  ", c->options ? " [OPTION...]" : "");
	add_wrapped(out, c->summary, 2, 2);
	if (c->more) {
		buf_adds(out, "\n  ");
		add_wrapped(out, c->more, 2, 2);
	}
	if (c->options)
		buf_adds(out, "\nOptions:\n");
	add_options(out, c->options);
	buf_adds(out, "\nOptions of all commands:\n");
	add_options(out, ctl_global_options);
}
