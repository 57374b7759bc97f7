/* Quotas: periods tile all time, and verdicts grow with use alone. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "quota/usage.h"
#include "tap.h"

static void
known_periods(void)
{
	static const struct { enum usage_counts counts; const char *at, *begin, *end; } rows[] = {
		{ USAGE_DAY, "2026-11-30T23:59:59Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z" },
		{ USAGE_DAY, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z" },
		{ USAGE_MONTH, "2026-11-30T23:59:59Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z" },
		{ USAGE_MONTH, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z" },
		{ USAGE_MONTH, "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z" },
		{ USAGE_MONTH, "2000-02-29T00:00:00Z", "2000-02-01T00:00:00Z", "2000-03-01T00:00:00Z" },
		{ USAGE_MONTH, "2026-12-31T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ USAGE_MONTH, "9999-12-31T23:59:59Z", "9999-12-01T00:00:00Z", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char begin_text[TIME_TEXT], end_text[TIME_TEXT];
		int64_t at, begin, end;

		ok(time_rfc3339_parse(span_str(rows[i].at), &at), "%s", rows[i].at);
		usage_period(rows[i].counts, at, &begin, &end);
		is_str(time_rfc3339(begin, begin_text), rows[i].begin, "its period begins");
		if (rows[i].end)
			is_str(time_rfc3339(end, end_text), rows[i].end, "and ends");
	}
}

/* Each instant lies in one period, and the next begins where it ends. */
static void
periods_tile_time(void)
{
	uint64_t wrong = 0;
	int64_t begin, end, next, next_end;

	srandom(7);
	for (int i = 0; i < 20000; i++) {
		enum usage_counts counts = i % 2 ? USAGE_DAY : USAGE_MONTH;
		int64_t at = (int64_t)random() * 117 % 253402300800;

		usage_period(counts, at, &begin, &end);
		usage_period(counts, end, &next, &next_end);
		wrong += !(begin <= at && at < end && next == end);
		usage_period(counts, end - 1, &next, &next_end);
		wrong += !(next == begin && next_end == end);
	}
	is_int(wrong, 0, "periods tile all time");
	usage_period(USAGE_LIVE, 1800000000, &begin, &end);
	ok(begin == 0 && end == 0, "what lives has no period");
}

static void
verdicts(void)
{
	uint64_t wrong = 0;

	for (int64_t hard = 0; hard < 9; hard++) {
		for (int64_t soft = 0; soft <= hard + (hard == 0) * 9; soft++) {
			int warned = 0;

			for (int64_t used = 1; used < 20; used++) {
				enum usage_verdict v = usage_judge(used, soft, hard, false);

				warned += v == USAGE_WARN;
				wrong += (v == USAGE_REFUSE) != (hard && used > hard);
				wrong += usage_judge(used, soft, hard, true) == USAGE_REFUSE;
				wrong += usage_left(used, hard) != (hard ? (used < hard ? hard - used : 0) : -1);
			}
			wrong += warned != (soft && (!hard || soft < hard));
		}
	}
	is_int(wrong, 0, "what is more than the hard limit is refused, and nothing else; the soft one is passed once; what renews is never refused");
}

int
main(void)
{
	known_periods();
	periods_tile_time();
	verdicts();
	return done_testing();
}
