/* ca_get.c - see ca.h: requests that nobody signs. They say nothing of the CA's health, which what is signed needs. */
#include <stdlib.h>

#include "upstream/ca_int.h"

/* The loop's thread. */
static void
on_reply(struct httpc_reply *rp, void *arg)
{
	struct ca_get *get = arg;

	httpc_reply_take(rp, &get->reply);
	get->done(get, get->arg);
}

bool
ca_get(struct ca *ca, struct ca_get *get)
{
	struct httpc_request rq;
	bool may = ca_url_allowed(ca, get->url);

	if (!may)
		return false;
	ca_request_init(ca, &rq, ca->request_ms);
	rq.method = "GET";
	rq.url = get->url;
	rq.accept = "application/json";
	rq.body_max_bytes = get->body_max_bytes;
	if (get->if_none_match) {
		rq.fields[0].name = "If-None-Match";
		rq.fields[0].value = get->if_none_match;
	}
	pthread_mutex_lock(&ca->lock);
	may = !ca->stopped;
	if (may)
		httpc_start(ca->gets ? ca->gets : ca->httpc, &rq, on_reply, get);
	pthread_mutex_unlock(&ca->lock);
	return may;
}

void
ca_get_done(struct ca_get *get)
{
	httpc_reply_done(&get->reply);
}

struct span
ca_get_body(const struct ca_get *get)
{
	return buf_span(&get->reply.body);
}

int64_t
ca_get_retry_s(const struct ca_get *get)
{
	struct problem none = { 0 };
	int64_t s;

	return ca_retry_after(&get->reply, &none, INT32_MAX, &s) ? s : 0;
}
