/* renewal.h - renewal information as a CA sends it (RFC 9773 4.2), of one certificate or of a list (doc/mass-ari.md).
 *
 * Pure readers, as in object.h: text in, structs out. What no client may act on, an end that is not behind its start (4.2) among it, is
 * refused. Any thread. */
#ifndef ACME_RENEWAL_H
#define ACME_RENEWAL_H

#include "base/problem.h"
#include "base/span.h"

#define ACME_RENEWAL_MAX_BYTES (16 * 1024)
#define ACME_RENEWAL_LIST_MAX_BYTES (4 * 1024 * 1024)
#define ACME_RENEWAL_LIST_MAX 1000
#define ACME_RENEWAL_TAG_MAX 64

struct acme_renewal {
	int64_t start, end; /* unix s, start < end */
	char *explanation;  /* http or https, visible ASCII; owned; NULL = none, or none that may be shown */
};
/* Refused, too: over ACME_RENEWAL_MAX_BYTES, times that are none or before 1970. */
bool acme_renewal_read(struct span text, struct acme_renewal *ret, struct problem *pr) __attribute__((warn_unused_result));
void acme_renewal_done(struct acme_renewal *r);

/* What a list says of one certificate. Borrowed, until the callback returns. */
struct acme_renewal_entry {
	struct span certid;       /* as it stands there: perhaps none that was asked about */
	enum acme_renewal_kind {
		ACME_RENEWAL_WINDOW,
		ACME_RENEWAL_UNCHANGED,  /* since the tag that was sent */
		ACME_RENEWAL_PROBLEM,    /* `status` says which */
		ACME_RENEWAL_UNREADABLE
	} kind;
	struct acme_renewal info; /* ACME_RENEWAL_WINDOW */
	struct span tag;          /* SPAN_NONE = none */
	int64_t retry_after_s;    /* 0 = not told */
	int status;               /* of a problem, 0 = not told */
};
typedef void (*acme_renewal_fn)(const struct acme_renewal_entry *e, void *arg);
/* Calls fn for each of "entries" and of "errors", of the first ACME_RENEWAL_LIST_MAX of each. */
bool acme_renewal_list_read(struct span text, acme_renewal_fn fn, void *arg, struct problem *pr) __attribute__((warn_unused_result));
#endif
