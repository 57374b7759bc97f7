/* sockets.c - see sockets.h. A walk over some hundred rows at most, whose addresses are asked
 * for once.
 *
 * libcurl 7.88 does not tell about every socket it closes (not about some that failed to
 * connect), so a row may be left over: it goes when its number is opened again or found to be
 * closed. */
#include "httpc/sockets.h"

#include <stdlib.h>

#include "base/mem.h"

static void
row_drop(struct sockets *s, size_t i)
{
	s->rows[i] = s->rows[--s->count];
}

void
sockets_remove(struct sockets *s, int fd)
{
	for (size_t i = s->count; i-- > 0;) {
		if (s->rows[i].fd == fd)
			row_drop(s, i);
	}
}

void
sockets_add(struct sockets *s, int fd)
{
	sockets_remove(s, fd);
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 16;
		s->rows = xrealloc(s->rows, s->room * sizeof(*s->rows));
	}
	s->rows[s->count++] = (struct socket_row){ .fd = fd };
}

/* False if the socket is closed. */
static bool
row_ask(struct socket_row *row)
{
	struct sockaddr_storage local, remote;
	socklen_t local_n = sizeof(local), remote_n = sizeof(remote);

	if (getsockname(row->fd, (void *)&local, &local_n) != 0)
		return false;
	if (getpeername(row->fd, (void *)&remote, &remote_n) != 0)
		return true; /* not connected yet */
	addr_from_sockaddr((void *)&local, &row->local);
	addr_from_sockaddr((void *)&remote, &row->remote);
	row->known = true;
	return true;
}

static bool
row_is(const struct socket_row *row, const struct addr *local, const struct addr *remote)
{
	return row->known && row->local.port == local->port && row->remote.port == remote->port &&
		addr_eq(&row->local, local) && addr_eq(&row->remote, remote);
}

int
sockets_find(struct sockets *s, const struct addr *local, const struct addr *remote)
{
	for (size_t i = s->count; i-- > 0;) {
		struct socket_row *row = &s->rows[i];

		if (!row->known && !row_ask(row))
			row_drop(s, i);
		else if (row_is(row, local, remote))
			return row->fd;
	}
	return -1;
}

void
sockets_done(struct sockets *s)
{
	free(s->rows);
	*s = (struct sockets){ 0 };
}
