/* accept.c - the acceptor: counts per address, and dealing connections to the fronts.
 *
 * One thread owns one socket for each address (H7): with a socket for each front the
 * kernel would reset the connections queued at the one that closes first. A connection over a limit
 * is closed here, before its handshake. */
#include "httpd/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"

#define ACCEPTS_A_TURN 64
/* Out of descriptors or memory: the socket stays readable, so asking again at once would spin. */
#define PAUSE_MS 100
#define WARN_EVERY_MS (60 * 1000)
/* Of one user of this machine, on all UNIX sockets: who may do nothing with them may still connect. */
#define CONNS_PER_USER 128

/* A host in IPv6 has a whole /64 to come from, a user of this machine no address at all. */
void
source_key(const struct addr *peer, uid_t uid, unsigned char key[SOURCE_KEY])
{
	memset(key, 0, SOURCE_KEY);
	key[0] = (unsigned char)peer->family;
	if (peer->family == AF_UNIX)
		memcpy(key + 1, &uid, sizeof(uid));
	else
		memcpy(key + 1, peer->octet, peer->family == AF_INET6 ? 8 : 4);
}

static struct source *
source_find(struct httpd *h, const unsigned char key[SOURCE_KEY])
{
	struct source *src;

	HASH_FIND(hh, h->sources, key, SOURCE_KEY, src);
	return src;
}

static void
source_add(struct httpd *h, const unsigned char key[SOURCE_KEY])
{
	struct source *src = source_find(h, key);

	if (!src) {
		src = xcalloc(1, sizeof(*src));
		memcpy(src->key, key, SOURCE_KEY);
		HASH_ADD(hh, h->sources, key, SOURCE_KEY, src);
	}
	src->count++;
}

static void
source_remove(struct httpd *h, const struct conn *c)
{
	unsigned char key[SOURCE_KEY];
	struct source *src;

	source_key(&c->peer, c->peer_uid, key);
	src = source_find(h, key);
	if (!src || --src->count > 0)
		return;
	HASH_DEL(h->sources, src);
	free(src);
}

void
acceptor_take_back(void *arg)
{
	struct conn *c = arg;

	c->front->dealt--;
	source_remove(c->front->httpd, c);
	free(c);
}

static struct front *
front_with_least(struct httpd *h)
{
	struct front *best = &h->fronts[0];

	for (unsigned i = 1; i < h->front_count; i++) {
		if (h->fronts[i].dealt < best->dealt)
			best = &h->fronts[i];
	}
	return best;
}

/* Count the connection in; false if it is one too many. */
static bool
admit(struct httpd *h, struct conn *c)
{
	unsigned char key[SOURCE_KEY];
	struct source *src;
	bool local = c->peer.family == AF_UNIX, room;
	unsigned most;

	source_key(&c->peer, c->peer_uid, key);
	src = source_find(h, key);
	pthread_mutex_lock(&h->lock);
	c->limits = h->limits;
	most = local ? CONNS_PER_USER : c->limits.conns_per_addr;
	/* each face has its own count: whoever fills one must not lock others out of the next */
	room = local || (c->face->open < c->limits.conns_max && (!c->face->conns_max || c->face->open < c->face->conns_max));
	if (!room) {
		atomic_fetch_add(&h->refused_all, 1);
	} else if (most && src && src->count >= most) {
		atomic_fetch_add(&h->refused_addr, 1);
		room = false;
	} else {
		h->open++;
		c->face->open++;
	}
	pthread_mutex_unlock(&h->lock);
	if (room)
		source_add(h, key);
	return room;
}

static void
peer_credentials(int fd, struct conn *c)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	c->peer_uid = (uid_t)-1;
	c->peer_gid = (gid_t)-1;
	if (c->peer.family != AF_UNIX || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return;
	c->peer_uid = cred.uid;
	c->peer_gid = cred.gid;
}

static void
deal(struct httpd_face *face, int fd, const struct sockaddr_storage *sa)
{
	struct httpd *h = face->httpd;
	const int on = 1;
	struct conn *c = xcalloc(1, sizeof(*c));

	addr_from_sockaddr((const struct sockaddr *)sa, &c->peer);
	peer_credentials(fd, c);
	c->face = face;
	c->fd = fd;
	atomic_fetch_add(&h->accepted, 1);
	if (!admit(h, c)) {
		close(fd);
		free(c);
		return;
	}
	if (c->peer.family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->front = front_with_least(h);
	c->front->dealt++;
	loop_post(c->front->loop, conn_start, c);
}

/* Take up to `most` connections; false when the system has nothing left to take one with. */
static bool
accept_some(struct listener *l, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t n = sizeof(sa);
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			deal(l->face, fd, &sa);
		else if (errno == EAGAIN)
			return true;
		/* these are about the connection that was to be accepted, not about us */
		else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO &&
			errno != ENETDOWN && errno != EHOSTUNREACH && errno != ENETUNREACH)
			return false;
	}
	return true;
}

static void
listeners_each(struct httpd *h, void (*fn)(struct listener *l))
{
	for (struct httpd_face *face = h->faces; face; face = face->next) {
		for (size_t i = 0; i < face->listener_count; i++)
			fn(&face->listeners[i]);
	}
}

static void
listener_pause(struct listener *l)
{
	event_del(l->ready);
}

static void
listener_resume(struct listener *l)
{
	event_add(l->ready, NULL);
}

static void
on_pause_over(void *arg)
{
	listeners_each(arg, listener_resume);
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct httpd *h = l->face->httpd;

	(void)fd;
	(void)what;
	if (accept_some(l, ACCEPTS_A_TURN))
		return;
	if (!h->warned_ms || clock_ms() - h->warned_ms >= WARN_EVERY_MS) {
		h->warned_ms = clock_ms();
		log_warning("httpd_accept", LS("face", l->face->name),
			LS("error", strerror(errno)));
	}
	listeners_each(h, listener_pause);
	timer_set(h->accept_pause, PAUSE_MS);
}

static void
listener_start(struct listener *l)
{
	struct httpd *h = l->face->httpd;

	l->ready = event_new(loop_base(h->acceptor), l->fd, EV_READ | EV_PERSIST, on_connection, l);
	event_add(l->ready, NULL);
}

void
acceptor_start(void *arg)
{
	struct httpd *h = arg;

	h->accept_pause = timer_new(h->acceptor, on_pause_over, h);
	listeners_each(h, listener_start);
}

static void
listener_finish(struct listener *l)
{
	/* whoever is in the queue has been told by the kernel that we are here; at a socket that is held he is for the next process */
	if (!l->held)
		accept_some(l, 2 * LISTEN_BACKLOG);
	event_free(l->ready);
	l->ready = NULL;
}

void
acceptor_stop(void *arg)
{
	struct httpd *h = arg;

	timer_free(h->accept_pause);
	h->accept_pause = NULL;
	listeners_each(h, listener_finish);
	for (struct httpd_face *face = h->faces; face; face = face->next)
		face_close(face);
	for (unsigned i = 0; i < h->front_count; i++)
		loop_post(h->fronts[i].loop, front_stop, &h->fronts[i]);
	pthread_mutex_lock(&h->lock);
	h->accepting = false;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}
