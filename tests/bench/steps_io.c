/* steps_io.c - see steps.h: the steps that sync files, ask another process, or use the network. The
 * peers are forked children; only this side's CPU counts, but for the server's and the keeper's
 * steps, where the child's is what is asked. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "bench.h"
#include "keeper/keeper.h"
#include "lab_server.h"
#include "steps_int.h"

#define ROWS 100000
#define CONNS 32
#define ROUNDS 400

/* ---- files ---- */

static void
append(void *arg)
{
	static const char text[512];
	int fd = *(int *)arg;

	if (write(fd, text, sizeof(text)) != sizeof(text) || fdatasync(fd) != 0)
		die("append: %s", strerror(errno));
}

struct rows {
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *update;
	int group;
};

static void
run(sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE)
		die("sqlite: %s", sqlite3_errmsg(sqlite3_db_handle(st)));
	sqlite3_reset(st);
}

static void
update_group(void *arg)
{
	struct rows *r = arg;

	run(r->begin);
	for (int i = 0; i < r->group; i++) {
		sqlite3_bind_int64(r->update, 1, 1 + rand_below(ROWS));
		sqlite3_bind_int64(r->update, 2, rand_below(1000000));
		run(r->update);
	}
	run(r->commit);
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
		die("sqlite: %s", sqlite3_errmsg(db));
	return st;
}

static void
measure_rows(struct steps *s, const char *folder)
{
	AUTO_FREE char *path = xasprintf("%s/steps.db", folder);
	struct rows r = {.group = 1};

	if (sqlite3_open(path, &r.db) != SQLITE_OK ||
		sqlite3_exec(r.db,
			"pragma journal_mode=wal; pragma synchronous=full; pragma "
			"cache_size=-32768;"
			"create table t (id integer primary key, ref text not null unique, a "
			"integer not null, b text not null);"
			"with recursive n(i) as (values (1) union all select i + 1 from n where i "
			"< 100000)"
			"insert into t select i, lower(hex(randomblob(11))), 0, "
			"lower(hex(randomblob(80))) from n;",
			NULL, NULL, NULL) != SQLITE_OK)
		die("sqlite: %s", sqlite3_errmsg(r.db));
	r.begin = prepare(r.db, "begin immediate");
	r.commit = prepare(r.db, "commit");
	r.update = prepare(r.db, "update t set a = ?2 where id = ?1");
	s->us[PIECE_ROW_ALONE] = step_time(update_group, &r);
	r.group = 32;
	s->us[PIECE_ROW_GROUPED] = step_time(update_group, &r) / r.group;
	sqlite3_finalize(r.begin);
	sqlite3_finalize(r.commit);
	sqlite3_finalize(r.update);
	sqlite3_close(r.db);
}

static void
measure_files(struct steps *s, const char *folder)
{
	AUTO_FREE char *path = xasprintf("%s/steps.log", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		die("cannot make %s", path);
	s->us[PIECE_SYNC] = step_time(append, &fd);
	close(fd);
	measure_rows(s, folder);
}

/* ---- the keeper ---- */

struct keep {
	struct keeper *keeper;
	struct buf sealed, input;
	unsigned calls;
};

static void
keeper_sign(void *arg)
{
	struct keep *k = arg;
	AUTO_BUF signature = BUF_MAX(256);
	struct problem pr = {0};

	if (!keeper_sign_jws(k->keeper, buf_span(&k->sealed), buf_span(&k->input), &signature, &pr))
		die("keeper: %s", pr.cause);
	k->calls++;
}

static void
measure_keeper(struct steps *s, const char *folder)
{
	static const char payload[] =
		"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"device-1.devices.example\"}]}";
	struct keep k = {.sealed = BUF_MAX(8192), .input = BUF_MAX(8192)};
	AUTO_BUF header = BUF_MAX(4096), spki = BUF_MAX(4096);
	AUTO_FREE char *master = xasprintf("file:%s/steps.key", folder);
	struct keeper_conf conf = {.master = master, .create_master = true, .connections = 1};
	struct problem pr = {0};
	int64_t begin;
	double mine;

	if (!keeper_start(&conf, &k.keeper, &pr) ||
		!keeper_make(k.keeper, KEY_P256, PURPOSE_ACME_ACCOUNT, SPAN("https://ca.example"),
			&k.sealed, &spki, &pr))
		die("keeper: %s", pr.cause);
	jws_header_write(&header, "ES256", SPAN_NONE, "https://ca.example/acct/1",
		"0123456789abcdef", "https://ca.example/new-order");
	jws_input_write(&k.input, buf_span(&header), SPAN(payload));
	begin = cpu_process_ns(keeper_pid(k.keeper));
	mine = step_time(keeper_sign, &k);
	s->us[PIECE_KEEPER] =
		mine + (double)(cpu_process_ns(keeper_pid(k.keeper)) - begin) / 1e3 / k.calls;
	keeper_stop(k.keeper);
	buf_done(&k.sealed);
	buf_done(&k.input);
}

/* ---- libcurl ---- */

struct transfer {
	CURL *easy;
	char *url;
	bool keep;
	char body[701];
};

static size_t
swallow(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

static void
transfer(void *arg)
{
	struct transfer *t = arg;

	curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	if (t->keep) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
	} else {
		curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(t->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	}
	if (curl_easy_perform(t->easy) != CURLE_OK)
		die("libcurl");
	curl_easy_reset(t->easy);
}

static double
measure_curl(const char *scheme, uint16_t port, bool keep)
{
	struct transfer t = {.easy = curl_easy_init(), .keep = keep};
	double us;

	memset(t.body, 'x', 700);
	t.url = xasprintf("%s://127.0.0.1:%u/", scheme, port);
	us = step_time(transfer, &t);
	curl_easy_cleanup(t.easy);
	free(t.url);
	return us;
}

/* ---- DNS ---- */

static void
dns_query(void *arg)
{
	static const unsigned char query[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\x08"
					     "device-1\7devices\7example\0\0\1\0\1";
	const struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(*(uint16_t *)arg)};
	unsigned char answer[512];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
		send(fd, query, sizeof(query) - 1, 0) < 0 ||
		recv(fd, answer, sizeof(answer), 0) <= 0)
		die("DNS: %s", strerror(errno));
	close(fd);
}

/* ---- requests served ---- */

static SSL *
connect_tls(SSL_CTX *ctx, uint16_t port)
{
	SSL *ssl = SSL_new(ctx);
	int fd = tcp_connect(port, NULL);

	SSL_set_fd(ssl, fd);
	if (fd < 0 || SSL_connect(ssl) != 1)
		die("cannot connect to the step server");
	return ssl;
}

/* All connections send, then all replies are read: the server always has more to do, as under load.
 */
static double
measure_served(pid_t server, uint16_t port)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *conns[CONNS];
	char rq[900], reply[4096];
	int64_t begin = 0;
	int n;

	n = snprintf(rq, sizeof(rq),
		"POST /new-order HTTP/1.1\r\nHost: a\r\nContent-Type: "
		"application/jose+json\r\nContent-Length: 600\r\n\r\n%0600d",
		0);
	for (int i = 0; i < CONNS; i++)
		conns[i] = connect_tls(ctx, port);
	for (int round = 0; round < ROUNDS + 20; round++) {
		if (round == 20)
			begin = cpu_process_ns(server);
		for (int i = 0; i < CONNS; i++)
			SSL_write(conns[i], rq, n);
		for (int i = 0; i < CONNS; i++) {
			if (SSL_read(conns[i], reply, sizeof(reply)) <= 0)
				die("the step server is gone");
		}
	}
	begin = cpu_process_ns(server) - begin;
	for (int i = 0; i < CONNS; i++) {
		close(SSL_get_fd(conns[i]));
		SSL_free(conns[i]);
	}
	SSL_CTX_free(ctx);
	return (double)begin / 1e3 / ROUNDS / CONNS;
}

void
steps_io(struct steps *s, const char *folder)
{
	struct lab_server server;

	measure_keeper(s, folder);
	lab_server_start(&server);
	s->us[PIECE_SERVED] = measure_served(server.pid, server.tls_port);
	s->us[PIECE_CURL_KEPT] = measure_curl("https", server.tls_port, true);
	s->us[PIECE_CURL_TLS] = measure_curl("https", server.tls_port, false);
	s->us[PIECE_CURL_PLAIN] = measure_curl("http", server.plain_port, false);
	s->us[PIECE_DNS] = step_time(dns_query, &server.dns_port);
	lab_server_stop(&server);
	measure_files(s, folder);
}
