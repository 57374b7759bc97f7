/* bench_load - the gateway under load, in numbers; nothing here passes or fails by time.
 *
 *   bench_load [PART...]            parts: requests local validations upstream pebble growth idle; all of
 *                                   them by default
 *   bench_load before PROGRAM       another build of acmegated and this one, in turn, three times
 *
 * Runs ./acmegated and ./bench_ca of the current folder as children on loopback, on the same cores
 * as the devices and the CA: a rate is what all of them together make of the machine, CPU is the
 * gateway's alone (its two processes). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon.h"
#include "fill.h"
#include "idle.h"
#include "load.h"
#include "steps.h"

#define CA "./bench_ca"
#define FEW 1000
#define MANY 1000000
#define COMPARISONS 3

static const char *gate = "./acmegated";
static struct lab lab;
static char folder[] = "/tmp/acmegate-bench-XXXXXX";
static struct least least;

static char *
fresh_folder(void)
{
	static unsigned n;

	return xasprintf("%s/%u", folder, n++);
}

static void
remove_all(const char *path)
{
	AUTO_FREE char *command = xasprintf("rm -rf %s", path);

	if (system(command) != 0)
		fprintf(stderr, "bench: %s is left\n", path);
}

/* ---- openssl speed ---- */

static void
openssl_speed(void)
{
	FILE *f = popen("openssl speed -mr -seconds 1 ecdsap256 rsa2048 2>/dev/null", "r");
	char line[256];
	double rsa_sign = 0, rsa_verify, ec_sign = 0, ec_verify = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "+F2:%*d:2048:%lf:%lf", &rsa_sign, &rsa_verify) != 2)
			sscanf(line, "+F4:%*d:256:%lf:%lf", &ec_sign, &ec_verify);
	}
	if (f)
		pclose(f);
	printf("openssl speed, one core: ES256 %.0f signatures/s, %.0f verifications/s; RSA-2048 "
	       "%.0f signatures/s\n",
		ec_sign, ec_verify, rsa_sign);
	printf("one issuance verifies 8 signatures and makes 4 to 7: with nothing else to do a "
	       "core could carry %.0f a second\n",
		1 / (8 / ec_verify + 5 / ec_sign));
}

/* ---- one load, one line ---- */

static struct load_conf
load_of(struct daemon *d, enum work work, unsigned devices)
{
	static unsigned runs;
	static char tag[16];

	snprintf(tag, sizeof(tag), "r%u", runs++);
	return (struct load_conf){.port = d->port,
		.devices = devices,
		.work = work,
		.authz_wait_us = 150000,
		.order_wait_us = 1400000,
		.warm_s = 1,
		.run_s = 2,
		.tag = tag,
		.server = d->pid,
		.keeper = d->keeper,
		.count = daemon_commits,
		.arg = d};
}

static void
requests_head(void)
{
	printf("  %-11s %7s %7s | %10s %10s %8s %8s %9s\n", "request", "fronts", "devices",
		"requests/s", "CPU us", "p50 ms", "p99 ms", "commits");
}

static void
requests_line(struct daemon *d, unsigned fronts, enum work work, const char *name)
{
	struct load_conf conf = load_of(d, work, 32);
	struct load_result r;
	double n;

	conf.warm_s = 0.5;
	load_run(&conf, &r);
	n = r.rounds ? (double)r.rounds : 1;
	printf("  %-11s %7u %7u | %10.0f %10.1f %8.2f %8.2f %9.2f\n", name, fronts, conf.devices,
		(double)r.rounds / r.seconds, (r.server_us + r.keeper_us) / n, r.p50_us / 1e3,
		r.p99_us / 1e3, (double)r.count / n);
	fflush(stdout);
}

static void
issue_head(void)
{
	printf("  %-24s %6s %7s | %6s %7s %7s %6s | %8s %8s %8s %7s\n", "", "fronts", "devices",
		"/s", "CPU us", "keeper", "least", "p50 ms", "p99 ms", "requests", "commits");
}

/* Returns CPU microseconds of one issuance, both processes. */
static double
issue_line(const char *name, unsigned fronts, const struct load_conf *conf, double floor_us)
{
	struct load_result r;
	double n, us;

	load_run(conf, &r);
	n = r.rounds ? (double)r.rounds : 1;
	us = (r.server_us + r.keeper_us) / n;
	printf("  %-24s %6u %7u | %6.1f %7.0f %7.0f ", name, fronts, conf->devices,
		(double)r.rounds / r.seconds, us, r.keeper_us / n);
	if (floor_us > 0)
		printf("%5.2fx", us / floor_us);
	else
		printf("%6s", "");
	printf(" | %8.0f %8.0f %8.1f %7.2f%s\n", r.p50_us / 1e3, r.p99_us / 1e3,
		(double)r.requests / n, (double)r.count / n, r.failures ? "  (with failures)" : "");
	fflush(stdout);
	return us;
}

/* ---- parts ---- */

static struct daemon_conf
daemon_of(const char *state, unsigned fronts, const struct ca_child *ca)
{
	return (struct daemon_conf){.program = gate,
		.folder = state,
		.front_threads = fronts,
		.http01_port = lab.http01_port,
		.dns_port = lab.dns_port,
		.ca_directory = ca ? ca->directory : NULL,
		.ca_file = ca ? ca->file : NULL};
}

static void
part_requests(void)
{
	printf("\nRequests on kept connections, as fast as they go\n");
	requests_head();
	for (unsigned fronts = 1; fronts <= 2; fronts++) {
		AUTO_FREE char *state = fresh_folder();
		struct daemon_conf conf = daemon_of(state, fronts, NULL);
		struct daemon d;

		daemon_start(&conf, &d);
		requests_line(&d, fronts, WORK_DIRECTORY, "directory");
		requests_line(&d, fronts, WORK_NEW_NONCE, "newNonce");
		requests_line(&d, fronts, WORK_NEW_ACCOUNT, "newAccount");
		requests_line(&d, fronts, WORK_NEW_ORDER, "newOrder");
		daemon_stop(&d);
		remove_all(state);
	}
}

/* One daemon, one load. */
static double
issue_run(const char *name, unsigned fronts, unsigned devices, const struct ca_child *ca,
	uint16_t http01_listen, double floor_us)
{
	AUTO_FREE char *state = fresh_folder();
	struct daemon_conf conf = daemon_of(state, fronts, ca);
	struct load_conf load;
	struct daemon d;
	double us;

	conf.http01_listen = http01_listen;
	daemon_start(&conf, &d);
	load = load_of(&d, WORK_ISSUE, devices);
	if (ca) {
		load.warm_s = 3;
		load.run_s = 4;
	}
	us = issue_line(name, fronts, &load, floor_us);
	daemon_stop(&d);
	remove_all(state);
	return us;
}

static void
part_local(void)
{
	printf("\nWhole issuances, driver local; http-01 inside, devices look again after 150 "
	       "ms\n");
	issue_head();
	issue_run("local", 1, 10, NULL, 0, least.local);
	issue_run("local", 1, 100, NULL, 0, least.local);
	issue_run("local", 1, 1000, NULL, 0, least.local);
	issue_run("local", 2, 1000, NULL, 0, least.local);
}

/* ---- validations ---- */

struct watch {
	pid_t pid;
	pthread_t thread;
	_Atomic(bool) stop;
	long threads; /* most */
};

static void *
watch_main(void *arg)
{
	struct watch *w = arg;

	while (!atomic_load(&w->stop)) {
		long now = status_of(w->pid, "Threads");

		w->threads = now > w->threads ? now : w->threads;
		sleep_us(50000);
	}
	return NULL;
}

static void
validations_line(const char *name, bool dns01, int64_t hold_us)
{
	AUTO_FREE char *state = fresh_folder();
	struct daemon_conf conf = daemon_of(state, 2, NULL);
	struct load_conf load;
	struct load_result r;
	struct watch w = {0};
	struct daemon d;
	long threads;
	double n;

	conf.dns01 = dns01;
	daemon_start(&conf, &d);
	w.pid = d.pid;
	sleep_us(500000); /* all that it starts with are there */
	threads = status_of(d.pid, "Threads");
	if (pthread_create(&w.thread, NULL, watch_main, &w) != 0)
		die("cannot start a thread");
	lab_hold(hold_us);
	load = load_of(&d, WORK_VALIDATE, 1000);
	if (hold_us)
		load.authz_wait_us = 1000000;
	load.warm_s = 6 + (double)hold_us / 1e6;
	load.run_s = hold_us ? 3 * (double)hold_us / 1e6 : 4;
	load_run(&load, &r);
	atomic_store(&w.stop, true);
	pthread_join(w.thread, NULL);
	n = r.rounds ? (double)r.rounds : 1;
	printf("  %-8s %7.0f %8u | %7.1f %8.1f %7.0f %8.0f %8.0f | %4ld %4ld %9.1f%s\n", name, (double)hold_us / 1e3,
		lab_hold(0), n / r.seconds, 1000 * r.seconds / n, (r.server_us + r.keeper_us) / n, r.p50_us / 1e3, r.p99_us / 1e3,
		threads, w.threads, (double)status_of(d.pid, "VmHWM") / 1024, r.failures ? "  (with failures)" : "");
	fflush(stdout);
	daemon_stop(&d);
	remove_all(state);
}

/* Every validation waits on the one outbound loop: its threads are those of the start. */
static void
part_validations(void)
{
	printf("\nA thousand devices prove a name at once, again and again (newOrder to a valid authorization); where answers "
	       "are held back\nthey all wait at the same time. Threads: before, and most; memory: most\n");
	printf("  %-8s %7s %8s | %7s %8s %7s %8s %8s | %9s %9s\n", "", "held ms", "at once", "/s", "1000 in s", "CPU us",
		"p50 ms", "p99 ms", "threads", "peak MiB");
	validations_line("http-01", false, 0);
	validations_line("http-01", false, 5000000);
	validations_line("dns-01", true, 0);
	validations_line("dns-01", true, 5000000);
}

static void
part_upstream(void)
{
	struct ca_child ca;
	uint16_t port = free_port();

	printf("\nWhole issuances with an upstream leg: 4 requests to the CA stand-in (bench_ca, "
	       "whose CPU does not count)\n"
	       "(finalize is `processing` there for a second; devices look again after 150 ms, at "
	       "their order after 1.4 s)\n");
	issue_head();
	ca_child_start(CA, folder, true, 0, &ca);
	issue_run("stand-in", 1, 10, &ca, 0, least.total);
	issue_run("stand-in", 1, 100, &ca, 0, least.total);
	issue_run("stand-in", 1, 300, &ca, 0, least.total);
	issue_run("stand-in", 1, 1000, &ca, 0, least.total);
	issue_run("stand-in", 2, 1000, &ca, 0, least.total);
	ca_child_stop(&ca);
	ca_child_start(CA, folder, true, port, &ca);
	issue_run("stand-in wants a proof", 1, 300, &ca, port, least.total + least.challenge);
	ca_child_stop(&ca);
}

/* One at a time: it locks up for good when one client orders while another looks at authorizations.
 */
static void
part_pebble(void)
{
	AUTO_FREE char *state = fresh_folder();
	struct ca_child ca;
	struct load_conf load;
	struct daemon_conf conf;
	struct daemon d;
	uint16_t port = free_port();

	printf("\nWhole issuances with the real pebble behind, one device at a time: an idle "
	       "server's figures\n");
	if (!pebble_child_start(folder, port, lab.dns_port, &ca)) {
		printf("  pebble is not installed\n");
		return;
	}
	issue_head();
	conf = daemon_of(state, 1, &ca);
	conf.http01_listen = port;
	daemon_start(&conf, &d);
	load = load_of(&d, WORK_ISSUE, 1);
	load.warm_s = 5;
	load.run_s = 25;
	issue_line("pebble", 1, &load, 0);
	daemon_stop(&d);
	ca_child_stop(&ca);
	remove_all(state);
}

static void
growth_of(unsigned rows)
{
	AUTO_FREE char *state = fresh_folder();
	AUTO_FREE char *db = xasprintf("%s/acmegate.db", state);
	AUTO_FREE char *name = xasprintf("local, %u rows", rows);
	struct daemon_conf conf = daemon_of(state, 1, NULL);
	struct load_conf load;
	struct daemon d;

	if (mkdir(state, 0700) != 0)
		die("cannot make %s: %s", state, strerror(errno));
	fill_store(db, rows);
	daemon_start(&conf, &d);
	requests_head();
	requests_line(&d, 1, WORK_NEW_ACCOUNT, "newAccount");
	requests_line(&d, 1, WORK_NEW_ORDER, "newOrder");
	load = load_of(&d, WORK_ISSUE, 100);
	load.run_s = 4;
	issue_head();
	issue_line(name, 1, &load, least.local);
	daemon_stop(&d);
	remove_all(state);
}

static void
part_growth(void)
{
	printf("\nDoes it cost more as the store fills? With %u and with %u accounts, orders, "
	       "authorizations, certificates\n",
		FEW, MANY);
	growth_of(FEW);
	growth_of(MANY);
}

static void
part_idle(void)
{
	AUTO_FREE char *state = fresh_folder();
	struct daemon_conf conf = daemon_of(state, 2, NULL);
	struct daemon d;

	daemon_start(&conf, &d);
	idle_measure(&d, 10000);
	daemon_stop(&d);
	remove_all(state);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The machine's moods are the same for both, the more so the nearer they run to each other. */
static void
compare(const char *before)
{
	double us[2][COMPARISONS];
	struct ca_child ca;

	printf("\n%s before %s\n", before, gate);
	issue_head();
	ca_child_start(CA, folder, true, 0, &ca);
	for (size_t i = 0; i < COMPARISONS; i++) {
		const char *now = gate;

		gate = before;
		us[0][i] = issue_run("before", 1, 300, &ca, 0, least.total);
		gate = now;
		us[1][i] = issue_run("now", 1, 300, &ca, 0, least.total);
	}
	ca_child_stop(&ca);
	for (size_t i = 0; i < COUNT_OF(us); i++)
		qsort(us[i], COMPARISONS, sizeof(us[i][0]), by_value);
	printf("medians: %.0f before, %.0f now: %.2fx\n", us[0][COMPARISONS / 2],
		us[1][COMPARISONS / 2], us[1][COMPARISONS / 2] / us[0][COMPARISONS / 2]);
}

static void
part_steps(void)
{
	struct steps s;

	steps_measure(&s, folder);
	steps_print(&s);
	least = steps_least(&s);
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = {
	{"requests", part_requests},
	{"local", part_local},
	{"validations", part_validations},
	{"upstream", part_upstream},
	{"pebble", part_pebble},
	{"growth", part_growth},
	{"idle", part_idle},
};

static void
many_files(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static bool
is_wanted(const char *name, char **wanted)
{
	if (!*wanted)
		return true;
	while (*wanted && strcmp(*wanted, name) != 0)
		wanted++;
	return *wanted != NULL;
}

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	many_files();
	if (!mkdtemp(folder))
		die("mkdtemp: %s", strerror(errno));
	openssl_speed();
	part_steps(); /* while there is no thread */
	fflush(stdout);
	lab_start(&lab);
	if (argc == 3 && strcmp(argv[1], "before") == 0) {
		compare(argv[2]);
		remove_all(folder);
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		if (is_wanted(parts[i].name, argv + 1))
			parts[i].run();
	}
	remove_all(folder);
	return 0;
}
