/* client.c - the caller's side of keeper.h.
 *
 * A call writes its request and waits for the reply with its id. A reply that comes after its
 * caller gave up is read and dropped by the next call on that connection; so is the unsent rest of
 * a request sent first. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "keeper/child.h"
#include "keeper/proto.h"
#include "keeper/seal.h"
#include "loop/pool.h"

#define CALL_MS 10000
#define STOP_MS 2000
#define REQUEST_MAX (PROTO_FRAME_MAX + PROTO_HEAD)
#define CONNECTIONS_MAX 1024

struct conn {
	pthread_mutex_t lock; /* held during a call: threads that share a connection take turns */
	int fd;
	uint32_t id;    /* of the latest request */
	_Atomic(uint64_t) calls, failed; /* raised under lock */
	struct buf out; /* the request; wiped once sent */
	size_t sent;
	unsigned char head[PROTO_HEAD];
	size_t head_n;
	struct buf in;
};

struct keeper {
	pid_t pid;
	int life; /* end of file when the child is dead */
	atomic_bool dead;
	msec_t call_ms;
	unsigned count;
	struct conn *conns;
};

static _Thread_local int chosen = -1; /* keeper_use */

static bool
sockets_make(int ret_mine[], int ret_theirs[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		ret_mine[i] = ret_theirs[i] = -1;
	for (size_t i = 0; i < count; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
			return false;
		ret_mine[i] = pair[0];
		ret_theirs[i] = pair[1];
	}
	return true;
}

static void
sockets_close(const int fds[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* Wait for fd until `until`; false when time is up. */
static bool
wait_for(int fd, short events, msec_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		msec_t left = until - clock_ms();

		if (left < 0)
			return false;
		n = poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* Read into dst until it holds n octets. */
static bool
read_all(int fd, void *dst, size_t n, size_t *have, msec_t until, struct problem *pr)
{
	while (*have < n) {
		ssize_t got = recv(fd, (char *)dst + *have, n - *have, 0);

		if (got > 0)
			*have += (size_t)got;
		else if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return problem_internal(pr, "the keeper has closed the connection");
		else if (errno == EAGAIN && !wait_for(fd, POLLIN, until))
			return problem_internal(pr, "the keeper did not answer in time");
	}
	return true;
}

/* One frame into c->in. What is there stays there when time is up, and the next call reads on. */
static bool
frame_read(struct conn *c, msec_t until, struct problem *pr)
{
	uint32_t n;

	if (!read_all(c->fd, c->head, PROTO_HEAD, &c->head_n, until, pr))
		return false;
	n = proto_length(c->head);
	if (n == 0 || !buf_reserve(&c->in, n - c->in.n))
		return problem_internal(pr, "the keeper's reply has an impossible length");
	return read_all(c->fd, c->in.p, n, &c->in.n, until, pr);
}

static void
frame_drop(struct conn *c)
{
	buf_done(&c->in);
	c->head_n = 0;
}

static bool
flush(struct conn *c, msec_t until, struct problem *pr)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n > 0)
			c->sent += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return problem_internal(pr, "the keeper has closed the connection");
		else if (errno == EAGAIN && !wait_for(c->fd, POLLOUT, until))
			return problem_internal(pr, "the keeper did not take the request in time");
	}
	buf_wipe(&c->out);
	c->sent = 0;
	return true;
}

/* The reply to c->id; those to earlier requests are late and nobody's. */
static bool
reply_read(struct conn *c, struct proto_reply *ret, msec_t until, struct problem *pr)
{
	for (;;) {
		if (!frame_read(c, until, pr))
			return false;
		if (!proto_reply_read(buf_span(&c->in), ret))
			return problem_internal(pr, "the keeper's reply is malformed");
		if (ret->id == c->id)
			return true;
		frame_drop(c);
	}
}

static struct conn *
conn_mine(struct keeper *k)
{
	int self = chosen >= 0 ? chosen : pool_self();

	return &k->conns[self < 0 ? 0 : (unsigned)self % k->count];
}

static bool
exchange(struct conn *c, msec_t until, struct proto_request *rq, struct buf *ret_first,
	struct buf *ret_second, struct problem *pr)
{
	struct proto_reply reply;
	bool good;

	if (!flush(c, until, pr))
		return false;
	rq->id = ++c->id;
	if (!proto_request_write(&c->out, rq, pr)) {
		buf_wipe(&c->out);
		return false;
	}
	if (!flush(c, until, pr) || !reply_read(c, &reply, until, pr))
		return false;
	good = reply.good;
	if (!good && pr)
		*pr = reply.problem;
	if (good &&
		!(buf_addspan(ret_first, reply.field[0]) &&
			(!ret_second || buf_addspan(ret_second, reply.field[1]))))
		good = problem_internal(
			pr, "no room for the keeper's answer of %zu octets", reply.field[0].n);
	frame_drop(c);
	return good;
}

/* Has the child ended? */
static bool
is_dead(struct keeper *k)
{
	char c;

	if (!atomic_load(&k->dead) && recv(k->life, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		atomic_store(&k->dead, true);
	return atomic_load(&k->dead);
}

static bool
call(struct keeper *k, struct proto_request *rq, struct buf *ret_first, struct buf *ret_second,
	struct problem *pr)
{
	struct conn *c = conn_mine(k);
	bool good;

	if (is_dead(k))
		return problem_internal(pr, "the keeper is dead");
	pthread_mutex_lock(&c->lock);
	good = exchange(c, clock_ms() + k->call_ms, rq, ret_first, ret_second, pr);
	atomic_fetch_add_explicit(&c->calls, 1, memory_order_relaxed);
	if (!good)
		atomic_fetch_add_explicit(&c->failed, 1, memory_order_relaxed);
	pthread_mutex_unlock(&c->lock);
	return good;
}

void
keeper_stats(struct keeper *k, struct keeper_stats *ret)
{
	*ret = (struct keeper_stats){ .dead = is_dead(k) };
	for (unsigned i = 0; i < k->count; i++) {
		ret->calls += atomic_load_explicit(&k->conns[i].calls, memory_order_relaxed);
		ret->failed += atomic_load_explicit(&k->conns[i].failed, memory_order_relaxed);
	}
}

static struct keeper *
keeper_new(pid_t pid, const int mine[], const struct keeper_conf *conf)
{
	struct keeper *k = xcalloc(1, sizeof(*k));
	unsigned count = conf->connections;

	k->pid = pid;
	k->life = mine[count];
	k->call_ms = conf->call_ms ? conf->call_ms : CALL_MS;
	k->count = count;
	k->conns = xcalloc(count, sizeof(*k->conns));
	for (unsigned i = 0; i < count; i++) {
		k->conns[i].fd = mine[i];
		k->conns[i].out = BUF_MAX(REQUEST_MAX);
		k->conns[i].in = BUF_MAX(PROTO_FRAME_MAX);
		pthread_mutex_init(&k->conns[i].lock, NULL);
	}
	return k;
}

/* What the child says about its start. */
static bool
start_wait(struct keeper *k, struct problem *pr)
{
	struct conn life = { .fd = k->life, .in = BUF_MAX(4096) };
	struct proto_reply reply;
	bool good = reply_read(&life, &reply, clock_ms() + CALL_MS, pr);

	if (good && !reply.good && pr)
		*pr = reply.problem;
	frame_drop(&life);
	return good && reply.good;
}

bool
keeper_start(const struct keeper_conf *conf, struct keeper **ret, struct problem *pr)
{
	unsigned n = conf->connections;
	AUTO_FREE int *mine = NULL, *theirs = NULL;
	struct keeper *k;
	pid_t pid = getpid(), child = -1;

	if (n == 0 || n > CONNECTIONS_MAX)
		return problem_internal(
			pr, "the keeper has 1 to %d connections, not %u", CONNECTIONS_MAX, n);
	mine = xcalloc(n + 1, sizeof(*mine));
	theirs = xcalloc(n + 1, sizeof(*theirs));
	if (sockets_make(mine, theirs, n + 1))
		child = fork();
	if (child == 0)
		child_main(conf, pid, theirs[n], theirs);
	if (child < 0)
		problem_internal(pr, "cannot start the keeper: %s", strerror(errno));
	sockets_close(theirs, n + 1);
	if (child < 0) {
		sockets_close(mine, n + 1);
		return false;
	}
	k = keeper_new(child, mine, conf);
	if (!start_wait(k, pr)) {
		keeper_stop(k);
		return false;
	}
	*ret = k;
	return true;
}

int
keeper_death_fd(const struct keeper *k)
{
	return k->life;
}

pid_t
keeper_pid(const struct keeper *k)
{
	return k->pid;
}

void
keeper_use(struct keeper *k, unsigned connection)
{
	chosen = (int)(connection % k->count);
}

void
keeper_stop(struct keeper *k)
{
	if (!k)
		return;
	shutdown(k->life, SHUT_WR);
	if (!wait_for(k->life, POLLIN, clock_ms() + STOP_MS))
		kill(k->pid, SIGKILL); /* busy with a large RSA key: it has nothing to lose */
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(k->life);
	for (unsigned i = 0; i < k->count; i++) {
		struct conn *c = &k->conns[i];

		close(c->fd);
		buf_wipe(&c->out);
		buf_done(&c->in);
		pthread_mutex_destroy(&c->lock);
	}
	free(k->conns);
	free(k);
}

bool
keeper_make(struct keeper *k, enum key_type type, enum key_purpose purpose, struct span scope,
	struct buf *ret_sealed, struct buf *ret_public, struct problem *pr)
{
	struct proto_request rq = {
		.op = OP_MAKE, .kind = type, .purpose = purpose, .field = { scope }
	};

	return call(k, &rq, ret_sealed, ret_public, pr);
}

bool
keeper_seal(struct keeper *k, enum key_purpose purpose, struct span scope, struct span secret,
	struct buf *ret_sealed, struct problem *pr)
{
	struct proto_request rq = { .op = OP_SEAL, .purpose = purpose, .field = { scope, secret } };

	return call(k, &rq, ret_sealed, NULL, pr);
}

struct span
keeper_scope(struct span sealed)
{
	return seal_scope(sealed);
}

bool
keeper_sealed_secret(struct keeper *k, const char *name, enum key_purpose purpose,
	struct span scope, struct buf *ret_sealed, struct problem *pr)
{
	struct proto_request rq = {
		.op = OP_SEALED_SECRET, .purpose = purpose, .field = { scope, span_str(name) }
	};

	return call(k, &rq, ret_sealed, NULL, pr);
}

bool
keeper_sign_jws(struct keeper *k, struct span sealed, struct span input, struct buf *ret_signature,
	struct problem *pr)
{
	struct proto_request rq = { .op = OP_SIGN_JWS, .field = { sealed, input } };

	return call(k, &rq, ret_signature, NULL, pr);
}

bool
keeper_mac(struct keeper *k, struct span sealed, enum jwa alg, struct span data,
	struct buf *ret_mac, struct problem *pr)
{
	struct proto_request rq = { .op = OP_MAC, .kind = alg, .field = { sealed, data } };

	return call(k, &rq, ret_mac, NULL, pr);
}

bool
keeper_mac_verify(struct keeper *k, struct span sealed, enum jwa alg, struct span data,
	struct span mac, bool *ret_good, struct problem *pr)
{
	struct proto_request rq = {
		.op = OP_MAC_VERIFY, .kind = alg, .field = { sealed, data, mac }
	};
	AUTO_BUF verdict = BUF_MAX(1);

	/* longer than any MAC is wrong, and no fault of the caller's: it comes from a device */
	if (mac.n > PROTO_MAC_MAX) {
		*ret_good = false;
		return true;
	}
	if (!call(k, &rq, &verdict, NULL, pr))
		return false;
	*ret_good = verdict.n == 1 && verdict.p[0] == 1;
	return true;
}

bool
keeper_sign_cert(struct keeper *k, struct span sealed, struct span ca_der, struct span template_der,
	struct buf *ret_der, struct problem *pr)
{
	struct proto_request rq = { .op = OP_SIGN_CERT, .field = { sealed, ca_der, template_der } };

	return call(k, &rq, ret_der, NULL, pr);
}

bool
keeper_sign_checkpoint(struct keeper *k, struct span sealed, struct span text, struct buf *ret_signature, struct problem *pr)
{
	struct proto_request rq = { .op = OP_SIGN_CHECKPOINT, .field = { sealed, text } };

	return call(k, &rq, ret_signature, NULL, pr);
}

bool
keeper_sign_crl(struct keeper *k, struct span sealed, struct span ca_der, struct span template_der,
	struct buf *ret_der, struct problem *pr)
{
	struct proto_request rq = { .op = OP_SIGN_CRL, .field = { sealed, ca_der, template_der } };

	return call(k, &rq, ret_der, NULL, pr);
}
