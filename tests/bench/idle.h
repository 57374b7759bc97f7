/* idle.h - many idle TLS connections on the whole daemon, and the memory of each. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include "daemon.h"

/* Opens them, asks for one nonce on each, leaves them idle; prints what the daemon grew by. */
void idle_measure(const struct daemon *d, unsigned conns);
#endif
