/* admin.c - see admin.h. The way of a request:
 *
 * front: admin_handle -> the peer's uid, if that can be told without a look-up -> the pool (503 when full)
 * worker: run -> the roles of the peer's uid -> resource, whether it is for one of them, query, body -> the resource's function -> reply */
#include "admin/admin.h"

#include <errno.h>
#include <stdlib.h>

#include "acme/problem_json.h"
#include "admin/call.h"
#include "base/clock.h"
#include "base/log.h"

#define BODY_MAX (8 * 1024 * 1024)
#define ERRORS_MAX (64 * 1024)

static struct call *
call_new(struct admin *admin, struct http_req *rq)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->admin = admin;
	c->http = rq;
	c->conf = conf_holder_take(admin->conf);
	c->out = BUF_MAX(BODY_MAX);
	c->errors = BUF_MAX(ERRORS_MAX);
	c->arguments = BUF_MAX(AUDIT_PERSONAL_MAX);
	c->w = jw_to(&c->out);
	c->content_type = "application/json";
	return c;
}

static void
call_free(struct call *c)
{
	/* of an account key perhaps, handed in or shown this once */
	json_wipe(c->doc);
	buf_wipe(&c->out);
	buf_done(&c->errors);
	buf_done(&c->arguments);
	free(c->operator_name);
	gate_conf_unref(c->conf);
	free(c);
}

void
call_restart(struct call *c)
{
	buf_clear(&c->out);
	c->w = jw_to(&c->out);
}

static void
write_problem(struct buf *out, const struct problem *pr, const struct buf *errors)
{
	struct jw w = jw_to(out);
	struct span rest = errors ? buf_span(errors) : SPAN_NONE, line;
	char type[64];

	buf_clear(out);
	if (rest.n == 0) {
		problem_json(out, pr, NULL);
		return;
	}
	snprintf(type, sizeof(type), PROBLEM_URN "%s", problem_type(pr->kind));
	jw_object(&w, NULL);
	jw_str(&w, "type", type);
	jw_str(&w, "detail", pr->detail);
	jw_int(&w, "status", problem_status(pr->kind));
	jw_array(&w, "errors");
	while (span_cut(&rest, '\n', &line)) {
		if (line.n)
			jw_span(&w, NULL, line);
	}
	jw_end(&w);
	jw_end(&w);
}

static void
fill_refusal(struct http_reply *rp, const struct problem *pr, const struct buf *errors)
{
	rp->status = problem_status(pr->kind);
	rp->content_type = "application/problem+json";
	rp->body.max = BODY_MAX;
	write_problem(&rp->body, pr, errors);
	if (pr->retry_after_s)
		http_reply_field(rp, "Retry-After", "%u", pr->retry_after_s);
}

void
admin_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg)
{
	(void)rq;
	(void)arg;
	fill_refusal(rp, pr, NULL);
	http_reply_field(rp, "Cache-Control", "no-store");
}

static void
log_call(const struct call *c, int status)
{
	const struct http_req *rq = c->http;
	bool change = rq->method != HTTP_GET;
	const char *problem = problem_type(c->pr.kind);

	/* who changed what is worth a line at any time */
	log_at(status >= 500 ? LOG_ERROR : change || status == 403 ? LOG_NOTICE : LOG_DEBUG, "admin",
		LI("uid", rq->peer_uid), LS("method", change ? "POST" : "GET"), LSP("path", rq->path), LI("status", status),
		LS("problem", problem), LS("detail", c->pr.detail), LS("cause", c->pr.cause));
}

/* Reply and let the request go. */
static void
finish(struct call *c, bool good)
{
	struct http_reply rp = http_reply_new(200);
	const struct resource *res = c->res;

	if (good && !(res->text ? buf_ok(&c->out) : jw_ok(&c->w)))
		good = problem_internal(&c->pr, "the reply is too large");
	if (good) {
		rp.content_type = c->content_type;
		buf_done(&rp.body);
		rp.body = c->out;
		c->out = BUF_MAX(0);
	} else {
		fill_refusal(&rp, &c->pr, &c->errors);
	}
	http_reply_field(&rp, "Cache-Control", "no-store");
	log_call(c, rp.status);
	http_reply(c->http, &rp);
	c->http = NULL;
	if (good && res && res->after)
		res->after(c);
	call_free(c);
}

static bool
has_role(struct call *c)
{
	unsigned long uid = c->http->peer_uid;

	if (c->roles)
		return true;
	return problem_set(&c->pr, PROBLEM_UNAUTHORIZED,
		"user %lu may not administer this gateway: admin_users, operators, auditors and viewers of the configuration name who may", uid);
}

static bool
may_call(struct call *c)
{
	if (roles_allow(c->roles, c->res->role))
		return true;
	return problem_set(&c->pr, PROBLEM_UNAUTHORIZED, "this takes the role %s, and you are %s", role_name(c->res->role), role_name(roles_first(c->roles)));
}

static bool
knows_parameter(const struct resource *res, struct span name)
{
	struct span rest = span_str(res->query), known;

	while (res->query && span_cut(&rest, ' ', &known)) {
		if (span_eq(known, name))
			return true;
	}
	return false;
}

static bool
check_query(struct call *c)
{
	struct span rest = c->http->query, part, name;

	while (rest.p && span_cut(&rest, '&', &part)) {
		if (!span_cut(&part, '=', &name))
			continue;
		if (!knows_parameter(c->res, name))
			return problem_set(&c->pr, PROBLEM_MALFORMED, "unknown parameter \"%s\"", QUOTE(name));
	}
	return true;
}

struct span
call_query(const struct call *c, const char *name)
{
	struct span rest = c->http->query, part, key;

	while (rest.p && span_cut(&rest, '&', &part)) {
		if (span_cut(&part, '=', &key) && span_is(key, name) && part.n)
			return part;
	}
	return SPAN_NONE;
}

static bool
find_resource(struct call *c)
{
	bool known;

	c->res = resource_find(c->http->method, c->http->path, &c->ref, &known);
	if (c->res)
		return true;
	if (known)
		return problem_set(&c->pr, PROBLEM_METHOD_NOT_ALLOWED, "this resource is not asked by this method");
	return problem_set(&c->pr, PROBLEM_NOT_FOUND, "no such resource");
}

static bool
read_body(struct call *c)
{
	struct span text = c->http->body;

	if (c->http->method != HTTP_POST)
		return true;
	if (text.n == 0)
		text = SPAN("{}");
	else if (!span_is_nocase(http_req_field(c->http, "Content-Type"), "application/json"))
		return problem_set(&c->pr, PROBLEM_MEDIA_TYPE, "the Content-Type must be application/json");
	if (!json_parse(text, "body", NULL, &c->doc, &c->pr))
		return false;
	c->body = json_obj(json_root(c->doc), "body", &c->pr);
	return json_ok(&c->body);
}

#define STRANGER_MS 1000

/* One a second is noted: who floods must not fill the trail. */
static bool
is_stranger_due(struct admin *admin)
{
	return clock_ms() >= atomic_load(&admin->strangers_from_ms);
}

static bool
take_stranger(struct admin *admin)
{
	int64_t now = clock_ms(), next = atomic_load(&admin->strangers_from_ms);

	return now >= next && atomic_compare_exchange_strong(&admin->strangers_from_ms, &next, now + STRANGER_MS);
}

/* The function has returned, and what it lent to the entry has gone with it. */
static void
let_go(struct call *c)
{
	c->audit = (struct audit_entry){ .event = c->audit.event };
}

/* Who changes something, or tries to, is in the audit trail, and so is who may ask nothing. */
static void
note_refusal(struct call *c, bool is_stranger)
{
	enum audit_outcome outcome = problem_status(c->pr.kind) >= 500 ? AUDIT_FAILED : AUDIT_REFUSED;
	struct problem pr = { 0 };

	if (is_stranger ? !take_stranger(c->admin) : c->http->method != HTTP_POST)
		return;
	let_go(c);
	if (is_stranger)
		c->audit.event = AUDIT_OPERATOR_LOGIN_FAILED;
	if (!call_note(c, outcome, &pr))
		log_error("audit_failed", LPR(&pr));
}

/* What has changed nothing in the store is noted after it, and what goes on by itself before. */
static bool
carry_out(struct call *c)
{
	bool changes = c->http->method == HTTP_POST, later = c->res->later;

	if (changes && later && !call_note(c, AUDIT_OK, &c->pr))
		return false;
	if (!c->res->fn(c))
		return false;
	if (!changes || later || c->is_noted)
		return true;
	let_go(c);
	return call_note(c, AUDIT_OK, &c->pr);
}

/* Worker */
static void
run(void *arg)
{
	struct call *c = arg;
	bool may, ready, later;

	c->roles = roles_of(c->conf, c->http->peer_uid, c->http->peer_gid);
	may = has_role(c);
	call_identify(c);
	ready = may && find_resource(c) && may_call(c) && check_query(c) && read_body(c);
	later = ready && c->res->later;
	/* one that replies later may be gone by then */
	if (!(ready && carry_out(c))) {
		note_refusal(c, !may);
		finish(c, false);
	} else if (!later) {
		finish(c, true);
	}
}

void
call_end(struct call *c)
{
	finish(c, true);
}

void
admin_handle(struct http_req *rq, void *arg)
{
	struct admin *admin = arg;
	struct call *c = call_new(admin, rq);

	/* strangers cost no worker unless somebody may be named */
	if (!roles_named(c->conf) && roles_of(c->conf, rq->peer_uid, rq->peer_gid) == 0 && !is_stranger_due(admin)) {
		finish(c, has_role(c));
	} else if (!pool_try(admin->pool, run, c)) {
		c->pr.retry_after_s = 5;
		finish(c, problem_set(&c->pr, PROBLEM_OVERLOADED, "the gateway is busy, please try again later"));
	}
}
