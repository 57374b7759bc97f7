/* stats.h - what the ACME server counts of its requests: by route and status, how long they took, refusals by type. Any thread. */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include <stdatomic.h>

#include "attest/attest.h"
#include "base/problem.h"
#include "base/tally.h"

enum server_code { SERVER_2XX, SERVER_4XX, SERVER_5XX, SERVER_CODE__COUNT };
const char *server_code_name(enum server_code code); /* "2xx" */

/* Upper bounds of the durations' buckets in microseconds, ascending. */
#define SERVER_BUCKETS 11
extern const unsigned server_bucket_us[SERVER_BUCKETS];

struct route;
/* Zeroed it counts nothing. */
struct server_stats {
	struct tally *tally; /* owned */
};
void server_stats_init(struct server_stats *s);
void server_stats_done(struct server_stats *s);

/* A request was answered, `took_us` after its head. Route NULL: none was found, or the head was refused. kind PROBLEM_NONE: it was not
 * refused. */
void server_count(struct server_stats *s, const struct route *route, int status, enum problem_kind kind, int64_t took_us);

/* Statements of device-attest-01; undecided: for a fault of ours, the device may try again. */
enum attest_result { ATTEST_PROVEN, ATTEST_REFUSED, ATTEST_UNDECIDED, ATTEST_RESULT__COUNT };
const char *attest_result_name(enum attest_result result);
/* The last format is any that is unknown. */
struct attest_stats {
	_Atomic(uint64_t) by[ATTEST__COUNT + 1][ATTEST_RESULT__COUNT];
};

/* Reading; routes are numbered from 0, the last is "none". */
size_t server_route_count(void);
const char *server_route_name(size_t route); /* "/order/{}/finalize" */
uint64_t server_requests(const struct server_stats *s, size_t route, enum server_code code);
/* Requests of a route that took no longer than the bucket's bound, and than that of no smaller one; bucket SERVER_BUCKETS: longer than
 * all. */
uint64_t server_took(const struct server_stats *s, size_t route, size_t bucket);
uint64_t server_took_us(const struct server_stats *s, size_t route); /* all together */
uint64_t server_refusals(const struct server_stats *s, enum problem_kind kind);
#endif
