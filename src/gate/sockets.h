/* sockets.h - listening sockets that the service manager holds (sd_listen_fds' protocol): each belongs to the face that it is named
 * after, and a restart loses no connection that waits there. Main thread. */
#ifndef GATE_SOCKETS_H
#define GATE_SOCKETS_H

#include "base/mem.h"
#include "base/problem.h"

#define SOCKETS_MAX 64

/* Take what the environment says and clear it there, so that no child takes them for its own. Before the first thread. False: too many, or
 * of a name that no face has. */
bool sockets_init(struct problem *pr) MUST_CHECK;
/* Those named "acme", "http01", "alpn01", "metrics" or "admin", which are then the caller's; how many. */
size_t sockets_take(const char *face, int ret_fds[SOCKETS_MAX]);
#endif
