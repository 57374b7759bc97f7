/* lookup.h - when a CA wants its certificates renewed (RFC 9773): asked of it in its own time, never because a device asks.
 *
 * A leased job for each CA, so one gateway of those that share the store asks it. The schedule is in the store (store/lookup.h), the rules
 * are in lookup_plan.h. A step takes a page of certificates that are due, asks about all of them at once over a few HTTP/2 connections,
 * and stores what came in one transaction; a crash in the middle loses a page of answers, which is asked for again. A CA that is a
 * gateway like ours is asked about a thousand certificates in one signed request (doc/mass-ari.md). */
#ifndef UPSTREAM_LOOKUP_H
#define UPSTREAM_LOOKUP_H

#include "upstream/upstreams.h"

/* Registers the step of JOB_LOOKUP. */
void lookups_register(struct upstreams *ups);
/* There is such a job for each CA. In a transaction. */
bool lookups_begin(struct upstreams *ups, struct sql *db, struct problem *pr) MUST_CHECK;
#endif
