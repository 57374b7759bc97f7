/* proc.c - see proc.h.
 *
 * proc_start -> the loop: its turn -> posix_spawn -> events on the three pipes and on the process itself (pidfd), a timer. The end is
 * told once: when the process has ended, or at once when it is killed; the object stays until the process is reaped. */
#include "proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/mem.h"

#define ERRORS_MAX 1024 /* octets of standard error that are kept */

enum { TO_CHILD, OUTPUT, ERRORS, PIPES };

struct run {
	TAILQ_ENTRY(run) entry;
	struct proc *proc;
	char *argv[PROC_ARGS_MAX + 2]; /* the path first */
	char *env[PROC_ENV_MAX + 3];
	struct buf input;
	size_t written;
	struct buf out[PIPES]; /* OUTPUT, ERRORS */
	msec_t queue_ms, run_ms, began_ms;
	proc_fn fn;
	void *arg;
	pid_t pid;             /* 0 = not started, or reaped */
	int fds[PIPES], pid_fd;
	struct event *events[PIPES], *pid_event;
	struct timer *timer;
	bool is_told, is_waiting;
};
TAILQ_HEAD(runs, run);

struct proc {
	struct loop *loop;
	struct runs waiting, running;
	unsigned count, running_max;
};

static const char *const result_names[] = { [PROC_EXITED] = "exited", [PROC_SIGNALED] = "signaled", [PROC_TIMEOUT] = "timeout",
	[PROC_TOO_LONG] = "too-long", [PROC_NOT_STARTED] = "not-started", [PROC_BUSY] = "busy", [PROC_STOPPED] = "stopped" };

const char *
proc_result_name(enum proc_result result)
{
	return result_names[result];
}

static void
event_end(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

static void
fd_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
pipe_end(struct run *r, int i)
{
	event_end(&r->events[i]);
	fd_end(&r->fds[i]);
}

static void
run_free(struct run *r)
{
	for (int i = 0; i < PIPES; i++) {
		pipe_end(r, i);
		buf_done(&r->out[i]);
	}
	event_end(&r->pid_event);
	fd_end(&r->pid_fd);
	timer_free(r->timer);
	for (char **a = r->argv; *a; a++)
		free(*a);
	for (char **e = r->env; *e; e++)
		free(*e);
	buf_done(&r->input);
	free(r);
}

static void
tell(struct run *r, enum proc_result result, int code)
{
	struct proc_reply reply = { .result = result, .code = code, .errors = buf_span(&r->out[ERRORS]) };

	if (r->is_told)
		return;
	r->is_told = true;
	if (result == PROC_EXITED)
		reply.output = buf_span(&r->out[OUTPUT]);
	reply.took_ms = r->began_ms ? clock_ms() - r->began_ms : 0;
	r->fn(&reply, r->arg);
}

static void next(struct proc *p);

/* It is over, and reaped if it ever ran. */
static void
leave(struct run *r)
{
	struct proc *p = r->proc;

	TAILQ_REMOVE(r->is_waiting ? &p->waiting : &p->running, r, entry);
	p->count -= !r->is_waiting;
	run_free(r);
}

/* All of its group. Until it is reaped, its number is nobody else's. */
static void
kill_group(const struct run *r)
{
	if (r->pid)
		kill(-r->pid, SIGKILL);
}

static void
give_up(struct run *r, enum proc_result result)
{
	kill_group(r);
	timer_stop(r->timer);
	for (int i = 0; i < PIPES; i++)
		pipe_end(r, i);
	tell(r, result, 0);
}

/* ---- pipes ---- */

/* False when nothing more will come. Of standard error all is read, and the beginning kept. */
static bool
read_some(struct run *r, int i)
{
	struct buf *b = &r->out[i];
	char octets[8192];
	ssize_t n = read(r->fds[i], octets, sizeof(octets));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (i == ERRORS)
		n = (size_t)n > b->max - b->n ? (ssize_t)(b->max - b->n) : n;
	buf_add(b, octets, (size_t)n);
	return buf_ok(b);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	int i = fd == r->fds[OUTPUT] ? OUTPUT : ERRORS;

	(void)what;
	if (read_some(r, i))
		return;
	pipe_end(r, i);
	if (!buf_ok(&r->out[i]))
		give_up(r, PROC_TOO_LONG);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	struct span rest = span_from(buf_span(&r->input), r->written);
	ssize_t n = rest.n ? write(fd, rest.p, rest.n) : 0;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	r->written += n > 0 ? (size_t)n : 0;
	/* it may close its end and still have an answer */
	if (n < 0 || r->written == r->input.n)
		pipe_end(r, TO_CHILD);
}

/* What lies in a pipe when the process has ended. */
static bool
drain(struct run *r, int i)
{
	while (r->fds[i] >= 0) {
		size_t before = r->out[i].n;

		if (!read_some(r, i) || r->out[i].n == before)
			pipe_end(r, i);
	}
	return buf_ok(&r->out[i]);
}

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	struct proc *p = r->proc;
	siginfo_t info = { 0 };
	bool fits;

	(void)fd;
	(void)what;
	kill_group(r);
	while (waitid(P_PID, (id_t)r->pid, &info, WEXITED) != 0 && errno == EINTR)
		;
	r->pid = 0;
	fits = drain(r, OUTPUT);
	drain(r, ERRORS);
	if (!fits)
		tell(r, PROC_TOO_LONG, 0);
	tell(r, info.si_code == CLD_EXITED ? PROC_EXITED : PROC_SIGNALED, info.si_status);
	leave(r);
	next(p);
}

static void
on_timer(void *arg)
{
	struct run *r = arg;

	if (!r->is_waiting) {
		give_up(r, PROC_TIMEOUT);
		return;
	}
	tell(r, PROC_BUSY, 0);
	leave(r);
}

/* ---- start ---- */

static void
watch(struct run *r, struct event **event, int fd, short what, event_callback_fn fn)
{
	*event = event_new(loop_base(r->proc->loop), fd, what, fn, r);
	if (!*event || event_priority_set(*event, 0) != 0 || event_add(*event, NULL) != 0)
		abort();
}

static int
actions_fill(posix_spawn_file_actions_t *actions, const int *theirs)
{
	int error = posix_spawn_file_actions_addchdir_np(actions, "/");

	for (int i = 0; !error && i < PIPES; i++)
		error = posix_spawn_file_actions_adddup2(actions, theirs[i], i);
	return error ? error : posix_spawn_file_actions_addclosefrom_np(actions, PIPES);
}

static int
attr_fill(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* An errno, or 0. */
static int
spawn(struct run *r, const int *theirs)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int error;

	/* what a service manager gave us, such as to listen on port 80, is not the program's; of this thread alone */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	error = actions_fill(&actions, theirs);
	if (!error)
		error = attr_fill(&attr);
	if (!error)
		error = posix_spawn(&r->pid, r->argv[0], &actions, &attr, r->argv, r->env);
	if (error)
		r->pid = 0;
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Our ends do not block; both are closed by exec. */
static int
pipes_make(struct run *r, int *theirs)
{
	for (int i = 0; i < PIPES; i++) {
		int ends[2], ours = i == TO_CHILD ? 1 : 0;

		if (pipe2(ends, O_CLOEXEC) != 0)
			return errno;
		r->fds[i] = ends[ours];
		theirs[i] = ends[!ours];
		/* a place that the program's own three are to have */
		if (theirs[i] < PIPES || fcntl(r->fds[i], F_SETFL, O_NONBLOCK) != 0)
			return EBADF;
	}
	return 0;
}

static int
start_it(struct run *r)
{
	int theirs[PIPES] = { -1, -1, -1 };
	int error = pipes_make(r, theirs);

	if (!error)
		error = spawn(r, theirs);
	for (int i = 0; i < PIPES; i++)
		fd_end(&theirs[i]);
	if (error)
		return error;
	r->pid_fd = pidfd_open(r->pid, 0);
	return r->pid_fd < 0 ? errno : 0;
}

/* A process that cannot be watched is none. */
static void
not_started(struct run *r, int error)
{
	kill_group(r);
	if (r->pid)
		waitpid(r->pid, NULL, 0);
	r->pid = 0;
	tell(r, PROC_NOT_STARTED, error);
	leave(r);
}

static void
begin(struct run *r)
{
	struct proc *p = r->proc;
	int error;

	TAILQ_REMOVE(&p->waiting, r, entry);
	TAILQ_INSERT_TAIL(&p->running, r, entry);
	p->count++;
	r->is_waiting = false;
	r->began_ms = clock_ms();
	error = start_it(r);
	if (error) {
		not_started(r, error);
		return;
	}
	watch(r, &r->events[TO_CHILD], r->fds[TO_CHILD], EV_WRITE | EV_PERSIST, on_writable);
	watch(r, &r->events[OUTPUT], r->fds[OUTPUT], EV_READ | EV_PERSIST, on_readable);
	watch(r, &r->events[ERRORS], r->fds[ERRORS], EV_READ | EV_PERSIST, on_readable);
	watch(r, &r->pid_event, r->pid_fd, EV_READ, on_ended);
	timer_set(r->timer, r->run_ms);
}

static void
next(struct proc *p)
{
	struct run *r;

	while ((r = TAILQ_FIRST(&p->waiting)) && p->count < p->running_max)
		begin(r);
}

static void
enter(void *arg)
{
	struct run *r = arg;

	r->timer = timer_new(r->proc->loop, on_timer, r);
	timer_set(r->timer, r->queue_ms);
	r->is_waiting = true;
	TAILQ_INSERT_TAIL(&r->proc->waiting, r, entry);
	next(r->proc);
}

static void
fill_env(struct run *r, const char *const *env)
{
	size_t n = 0;

	r->env[n++] = xstrdup("PATH=/usr/local/bin:/usr/bin:/bin");
	r->env[n++] = xstrdup("LANG=C.UTF-8");
	for (size_t i = 0; i < PROC_ENV_MAX && env[i]; i++)
		r->env[n++] = xstrdup(env[i]);
}

void
proc_start(struct proc *proc, const struct proc_request *request, proc_fn fn, void *arg)
{
	struct run *r = xcalloc(1, sizeof(*r));

	*r = (struct run){ .proc = proc, .argv = { xstrdup(request->path) }, .input = BUF_MAX(request->input.n),
		.queue_ms = request->queue_ms, .run_ms = request->run_ms, .fn = fn, .arg = arg, .fds = { -1, -1, -1 }, .pid_fd = -1 };
	r->out[OUTPUT] = BUF_MAX(request->output_max);
	r->out[ERRORS] = BUF_MAX(ERRORS_MAX);
	buf_addspan(&r->input, request->input);
	for (size_t i = 0; i < PROC_ARGS_MAX && request->args[i]; i++)
		r->argv[1 + i] = xstrdup(request->args[i]);
	fill_env(r, request->env);
	loop_post(proc->loop, enter, r);
}

struct proc *
proc_new(struct loop *loop, unsigned running_max)
{
	struct proc *p = xcalloc(1, sizeof(*p));

	signal(SIGPIPE, SIG_IGN);
	p->loop = loop;
	p->running_max = running_max;
	TAILQ_INIT(&p->waiting);
	TAILQ_INIT(&p->running);
	return p;
}

void
proc_free(struct proc *p)
{
	struct run *r;

	if (!p)
		return;
	p->running_max = 0;
	while ((r = TAILQ_FIRST(&p->running))) {
		give_up(r, PROC_STOPPED);
		if (r->pid)
			waitpid(r->pid, NULL, 0);
		leave(r);
	}
	while ((r = TAILQ_FIRST(&p->waiting))) {
		tell(r, PROC_STOPPED, 0);
		leave(r);
	}
	free(p);
}
