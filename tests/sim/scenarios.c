/* scenarios.c - see scenarios.h. */
#include "scenarios.h"

#define YEARS(n) .after_days = 365 * (n)
#define AS_SHIPPED .margin = 10, .reserve = 20
#define USUAL AS_SHIPPED, YEARS(2), .away_permille = 30, .weights = { 1, 2, 4 }, .names = 1
#define FLEET(d) .devices = 10000, .domains = (d), USUAL
#define HUNDRED .devices = 100000, .domains = 100, AS_SHIPPED, YEARS(1), .names = 1, .weights = { 1, 2, 4 }, \
	.orders = { 6000, 6000, 3 * HOUR_NS }, .by_domain = { 10000, 10000, 7 * DAY_NS }
#define SMALL_YEAR .devices = 2000, .domains = 20, AS_SHIPPED, YEARS(1), .names = 1, .weights = { 1, 2, 4 }, \
	.orders = { 120, 120, 3 * HOUR_NS }, .by_domain = { 1000, 1000, 7 * DAY_NS }, DAYS_90, .quick = true
/* Let's Encrypt's three kinds of certificates: renewed at two thirds, the shortest at half */
#define DAYS_90 .life_days = 90
#define DAYS_47 .life_days = 47
#define HOURS_160 .life_hours = 160

const struct scenario scenarios[] = {
	{ "1x90d", FLEET(1), DAYS_90 },
	{ "1x47d", FLEET(1), DAYS_47 },
	{ "1x6d", FLEET(1), HOURS_160 },
	{ "10x90d", FLEET(10), DAYS_90 },
	{ "10x47d", FLEET(10), DAYS_47 },
	{ "10x6d", FLEET(10), HOURS_160 },
	{ "200x90d", FLEET(200), DAYS_90 },
	{ "200x47d", FLEET(200), DAYS_47 },
	{ "200x6d", FLEET(200), HOURS_160 },
	/* five names a certificate */
	{ "names5", .devices = 2000, .domains = 1, AS_SHIPPED, YEARS(2), .away_permille = 30, .weights = { 1, 2, 4 }, .names = 5, DAYS_90 },
	/* nothing is kept back: each token is spent as soon as it is there */
	{ "bare", .devices = 10000, .domains = 10, YEARS(2), .away_permille = 30, .weights = { 1, 2, 4 }, .names = 1, DAYS_90 },
	/* many units, of which one comes late and is small */
	{ "units", .devices = 2000, .domains = 1, AS_SHIPPED, YEARS(1), .names = 1, .weights = { 1, 1, 3, 8, 1 }, .late_days = 60,
		.late_devices = 25, DAYS_90 },
	{ "units-200", .devices = 12000, .domains = 300, AS_SHIPPED, YEARS(1), .names = 1, .weights = { 1, 1, 3, 8, 1 }, .late_days = 3,
		.late_devices = 100, DAYS_90 },
	/* proofs fail, answers get lost */
	{ "failures", FLEET(200), .fail_permille = 20, .lost_permille = 5, DAYS_47 },
	/* more revocations than a set of names has certificates in a week */
	{ "revoked-10", FLEET(200), .revocations = 10, HOURS_160 },
	/* others use the same domains */
	{ "strangers", FLEET(10), .strangers_per_week = 15, DAYS_90 },
	/* a hundred times as many, with what would have to be agreed */
	{ "million", .devices = 1000000, .domains = 100, AS_SHIPPED, YEARS(2), .away_permille = 30, .weights = { 1, 2, 4 }, .names = 1,
		.orders = { 15000, 15000, 3 * HOUR_NS }, .by_domain = { 10000, 10000, 7 * DAY_NS }, DAYS_90, .long_run = true },
	/* a year of a hundred thousand, enrolled as fast as 2,000 orders an hour let them */
	{ "year-ca", HUNDRED, DAYS_90, .renewing = RENEWING_CA },
	{ "year-plan", HUNDRED, DAYS_90, .renewing = RENEWING_PLANNED },
	{ "year-plan-400", HUNDRED, DAYS_90, .renewing = RENEWING_PLANNED, .per_hour = 400 },
	{ "year-nights", HUNDRED, DAYS_90, .renewing = RENEWING_PLANNED, .hours = "daily 01:00-05:00" },
	{ "year-ca-47d", HUNDRED, DAYS_47, .renewing = RENEWING_CA },
	{ "year-plan-47d", HUNDRED, DAYS_47, .renewing = RENEWING_PLANNED },
	/* of ./check */
	{ "small", .devices = 800, .domains = 10, USUAL, DAYS_47, .quick = true },
	{ "small-short", .devices = 300, .domains = 1, USUAL, HOURS_160, .quick = true },
	{ "small-units", .devices = 400, .domains = 1, AS_SHIPPED, YEARS(1), .names = 5, .weights = { 1, 1, 3, 1 }, .late_days = 20,
		.late_devices = 10, DAYS_90, .quick = true },
	{ "small-failures", .devices = 2000, .domains = 100, USUAL, .fail_permille = 20, .lost_permille = 5, DAYS_47, .quick = true },
	{ "small-revoked", .devices = 500, .domains = 20, USUAL, .revocations = 10, HOURS_160, .quick = true },
	{ "small-strangers", .devices = 600, .domains = 3, USUAL, .strangers_per_week = 30, DAYS_90, .quick = true },
	{ "small-year-ca", SMALL_YEAR, .renewing = RENEWING_CA },
	{ "small-year-plan", SMALL_YEAR, .renewing = RENEWING_PLANNED },
	{ "small-year-nights", SMALL_YEAR, .renewing = RENEWING_PLANNED, .hours = "daily 01:00-05:00" },
	{ 0 },
};
