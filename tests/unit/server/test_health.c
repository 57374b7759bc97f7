/* Health: that the process lives is told without a look, that it can serve after one at the store and the keeper; what is not well is
 * named. */
#include "lab.h"

#include <signal.h>

#include "tap.h"

static struct lab lab;

static bool
says(const char *method, const char *path, int status, const char *text)
{
	AUTO_BUF r = BUF_MAX(64 * 1024);

	lab_send(&lab, &(struct rq){ .method = method, .path = path, .type = "", .body = "" }, &r);
	if (reply_status(&r) == status && span_is(reply_body(&r), text) && reply_has_field(&r, "Cache-Control", "no-store"))
		return true;
	printf("# %d: %.*s\n", reply_status(&r), SPAN_FMT(reply_body(&r)));
	return false;
}

/* A look is as good as new for a second. */
static void
forget_look(void)
{
	atomic_store(&lab.server.health.looked_ms, clock_ms() - 5000);
}

static void
ill_in_turn(void)
{
	lab_sql(&lab, "alter table schema_version rename to elsewhere");
	ok(says("GET", "!/readyz", 200, "ready\n"), "a look is not made again within a second");
	forget_look();
	ok(says("GET", "!/readyz", 503, "not ready: store\n"), "a store that cannot be written");
	lab_sql(&lab, "alter table elsewhere rename to schema_version");
	kill(keeper_pid(lab.keeper), SIGKILL);
	forget_look();
	ok(says("GET", "!/readyz", 503, "not ready: keeper\n"), "a keeper that does not answer");
	ok(says("GET", "!/livez", 200, "live\n"), "it lives all the same");
}

static void
one_look_at_a_time(void)
{
	atomic_store(&lab.server.health.looking, true);
	atomic_store(&lab.server.health.ill, 0);
	forget_look();
	ok(says("GET", "!/readyz", 200, "ready\n"), "while one is at it, others hear what was last known");
	atomic_store(&lab.server.health.looked_ms, clock_ms() - 60 * 1000);
	ok(says("GET", "!/readyz", 503, "not ready: workers\n"), "unless it takes too long");
	atomic_store(&lab.server.health.looking, false);
}

int
main(void)
{
	lab_start(&lab, LAB_NO_RATES "default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );", NULL);
	ok(says("GET", "!/livez", 200, "live\n") && says("GET", "!/healthz", 200, "live\n"), "the process lives");
	is_int((int)atomic_load(&lab.server.health.looked_ms), 0, "which is no look at anything");
	ok(says("GET", "!/readyz", 200, "ready\n"), "it can serve");
	ok(atomic_load(&lab.server.health.looked_ms) > 0, "after a look");
	ok(!says("POST", "!/readyz", 200, "ready\n"), "nothing is posted there");
	one_look_at_a_time();
	forget_look();
	ok(says("GET", "!/readyz", 200, "ready\n"), "and it is looked again");
	ill_in_turn();
	lab_stop(&lab);
	return done_testing();
}
