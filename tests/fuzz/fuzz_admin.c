/* fuzz_admin.c - requests on the admin socket, from the target to the reply, on a store with rows. First line: GET or POST, a blank, the
 * target; "!" before it makes a stranger of who asks, "~" behind it leaves out the Content-Type. Then the body. $NAME in both is an id
 * of the scene. */
#include "inside.h"

#include <unistd.h>

#include "../unit/admin/scene.h"
#include "base/log.h"

static struct scene scene;

void __wrap_ca_post(struct ca *ca, struct ca_call *call);

/* No CA is asked, and the answer is there at once: a request that is replied to later is replied to before its function returns. */
void
__wrap_ca_post(struct ca *ca, struct ca_call *call)
{
	(void)ca;
	call->result = CA_UNREACHABLE;
	problem_set(&call->problem.problem, PROBLEM_SERVER_INTERNAL, "nobody is there");
	call->done(call, call->arg);
}

static void
end(void)
{
	inside.inside = false;
	scene_down(&scene);
}

/* A key for account binding, "mdm". */
static void
make_key(void)
{
	struct http_field type = { SPAN("Content-Type"), SPAN("application/json") };
	struct http_req rq = { .method = HTTP_POST, .fields = &type, .field_count = 1, .peer_uid = geteuid(), .target = SPAN("/eab"),
		.body = SPAN("{\"kid\":\"mdm\",\"uses\":3}") };

	if (inside_ask(admin_handle, &scene.admin, &rq) != 200)
		inside_die("no key");
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init(LOG_ERROR, LOG_LOGFMT);
	scene_up(&scene);
	atexit(end);
	inside.inside = true;
	make_key();
	inside_snapshot(scene.admin.store);
	return 0;
}

/* $NAME -> the ref; what is no name stays. */
static void
expand(struct span text, struct buf *out)
{
	const struct {
		const char *name, *ref;
	} ids[] = { { "account", scene.account }, { "other", scene.other }, { "pending", scene.pending }, { "invalid", scene.invalid },
		{ "processing", scene.processing }, { "valid", scene.valid }, { "cert2", scene.cert2 }, { "cert", scene.cert } };

	while (text.n) {
		size_t i = 0;

		while (i < COUNT_OF(ids) && !(text.p[0] == '$' && span_starts(span_from(text, 1), ids[i].name)))
			i++;
		if (i < COUNT_OF(ids)) {
			buf_adds(out, ids[i].ref);
			text = span_from(text, 1 + strlen(ids[i].name));
		} else {
			buf_addc(out, text.p[0]);
			text = span_from(text, 1);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_field type = { SPAN("Content-Type"), SPAN("application/json") };
	struct http_req rq = { .fields = &type, .field_count = 1, .peer_uid = geteuid() };
	AUTO_BUF target = BUF_MAX(1 << 16), body = BUF_MAX(1 << 20);
	struct span rest = span_of(data, size), line, method;

	if (!span_cut(&rest, '\n', &line) || !span_cut(&line, ' ', &method))
		return -1;
	if (span_starts(method, "!")) {
		method = span_from(method, 1);
		rq.peer_uid = 65534;
	}
	if (line.n && line.p[line.n - 1] == '~') {
		line.n--;
		rq.field_count = 0;
	}
	rq.method = span_is(method, "POST") ? HTTP_POST : span_is(method, "GET") ? HTTP_GET : HTTP_OTHER;
	expand(line, &target);
	expand(rest, &body);
	rq.target = buf_span(&target);
	rq.body = buf_span(&body);
	if (!inside_may_be_target(rq.target) || rq.body.n > http_default_limits.body_max_bytes)
		return -1;
	if (inside_ask(admin_handle, &scene.admin, &rq) < 400 && rq.method == HTTP_POST) {
		inside_restore(scene.admin.store);
		log_set_level(LOG_ERROR);
	}
	return 0;
}
