/* syslog.h - entries of the audit trail as lines of syslog (RFC 5424), for whoever collects them: a daemon on this host, or a server
 * by UDP. Nothing waits: what cannot be sent now is sent later. One thread at a time. */
#ifndef AUDIT_SYSLOG_H
#define AUDIT_SYSLOG_H

#include "base/buf.h"
#include "base/problem.h"

struct syslog_line {
	const char *id;        /* of the structured data */
	const char *host;
	int64_t pid;
	struct span event;     /* MSGID */
	struct span entry;     /* JSON: its members become parameters, the text is the message */
	struct span open;      /* personal values, to be told, too; SPAN_NONE: they are not */
};
#define SYSLOG_LINE_MAX 8192 /* octets; the message is cut, parameters are left out, rather than more */
/* Pure. */
void syslog_write(const struct syslog_line *l, struct buf *out);

struct syslog;
struct syslog *syslog_new(void);
void syslog_free(struct syslog *s);
/* `where` is as conf_syslog_check() likes it. */
enum syslog_sent { SYSLOG_SENT, SYSLOG_LATER, SYSLOG_LOST /* it will never go */ };
/* Opens what is not open, and anew after a failure. *pr says why not, for LATER. */
enum syslog_sent syslog_send(struct syslog *s, const char *where, struct span line, struct problem *pr);
#endif
