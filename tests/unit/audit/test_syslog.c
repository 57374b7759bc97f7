/* Lines of syslog: what RFC 5424 wants escaped is, and a receiver gets what was sent, or it is sent later. */
#include "audit/syslog.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/utf8.h"
#include "tap.h"

#define HEAD " 2026-11-30T12:00:00.123Z h acmegated 7 order.refuse "
#define ENTRY(more) "{\"seq\":7,\"at\":\"2026-11-30T12:00:00.123Z\",\"event\":\"order.refuse\"," more "\"personal\":{}}"
#define BOM "\xef\xbb\xbf"

static const struct {
	const char *name, *entry, *open, *want;
} cases[] = {
	{ "an entry", ENTRY("\"outcome\":\"ok\","), NULL, "<109>1" HEAD "[acmegate@32473 seq=\"7\" outcome=\"ok\"] " BOM ENTRY("\"outcome\":\"ok\",") },
	{ "what was refused is a warning", ENTRY("\"outcome\":\"refused\","), NULL,
		"<108>1" HEAD "[acmegate@32473 seq=\"7\" outcome=\"refused\"] " BOM ENTRY("\"outcome\":\"refused\",") },
	{ "what failed is an error", ENTRY("\"outcome\":\"failed\","), NULL,
		"<107>1" HEAD "[acmegate@32473 seq=\"7\" outcome=\"failed\"] " BOM ENTRY("\"outcome\":\"failed\",") },
	{ "quote, bracket and backslash are escaped", ENTRY("\"rule\":\"a\\\"]\\\\b\","), NULL,
		"<109>1" HEAD "[acmegate@32473 seq=\"7\" rule=\"a\\\"\\]\\\\b\"] " BOM ENTRY("\"rule\":\"a\\\"]\\\\b\",") },
	{ "control characters are none", ENTRY("\"rule\":\"a\\nb\\u007f\","), NULL,
		"<109>1" HEAD "[acmegate@32473 seq=\"7\" rule=\"a?b?\"] " BOM ENTRY("\"rule\":\"a\\nb\\u007f\",") },
	{ "other characters stay", ENTRY("\"rule\":\"\xc3\xa9\","), NULL, "<109>1" HEAD "[acmegate@32473 seq=\"7\" rule=\"\xc3\xa9\"] " BOM ENTRY("\"rule\":\"\xc3\xa9\",") },
	{ "personal values, if they are wanted", ENTRY(""), "{\"names\":[\"salt\",\"dns:a.test\"]}",
		"<109>1" HEAD "[acmegate@32473 seq=\"7\" names=\"dns:a.test\"] " BOM ENTRY("") },
	{ "what is no entry", "hello", NULL, "<109>1 - h acmegated 7 order.refuse [acmegate@32473] " BOM "hello" },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_BUF line = BUF_MAX(SYSLOG_LINE_MAX + 16);

		syslog_write(&(struct syslog_line){ "acmegate@32473", "h", 7, SPAN("order.refuse"), span_str(cases[i].entry), span_str(cases[i].open) }, &line);
		is_str(buf_cstr(&line), cases[i].want, "%s", cases[i].name);
	}
}

/* However much there is, a line is whole, and text. */
static void
test_long(void)
{
	AUTO_BUF entry = BUF_MAX(1 << 20), line = BUF_MAX(SYSLOG_LINE_MAX + 16);

	buf_adds(&entry, "{\"seq\":1,\"rule\":\"");
	for (unsigned i = 0; i < 20000; i++)
		buf_adds(&entry, "]\xc3\xa9");
	buf_adds(&entry, "\"}");
	syslog_write(&(struct syslog_line){ "acmegate@32473", "", 7, SPAN("order.refuse"), buf_span(&entry), SPAN_NONE }, &line);
	ok(buf_ok(&line) && line.n <= SYSLOG_LINE_MAX + 4 && line.n > SYSLOG_LINE_MAX - 8, "it is cut to %zu octets", line.n);
	ok(utf8_prefix(buf_span(&line)) == line.n, "not within a character");
	ok(strncmp(buf_cstr(&line), "<109>1 - - acmegated 7 order.refuse [acmegate@32473 seq=\"1\"] " BOM, 60) == 0, "without the parameter, rather than with half of it");
}

static int
receiver(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 ? fd : -1;
}

static void
test_send(void)
{
	char dir[] = "/tmp/test_syslog.XXXXXX", path[64], got[64] = "";
	struct syslog *s = syslog_new();
	struct problem pr = { 0 };
	int fd, sent = 0;

	if (!ok(mkdtemp(dir) != NULL, "there is a folder"))
		return;
	snprintf(path, sizeof(path), "%s/log", dir);
	ok(syslog_send(s, path, SPAN("one"), &pr) == SYSLOG_LATER, "nobody listens: later (%s)", pr.cause);
	fd = receiver(path);
	ok(syslog_send(s, path, SPAN("two"), &pr) == SYSLOG_SENT && recv(fd, got, sizeof(got), 0) == 3 && memcmp(got, "two", 3) == 0, "somebody does: sent");
	while (sent < 100000 && syslog_send(s, path, SPAN("more"), &pr) == SYSLOG_SENT)
		sent++;
	ok(sent < 100000 && pr.cause[0], "who does not read makes us send later: %s", pr.cause);
	while (recv(fd, got, sizeof(got), 0) > 0)
		;
	ok(syslog_send(s, path, SPAN("three"), &pr) == SYSLOG_SENT, "and then it goes on");
	close(fd);
	unlink(path);
	ok(syslog_send(s, path, SPAN("four"), &pr) == SYSLOG_LATER, "it is gone: later");
	fd = receiver(path);
	ok(syslog_send(s, path, SPAN("five"), &pr) == SYSLOG_SENT, "another has come: sent");
	ok(syslog_send(s, "nonsense", SPAN("six"), &pr) == SYSLOG_LATER, "a place that is none");
	close(fd);
	unlink(path);
	rmdir(dir);
	syslog_free(s);
}

int
main(void)
{
	test_lines();
	test_long();
	test_send();
	return done_testing();
}
