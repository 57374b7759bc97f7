/* complete.c - bash completion and the manual page's list of commands, from the table of commands. */
#include <ctype.h>

#include "ctl/complete.h"

/* ---- bash ---- */

static void
add_option_words(struct buf *out, const struct ctl_option *o)
{
	for (; o && o->name; o++)
		buf_addf(out, " --%s", o->name);
}

void
complete_with_argument(struct buf *out, const char *sep)
{
	AUTO_BUF seen = BUF_MAX(16 * 1024);
	bool first = true;

	for (size_t i = 0; i <= ctl_command_count; i++) {
		const struct ctl_option *o = i ? ctl_commands[i - 1].options : ctl_global_options;

		for (; o && o->name; o++) {
			AUTO_FREE char *mark = xasprintf("|--%s|", o->name);

			if (!o->arg || strstr(buf_cstr(&seen), mark))
				continue;
			buf_adds(&seen, mark);
			if (o->letter)
				buf_addf(out, "%s-%c", first ? "" : sep, o->letter);
			buf_addf(out, "%s--%s", first && !o->letter ? "" : sep, o->name);
			first = false;
		}
	}
}

bool
complete_is_path(const struct ctl_option *o)
{
	return strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0 || strcmp(o->arg, "PATH") == 0;
}

void
complete_quoted(struct buf *out, const char *text, const char *quote)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_adds(out, quote);
		else
			buf_addc(out, *text);
	}
}

/* What may follow an option: `case "NOUN VERB --option" in`. */
static void
add_values(struct buf *out, const char *command, const struct ctl_option *o)
{
	for (; o && o->name; o++) {
		if (!o->arg)
			continue;
		if (o->letter)
			buf_addf(out, "\t%s'-%c'|", command, o->letter);
		else
			buf_adds(out, "\t");
		buf_addf(out, "%s'--%s') ", command, o->name);
		if (o->values)
			buf_addf(out, "words='%s' ;;\n", o->values);
		else
			buf_addf(out, "%s ;;\n", complete_is_path(o) ? "files=1" : "return");
	}
}

bool
complete_begins_noun(size_t i)
{
	return i == 0 || strcmp(ctl_commands[i - 1].noun, ctl_commands[i].noun) != 0;
}

static void
add_nouns(struct buf *out)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		if (complete_begins_noun(i))
			buf_addf(out, "%s%s", i ? " " : "", ctl_commands[i].noun);
	}
}

/* The verbs of each noun that has some; a noun alone may be a command beside them. */
static void
add_verbs(struct buf *out)
{
	for (size_t i = 0; i < ctl_command_count;) {
		size_t from = i, before = out->n;
		bool any = false;

		buf_addf(out, "\t'%s ') words='", ctl_commands[i].noun);
		for (; i == from || (i < ctl_command_count && !complete_begins_noun(i)); i++) {
			if (!ctl_commands[i].verb)
				continue;
			buf_addf(out, "%s%s", any ? " " : "", ctl_commands[i].verb);
			any = true;
		}
		if (any)
			buf_adds(out, "' ;;\n");
		else
			out->n = before;
	}
}

static void
add_all_values(struct buf *out)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		AUTO_FREE char *command = xasprintf("'%s %s '", c->noun, c->verb ? c->verb : "");

		add_values(out, command, c->options);
	}
	add_values(out, "*", ctl_global_options);
}

static void
add_option_lists(struct buf *out)
{
	buf_adds(out, "\t\twords='");
	add_option_words(out, ctl_global_options);
	buf_adds(out, "'\n"
		      "\t\tcase \"$noun $verb\" in\n");
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];

		if (!c->options)
			continue;
		buf_addf(out, "\t\t'%s %s') words+='", c->noun, c->verb ? c->verb : "");
		add_option_words(out, c->options);
		buf_adds(out, "' ;;\n");
	}
	buf_adds(out, "\t\tesac\n");
}

void
ctl_write_completion(struct buf *out)
{
	buf_adds(out, "# bash completion for acmegatectl, printed from its table of commands: see src/ctl/complete.c.\n\n"
		      "_acmegatectl()\n"
		      "{\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tlocal noun='' verb='' words='' files='' i\n\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		      "\t\tcase ${COMP_WORDS[i]} in\n"
		      "\t\t");
	complete_with_argument(out, "|");
	buf_adds(out, ") ((i++)) ;;\n"
		      "\t\t-*) ;;\n"
		      "\t\t*)\n"
		      "\t\t\tif [ -z \"$noun\" ]; then noun=${COMP_WORDS[i]}\n"
		      "\t\t\telif [ -z \"$verb\" ]; then verb=${COMP_WORDS[i]}\n"
		      "\t\t\tfi ;;\n"
		      "\t\tesac\n"
		      "\tdone\n"
		      "\tcase \"$noun $verb $prev\" in\n");
	add_all_values(out);
	buf_adds(out, "\tesac\n"
		      "\tif [ -n \"$files\" ]; then\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		      "\t\treturn\n"
		      "\tfi\n"
		      "\t[ -n \"$words\" ] || case \"$noun $verb\" in\n"
		      "\t' ') words='");
	add_nouns(out);
	buf_adds(out, " help' ;;\n");
	add_verbs(out);
	buf_adds(out, "\tesac\n"
		      "\tif [[ $cur == -* ]]; then\n");
	add_option_lists(out);
	buf_adds(out, "\tfi\n"
		      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		      "}\n"
		      "complete -F _acmegatectl acmegatectl\n");
}

/* ---- mdoc ---- */

/* A sentence a line, wrapped; no line begins with a control character. */
static void
add_text(struct buf *out, const char *text)
{
	struct span rest = span_str(text), word;
	size_t at = 0;

	while (span_cut(&rest, ' ', &word)) {
		if (at && at + 1 + word.n > 78) {
			buf_addc(out, '\n');
			at = 0;
		}
		if (at)
			buf_addc(out, ' ');
		else if (word.n && (word.p[0] == '.' || word.p[0] == '\''))
			buf_adds(out, "\\&");
		buf_addspan(out, word);
		at += word.n + 1;
		if (word.n && word.p[word.n - 1] == '.' && rest.p) {
			buf_addc(out, '\n');
			at = 0;
		}
	}
	buf_addc(out, '\n');
}

static void
add_line(struct buf *out, const char *text)
{
	AUTO_FREE char *sentence = xasprintf("%c%s.", toupper((unsigned char)text[0]), text + 1);

	add_text(out, sentence);
}

static void
add_options(struct buf *out, const struct ctl_option *o)
{
	if (!o)
		return;
	buf_adds(out, ".Bl -tag -width Ds\n");
	for (; o->name; o++) {
		buf_adds(out, ".It ");
		if (o->letter)
			buf_addf(out, "Fl %c , ", o->letter);
		buf_addf(out, "Fl -%s", o->name);
		if (o->arg)
			buf_addf(out, " Ar %s", o->arg);
		buf_addc(out, '\n');
		add_line(out, o->help);
		if (o->many)
			buf_adds(out, "May be given again.\n");
	}
	buf_adds(out, ".El\n");
}

static void
add_command(struct buf *out, const struct ctl_command *c)
{
	bool optional = c->args && c->args[0] == '[';

	buf_addf(out, ".It Ic %s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
	if (optional)
		buf_addf(out, " Op Ar %.*s", (int)strlen(c->args) - 2, c->args + 1);
	else if (c->args)
		buf_addf(out, " Ar %s", c->args);
	if (c->options)
		buf_adds(out, " Op Ar option ...");
	buf_addc(out, '\n');
	add_line(out, c->summary);
	if (c->more)
		add_text(out, c->more);
	add_options(out, c->options);
}

void
ctl_write_mdoc(struct buf *out)
{
	buf_adds(out, "The options of all commands are:\n");
	add_options(out, ctl_global_options);
	buf_adds(out, ".Pp\nThe commands are:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < ctl_command_count; i++)
		add_command(out, &ctl_commands[i]);
	buf_adds(out, ".El\n");
}
