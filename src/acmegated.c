/* acmegated - the gateway's daemon: arguments and wiring, nothing else. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "config.h"
#include "gate/gate.h"
#include "gate/notify.h"
#include "gate/sockets.h"

#define CONF_DEFAULT "/etc/acmegate/acmegate.conf"

static void
usage(FILE *to)
{
	fprintf(to, "usage: acmegated [-tV] [-c FILE]\n"
		    "  -c FILE  configuration (" CONF_DEFAULT ")\n"
		    "  -t       check the configuration and exit: 0 or 78\n"
		    "  -V       print the version and exit\n"
		    "See acmegated(8); acmegatectl(1) talks to the running daemon.\n");
}

static void
init_log(const struct gate_conf *conf)
{
	enum log_level level = LOG_INFO;

	log_level_parse(span_str(conf->log_level), &level);
	log_init(level, conf->log_form ? LOG_JSON : LOG_LOGFMT);
}

/* Signals are read from a descriptor by the main thread; threads inherit the mask. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* As many descriptors as we may have: connections in and out, store, files. No core: it would hold sessions' keys. */
static void
set_limits(void)
{
	struct rlimit files, none = { 0, 0 };

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &none);
	umask(0077);
}

static int
serve(struct gate_conf *conf)
{
	struct problem pr = { 0 };
	enum gate_exit code;
	struct gate *gate;

	if (!sockets_init(&pr)) {
		log_error("not_started", LPR(&pr));
		gate_conf_unref(conf);
		return GATE_CONFIG;
	}
	if (!gate_start(conf, &gate, &code, &pr)) {
		log_error("not_started", LPR(&pr));
		return code;
	}
	code = gate_run(gate);
	gate_stop(gate);
	return code;
}

static int
run(const char *path, bool check)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = gate_conf_load(path, &errors);

	if (!conf) {
		fputs(buf_cstr(&errors.text), stderr);
		fprintf(stderr, "%s: %u error%s\n", path, errors.count, errors.count == 1 ? "" : "s");
		conf_errors_done(&errors);
		return GATE_CONFIG;
	}
	conf_errors_done(&errors);
	if (check) {
		printf("%s: ok\n", path);
		gate_conf_unref(conf);
		return GATE_OK;
	}
	init_log(conf);
	notify_init();
	set_limits();
	block_signals();
	return serve(conf);
}

int
main(int argc, char **argv)
{
	const char *path = CONF_DEFAULT;
	bool check = false;
	int opt;

	while ((opt = getopt(argc, argv, "c:htV")) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			return GATE_OK;
		case 't':
			check = true;
			break;
		case 'V':
			puts(PACKAGE_STRING);
			return GATE_OK;
		default:
			usage(stderr);
			return GATE_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return GATE_USAGE;
	}
	return run(path, check);
}
