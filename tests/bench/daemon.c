/* daemon.c - see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/secret.h"

#define PEBBLE "/usr/bin/pebble"

/* Wait until somebody listens there. */
static void
wait_for_port(uint16_t port, pid_t pid, const char *who)
{
	for (int i = 0; i < 1000; i++) {
		int fd = tcp_connect(port, NULL);

		if (fd >= 0) {
			close(fd);
			return;
		}
		if (waitpid(pid, NULL, WNOHANG) == pid)
			break;
		sleep_us(10000);
	}
	die("%s does not come up", who);
}

static void
save(const char *path, struct buf *text)
{
	struct problem pr = {0};

	if (!file_save(path, buf_span(text), 0600, &pr))
		die("cannot write %s: %s", path, pr.cause);
}

static void
write_upstream(const struct daemon_conf *conf, struct buf *out)
{
	if (conf->ca_directory)
		buf_addf(out,
			"upstreams = ( { name = \"ca\"; driver = \"acme\"; directory = \"%s\"; "
			"ca_file = \"%s\"; accept_terms = true; } );\n",
			conf->ca_directory, conf->ca_file);
	else
		buf_adds(out, "upstreams = ( { name = \"ca\"; driver = \"local\"; ca_name = "
			      "\"bench\"; } );\n");
}

static void
write_conf(const struct daemon_conf *conf, uint16_t port, const char *path)
{
	AUTO_BUF out = BUF_MAX(8192);

	buf_addf(&out, "external_url = \"https://127.0.0.1:%u\";\nlisten = [ \"127.0.0.1:%u\" ];\n",
		port, port);
	buf_addf(&out, "state_dir = \"%s\";\nadmin_socket = \"%s/admin.sock\";\n", conf->folder,
		conf->folder);
	buf_addf(&out, "networks = [ \"127.0.0.0/8\" ];\nresolvers = [ \"127.0.0.1:%u\" ];\n",
		conf->dns_port);
	if (conf->http01_listen)
		buf_addf(&out, "http01_listen = [ \"127.0.0.1:%u\" ];\n", conf->http01_listen);
	buf_addf(&out, "front_threads = %u;\n", conf->front_threads);
	buf_adds(&out, "limits = { conns_max = 16384; conns_per_addr = 0; idle = \"1h\"; };\n");
	/* the buckets are looked at as ever, and hold enough */
	buf_adds(&out, "rates = { requests_burst = 1000000; requests_every = \"1ms\"; "
		       "new_account_burst = 1000000; new_account_every = \"1ms\";"
		       " new_order_burst = 1000000; new_order_every = \"1ms\"; challenge_burst = "
		       "1000000; challenge_every = \"1ms\";"
		       " pending_authz_max = 100000; };\n");
	buf_addf(&out,
		"profiles = ( { name = \"default\"; upstream = \"ca\"; http01_port = %u; "
		"challenges = [ \"%s\" ]; } );\n",
		conf->http01_port, conf->dns01 ? "dns-01" : "http-01");
	write_upstream(conf, &out);
	buf_adds(&out, "rules = ( { name = \"all\"; names = [ \"*\" ]; } );\n");
	save(path, &out);
}

static int
open_shm(const char *folder)
{
	AUTO_FREE char *path = xasprintf("%s/acmegate.db-shm", folder);

	return open(path, O_RDONLY | O_CLOEXEC);
}

void
daemon_start(const struct daemon_conf *conf, struct daemon *d)
{
	AUTO_FREE char *path = xasprintf("%s/acmegate.conf", conf->folder);
	AUTO_FREE char *log = xasprintf("%s/log", conf->folder);
	char *const argv[] = {(char *)conf->program, (char *)"-c", path, NULL};

	if (mkdir(conf->folder, 0700) != 0 && errno != EEXIST)
		die("cannot make %s: %s", conf->folder, strerror(errno));
	*d = (struct daemon){.port = free_port(), .folder = xstrdup(conf->folder)};
	write_conf(conf, d->port, path);
	d->pid = child_start(argv, log, NULL);
	wait_for_port(d->port, d->pid, "the daemon");
	d->keeper = child_of(d->pid);
	d->shm = open_shm(conf->folder);
}

void
daemon_stop(struct daemon *d)
{
	if (!child_stop(d->pid))
		die("the daemon did not end well, see %s/log", d->folder);
	if (d->shm >= 0)
		close(d->shm);
	free(d->folder);
}

/* The third word of the header: "counter incremented with each transaction". */
uint64_t
daemon_commits(void *arg)
{
	const struct daemon *d = arg;
	uint32_t count;

	return pread(d->shm, &count, sizeof(count), 8) == sizeof(count) ? count : 0;
}

void
ca_child_start(const char *program, const char *folder, bool async, uint16_t http01_port,
	struct ca_child *ca)
{
	AUTO_FREE char *log = xasprintf("%s/ca.log", folder);
	AUTO_FREE char *port_text = xasprintf("%u", http01_port);
	unsigned port = 0;

	*ca = (struct ca_child){.file = xasprintf("%s/ca.pem", folder)};
	char *const argv[] = {
		(char *)program, ca->file, (char *)(async ? "async" : "sync"), port_text, NULL};

	ca->pid = child_start(argv, log, &ca->out);
	if (fscanf(ca->out, "%u", &port) != 1)
		die("%s does not come up, see %s", program, log);
	ca->directory = xasprintf("https://127.0.0.1:%u/directory", port);
}

/* Its own TLS certificate, made by openssl(1): pebble wants one from a file. */
static void
pebble_tls(const char *folder)
{
	AUTO_FREE char *command = xasprintf(
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		"-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
		"-keyout %s/pebble.key -out %s/pebble.pem 2>/dev/null",
		folder, folder);

	if (system(command) != 0)
		die("openssl req failed");
}

bool
pebble_child_start(const char *folder, uint16_t http01_port, uint16_t dns_port, struct ca_child *ca)
{
	AUTO_FREE char *path = xasprintf("%s/pebble.json", folder);
	AUTO_FREE char *log = xasprintf("%s/pebble.log", folder);
	AUTO_FREE char *dns = xasprintf("127.0.0.1:%u", dns_port);
	AUTO_BUF conf = BUF_MAX(4096);
	uint16_t port = free_port();
	char *const argv[] = {
		(char *)PEBBLE, (char *)"-config", path, (char *)"-dnsserver", dns, NULL};

	if (access(PEBBLE, X_OK) != 0)
		return false;
	pebble_tls(folder);
	buf_addf(&conf,
		"{\"pebble\":{\"listenAddress\":\"127.0.0.1:%u\",\"managementListenAddress\":\"127."
		"0.0.1:%u\","
		"\"certificate\":\"%s/pebble.pem\",\"privateKey\":\"%s/"
		"pebble.key\",\"httpPort\":%u,\"tlsPort\":5001}}",
		port, free_port(), folder, folder, http01_port);
	save(path, &conf);
	setenv("PEBBLE_VA_NOSLEEP", "1", 1);
	setenv("PEBBLE_WFE_NONCEREJECT", "0", 1);
	*ca = (struct ca_child){.directory = xasprintf("https://localhost:%u/dir", port),
		.file = xasprintf("%s/pebble.pem", folder)};
	ca->pid = child_start(argv, log, NULL);
	wait_for_port(port, ca->pid, "pebble");
	return true;
}

void
ca_child_stop(struct ca_child *ca)
{
	child_stop(ca->pid);
	if (ca->out)
		fclose(ca->out);
	free(ca->directory);
	free(ca->file);
}
