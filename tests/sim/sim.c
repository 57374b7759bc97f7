/* sim.c - the simulation's main: runs scenarios, prints what came of them, and says whether what must hold did.
 *
 *   sim            all but those that are long
 *   sim quick      a few small ones
 *   sim NAME...    these */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"

/* ---- a run in a process of its own, so that its memory is its own ---- */

static void
write_all(int fd, const struct tally *t)
{
	if (write(fd, t, sizeof(*t)) != (ssize_t)sizeof(*t))
		die("pipe");
}

static double
cpu_s(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static bool
run_apart(const struct scenario *sc, struct tally *ret)
{
	struct rusage used;
	int fds[2], status = -1;
	pid_t pid;
	bool good;

	fflush(stdout);
	if (pipe(fds) != 0 || (pid = fork()) < 0)
		die("no process for a run");
	if (pid == 0) {
		close(fds[0]);
		sim_run(sc, ret);
		write_all(fds[1], ret);
		exit(0);
	}
	close(fds[1]);
	good = read(fds[0], ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
	close(fds[0]);
	good = wait4(pid, &status, 0, &used) == pid && status == 0 && good;
	ret->cpu_s = cpu_s(&used);
	ret->rss_kib = used.ru_maxrss;
	return good;
}

/* ---- the table ---- */

static const char *
span_text(int64_t ns, char dst[32])
{
	if (ns >= 10 * DAY_NS)
		snprintf(dst, 32, "%.1f d", (double)ns / DAY_NS);
	else
		snprintf(dst, 32, "%.2f h", (double)ns / HOUR_NS);
	return dst;
}

static void
print_head(void)
{
	printf("%-16s %9s %6s %7s %12s %9s %9s %7s %9s %6s %8s %9s %8s %8s\n", "", "certifi-", "429s", "429s", "expired:", "make-", "lower", "",
		"bound", "wait/", "revoked:", "questions", "CPU", "memory");
	printf("%-16s %9s %6s %7s %12s %9s %9s %7s %9s %6s %8s %9s %8s %8s\n", "scenario", "cates", "fore-", "others'", "avoid/away", "span",
		"bound", "over", "at 0/0", "share", "replaced", "a cert.", "s", "MiB");
}

static double
over_percent(const struct tally *t)
{
	return t->bound_ns > 0 ? ((double)t->span_ns / (double)t->bound_ns - 1) * 100 : 0;
}

static void
print_row(const struct scenario *sc, const struct tally *t)
{
	char expired[48], span[32], bound[32], bare[32], incident[32];

	snprintf(expired, sizeof(expired), "%lld/%lld", (long long)t->expired_allowed, (long long)t->expired_away);
	printf("%-16s %9lld %6lld %7lld %12s %9s %9s %6.2f%% %9s %6.2f %8s %9.2f %8.1f %8.0f\n", sc->name, (long long)t->certs,
		(long long)t->foreseen, (long long)t->unforeseen, expired, span_text(t->span_ns, span), span_text(t->bound_ns, bound),
		over_percent(t), span_text(t->bound_bare_ns, bare), t->worst_share, t->incident_ns ? span_text(t->incident_ns, incident) : "-",
		(double)t->asked / (double)(t->certs ? t->certs : 1), t->cpu_s, (double)t->rss_kib / 1024);
}

static void
print_renewals(const struct scenario *sc, const struct tally *t)
{
	if (sc->renewing == RENEWING_MIXED)
		return;
	printf("  renewals: %lld an hour at most, %.1f in the mean; %.2f%% inside the CA's window; planned for one hour: %lld, for full hours: %lld; "
		"moved by a restart: %lld\n", (long long)t->peak_hour, (double)t->renewals / (double)t->renewal_hours,
		100 * (double)t->in_window / (double)t->renewals, (long long)t->most_planned, (long long)t->over, (long long)t->moved);
}

/* ---- what must hold ---- */

static bool
must(const struct scenario *sc, bool good, const char *what)
{
	if (!good)
		printf("  NOT SO in %s: %s\n", sc->name, what);
	return good;
}

static bool
holds(const struct scenario *sc, const struct tally *t)
{
	bool strangers = sc->strangers_per_week > 0;
	bool all = must(sc, t->first_certs == sc->devices + sc->late_devices, "every device has got a certificate");

	all = must(sc, t->foreseen == 0, "no refusal that could be foreseen") && all;
	all = must(sc, strangers || t->unforeseen == 0, "no refusal without strangers") && all;
	all = must(sc, !strangers || t->unforeseen > 0, "strangers are noticed, or this scenario shows nothing") && all;
	all = must(sc, t->expired_allowed == 0, "no certificate runs out where the limits allow a new one") && all;
	all = must(sc, strangers || over_percent(t) <= 1, "the roll-out takes 1 % more than the lower bound, at most") && all;
	all = must(sc, over_percent(t) >= -0.01, "no roll-out is faster than its lower bound, or the bound is wrong") && all;
	all = must(sc, strangers || t->worst_share <= 2, "no unit waits more than twice its fair share") && all;
	all = must(sc, t->incident_ns > 0, "what was revoked is replaced") && all;
	if (sc->renewing == RENEWING_PLANNED) {
		all = must(sc, t->incident_ns <= DAY_NS, "within a day, by waves") && all;
		all = must(sc, t->renewals > 0 && t->in_window == t->renewals, "no device is told a time outside the CA's window") && all;
		all = must(sc, t->most_planned > 0 && (t->over > 0 || t->most_planned <= t->budget), "no hour has more than its budget while another has room") && all;
		all = must(sc, t->moved == 0, "a restart moves no window") && all;
	}
	return all;
}

static bool
is_wanted(const struct scenario *sc, char **names, int count)
{
	if (count == 0)
		return !sc->long_run && !sc->quick;
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], sc->name) == 0 || (sc->quick && strcmp(names[i], "quick") == 0))
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	print_head();
	for (const struct scenario *sc = scenarios; sc->name; sc++) {
		struct tally t = { 0 };
		bool good;

		if (!is_wanted(sc, argv + 1, argc - 1))
			continue;
		good = run_apart(sc, &t);
		if (good) {
			print_row(sc, &t);
			print_renewals(sc, &t);
			good = holds(sc, &t);
		} else
			printf("%-16s did not end well\n", sc->name);
		passed += good;
		failed += !good;
	}
	if (passed + failed == 0)
		die("no such scenario");
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
