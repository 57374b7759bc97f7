/* stats.c - see stats.h. The tally's counters: of each route its codes, its buckets and its microseconds; then the problem kinds. */
#include "server/stats.h"

#include "server/api.h"

const unsigned server_bucket_us[SERVER_BUCKETS] = { 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000 };

#define OF_TOOK SERVER_CODE__COUNT
#define OF_TOOK_US (OF_TOOK + SERVER_BUCKETS + 1)
#define ROUTE_CELLS (OF_TOOK_US + 1)

const char *
attest_result_name(enum attest_result result)
{
	static const char *const names[] = { [ATTEST_PROVEN] = "proven", [ATTEST_REFUSED] = "refused", [ATTEST_UNDECIDED] = "undecided" };

	return names[result];
}

const char *
server_code_name(enum server_code code)
{
	static const char *const names[] = { [SERVER_2XX] = "2xx", [SERVER_4XX] = "4xx", [SERVER_5XX] = "5xx" };

	return names[code];
}

size_t
server_route_count(void)
{
	return route_count() + 1;
}

const char *
server_route_name(size_t route)
{
	return route < route_count() ? route_at(route)->path : "none";
}

static size_t
kind_cell(enum problem_kind kind)
{
	return server_route_count() * ROUTE_CELLS + kind;
}

void
server_stats_init(struct server_stats *s)
{
	s->tally = tally_new(kind_cell(PROBLEM__COUNT));
}

void
server_stats_done(struct server_stats *s)
{
	tally_free(s->tally);
	s->tally = NULL;
}

void
server_count(struct server_stats *s, const struct route *route, int status, enum problem_kind kind, int64_t took_us)
{
	size_t cell = (route ? (size_t)(route - route_at(0)) : route_count()) * ROUTE_CELLS, bucket = 0;
	enum server_code code = status < 400 ? SERVER_2XX : status < 500 ? SERVER_4XX : SERVER_5XX;

	while (bucket < SERVER_BUCKETS && took_us > server_bucket_us[bucket])
		bucket++;
	tally_add(s->tally, cell + code, 1);
	tally_add(s->tally, cell + OF_TOOK + bucket, 1);
	tally_add(s->tally, cell + OF_TOOK_US, took_us > 0 ? (uint64_t)took_us : 0);
	if (kind != PROBLEM_NONE)
		tally_add(s->tally, kind_cell(kind), 1);
}

uint64_t
server_requests(const struct server_stats *s, size_t route, enum server_code code)
{
	return tally_sum(s->tally, route * ROUTE_CELLS + code);
}

uint64_t
server_took(const struct server_stats *s, size_t route, size_t bucket)
{
	return tally_sum(s->tally, route * ROUTE_CELLS + OF_TOOK + bucket);
}

uint64_t
server_took_us(const struct server_stats *s, size_t route)
{
	return tally_sum(s->tally, route * ROUTE_CELLS + OF_TOOK_US);
}

uint64_t
server_refusals(const struct server_stats *s, enum problem_kind kind)
{
	return tally_sum(s->tally, kind_cell(kind));
}
