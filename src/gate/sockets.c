/* sockets.c - see sockets.h. The service manager passes descriptors from 3 on; LISTEN_PID says whom they are for, LISTEN_FDNAMES how they
 * are called, with a colon between. */
#include "gate/sockets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"

#define FIRST_FD 3
#define NO_FACE "is none of acme, http01, alpn01, metrics and admin: see FileDescriptorName in systemd.socket(5)"

static const char *const faces[] = { "acme", "http01", "alpn01", "metrics", "admin" };

static struct {
	const char *face; /* NULL = taken */
	int fd;
} sockets[SOCKETS_MAX];
static size_t socket_count;

static bool
add(struct span name, int fd, struct problem *pr)
{
	/* programs that are asked something must not have it */
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return problem_internal(pr, "descriptor %d of the service manager is not open", fd);
	for (size_t i = 0; i < COUNT_OF(faces); i++) {
		if (!span_is(name, faces[i]))
			continue;
		sockets[socket_count].face = faces[i];
		sockets[socket_count++].fd = fd;
		return true;
	}
	return problem_internal(pr, "a socket of the service manager is called \"%.*s\", which " NO_FACE, SPAN_FMT(name));
}

static bool
add_all(size_t count, struct span names, struct problem *pr)
{
	for (size_t i = 0; i < count; i++) {
		struct span name = SPAN_NONE;

		span_cut(&names, ':', &name);
		if (!add(name, FIRST_FD + (int)i, pr))
			return false;
	}
	return true;
}

bool
sockets_init(struct problem *pr)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	uint64_t whose = 0, count = 0;
	bool ours = pid && fds && span_uint(span_str(pid), UINT32_MAX, &whose) && whose == (uint64_t)getpid();
	bool good = !ours || span_uint(span_str(fds), SOCKETS_MAX, &count);

	if (!good)
		problem_internal(pr, "LISTEN_FDS is \"%s\", and at most %d sockets are taken", fds, SOCKETS_MAX);
	else
		good = add_all(count, span_str(names ? names : ""), pr);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return good;
}

size_t
sockets_take(const char *face, int ret_fds[SOCKETS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < socket_count; i++) {
		if (!sockets[i].face || strcmp(sockets[i].face, face) != 0)
			continue;
		ret_fds[n++] = sockets[i].fd;
		sockets[i].face = NULL;
	}
	return n;
}
