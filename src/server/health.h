/* health.h - does the gateway live, and can it serve? For whoever sends devices or a restart here, by plain HTTP requests:
 *
 *   /livez, /healthz   200 while the process turns; touches nothing else
 *   /readyz            200 if the store can be written, the keeper answers and a worker was free within reach, else 503 and what is not so
 *
 * CAs do not count: what they cannot do now waits in the queue. Answered before accounts, nonces and whatever else costs something. */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include <stdatomic.h>

#include "httpd/httpd.h"

struct server;

struct health {
	_Atomic(int64_t) looked_ms; /* when it was last looked, 0 = never */
	atomic_uint ill;            /* what was not well then: bits */
	atomic_bool looking;
};

/* Answers and keeps the request if its path is one of these; false: it is not, and nothing was done. Any thread that may call http_reply;
 * who asks within a second of another is told the same. */
bool health_handle(struct server *srv, struct http_req *rq);
#endif
