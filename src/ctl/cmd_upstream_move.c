/* cmd_upstream_move.c - acmegatectl upstream rotate-key, set-eab, deactivate, register: what is done about our account at a CA. The
 * daemon puts it on record and does it as a job; these commands wait for what comes of it. */
#include <stdlib.h>
#include <time.h>

#include "base/secret.h"
#include "ctl/upstream.h"

#define LOOK_MS 300
#define WAIT_S 60

static void
sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static bool
is_state(const struct json_node *u, const char *state)
{
	return span_is(json_text(json_get(json_get(u, "account"), "state")), state);
}

/* Until the account is not in state `during` any more; the entry is in *ret then. With CTL_LATER, too. */
static int
wait_for(struct ctl *ctl, const char *during, struct ctl_reply *ret)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], "");

	for (int i = 0;; i++) {
		int code = ctl_ask(ctl, path, NULL, ret);

		if (code != CTL_DONE || !is_state(ret->root, during))
			return code;
		if (i * LOOK_MS > WAIT_S * 1000)
			return CTL_LATER;
		ctl_reply_done(ret);
		sleep_ms(LOOK_MS);
	}
}

/* What came of it: in state `good`, and the CA had nothing to say against it. */
static int
outcome(struct ctl *ctl, const char *during, const char *good)
{
	struct ctl_reply rp;
	int code = wait_for(ctl, during, &rp);
	AUTO_FREE char *trouble = NULL;

	if (code != CTL_DONE && code != CTL_LATER)
		return code;
	trouble = ctl_text(json_get(json_get(rp.root, "account"), "trouble"));
	if (code == CTL_LATER)
		ctl_fail(ctl, code, "it is under way still%s%s: upstream show tells what becomes of it", *trouble ? ": " : "", trouble);
	else if (!is_state(rp.root, good) || *trouble)
		code = ctl_fail(ctl, CTL_REFUSED, "%s", *trouble ? trouble : "it did not come to that: upstream show tells more");
	else if (ctl->json)
		ctl_print_json(ctl, &rp);
	else
		upstream_print(ctl, rp.root);
	ctl_reply_done(&rp);
	return code;
}

static int
post(struct ctl *ctl, const char *what, const char *json)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], what);
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, json, &rp);

	if (code == CTL_DONE)
		ctl_reply_done(&rp);
	return code;
}

int
cmd_upstream_rotate_key(struct ctl *ctl)
{
	int code = post(ctl, "/rotate-key", "{}");

	return code == CTL_DONE ? outcome(ctl, "changing-key", "valid") : code;
}

int
cmd_upstream_register(struct ctl *ctl)
{
	int code = post(ctl, "/register", "{}");

	return code == CTL_DONE ? outcome(ctl, "none", "valid") : code;
}

int
cmd_upstream_deactivate(struct ctl *ctl)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], "/stake");
	struct ctl_reply rp;
	int code = ctl_opt(ctl, "yes") ? CTL_DONE : ctl_ask(ctl, path, NULL, &rp);

	if (code == CTL_DONE && !ctl_opt(ctl, "yes")) {
		upstream_print_stake(ctl, rp.root);
		ctl_reply_done(&rp);
		code = ctl_flush(ctl);
		if (code == CTL_DONE)
			code = ctl_confirm(ctl, "deactivate our account at %s for ever, and lose this", ctl->words[0]);
	}
	if (code == CTL_DONE)
		code = post(ctl, "/deactivate", "{}");
	return code == CTL_DONE ? outcome(ctl, "deactivating", "deactivated") : code;
}

/* ---- set-eab ---- */

static int
write_eab(struct ctl *ctl, struct buf *out)
{
	static const char *const texts[] = { "kid", "alg", "encoding" };
	AUTO_SECRET key = BUF_MAX(CTL_SECRET_MAX);
	struct jw w = jw_to(out);
	char expires[TIME_TEXT];
	int code = ctl_opt_expires(ctl, expires);

	if (!ctl_opt(ctl, "kid") != !ctl_opt(ctl, "key-file"))
		return ctl_fail(ctl, CTL_USAGE, "--kid and --key-file need each other");
	if (!ctl_opt(ctl, "kid") && !expires[0])
		return ctl_fail(ctl, CTL_USAGE, "--kid and --key-file are missing: what did the CA give you?");
	if (code == CTL_DONE && ctl_opt(ctl, "key-file"))
		code = ctl_read_secret(ctl, ctl_opt(ctl, "key-file"), &key);
	jw_object(&w, NULL);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (ctl_opt(ctl, texts[i]))
			jw_str(&w, texts[i], ctl_opt(ctl, texts[i]));
	}
	if (key.n)
		jw_span(&w, "key", buf_span(&key));
	if (expires[0])
		jw_str(&w, "expires", expires);
	jw_end(&w);
	return code;
}

int
cmd_upstream_set_eab(struct ctl *ctl)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], "/eab");
	AUTO_SECRET json = BUF_MAX(32 * 1024);
	struct ctl_reply rp;
	int code;

	buf_reserve(&json, 16 * 1024);
	code = write_eab(ctl, &json);
	if (code == CTL_DONE)
		code = ctl_ask(ctl, path, buf_cstr(&json), &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	upstream_print(ctl, rp.root);
	if (is_state(rp.root, "none"))
		ctl_note(ctl, "the account is made with it now: upstream show tells what becomes of it");
	else
		ctl_note(ctl, "a binding is used when an account is made: the present one goes on as it is, the next one has this");
	ctl_reply_done(&rp);
	return CTL_DONE;
}
