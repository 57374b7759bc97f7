/* syslog.c - see syslog.h. */
#include "audit/syslog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/utf8.h"
#include "gate/conf.h"
#include "json/json.h"

#define FACILITY_AUDIT 13 /* "log audit", RFC 5424 6.2.1 */
#define MSGID_MAX 32

/* ---- one line ---- */

static unsigned
severity(struct span outcome)
{
	return span_is(outcome, "failed") ? 3 : span_is(outcome, "refused") ? 4 : 5;
}

/* RFC 5424 6.3.3: a backslash before " \ ]; control characters are nobody's text. */
static void
add_value(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\' || c == ']')
			buf_addc(out, '\\');
		buf_addc(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
}

static void
add_parameter(struct buf *out, struct span name, const struct json_node *value)
{
	AUTO_BUF text = BUF_MAX(SYSLOG_LINE_MAX);

	if (json_type(value) == JSON_STRING)
		buf_addspan(&text, json_text(value));
	else
		json_write(value, &text);
	if (text.n == 0)
		return;
	buf_addf(out, " %.*s=\"", SPAN_FMT(name));
	add_value(out, buf_span(&text));
	buf_addc(out, '"');
}

/* "at" stands in the header, the event is the MSGID; digests say nothing to who has no values. */
static void
add_members(struct buf *out, const struct json_node *entry, const struct json_node *open)
{
	const struct json_node *value = NULL;
	struct span name;

	while ((value = json_next_member(entry, value, &name))) {
		if (json_type(value) != JSON_OBJECT && !span_is(name, "at") && !span_is(name, "event"))
			add_parameter(out, name, value);
	}
	while ((value = json_next_member(open, value, &name)))
		add_parameter(out, name, json_at(value, 1));
}

static const char *
or_nil(const char *s)
{
	return s && *s ? s : "-";
}

void
syslog_write(const struct syslog_line *l, struct buf *out)
{
	struct problem pr = { 0 };
	struct json *entry = NULL, *open = NULL;
	AUTO_BUF sd = BUF_MAX(SYSLOG_LINE_MAX - 1024);
	const struct json_node *root;
	struct span text = l->entry, at;

	if (json_parse(l->entry, "entry", NULL, &entry, &pr) && l->open.p)
		(void)!json_parse(l->open, "open", NULL, &open, &pr);
	root = entry ? json_root(entry) : NULL;
	at = json_text(json_get(root, "at"));
	buf_addf(&sd, "[%s", l->id);
	add_members(&sd, root, open ? json_root(open) : NULL);
	buf_addc(&sd, ']');
	buf_addf(out, "<%u>1 %.*s %.255s acmegated %lld %.*s ", FACILITY_AUDIT * 8 + severity(json_text(json_get(root, "outcome"))),
		SPAN_FMT(at.n ? at : SPAN("-")), or_nil(l->host), (long long)l->pid, (int)(l->event.n < MSGID_MAX ? l->event.n : MSGID_MAX),
		l->event.n ? l->event.p : "-");
	buf_addspan(out, buf_ok(&sd) ? buf_span(&sd) : SPAN("-"));
	/* UTF-8 is announced by its mark (6.4) */
	buf_adds(out, " \xef\xbb\xbf");
	if (text.n > SYSLOG_LINE_MAX - out->n)
		text = span_of(text.p, utf8_prefix(span_of(text.p, SYSLOG_LINE_MAX - out->n)));
	buf_addspan(out, text);
	json_free(entry);
	json_free(open);
}

/* ---- sending ---- */

struct syslog {
	int fd;      /* -1 = not open */
	char *where; /* that it is open to; owned */
};

struct syslog *
syslog_new(void)
{
	struct syslog *s = xcalloc(1, sizeof(*s));

	s->fd = -1;
	return s;
}

static void
shut(struct syslog *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->where);
	s->where = NULL;
}

void
syslog_free(struct syslog *s)
{
	if (!s)
		return;
	shut(s);
	free(s);
}

static bool
address_of(const char *where, struct sockaddr_storage *ret, socklen_t *ret_n, struct problem *pr)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ret;
	struct addr a;

	if (!conf_syslog_check(span_str(where), pr))
		return false;
	memset(ret, 0, sizeof(*ret));
	if (where[0] == '/') {
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, where, strlen(where) + 1);
		*ret_n = sizeof(*un);
		return true;
	}
	if (!addr_parse_port(span_str(where + strlen(CONF_SYSLOG_UDP)), &a, pr))
		return false;
	*ret_n = addr_to_sockaddr(&a, ret);
	return true;
}

static bool
open_to(struct syslog *s, const char *where, struct problem *pr)
{
	struct sockaddr_storage address;
	socklen_t n;

	if (s->fd >= 0 && strcmp(s->where, where) == 0)
		return true;
	shut(s);
	if (!address_of(where, &address, &n, pr))
		return false;
	s->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, n) != 0) {
		problem_internal(pr, "cannot reach %s: %s", where, strerror(errno));
		shut(s);
		return false;
	}
	s->where = xstrdup(where);
	return true;
}

enum syslog_sent
syslog_send(struct syslog *s, const char *where, struct span line, struct problem *pr)
{
	if (!open_to(s, where, pr))
		return SYSLOG_LATER;
	if (send(s->fd, line.p, line.n, MSG_NOSIGNAL) == (ssize_t)line.n)
		return SYSLOG_SENT;
	if (errno == EMSGSIZE)
		return SYSLOG_LOST;
	problem_internal(pr, "cannot send to %s: %s", where, strerror(errno));
	/* full for now, or another daemon's turn */
	if (errno != EAGAIN && errno != ENOBUFS)
		shut(s);
	return SYSLOG_LATER;
}
