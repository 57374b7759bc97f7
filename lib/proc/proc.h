/* proc.h - runs a program: octets in, octets out, in bounded time and room, without a thread that waits for it.
 *
 * The program is executed as it is, without a shell, with the arguments of the request, in the folder /, in a session and process
 * group of its own, with PATH and LANG and what the request names as its environment, signals as they are by default, no ambient
 * capabilities, and no descriptors but three pipes. Whatever it has started in its group is killed when it ends or its time is over. */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include "base/span.h"
#include "loop/loop.h"

struct proc;

/* running_max: programs at a time; others wait for their turn. Ignores SIGPIPE for the process. */
struct proc *proc_new(struct loop *loop, unsigned running_max);
/* After the loop has ended and before loop_free: what runs is killed, who waits is called back on this thread with PROC_STOPPED. */
void proc_free(struct proc *proc);

#define PROC_ENV_MAX 8
#define PROC_ARGS_MAX 8
struct proc_request { /* copied */
	const char *path;              /* of the program, from the root */
	const char *args[PROC_ARGS_MAX]; /* behind its path, NULL behind the last */
	const char *env[PROC_ENV_MAX]; /* "NAME=value", NULL behind the last */
	struct span input;             /* its standard input; that it leaves some unread is no fault */
	size_t output_max;             /* octets of its standard output; with more it is killed */
	msec_t queue_ms;               /* the wait for its turn */
	msec_t run_ms;                 /* then, until it has ended */
};

enum proc_result {
	PROC_EXITED,      /* code is its exit status */
	PROC_SIGNALED,    /* code is the signal that ended it */
	PROC_TIMEOUT,
	PROC_TOO_LONG,    /* its output */
	PROC_NOT_STARTED, /* code is the errno */
	PROC_BUSY,        /* its turn did not come in time: it was not run */
	PROC_STOPPED      /* proc_free: whether it was run is not known */
};
const char *proc_result_name(enum proc_result result);

struct proc_reply {
	enum proc_result result;
	int code;
	struct span output; /* PROC_EXITED */
	struct span errors; /* how its standard error began; for our log */
	msec_t took_ms;
};
/* The loop's thread, once, never before proc_start returns; the reply is valid until it returns. */
typedef void (*proc_fn)(const struct proc_reply *reply, void *arg);
/* Any thread. */
void proc_start(struct proc *proc, const struct proc_request *request, proc_fn fn, void *arg);
#endif
