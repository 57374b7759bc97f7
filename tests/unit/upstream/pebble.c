/* pebble.c - see rig.h: a real pebble that refuses every fifth good nonce. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "rig.h"

static uint16_t
free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sa, len) != 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		abort();
	close(fd);
	return ntohs(sa.sin_port);
}

static bool
answers(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	close(fd);
	return good;
}

static void
pebble_exec(const char *conf)
{
	setenv("PEBBLE_WFE_NONCEREJECT", "20", 1);
	setenv("PEBBLE_VA_NOSLEEP", "1", 1);
	if (freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr))
		execl("/usr/bin/pebble", "pebble", "-config", conf, (char *)NULL);
	_exit(127);
}

bool
pebble_start(struct rig *rig, const char *eab_kid, const char *eab_key, struct pebble *ret)
{
	AUTO_BUF conf = BUF_MAX(4096);
	AUTO_FREE char *command = NULL, *path = NULL;
	struct problem pr = { 0 };
	uint16_t port = free_port();

	if (access("/usr/bin/pebble", X_OK) != 0)
		return false;
	command = xasprintf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
			    "-days 2 -subj /CN=localhost "
			    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "
			    "%s/tls%u.key -out %s/tls%u.pem 2>/dev/null",
		rig->folder, port, rig->folder, port);
	buf_addf(&conf,
		"{\"pebble\":{\"listenAddress\":\"127.0.0.1:%u\",\"managementListenAddress\":\"127."
		"0.0.1:%u\","
		"\"certificate\":\"%s/tls%u.pem\",\"privateKey\":\"%s/"
		"tls%u.key\",\"httpPort\":5002,\"tlsPort\":5001",
		port, free_port(), rig->folder, port, rig->folder, port);
	if (eab_kid)
		buf_addf(&conf,
			",\"externalAccountBindingRequired\":true,\"externalAccountMACKeys\":{\"%"
			"s\":\"%s\"}",
			eab_kid, eab_key);
	buf_adds(&conf, "}}");
	path = xasprintf("%s/pebble%u.json", rig->folder, port);
	if (system(command) != 0 || !file_save(path, buf_span(&conf), 0600, &pr))
		abort();
	ret->pid = fork();
	if (ret->pid == 0)
		pebble_exec(path);
	for (int i = 0; !answers(port); i++) {
		if (i == 500) {
			printf("Bail out! pebble does not come up\n");
			exit(1);
		}
		usleep(20000);
	}
	snprintf(ret->directory, sizeof(ret->directory), "https://localhost:%u/dir", port);
	snprintf(ret->ca_file, sizeof(ret->ca_file), "%s/tls%u.pem", rig->folder, port);
	return true;
}

void
pebble_stop(struct pebble *p)
{
	kill(p->pid, SIGTERM);
	waitpid(p->pid, NULL, 0);
}
