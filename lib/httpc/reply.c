/* reply.c - what a caller reads out of a reply: see httpc.h. */
#include "httpc/httpc.h"

static const char *const result_names[] = {
	[HTTPC_OK] = "ok",
	[HTTPC_DNS] = "dns",
	[HTTPC_DENIED] = "denied",
	[HTTPC_CONNECT] = "connect",
	[HTTPC_TLS] = "tls",
	[HTTPC_TIMEOUT] = "timeout",
	[HTTPC_TOO_LARGE] = "too_large",
	[HTTPC_BROKEN] = "broken",
	[HTTPC_BUSY] = "busy",
};

const char *
httpc_result_name(enum httpc_result result)
{
	return (size_t)result < COUNT_OF(result_names) ? result_names[result] : "unknown";
}

struct span
httpc_field(const struct httpc_reply *rp, const char *name, unsigned nth)
{
	struct span rest = buf_span(&rp->head), line, field;

	while (span_cut(&rest, '\n', &line)) {
		if (!span_cut(&line, ':', &field) || !line.p)
			continue;
		if (span_is_nocase(field, name) && nth-- == 0)
			return span_trim(line);
	}
	return SPAN_NONE;
}

void
httpc_reply_take(struct httpc_reply *from, struct httpc_reply *to)
{
	*to = *from;
	from->head = BUF_MAX(from->head.max);
	from->body = BUF_MAX(from->body.max);
}

void
httpc_reply_done(struct httpc_reply *rp)
{
	buf_done(&rp->head);
	buf_done(&rp->body);
}
