/* complete_zsh.c - zsh completion, from the table of commands. */
#include "ctl/complete.h"

#define QUOTE_ZSH "'\\''"

/* 'NAME:what it is' */
static void
add_item(struct buf *out, const char *prefix, const char *name, const char *help)
{
	buf_addf(out, " '%s%s:", prefix, name);
	complete_quoted(out, help, QUOTE_ZSH);
	buf_addc(out, '\'');
}

static void
add_options(struct buf *out, const struct ctl_option *o)
{
	for (; o && o->name; o++)
		add_item(out, "--", o->name, o->help);
}

/* What may follow an option. */
static void
add_values(struct buf *out, const char *command, const struct ctl_option *o)
{
	for (; o && o->name; o++) {
		if (!o->arg)
			continue;
		buf_adds(out, "\t");
		if (o->letter)
			buf_addf(out, "%s'-%c'|", command, o->letter);
		buf_addf(out, "%s'--%s') ", command, o->name);
		if (o->values)
			buf_addf(out, "compadd -- %s; return ;;\n", o->values);
		else
			buf_adds(out, complete_is_path(o) ? "_files; return ;;\n" : "return ;;\n");
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
add_all_options(struct buf *out)
{
	buf_adds(out, "\t\tlist=(");
	add_options(out, ctl_global_options);
	buf_adds(out, ")\n\t\tcase \"$noun $verb\" in\n");
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];

		if (!c->options)
			continue;
		buf_addf(out, "\t\t'%s %s') list+=(", c->noun, c->verb ? c->verb : "");
		add_options(out, c->options);
		buf_adds(out, ") ;;\n");
	}
	buf_adds(out, "\t\tesac\n\t\t_describe -o option list\n\t\treturn\n");
}

static void
add_nouns(struct buf *out)
{
	buf_adds(out, "\t' ') list=(");
	for (size_t i = 0; i < ctl_command_count; i++) {
		if (complete_begins_noun(i))
			add_item(out, "", ctl_commands[i].noun, ctl_commands[i].verb ? ctl_commands[i].noun : ctl_commands[i].summary);
	}
	buf_adds(out, " 'help:show help') ;;\n");
}

/* Of each noun that has some; a noun alone may be a command beside them. */
static void
add_verbs(struct buf *out)
{
	for (size_t i = 0; i < ctl_command_count;) {
		size_t from = i, before = out->n;
		bool any = false;

		buf_addf(out, "\t'%s ') list=(", ctl_commands[i].noun);
		for (; i == from || (i < ctl_command_count && !complete_begins_noun(i)); i++) {
			if (ctl_commands[i].verb)
				add_item(out, "", ctl_commands[i].verb, ctl_commands[i].summary);
			any = any || ctl_commands[i].verb;
		}
		if (any)
			buf_adds(out, ") ;;\n");
		else
			out->n = before;
	}
}

void
ctl_write_zsh(struct buf *out)
{
	buf_adds(out, "#compdef acmegatectl\n"
		      "# zsh completion, printed from the table of commands: see src/ctl/complete_zsh.c.\n\n"
		      "_acmegatectl()\n"
		      "{\n"
		      "\tlocal noun='' verb=''\n"
		      "\tlocal -i i=2\n"
		      "\tlocal -a list\n\n"
		      "\tfor ((; i < CURRENT; i++)); do\n"
		      "\t\tcase ${words[i]} in\n"
		      "\t\t");
	complete_with_argument(out, "|");
	buf_adds(out, ") ((i++)) ;;\n"
		      "\t\t-*) ;;\n"
		      "\t\t*)\n"
		      "\t\t\tif [[ -z $noun ]]; then noun=${words[i]}\n"
		      "\t\t\telif [[ -z $verb ]]; then verb=${words[i]}\n"
		      "\t\t\tfi ;;\n"
		      "\t\tesac\n"
		      "\tdone\n"
		      "\tcase \"$noun $verb ${words[CURRENT-1]}\" in\n");
	add_all_values(out);
	buf_adds(out, "\tesac\n"
		      "\tif [[ ${words[CURRENT]} == -* ]]; then\n");
	add_all_options(out);
	buf_adds(out, "\tfi\n"
		      "\tcase \"$noun $verb\" in\n");
	add_nouns(out);
	add_verbs(out);
	buf_adds(out, "\tesac\n"
		      "\t((${#list})) && _describe command list\n"
		      "}\n\n"
		      "_acmegatectl \"$@\"\n");
}
