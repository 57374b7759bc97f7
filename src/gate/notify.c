/* notify.c - see notify.h. */
#include "gate/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un manager;
static socklen_t manager_len;

void
notify_init(void)
{
	const char *where = getenv("NOTIFY_SOCKET");
	size_t n = where ? strlen(where) : 0;

	if (n > 1 && n < sizeof(manager.sun_path) && (where[0] == '/' || where[0] == '@')) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, where, n);
		if (where[0] == '@')
			manager.sun_path[0] = '\0';
		manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	unsetenv("NOTIFY_SOCKET");
}

void
notify_send(const char *text)
{
	int fd;

	if (!manager_len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* one that does not listen is not our trouble */
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const void *)&manager, manager_len);
	close(fd);
}

void
notify_reloading(void)
{
	struct timespec ts;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	notify_send(text);
}
