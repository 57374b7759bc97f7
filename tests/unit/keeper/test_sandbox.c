/* test_sandbox.c - what a locked process still can do and what not; each try in a child of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "keeper/sandbox.h"
#include "tap.h"

static int kept; /* a fd that the sandbox must keep */

/* Runs fn in a child that is prepared, and locked if wished; its exit status, or minus the signal
 * that ended it. 99: no sandbox. */
static int
run(int (*fn)(void), bool lock)
{
	pid_t parent = getpid(), pid = fork();
	int status;

	if (pid == 0) {
		int keep[] = { kept, STDERR_FILENO };
		struct problem pr = { 0 };

		if (!sandbox_prepare(parent, keep, 2, &pr) || (lock && !sandbox_lock(&pr))) {
			log_error("sandbox", LPR(&pr));
			_exit(99);
		}
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
lives(void)
{
	char *volatile p;
	unsigned char raw[32];

	for (int i = 0; i < 100; i++) {
		p = malloc(1u << (i % 24));
		if (!p)
			return 1;
		memset(p, i, 1u << (i % 24));
		free(p);
	}
	rand_bytes(raw, sizeof(raw));
	log_debug("sandboxed", LI("now", clock_unix_s()));
	return clock_ms() > 0 && write(kept, "x", 1) == 1 ? 0 : 2;
}

static int
has_only_its_fds(void)
{
	int open_fds = 0;

	for (int fd = 0; fd < 256; fd++)
		open_fds += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
	return open_fds;
}

static int
is_quiet(void)
{
	struct rlimit core;

	kill(getpid(), SIGTERM);
	kill(getpid(), SIGINT);
	kill(getpid(), SIGHUP);
	return prctl(PR_GET_DUMPABLE) == 0 && getrlimit(RLIMIT_CORE, &core) == 0 &&
			core.rlim_max == 0 && !getenv("NOTIFY_SOCKET") && !getenv("LISTEN_FDS")
		? 0
		: 1;
}

static int
opens_a_file(void)
{
	return open("/dev/null", O_RDONLY) >= 0 ? 0 : errno;
}

static int
makes_a_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno;
}

static int
executes(void)
{
	return execl("/bin/true", "true", (char *)NULL) == 0 ? 0 : errno;
}

static int
forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 ? 0 : errno;
}

static int
maps_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
			MAP_FAILED
		? 0
		: errno;
}

static void
test_parent_gone(void)
{
	int keep[] = { STDERR_FILENO };
	struct problem pr = { 0 };
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(sandbox_prepare(1 << 30, keep, 1, &pr));
	waitpid(pid, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
		"a child whose parent is gone already does not start");
}

int
main(void)
{
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	setenv("LISTEN_FDS", "1", 1);
	kept = fcntl(open("/dev/null", O_WRONLY), F_DUPFD, 50);
	is_int(run(lives, true), 0, "memory, randomness, clock, log and kept fds work");
	is_int(run(is_quiet, false), 0,
		"no core, no dump, no variables of systemd; SIGTERM, SIGINT, SIGHUP are nothing");
	is_int(run(has_only_its_fds, false), 2, "only stderr and the kept fd are open");
	test_parent_gone();
	if (!sandbox_filters()) {
		/* nor can it be: see sandbox.c; ./check runs this program without sanitizers, too */
		printf("# a sanitizer or valgrind: there is no filter to be tested\n");
		return done_testing();
	}
	is_int(run(opens_a_file, true), EPERM, "a file cannot be opened");
	is_int(run(makes_a_socket, true), -SIGSYS, "a socket is the end");
	is_int(run(executes, true), -SIGSYS, "so is another program");
	is_int(run(forks, true), EPERM, "no process can be made");
	is_int(run(maps_code, true), EPERM, "no code can be mapped");
	return done_testing();
}
