/* server.h - the child's loop: epoll over the connections, one request at a time. One thread. */
#ifndef KEEPER_SERVER_H
#define KEEPER_SERVER_H

#include "keeper/vault.h"

/* Serve until `life` is at its end. A connection that sends something malformed is closed, the others go on. The fds are
 * non-blocking stream sockets; those of the connections are closed in the end. */
void server_run(struct vault *v, int life, const int *fds, size_t count);
#endif
