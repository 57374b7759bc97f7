/* account_tell.c - what a CA is told of our account; see account_job.h. */
#include "base/secret.h"
#include "upstream/account_job.h"
#include "upstream/eab.h"

/* One that was handed in while running, or that of the configuration, which is named by its place there: the keeper read it at its
 * start. False with PROBLEM_NONE: there is none. */
static bool
eab_of(struct account_work *w, struct buf *ret_sealed, const char **ret_kid, enum jwa *ret_alg, struct problem *pr)
{
	static const enum jwa algs[] = { JWA_HS256, JWA_HS384, JWA_HS512 };
	const struct upstream_life *life = &w->row.life;
	AUTO_FREE char *name = xasprintf("upstreams.%s.eab_key", w->entry->name);

	if (life->eab_kid[0]) {
		*ret_kid = life->eab_kid;
		*ret_alg = algs[life->eab_alg >= 0 && life->eab_alg < (int)COUNT_OF(algs) ? life->eab_alg : 0];
		return buf_addspan(ret_sealed, buf_span(&life->eab_key));
	}
	if (!w->entry->eab_kid || !w->entry->eab_kid[0])
		return false;
	*ret_kid = w->entry->eab_kid;
	*ret_alg = algs[w->entry->eab_alg];
	return keeper_sealed_secret(upstreams_env(w->ups)->keeper, name, PURPOSE_EAB_UPSTREAM, span_str(ca_origin(w->u->ca)), ret_sealed, pr);
}

static bool
write_eab(struct account_work *w, const char *url, struct jw *jw, struct problem *pr)
{
	AUTO_BUF input = BUF_MAX(16 * 1024), mac = BUF_MAX(64), json = BUF_MAX(32 * 1024), sealed = BUF_MAX(4096);
	struct keeper *keeper = upstreams_env(w->ups)->keeper;
	const char *kid = NULL;
	enum jwa alg = JWA_NONE;

	if (!eab_of(w, &sealed, &kid, &alg, pr))
		return pr->kind == PROBLEM_NONE;
	if (!eab_input(&input, alg, kid, url, span_str(w->account->jwk), pr) ||
		!keeper_mac(keeper, buf_span(&sealed), alg, buf_span(&input), &mac, pr))
		return false;
	if (!eab_assemble(&json, buf_span(&input), buf_span(&mac)))
		return problem_internal(pr, "external account binding is too large");
	jw_raw(jw, "externalAccountBinding", buf_span(&json));
	return true;
}

static void
write_contact(struct jw *jw, const char *contact, bool even_none)
{
	bool none = !contact || !contact[0];

	if (none && !even_none)
		return;
	jw_array(jw, "contact");
	if (!none)
		jw_str(jw, NULL, contact);
	jw_end(jw);
}

bool
account_tell_new(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	struct account_work *w = call->arg;
	struct jw jw = jw_to(out);

	jw_object(&jw, NULL);
	/* only what the operator agreed to (7.3) */
	if (w->entry->accept_terms)
		jw_bool(&jw, "termsOfServiceAgreed", true);
	write_contact(&jw, w->entry->contact, false);
	if (!write_eab(w, url, &jw, pr))
		return false;
	jw_end(&jw);
	return jw_ok(&jw) ? true : problem_internal(pr, "newAccount payload is too large");
}

/* The inner JWS, by the new key, says which account and which key it takes the place of. */
bool
account_tell_change(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	struct account_work *w = call->arg;
	struct ca_signer signer = ca_account_signer(w->next);
	AUTO_BUF payload = BUF_MAX(16 * 1024);
	struct jw jw = jw_to(&payload);

	jw_object(&jw, NULL);
	jw_str(&jw, "account", w->account->kid);
	jw_raw(&jw, "oldKey", span_str(w->account->jwk));
	jw_end(&jw);
	if (!jw_ok(&jw))
		return problem_internal(pr, "keyChange payload is too large");
	return ca_sign_inner(w->u->ca, &signer, url, buf_span(&payload), out, pr);
}

void
account_tell_update(struct account_work *w)
{
	struct jw jw;

	buf_clear(&w->payload);
	jw = jw_to(&w->payload);
	jw_object(&jw, NULL);
	if (w->phase == ACCOUNT_DEACTIVATE)
		jw_str(&jw, "status", "deactivated");
	if (w->phase == ACCOUNT_PROBE)
		jw_bool(&jw, "onlyReturnExisting", true);
	if (w->phase == ACCOUNT_TELL) {
		write_contact(&jw, w->entry->contact, true);
		if (w->row.life.wanted & WANT_TERMS)
			jw_bool(&jw, "termsOfServiceAgreed", true);
	}
	jw_end(&jw);
}
