/* steps.h - what the steps of an issuance cost on this machine, each by itself and with the
 * libraries alone: the least that any gateway built on them has to pay. */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

enum piece {
	PIECE_VERIFY,      /* ES256, set up each time */
	PIECE_SIGN,        /* likewise */
	PIECE_SIGN_RSA,    /* RSA-2048 */
	PIECE_JWK,         /* JWK to EVP_PKEY */
	PIECE_JSON,        /* header and payload of a newOrder read, an order written */
	PIECE_NONCE,       /* one made, one spent */
	PIECE_SHA256,      /* 1 KiB */
	PIECE_HMAC,        /* 512 octets */
	PIECE_CSR,         /* d2i and signature verified */
	PIECE_CERT,        /* certificate built, signed P-256, PEM */
	PIECE_CERT_READ,   /* one certificate, PEM to X509 */
	PIECE_CHAIN,       /* lib/pki: chain of two read and checked */
	PIECE_RECORD,      /* TLS 1.3, 1 KiB, encrypted and decrypted */
	PIECE_HANDSHAKE,   /* TLS 1.3, P-256, server's side */
	PIECE_SYNC,        /* 512 octets appended, fdatasync */
	PIECE_ROW_ALONE,   /* SQLite, WAL, FULL: one random update a transaction */
	PIECE_ROW_GROUPED, /* the same, 32 a transaction */
	PIECE_KEEPER,      /* our keeper: a JWS signed in the other process, both sides */
	PIECE_CURL_KEPT,   /* libcurl, one request of 700 octets on a kept TLS connection */
	PIECE_CURL_PLAIN,  /* libcurl, a new plain connection */
	PIECE_CURL_TLS,    /* libcurl, a new TLS connection */
	PIECE_DNS,         /* a query over UDP, new socket */
	PIECE_SERVED,      /* a kept-alive HTTPS request on bufferevent_openssl, beside its logic */
	PIECE__COUNT
};

struct steps {
	double us[PIECE__COUNT]; /* CPU */
};

/* About ten seconds. Must run while the process has no threads. `folder` is for files. */
void steps_measure(struct steps *ret, const char *folder);
const char *piece_name(enum piece piece);

/* The least one whole issuance can cost: the sum of the steps it cannot do without. */
struct least {
	double request;  /* of a device: verified, answered */
	double upstream; /* a request to the CA: signed, sent on a kept connection */
	double http01;   /* name looked up, connected, asked */
	double total;    /* 7 of a device, CSR, http-01, 4 upstream, certificate read, 5 rows in
			    grouped transactions */
	double local;    /* driver local: 6 of a device, CSR, http-01, a certificate made, 5 rows */
	double challenge; /* more, when the CA wants a proof too: 3 upstream */
};
struct least steps_least(const struct steps *s);
void steps_print(const struct steps *s);
#endif
