/* validate.h - the gateway's own proof that a device controls its name: one row of a table per challenge type.
 *
 * A validator knows nothing of ACME's objects: it gets a plain request, does its I/O on the outbound loop and calls back once, on
 * any thread, never before start returns. */
#ifndef VALIDATE_VALIDATE_H
#define VALIDATE_VALIDATE_H

#include "base/addr.h"
#include "dns/dns.h"
#include "gate/conf.h"
#include "httpc/httpc.h"
#include "pki/ident.h"
#include "proc/proc.h"
#include "store/authz.h"
#include "tlsc/tlsc.h"

/* What all validators use; lives as long as the gateway. */
struct validate_env {
	struct loop *loop;
	struct httpc *httpc;
	struct dns *dns;
	struct tlsc *tlsc;
	struct proc *proc;
};

/* Who is asked whether a device may have what it orders; all valid until the callback. */
struct hook {
	const char *program;          /* or NULL */
	const char *url;              /* or NULL */
	const char *ca_file;          /* PEM, NULL = the system's */
	const char *token_file;       /* NULL = no token */
	struct span question;         /* JSON */
};

struct validation {
	/* in: */
	struct ident ident;           /* without "*." */
	const char *token, *key_auth; /* valid until the callback */
	const char *account_url;      /* dns-account-01, dns-persist-01: likewise */
	const struct conf_strings *issuers; /* dns-persist-01: names of ours; likewise */
	bool wide;                    /* more than the name itself: its wildcard, or all names below */
	uint16_t http01_port, tls_alpn01_port;
	const struct reach *reach;    /* where we may connect (V1); valid until the callback */
	const struct addr *resolvers; /* the profile's; none = the gateway's; valid until the callback */
	size_t resolver_count;
	const struct dns_authority *authority; /* records are asked of the zones' own servers; NULL = of the resolvers; likewise */
	struct hook hook;             /* device-attest-01 */
	msec_t timeout_ms;            /* of the whole attempt */
	/* out: */
	bool proven;
	int64_t until_unix_s;         /* a proof that ends by itself; 0 = it does not */
	bool final;                   /* a wrong answer: trying again is of no use (T7) */
	struct problem problem;       /* why not, for the device's owner */
	char where[ADDR_TEXT];        /* the address last connected to, "" = none; for the story */
	/* the caller's: */
	void (*done)(struct validation *v);
	void *arg;
	/* the validator's: */
	struct validate_env *env;
	void *state;
};

struct validator {
	enum challenge_kind kind;
	void (*start)(struct validation *v);
};
/* NULL if this release cannot check the kind. */
const struct validator *validator_of(enum challenge_kind kind);

/* http-01 (RFC 8555 8.3), see http01.c. */
void http01_start(struct validation *v);
/* dns-01 (8.4), see dns01.c. */
void dns01_start(struct validation *v);
/* dns-account-01 (draft-ietf-acme-dns-account-label-02), there as well. */
void dnsaccount01_start(struct validation *v);
/* dns-persist-01 (draft-ietf-acme-dns-persist-01), see persist01.c. */
void dnspersist01_start(struct validation *v);
/* device-attest-01: the device has proven itself, and a hook has its say, see device_hook.c. */
void device_hook_start(struct validation *v);
/* tls-alpn-01 (RFC 8737), see tlsalpn01.c. */
void tlsalpn01_start(struct validation *v);
#endif
