/* object.h - what a CA sends, read into plain structs (RFC 8555 7.1, 7.1.1-7.1.5, RFC 9773,
 * draft-ietf-acme-profiles).
 *
 * Pure readers: text in, struct out; every string and array is owned by the struct and freed by its
 * _done. Unknown members are ignored; optional ones of a wrong type are as if absent; what the flow
 * cannot do without is required. A failure is PROBLEM_SERVER_INTERNAL, for the text comes from a
 * CA, with what was wrong as its cause; *ret is untouched then. Any thread. */
#ifndef ACME_OBJECT_H
#define ACME_OBJECT_H

#include "acme/problem_json.h"
#include "acme/status.h"

#define ACME_URL_MAX 2048
#define ACME_URL_TEXT (ACME_URL_MAX + 1)
#define ACME_IDENTS_MAX 100
#define ACME_AUTHZS_MAX 100
#define ACME_CHALLS_MAX 20   /* of one authorization; more are not looked at */
#define ACME_ISSUERS_MAX 10  /* of a challenge dns-persist-01; likewise */
#define ACME_ORDERS_MAX 1000 /* of one page of an orders list; likewise */
#define ACME_PROFILES_MAX 100
#define ACME_BODY_MAX_BYTES (256 * 1024)

/* http or https, 2048 octets at most, visible ASCII only: then its exact octets are kept and used
 * (RFC 8555 6.4). */
bool acme_url_ok(struct span url);

struct acme_strings {
	char **list;
	size_t count;
};

enum acme_entry {
	ACME_NEW_NONCE,
	ACME_NEW_ACCOUNT,
	ACME_NEW_ORDER,
	ACME_NEW_AUTHZ,
	ACME_REVOKE_CERT,
	ACME_KEY_CHANGE,
	ACME_RENEWAL_INFO,
	ACME_RENEWAL_LIST, /* of a gateway like ours (doc/mass-ari.md) */
	ACME_ENTRY__COUNT
};
const char *acme_entry_name(enum acme_entry entry); /* "newNonce", ... */

struct acme_profile {
	char *name, *description;
};

struct acme_directory {
	char *url[ACME_ENTRY__COUNT];     /* the first three always; NULL = not offered */
	char *terms_of_service, *website; /* URIs of any scheme, for people, or NULL */
	bool external_account_required;
	struct acme_profile *profiles;
	size_t profile_count;
	struct acme_strings caa_identities;
};
/* newNonce, newAccount and newOrder must be there. */
bool acme_directory_read(
	struct span text, struct acme_directory *ret, struct problem *pr) MUST_CHECK;
void acme_directory_done(struct acme_directory *d);
/* Is the profile advertised? */
bool acme_directory_has_profile(const struct acme_directory *d, const char *name);

struct acme_account {
	enum account_state state;
	struct acme_strings contacts;
	char *orders; /* URL of the orders list or NULL: some CAs have none */
};
/* `status` may be absent (CAs differ on what newAccount shows): then it is valid. */
bool acme_account_read(struct span text, struct acme_account *ret, struct problem *pr) MUST_CHECK;
void acme_account_done(struct acme_account *a);

struct acme_order {
	enum order_state state;
	int64_t expires_unix_s; /* 0 = not told; likewise below */
	int64_t not_before_unix_s, not_after_unix_s;
	struct idents idents;         /* as a set: canonical, without repeats */
	struct acme_strings authzs;   /* URLs; perhaps none, perhaps not as many as idents */
	char *finalize, *certificate; /* URLs or NULL */
	char *profile;                /* or NULL */
	char *replaces;               /* or NULL */
	bool has_error;
	struct acme_problem error;
};
/* `status` and `identifiers` must be there. */
bool acme_order_read(struct span text, struct acme_order *ret, struct problem *pr) MUST_CHECK;
void acme_order_done(struct acme_order *o);

#define ACME_TOKEN_TEXT 257
struct acme_chall {
	char type[64];
	char *url;
	enum chall_state state;
	char token[ACME_TOKEN_TEXT]; /* base64url (RFC 8555 8.1); "" if absent or no such text: then
					it cannot be used */
	struct acme_strings issuers; /* dns-persist-01: names that its record may have */
	bool has_error;
	struct acme_problem error;
};

struct acme_authz {
	struct ident ident; /* never with "*.", see wildcard */
	bool wildcard;
	enum authz_state state;
	int64_t expires_unix_s;
	struct acme_chall *challs; /* those with a type, a URL and a known status, in the CA's order
				      (which means nothing) */
	size_t chall_count;
};
/* `status` and `identifier` must be there. */
bool acme_authz_read(struct span text, struct acme_authz *ret, struct problem *pr) MUST_CHECK;
void acme_authz_done(struct acme_authz *a);
/* NULL if the CA does not offer it. */
const struct acme_chall *acme_authz_chall(const struct acme_authz *a, const char *type);
/* Why it failed: the problem of its first failed challenge, or NULL. */
const struct acme_problem *acme_authz_error(const struct acme_authz *a);

/* A challenge by itself, as the answer to the challenge POST (RFC 8555 7.5.1). */
bool acme_chall_read(struct span text, struct acme_chall *ret, struct problem *pr) MUST_CHECK;
void acme_chall_done(struct acme_chall *c);

/* One page of an account's orders (RFC 8555 7.1.2.1); the next page is a Link. What is no URL is
 * left out. */
bool acme_orders_read(struct span text, struct acme_strings *ret, struct problem *pr) MUST_CHECK;
void acme_strings_done(struct acme_strings *s);
#endif
