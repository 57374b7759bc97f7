/* GET /metrics as a client of the admin socket sees it, and of the face for a Prometheus: what is counted where, what is told, and that
 * nothing in it is of anybody. */
#include <unistd.h>

#include "../store/world.h"
#include "ask.h"
#include "base/log.h"
#include "server/api.h"
#include "tap.h"

static char metrics_socket[128];

/* A face as the gateway has it, but on a UNIX socket. */
static void
open_face(struct httpd *h)
{
	const struct httpd_face_conf fc = { .name = "metrics", .unix_path = metrics_socket, .unix_mode = 0600, .handler = metrics_handle, .arg = &scene.admin };
	struct httpd_face *face;
	struct problem pr = { 0 };

	snprintf(metrics_socket, sizeof(metrics_socket), "%s/metrics.sock", scene.folder);
	must(httpd_face_add(h, &fc, &face, &pr));
	httpd_start(h);
}

/* The whole reply. */
static int
fetch(const char *socket, const char *method, const char *path, const char *fields, struct buf *reply)
{
	struct link l = rig_connect_unix(socket);
	AUTO_BUF request = BUF_MAX(8192);
	int status = 0;

	buf_clear(reply);
	buf_addf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n%s\r\n", method, path, fields);
	rig_say(&l, buf_cstr(&request));
	if (rig_reply(&l, strcmp(method, "HEAD") == 0, reply))
		status = rig_status(reply);
	rig_close(&l);
	return status;
}

/* Value of a series, by its text up to the blank; -1: there is none. */
static double
value(struct buf *reply, const char *series)
{
	struct span rest = rig_body(reply), line, name;

	while (span_cut(&rest, '\n', &line)) {
		size_t n = strlen(series);

		name = span_of(line.p, line.n < n ? line.n : n);
		if (span_is(name, series) && line.n > n && line.p[n] == ' ') {
			AUTO_FREE char *text = span_dup(span_from(line, n + 1));

			return strtod(text, NULL);
		}
	}
	return -1;
}

static void
test_text(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	is_int(fetch(scene.socket, "GET", "/metrics", "", &reply), 200, "the admin socket has the metrics");
	ok(rig_has(&reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), "in Prometheus' text format");
	is_int(value(&reply, "acmegate_orders{state=\"pending\"}"), 1, "orders that wait");
	is_int(value(&reply, "acmegate_orders{state=\"processing\"}"), 1, "orders at work");
	is_int(value(&reply, "acmegate_orders{state=\"valid\"}"), -1, "those that are over are not counted");
	is_int(value(&reply, "acmegate_queue_jobs{kind=\"issue\",state=\"due\"}"), 1, "a job that is due");
	is_int(value(&reply, "acmegate_queue_jobs{kind=\"revoke\",state=\"leased\"}"), 0, "none is told as none");
	is_int(value(&reply, "acmegate_queue_oldest_due_timestamp_seconds{kind=\"issue\"}"), 4, "since when it is due");
	is_int(value(&reply, "acmegate_queue_oldest_due_timestamp_seconds{kind=\"revoke\"}"), -1, "of none there is no such time");
	is_int(value(&reply, "acmegate_upstream_up{ca=\"ca\"}"), 1, "a CA");
	is_int(value(&reply, "acmegate_upstream_requests_total{ca=\"ca\",result=\"lost\"}"), 0, "what was asked of it");
	is_int(value(&reply, "acmegate_upstream_up{ca=\"local\"}"), -1, "nothing is asked of our own");
	is_int(value(&reply, "acmegate_keeper_up"), 1, "the keeper");
	is_int(value(&reply, "acmegate_workers"), 2, "workers");
	is_int(value(&reply, "acmegate_config_generation"), 3, "the configuration");
	ok(value(&reply, "acmegate_keeper_operations_total{result=\"good\"}") > 0, "its work at the start");
	ok(value(&reply, "acmegate_http_connections") >= 1, "this connection");
	ok(value(&reply, "acmegate_store_commits_total") > 0, "commits");
	ok(value(&reply, "process_resident_memory_bytes") > 1e6 && value(&reply, "process_open_fds") > 5 && value(&reply, "process_threads") >= 4 &&
			value(&reply, "process_start_time_seconds") > 1e9 && value(&reply, "process_cpu_seconds_total") > 0,
		"the process");
	is_int(value(&reply, "acmegate_http_requests_total{route=\"/order/{}/finalize\",code=\"5xx\"}"), 0, "each route is there from the start");
	is_int(value(&reply, "acmegate_http_request_duration_seconds_bucket{route=\"none\",le=\"+Inf\"}"), 0, "and none");
	is_int(value(&reply, "acmegate_problems_total{face=\"device\",type=\"badNonce\"}"), 0, "each type of refusal, too");
	is_int(value(&reply, "acmegate_limit_refusals_total{limit=\"pending-authz\"}"), 0, "and each limit");
	ok(!memmem(reply.p, reply.n, scene.account, strlen(scene.account)) && !memmem(reply.p, reply.n, ".test", 5), "no account and no name is in it");
}

static void
test_open_metrics(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	is_int(fetch(scene.socket, "GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", &reply), 200, "OpenMetrics if asked for");
	ok(rig_has(&reply, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "says so");
	ok(reply.n > 6 && memcmp(reply.p + reply.n - 6, "# EOF\n", 6) == 0, "and ends as it must");
}

/* Lines of `now` that are not in `before`, but those that change by themselves; each with a line end. */
static void
differing(struct buf *before, struct buf *now, struct buf *out)
{
	struct span rest = rig_body(now), line;

	while (span_cut(&rest, '\n', &line)) {
		if (line.n == 0 || memmem(before->p, before->n, line.p, line.n + 1) || span_starts(line, "process_") ||
			span_starts(line, "acmegate_store_") || span_starts(line, "acmegate_http_connections"))
			continue;
		buf_addspan(out, line);
		buf_addc(out, '\n');
	}
}

static void
test_counting(void)
{
	AUTO_BUF before = BUF_MAX(1 << 20), now = BUF_MAX(1 << 20), lines = BUF_MAX(1 << 16);

	fetch(scene.socket, "GET", "/metrics", "", &before);
	/* the route's first row: /directory */
	server_count(&scene.server.stats, route_at(0), 429, PROBLEM_RATE_LIMITED, 2500000);
	fetch(scene.socket, "GET", "/metrics", "", &now);
	differing(&before, &now, &lines);
	is_str(buf_cstr(&lines),
		"acmegate_http_requests_total{route=\"/directory\",code=\"4xx\"} 1\n"
		"acmegate_http_request_duration_seconds_bucket{route=\"/directory\",le=\"2.5\"} 1\n"
		"acmegate_http_request_duration_seconds_bucket{route=\"/directory\",le=\"5.0\"} 1\n"
		"acmegate_http_request_duration_seconds_bucket{route=\"/directory\",le=\"10.0\"} 1\n"
		"acmegate_http_request_duration_seconds_bucket{route=\"/directory\",le=\"+Inf\"} 1\n"
		"acmegate_http_request_duration_seconds_sum{route=\"/directory\"} 2.500000\n"
		"acmegate_http_request_duration_seconds_count{route=\"/directory\"} 1\n"
		"acmegate_problems_total{face=\"device\",type=\"rateLimited\"} 1\n",
		"a refusal raises its own counters and no others");
	server_count(&scene.server.stats, NULL, 503, PROBLEM_OVERLOADED, 1);
	fetch(scene.socket, "GET", "/metrics", "", &now);
	is_int(value(&now, "acmegate_problems_total{face=\"device\",type=\"rateLimited\"}"), 2, "kinds of one type are one series");
	is_int(value(&now, "acmegate_http_requests_total{route=\"none\",code=\"5xx\"}"), 1, "a request without a route has a place");
}

static bool
more_tx(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	(void)pr;
	put_order(db, 1, ORDER_PENDING, NOW, "more.test");
	return true;
}

static void
test_freshness(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);
	struct problem pr = { 0 };

	clock_turn(60);
	fetch(scene.socket, "GET", "/metrics", "", &reply);
	must(store_write(scene.admin.store, more_tx, NULL, &pr));
	fetch(scene.socket, "GET", "/metrics", "", &reply);
	is_int(value(&reply, "acmegate_orders{state=\"pending\"}"), 1, "the store is not counted for each of several scrapers");
	clock_turn(6);
	fetch(scene.socket, "GET", "/metrics", "", &reply);
	is_int(value(&reply, "acmegate_orders{state=\"pending\"}"), 2, "but after some seconds again");
}

static void
test_face(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	is_int(fetch(metrics_socket, "GET", "/metrics", "", &reply), 200, "the metrics face has them");
	is_int(value(&reply, "acmegate_orders{state=\"processing\"}"), 1, "with what is in the store");
	is_int(fetch(metrics_socket, "GET", "/metrics?x=1", "", &reply), 200, "parameters say nothing to it");
	is_int(fetch(metrics_socket, "HEAD", "/metrics", "", &reply), 200, "HEAD is answered");
	ok(rig_body(&reply).n == 0, "without a body");
	is_int(fetch(metrics_socket, "POST", "/metrics", "", &reply), 405, "nothing is posted");
	ok(rig_has(&reply, "Allow: GET, HEAD\r\n"), "it says what may be done");
	is_int(fetch(metrics_socket, "GET", "/", "", &reply), 404, "there is nothing else");
	is_int(fetch(metrics_socket, "GET", "/status", "", &reply), 404, "not what operators may see");
	is_int(fetch(metrics_socket, "POST", "/drain", "", &reply), 404, "nor do");
	is_int(atomic_load(&scene.drains), 0, "and nothing was done");
}

/* Keep workers until they may go. */
struct gate {
	_Atomic(unsigned) kept;
	_Atomic(bool) open;
};

static void
wait_task(void *arg)
{
	struct gate *g = arg;

	atomic_fetch_add(&g->kept, 1);
	while (!atomic_load(&g->open))
		usleep(1000);
}

static void
test_busy(void)
{
	static struct gate g;
	AUTO_BUF reply = BUF_MAX(1 << 20);
	unsigned queued = 0, workers = pool_threads(scene.admin.pool);

	/* only when no worker will take one more out of it, a full queue stays full */
	for (; queued < workers; queued++)
		pool_post(scene.admin.pool, wait_task, &g);
	while (atomic_load(&g.kept) < workers)
		usleep(1000);
	while (pool_try(scene.admin.pool, wait_task, &g))
		queued++;
	is_int(fetch(metrics_socket, "GET", "/metrics", "", &reply), 200, "while %u tasks fill the workers' queue it answers", queued);
	is_int(value(&reply, "acmegate_orders{state=\"processing\"}"), 1, "with what was counted last");
	ok(value(&reply, "acmegate_worker_queue_length") > 10, "and how long the queue is");
	atomic_store(&g.open, true);
}

int
main(void)
{
	struct httpd *h = httpd_new(1, &http_default_limits);

	log_init(LOG_ERROR, LOG_LOGFMT);
	scene_up(&scene);
	open_face(h);
	test_text();
	test_open_metrics();
	test_counting();
	test_freshness();
	test_face();
	test_busy();
	httpd_stop(h, 1000);
	scene_down(&scene);
	httpd_free(h);
	return done_testing();
}
