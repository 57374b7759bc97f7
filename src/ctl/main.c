/* main.c - one invocation of acmegatectl: read the arguments, help or run, print. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "ctl/ctl.h"

#define OUT_MAX (64 * 1024 * 1024)

static bool
may_color(const struct ctl *ctl)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0) && !ctl_opt(ctl, "no-color");
}

static unsigned
terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

static int
usage(struct ctl *ctl, const char *wrong)
{
	ctl_fail(ctl, CTL_USAGE, "%s", wrong);
	if (ctl->command)
		ctl_note(ctl, "See acmegatectl %s%s%s --help", ctl->command->noun, ctl->command->verb ? " " : "",
			ctl->command->verb ? ctl->command->verb : "");
	else
		ctl_note(ctl, "See acmegatectl --help");
	return CTL_USAGE;
}

static int
run(struct ctl *ctl)
{
	const char *timeout = ctl_opt(ctl, "timeout");
	uint64_t n;

	if (timeout && !span_uint(span_str(timeout), 86400, &n))
		return usage(ctl, "--timeout needs a number of seconds, at most 86400");
	ctl->color = may_color(ctl);
	ctl->width = terminal_width();
	return ctl->command->fn(ctl);
}

static void
help(struct ctl *ctl)
{
	if (ctl->command)
		ctl_help_command(ctl->command, &ctl->out);
	else
		ctl_help_all(&ctl->out);
}

static int
obey(struct ctl *ctl, enum ctl_wish wish, const char *wrong)
{
	switch (wish) {
	case CTL_WISH_RUN:
		return run(ctl);
	case CTL_WISH_HELP:
		help(ctl);
		return CTL_DONE;
	case CTL_WISH_VERSION:
		buf_addf(&ctl->out, "acmegatectl %s\n", PACKAGE_VERSION);
		return CTL_DONE;
	case CTL_WISH_BARE:
		ctl_help_bare(&ctl->out);
		return CTL_DONE;
	case CTL_WISH_NOUN: {
		AUTO_BUF text = BUF_MAX(64 * 1024);

		ctl_help_noun(ctl->words[0], &text);
		fprintf(stderr, "%s", buf_cstr(&text));
		return CTL_USAGE;
	}
	case CTL_WISH_WRONG:
		break;
	}
	return usage(ctl, wrong);
}

int
ctl_main(int argc, char **argv)
{
	struct ctl ctl = { .out = BUF_MAX(OUT_MAX) };
	AUTO_FREE char *wrong = NULL;
	enum ctl_wish wish;
	int code;

	log_init(LOG_ERROR, LOG_LOGFMT);
	wish = ctl_args_read(&ctl, argc, argv, &wrong);
	code = obey(&ctl, wish, wrong);
	if (ctl_flush(&ctl) != CTL_DONE)
		code = CTL_FAILED;
	ctl_done(&ctl);
	return code;
}
