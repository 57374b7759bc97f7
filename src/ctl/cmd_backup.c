/* cmd_backup.c - acmegatectl backup, restore: the only commands that open the database themselves. */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/backup.h"
#include "ctl/ctl.h"
#include "json/jw.h"

static struct gate_conf *
load(struct ctl *ctl)
{
	const char *file = ctl_opt(ctl, "config");
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = gate_conf_load(file ? file : CTL_CONFIG_FILE, &errors);

	if (!conf)
		ctl_fail(ctl, CTL_USAGE, "%.*s", (int)strcspn(buf_cstr(&errors.text), "\n"), buf_cstr(&errors.text));
	conf_errors_done(&errors);
	return conf;
}

static int
fail(struct ctl *ctl, const struct problem *pr)
{
	int code = ctl_exit_of(problem_status(pr->kind), span_str(problem_type(pr->kind)));

	return ctl_fail(ctl, code, "%s", pr->cause[0] ? pr->cause : pr->detail);
}

/* The daemon has it on record. */
static int
tell_daemon(struct ctl *ctl, const struct gate_conf *conf, const char *folder)
{
	AUTO_BUF json = BUF_MAX(8192);
	struct jw w = jw_to(&json);
	struct ctl_reply rp;
	int code;

	if (!backup_gate_runs(conf)) {
		ctl_note(ctl, "the daemon does not run: its audit trail does not have this backup");
		return CTL_DONE;
	}
	jw_object(&w, NULL);
	jw_str(&w, "folder", folder);
	jw_end(&w);
	code = ctl_ask(ctl, "/backups", buf_cstr(&json), &rp);
	if (code == CTL_DONE)
		ctl_reply_done(&rp);
	return code;
}

int
cmd_backup(struct ctl *ctl)
{
	struct gate_conf *conf = load(ctl);
	AUTO_BUF manifest = BUF_MAX(64 * 1024);
	const char *folder = ctl->words[0];
	bool with_key = ctl_opt(ctl, "with-master-key");
	struct problem pr = { 0 };
	int code;

	if (!conf)
		return CTL_USAGE;
	code = backup_make(conf, folder, with_key, &manifest, &pr) ? CTL_DONE : fail(ctl, &pr);
	if (code == CTL_DONE)
		code = tell_daemon(ctl, conf, folder);
	if (code == CTL_DONE && ctl->json)
		buf_addspan(&ctl->out, buf_span(&manifest));
	else if (code == CTL_DONE)
		buf_addf(&ctl->out, "%s has the database as it was just now, and was read again to be sure\n%s\n", folder,
			with_key ? "master.key is in it, too: whoever has this folder has all keys" :
				   "the master key is not in it: nothing that is sealed can be opened without, so keep it elsewhere");
	gate_conf_unref(conf);
	return code;
}

static void
print_restored(struct ctl *ctl, const struct restore *r, const struct restored *done)
{
	struct jw w = jw_to(&ctl->out);
	char made[TIME_TEXT];

	time_rfc3339(done->made_at ? done->made_at : clock_unix_s(), made);
	if (ctl->json) {
		jw_object(&w, NULL);
		jw_str(&w, "made", made);
		jw_bool(&w, "restored", !r->check);
		jw_int(&w, "orders_ended", done->orders_ended);
		jw_int(&w, "limits_spent", done->buckets_spent);
		jw_end(&w);
		buf_addc(&ctl->out, '\n');
		return;
	}
	if (r->folder)
		buf_addf(&ctl->out, r->check ? "%s is whole, of %s, and can be restored here\n" : "%s of %s is restored\n", r->folder, made);
	if (!r->unchanged)
		buf_addf(&ctl->out, "%lld orders under way %s, so that none is issued twice; %lld limits of CAs %s as used up\n",
			(long long)done->orders_ended, r->check ? "would end" : "have ended", (long long)done->buckets_spent, r->check ? "would count" : "count");
	if (!r->check && !done->has_master_key)
		buf_adds(&ctl->out, "put the master key in its place before you start the daemon\n");
}

int
cmd_restore(struct ctl *ctl)
{
	struct gate_conf *conf = load(ctl);
	AUTO_FREE char *uid = xasprintf("%lu", (unsigned long)getuid());
	struct passwd *pw = getpwuid(getuid());
	const struct restore r = { .folder = ctl->word_count ? ctl->words[0] : NULL, .check = ctl_opt(ctl, "check"), .unchanged = ctl_opt(ctl, "unchanged"), .uid = uid,
		.user = pw ? pw->pw_name : NULL };
	struct restored done;
	struct problem pr = { 0 };
	int code;

	if (!conf)
		return CTL_USAGE;
	code = r.check ? CTL_DONE : ctl_confirm(ctl, "restore %s to %s", r.folder ? r.folder : "what pg_restore has put back",
							     span_starts(span_str(conf->store), "sqlite:") ? conf->store : "PostgreSQL");
	if (code == CTL_DONE)
		code = backup_restore(conf, &r, &done, &pr) ? CTL_DONE : fail(ctl, &pr);
	if (code == CTL_DONE)
		print_restored(ctl, &r, &done);
	gate_conf_unref(conf);
	return code;
}
