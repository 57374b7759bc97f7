/* cmd_control.c - acmegatectl reload, drain, log level, version. */
#include <stdlib.h>

#include "config.h"
#include "ctl/ctl.h"
#include "json/jw.h"

int
cmd_reload(struct ctl *ctl)
{
	AUTO_FREE char *generation = NULL, *file = NULL;
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/reload", "{}", &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	generation = ctl_text(json_get(rp.root, "generation"));
	file = ctl_text(json_get(rp.root, "file"));
	buf_addf(&ctl->out, "generation %s of %s is in force\n", generation, file);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_drain(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ctl_confirm(ctl, "let the daemon end its requests and stop");

	if (code == CTL_DONE)
		code = ctl_ask(ctl, "/drain", "{}", &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	buf_adds(&ctl->out, "the daemon ends its requests and stops\n");
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_log_level(struct ctl *ctl)
{
	AUTO_BUF json = BUF_MAX(4096);
	AUTO_FREE char *level = NULL;
	struct jw w = jw_to(&json);
	struct ctl_reply rp;
	int code;

	jw_object(&w, NULL);
	if (ctl->word_count)
		jw_str(&w, "level", ctl->words[0]);
	jw_end(&w);
	code = ctl_ask(ctl, "/log", ctl->word_count ? buf_cstr(&json) : NULL, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	level = ctl_text(json_get(rp.root, "level"));
	buf_addf(&ctl->out, "%s\n", level);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_version(struct ctl *ctl)
{
	AUTO_FREE char *daemon = NULL;
	struct jw w = jw_to(&ctl->out);
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/status", NULL, &rp);

	if (code == CTL_DONE) {
		daemon = ctl_text(json_get(rp.root, "version"));
		ctl_reply_done(&rp);
	}
	if (ctl->json) {
		jw_object(&w, NULL);
		jw_str(&w, "acmegatectl", PACKAGE_VERSION);
		jw_str(&w, "acmegated", daemon);
		jw_end(&w);
		buf_addc(&ctl->out, '\n');
		return code;
	}
	buf_adds(&ctl->out, "acmegatectl " PACKAGE_VERSION "\n");
	if (daemon)
		buf_addf(&ctl->out, "acmegated %s\n", daemon);
	return code;
}
