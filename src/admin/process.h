/* process.h - what the kernel says of this process, for metrics. Any thread. */
#ifndef ADMIN_PROCESS_H
#define ADMIN_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* What cannot be read is 0. */
struct process {
	int64_t resident_bytes, virtual_bytes;
	double cpu_s;          /* of all threads since the start, in user and kernel mode */
	int64_t threads, open_fds, max_fds;
};
void process_read(struct process *ret);
#endif
