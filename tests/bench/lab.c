/* lab.c - the network around the devices, see load.h: DNS that knows every name, and http-01 for
 * all devices on one port. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define WELL_KNOWN " /.well-known/acme-challenge/"

static struct {
	pthread_mutex_t lock;
	struct device **list; /* under lock, as is the next */
	unsigned count;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
lab_devices(struct device **devices, unsigned count)
{
	pthread_mutex_lock(&known.lock);
	free(known.list);
	known.list = devices;
	known.count = count;
	pthread_mutex_unlock(&known.lock);
}

/* "d<index>-..." -> the thumbprint of that device's account */
static bool
thumbprint_of(const char *host, char dst[THUMBPRINT_TEXT])
{
	unsigned index = host[0] == 'd' ? (unsigned)atoi(host + 1) : UINT32_MAX;
	bool found;

	pthread_mutex_lock(&known.lock);
	found = index < known.count;
	if (found)
		memcpy(dst, known.list[index]->jwk->thumbprint, THUMBPRINT_TEXT);
	pthread_mutex_unlock(&known.lock);
	return found;
}

static void
http01_serve(int fd)
{
	char text[2048], reply[512], thumbprint[THUMBPRINT_TEXT];
	const char *token, *host;
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	int len = 0;

	if (n > 0) {
		text[n] = '\0';
		token = strstr(text, WELL_KNOWN);
		host = strcasestr(text, "\r\nHost: ");
		if (token && host && thumbprint_of(host + 8, thumbprint)) {
			token += sizeof(WELL_KNOWN) - 1;
			n = (ssize_t)strcspn(token, " ");
			len = snprintf(reply, sizeof(reply),
				"HTTP/1.1 200 OK\r\nContent-Length: %zd\r\n\r\n%.*s.%s",
				n + 1 + THUMBPRINT_TEXT - 1, (int)n, token, thumbprint);
		} else {
			len = snprintf(reply, sizeof(reply),
				"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
		}
		if (send(fd, reply, (size_t)len, MSG_NOSIGNAL) < 0)
			len = 0;
	}
	close(fd);
}

static void *
http01_main(void *arg)
{
	int listener = (int)(intptr_t)arg;
	const struct timeval patience = {.tv_sec = 1};

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		http01_serve(fd);
	}
	return NULL;
}

/* One question in, the same with one answer out: an address if it asks for A, nothing if for
 * anything else (RFC 1035 4.1). */
static size_t
dns_answer(unsigned char *m, size_t n)
{
	static const unsigned char a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
	size_t at = 12;

	if (n < 17)
		return 0;
	while (at < n && m[at])
		at += m[at] + 1u;
	if (at + 5 > n)
		return 0;
	n = at + 5;
	m[2] = 0x85; /* an answer, authoritative, recursion desired */
	m[3] = 0x80;
	memset(m + 6, 0, 6);
	if (m[at + 2] == 1) {
		m[7] = 1;
		memcpy(m + n, a, sizeof(a));
		n += sizeof(a);
	}
	return n;
}

static void *
dns_main(void *arg)
{
	int fd = (int)(intptr_t)arg;
	unsigned char m[1024];
	struct sockaddr_in from;

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &len);
		size_t out = n > 0 ? dns_answer(m, (size_t)n) : 0;

		if (out && sendto(fd, m, out, 0, (struct sockaddr *)&from, len) < 0)
			continue;
	}
	return NULL;
}

static int
bound(int type, uint16_t *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) != 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &n) != 0 ||
		(type == SOCK_STREAM && listen(fd, 1024) != 0))
		die("cannot listen: %s", strerror(errno));
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

static void
thread_start(void *(*fn)(void *), int fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, (void *)(intptr_t)fd) != 0)
		die("cannot start a thread");
	pthread_detach(thread);
}

void
lab_start(struct lab *lab)
{
	thread_start(http01_main, bound(SOCK_STREAM, &lab->http01_port));
	thread_start(dns_main, bound(SOCK_DGRAM, &lab->dns_port));
}
