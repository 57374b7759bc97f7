/* sockets.h - the client's open sockets by their addresses: libcurl tells the addresses of the
 * connection that it is about to use, but not its socket (CURLINFO_ACTIVESOCKET knows it only
 * after a transfer). The loop's thread only. */
#ifndef HTTPC_SOCKETS_H
#define HTTPC_SOCKETS_H

#include "base/addr.h"

struct sockets {
	struct socket_row {
		int fd;
		bool known; /* the addresses, once it is connected */
		struct addr local, remote;
	} *rows;
	size_t count, room;
};

/* Opened, or closed. */
void sockets_add(struct sockets *s, int fd);
void sockets_remove(struct sockets *s, int fd);
/* -1 if there is none. */
int sockets_find(struct sockets *s, const struct addr *local, const struct addr *remote);
void sockets_done(struct sockets *s);
#endif
