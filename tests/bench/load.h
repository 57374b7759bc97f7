/* load.h - many devices on kept TLS connections, driven by a few threads; and what their requests
 * cost the server. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "bench.h"
#include "device.h"

struct load_conf {
	uint16_t port;
	unsigned devices;
	enum work work;
	double rate; /* rounds a second, all devices together; 0 = as fast as they can */
	int64_t authz_wait_us, order_wait_us;
	double warm_s, run_s;
	const char *tag;
	pid_t server, keeper; /* whose CPU is counted; 0 = none */
	/* A count kept by the server (commits), read before and after; NULL = none. */
	uint64_t (*count)(void *arg);
	void *arg;
};

struct load_result {
	double seconds;
	uint64_t requests, rounds, failures;
	uint64_t steps[STEP__COUNT]; /* requests by step */
	uint64_t count;
	double server_us, keeper_us; /* CPU, whole run */
	uint32_t p50_us, p99_us;     /* of a round: a request, or a whole issuance with its waits */
	uint32_t request_p50_us, request_p99_us;
};

/* Connect, register, warm up, measure. */
void load_run(const struct load_conf *conf, struct load_result *ret);

/* The devices' own side: one thread that answers http-01 look-ups for all devices, and one that
 * answers DNS: every name is at 127.0.0.1, and has the record of dns-01. They end with the process. */
struct lab {
	uint16_t http01_port, dns_port;
};
void lab_start(struct lab *lab);
/* Whose key authorizations are given out; replaced by each load_run. */
void lab_devices(struct device **devices, unsigned count);
/* Proofs are held back for so long from now on; how many were at once since it was last said. */
unsigned lab_hold(int64_t hold_us);
#endif
