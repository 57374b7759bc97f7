/* complete_fish.c - fish completion, from the table of commands: a line for each thing that may be typed. */
#include "ctl/complete.h"

#define QUOTE_FISH "\\'"

static void
add_help(struct buf *out, const char *help)
{
	buf_adds(out, " -d '");
	complete_quoted(out, help, QUOTE_FISH);
	buf_adds(out, "'\n");
}

static void
add_options(struct buf *out, const char *when, const struct ctl_option *o)
{
	for (; o && o->name; o++) {
		buf_addf(out, "complete -c acmegatectl%s -l %s", when, o->name);
		if (o->letter)
			buf_addf(out, " -s %c", o->letter);
		if (o->arg && o->values)
			buf_addf(out, " -x -a '%s'", o->values);
		else if (o->arg)
			buf_adds(out, complete_is_path(o) ? " -r -F" : " -x");
		add_help(out, o->help);
	}
}

static void
add_command(struct buf *out, size_t i)
{
	const struct ctl_command *c = &ctl_commands[i];
	AUTO_FREE char *when = c->verb ? xasprintf(" -n '__acmegatectl_at %s %s'", c->noun, c->verb) :
					 xasprintf(" -n '__acmegatectl_at %s \"*\"'", c->noun);

	if (complete_begins_noun(i)) {
		buf_addf(out, "complete -c acmegatectl -n '__acmegatectl_at' -a %s", c->noun);
		add_help(out, c->verb ? c->noun : c->summary);
	}
	if (c->verb) {
		buf_addf(out, "complete -c acmegatectl -n '__acmegatectl_at %s' -a %s", c->noun, c->verb);
		add_help(out, c->summary);
	}
	add_options(out, when, c->options);
}

void
ctl_write_fish(struct buf *out)
{
	buf_adds(out, "# fish completion for acmegatectl, printed from its table of commands: see src/ctl/complete_fish.c.\n\n"
		      "# Is what was typed so far this noun and verb? A verb of \"*\" is any.\n"
		      "function __acmegatectl_at\n"
		      "    set -l typed (commandline -opc)\n"
		      "    set -e typed[1]\n"
		      "    set -l found\n"
		      "    set -l skip 0\n"
		      "    for word in $typed\n"
		      "        if test $skip = 1\n"
		      "            set skip 0\n"
		      "            continue\n"
		      "        end\n"
		      "        switch $word\n"
		      "            case ");
	complete_with_argument(out, " ");
	buf_adds(out, "\n"
		      "                set skip 1\n"
		      "            case '-*'\n"
		      "            case '*'\n"
		      "                set -a found $word\n"
		      "        end\n"
		      "    end\n"
		      "    test \"$found[1]\" = \"$argv[1]\"; or return 1\n"
		      "    test \"$argv[2]\" = '*' -o \"$found[2]\" = \"$argv[2]\"\n"
		      "end\n\n"
		      "complete -c acmegatectl -f\n");
	add_options(out, "", ctl_global_options);
	buf_adds(out, "complete -c acmegatectl -n '__acmegatectl_at' -a help -d 'show help'\n");
	for (size_t i = 0; i < ctl_command_count; i++)
		add_command(out, i);
}
