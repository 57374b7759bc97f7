/* authz_proof.c - how authorizations were proven; see authz.h. */
#include "store/authz.h"

/* proven_by: NULL a challenge of its own, 0 a rule, else the authorization of the device that it follows from. */
#define PROOF                                                                                      \
	"select a.ident_type, a.ident, a.wildcard, a.subdomains, a.proven_by,"                     \
	" (select min(c.kind) from challenge c where c.authz_id=a.id and c.state=$2) from authz a"

static bool
each(struct sql *db, const char *text, int64_t id, authz_proof_fn fn, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);
	struct problem why = { 0 };
	bool good = true;

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, CHALL_VALID);
	while (good && sql_step(st)) {
		struct authz_proof p = { .ident.type = (enum ident_type)sql_int(st, 0), .wildcard = sql_int(st, 2) != 0, .subdomains = sql_int(st, 3) != 0 };
		bool follows = !sql_is_null(st, 4) && sql_int(st, 4) != 0;

		sql_copy(st, 1, p.ident.value, sizeof(p.ident.value));
		p.by_rule = !sql_is_null(st, 4) && !follows;
		p.kind = follows || sql_is_null(st, 5) ? CHALLENGE_DEVICE_ATTEST_01 : (enum challenge_kind)sql_int(st, 5);
		good = fn(&p, arg, &why);
	}
	if (!sql_end(st, pr))
		return false;
	if (!good)
		*pr = why;
	return good;
}

bool
authz_each_proof(struct sql *db, int64_t order_id, authz_proof_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = PROOF " where a.id in (select authz_id from order_authz where order_id=$1)";

	return each(db, SQL, order_id, fn, arg, pr);
}

bool
authz_proof_of(struct sql *db, int64_t authz_id, authz_proof_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = PROOF " where a.id=$1";

	return each(db, SQL, authz_id, fn, arg, pr);
}
