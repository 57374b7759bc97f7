/* ep_revoke.c - revokeCert (RFC 8555 7.6): by the issuing account, by an account that holds all its names, by its own key.
 *
 * The reply says that the revocation is durable here; telling the CA is a job that goes on until it is done. */
#include <openssl/evp.h>

#include "flow/revoke.h"
#include "server/api.h"

struct revoke {
	struct api *api;
	struct cert *cert;
	int reason;               /* -1 = none */
	struct cert_row row;
	int64_t job_id;
};

static bool
read_request(struct revoke *r)
{
	struct api *api = r->api;
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	struct span text = json_req_str(&o, "certificate", 64 * 1024);
	int64_t reason = json_opt_int(&o, "reason", INT64_MIN, INT64_MAX, -1);
	AUTO_BUF der = BUF_MAX(48 * 1024);

	if (!json_ok(&o))
		return false;
	if (!b64url_read(text, &der))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "certificate is not base64url without padding");
	if (!cert_parse(buf_span(&der), &r->cert, &api->pr)) {
		return problem_set(&api->pr, PROBLEM_MALFORMED, "certificate is not one X.509 certificate in DER");
	}
	if (json_get(api->payload, "reason") && !revoke_reason_check(reason, &api->pr))
		return false;
	r->reason = (int)reason;
	return true;
}

/* W10: without right and unknown answer alike. */
static bool
refuse(struct problem *pr)
{
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "the certificate is not known here, or this signer may not revoke it");
}

static bool
may_revoke(struct sql *db, const struct revoke *r, bool known, bool *ret, struct problem *pr)
{
	struct account account;

	if (r->api->jwk) {
		*ret = known && EVP_PKEY_eq(r->api->key, r->cert->key) == 1;
		return true;
	}
	if (!api_account(r->api, db, &account, pr))
		return false;
	*ret = false;
	if (!known)
		return true;
	if (!cert_is_of(db, r->row.id, account.id, ret, pr))
		return false;
	if (*ret)
		return true;
	/* what the certificate says, which is less than the order if that named a device */
	return r->cert->has_other_names || authz_covers(db, account.id, &r->cert->names, r->row.profile, clock_unix_s(), ret, pr);
}

static bool
revoke_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct revoke *r = arg;
	bool by_own_key = r->api->jwk != NULL;
	/* only the key's holder can prove that it is lost (W24) */
	const struct audit_entry who = api_entry(r->api, AUDIT_CERT_REVOKE);
	const struct revocation_rq rq = { r->reason, by_own_key, &who, true, by_own_key ? "its own key" : "an account" };
	bool found, may;

	cert_row_done(&r->row);
	if (!cert_by_sha256(db, r->cert->sha256, &r->row, &found, pr) || !may_revoke(db, r, found, &may, pr))
		return false;
	if (!may)
		return refuse(pr);
	return revoke_cert(db, r->api->srv->jobs, &r->row, &rq, &r->job_id, pr);
}

bool
api_revoke(struct api *api)
{
	struct revoke r = { .api = api, .reason = -1 };
	bool good = read_request(&r) && store_write(api->srv->store, revoke_tx, &r, &api->pr);

	if (good) {
		jobs_run(api->srv->jobs, r.job_id, JOB_REVOKE, r.row.id);
		api->reply = http_reply_new(200);
	}
	cert_free(r.cert);
	cert_row_done(&r.row);
	return good;
}
