/* control.c - POST /reload, POST /drain, POST /backups, GET and POST /log, GET /config. */
#include "admin/call.h"
#include "base/log.h"

/* The text's first line says what came of it, the others are the faults. */
static bool
refuse(struct call *c, const struct buf *text)
{
	struct span rest = buf_span(text), what = SPAN_NONE;

	span_cut(&rest, '\n', &what);
	buf_addspan(&c->errors, rest);
	return problem_set(&c->pr, PROBLEM_MALFORMED, "the configuration was %.*s", SPAN_FMT(what));
}

bool
call_reload(struct call *c)
{
	AUTO_BUF text = BUF_MAX(c->errors.max);
	struct gate_conf *conf;

	if (!c->admin->reload(c->admin->arg, &text))
		return refuse(c, &text);
	conf = conf_holder_take(c->admin->conf);
	jw_object(&c->w, NULL);
	jw_int(&c->w, "generation", conf->generation);
	jw_str(&c->w, "file", conf->path);
	jw_end(&c->w);
	gate_conf_unref(conf);
	return true;
}

bool
call_drain(struct call *c)
{
	jw_object(&c->w, NULL);
	jw_bool(&c->w, "draining", true);
	jw_end(&c->w);
	return true;
}

void
call_drain_after(struct call *c)
{
	c->admin->drain(c->admin->arg);
}

/* acmegatectl has made one, by itself: for the audit trail. */
bool
call_backup(struct call *c)
{
	struct span folder = json_req_str(&c->body, "folder", 1024);

	if (!json_ok(&c->body))
		return false;
	jw_object(&c->w, NULL);
	jw_span(&c->w, "folder", folder);
	jw_end(&c->w);
	return true;
}

static const char *const level_names[] = { [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug" };

bool
call_log(struct call *c)
{
	enum log_level level = LOG_ERROR;

	while (level < LOG_DEBUG && log_wants(level + 1))
		level++;
	jw_object(&c->w, NULL);
	jw_str(&c->w, "level", level_names[level]);
	jw_end(&c->w);
	return true;
}

bool
call_log_set(struct call *c)
{
	struct span name = json_req_str(&c->body, "level", 32);
	enum log_level level;

	if (!json_ok(&c->body))
		return false;
	if (!log_level_parse(name, &level))
		return problem_set(&c->pr, PROBLEM_MALFORMED,
			"level is \"%s\", expected error, warning, notice, info or debug", QUOTE(name));
	log_set_level(level);
	return call_log(c);
}

bool
call_config(struct call *c)
{
	AUTO_BUF text = BUF_MAX(c->out.max);

	if (!conf_write_json(gate_conf_keys, c->conf, &text))
		return problem_internal(&c->pr, "the configuration is too large to be shown");
	jw_raw(&c->w, NULL, buf_span(&text));
	return true;
}
