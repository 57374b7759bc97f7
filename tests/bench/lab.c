/* lab.c - the network around the devices, see load.h: DNS that knows every name, and http-01 for
 * all devices on one port. Answers may be held back, so that many are waited for at once. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/b64url.h"
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

/* ---- answers that are held back: all for as long, so the first in is the first out ---- */

#define REPLY_MAX 512

struct held {
	struct held *next;
	int64_t due_ns;
	int fd;                  /* a connection, or -1 */
	struct sockaddr_in to;
	size_t n;
	char reply[REPLY_MAX];
};

struct queue {
	struct held *first, **end;
};

static _Atomic(int64_t) hold_us;
static _Atomic(unsigned) waiting, most;

unsigned
lab_hold(int64_t us)
{
	atomic_store(&hold_us, us);
	return atomic_exchange(&most, 0);
}

static void
queue_add(struct queue *q, struct held *h)
{
	unsigned now = atomic_fetch_add(&waiting, 1) + 1;

	h->due_ns = wall_ns() + atomic_load(&hold_us) * 1000;
	*q->end = h;
	q->end = &h->next;
	if (now > atomic_load(&most))
		atomic_store(&most, now);
}

static void
queue_send(struct queue *q, int socket)
{
	struct held *h;

	while ((h = q->first) && h->due_ns <= wall_ns()) {
		q->first = h->next;
		if (!q->first)
			q->end = &q->first;
		/* who does not wait any more will not miss it */
		if (h->fd >= 0)
			(void)!send(h->fd, h->reply, h->n, MSG_NOSIGNAL), close(h->fd);
		else
			(void)!sendto(socket, h->reply, h->n, 0, (void *)&h->to, sizeof(h->to));
		free(h);
		atomic_fetch_sub(&waiting, 1);
	}
}

/* Until the socket has something to read. */
static void
queue_wait(struct queue *q, int socket)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};
	int64_t left;

	do {
		queue_send(q, socket);
		left = q->first ? (q->first->due_ns - wall_ns()) / 1000000 + 1 : -1;
	} while (poll(&p, 1, (int)(left > 0 || !q->first ? left : 0)) <= 0);
}

/* ---- proofs ---- */

/* "d<index>-..." -> token, unless one was sent, "." and the thumbprint of that device's account */
static bool
key_auth_of(const char *host, const char *token, char dst[128])
{
	unsigned index = host[0] == 'd' ? (unsigned)atoi(host + 1) : UINT32_MAX;
	bool found;

	pthread_mutex_lock(&known.lock);
	found = index < known.count;
	/* its device wrote the token before it asked for this look-up */
	if (found)
		snprintf(dst, 128, "%s.%s", token ? token : known.list[index]->token,
			known.list[index]->jwk->thumbprint);
	pthread_mutex_unlock(&known.lock);
	return found;
}

static void
http01_serve(struct queue *q, int fd)
{
	char text[2048], key_auth[128], token[64];
	struct held *h = xcalloc(1, sizeof(*h));
	const char *path, *host;
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	path = strstr(text, WELL_KNOWN);
	host = strcasestr(text, "\r\nHost: ");
	h->fd = fd;
	if (path)
		snprintf(token, sizeof(token), "%.*s", (int)strcspn(path + sizeof(WELL_KNOWN) - 1, " "),
			path + sizeof(WELL_KNOWN) - 1);
	if (path && host && key_auth_of(host + 8, token, key_auth))
		h->n = (size_t)snprintf(h->reply, REPLY_MAX, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(key_auth), key_auth);
	else
		h->n = (size_t)snprintf(h->reply, REPLY_MAX, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	queue_add(q, h);
}

static void *
http01_main(void *arg)
{
	int listener = (int)(intptr_t)arg;
	const struct timeval patience = {.tv_sec = 1};
	struct queue q = {NULL, &q.first};

	for (;;) {
		int fd;

		queue_wait(&q, listener);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		http01_serve(&q, fd);
	}
	return NULL;
}

#define DNS_TXT 16

/* The record of dns-01 at "_acme-challenge.d<index>-..."; where it ends. */
static size_t
txt_add(unsigned char *m, size_t n, const char *name)
{
	static const unsigned char head[] = {0xc0, 12, 0, DNS_TXT, 0, 1, 0, 0, 0, 1, 0, 44, 43};
	unsigned char md[EVP_MAX_MD_SIZE];
	char key_auth[128];

	if (!key_auth_of(name + strlen("._acme-challenge") + 1, NULL, key_auth) ||
		!EVP_Digest(key_auth, strlen(key_auth), md, NULL, EVP_sha256(), NULL))
		return n;
	m[7] = 1;
	memcpy(m + n, head, sizeof(head));
	b64url_write((char *)m + n + sizeof(head), md, 32);
	return n + sizeof(head) + 43;
}

/* One question in, the same with one answer out: an address if it asks for A, a proof if for TXT, nothing if for
 * anything else (RFC 1035 4.1). */
static size_t
dns_answer(unsigned char *m, size_t n, bool *ret_is_proof)
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
	*ret_is_proof = m[at + 2] == DNS_TXT;
	if (m[at + 2] == 1) {
		m[7] = 1;
		memcpy(m + n, a, sizeof(a));
		n += sizeof(a);
	}
	return *ret_is_proof ? txt_add(m, n, (const char *)m + 12) : n;
}

static void *
dns_main(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct queue q = {NULL, &q.first};

	for (;;) {
		struct held *h = xcalloc(1, sizeof(*h));
		socklen_t len = sizeof(h->to);
		bool is_proof = false;
		ssize_t n;

		queue_wait(&q, fd);
		n = recvfrom(fd, h->reply, REPLY_MAX - 64, 0, (void *)&h->to, &len);
		h->n = n > 0 ? dns_answer((unsigned char *)h->reply, (size_t)n, &is_proof) : 0;
		h->fd = -1;
		if (is_proof) {
			queue_add(&q, h);
			continue;
		}
		if (h->n)
			(void)!sendto(fd, h->reply, h->n, 0, (void *)&h->to, len);
		free(h);
	}
	return NULL;
}

static int
bound(int type, uint16_t *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), room = 8 << 20;

	/* a thousand questions at once find room, if we may */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
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
