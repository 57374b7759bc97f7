/* replaces.c - `replaces` of a newOrder: the certificate that the new one is to follow (RFC 9773 5, R1-R3).
 *
 * Who sends it comes perhaps from a CA that he asked himself: a certificate that is not ours is no reason to refuse (R1). It counts as replaced from the new order on, and no longer when that becomes invalid (R2). */
#include "server/api.h"

bool
replaces_read(struct json_obj *o, struct replaced *ret)
{
	struct span text = json_opt_str(o, "replaces", CERTID_TEXT - 1);

	if (!json_ok(o))
		return false;
	ret->named = text.p != NULL;
	if (!ret->named)
		return true;
	return certid_parse(text, &ret->id, o->pr) && span_copy(text, ret->text, sizeof(ret->text));
}

void
replaced_done(struct replaced *r)
{
	cert_row_done(&r->cert);
	r->found = false;
}

bool
replaces_find(struct sql *db, const struct profile_conf *p, struct replaced *r, struct order *o, struct problem *pr)
{
	replaced_done(r);
	if (!r->named)
		return true;
	if (!cert_by_certid(db, r->id.text, &r->cert, &r->found, pr))
		return false;
	if (!r->found)
		return p->replaces_unknown == REPLACES_UNKNOWN_IGNORE ||
			problem_set(pr, PROBLEM_NOT_FOUND, "the certificate to be replaced is not one of this gateway: order without \"replaces\"");
	o->replaces = xstrdup(r->text);
	return true;
}

static bool
have_common(const struct idents *a, const struct idents *b)
{
	for (size_t i = 0; i < a->count; i++) {
		if (idents_has(b, &a->list[i]))
			return true;
	}
	return false;
}

bool
replaces_check(struct api *api, struct sql *db, const struct replaced *r, const struct order *o, struct problem *pr)
{
	struct order other = { 0 };
	char url[API_URL_TEXT];
	bool found;

	if (!r->found)
		return true;
	if (r->cert.principal != o->principal)
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "the certificate to be replaced is not yours");
	if (!have_common(&r->cert.idents, &o->idents))
		return problem_set(pr, PROBLEM_MALFORMED, "the certificate to be replaced has none of this order's identifiers");
	if (!order_find_replacing(db, r->id.text, r->id.bare, clock_unix_s(), &other, &found, pr))
		return false;
	if (!found)
		return true;
	/* R2: which order is for its owner to know */
	if (other.account_id == o->account_id)
		problem_set(pr, PROBLEM_ALREADY_REPLACED, "the certificate has been replaced already, by order %s", api_url(api, "order", other.ref, url));
	else
		problem_set(pr, PROBLEM_ALREADY_REPLACED, "the certificate has been replaced already");
	order_done(&other);
	return false;
}

bool
replaces_keep(struct sql *db, const struct order *o, int64_t *cert_id, struct problem *pr)
{
	struct cert_row cert = { 0 };
	struct certid id;
	bool found;

	if (*cert_id == 0 || !o->replaces || !certid_parse(span_str(o->replaces), &id, pr))
		return true;
	if (!cert_by_id(db, *cert_id, &cert, &found, pr))
		return false;
	if (found && strcmp(cert.certid, id.text) == 0)
		*cert_id = 0;
	cert_row_done(&cert);
	return true;
}
