/* listen.c - listening sockets: made, or taken over from whoever holds them (a service manager). */
#include "httpd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

static void
listener_add(struct httpd_face *face, int fd, bool held)
{
	face->listeners = xrealloc(
		face->listeners, (face->listener_count + 1) * sizeof(face->listeners[0]));
	face->listeners[face->listener_count++] = (struct listener){ face, fd, held, NULL };
}

static bool
listen_failed(struct problem *pr, int fd, const char *where, const char *call)
{
	int error = errno;

	if (fd >= 0)
		close(fd);
	problem_internal(pr, "%s: %s: %s", where, call, strerror(error));
	return false;
}

static bool
is_any(const struct addr *a)
{
	static const unsigned char zero[16];

	return memcmp(a->octet, zero, sizeof(zero)) == 0;
}

/* "*" is one IPv6 socket that takes IPv4 as well, or an IPv4 one where the kernel has no IPv6. */
static int
tcp_socket(const struct addr *where, struct sockaddr_storage *ret_sa, socklen_t *ret_n)
{
	const int only_v6 = !is_any(where), type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct addr v4 = { .family = AF_INET, .port = where->port };
	int fd = socket(where->family, type, 0);

	*ret_n = addr_to_sockaddr(where, ret_sa);
	if (fd < 0 && errno == EAFNOSUPPORT && where->family == AF_INET6 && is_any(where)) {
		fd = socket(AF_INET, type, 0);
		*ret_n = addr_to_sockaddr(&v4, ret_sa);
	} else if (fd >= 0 && where->family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
	}
	return fd;
}

static bool
listen_tcp(struct httpd_face *face, const struct addr *where, struct problem *pr)
{
	const int on = 1;
	struct sockaddr_storage sa;
	socklen_t n;
	char ip[ADDR_TEXT], text[ADDR_TEXT + 8];
	int fd = tcp_socket(where, &sa, &n);

	snprintf(text, sizeof(text), "%s port %u", addr_text(where, ip), where->port);
	if (fd < 0)
		return listen_failed(pr, fd, text, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, n) != 0)
		return listen_failed(pr, fd, text, "bind");
	if (listen(fd, LISTEN_BACKLOG) != 0)
		return listen_failed(pr, fd, text, "listen");
	return face_listen_fd(face, fd, pr);
}

/* A socket file that nobody listens on is left over from a crash. */
static bool
is_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	bool stale;
	int fd;

	/* connecting to any other kind of file is refused too */
	if (lstat(sun->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static bool
listen_unix(struct httpd_face *face, const char *path, mode_t mode, struct problem *pr)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (!span_copy(span_str(path), sun.sun_path, sizeof(sun.sun_path)))
		return problem_set(
			pr, PROBLEM_MALFORMED, "the socket path \"%s\" is too long", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return listen_failed(pr, fd, path, "socket");
	if (is_stale(&sun))
		unlink(path);
	/* the file takes its mode from the socket when it is made, so it is never open to more */
	if (fchmod(fd, mode) != 0)
		return listen_failed(pr, fd, path, "fchmod");
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		return listen_failed(pr, fd, path, "bind");
	face->unix_path = xstrdup(path);
	if (chmod(path, mode) != 0)
		return listen_failed(pr, fd, path, "chmod");
	if (listen(fd, LISTEN_BACKLOG) != 0)
		return listen_failed(pr, fd, path, "listen");
	return face_listen_fd(face, fd, pr);
}

/* Takes the descriptor, also when it fails. */
static bool
take(struct httpd_face *face, int fd, bool held, struct problem *pr)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa);
	int flags = fcntl(fd, F_GETFL);
	struct addr where;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return listen_failed(pr, fd, face->name, "fcntl");
	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		return listen_failed(pr, fd, face->name, "getsockname");
	addr_from_sockaddr((struct sockaddr *)&sa, &where);
	if (face->listener_count == 0)
		face->port = where.port;
	listener_add(face, fd, held);
	return true;
}

bool
face_listen_fd(struct httpd_face *face, int fd, struct problem *pr)
{
	return take(face, fd, false, pr);
}

/* ---- sockets that somebody else has made, and holds ---- */

static bool
is_listening(int fd)
{
	int type = 0, on = 0;
	socklen_t n = sizeof(type), m = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM &&
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &m) == 0 && on;
}

/* "*" is taken as either family's any address: where there is no IPv6 the one socket is of IPv4. */
static bool
is_at(const struct addr *wanted, const struct addr *there)
{
	if (wanted->port != there->port)
		return false;
	return addr_eq(wanted, there) || (wanted->family == AF_INET6 && is_any(wanted) && there->family == AF_INET && is_any(there));
}

/* Which of the addresses is it, or listen_count for the UNIX socket? False: none of them; ret_text is what it is. */
static bool
held_at(const struct httpd_face_conf *conf, int fd, size_t *ret_at, char *ret_text, size_t size)
{
	union { struct sockaddr_storage any; struct sockaddr sa; struct sockaddr_un sun; } u = { 0 };
	socklen_t n = sizeof(u.any);
	struct addr where;
	char ip[ADDR_TEXT];

	snprintf(ret_text, size, "no address");
	if (getsockname(fd, &u.sa, &n) != 0)
		return false;
	if (u.sa.sa_family == AF_UNIX) {
		snprintf(ret_text, size, "%.*s", (int)sizeof(u.sun.sun_path), u.sun.sun_path);
		*ret_at = conf->listen_count;
		return conf->unix_path && strcmp(ret_text, conf->unix_path) == 0;
	}
	addr_from_sockaddr(&u.sa, &where);
	snprintf(ret_text, size, "%s port %u", addr_text(&where, ip), where.port);
	for (*ret_at = 0; *ret_at < conf->listen_count; ++*ret_at) {
		if (is_at(&conf->listen[*ret_at], &where))
			return true;
	}
	return false;
}

/* Closes those that were not taken. */
static bool
take_held(struct httpd_face *face, const struct httpd_face_conf *conf, bool *ret_have, struct problem *pr)
{
	char text[160];
	bool good = true;

	for (size_t i = 0; i < conf->held_count; i++) {
		size_t at;

		if (!good)
			close(conf->held[i]);
		else if (!is_listening(conf->held[i]) || !held_at(conf, conf->held[i], &at, text, sizeof(text))) {
			good = problem_internal(pr, "the socket %s of the service manager is at %s, which is no address of this face, or does not listen",
				conf->name, is_listening(conf->held[i]) ? text : "no port");
			close(conf->held[i]);
		} else {
			good = take(face, conf->held[i], true, pr);
			ret_have[at] = true;
		}
	}
	return good;
}

bool
face_listen(struct httpd_face *face, const struct httpd_face_conf *conf, struct problem *pr)
{
	AUTO_FREE bool *have = xcalloc(conf->listen_count + 1, sizeof(*have));

	if (!take_held(face, conf, have, pr))
		return false;
	for (size_t i = 0; i < conf->listen_count; i++) {
		if (!have[i] && !listen_tcp(face, &conf->listen[i], pr))
			return false;
	}
	return !conf->unix_path || have[conf->listen_count] || listen_unix(face, conf->unix_path, conf->unix_mode, pr);
}

void
face_close(struct httpd_face *face)
{
	for (size_t i = 0; i < face->listener_count; i++)
		close(face->listeners[i].fd);
	face->listener_count = 0;
	if (face->unix_path)
		unlink(face->unix_path);
	free(face->unix_path);
	face->unix_path = NULL;
}
