/* process.c - see process.h. */
#include "admin/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int64_t
count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int64_t n = 0;
	struct dirent *e;

	if (!folder)
		return 0;
	while ((e = readdir(folder)))
		n += e->d_name[0] != '.';
	closedir(folder);
	return n - 1; /* the folder's own */
}

/* "VmRSS:     1234 kB" of /proc/self/status, in what the line has. */
static int64_t
read_number(const char *line, const char *name)
{
	long long n = 0;
	size_t len = strlen(name);

	if (strncmp(line, name, len) != 0 || sscanf(line + len, ": %lld", &n) != 1)
		return -1;
	return n;
}

static void
read_status(struct process *ret)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		int64_t rss = read_number(line, "VmRSS"), vm = read_number(line, "VmSize"), threads = read_number(line, "Threads");

		if (rss >= 0)
			ret->resident_bytes = rss * 1024;
		if (vm >= 0)
			ret->virtual_bytes = vm * 1024;
		if (threads >= 0)
			ret->threads = threads;
	}
	if (f)
		fclose(f);
}

void
process_read(struct process *ret)
{
	struct rlimit limit;
	struct rusage usage;

	*ret = (struct process){ .open_fds = count_fds() };
	read_status(ret);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->max_fds = (int64_t)limit.rlim_cur;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ret->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
