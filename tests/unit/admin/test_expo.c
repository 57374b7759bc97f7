/* Metrics as text, in both formats. */
#include "admin/expo.h"

#include "tap.h"

static void
write_all(struct expo *x)
{
	static const unsigned bounds[] = { 5000, 1000000, 2500000 };
	static const uint64_t counts[] = { 2, 0, 3, 1 };

	expo_family(x, EXPO_COUNTER, "a_things", "Things,\nof \"one\" \\ kind.");
	expo_int(x, 7, NULL);
	expo_int(x, -1, "kind", "a\"b\\c\nd", "route", "/order/{}", NULL);
	expo_family(x, EXPO_GAUGE, "a_level", "A level.");
	expo_real(x, 1.5, "of", "x", NULL);
	expo_family(x, EXPO_HISTOGRAM, "a_time_seconds", "Times.");
	expo_histogram(x, bounds, counts, 3, 9000001, "r", "x", NULL);
	expo_end(x);
}

static const char text[] =
	"# HELP a_things_total Things,\\nof \"one\" \\\\ kind.\n"
	"# TYPE a_things_total counter\n"
	"a_things_total 7\n"
	"a_things_total{kind=\"a\\\"b\\\\c\\nd\",route=\"/order/{}\"} -1\n"
	"# HELP a_level A level.\n"
	"# TYPE a_level gauge\n"
	"a_level{of=\"x\"} 1.500000\n"
	"# HELP a_time_seconds Times.\n"
	"# TYPE a_time_seconds histogram\n"
	"a_time_seconds_bucket{r=\"x\",le=\"0.005\"} 2\n"
	"a_time_seconds_bucket{r=\"x\",le=\"1.0\"} 2\n"
	"a_time_seconds_bucket{r=\"x\",le=\"2.5\"} 5\n"
	"a_time_seconds_bucket{r=\"x\",le=\"+Inf\"} 6\n"
	"a_time_seconds_sum{r=\"x\"} 9.000001\n"
	"a_time_seconds_count{r=\"x\"} 6\n";

static const char open_metrics_head[] = "# HELP a_things Things,\\nof \\\"one\\\" \\\\ kind.\n"
					"# TYPE a_things counter\n"
					"a_things_total 7\n";

static void
test_formats(void)
{
	AUTO_BUF out = BUF_MAX(8192), open = BUF_MAX(8192);
	struct expo x = { .out = &out };

	write_all(&x);
	is_str(buf_cstr(&out), text, "the text format");
	x = (struct expo){ .out = &open, .open_metrics = true };
	write_all(&x);
	ok(span_starts(buf_span(&open), open_metrics_head), "OpenMetrics: a counter's family is without _total, a quote is escaped in its help");
	ok(open.n > 6 && strcmp(buf_cstr(&open) + open.n - 6, "# EOF\n") == 0, "and the end is told");
	ok(strstr(buf_cstr(&open), "a_time_seconds_bucket{r=\"x\",le=\"1.0\"} 2\n"), "a bound is the same text in both");
}

static void
test_accept(void)
{
	static const struct {
		const char *accept;
		bool open;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "*/*", false },
		{ "text/plain", false },
		{ "application/openmetrics-text", true },
		{ "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", true },
		{ "application/openmetrics-text; version=0.0.1; charset=utf-8;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true },
		{ "text/plain;version=0.0.4, application/openmetrics-text", false },
		{ "text/html, APPLICATION/OpenMetrics-text", true },
		{ "application/openmetrics-textual", false },
		{ ";,,;", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(expo_wants_open_metrics(span_str(cases[i].accept)), cases[i].open, "Accept %s", cases[i].accept ? cases[i].accept : "absent");
	ok(strstr(expo_content_type(false), "version=0.0.4") && strstr(expo_content_type(true), "openmetrics-text; version=1.0.0"), "types say the version");
}

int
main(void)
{
	test_formats();
	test_accept();
	return done_testing();
}
