/* steps_int.h - what the files of the steps share. */
#ifndef BENCH_STEPS_INT_H
#define BENCH_STEPS_INT_H

#include "steps.h"

/* CPU microseconds of the calling thread for one call, over a fifth of a second. */
double step_time(void (*fn)(void *arg), void *arg);
/* The steps with files, processes, the network. */
void steps_io(struct steps *s, const char *folder);
#endif
