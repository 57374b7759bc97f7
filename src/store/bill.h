/* bill.h - the bill: what each certificate costs, and what became of it. In a transaction; see account.h for the manner.
 *
 * Rows are written once and never changed: no statement here does. What was wrong is made good by a row of its own. Money and quantities
 * as price/price.h has them. */
#ifndef STORE_BILL_H
#define STORE_BILL_H

#include "price/price.h"
#include "store/cert.h"
#include "store/eab.h"

#define BILL_TEXT 257
#define BILL_URL_TEXT 1025
struct bill_row {
	int64_t id, at;
	int64_t month;                 /* 202611 */
	enum price_kind kind;
	char tenant[TENANT_TEXT], cost_centre[129];
	char upstream[UPSTREAM_TEXT], ca[BILL_TEXT]; /* the entry, and what counts for all of its CA */
	char product[129], model[32], card[65], currency[4]; /* "" where the rate card has no price */
	struct price price;
	int64_t names, wildcards;
	char name[BILL_TEXT];          /* the first one */
	char profile[PROFILE_TEXT], order_ref[REF_TEXT];
	char url[BILL_URL_TEXT];              /* of the order at the CA, "" = it has none */
	char serial[SERIAL_TEXT], sha256[65], eab[KID_TEXT];
	int64_t refund_until;          /* revoked before that it is paid back; 0 = never */
	int64_t corrects;              /* row, 0 = none */
	bool corrects_closed;          /* of a month that is closed by now; read only */
	char note[513];
};
/* The month that a time lies in (UTC), as bill_row has it; from text, "2026-11". */
int64_t bill_month(int64_t unix_s);
bool bill_month_parse(struct span text, int64_t *ret);

/* Sets id. sql_is_conflict(pr): a row of this kind for this certificate is there. */
bool bill_insert(struct sql *db, struct bill_row *r, struct problem *pr) MUST_CHECK;
bool bill_by_id(struct sql *db, int64_t id, struct bill_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The row of its issuance. */
bool bill_of_cert(struct sql *db, const char *sha256, struct bill_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Rows of a month behind row id `after`, oldest first. */
typedef void (*bill_each_fn)(const struct bill_row *r, void *arg);
bool bill_list(struct sql *db, int64_t month, int64_t after, int64_t limit, bill_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool bill_count(struct sql *db, int64_t month, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* A row of an invoice: issued by this order at the CA, or with this serial number. The one that is not revocation nor correction. */
bool bill_find(struct sql *db, struct span url, struct span serial, struct bill_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;

/* Sums of a month, by one of these. */
enum bill_by { BILL_BY_TENANT, BILL_BY_COST_CENTRE, BILL_BY_CA, BILL_BY_PRODUCT, BILL_BY_KIND, BILL_BY__COUNT };
struct bill_sum {
	char what[BILL_TEXT], currency[4];
	int64_t rows, certificates, names, amount;
};
typedef void (*bill_sum_fn)(const struct bill_sum *s, void *arg);
bool bill_sums(struct sql *db, int64_t month, enum bill_by by, bill_sum_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* ---- terms: `rate` is "CA/product" ---- */

struct bill_term {
	int64_t begin, end, used, peak, active;
};
/* The last one that began. */
bool bill_term_get(struct sql *db, const char *rate, struct bill_term *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool bill_term_put(struct sql *db, const char *rate, const struct bill_term *t, struct problem *pr) MUST_CHECK;
/* Names that were good until then go; *ret_weight is what they counted for. */
bool bill_names_end(struct sql *db, const char *rate, int64_t now, int64_t *ret_weight, struct problem *pr) MUST_CHECK;
/* The name is good until then, at least; *ret_new: it was not there. */
bool bill_name_put(struct sql *db, const char *rate, const char *name, int64_t weight, int64_t until, bool *ret_new, struct problem *pr) MUST_CHECK;

/* ---- months ---- */

bool bill_is_closed(struct sql *db, int64_t month, int64_t *ret_at, struct problem *pr) MUST_CHECK; /* 0 = it is not */
bool bill_close(struct sql *db, int64_t month, const char *who, struct problem *pr) MUST_CHECK;
#endif
