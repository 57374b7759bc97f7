/* Renewal information as CAs send it: what is read, and what no client may act on (RFC 9773 4.2). */
#include "acme/renewal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

#define WINDOW "\"suggestedWindow\":{\"start\":\"2026-11-24T16:20:00Z\",\"end\":\"2026-11-25T16:20:00Z\"}"
#define START 1795537200

static void
test_good(void)
{
	static const struct {
		const char *text, *page;
	} cases[] = {
		{ "{" WINDOW "}", NULL },
		{ "{" WINDOW ",\"explanationURL\":\"https://ca.test/why?a=1\",\"other\":[1,{}]}", "https://ca.test/why?a=1" },
		{ "{" WINDOW ",\"explanationURL\":\"http://ca.test/why\"}", "http://ca.test/why" },
		{ "{" WINDOW ",\"explanationURL\":\"javascript:alert(1)\"}", NULL },
		{ "{" WINDOW ",\"explanationURL\":\"https://ca.test/a\\u001b[31mb\"}", NULL },
		{ "{" WINDOW ",\"explanationURL\":\"https://ca.test/\\u00e4\"}", NULL },
		{ "{" WINDOW ",\"explanationURL\":7}", NULL },
		{ "{\"suggestedWindow\":{\"start\":\"2026-11-24t17:20:00.000000001+01:00\",\"end\":\"2026-11-25T16:20:00.5z\"}}", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct acme_renewal r = { 0 };
		struct problem pr = { 0 };

		ok(acme_renewal_read(span_str(cases[i].text), &r, &pr) && r.start == START && r.end == START + 86400, "read: %.90s", cases[i].text);
		ok(cases[i].page ? r.explanation && strcmp(r.explanation, cases[i].page) == 0 : !r.explanation, "  and its page is %s",
			cases[i].page ? cases[i].page : "none");
		acme_renewal_done(&r);
	}
}

static void
test_bad(void)
{
	static const char *const cases[] = {
		"", "{", "[]", "{}", "7", "{\"suggestedWindow\":7}", "{\"suggestedWindow\":{}}",
		"{\"suggestedWindow\":{\"start\":\"2026-11-24T16:20:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"2026-11-24T16:20:00Z\",\"end\":\"2026-11-24T16:20:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"2026-11-25T16:20:00Z\",\"end\":\"2026-11-24T16:20:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"2026-11-24T16:20:00.9Z\",\"end\":\"2026-11-24T16:20:00.1Z\"}}",
		"{\"suggestedWindow\":{\"start\":1795537200,\"end\":1795623600}}",
		"{\"suggestedWindow\":{\"start\":\"2026-11-24\",\"end\":\"2026-11-25\"}}",
		"{\"suggestedWindow\":{\"start\":\"1066-10-14T09:00:00Z\",\"end\":\"2026-11-25T16:20:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"2026-11-24T16:20:00Z\",\"end\":\"99999-11-25T16:20:00Z\"}}",
		"{" WINDOW "," WINDOW "}", "{" WINDOW "} ]", "<html>" };
	AUTO_FREE char *long_one = xasprintf("{" WINDOW ",\"x\":\"%*s\"}", ACME_RENEWAL_MAX_BYTES, "");

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct acme_renewal r;
		struct problem pr = { 0 };

		ok(!acme_renewal_read(span_str(cases[i]), &r, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL && pr.cause[0], "refused: %s (%s)", cases[i], pr.cause);
	}
	struct acme_renewal r;
	struct problem pr = { 0 };
	ok(!acme_renewal_read(span_str(long_one), &r, &pr), "an answer over %d octets is refused", ACME_RENEWAL_MAX_BYTES);
}

struct seen {
	char text[1024];
};

static void
on_entry(const struct acme_renewal_entry *e, void *arg)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%.*s:%d:%lld:%.*s:%lld:%d ", SPAN_FMT(e->certid), (int)e->kind, (long long)e->info.start,
		SPAN_FMT(e->tag), (long long)e->retry_after_s, e->status);
}

static void
count_entry(const struct acme_renewal_entry *e, void *arg)
{
	(void)e;
	++*(size_t *)arg;
}

static void
test_list(void)
{
	struct seen s = { "" };
	struct problem pr = { 0 };
	struct buf many = BUF_MAX(ACME_RENEWAL_LIST_MAX_BYTES);
	size_t count = 0;

	ok(acme_renewal_list_read(SPAN("{\"entries\":{\"a.b\":{\"renewalInfo\":{" WINDOW "},\"retryAfter\":60,\"tag\":\"t\"},\"a.c\":{\"unchanged\":true,\"retryAfter\":\"60\"},"
			"\"a.d\":{\"renewalInfo\":{\"suggestedWindow\":{}},\"unchanged\":true},\"a.e\":7},"
			"\"errors\":{\"a.f\":{\"status\":404},\"a.g\":null,\"a.h\":{\"status\":99999}}}"), on_entry, &s, &pr), "a list is read");
	is_str(s.text, "a.b:0:1795537200:t:60:0 a.c:1:0::0:0 a.d:3:0::0:0 a.e:3:0::0:0 a.f:2:0::0:404 a.g:2:0::0:0 a.h:2:0::0:0 ",
		"with a window, one that is unchanged, two that say nothing, three problems");
	ok(!acme_renewal_list_read(SPAN("{}"), on_entry, &s, &pr) && !acme_renewal_list_read(SPAN("{\"entries\":[]}"), on_entry, &s, &pr) &&
			!acme_renewal_list_read(SPAN("{\"entries\":{},\"errors\":7}"), on_entry, &s, &pr) && !acme_renewal_list_read(SPAN("x"), on_entry, &s, &pr),
		"what has no entries is refused");
	buf_adds(&many, "{\"entries\":{");
	for (int i = 0; i < ACME_RENEWAL_LIST_MAX; i++)
		buf_addf(&many, "%s\"aYhba4dGQEHhs3uEe6CuLN4ByNQ.%d\":{\"renewalInfo\":{" WINDOW ",\"explanationURL\":\"https://ca.test/why\"},\"retryAfter\":60,\"tag\":\"12345678\"}", i ? "," : "", i);
	buf_adds(&many, "}}");
	ok(acme_renewal_list_read(buf_span(&many), count_entry, &count, &pr) && count == ACME_RENEWAL_LIST_MAX, "a thousand entries are read");
	buf_done(&many);
}

int
main(void)
{
	test_good();
	test_bad();
	test_list();
	return done_testing();
}
