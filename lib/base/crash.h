/* crash.h - places where a test may end the process: built in only with --enable-crash-points, else nothing.
 *
 * ACMEGATE_CRASH_AT=N kills the process (SIGKILL to itself) at the N-th place it comes to, ACMEGATE_CRASH_AT=WORDS at the first
 * of that name; ACMEGATE_CRASH_LOG=1 prints each place. Any thread. */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef CRASH_POINTS
/* Count this place, and end here if it is the one. */
void crash_point(const char *where);
#else
#define crash_point(where) ((void)0)
#endif
#endif
