/* event.h - the story of each order, through both faces: what `acmegatectl order show --trace` tells. In a transaction. */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "sql/sql.h"

/* detail: "key=value key=value" or plain words; never a key, token or MAC; cut at 512 octets. */
__attribute__((format(printf, 6, 7))) bool event_note(struct sql *db, int64_t order_id, const char *node,
	const char *what, struct problem *pr, const char *detail_fmt, ...) MUST_CHECK;

struct event_row {
	int64_t id, at_ms;
	const char *node, *what, *detail; /* valid within the callback */
};
typedef void (*event_each_fn)(const struct event_row *e, void *arg);
/* Oldest first, the first 5000. */
bool event_each(struct sql *db, int64_t order_id, event_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
