/* util.c - see bench.h. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

void
die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int64_t
cpu_thread_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
cpu_process_ns(pid_t pid)
{
	clockid_t id;

	return pid > 0 && clock_getcpuclockid(pid, &id) == 0 ? clock_ns(id) : 0;
}

int64_t
wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void
sleep_us(int64_t us)
{
	struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	while (us > 0 && nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
}

uint16_t
free_port(void)
{
	struct sockaddr_in sa = loopback(0);
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) != 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		die("no free port: %s", strerror(errno));
	close(fd);
	return ntohs(sa.sin_port);
}

int
tcp_connect(uint16_t port, const char *from)
{
	struct sockaddr_in to = loopback(port), mine = loopback(0);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	if ((from && (inet_pton(AF_INET, from, &mine.sin_addr) != 1 ||
			     bind(fd, (struct sockaddr *)&mine, sizeof(mine)) != 0)) ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

pid_t
child_start(char *const argv[], const char *log, FILE **ret_out)
{
	int out[2] = {-1, -1};
	pid_t pid, parent = getpid();

	if ((ret_out && pipe(out) != 0) || (pid = fork()) < 0)
		die("cannot start %s: %s", argv[0], strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		if (!freopen(log, "a", stderr) ||
			dup2(ret_out ? out[1] : STDERR_FILENO, STDOUT_FILENO) < 0)
			_exit(127);
		if (ret_out) {
			close(out[0]);
			close(out[1]);
		}
		execv(argv[0], argv);
		_exit(127);
	}
	if (ret_out) {
		close(out[1]);
		*ret_out = fdopen(out[0], "r");
	}
	return pid;
}

bool
child_stop(pid_t pid)
{
	int status = -1;

	kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

pid_t
child_of(pid_t pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "r");
	int child = 0;

	if (f && fscanf(f, "%d", &child) != 1)
		child = 0;
	if (f)
		fclose(f);
	return child;
}

long
status_of(pid_t pid, const char *field)
{
	char path[64], line[256];
	size_t n = strlen(field);
	long value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, n) == 0 && line[n] == ':')
			value = strtol(line + n + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return value;
}

double
resident_kib(pid_t pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "r");
	long pages = 0;

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		die("cannot read %s", path);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t
permille(uint32_t *values, size_t n, unsigned k)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), by_value);
	return values[(n - 1) * k / 1000];
}

void
series_add(struct series *s, int64_t value)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 1024;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

void
series_join(struct series *to, const struct series *from)
{
	for (size_t i = 0; i < from->n; i++)
		series_add(to, from->v[i]);
}

void
series_done(struct series *s)
{
	free(s->v);
	*s = (struct series){0};
}
