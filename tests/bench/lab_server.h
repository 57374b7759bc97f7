/* lab_server.h - a child process with the least server there can be on bufferevents: any request
 * gets the same reply. */
#ifndef BENCH_LAB_SERVER_H
#define BENCH_LAB_SERVER_H

#include "bench.h"

struct lab_server {
	pid_t pid;
	uint16_t tls_port, plain_port, dns_port; /* DNS: every datagram comes back */
};
void lab_server_start(struct lab_server *server);
void lab_server_stop(struct lab_server *server);
#endif
