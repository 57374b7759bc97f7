/* device.h - an ACME client as a state machine without I/O: it writes its next request and reads
 * the reply. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include "base/buf.h"
#include "jose/jwk.h"

enum step {
	STEP_DIRECTORY,
	STEP_NEW_NONCE,
	STEP_NEW_ACCOUNT,
	/* one issuance: */
	STEP_NEW_ORDER,
	STEP_AUTHZ,
	STEP_CHALLENGE,
	STEP_AUTHZ_POLL,
	STEP_FINALIZE,
	STEP_ORDER_POLL,
	STEP_CERT,
	STEP__COUNT
};
const char *step_name(enum step step);

/* What a device does again and again, once it has an account. */
enum work { WORK_DIRECTORY, WORK_NEW_NONCE, WORK_NEW_ACCOUNT, WORK_NEW_ORDER, WORK_VALIDATE, WORK_ISSUE };

#define URL_TEXT_MAX 320

struct device {
	unsigned index;
	enum work work;
	enum step step;
	unsigned round; /* counts issuances, orders ...: each has a name of its own */
	char name[64];  /* "d<index>-<round>.<tag>.bench.test" */
	char tag[16];   /* tells the names of one run from another's */
	char base[64];  /* "https://127.0.0.1:PORT" */
	int64_t authz_wait_us, order_wait_us; /* between polls */
	EVP_PKEY *key, *cert_key;             /* owned */
	struct jwk *jwk;                      /* owned */
	char kid[URL_TEXT_MAX], nonce[64];
	char token[64]; /* of the challenge, for the lab */
	char order[URL_TEXT_MAX], finalize[URL_TEXT_MAX], authz[URL_TEXT_MAX],
		challenge[URL_TEXT_MAX], cert[URL_TEXT_MAX];
};

void device_init(struct device *d, unsigned index, uint16_t port, enum work work, const char *tag);
void device_done(struct device *d);

/* The whole HTTP request of the present step, onto `out`. */
void device_request(struct device *d, struct buf *out);

struct reply {
	int status;
	struct span nonce, location, body;
	int64_t retry_after_s; /* 0 = not told */
	size_t length;         /* octets of the whole reply */
};
/* False while it is not complete. */
bool answer_parse(struct span in, struct reply *ret);

enum device_next {
	DEVICE_GOES_ON, /* the next step, after *ret_wait_us */
	DEVICE_ROUND,   /* a round is done, the next one may begin */
	DEVICE_FAILED,  /* the round is given up; *ret_why says what came */
};
enum device_next device_reply(
	struct device *d, const struct reply *r, int64_t *ret_wait_us, const char **ret_why);
#endif
