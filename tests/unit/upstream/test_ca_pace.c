/* test_ca_pace.c - requests wait for their turn, those too far off are told so, and at the end nobody waits; a CA that is down is probed. */
#include <time.h>

#include "base/log.h"
#include "rig.h"
#include "tap.h"

#define MANY 20

static struct rig rig;
static struct mock *mock;

static struct upstream_conf
entry(struct limit_conf *limit, const char *what, int64_t count, int64_t burst, int64_t period_s)
{
	*limit = (struct limit_conf){ (char *)what, NULL, count, burst, period_s };
	return (struct upstream_conf){ .name = (char *)"test", .limits = LIMITS_NONE, .overrides = { limit, 1 }, .request_ms = 5000 };
}

static void
test_take(void)
{
	struct limit_conf limit;
	struct upstream_conf u = entry(&limit, "http_new_order", 10, 2, 1);
	struct pace *p = pace_new(&u);

	is_int(pace_take(p, QUOTA_HTTP_ORDER, 1000, 60000), 0, "a request goes at once");
	is_int(pace_take(p, QUOTA_HTTP_ORDER, 1000, 60000), 0, "and a second, as many as the burst has");
	is_int(pace_take(p, QUOTA_HTTP_ORDER, 1000, 60000), 100, "the next a tenth of a second later");
	is_int(pace_take(p, QUOTA_HTTP_ORDER, 1000, 60000), 200, "and so on");
	is_int(pace_take(p, QUOTA_HTTP_ORDER, 1000, 250), 300, "whose turn is too far off is told");
	is_int(pace_take(p, QUOTA_HTTP_ORDER, 1000, 60000), 300, "and has taken none");
	is_int(pace_take(p, QUOTA_HTTP_OTHER, 1000, 60000), 0, "what asks something else has a pace of its own, or none");
	is_int(pace_take(p, QUOTA_HTTP_ORDER, 9000, 60000), 0, "after a while it goes at once again");
	is_int(pace_take(NULL, QUOTA_HTTP_ORDER, 1000, 60000), 0, "without a pace nothing waits");
	pace_free(p);
}

/* A link with this pace. */
static struct ca *
paced_ca(struct pace *pace)
{
	char url[128];
	struct upstream_conf up = { .name = (char *)"test", .directory = (char *)mock_url(mock, "/dir", url), .request_ms = 5000 };

	return ca_new(&(struct ca_conf){ .upstream = &up, .httpc = rig.httpc, .pool = rig.pool, .keeper = rig.keeper, .loop = rig.loop,
		.pace = pace });
}

static struct ca_call
order_call(const struct rig_key *key)
{
	return (struct ca_call){ .target = CA_NEW_ORDER, .payload = SPAN("{}"), .signer = rig_signer(key, "k") };
}

static void
test_turns(struct ca *ca, const struct rig_key *key)
{
	static struct mock_step steps[MANY];
	struct ca_call calls[MANY];
	struct ca_stats stats;
	msec_t began = clock_ms();
	int good = 0;

	for (int i = 0; i < MANY; i++) {
		steps[i] = (struct mock_step){ MOCK_REPLY, 200, NULL, "{}" };
		calls[i] = order_call(key);
	}
	mock_script(mock, steps, MANY);
	rig_calls(ca, calls, MANY);
	for (int i = 0; i < MANY; i++) {
		good += calls[i].result == CA_OK;
		ca_call_done(&calls[i]);
	}
	is_int(good, MANY, "twenty at once: all are answered");
	ok(clock_ms() - began >= 700, "as fast as they may go, which took %lld ms", (long long)(clock_ms() - began));
	ca_stats(ca, &stats);
	/* while a slow machine makes the calls, turns come free */
	ok(stats.paced > 0 && stats.paced <= MANY - 5, "the burst has not waited, of the others %llu have", (unsigned long long)stats.paced);
}

static void
test_too_far(struct ca *ca, const struct rig_key *key)
{
	static const struct mock_step steps[] = { { MOCK_REPLY, 200, NULL, "{}" }, { MOCK_REPLY, 200, NULL, "{}" } };
	struct ca_call call = order_call(key);

	mock_script(mock, steps, 2);
	rig_call(ca, &call);
	is_int(call.result, CA_OK, "the first of a thousand seconds is answered");
	ca_call_done(&call);
	call = order_call(key);
	rig_call(ca, &call);
	ok(call.result == CA_UNREACHABLE && call.has_retry_after && call.retry_after_s > 900, "the next was not sent, and hears when it may");
	ca_call_done(&call);
}

static bool
waits_for(struct ca *ca, bool ill, unsigned failures)
{
	struct ca_health h = { .is_ill = !ill };

	for (int i = 0; i < 6000 && (h.is_ill != ill || h.failures < failures); i++) {
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
		ca_health(ca, &h);
	}
	return h.is_ill == ill && h.failures >= failures;
}

/* Nobody asks anything: that the CA is back is found out all the same. */
static void
test_probes(struct ca *ca, const struct rig_key *key)
{
	static const struct mock_step steps[] = { { MOCK_REPLY, 500, NULL, "" }, { MOCK_REPLY, 502, NULL, "" }, { MOCK_REPLY, 503, NULL, "" } };
	struct ca_health h;

	ca_health(ca, &h);
	ok(!h.is_ill && h.failures == 0 && h.failing_ms == 0, "a CA that answers is well");
	mock_script(mock, steps, 3);
	mock_directory(mock, 500, "", "");
	for (int i = 0; i < 3; i++) {
		struct ca_call call = order_call(key);

		rig_call(ca, &call);
		ca_call_done(&call);
	}
	ca_health(ca, &h);
	ok(h.is_ill && h.failures >= 3 && h.failing_ms > 0, "one that fails three times in a row is ill");
	ok(waits_for(ca, true, 4), "its directory is asked for, and that fails, too");
	mock_directory(mock, 0, NULL, NULL);
	ok(waits_for(ca, false, 0), "until it answers: then it is well again");
}

static void
test_end(struct ca *const cas[3], const struct rig_key *key)
{
	static const struct mock_step steps[] = { { MOCK_REPLY, 200, NULL, "{}" } };
	struct ca_call call = order_call(key), waits = order_call(key);
	struct ca_stats stats = { 0 };
	static bool done;

	mock_script(mock, steps, 1);
	rig_call(cas[2], &call);
	ca_call_done(&call);
	waits.done = rig_note_done;
	waits.arg = &done;
	ca_post(cas[2], &waits);
	for (int i = 0; i < 500 && !stats.paced; i++) {
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
		ca_stats(cas[2], &stats);
	}
	ok(stats.paced == 1 && !done, "a request waits for half a minute");
	rig_stop(&rig, (struct ca **)(uintptr_t)cas, 3);
	ok(done && waits.result == CA_UNREACHABLE, "at the end it is told that it was not sent");
	ca_call_done(&waits);
}

int
main(void)
{
	struct limit_conf limits[3];
	struct upstream_conf fast = entry(&limits[0], "http_new_order", 20, 5, 1), slow = entry(&limits[1], "http_new_order", 1, 1, 1000),
		middle = entry(&limits[2], "http_new_order", 1, 1, 30);
	struct pace *paces[] = { pace_new(&fast), pace_new(&slow), pace_new(&middle) };
	struct rig_key key;

	test_take();
	rig_start(&rig);
	log_init(LOG_ERROR, LOG_LOGFMT);
	mock = mock_start();
	struct ca *const cas[] = { paced_ca(paces[0]), paced_ca(paces[1]), paced_ca(paces[2]) };

	rig_key_make(&rig, cas[0], KEY_P256, &key);
	test_turns(cas[0], &key);
	test_too_far(cas[1], &key);
	test_probes(cas[0], &key);
	ok(rig_calls_were_good(), "every call was done once, on a worker");
	test_end(cas, &key);
	mock_stop(mock);
	rig_key_done(&key);
	for (int i = 0; i < 3; i++)
		pace_free(paces[i]);
	return done_testing();
}
