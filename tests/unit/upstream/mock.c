/* mock.c - see rig.h: a scripted CA over plain HTTP, a thread for each connection, one request on
 * each. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/b64url.h"
#include "base/mem.h"
#include "json/json.h"
#include "rig.h"

#define MOCK_SEEN 64

struct mock {
	int fd;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock; /* all below */
	const struct mock_step *steps;
	size_t step_count, step;
	struct mock_step directory, nonce;
	unsigned directories, nonces, made;
	struct mock_seen seen[MOCK_SEEN];
	size_t seen_count;
	unsigned open; /* connection threads */
};

struct mock_conn {
	struct mock *m;
	int fd;
};

static void
field_of(const char *head, const char *name, char *ret, size_t size)
{
	const char *at = strcasestr(head, name);

	if (at)
		span_copy(
			span_of(at + strlen(name), strcspn(at + strlen(name), "\r\n")), ret, size);
}

/* Note a POST: its path, and what its protected header says. */
static void
note_post(struct mock *m, const char *head, struct span body)
{
	struct mock_seen *seen = &m->seen[m->seen_count % MOCK_SEEN];
	AUTO_BUF header = BUF_MAX(8192);
	struct json *doc = NULL, *inner = NULL;

	*seen = (struct mock_seen){ 0 };
	span_copy(span_of(head + 5, strcspn(head + 5, " ")), seen->path, sizeof(seen->path));
	field_of(head, "\nContent-Type: ", seen->content_type, sizeof(seen->content_type));
	field_of(head, "\nAccept: ", seen->accept, sizeof(seen->accept));
	span_copy(body, seen->body, sizeof(seen->body));
	if (json_parse(body, "body", NULL, &doc, NULL) &&
		b64url_read(json_text(json_get(json_root(doc), "protected")), &header) &&
		json_parse(buf_span(&header), "header", NULL, &inner, NULL)) {
		span_copy(json_text(json_get(json_root(inner), "nonce")), seen->nonce,
			sizeof(seen->nonce));
		seen->has_jwk = json_get(json_root(inner), "jwk") != NULL;
	}
	json_free(inner);
	json_free(doc);
	m->seen_count++;
}

/* What to answer. */
static struct mock_step
next_step(struct mock *m, const char *head, struct span body)
{
	static const struct mock_step beyond = { MOCK_REPLY, 418, "", "beyond the script" };
	struct mock_step step;

	pthread_mutex_lock(&m->lock);
	if (strncmp(head, "GET /dir", 8) == 0) {
		m->directories++;
		step = m->directory;
	} else if (strncmp(head, "HEAD /", 6) == 0) {
		m->nonces++;
		step = m->nonce;
	} else {
		note_post(m, head, body);
		step = m->step < m->step_count ? m->steps[m->step++] : beyond;
	}
	pthread_mutex_unlock(&m->lock);
	return step;
}

static void
reply(struct mock *m, int fd, const char *head, const struct mock_step *step)
{
	AUTO_BUF out = BUF_MAX(1 << 20);
	AUTO_BUF body = BUF_MAX(1 << 20);
	bool is_head = strncmp(head, "HEAD", 4) == 0, is_dir = strncmp(head, "GET /dir", 8) == 0;

	if (step->body)
		buf_adds(&body, step->body);
	else if (is_dir)
		buf_addf(&body,
			"{\"newNonce\":\"http://127.0.0.1:%u/nonce\",\"newAccount\":\"http://"
			"127.0.0.1:%u/acct\","
			"\"newOrder\":\"http://127.0.0.1:%u/order\"}",
			m->port, m->port, m->port);
	buf_addf(&out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n",
		step->status ? step->status : 200, body.n);
	if (step->fields) {
		buf_adds(&out, step->fields);
	} else if (!is_dir) {
		pthread_mutex_lock(&m->lock);
		buf_addf(&out, "Replay-Nonce: mock%u\r\n", ++m->made);
		pthread_mutex_unlock(&m->lock);
	}
	buf_adds(&out, "\r\n");
	if (step->act == MOCK_HALF)
		body.n /= 2;
	if (!is_head)
		buf_addspan(&out, buf_span(&body));
	if (write(fd, out.p, out.n) != (ssize_t)out.n)
		printf("# mock: short write\n");
}

static bool
read_request(int fd, struct buf *in, size_t *ret_head)
{
	size_t length = 0;
	const char *end = NULL;

	while (!end || in->n < (size_t)(end - in->p) + 4 + length) {
		ssize_t n;

		if (!buf_reserve(in, 4096))
			return false;
		n = read(fd, in->p + in->n, 4096);
		if (n <= 0)
			return false;
		in->n += (size_t)n;
		end = strstr(buf_cstr(in), "\r\n\r\n");
		if (end) {
			const char *at = strcasestr(in->p, "\ncontent-length: ");

			length = at && at < end ? strtoul(at + 17, NULL, 10) : 0;
		}
	}
	*ret_head = (size_t)(end - in->p) + 4;
	return true;
}

static void *
conn_main(void *arg)
{
	struct mock_conn *c = arg;
	struct mock *m = c->m;
	AUTO_BUF in = BUF_MAX(1 << 20);
	struct mock_step step;
	struct linger reset = { 1, 0 };
	size_t head;
	char drop;

	if (read_request(c->fd, &in, &head)) {
		step = next_step(m, buf_cstr(&in), span_from(buf_span(&in), head));
		if (step.act == MOCK_REPLY || step.act == MOCK_HALF)
			reply(m, c->fd, in.p, &step);
		else if (step.act == MOCK_RESET)
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		else
			while (read(c->fd, &drop, 1) > 0)
				;
	}
	close(c->fd);
	free(c);
	pthread_mutex_lock(&m->lock);
	m->open--;
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static void *
mock_main(void *arg)
{
	struct mock *m = arg;
	int fd;

	while ((fd = accept(m->fd, NULL, NULL)) >= 0) {
		struct mock_conn *c = xcalloc(1, sizeof(*c));
		pthread_t thread;

		*c = (struct mock_conn){ m, fd };
		pthread_mutex_lock(&m->lock);
		m->open++;
		pthread_mutex_unlock(&m->lock);
		if (pthread_create(&thread, NULL, conn_main, c) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

struct mock *
mock_start(void)
{
	struct mock *m = xcalloc(1, sizeof(*m));
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);

	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(m->fd, (struct sockaddr *)&sa, len) != 0 || listen(m->fd, 64) != 0 ||
		getsockname(m->fd, (struct sockaddr *)&sa, &len) != 0)
		abort();
	m->port = ntohs(sa.sin_port);
	pthread_mutex_init(&m->lock, NULL);
	if (pthread_create(&m->thread, NULL, mock_main, m) != 0)
		abort();
	return m;
}

void
mock_stop(struct mock *m)
{
	bool open = true;

	shutdown(m->fd, SHUT_RDWR);
	pthread_join(m->thread, NULL);
	close(m->fd);
	while (open) {
		pthread_mutex_lock(&m->lock);
		open = m->open > 0;
		pthread_mutex_unlock(&m->lock);
		usleep(1000);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

const char *
mock_url(struct mock *m, const char *path, char ret[128])
{
	snprintf(ret, 128, "http://127.0.0.1:%u%s", m->port, path);
	return ret;
}

void
mock_script(struct mock *m, const struct mock_step *steps, size_t count)
{
	pthread_mutex_lock(&m->lock);
	m->steps = steps;
	m->step_count = count;
	m->step = m->seen_count = 0;
	pthread_mutex_unlock(&m->lock);
}

void
mock_directory(struct mock *m, int status, const char *fields, const char *body)
{
	pthread_mutex_lock(&m->lock);
	m->directory = (struct mock_step){ MOCK_REPLY, status, fields, body };
	pthread_mutex_unlock(&m->lock);
}

void
mock_nonce(struct mock *m, int status, const char *fields)
{
	pthread_mutex_lock(&m->lock);
	m->nonce = (struct mock_step){ MOCK_REPLY, status, fields, NULL };
	pthread_mutex_unlock(&m->lock);
}

size_t
mock_posts(struct mock *m, struct mock_seen *ret, size_t max)
{
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = m->seen_count;
	memcpy(ret, m->seen, sizeof(*ret) * (n < max ? n : max));
	pthread_mutex_unlock(&m->lock);
	return n;
}

void
mock_counts(struct mock *m, unsigned *ret_directories, unsigned *ret_nonces)
{
	pthread_mutex_lock(&m->lock);
	*ret_directories = m->directories;
	*ret_nonces = m->nonces;
	pthread_mutex_unlock(&m->lock);
}
