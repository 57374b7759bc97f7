/* acmegatectl without a daemon: arguments, help, suggestions, tables, exit codes. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "tap.h"

#define ARGV_MAX 12

static const struct {
	const char *name;
	const char *argv[ARGV_MAX];
	enum ctl_wish want;
	const char *command; /* "noun verb" found, NULL = none */
	const char *wrong;   /* begins with */
} cases[] = {
	{ "nothing", { NULL }, CTL_WISH_BARE, NULL, NULL },
	{ "a command", { "status" }, CTL_WISH_RUN, "status", NULL },
	{ "noun and verb", { "order", "show", "X" }, CTL_WISH_RUN, "order show", NULL },
	{ "options before the command", { "--json", "--state", "ready", "order", "list" }, CTL_WISH_RUN, "order list", NULL },
	{ "options between", { "order", "--limit=3", "list", "--account", "A" }, CTL_WISH_RUN, "order list", NULL },
	{ "a short option", { "-c", "f", "status" }, CTL_WISH_RUN, "status", NULL },
	{ "a word like an option", { "order", "show", "--", "-x" }, CTL_WISH_RUN, "order show", NULL },
	{ "an optional word left out", { "config", "check" }, CTL_WISH_RUN, "config check", NULL },
	{ "-h wins over all", { "order", "show", "-h", "--nonsense" }, CTL_WISH_HELP, "order show", NULL },
	{ "--help of all", { "--help" }, CTL_WISH_HELP, NULL, NULL },
	{ "help as a command", { "help", "cert", "revoke" }, CTL_WISH_HELP, "cert revoke", NULL },
	{ "--version", { "--version" }, CTL_WISH_VERSION, NULL, NULL },
	{ "a noun alone", { "order" }, CTL_WISH_NOUN, NULL, NULL },
	{ "an option alone", { "--json" }, CTL_WISH_WRONG, NULL, "a command is missing" },
	{ "a typo", { "orders", "lst" }, CTL_WISH_WRONG, NULL, "there is no command \"orders lst\"; did you mean \"order list\"?" },
	{ "an abbreviation is no command", { "stat" }, CTL_WISH_WRONG, NULL, "there is no command \"stat\"" },
	{ "an unknown option", { "status", "--fast" }, CTL_WISH_WRONG, "status", "unknown option --fast" },
	{ "an unknown letter", { "status", "-q" }, CTL_WISH_WRONG, "status", "unknown option -q" },
	{ "another command's option", { "status", "--trace" }, CTL_WISH_WRONG, "status", "option --trace is not for \"status\"" },
	{ "an argument is missing", { "order", "list", "--limit" }, CTL_WISH_WRONG, "order list", "option --limit needs its argument N" },
	{ "an argument too many", { "status", "--json=1" }, CTL_WISH_WRONG, "status", "option --json takes no argument" },
	{ "a word is missing", { "order", "show" }, CTL_WISH_WRONG, "order show", "something is missing: acmegatectl order show ORDER" },
	{ "a word too many", { "status", "now" }, CTL_WISH_WRONG, "status", "\"now\" is too much: acmegatectl status" },
	{ "an unknown value", { "order", "list", "--state", "ripe" }, CTL_WISH_WRONG, "order list", "--state is \"ripe\", expected one of: pending" },
	{ "twice", { "order", "list", "--limit", "1", "--limit", "2" }, CTL_WISH_WRONG, "order list", "option --limit was given twice" },
	{ "two forms", { "status", "--json", "--plain" }, CTL_WISH_WRONG, "status", "--json and --plain exclude each other" },
};

static void
test_args(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ctl ctl = { .out = BUF_MAX(1000) };
		char *argv[ARGV_MAX + 2] = { (char *)(uintptr_t)"acmegatectl" };
		AUTO_FREE char *wrong = NULL, *command = NULL;
		int argc = 1;

		while (cases[i].argv[argc - 1]) {
			argv[argc] = (char *)(uintptr_t)cases[i].argv[argc - 1];
			argc++;
		}
		is_int(ctl_args_read(&ctl, argc, argv, &wrong), cases[i].want, "%s", cases[i].name);
		if (ctl.command)
			command = xasprintf("%s%s%s", ctl.command->noun, ctl.command->verb ? " " : "", ctl.command->verb ? ctl.command->verb : "");
		ok(!command == !cases[i].command && (!command || strcmp(command, cases[i].command) == 0), "  its command");
		ok(!wrong == !cases[i].wrong && (!wrong || strncmp(wrong, cases[i].wrong, strlen(cases[i].wrong)) == 0), "  what is wrong: %s",
			wrong ? wrong : "nothing");
		ctl_done(&ctl);
	}
}

static void
test_options(void)
{
	const char *argv[] = { "acmegatectl", "init", "--allow", "a", "--force", "--allow=b" };
	struct ctl ctl = { .out = BUF_MAX(1000) };
	AUTO_FREE char *wrong = NULL;

	is_int(ctl_args_read(&ctl, (int)COUNT_OF(argv), (char **)(uintptr_t)argv, &wrong), CTL_WISH_RUN, "an option that may be given again");
	is_str(ctl_opt_at(&ctl, "allow", 0), "a", "its first value");
	is_str(ctl_opt_at(&ctl, "allow", 1), "b", "its second");
	ok(!ctl_opt_at(&ctl, "allow", 2), "no third");
	ok(ctl_opt(&ctl, "force") && !*ctl_opt(&ctl, "force"), "an option without argument is there");
	ok(!ctl_opt(&ctl, "url"), "another is not");
	ctl_done(&ctl);
}

static void
test_suggest(void)
{
	static const struct { const char *typed, *want; } words[] = { { "statsu", "status" }, { "order shw", "order show" },
		{ "certs list", "cert list" }, { "relaod", "reload" }, { "frobnicate", NULL }, { "x", NULL } };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		AUTO_FREE char *got = ctl_suggest(words[i].typed);

		ok(words[i].want ? got && strcmp(got, words[i].want) == 0 : !got, "%s: %s is meant", words[i].typed, got ? got : "nothing");
	}
}

static void
test_help(void)
{
	AUTO_BUF all = BUF_MAX(1 << 20);

	ctl_help_all(&all);
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		AUTO_BUF one = BUF_MAX(1 << 20);
		AUTO_FREE char *line = xasprintf("  %s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");

		ok(strstr(buf_cstr(&all), line), "the help of all has%s", line);
		ctl_help_command(c, &one);
		ok(strstr(buf_cstr(&one), "Examples:") == buf_cstr(&one), "  its own begins with examples");
		for (const struct ctl_option *o = c->options; o && o->name; o++) {
			AUTO_FREE char *option = xasprintf("%s--%s", o->letter ? ", " : "  ", o->name);

			ok(strstr(buf_cstr(&one), option), "  and has%s", option);
		}
	}
}

static void
is_table(const struct table *t, bool plain, unsigned width, const char *want, const char *name)
{
	AUTO_BUF out = BUF_MAX(1 << 20);

	table_write(t, plain, width, &out);
	is_str(buf_cstr(&out), want, "%s", name);
}

static void
test_table(void)
{
	static const struct column columns[] = { { "ID" }, { "N", .is_number = true }, { "NAMES", .may_cut = true } };
	struct table t = table_of(columns, 3);

	is_table(&t, true, 0, "", "an empty table has no plain lines");
	table_add(&t, xstrdup("abcdefghij"));
	table_add(&t, xstrdup("7"));
	table_add(&t, xstrdup("one.example, two.example"));
	table_add(&t, xstrdup("b"));
	table_add(&t, xstrdup("12345"));
	table_add(&t, NULL);
	is_table(&t, false, 0,
		"ID              N  NAMES\n"
		"abcdefghij      7  one.example, two.example\n"
		"b           12345\n",
		"columns are as wide as their widest cell, numbers stand to the right");
	is_table(&t, false, 34,
		"ID              N  NAMES\n"
		"abcdefghij      7  one.example,...\n"
		"b           12345\n",
		"names are cut at the terminal's width");
	is_table(&t, false, 5,
		"ID              N  NAMES\n"
		"abcdefghij      7  one.e...\n"
		"b           12345\n",
		"ids never are, nor are names to nothing");
	is_table(&t, true, 5, "abcdefghij\t7\tone.example, two.example\nb\t12345\t\n", "plain lines have tabs and all of it");
	table_done(&t);
	table_add(&t, xstrdup("\xc3\xbc\xc3\xbc"));
	table_add(&t, xstrdup("a\tb\nc"));
	table_add(&t, xstrdup("\x1b[31mred\xc2\x9b"));
	is_table(&t, false, 0, "ID      N  NAMES\n\xc3\xbc\xc3\xbc  a?b?c  ?[31mred?\n",
		"a character counts once, control characters do nothing");
	is_table(&t, true, 0, "\xc3\xbc\xc3\xbc\ta?b?c\t?[31mred?\n", "nor in plain lines");
	table_done(&t);
}

static void
test_exits(void)
{
	static const struct { int status; const char *type; int want; } rows[] = { { 200, "", 0 }, { 202, "", 0 }, { 400, "malformed", 1 },
		{ 400, "alreadyRevoked", 6 }, { 401, "unauthorized", 5 }, { 403, "unauthorized", 5 }, { 404, "malformed", 4 },
		{ 409, "malformed", 6 }, { 429, "rateLimited", 75 }, { 500, "serverInternal", 1 }, { 503, "rateLimited", 75 }, { 302, "", 1 } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_FREE char *type = xasprintf(PROBLEM_URN "%s", rows[i].type);

		is_int(ctl_exit_of(rows[i].status, span_str(type)), rows[i].want, "status %d %s", rows[i].status, rows[i].type);
	}
}

int
main(void)
{
	test_args();
	test_options();
	test_suggest();
	test_help();
	test_table();
	test_exits();
	return done_testing();
}
