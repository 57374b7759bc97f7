/* cmd_renewals.c - acmegatectl renewals due: which of my certificates had better be renewed now? Asks a gateway's public face, 64 certificates
 * at a time (doc/mass-ari.md), as whoever has them does: without an account, and without the daemon's socket. A server that has RFC 9773
 * alone is asked for one after the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "json/jw.h"
#include "pki/cert.h"
#include "pki/certid.h"

#define INPUT_LINE_MAX 4096
#define PEM_MAX (256 * 1024)
#define AT_ONCE 64
#define URL_MAX 4000    /* octets of a list in a URL; a server takes 4096 */
#define CERTS_MAX 1000000
#define WAIT_MAX_S 120  /* who is told to wait longer is to come again */
#define WAITS_MAX 60

struct cert_line {
	char *name;              /* what it was called: a file, or the certID; owned */
	char certid[CERTID_TEXT];
	int64_t start, end, at;  /* the window, and its time in it; unix s, 0 0 0 = not known */
	char *page, *fault;      /* explanationURL; why nothing is known; owned, or NULL */
};

struct renewals {
	struct ctl *ctl;
	struct ctl_web *web;
	char *batch, *single;    /* URLs of the directory; owned, NULL = it has none */
	struct cert_line *certs; /* owned */
	size_t count;
	int64_t now, within_s;
	unsigned waits;
};

/* ---- what is asked about ---- */

static struct cert_line *
add(struct renewals *r, struct span name)
{
	struct cert_line *c;

	if ((r->count & (r->count - 1)) == 0)
		r->certs = xrealloc(r->certs, (r->count ? 2 * r->count : 1) * sizeof(*r->certs));
	c = &r->certs[r->count++];
	*c = (struct cert_line){ .name = span_dup(name) };
	return c;
}

static void
take_pem(struct cert_line *c, struct span pem)
{
	struct chain chain = { 0 };
	struct problem pr = { 0 };

	if (!chain_parse(pem, &chain, &pr))
		c->fault = xstrdup(pr.cause[0] ? pr.cause : pr.detail);
	else if (!chain.certs[0]->certid[0])
		c->fault = xstrdup("the certificate has no authority key identifier");
	else
		memcpy(c->certid, chain.certs[0]->certid, sizeof(c->certid));
	chain_done(&chain);
}

static void
take_file(struct cert_line *c)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	struct problem pr = { 0 };

	if (file_load(c->name, &pem, &pr))
		take_pem(c, buf_span(&pem));
	else
		c->fault = xstrdup(pr.cause[0] ? pr.cause : pr.detail);
}

/* A line: a certID, or the name of a file; or a certificate in PEM begins there. */
static void
take_line(struct renewals *r, struct span line, struct buf *pem, unsigned *in_pem)
{
	struct problem pr = { 0 };
	struct certid id;
	char name[32];

	line = span_trim(line);
	if (*in_pem || span_is(line, "-----BEGIN CERTIFICATE-----")) {
		*in_pem = 1;
		buf_addspan(pem, line);
		buf_addc(pem, '\n');
		if (!span_is(line, "-----END CERTIFICATE-----"))
			return;
		*in_pem = 0;
		snprintf(name, sizeof(name), "certificate %zu", r->count + 1);
		take_pem(add(r, span_str(name)), buf_span(pem));
		buf_clear(pem);
	} else if (line.n && line.p[0] != '#') {
		struct cert_line *c = add(r, line);

		if (certid_parse(line, &id, &pr))
			memcpy(c->certid, id.text, sizeof(c->certid));
		else
			take_file(c);
	}
}

static int
read_stdin(struct renewals *r)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	char line[INPUT_LINE_MAX];
	unsigned in_pem = 0;

	while (fgets(line, sizeof(line), stdin)) {
		size_t n = strlen(line);

		if (n == sizeof(line) - 1 && line[n - 1] != '\n')
			return ctl_fail(r->ctl, CTL_USAGE, "a line is longer than %d octets", INPUT_LINE_MAX - 2);
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (r->count == CERTS_MAX)
			return ctl_fail(r->ctl, CTL_USAGE, "more than %d certificates", CERTS_MAX);
		take_line(r, span_of(line, n), &pem, &in_pem);
		if (pem.failed)
			return ctl_fail(r->ctl, CTL_USAGE, "a certificate is longer than %d octets", PEM_MAX);
	}
	if (ferror(stdin))
		return ctl_fail(r->ctl, CTL_FAILED, "standard input: %s", strerror(errno));
	return in_pem ? ctl_fail(r->ctl, CTL_USAGE, "the last certificate has no end") : CTL_DONE;
}

/* ---- the server ---- */

/* GET; one that says 429 or 503 is asked again when it wants to be. */
static int
get(struct renewals *r, const char *url, struct ctl_reply *ret, int *ret_status)
{
	for (;;) {
		int64_t wait_s;
		int code = ctl_web_get(r->ctl, r->web, url, ret, ret_status, &wait_s);

		if (code != CTL_DONE || (*ret_status != 429 && *ret_status != 503))
			return code;
		ctl_reply_done(ret);
		if (wait_s > WAIT_MAX_S || ++r->waits > WAITS_MAX)
			return ctl_fail(r->ctl, CTL_LATER, "the server wants to be asked again in %lld s", (long long)wait_s);
		sleep((unsigned)(wait_s > 0 ? wait_s : 5));
	}
}

static int
read_directory(struct renewals *r)
{
	const char *url = ctl_opt(r->ctl, "directory");
	struct ctl_reply rp;
	int status, code;

	if (!url)
		return ctl_fail(r->ctl, CTL_USAGE, "--directory is missing");
	code = get(r, url, &rp, &status);
	if (code != CTL_DONE)
		return code;
	if (status == 200 && json_text(json_get(rp.root, "acmegate-renewalInfoBatch")).n)
		r->batch = span_dup(json_text(json_get(rp.root, "acmegate-renewalInfoBatch")));
	if (status == 200 && json_text(json_get(rp.root, "renewalInfo")).n)
		r->single = span_dup(json_text(json_get(rp.root, "renewalInfo")));
	ctl_reply_done(&rp);
	if (r->batch || r->single)
		return CTL_DONE;
	return ctl_fail(r->ctl, status == 200 ? CTL_FAILED : ctl_exit_of(status, SPAN_NONE), "%s: status %d, no directory with renewalInfo", url, status);
}

/* Where in its window? Always the same place, so that who asks every hour does not draw again and again (RFC 9773 4.2). */
static int64_t
place_in(const struct cert_line *c)
{
	return c->start + (int64_t)(span_hash(span_str(c->certid)) % (uint64_t)(c->end - c->start));
}

static void
take_info(struct cert_line *c, const struct json_node *info)
{
	const struct json_node *window = json_get(info, "suggestedWindow");
	struct span page = json_text(json_get(info, "explanationURL"));

	/* one that ends before it begins is as good as none (4.2) */
	if (!time_rfc3339_parse(json_text(json_get(window, "start")), &c->start) || !time_rfc3339_parse(json_text(json_get(window, "end")), &c->end) ||
		c->end <= c->start) {
		c->start = c->end = 0;
		c->fault = xstrdup("the answer has no window");
		return;
	}
	c->at = place_in(c);
	c->page = page.n ? span_dup(page) : NULL;
}

static void
take_answer(struct cert_line *c, const struct json_node *root)
{
	const struct json_node *entry = json_get(json_get(root, "entries"), c->certid), *error = json_get(json_get(root, "errors"), c->certid);

	if (entry)
		take_info(c, json_get(entry, "renewalInfo"));
	else
		c->fault = error ? ctl_problem(error) : xstrdup("the answer does not have it");
}

static int
failed(struct renewals *r, int status, const struct ctl_reply *rp)
{
	AUTO_FREE char *problem = ctl_problem(rp->root);

	return ctl_fail(r->ctl, ctl_exit_of(status, json_text(json_get(rp->root, "type"))), "status %d %s", status, problem ? problem : "");
}

/* From `at` on, as many as go into one URL. */
static int
ask_list(struct renewals *r, size_t at, size_t *ret_next)
{
	AUTO_BUF url = BUF_MAX(16384);
	struct ctl_reply rp;
	size_t asked = 0, begin, end = at;
	int status, code;

	buf_addf(&url, "%s/", r->batch);
	begin = url.n;
	for (; end < r->count && asked < AT_ONCE; end++) {
		if (!r->certs[end].certid[0])
			continue;
		if (url.n - begin + CERTID_TEXT > URL_MAX)
			break;
		buf_addf(&url, "%s%s", asked++ ? "," : "", r->certs[end].certid);
	}
	*ret_next = end;
	if (asked == 0)
		return CTL_DONE;
	code = get(r, buf_cstr(&url), &rp, &status);
	if (code != CTL_DONE)
		return code;
	code = status == 200 ? CTL_DONE : failed(r, status, &rp);
	for (size_t i = at; code == CTL_DONE && i < end; i++) {
		if (r->certs[i].certid[0])
			take_answer(&r->certs[i], rp.root);
	}
	ctl_reply_done(&rp);
	return code;
}

static int
ask_one(struct renewals *r, struct cert_line *c)
{
	AUTO_FREE char *url = xasprintf("%s%s%s", r->single, r->single[strlen(r->single) - 1] == '/' ? "" : "/", c->certid);
	struct ctl_reply rp;
	int status, code = c->certid[0] ? get(r, url, &rp, &status) : CTL_DONE;

	if (code != CTL_DONE || !c->certid[0])
		return code;
	if (status == 200)
		take_info(c, rp.root);
	else
		c->fault = status == 400 || status == 404 ? ctl_problem(rp.root) : NULL;
	if (status != 200 && !c->fault)
		code = failed(r, status, &rp);
	ctl_reply_done(&rp);
	return code;
}

static int
ask_all(struct renewals *r)
{
	int code = CTL_DONE;

	for (size_t i = 0; code == CTL_DONE && i < r->count;) {
		if (r->batch)
			code = ask_list(r, i, &i);
		else
			code = ask_one(r, &r->certs[i++]);
	}
	return code;
}

/* ---- what is said ---- */

static bool
is_due(const struct renewals *r, const struct cert_line *c)
{
	return c->end != 0 && c->at <= r->now + r->within_s;
}

static bool
is_shown(const struct renewals *r, const struct cert_line *c)
{
	return ctl_opt(r->ctl, "all") || is_due(r, c);
}

static char *
time_of(int64_t t)
{
	char text[TIME_TEXT];

	return xstrdup(t ? time_rfc3339(t, text) : "");
}

static void
print_table(struct renewals *r)
{
	static const struct column columns[] = { { "CERTIFICATE", .may_cut = true }, { "RENEW" }, { "START" }, { "END" }, { "CERTID" }, { "WHY", .may_cut = true } };
	struct table t = table_of(columns, COUNT_OF(columns));

	for (size_t i = 0; i < r->count; i++) {
		const struct cert_line *c = &r->certs[i];

		if (!is_shown(r, c))
			continue;
		table_add(&t, xstrdup(c->name));
		table_add(&t, c->end == 0 ? xstrdup("unknown") : is_due(r, c) ? xstrdup("now") : time_of(c->at));
		table_add(&t, time_of(c->start));
		table_add(&t, time_of(c->end));
		table_add(&t, xstrdup(c->certid));
		table_add(&t, xstrdup(c->fault ? c->fault : c->page ? c->page : ""));
	}
	if (t.cell_count)
		table_write(&t, r->ctl->plain, r->ctl->width, &r->ctl->out);
	table_done(&t);
}

static void
print_json(struct renewals *r)
{
	struct jw w = jw_to(&r->ctl->out);

	jw_object(&w, NULL);
	jw_array(&w, "certificates");
	for (size_t i = 0; i < r->count; i++) {
		const struct cert_line *c = &r->certs[i];

		if (!is_shown(r, c))
			continue;
		jw_object(&w, NULL);
		jw_str(&w, "name", c->name);
		jw_str(&w, "certID", c->certid);
		jw_bool(&w, "due", is_due(r, c));
		if (c->end) {
			jw_time(&w, "renew", c->at);
			jw_time(&w, "start", c->start);
			jw_time(&w, "end", c->end);
		}
		if (c->page)
			jw_str(&w, "explanationURL", c->page);
		if (c->fault)
			jw_str(&w, "error", c->fault);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	buf_addc(&r->ctl->out, '\n');
}

/* Those of which nothing is known, on stderr: a script must not take silence for "not due", and for people how many are. */
static int
tell_faults(struct renewals *r)
{
	size_t faults = 0, due = 0;

	for (size_t i = 0; i < r->count; i++) {
		due += is_due(r, &r->certs[i]);
		if (!r->certs[i].fault)
			continue;
		faults++;
		if (!ctl_opt(r->ctl, "all"))
			ctl_note(r->ctl, "%s: %s", r->certs[i].name, r->certs[i].fault);
	}
	if (!r->ctl->plain)
		ctl_note(r->ctl, "%zu of %zu due", due, r->count);
	return faults ? CTL_FAILED : CTL_DONE;
}

static int
read_within(struct renewals *r)
{
	const char *text = ctl_opt(r->ctl, "within");

	if (text && !conf_time_parse(span_str(text), &r->within_s))
		return ctl_fail(r->ctl, CTL_USAGE, "--within \"%s\" is no time such as 12h", text);
	return CTL_DONE;
}

int
cmd_renewals_due(struct ctl *ctl)
{
	struct renewals r = { .ctl = ctl, .web = ctl_web_new(), .now = clock_unix_s() };
	int code = read_within(&r);

	if (code == CTL_DONE)
		code = read_directory(&r);
	if (code == CTL_DONE)
		code = read_stdin(&r);
	if (code == CTL_DONE)
		code = ask_all(&r);
	if (code == CTL_DONE) {
		ctl->json ? print_json(&r) : print_table(&r);
		code = tell_faults(&r);
	}
	for (size_t i = 0; i < r.count; i++) {
		free(r.certs[i].name);
		free(r.certs[i].page);
		free(r.certs[i].fault);
	}
	free(r.certs);
	free(r.batch);
	free(r.single);
	ctl_web_free(r.web);
	return code;
}
