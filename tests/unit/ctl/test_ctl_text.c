/* The completions and the manual's list say what the table of commands says.
 *
 * `test_ctl_text completion`, `zsh`, `fish` and `man` print them anew; `make regen-ctl` puts them in their places. */
#include "base/secret.h"
#include "ctl/ctl.h"
#include "tap.h"

#define MANUAL TOP_SRCDIR "/man/acmegatectl.1"
#define LIST_BEGIN ".\\\" The list is printed from the table of commands: see src/ctl/complete.c.\n"
#define LIST_END ".\\\" End of the list.\n"

static const struct {
	const char *name, *file;
	void (*write)(struct buf *out);
} completions[] = {
	{ "completion", TOP_SRCDIR "/etc/acmegatectl.bash-completion", ctl_write_completion },
	{ "zsh", TOP_SRCDIR "/etc/_acmegatectl", ctl_write_zsh },
	{ "fish", TOP_SRCDIR "/etc/acmegatectl.fish", ctl_write_fish },
};

static void
test_completions(void)
{
	for (size_t i = 0; i < COUNT_OF(completions); i++) {
		AUTO_BUF text = BUF_MAX(1 << 20);
		AUTO_BUF old = BUF_MAX(1 << 20);
		struct problem pr = { 0 };

		completions[i].write(&text);
		ok(file_load(completions[i].file, &old, &pr), "%s is there", completions[i].file);
		is_str(buf_cstr(&old), buf_cstr(&text), "and is what the table prints");
	}
}

/* The manual with its list written anew. False if its marks are not there. */
static bool
write_manual(const char *old, struct buf *out)
{
	const char *begin = strstr(old, LIST_BEGIN), *end = strstr(old, LIST_END);

	if (!begin || !end || end < begin)
		return false;
	begin += strlen(LIST_BEGIN);
	buf_add(out, old, (size_t)(begin - old));
	ctl_write_mdoc(out);
	buf_adds(out, end);
	return true;
}

/* ---- the table itself ---- */

static bool
is_sound(const struct ctl_option *o)
{
	const struct ctl_option *other;

	/* an option takes an argument in all commands or in none, since it may stand before the command */
	for (size_t i = 0; i < ctl_command_count; i++) {
		other = ctl_option_find(ctl_commands[i].options, o->name);
		if (other && !other->arg != !o->arg)
			return false;
	}
	other = ctl_option_find(ctl_global_options, o->name);
	return o->help && (!other || other == o);
}

static void
test_table(void)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *c = &ctl_commands[i];
		const struct ctl_option *o;
		bool sound = true;

		for (o = c->options; o && o->name; o++)
			sound = sound && is_sound(o);
		ok(sound, "%s %s: its options mean the same wherever they stand", c->noun, c->verb ? c->verb : "");
		ok(c->summary && c->examples && c->fn && strncmp(c->examples, c->noun, strlen(c->noun)) == 0, "  it has help and examples");
		ok(!c->args == (c->words_max == 0) && (c->args && c->args[0] == '[') == (c->words_min < c->words_max), "  its arguments are as shown");
	}
}

static bool
print_completion(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(completions); i++) {
		AUTO_BUF text = BUF_MAX(1 << 20);

		if (strcmp(completions[i].name, name) != 0)
			continue;
		completions[i].write(&text);
		fputs(buf_cstr(&text), stdout);
		return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	AUTO_BUF manual = BUF_MAX(1 << 20);
	AUTO_BUF old_manual = BUF_MAX(1 << 20);
	struct problem pr = { 0 };
	bool has_manual;

	if (argc == 2 && print_completion(argv[1]))
		return 0;
	has_manual = file_load(MANUAL, &old_manual, &pr) && write_manual(buf_cstr(&old_manual), &manual);
	if (argc == 2 && strcmp(argv[1], "man") == 0) {
		fputs(buf_cstr(has_manual ? &manual : &old_manual), stdout);
		return 0;
	}
	test_table();
	test_completions();
	ok(has_manual, "the manual has its list");
	is_str(buf_cstr(&old_manual), buf_cstr(&manual), "and it is what the table prints");
	return done_testing();
}
