/* daemon.h - the daemon under test: a child process with a configuration and a state folder of its
 * own. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include "bench.h"

struct daemon_conf {
	const char *program; /* path of acmegated */
	const char *folder;  /* state; kept if it is there already */
	unsigned front_threads;
	uint16_t http01_port; /* of the devices */
	uint16_t dns_port;
	bool dns01;               /* instead of http-01 */
	uint16_t http01_listen;   /* where the CA asks; 0 = nowhere */
	const char *ca_directory; /* NULL = driver local */
	const char *ca_file;
};

struct daemon {
	pid_t pid, keeper;
	uint16_t port;
	int shm; /* the wal-index of its SQLite database */
	char *folder;
};

void daemon_start(const struct daemon_conf *conf, struct daemon *d);
void daemon_stop(struct daemon *d);
/* Transactions committed in its store so far, each with one fdatasync of the log: from the
 * wal-index (sqlite.org/walformat.html). */
uint64_t daemon_commits(void *d);

/* The CA stand-in, likewise. */
struct ca_child {
	pid_t pid;
	FILE *out;
	char *directory, *file;
};
/* `async`: finalize is answered `processing`, the certificate is there at the next look.
 * http01_port: ask the gateway there for a proof of each name, 0 = every name counts as proven. */
void ca_child_start(const char *program, const char *folder, bool async, uint16_t http01_port,
	struct ca_child *ca);
/* The real pebble, in the same clothes; false if it is not installed. */
bool pebble_child_start(
	const char *folder, uint16_t http01_port, uint16_t dns_port, struct ca_child *ca);
void ca_child_stop(struct ca_child *ca);
#endif
