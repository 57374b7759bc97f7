/* crash.c - see crash.h. */
#include "base/crash.h"

typedef int crash_unit; /* not empty without crash points */

#ifdef CRASH_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic(long) passed;

void
crash_point(const char *where)
{
	const char *at = getenv("ACMEGATE_CRASH_AT");
	long n = atomic_fetch_add(&passed, 1) + 1;

	if (getenv("ACMEGATE_CRASH_LOG"))
		dprintf(STDERR_FILENO, "crash_point %ld %s\n", n, where);
	if (at && (n == atol(at) || strcmp(at, where) == 0)) {
		dprintf(STDERR_FILENO, "crash_point %ld %s: ends here\n", n, where);
		kill(getpid(), SIGKILL);
	}
}
#endif
