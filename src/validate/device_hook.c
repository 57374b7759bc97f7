/* device_hook.c - a hook is asked whether a device may have what it orders: a program, or a server by HTTPS.
 *
 * The question goes to the program's standard input, or in the body of a POST; the answer comes by standard output, or in the reply.
 * Whatever is no answer - too late, another exit status or HTTP status, no JSON - is none: asked again at the profile's times, and
 * then the device is refused. */
#include <stdio.h>

#include "base/log.h"
#include "base/secret.h"
#include "validate/hook_answer.h"
#include "validate/validate.h"

#define TOKEN_MAX 4096

/* No answer. Nothing of why is told to the device. */
static void
unanswered(struct validation *v, const char *why, struct span errors)
{
	log_warning("device_hook", LS("ident", v->ident.value), LS("hook", v->hook.program ? v->hook.program : v->hook.url), LS("fault", why),
		LSP("stderr", errors));
	problem_set(&v->problem, PROBLEM_SERVER_INTERNAL, "whether device \"%s\" may have this could not be found out", QUOTE(span_str(v->ident.value)));
	v->done(v);
}

static void
answered(struct validation *v, struct span text)
{
	struct hook_answer a;
	struct problem why = { 0 };

	if (!hook_answer_parse(text, &a, &why)) {
		unanswered(v, why.detail, SPAN_NONE);
		return;
	}
	v->proven = a.allow;
	v->final = !a.allow;
	if (!a.allow && a.say[0])
		problem_set(&v->problem, PROBLEM_REJECTED_IDENTIFIER, "%s", a.say);
	else if (!a.allow)
		problem_set(&v->problem, PROBLEM_REJECTED_IDENTIFIER, "device \"%s\" may not have this: its owner must ask the operator of this gateway",
			QUOTE(span_str(v->ident.value)));
	v->done(v);
}

static void
on_exit_of(const struct proc_reply *reply, void *arg)
{
	struct validation *v = arg;
	char why[64];

	if (reply->result == PROC_EXITED && reply->code == 0) {
		answered(v, reply->output);
		return;
	}
	snprintf(why, sizeof(why), "%s %d", proc_result_name(reply->result), reply->code);
	unanswered(v, why, reply->errors);
}

static void
on_reply(struct httpc_reply *rp, void *arg)
{
	struct validation *v = arg;
	char why[192];

	if (rp->connected.family)
		addr_text(&rp->connected, v->where);
	if (rp->result == HTTPC_OK && rp->status >= 200 && rp->status < 300) {
		answered(v, buf_span(&rp->body));
		return;
	}
	if (rp->result == HTTPC_OK)
		snprintf(why, sizeof(why), "status %d", rp->status);
	else
		snprintf(why, sizeof(why), "%s: %s", httpc_result_name(rp->result), rp->error);
	unanswered(v, why, SPAN_NONE);
}

/* ---- start ---- */

static void
ask_program(struct validation *v)
{
	proc_start(v->env->proc,
		&(struct proc_request){ .path = v->hook.program, .input = v->hook.question, .output_max = HOOK_ANSWER_MAX, .queue_ms = v->timeout_ms,
			.run_ms = v->timeout_ms },
		on_exit_of, v);
}

/* "Bearer TOKEN"; a token is a word. */
static bool
read_token(const char *file, struct buf *ret, struct problem *pr)
{
	AUTO_SECRET text = BUF_MAX(TOKEN_MAX);
	struct span token;

	buf_reserve(&text, TOKEN_MAX);
	if (!file_load(file, &text, pr))
		return false;
	token = buf_span(&text);
	while (token.n && strchr(" \t\r\n", token.p[token.n - 1]))
		token.n--;
	buf_reserve(ret, token.n + sizeof("Bearer "));
	buf_adds(ret, "Bearer ");
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] <= ' ' || token.p[i] >= 0x7f)
			token.n = 0;
		else
			buf_addc(ret, token.p[i]);
	}
	return token.n ? true : problem_internal(pr, "%s has no token", file);
}

static void
on_no_token(void *arg)
{
	unanswered(arg, "the token cannot be read", SPAN_NONE);
}

static void
ask_server(struct validation *v)
{
	AUTO_SECRET token = BUF_MAX(TOKEN_MAX + sizeof("Bearer "));
	struct problem pr = { 0 };

	if (v->hook.token_file && !read_token(v->hook.token_file, &token, &pr)) {
		loop_post(v->env->loop, on_no_token, v);
		return;
	}
	httpc_start(v->env->httpc,
		&(struct httpc_request){ .method = "POST", .url = v->hook.url, .body = v->hook.question, .content_type = "application/json",
			.accept = "application/json", .authorization = v->hook.token_file ? buf_cstr(&token) : NULL, .ca_file = v->hook.ca_file,
			.connect_ms = v->timeout_ms, .total_ms = v->timeout_ms, .body_max_bytes = HOOK_ANSWER_MAX },
		on_reply, v);
}

/* The profile has none any more: the statement stands for itself. */
static void
on_nobody(void *arg)
{
	struct validation *v = arg;

	v->proven = true;
	v->done(v);
}

void
device_hook_start(struct validation *v)
{
	if (v->hook.program)
		ask_program(v);
	else if (v->hook.url)
		ask_server(v);
	else
		loop_post(v->env->loop, on_nobody, v);
}
