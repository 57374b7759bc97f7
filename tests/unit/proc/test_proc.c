/* test_proc.c - programs that answer, and every way in which they do not. They are shell scripts that the test writes. */
#include "proc/proc.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "tap.h"

static struct loop *loop;
static struct proc *proc;
static char folder[] = "/tmp/test_proc.XXXXXX";

/* ---- one run, waited for ---- */

struct got {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned calls;
	enum proc_result result;
	int code;
	struct buf output, errors;
	msec_t took_ms;
};

static void
on_reply(const struct proc_reply *reply, void *arg)
{
	struct got *g = arg;

	pthread_mutex_lock(&g->lock);
	g->calls++;
	g->result = reply->result;
	g->code = reply->code;
	g->took_ms = reply->took_ms;
	buf_addspan(&g->output, reply->output);
	buf_addspan(&g->errors, reply->errors);
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
}

static void
got_init(struct got *g)
{
	*g = (struct got){ .output = BUF_MAX(1 << 20), .errors = BUF_MAX(1 << 20) };
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->cond, NULL);
}

static void
got_wait(struct got *g)
{
	pthread_mutex_lock(&g->lock);
	while (!g->calls)
		pthread_cond_wait(&g->cond, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void
got_done(struct got *g)
{
	buf_done(&g->output);
	buf_done(&g->errors);
}

static char *
script(const char *text)
{
	static int n;
	char *path = xasprintf("%s/%d", folder, n++);
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "#!/bin/sh\n%s\n", text) < 0 || fclose(f) != 0 || chmod(path, 0700) != 0)
		abort();
	return path;
}

static void
run(struct got *g, const char *text, struct span input, size_t output_max, msec_t run_ms)
{
	AUTO_FREE char *path = script(text);
	const struct proc_request rq = { .path = path, .args = { "a b", "$HOME;" }, .env = { "HOOK=7" }, .input = input, .output_max = output_max, .queue_ms = 60000,
		.run_ms = run_ms };

	got_init(g);
	proc_start(proc, &rq, on_reply, g);
	got_wait(g);
}

/* ---- cases ---- */

static const struct {
	const char *name, *text;
	enum proc_result result;
	int code;
	const char *output, *errors;
} cases[] = {
	{ "what it reads it may answer", "cat", PROC_EXITED, 0, "question", "" },
	{ "it need not read", "echo yes", PROC_EXITED, 0, "yes\n", "" },
	{ "its exit status is told", "echo no; exit 3", PROC_EXITED, 3, "no\n", "" },
	{ "a signal is told", "kill -SEGV $$", PROC_SIGNALED, SIGSEGV, "", "" },
	{ "standard error is kept apart", "echo a; echo b >&2", PROC_EXITED, 0, "a\n", "b\n" },
	{ "its folder is the root", "pwd", PROC_EXITED, 0, "/\n", "" },
	{ "its arguments are what it is given, as they are", "printf '%s|' \"$@\"", PROC_EXITED, 0, "a b|$HOME;|", "" },
	{ "its environment is what it is given", "env | grep -v ^_= | grep -v ^PWD= | sort | tr '\\n' ' '", PROC_EXITED, 0,
		"HOOK=7 LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin ", "" },
	/* 10 is where the shell has the script */
	{ "it has no descriptors but its three", "i=3; while [ $i -lt 256 ]; do [ $i = 10 ] || [ ! -e /proc/$$/fd/$i ] || echo $i; i=$((i+1)); done",
		PROC_EXITED, 0, "", "" },
	/* 32 and 33 are the C library's own */
	{ "signals are as by default", "grep -h 'Sig[BI]' /proc/self/status | tr -d 'SigBlkIn\\t\\n' | sed s/18/00/", PROC_EXITED, 0,
		":0000000000000000:0000000000000000", "" },
	{ "it has no ambient capabilities", "grep CapAmb /proc/self/status | tr -d 'CapAmb:\\t\\n'", PROC_EXITED, 0, "0000000000000000", "" },
	{ "it leads a group of its own", "[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo own", PROC_EXITED, 0, "own\n", "" },
	{ "of what is as long as may be all is told", "head -c 4096 /dev/zero | tr '\\0' x", PROC_EXITED, 0, NULL, "" },
	{ "too long an answer", "head -c 4097 /dev/zero | tr '\\0' x; sleep 60", PROC_TOO_LONG, 0, "", "" },
	{ "an answer without end", "yes", PROC_TOO_LONG, 0, "", "" },
	{ "complaints without end are no fault", "head -c 1000000 /dev/zero >&2; echo yes", PROC_EXITED, 0, "yes\n", NULL },
	{ "output closed early", "exec >&- 2>&-; exit 4", PROC_EXITED, 4, "", "" },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct got g;

		run(&g, cases[i].text, SPAN("question"), 4096, 30000);
		is_str(proc_result_name(g.result), proc_result_name(cases[i].result), "%s", cases[i].name);
		is_int(g.code, cases[i].code, "  its code");
		if (cases[i].output)
			is_str(buf_cstr(&g.output), cases[i].output, "  its output");
		if (cases[i].errors)
			is_str(buf_cstr(&g.errors), cases[i].errors, "  its errors");
		got_done(&g);
	}
}

static void
test_time(void)
{
	AUTO_FREE char *mark = xasprintf("%s/mark", folder), *text = xasprintf("trap '' TERM; (sleep 1; touch %s) & sleep 60", mark);
	struct got g;

	run(&g, text, SPAN(""), 100, 200);
	is_str(proc_result_name(g.result), "timeout", "too slow");
	ok(g.took_ms >= 190 && g.took_ms < 10000, "  it is told in time");
	got_done(&g);
	usleep(1300 * 1000);
	ok(access(mark, F_OK) != 0, "  what it has started is gone with it");
	run(&g, "sleep 60 & echo yes", SPAN(""), 100, 30000);
	ok(g.result == PROC_EXITED && g.took_ms < 10000, "what it leaves behind is not waited for");
	is_str(buf_cstr(&g.output), "yes\n", "  and it has answered");
	got_done(&g);
}

static void
test_not_started(void)
{
	static const char *const paths[] = { "/nonexistent", "/tmp", "/etc/passwd" };

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct got g;

		got_init(&g);
		proc_start(proc, &(struct proc_request){ .path = paths[i], .output_max = 10, .queue_ms = 1000, .run_ms = 1000 }, on_reply, &g);
		got_wait(&g);
		ok(g.result == PROC_NOT_STARTED && g.code != 0, "%s is no program: errno %d", paths[i], g.code);
		got_done(&g);
	}
}

static void
test_large_input(void)
{
	AUTO_BUF input = BUF_MAX(1 << 20);
	struct got g;

	for (int i = 0; i < 300000; i++)
		buf_addc(&input, 'x');
	run(&g, "wc -c | tr -d ' '", buf_span(&input), 100, 30000);
	is_str(buf_cstr(&g.output), "300000\n", "more input than a pipe holds");
	got_done(&g);
	run(&g, "exec <&-; echo yes", buf_span(&input), 100, 30000);
	is_str(buf_cstr(&g.output), "yes\n", "input that is not wanted");
	got_done(&g);
}

/* Two at a time: of six that sleep, the last two begin when four have ended. */
static void
test_turns(void)
{
	AUTO_FREE char *path = script("sleep 0.3");
	struct proc_request rq = { .path = path, .output_max = 10, .queue_ms = 20000, .run_ms = 20000 };
	struct got g[6], late;
	msec_t from = clock_ms();

	for (int i = 0; i < 6; i++) {
		got_init(&g[i]);
		proc_start(proc, &rq, on_reply, &g[i]);
	}
	rq.queue_ms = 100;
	got_init(&late);
	proc_start(proc, &rq, on_reply, &late);
	got_wait(&late);
	is_str(proc_result_name(late.result), "busy", "whose turn does not come");
	for (int i = 0; i < 6; i++) {
		got_wait(&g[i]);
		ok(g[i].result == PROC_EXITED && g[i].calls == 1, "number %d of six had its turn", i + 1);
		got_done(&g[i]);
	}
	ok(clock_ms() - from >= 900, "two at a time");
	got_done(&late);
}

static void
test_free(void)
{
	AUTO_FREE char *path = script("sleep 60");
	const struct proc_request rq = { .path = path, .output_max = 10, .queue_ms = 60000, .run_ms = 60000 };
	struct got g[3];

	for (int i = 0; i < 3; i++) {
		got_init(&g[i]);
		proc_start(proc, &rq, on_reply, &g[i]);
	}
	loop_stop(loop);
	loop_join(loop);
	proc_free(proc);
	for (int i = 0; i < 3; i++) {
		ok(g[i].calls == 1 && g[i].result == PROC_STOPPED, "who runs or waits at the end hears of it");
		got_done(&g[i]);
	}
	loop_free(loop);
}

/* CAP_NET_BIND_SERVICE, as a service manager gives it; if we have it ourselves. */
static void
take_capability(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) != 0)
		return;
	data[0].inheritable |= 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &head, data) == 0)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
}

int
main(void)
{
	AUTO_FREE char *clean = NULL;
	sigset_t set;

	/* a descriptor that is not closed by exec, and an odd signal mask: neither is the program's */
	sigfillset(&set);
	if (!mkdtemp(folder) || dup(0) < 0)
		abort();
	clean = xasprintf("rm -rf %s", folder);
	loop = loop_new("proc");
	proc = proc_new(loop, 2);
	take_capability();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	loop_start(loop);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	test_cases();
	test_time();
	test_not_started();
	test_large_input();
	test_turns();
	test_free();
	return done_testing() | (system(clean) != 0);
}
