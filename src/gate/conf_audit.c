/* conf_audit.c - the audit trail: where it is sent, and by which name; see conf.h. */
#include <sys/un.h>

#include "gate/conf.h"

#define UDP CONF_SYSLOG_UDP
#define SD_NAME_MAX 32

bool
conf_syslog_check(struct span where, struct problem *pr)
{
	struct addr a;

	if (span_starts(where, UDP))
		return addr_parse_port(span_from(where, strlen(UDP)), &a, pr);
	if (where.n > 1 && where.p[0] == '/' && where.n < sizeof(((struct sockaddr_un *)0)->sun_path))
		return true;
	return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is neither udp:ADDR:PORT nor the path of a socket", QUOTE(where));
}

/* RFC 5424 6.3.2 */
static bool
is_sd_id(struct span id)
{
	struct span rest = id, name = SPAN_NONE;
	uint64_t number;

	if (!span_cut(&rest, '@', &name) || name.n == 0 || id.n > SD_NAME_MAX || !span_uint(rest, UINT32_MAX, &number))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || strchr("=]\"", name.p[i]))
			return false;
	}
	return true;
}

void
conf_audit_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct audit_conf *a = &conf->audit;
	struct problem pr = { 0 };

	if (a->syslog && a->syslog[0] && !conf_syslog_check(span_str(a->syslog), &pr))
		conf_error(errors, "audit.syslog", "%s", pr.detail);
	if (a->syslog_id && !is_sd_id(span_str(a->syslog_id)))
		conf_error(errors, "audit.syslog_id", "\"%s\" is not NAME@NUMBER", a->syslog_id);
}
