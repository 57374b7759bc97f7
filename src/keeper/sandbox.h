/* sandbox.h - what the child gives up. Called in the child only, which has one thread.
 *
 * In two steps: prepare before the first secret is read, lock once all files are. */
#ifndef KEEPER_SANDBOX_H
#define KEEPER_SANDBOX_H

#include <stddef.h>
#include <sys/types.h>

#include "base/problem.h"

/* Not dumpable, no core, ends with its parent (whose id is given), signals meant for the process group ignored, no variables
 * of the service manager, memory locked if that is permitted, and no fd open but stderr and `keep` (sorted here). */
bool sandbox_prepare(pid_t parent, int *keep, size_t keep_count, struct problem *pr) __attribute__((warn_unused_result));
/* No new privileges, and a filter that leaves memory, clock, randomness, waiting and the sockets at hand. */
bool sandbox_lock(struct problem *pr) __attribute__((warn_unused_result));
/* Does this build have the filter? Not under a sanitizer or Valgrind, see sandbox.c. */
bool sandbox_filters(void);
#endif
