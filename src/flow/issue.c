/* flow/issue.c - see issue.h. */
#include "flow/issue.h"

#include "base/clock.h"
#include "flow/bill.h"
#include "renewal/plan.h"
#include "store/event.h"
#include "store/renewal.h"

static void
row_fill(struct cert_row *row, const struct order *o, const struct cert *leaf)
{
	row->order_id = o->id;
	row->account_id = o->account_id;
	row->principal = o->principal;
	memcpy(row->profile, o->profile, sizeof(row->profile));
	memcpy(row->tenant, o->tenant, sizeof(row->tenant));
	memcpy(row->upstream, o->upstream, sizeof(row->upstream));
	memcpy(row->serial, leaf->serial, sizeof(row->serial));
	memcpy(row->certid, leaf->certid, sizeof(row->certid));
	memcpy(row->sha256, leaf->sha256, sizeof(row->sha256));
	memcpy(row->key_hash, leaf->key_hash, sizeof(row->key_hash));
	memcpy(row->issuer, leaf->issuer, sizeof(row->issuer));
	row->not_before = leaf->not_before_unix_s;
	row->not_after = leaf->not_after_unix_s;
	order_names(o, &row->idents);
}

static bool
insert(struct sql *db, const struct order *order, struct cert_row *row, const struct issued *issued, struct problem *pr)
{
	if (!cert_insert(db, row, issued->chain_pem, pr))
		return false;
	/* what an order names is marked with its end (flow/order.c) */
	if (!order->replaces && !renewal_followed(db, row->id, row->created_at, pr))
		return false;
	for (size_t i = 0; i < issued->alternate_count; i++) {
		if (!cert_add_alternate(db, row->id, (int64_t)i + 1, issued->alternates[i], pr))
			return false;
	}
	return true;
}

bool
issue_store(struct sql *db, const struct gate_conf *conf, const struct order *order, const struct issued *issued, const char *node, struct problem *pr)
{
	const struct cert *leaf = issued->chain->certs[0];
	struct cert_row row = { 0 };
	bool found, good;
	char until[TIME_TEXT];

	if (!cert_by_sha256(db, leaf->sha256, &row, &found, pr))
		return false;
	if (!found)
		row_fill(&row, order, leaf);
	good = (found || (bill_issue(db, conf, order, &row, clock_unix_s(), pr) && insert(db, order, &row, issued, pr) && plan_cert(db, conf, row.id, pr))) &&
		event_note(db, order->id, node, "certificate", pr, "serial=%s issuer=\"%s\" until=%s",
			leaf->serial, leaf->issuer, time_rfc3339(leaf->not_after_unix_s, until)) &&
		order_issued(db, order->id, row.id, node, pr);
	cert_row_done(&row);
	return good;
}
