/* bench.h - what the programs of the bench share: clocks of CPU, children, tables. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <openssl/types.h>

/* Say why and end. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

/* CPU used so far, nanoseconds: by the calling thread, by all threads of a process ever (utime and
 * stime of /proc/PID/stat, but not in ticks). */
int64_t cpu_thread_ns(void);
int64_t cpu_process_ns(pid_t pid);
int64_t wall_ns(void);
void sleep_us(int64_t us);

/* A TCP port of 127.0.0.1 that was free just now. */
uint16_t free_port(void);
/* Blocking connection to a port of 127.0.0.1; `from` may be NULL. -1 = refused. */
int tcp_connect(uint16_t port, const char *from);

/* Start a program that ends with us and writes to the file `log`; with `ret_out` its standard
 * output is read there. */
pid_t child_start(char *const argv[], const char *log, FILE **ret_out);
/* SIGTERM and wait; false unless it ended with 0. */
bool child_stop(pid_t pid);
pid_t child_of(pid_t pid); /* its first child, 0 = none */
double resident_kib(pid_t pid);
/* A number of /proc/PID/status: "Threads", "VmHWM" (KiB). */
long status_of(pid_t pid, const char *field);

/* The k-th permille of n values, which are sorted by this. */
uint32_t permille(uint32_t *values, size_t n, unsigned k);

/* A growing list of values. */
struct series {
	uint32_t *v;
	size_t n, cap;
};
void series_add(struct series *s, int64_t value);
void series_join(struct series *to, const struct series *from);
void series_done(struct series *s);
#endif
