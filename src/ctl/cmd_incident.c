/* cmd_incident.c - acmegatectl incident open, list, show, close: certificates that must be replaced soon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "conf/conf.h"
#include "json/jw.h"
#include "pki/certid.h"

#define PART_SERIALS 250   /* in one request: the smallest body_max is 16K */
#define SERIALS_MAX 1000000
#define LINE_MAX_OCTETS 256
#define PLAN_WAIT_S 600    /* for a million certificates it takes minutes */

/* ---- serial numbers ---- */

struct serials {
	char (*list)[SERIAL_TEXT]; /* owned */
	size_t count, room;
};

static int
add_serial(struct ctl *ctl, struct serials *s, struct span text)
{
	char serial[SERIAL_TEXT];
	char quoted[65];

	text = span_trim(text);
	if (text.n == 0 || text.p[0] == '#')
		return CTL_DONE;
	if (!serial_parse(text, serial))
		return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no serial number in hex", problem_quote(text, quoted, sizeof(quoted)));
	if (s->count == SERIALS_MAX)
		return ctl_fail(ctl, CTL_USAGE, "more than %d serial numbers", SERIALS_MAX);
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->list = xrealloc(s->list, s->room * sizeof(*s->list));
	}
	memcpy(s->list[s->count++], serial, SERIAL_TEXT);
	return CTL_DONE;
}

static int
add_words(struct ctl *ctl, struct serials *s, struct span words)
{
	struct span word;
	int code = CTL_DONE;

	while (code == CTL_DONE && span_cut(&words, ',', &word))
		code = add_serial(ctl, s, word);
	return code;
}

static int
read_lines(struct ctl *ctl, struct serials *s, const char *name, FILE *in)
{
	char line[LINE_MAX_OCTETS];
	int code = CTL_DONE;

	while (code == CTL_DONE && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\r\n")] = '\0';
		code = add_words(ctl, s, span_str(line));
	}
	if (code == CTL_DONE && ferror(in))
		code = ctl_fail(ctl, CTL_FAILED, "%s: %s", name, strerror(errno));
	return code;
}

/* A list with commas between, a file with one a line, or - for standard input. */
static int
read_serials(struct ctl *ctl, struct serials *s)
{
	const char *where = ctl_opt(ctl, "serials");
	char serial[SERIAL_TEXT];
	FILE *in;
	int code;

	if (!where)
		return CTL_DONE;
	if (strcmp(where, "-") == 0) {
		code = read_lines(ctl, s, "standard input", stdin);
	} else if (strchr(where, ',') || serial_parse(span_str(where), serial)) {
		code = add_words(ctl, s, span_str(where));
	} else {
		in = fopen(where, "re");
		if (!in)
			return ctl_fail(ctl, CTL_FAILED, "%s: %s", where, strerror(errno));
		code = read_lines(ctl, s, where, in);
		fclose(in);
	}
	if (code == CTL_DONE && s->count == 0)
		return ctl_fail(ctl, CTL_USAGE, "--serials has none");
	return code;
}

/* From the n-th on, and whether there are more. */
static size_t
write_serials(struct jw *w, const struct serials *s, size_t from)
{
	size_t end = s->count - from > PART_SERIALS ? from + PART_SERIALS : s->count;

	jw_array(w, "serials");
	for (size_t i = from; i < end; i++)
		jw_str(w, NULL, s->list[i]);
	jw_end(w);
	jw_bool(w, "more", end < s->count);
	return end;
}

/* ---- opening ---- */

static bool
time_read(struct span text, bool is_end, char ret[TIME_TEXT])
{
	AUTO_FREE char *day = xasprintf("%.*sT%s", SPAN_FMT(text), is_end ? "23:59:59Z" : "00:00:00Z");
	int64_t at;

	if (!time_rfc3339_parse(text, &at) && !time_rfc3339_parse(span_str(day), &at))
		return false;
	time_rfc3339(at, ret);
	return true;
}

static int
add_span(struct ctl *ctl, struct jw *w)
{
	const char *text = ctl_opt(ctl, "issued-between"), *dots = text ? strstr(text, "..") : NULL;
	char from[TIME_TEXT], until[TIME_TEXT];

	if (!text)
		return CTL_DONE;
	if (!dots || !time_read(span_of(text, (size_t)(dots - text)), false, from) || !time_read(span_str(dots + 2), true, until))
		return ctl_fail(ctl, CTL_USAGE, "--issued-between is \"%s\", expected two dates or times such as 2027-03-01..2027-03-02", text);
	jw_str(w, "issued_from", from);
	jw_str(w, "issued_until", until);
	return CTL_DONE;
}

static int
add_finish(struct ctl *ctl, struct jw *w)
{
	const char *text = ctl_opt(ctl, "finish-within");
	int64_t s;

	if (!text)
		return CTL_DONE;
	if (!conf_time_parse(span_str(text), &s) || s < 3600 || s > 90 * 86400)
		return ctl_fail(ctl, CTL_USAGE, "--finish-within is \"%s\", expected a time from 1h to 90d", text);
	jw_int(w, "finish_within", s);
	return CTL_DONE;
}

static int
write_opening(struct ctl *ctl, const struct serials *s, struct buf *out, size_t *ret_written)
{
	struct jw w = jw_to(out);
	int code;

	if (!ctl_opt(ctl, "ca"))
		return ctl_fail(ctl, CTL_USAGE, "--ca is missing: whose certificates are affected");
	jw_object(&w, NULL);
	jw_str(&w, "ca", ctl_opt(ctl, "ca"));
	if (ctl_opt(ctl, "profile"))
		jw_str(&w, "profile", ctl_opt(ctl, "profile"));
	if (ctl_opt(ctl, "explanation"))
		jw_str(&w, "explanation", ctl_opt(ctl, "explanation"));
	jw_bool(&w, "dry_run", ctl_opt(ctl, "dry-run") != NULL);
	code = add_span(ctl, &w);
	if (code == CTL_DONE)
		code = add_finish(ctl, &w);
	*ret_written = s->count ? write_serials(&w, s, 0) : 0;
	jw_end(&w);
	return code;
}

static int
send_more(struct ctl *ctl, const struct serials *s, size_t from, const char *id)
{
	AUTO_FREE char *path = xasprintf("/incidents/%s/serials", id);
	int code = CTL_DONE;

	while (code == CTL_DONE && from < s->count) {
		AUTO_BUF body = BUF_MAX(64 * 1024);
		struct jw w = jw_to(&body);
		struct ctl_reply rp;

		jw_object(&w, NULL);
		from = write_serials(&w, s, from);
		jw_end(&w);
		code = ctl_ask(ctl, path, buf_cstr(&body), &rp);
		if (code == CTL_DONE)
			ctl_reply_done(&rp);
	}
	return code;
}

static bool
is_planned(const struct json_node *incident)
{
	struct span state = json_text(json_get(incident, "state"));

	return !span_is(state, "draft") && !span_is(state, "gathering") && !span_is(state, "planning");
}

/* Until it is known when it will end; longer than that nobody waits. */
static int
wait_for_plan(struct ctl *ctl, const char *id, struct ctl_reply *ret)
{
	AUTO_FREE char *path = xasprintf("/incidents/%s", id);

	for (unsigned waited = 0;; waited++) {
		int code = ctl_ask(ctl, path, NULL, ret);

		if (code != CTL_DONE || is_planned(ret->root) || waited == PLAN_WAIT_S * 5)
			return code;
		ctl_reply_done(ret);
		usleep(200 * 1000);
	}
}

static void
print_incident(struct ctl *ctl, const struct json_node *in)
{
	static const char *const rows[][2] = { { "Incident", "id" }, { "State", "state" }, { "Kind", "kind" }, { "CA", "ca" }, { "Profile", "profile" },
		{ "Issued from", "issued_from" }, { "Issued until", "issued_until" }, { "Explanation", "explanation" }, { "Opened", "opened" },
		{ "Finish by", "finish_by" }, { "Forecast", "forecast" }, { "Held up by", "held_by" }, { "First wave", "first_wave" },
		{ "Last wave", "last_wave" }, { "In a wave", "per_wave" }, { "Affected", "affected" }, { "Told", "told" }, { "Renewed", "renewed" },
		{ "Revoked", "revoked" }, { "Expired", "expired" }, { "Missing", "missing" }, { "Closed", "closed" }, { "Closed by", "closed_by" } };

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ctl_field_member(ctl, rows[i][0], in, rows[i][1]);
}

/* What the operator must know before the rest. */
static void
tell_forecast(struct ctl *ctl, const struct json_node *in)
{
	struct span forecast = json_text(json_get(in, "forecast")), held = json_text(json_get(in, "held_by"));

	if (!is_planned(in))
		ctl_note(ctl, "it is not planned yet: incident show tells");
	else if (forecast.n && !json_bool(json_get(in, "in_time"), true))
		ctl_note(ctl, "it will not be over in time, but at %.*s%s%.*s", SPAN_FMT(forecast), held.n ? ": held up by " : "", SPAN_FMT(held));
}

static int
open_one(struct ctl *ctl, const struct serials *s)
{
	AUTO_BUF body = BUF_MAX(64 * 1024);
	AUTO_FREE char *id = NULL;
	struct ctl_reply rp;
	size_t written = 0;
	int code = write_opening(ctl, s, &body, &written);

	if (code == CTL_DONE)
		code = ctl_ask(ctl, "/incidents", buf_cstr(&body), &rp);
	if (code != CTL_DONE)
		return code;
	id = span_dup(json_text(json_get(rp.root, "id")));
	ctl_reply_done(&rp);
	code = send_more(ctl, s, written, id);
	if (code == CTL_DONE)
		code = wait_for_plan(ctl, id, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	print_incident(ctl, rp.root);
	if (s->count && !ctl->plain)
		ctl_note(ctl, "of %zu serial numbers", s->count);
	code = ctl_flush(ctl);
	tell_forecast(ctl, rp.root);
	ctl_reply_done(&rp);
	return code;
}

int
cmd_incident_open(struct ctl *ctl)
{
	struct serials s = { 0 };
	int code = read_serials(ctl, &s);

	if (code == CTL_DONE)
		code = open_one(ctl, &s);
	free(s.list);
	return code;
}

/* ---- the others ---- */

int
cmd_incident_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "INCIDENT" }, { "STATE" }, { "KIND" }, { "CA", .may_cut = true }, { "OPENED" }, { "FINISH BY" },
		{ "FORECAST" }, { "AFFECTED", .is_number = true }, { "RENEWED", .is_number = true }, { "MISSING", .is_number = true } };
	static const char *const names[] = { "id", "state", "kind", "ca", "opened", "finish_by", "forecast", "affected", "renewed", "missing" };
	static const char *const parameters[] = { "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	const struct json_node *items;
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/incidents", parameters, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
	return ctl_list_table(ctl, &t, &rp);
}

/* "C02XL0AAJGH5 (it), ..." */
static char *
devices_of(const struct json_node *item)
{
	const struct json_node *list = json_get(item, "devices");
	AUTO_BUF text = BUF_MAX(64 * 1024);

	for (size_t i = 0; i < json_count(list); i++) {
		struct span owner = json_text(json_get(json_at(list, i), "owner"));

		buf_addf(&text, "%s%.*s%s%.*s%s", i ? ", " : "", SPAN_FMT(json_text(json_get(json_at(list, i), "identifier"))), owner.n ? " (" : "",
			SPAN_FMT(owner), owner.n ? ")" : "");
	}
	return xstrdup(buf_cstr(&text));
}

static int
show_missing(struct ctl *ctl)
{
	static const struct column columns[] = { { "CERT" }, { "STATE" }, { "WAVE" }, { "UNTIL" }, { "ACCOUNT" }, { "KEY", .may_cut = true },
		{ "DEVICES", .may_cut = true }, { "NAMES", .may_cut = true } };
	static const char *const names[] = { "id", "state", "wave", "not_after", "account", "eab" };
	static const char *const parameters[] = { "before", "limit", NULL };
	AUTO_FREE char *path = xasprintf("/incidents/%s/missing", ctl->words[0]);
	struct table t = table_of(columns, COUNT_OF(columns));
	const struct json_node *items;
	struct ctl_reply rp;
	int code = ctl_check_id(ctl, ctl->words[0]);

	if (code == CTL_DONE)
		code = ctl_ask_list(ctl, path, parameters, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
		table_add(&t, devices_of(json_at(items, i)));
		table_add(&t, ctl_idents(json_get(json_at(items, i), "identifiers")));
	}
	return ctl_list_table(ctl, &t, &rp);
}

static int
end_one(struct ctl *ctl, int code, struct ctl_reply *rp)
{
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, rp);
	print_incident(ctl, rp->root);
	ctl_reply_done(rp);
	return CTL_DONE;
}

int
cmd_incident_show(struct ctl *ctl)
{
	struct ctl_reply rp;

	if (ctl_opt(ctl, "missing"))
		return show_missing(ctl);
	return end_one(ctl, ctl_ask_one(ctl, "incidents", "", &rp), &rp);
}

int
cmd_incident_close(struct ctl *ctl)
{
	AUTO_FREE char *path = xasprintf("/incidents/%s/close", ctl->words[0]);
	struct ctl_reply rp;
	int code = ctl_check_id(ctl, ctl->words[0]);

	if (code == CTL_DONE)
		code = ctl_confirm(ctl, "let those be that have not renewed yet");
	if (code == CTL_DONE)
		code = ctl_ask(ctl, path, "{}", &rp);
	return end_one(ctl, code, &rp);
}
