/* test_process.c - the keeper as a process: its start, its files, its memory, its death. */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/b64url.h"
#include "base/mem.h"
#include "base/rand.h"
#include "keeper/sandbox.h"
#include "scene.h"

static bool
starts(const char *master, bool create, const struct keeper_secret *secrets, size_t count,
	struct problem *pr)
{
	const struct keeper_conf conf = { .master = master,
		.create_master = create,
		.connections = 1,
		.secrets = secrets,
		.secret_count = count };
	struct keeper *k;

	*pr = (struct problem){ 0 };
	if (!keeper_start(&conf, &k, pr))
		return false;
	keeper_stop(k);
	return true;
}

static void
test_master(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), mac = BUF_MAX(64), again = BUF_MAX(64);
	struct problem pr = { 0 };
	struct keeper *k;
	struct stat st = { 0 };

	ok(!starts("file:master", false, NULL, 0, &pr) && strstr(pr.cause, "master"),
		"without a master key the keeper does not start, and says which it misses");
	k = keeper_up(1, NULL, 0);
	ok(stat("master", &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 44,
		"it makes one, for us alone");
	ok(access("master.new", F_OK) != 0, "and leaves nothing beside it");
	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr) &&
			keeper_mac(k, buf_span(&sealed), JWA_HS256, UPDATE, &mac, &pr),
		"(something is sealed and used)");
	keeper_stop(k);
	k = keeper_up(1, NULL, 0);
	ok(keeper_mac(k, buf_span(&sealed), JWA_HS256, UPDATE, &again, &pr) &&
			span_eq(buf_span(&mac), buf_span(&again)),
		"after a restart the same key opens the blob");
	keeper_stop(k);
	ok(rename("master", "elsewhere") == 0, "(the key is put away)");
	k = keeper_up(1, NULL, 0);
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS256, UPDATE, &again, &pr) &&
			strstr(pr.cause, "master key"),
		"another key does not, and the cause says so");
	keeper_stop(k);
	file_put("raw", "0123456789abcdef0123456789abcde\n");
	ok(starts("file:raw", false, NULL, 0, &pr),
		"32 octets raw are a master key, even with 0x0a at the end");
	file_put("short", "0123456789abcdef0123456789abcde");
	ok(!starts("file:short", true, NULL, 0, &pr), "31 are none, and are not overwritten");
	file_put("empty", "");
	ok(!starts("file:empty", true, NULL, 0, &pr), "nor is nothing");
	ok(!starts("file:no/such/folder", true, NULL, 0, &pr) && strstr(pr.cause, "no/such"),
		"a folder that is not there is named");
	ok(!starts("credential:none", true, NULL, 0, &pr),
		"a credential that was not passed is an error");
	setenv("CREDENTIALS_DIRECTORY", scene_folder, 1);
	ok(starts("credential:raw", false, NULL, 0, &pr), "one that was passed is read");
	ok(!starts("plain text", false, NULL, 0, &pr),
		"a key in the configuration itself is refused");
}

static void
test_secrets(void)
{
	const struct keeper_secret good[] = { { "a.url", "file:url", "base64url" },
		{ "a.base64", "file:std", "base64" }, { "a.double", "file:double", "double" },
		{ "a.raw", "file:text", "raw" } };
	const struct keeper_secret missing = { "upstreams.x.eab_key", "file:nowhere", "base64url" };
	const struct keeper_secret wrong = { "upstreams.y.eab_key", "file:std", "base64url" };
	AUTO_BUF want = BUF_MAX(64);
	struct problem pr = { 0 };
	struct keeper *k;

	file_put("url", "MDEyMzQ1Njc4OWFiY2RlZj8_\n");
	file_put("std", "MDEyMzQ1Njc4OWFiY2RlZj8/\n");
	file_put("double", "TURFeU16UTFOamM0T1dGaVkyUmxaajhf\n");
	file_put("text", "0123456789abcdef?\?\n");
	ok(!starts("file:master", false, &missing, 1, &pr) &&
			strstr(pr.cause, "upstreams.x.eab_key") && strstr(pr.cause, "nowhere"),
		"a secret that cannot be read is told with its name and file");
	ok(!starts("file:master", false, &wrong, 1, &pr) &&
			strstr(pr.cause, "upstreams.y.eab_key") && !strstr(pr.cause, "MDEy") &&
			!strstr(pr.detail, "MDEy"),
		"one in the wrong encoding too, without its text");
	k = keeper_up(1, good, COUNT_OF(good));
	ok(jws_mac_raw(JWA_HS256, SPAN("0123456789abcdef??"), UPDATE, &want, &pr),
		"(a MAC to compare with)");
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		AUTO_BUF sealed = BUF_MAX(1024), mac = BUF_MAX(64);

		ok(keeper_sealed_secret(k, good[i].name, PURPOSE_TSIG, SPAN("x"), &sealed, &pr) &&
				keeper_mac(k, buf_span(&sealed), JWA_HS256, UPDATE, &mac, &pr) &&
				mac.n == 32,
			"%s: the secret of the configuration is sealed and used", good[i].encoding);
		ok(span_eq(buf_span(&mac), buf_span(&want)), "%s: it is the right one",
			good[i].encoding);
	}
	keeper_stop(k);
}

static bool
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void
test_death(void)
{
	AUTO_BUF sealed = BUF_MAX(1024);
	struct problem pr = { 0 };
	struct keeper *k = keeper_up(2, NULL, 0);

	ok(!readable(keeper_death_fd(k), 0), "the death fd is quiet while the keeper lives");
	kill(keeper_pid(k), SIGTERM);
	kill(keeper_pid(k), SIGINT);
	kill(keeper_pid(k), SIGHUP);
	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr),
		"SIGTERM, SIGINT and SIGHUP do not end it");
	kill(keeper_pid(k), SIGKILL);
	ok(readable(keeper_death_fd(k), 5000), "the death fd tells when it is killed");
	buf_clear(&sealed);
	ok(!keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL && strstr(pr.cause, "dead"),
		"then a call fails at once");
	keeper_use(k, 1);
	ok(!keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr) &&
			sealed.n == 0,
		"on every connection");
	keeper_use(k, 0);
	keeper_stop(k);
	keeper_stop(NULL);
}

/* While the keeper is held still. */
static void
test_deadline(void)
{
	const struct keeper_conf conf = {
		.master = "file:master", .create_master = true, .connections = 1, .call_ms = 200
	};
	static char large[1000];
	AUTO_BUF sealed = BUF_MAX(8192), mac = BUF_MAX(64);
	struct problem pr = { 0 };
	struct keeper *k;
	int late = 0;

	if (!keeper_start(&conf, &k, &pr))
		exit(1);
	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr),
		"(a key is sealed)");
	kill(keeper_pid(k), SIGSTOP);
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS256, UPDATE, &mac, &pr) &&
			strstr(pr.cause, "in time"),
		"a keeper that does not answer is given up on after the deadline");
	kill(keeper_pid(k), SIGCONT);
	ok(keeper_mac(k, buf_span(&sealed), JWA_HS384, UPDATE, &mac, &pr) && mac.n == 48,
		"the next call gets its own answer, not the late one");
	kill(keeper_pid(k), SIGSTOP);
	for (int i = 0; i < 3; i++)
		late += !keeper_mac(
			k, buf_span(&sealed), JWA_HS256, span_of(large, sizeof(large)), &mac, &pr);
	kill(keeper_pid(k), SIGCONT);
	buf_clear(&mac);
	ok(late == 3 && keeper_mac(k, buf_span(&sealed), JWA_HS384, UPDATE, &mac, &pr) &&
			mac.n == 48,
		"so does the one after three that were given up");
	keeper_stop(k);
}

/* A request larger than the socket takes at once, cut by the deadline in its middle. */
static void
test_deadline_large(void)
{
	const struct keeper_conf conf = {
		.master = "file:master", .connections = 1, .call_ms = 200
	};
	const size_t n = 3 * 1024 * 1024;
	AUTO_FREE char *large = xcalloc(1, n);
	AUTO_BUF sealed = BUF_MAX(8192), out = BUF_MAX(8192);
	struct problem pr = { 0 };
	struct keeper *k;

	if (!keeper_start(&conf, &k, &pr))
		exit(1);
	kill(keeper_pid(k), SIGSTOP);
	ok(!keeper_sign_crl(k, SPAN("x"), SPAN("y"), span_of(large, n), &out, &pr) &&
			strstr(pr.cause, "in time"),
		"a request of 3 MiB that the keeper does not take is given up on");
	kill(keeper_pid(k), SIGCONT);
	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr),
		"and the connection is of use again");
	ok(!keeper_sign_crl(k, SPAN("x"), SPAN("y"), span_of(large, 2 * n), &out, &pr) &&
			pr.kind == PROBLEM_TOO_LARGE,
		"one over the ceiling is not sent");
	ok(!keeper_seal(k, PURPOSE_TSIG, SPAN("x"), span_of(large, 1025), &out, &pr) &&
			pr.kind == PROBLEM_TOO_LARGE,
		"nor a MAC key of 1025 octets");
	keeper_stop(k);
}

static bool
status_has(pid_t pid, const char *line)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	char one[256];
	bool found = false;

	while (f && fgets(one, sizeof(one), f))
		found = found || strstr(one, line);
	if (f)
		fclose(f);
	return found;
}

static bool
is_gone(pid_t pid)
{
	return kill(pid, 0) != 0 || status_has(pid, "(zombie)");
}

/* A parent that vanishes without a word takes its keeper along. */
static void
test_orphan(void)
{
	int ends[2];
	pid_t pid, keeper = 0;

	if (pipe(ends) != 0)
		exit(1);
	pid = fork();
	if (pid == 0) {
		struct keeper *k = keeper_up(1, NULL, 0);

		keeper = keeper_pid(k);
		if (write(ends[1], &keeper, sizeof(keeper)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	ok(read(ends[0], &keeper, sizeof(keeper)) == sizeof(keeper),
		"(a process of ours has a keeper)");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[1]);
	/* not a child of ours: we cannot wait for it, only look */
	for (int i = 0; i < 500 && !is_gone(keeper); i++)
		usleep(10000);
	ok(is_gone(keeper), "the keeper ends when its parent is killed");
	close(ends[0]);
}

/* Sockets and others among a process's fds; false if /proc does not let us look. */
static bool
fds_of(pid_t pid, int *ret_sockets, int *ret_epolls, int *ret_others)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return false;
	*ret_sockets = *ret_epolls = *ret_others = 0;
	while ((e = readdir(d))) {
		char target[256] = "";

		/* valgrind has some of its own high up */
		if (e->d_name[0] == '.' || atoi(e->d_name) == 2 || atoi(e->d_name) >= 1000)
			continue;
		if (readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1) < 0)
			continue;
		if (strncmp(target, "socket:", 7) == 0)
			++*ret_sockets;
		else if (strstr(target, "[eventpoll]"))
			++*ret_epolls;
		else
			++*ret_others;
	}
	closedir(d);
	return true;
}

static void
test_fds(void)
{
	struct keeper *k;
	int sockets, epolls, others,
		extra = open("/dev/null", O_RDONLY); /* not close-on-exec: a child has it */

	k = keeper_up(3, NULL, 0);
	if (!fds_of(keeper_pid(k), &sockets, &epolls, &others)) {
		ok(true, "fds of the keeper # SKIP only root may look");
	} else {
		is_int(sockets, 4, "the keeper has its connections and its life line");
		ok(epolls <= 1, "one epoll");
		is_int(others, 0, "and no other file than stderr");
	}
	ok(status_has(keeper_pid(k), "NoNewPrivs:\t1"), "it has given up new privileges");
	ok(!sandbox_filters() || status_has(keeper_pid(k), "Seccomp:\t2"),
		"it runs behind its filter");
	keeper_stop(k);
	close(extra);
}

#define HIDE 0x5a

/* Does any writable memory of this process hold these octets? They come hidden (each XOR 0x5a), so
 * that the needle itself is not found. */
static bool
memory_has(const unsigned char *hidden, size_t n)
{
	static unsigned char piece[64 * 1024];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned long from, to;
	char line[512], mode[8];
	bool found = false;

	while (maps && fgets(line, sizeof(line), maps)) {
		/* a sanitizer's shadow has terabytes, and mirrors nothing of the contents */
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' ||
			to - from > 256ul << 20)
			continue;
		for (unsigned long at = from; at < to; at += sizeof(piece) - n) {
			ssize_t got = pread(mem, piece,
				sizeof(piece) < to - at ? sizeof(piece) : to - at, (off_t)at);

			for (ssize_t i = 0; i + (ssize_t)n <= got; i++) {
				size_t same = 0;

				while (same < n &&
					(piece[i + (ssize_t)same] ^ HIDE) == hidden[same])
					same++;
				found = found || same == n;
			}
			memset(piece, 0, sizeof(piece));
			if (to - at <= sizeof(piece))
				break;
		}
	}
	if (maps)
		fclose(maps);
	close(mem);
	return found;
}

/* Octets of a file, hidden, never more than one of them in the open. */
static void
file_get_hidden(const char *path, unsigned char *ret, size_t n)
{
	int fd = open(path, O_RDONLY);
	unsigned char c = 0;

	for (size_t i = 0; i < n && read(fd, &c, 1) == 1; i++)
		ret[i] = c ^ HIDE;
	close(fd);
}

static void
file_put_hidden(const char *path, const unsigned char *hidden, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = hidden[i] ^ HIDE;

		if (write(fd, &c, 1) != 1)
			exit(1);
	}
	close(fd);
}

static void
test_memory(void)
{
	const struct keeper_secret secret = { "eab", "file:eab", "raw" };
	unsigned char eab[32], master[32], text[43], planted[32];
	unsigned char *plain = xmalloc(32);
	AUTO_BUF sealed = BUF_MAX(1024), in = BUF_MAX(1024), mac = BUF_MAX(64);
	struct problem pr = { 0 };
	struct keeper *k;

	rand_bytes(eab, sizeof(eab));
	rand_bytes(master, sizeof(master));
	rand_bytes(planted, sizeof(planted));
	file_put_hidden("eab", eab, sizeof(eab));
	file_put_hidden("rawmaster", master, sizeof(master));
	file_get_hidden("master", text, sizeof(text));
	k = keeper_up(1, &secret, 1);
	ok(keeper_sealed_secret(k, "eab", PURPOSE_EAB_UPSTREAM, SPAN(CA_URL), &sealed, &pr),
		"(the secret is sealed)");
	input_write(&in, "HS256", "kid", NULL, CA_URL "/new-account");
	ok(keeper_mac(k, buf_span(&sealed), JWA_HS256, buf_span(&in), &mac, &pr), "(and used)");
	for (size_t i = 0; i < 32; i++)
		plain[i] = planted[i] ^ HIDE;
	ok(memory_has(planted, sizeof(planted)), "octets planted in our memory are found there");
	ok(!memory_has(text, sizeof(text)), "the text of the master key is not");
	ok(!memory_has(eab, sizeof(eab)), "nor the EAB key that the keeper read and used");
	buf_clear(&sealed);
	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("x"), span_of(plain, 32), &sealed, &pr),
		"(the planted octets are sealed)");
	for (size_t i = 0; i < 32; i++)
		plain[i] = 0;
	ok(!memory_has(planted, sizeof(planted)),
		"a secret handed in is gone once its owner wiped it");
	keeper_stop(k);
	ok(unlink("master") == 0 && rename("rawmaster", "master") == 0,
		"(a raw master key takes over)");
	k = keeper_up(1, NULL, 0);
	buf_clear(&sealed);
	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("x"), SPAN("sixteen octets !"), &sealed, &pr),
		"(it is used)");
	ok(!memory_has(master, sizeof(master)), "its octets are not in our memory either");
	keeper_stop(k);
	free(plain);
}

static void
test_connections(void)
{
	const struct keeper_conf none = { .master = "file:master", .connections = 0 };
	struct problem pr = { 0 };
	struct keeper *k;

	ok(!keeper_start(&none, &k, &pr), "a keeper without connections is refused");
}

int
main(void)
{
	scene_begin();
	test_master();
	test_secrets();
	test_death();
	test_deadline();
	test_deadline_large();
	test_orphan();
	test_fds();
	test_memory();
	test_connections();
	scene_end();
	return done_testing();
}
