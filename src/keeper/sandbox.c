/* sandbox.c - see sandbox.h. */
#include "keeper/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Ours to hear from the service manager or the terminal together with the parent, which ends us
 * when it is done. */
static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE,
	SIGALRM };
static const int defaulted[] = { SIGCHLD, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static const char *const dropped[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };

static void
set_signals(void)
{
	sigset_t none;

	for (size_t i = 0; i < COUNT_OF(ignored); i++)
		signal(ignored[i], SIG_IGN);
	/* the sanitizers' handlers are worth keeping: they print where it went wrong */
	for (size_t i = 0; !SANITIZED && i < COUNT_OF(defaulted); i++)
		signal(defaulted[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The gaps between those to keep, so that no list of what the parent had open is needed. */
static bool
close_others(int *keep, size_t count)
{
	unsigned from = 0;

	qsort(keep, count, sizeof(*keep), compare_ints);
	for (size_t i = 0; i < count; i++) {
		unsigned at = (unsigned)keep[i];

		if (at > from && close_range(from, at - 1, 0) != 0)
			return false;
		from = at + 1;
	}
	return close_range(from, ~0u, 0) == 0;
}

/* Best effort: a swapped page may hold a key. MCL_FUTURE under a small RLIMIT_MEMLOCK would make a
 * later malloc fail, so we look whether there is room to grow, and else let it be. */
static void
lock_memory(void)
{
	const size_t room = 64u * 1024 * 1024;
	void *p;

	if (SANITIZED || RUNNING_ON_VALGRIND ||
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		return;
	p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		munlockall();
	else
		munmap(p, room);
}

bool
sandbox_prepare(pid_t parent, int *keep, size_t keep_count, struct problem *pr)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return problem_internal(pr, "cannot forbid core dumps: %s", strerror(errno));
	/* the end of the parent's sockets ends us too; this is for when we are busy or stuck */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		return problem_internal(pr, "cannot bind to the life of the parent");
	prctl(PR_SET_NAME, "acmegate-keeper");
	set_signals();
	for (size_t i = 0; i < COUNT_OF(dropped); i++)
		unsetenv(dropped[i]);
	if (!close_others(keep, keep_count))
		return problem_internal(pr, "cannot close inherited files: %s", strerror(errno));
	lock_memory();
	return true;
}

bool
sandbox_filters(void)
{
	return !SANITIZED && !RUNNING_ON_VALGRIND;
}

/* What malloc, OpenSSL, the log, the loop and an orderly or disorderly end need. */
static const int allowed[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recv), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(send), SCMP_SYS(close), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(brk), SCMP_SYS(munmap),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(futex),
	SCMP_SYS(futex_time64), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(tgkill), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(exit),
	SCMP_SYS(exit_group) };

/* What only an intruder would try. */
static const int deadly[] = { SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev) };

static bool
add_rules(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r = 0;

	for (size_t i = 0; i < COUNT_OF(allowed) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < COUNT_OF(deadly) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), 1, no_exec);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec);
	errno = -r;
	return r == 0;
}

/* All else answers EPERM rather than kills: a library that looks for a file or counts processors on
 * a path we have not seen must not take the service down, and learns nothing. */
bool
sandbox_lock(struct problem *pr)
{
	scmp_filter_ctx ctx;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return problem_internal(pr, "cannot give up new privileges: %s", strerror(errno));
	/* A sanitizer's report opens /proc/self/maps and starts a symbolizer, its allocator and
	 * shadow need more calls than can be listed for good, and Valgrind makes calls of its own:
	 * such a build is for tests and goes without. */
	if (!sandbox_filters())
		return true;
	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return problem_internal(pr, "cannot make a seccomp filter");
	r = add_rules(ctx) ? seccomp_load(ctx) : -errno;
	seccomp_release(ctx);
	if (r != 0)
		return problem_internal(pr, "cannot load the seccomp filter: %s", strerror(-r));
	return true;
}
