/* price.h - what a CA charges for a certificate: the models of their price lists, in integers. Pure: no I/O, no clock. Any thread.
 *
 * Money and quantities are int64 in millionths (micro) of the currency, or of one. A price is rounded once, half to even, and then a row's
 * amount is quantity times unit price, exactly where the factor of wildcards is a whole number; so a sum does not depend on how rows are
 * put together. */
#ifndef PRICE_PRICE_H
#define PRICE_PRICE_H

#include "base/problem.h"
#include "pki/ident.h"

#define PRICE_ONE 1000000
/* Of a unit price or factor: a million of the currency. No amount is out of the range of int64 then. */
#define PRICE_MAX (1000000LL * PRICE_ONE)

/* As in the choices of `model`. */
enum price_model {
	PRICE_FREE,
	PRICE_PER_CERTIFICATE,
	PRICE_PER_NAME,        /* each name of each certificate */
	PRICE_PER_NAME_YEAR,   /* each name once in a term, whatever number of certificates it is in */
	PRICE_POOL_NAMES,      /* so many names may live at a time; more cost each */
	PRICE_POOL_SIGNATURES, /* so many certificates in a term; more cost each */
	PRICE_FLAT,            /* by contract, whatever is issued */
	PRICE_MODEL__COUNT
};
const char *price_model_name(enum price_model model);

/* What a row of a bill is for. Numbers are stored. */
enum price_kind {
	PRICE_NEW = 0,
	PRICE_RENEWAL = 1,
	PRICE_REISSUE = 2,   /* the same names again, long before the other ends */
	PRICE_INTERNAL = 3,  /* of a CA of one's own */
	PRICE_REVOCATION = 4,
	PRICE_PURCHASE = 5,  /* the fee of a term */
	PRICE_CORRECTION = 6,
	PRICE_KIND__COUNT
};
const char *price_kind_name(enum price_kind kind);

struct price_rate {
	enum price_model model;
	int64_t unit_price;      /* of PRICE_POOL_* and PRICE_FLAT: of a term */
	int64_t overage_price;   /* PRICE_POOL_*: of each more than `included` */
	int64_t included;
	int64_t wildcard_factor; /* names that a wildcard counts for */
	int64_t term_days;       /* 0 = there are no terms */
	bool www_free;           /* "www.x" beside "x" */
	bool same_level_free;    /* "a.x" and "x" beside "*.x" */
	bool renewal_charged, reissue_charged;
	bool full_days;          /* a name that comes later pays for the days that are left, not for the whole term */
};

/* What this name counts for beside all names of the certificate: 0 = nothing. */
int64_t price_weight(const struct price_rate *rate, const struct ident *id, const struct idents *all);

struct price_facts {
	enum price_kind kind;
	int64_t weight;       /* of all names, or PRICE_PER_NAME_YEAR: of those not paid for in this term */
	int64_t days_left;    /* of the term, full ones */
	int64_t before;       /* PRICE_POOL_SIGNATURES: certificates in this term before, in ones; PRICE_POOL_NAMES: the most names that lived so far */
	int64_t after;        /* PRICE_POOL_NAMES: the names that live with this certificate */
};
struct price {
	int64_t quantity, unit_price, amount;
};
/* False with PROBLEM_INTERNAL: out of range. */
bool price_of(const struct price_rate *rate, const struct price_facts *facts, struct price *ret, struct problem *pr) MUST_CHECK;

/* a * b / c, rounded half to even; c > 0. False if it is out of range. */
bool price_scale(int64_t a, int64_t b, int64_t c, int64_t *ret);
/* "15", "0.90", "-1.000001": at most six decimals, within PRICE_MAX. */
bool price_parse(struct span text, int64_t *ret);
#define PRICE_TEXT 32
/* With as many decimals as it takes, no exponent, no '+': 15, 0.9, -1.000001. Returns dst. */
const char *price_text(int64_t micro, char dst[PRICE_TEXT]);
#endif
