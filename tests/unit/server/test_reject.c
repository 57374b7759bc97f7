/* Every request that the ACME server must refuse, as a table: what is sent, and what problem comes back.
 *
 * The numbers are those of the list of refusals that came with the server's design: RFC 8555 and its relatives, row by row. Rows
 * about attestation and renewal information belong to what this release does not have. */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../pki/forge.h"
#include "base/b64url.h"
#include "tap.h"

static struct lab lab;

static const char conf_plain[] = LAB_NO_RATES
	"default_profile = \"default\";"
	"profiles = ( { name = \"default\"; upstream = \"own\"; identifier_types = [ \"dns\", \"ip\" ]; max_identifiers = 10; },"
	" { name = \"dns-only\"; upstream = \"own\"; max_identifiers = 2; key_types = [ \"p384\" ]; },"
	" { name = \"second\"; upstream = \"own\"; },"
	" { name = \"gone\"; upstream = \"own\"; },"
	" { name = \"bound\"; upstream = \"own\"; eab = \"required\"; },"
	" { name = \"far\"; upstream = \"far\"; } );";
static const char conf_terms[] = LAB_NO_RATES
	"default_profile = \"default\"; terms_of_service = \"https://pki.test/terms-1\";"
	"profiles = ( { name = \"default\"; upstream = \"own\"; } );";
static const char conf_new_terms[] = LAB_NO_RATES
	"default_profile = \"default\"; terms_of_service = \"https://pki.test/terms-2\"; require_current_terms = true;"
	"profiles = ( { name = \"default\"; upstream = \"own\"; } );";

struct reject {
	int row;
	const char *name;
	struct rq rq;
	const char *type;
	int status;
	const char *has; /* template of a text within the reply */
};

#define HEADER(members) .header = "{" members "}"
#define GOOD "\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER"
#define NEW_ORDER .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"x.test\"}]}"
#define IDENTS(list) .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[" list "]}"
#define DNS(name) "{\"type\":\"dns\",\"value\":\"" name "\"}"
#define IP(text) "{\"type\":\"ip\",\"value\":\"" text "\"}"
#define NEW_ACCOUNT .path = "/new-account", .by = "new", .jwk = true
#define ORDER_WITH(members) .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[" DNS("x.test") "]," members "}"
#define CONTACT(text) NEW_ACCOUNT, .payload = "{\"contact\":[\"" text "\"]}"
#define JWK(members) NEW_ACCOUNT, .payload = "{}", HEADER("\"alg\":\"ES256\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"jwk\":{" members "}")
#define JWK_RSA(members) NEW_ACCOUNT, .payload = "{}", HEADER("\"alg\":\"RS256\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"jwk\":{\"kty\":\"RSA\"," members "}")
#define BODY(text) NEW_ORDER, .body = text
#define FINALIZE(payload_text) .path = "$READY/finalize", .by = "A", .payload = payload_text
#define REVOKE(payload_text) .path = "/revoke-cert", .by = "A", .payload = payload_text
/* keyChange: the inner JWS stands in $INNER_x, see make_inners */
#define KEY_CHANGE(inner) .path = "/key-change", .by = "A", .payload = inner

static const struct reject rejects[] = {
	/* transport and methods (6.2, 6.3) */
	{ 1, "no Content-Type", { NEW_ORDER, .type = "" }, "malformed", 415 },
	{ 2, "Content-Type application/json", { NEW_ORDER, .type = "application/json" }, "malformed", 415 },
	{ 2, "Content-Type application/jose", { NEW_ORDER, .type = "application/jose" }, "malformed", 415 },
	{ 2, "two media types in one field", { NEW_ORDER, .type = "application/json, application/jose+json" }, "malformed", 415 },
	{ 3, "GET newAccount", { "GET", "/new-account" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET newOrder", { "GET", "/new-order" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET newOrder of a profile", { "GET", "/p/second/new-order" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET an account", { "GET", "/acct/aaaaaaaaaaaaaaaaaaaaaa" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET an orders list", { "GET", "/acct/aaaaaaaaaaaaaaaaaaaaaa/orders" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET an order", { "GET", "$READY" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET an order that is not there", { "GET", "/order/aaaaaaaaaaaaaaaaaaaaaa" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET finalize", { "GET", "$READY/finalize" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET an authorization", { "GET", "$READY_AUTHZ0" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET a challenge", { "GET", "$READY_CHALL0" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET a certificate", { "GET", "$VALID_CERT" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET revokeCert", { "GET", "/revoke-cert" }, "malformed", 405, "Allow: POST\r\n" },
	{ 3, "GET keyChange", { "GET", "/key-change" }, "malformed", 405, "Allow: POST\r\n" },
	{ 4, "PUT newOrder", { "PUT", "/new-order" }, "malformed", 405, "Allow: POST\r\n" },
	{ 4, "DELETE an order", { "DELETE", "$READY" }, "malformed", 405, "Allow: POST\r\n" },
	{ 4, "PATCH an account", { "PATCH", "/acct/aaaaaaaaaaaaaaaaaaaaaa" }, "malformed", 405, "Allow: POST\r\n" },
	{ 4, "OPTIONS newOrder", { "OPTIONS", "/new-order" }, "malformed", 405, "Allow: POST\r\n" },
	{ 4, "a method of nobody", { "BREW", "/new-order" }, "malformed", 405, "Allow: POST\r\n" },
	{ 4, "PUT the directory", { "PUT", "/directory" }, "malformed", 405, "Allow: GET, HEAD, POST\r\n" },
	{ 4, "DELETE newNonce", { "DELETE", "/new-nonce" }, "malformed", 405, "Allow: GET, HEAD, POST\r\n" },
	{ 4, "POST a revocation list", { "POST", "/crl/own", .by = "A" }, "malformed", 405, "Allow: GET, HEAD\r\n" },
	{ 5, "unknown path by GET", { "GET", "/nothing" }, "malformed", 404 },
	{ 5, "unknown path by POST", { .path = "/nothing", .by = "A" }, "malformed", 404 },
	{ 5, "a path with a slash too many", { "GET", "/directory/" }, "malformed", 404 },
	{ 5, "a path in capitals", { "GET", "/Directory" }, "malformed", 404 },
	{ 5, "an encoded path", { "GET", "/direc%74ory" }, "malformed", 404 },
	{ 5, "dot segments", { "GET", "/order/../directory" }, "malformed", 404 },
	{ 5, "outside of external_url", { "GET", "!/directory" }, "malformed", 404 },
	{ 5, "a path that begins like external_url", { "GET", "!/acmedirectory" }, "malformed", 404 },
	{ 5, "nothing behind external_url", { "GET", "!/acme" }, "malformed", 404 },
	{ 5, "the root", { "GET", "!/" }, "malformed", 404 },
	{ 5, "a revocation list of nobody", { "GET", "/crl/nobody" }, "malformed", 404 },
	{ 5, "a revocation list of a CA that keeps its own", { "GET", "/crl/far" }, "malformed", 404 },
	{ 5, "a query where none may be", { "GET", "/directory?x" }, "malformed", 404 },
	{ 5, "a query for newOrder", { .path = "/new-order?x=1", .by = "A", .payload = "{}" }, "malformed", 404 },
	{ 5, "an unknown profile's directory", { "GET", "/p/nobody/directory" }, "malformed", 404 },
	{ 5, "an order below a profile", { .path = "/p/second$READY", .by = "A" }, "malformed", 404 },
	{ 5, "newNonce below a profile (E1)", { "GET", "/p/second/new-nonce" }, "malformed", 404 },
	{ 5, "a certificate's chain of no number", { .path = "$VALID_CERT/x", .by = "A" }, "malformed", 404 },
	{ 5, "a certificate's chain 0", { .path = "$VALID_CERT/0", .by = "A" }, "malformed", 404 },
	{ 5, "a certificate's chain that is not there", { .path = "$VALID_CERT/1", .by = "A" }, "malformed", 404 },
	{ 5, "a certificate's chain of a large number", { .path = "$VALID_CERT/18446744073709551617", .by = "A" }, "malformed", 404 },
	{ 5, "an empty id", { .path = "/order/", .by = "A" }, "malformed", 404 },
	{ 5, "an order by an id of other octets", { .path = "/order/%00", .by = "A" }, "malformed", 404 },

	/* the envelope (6.2; RFC 7515) */
	{ 7, "an empty body", { NEW_ORDER, .body = "" }, "malformed", 400 },
	{ 7, "a body that is no JSON", { BODY("hello") }, "malformed", 400 },
	{ 7, "truncated JSON", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"") }, "malformed", 400 },
	{ 7, "octets behind the JSON", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"}}") }, "malformed", 400 },
	{ 7, "two documents", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"} {}") }, "malformed", 400 },
	{ 7, "octets that are not UTF-8", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\",\"x\":\"\xff\"}") }, "malformed", 400 },
	{ 7, "a member twice", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\",\"payload\":\"$L\"}") }, "malformed", 400 },
	{ 7, "nested too deeply", { BODY("{\"x\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]],\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 8, "an array", { BODY("[{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"}]") }, "malformed", 400 },
	{ 8, "a string", { BODY("\"$P.$L.$S\"") }, "malformed", 400 },
	{ 8, "the compact form", { BODY("$P.$L.$S") }, "malformed", 400 },
	{ 8, "null", { BODY("null") }, "malformed", 400 },
	{ 9, "the general form", { BODY("{\"payload\":\"$L\",\"signatures\":[{\"protected\":\"$P\",\"signature\":\"$S\"}]}") }, "malformed", 400 },
	{ 9, "signatures besides a good one", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\",\"signatures\":[]}") }, "malformed", 400 },
	{ 10, "an unprotected header", { BODY("{\"protected\":\"$P\",\"header\":{},\"payload\":\"$L\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 11, "no payload", { BODY("{\"protected\":\"$P\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 11, "a payload that is null", { BODY("{\"protected\":\"$P\",\"payload\":null,\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 11, "a payload that is an object", { BODY("{\"protected\":\"$P\",\"payload\":{},\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 12, "no protected header", { BODY("{\"payload\":\"$L\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 12, "an empty protected header", { BODY("{\"protected\":\"\",\"payload\":\"$L\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 13, "no signature", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\"}") }, "malformed", 400 },
	{ 13, "an empty signature", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"\"}") }, "malformed", 400 },
	{ 14, "protected with padding", { BODY("{\"protected\":\"$P_PAD\",\"payload\":\"$L\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 15, "payload with padding", { BODY("{\"protected\":\"$P\",\"payload\":\"$L_PAD\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 15, "payload in plain base64", { BODY("{\"protected\":\"$P\",\"payload\":\"+/+/\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 15, "payload with spare bits set", { BODY("{\"protected\":\"$P\",\"payload\":\"e31\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 16, "signature with padding", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_PAD\"}") }, "malformed", 400 },
	{ 16, "signature with a line end", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_NL\"}") }, "malformed", 400 },
	{ 16, "signature with a blank", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S \"}") }, "malformed", 400 },
	{ 17, "a header that is an array", { NEW_ORDER, .header = "[]" }, "malformed", 400 },
	{ 17, "a header that is no JSON", { NEW_ORDER, .header = "alg" }, "malformed", 400 },
	{ 18, "a member of the header twice", { NEW_ORDER, HEADER(GOOD ",\"alg\":\"$ALG\"") }, "malformed", 400 },
	{ 18, "url twice", { NEW_ORDER, HEADER(GOOD ",\"url\":\"$URL\"") }, "malformed", 400 },
	{ 19, "no alg", { NEW_ORDER, HEADER("\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER") }, "malformed", 400 },
	{ 19, "alg a number", { NEW_ORDER, HEADER("\"alg\":256,\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER") }, "malformed", 400 },

	/* algorithms and keys (6.2) */
#define ALG(name) NEW_ORDER, HEADER("\"alg\":\"" name "\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER")
	{ 20, "alg none", { ALG("none") }, "badSignatureAlgorithm", 400 },
	{ 20, "alg None", { ALG("None") }, "badSignatureAlgorithm", 400 },
	{ 20, "alg NONE", { ALG("NONE") }, "badSignatureAlgorithm", 400 },
	{ 20, "alg none with an empty signature", { ALG("none"), .body = "{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"\"}" }, "malformed", 400 },
	{ 20, "no alg at all, in letters", { ALG("") }, "badSignatureAlgorithm", 400 },
	{ 21, "alg HS256", { ALG("HS256") }, "badSignatureAlgorithm", 400 },
	{ 21, "alg HS384", { ALG("HS384") }, "badSignatureAlgorithm", 400 },
	{ 21, "alg HS512", { ALG("HS512") }, "badSignatureAlgorithm", 400 },
	{ 21, "newAccount with alg HS256", { NEW_ACCOUNT, .payload = "{}", HEADER("\"alg\":\"HS256\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER") }, "badSignatureAlgorithm", 400 },
	{ 22, "alg ES256K", { ALG("ES256K") }, "badSignatureAlgorithm", 400 },
	{ 22, "alg XX99", { ALG("XX99") }, "badSignatureAlgorithm", 400, "\"algorithms\":[" },
	{ 22, "alg es256", { ALG("es256") }, "badSignatureAlgorithm", 400 },
	{ 22, "alg with a blank", { ALG("ES256 ") }, "badSignatureAlgorithm", 400 },
	{ 22, "alg RS1", { ALG("RS1") }, "badSignatureAlgorithm", 400 },
	{ 23, "jwk P-256 with RS256", { NEW_ACCOUNT, .payload = "{}", HEADER("\"alg\":\"RS256\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER") }, "badPublicKey", 400 },
	{ 23, "jwk P-256 with ES384", { NEW_ACCOUNT, .payload = "{}", HEADER("\"alg\":\"ES384\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER") }, "badPublicKey", 400 },
	{ 23, "jwk P-384 with ES256", { .path = "/new-account", .by = "p384", .jwk = true, .payload = "{}", HEADER("\"alg\":\"ES256\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER") }, "badPublicKey", 400 },
	{ 24, "kid of a P-256 key with ES384", { ALG("ES384") }, "badSignatureAlgorithm", 400 },
	{ 24, "kid of a P-256 key with RS256", { ALG("RS256") }, "badSignatureAlgorithm", 400 },
	{ 24, "kid of a P-256 key with EdDSA", { ALG("EdDSA") }, "badSignatureAlgorithm", 400 },
	{ 25, "crit with an unknown name", { NEW_ORDER, HEADER(GOOD ",\"crit\":[\"x\"],\"x\":1") }, "malformed", 400 },
	{ 26, "crit empty", { NEW_ORDER, HEADER(GOOD ",\"crit\":[]") }, "malformed", 400 },
	{ 26, "crit a string", { NEW_ORDER, HEADER(GOOD ",\"crit\":\"alg\"") }, "malformed", 400 },
	{ 26, "crit null", { NEW_ORDER, HEADER(GOOD ",\"crit\":null") }, "malformed", 400 },
	{ 26, "crit lists alg", { NEW_ORDER, HEADER(GOOD ",\"crit\":[\"alg\"]") }, "malformed", 400 },
	{ 27, "b64 false", { NEW_ORDER, HEADER(GOOD ",\"b64\":false") }, "malformed", 400 },
	{ 27, "b64 true", { NEW_ORDER, HEADER(GOOD ",\"b64\":true") }, "malformed", 400 },
	{ 27, "b64 false with crit", { NEW_ORDER, HEADER(GOOD ",\"b64\":false,\"crit\":[\"b64\"]") }, "malformed", 400 },
	{ 28, "both jwk and kid", { NEW_ORDER, HEADER(GOOD ",\"jwk\":$JWK_A") }, "malformed", 400 },
	{ 28, "newAccount with both", { NEW_ACCOUNT, .payload = "{}", HEADER(GOOD ",\"kid\":\"$KID_A\"") }, "malformed", 400 },
	{ 29, "neither jwk nor kid", { NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\"") }, "malformed", 400 },
	{ 30, "newAccount with kid", { .path = "/new-account", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 31, "newOrder with jwk", { NEW_ORDER, .jwk = true }, "malformed", 400 },
	{ 31, "finalize with jwk", { FINALIZE("{\"csr\":\"$CSR_GOOD\"}"), .jwk = true }, "malformed", 400 },
	{ 31, "an order with jwk", { .path = "$READY", .by = "A", .jwk = true }, "malformed", 400 },
	{ 31, "an authorization with jwk", { .path = "$READY_AUTHZ0", .by = "A", .jwk = true }, "malformed", 400 },
	{ 31, "a challenge with jwk", { .path = "$READY_CHALL0", .by = "A", .jwk = true, .payload = "{}" }, "malformed", 400 },
	{ 31, "a certificate with jwk", { .path = "$VALID_CERT", .by = "A", .jwk = true }, "malformed", 400 },
	{ 31, "keyChange with jwk", { KEY_CHANGE("$INNER_GOOD"), .jwk = true }, "malformed", 400 },
	{ 31, "an account with jwk", { .path = "/acct/aaaaaaaaaaaaaaaaaaaaaa", .by = "A", .jwk = true }, "malformed", 400 },
#define KID(text) NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"kid\":\"" text "\"")
	{ 32, "kid of another server", { KID("https://elsewhere.test/acct/aaaaaaaaaaaaaaaaaaaaaa") }, "malformed", 400 },
	{ 32, "kid that is no URL", { KID("1") }, "malformed", 400 },
	{ 32, "an empty kid", { KID("") }, "malformed", 400 },
	{ 32, "kid with https for http", { KID("https://127.0.0.1/acme/acct/aaaaaaaaaaaaaaaaaaaaaa") }, "malformed", 400 },
	{ 32, "kid of an order (W9)", { KID("$BASE$READY") }, "malformed", 400 },
	{ 32, "kid of our prefix and no id (W9)", { KID("$BASE/acct/1") }, "accountDoesNotExist", 400 },
	{ 32, "kid of our prefix and nothing (W9)", { KID("$BASE/acct/") }, "accountDoesNotExist", 400 },
	{ 32, "kid with more behind the id", { KID("$KID_A/orders") }, "accountDoesNotExist", 400 },
	{ 32, "kid with a query", { KID("$KID_A?") }, "accountDoesNotExist", 400 },
	{ 32, "kid a number", { NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"kid\":1") }, "malformed", 400 },
	{ 33, "no such account", { KID("$BASE/acct/aaaaaaaaaaaaaaaaaaaaaa") }, "accountDoesNotExist", 400 },
	{ 34, "a deactivated account orders", { .path = "/new-order", .by = "gone", .payload = "{\"identifiers\":[" DNS("x.test") "]}" }, "unauthorized", 401 },
	{ 34, "a deactivated account reads itself", { .path = "$GONE_PATH", .by = "gone" }, "unauthorized", 401 },
	{ 34, "a deactivated account comes back", { .path = "$GONE_PATH", .by = "gone", .payload = "{\"status\":\"valid\"}" }, "unauthorized", 401 },
	{ 34, "a deactivated account changes its key", { .path = "/key-change", .by = "gone", .payload = "$INNER_GONE" }, "unauthorized", 401 },
	{ 34, "a deactivated account revokes", { .path = "/revoke-cert", .by = "gone", .payload = "{\"certificate\":\"$CERT\"}" }, "unauthorized", 401 },
	{ 34, "a deactivated account reads the directory", { .path = "/directory", .by = "gone" }, "unauthorized", 401 },
	{ 34, "a deactivated account asks for a nonce", { .path = "/new-nonce", .by = "gone" }, "unauthorized", 401 },
	{ 34, "a deactivated account says nonsense (W4)", { .path = "/new-order", .by = "gone", .payload = "[]" }, "unauthorized", 401 },
	{ 34, "newAccount with a deactivated account's key (W12)", { .path = "/new-account", .by = "gone", .jwk = true, .payload = "{}" }, "unauthorized", 401 },
	{ 34, "onlyReturnExisting with such a key (W12)", { .path = "/new-account", .by = "gone", .jwk = true, .payload = "{\"onlyReturnExisting\":true}" }, "unauthorized", 401 },
	{ 35, "a revoked account orders", { .path = "/new-order", .by = "revoked", .payload = "{\"identifiers\":[" DNS("x.test") "]}" }, "unauthorized", 401 },
	{ 35, "newAccount with a revoked account's key", { .path = "/new-account", .by = "revoked", .jwk = true, .payload = "{}" }, "unauthorized", 401 },

	/* nonces (6.5) */
#define WITH_NONCE(json) NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"nonce\":" json ",\"url\":\"$URL\",$SIGNER")
	{ 36, "no nonce", { NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"url\":\"$URL\",$SIGNER") }, "badNonce", 400 },
	{ 37, "a nonce never issued", { WITH_NONCE("\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"") }, "badNonce", 400 },
	{ 37, "a short one", { WITH_NONCE("\"AA\"") }, "badNonce", 400 },
	{ 37, "a long one (W3)", { WITH_NONCE("\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"") }, "badNonce", 400 },
	{ 38, "a nonce used before", { WITH_NONCE("\"$SPENT\"") }, "badNonce", 400 },
	{ 40, "a nonce with padding", { WITH_NONCE("\"$NONCE=\"") }, "malformed", 400 },
	{ 40, "a nonce with a blank", { WITH_NONCE("\"$NONCE \"") }, "malformed", 400 },
	{ 40, "a nonce in plain base64", { WITH_NONCE("\"++++\"") }, "malformed", 400 },
	{ 40, "a nonce of a length that base64url has not (W3)", { WITH_NONCE("\"AAAAA\"") }, "malformed", 400 },
	{ 41, "a nonce that is a number", { WITH_NONCE("1") }, "malformed", 400 },
	{ 41, "a nonce that is null", { WITH_NONCE("null") }, "malformed", 400 },

	/* url (6.4) */
#define WITH_URL(json) NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":" json ",$SIGNER")
	{ 42, "no url", { NEW_ORDER, HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",$SIGNER") }, "malformed", 400 },
	{ 42, "a url that is a number", { WITH_URL("1") }, "malformed", 400 },
	{ 43, "the url of another resource", { WITH_URL("\"$BASE/new-account\"") }, "unauthorized", 403 },
	{ 43, "the url of a profile's newOrder", { WITH_URL("\"$BASE/p/second/new-order\"") }, "unauthorized", 403 },
	{ 43, "an empty url", { WITH_URL("\"\"") }, "unauthorized", 403 },
	{ 43, "external_url alone", { WITH_URL("\"$BASE\"") }, "unauthorized", 403 },
	{ 44, "a url in capitals", { WITH_URL("\"$BASE/New-Order\"") }, "unauthorized", 403 },
	{ 44, "a url with a slash behind it", { WITH_URL("\"$URL/\"") }, "unauthorized", 403 },
	{ 44, "a url with a query", { WITH_URL("\"$URL?\"") }, "unauthorized", 403 },
	{ 44, "a url with a fragment", { WITH_URL("\"$URL#\"") }, "unauthorized", 403 },
	{ 44, "an encoded url", { WITH_URL("\"$BASE/new%2Dorder\"") }, "unauthorized", 403 },
	{ 44, "a url without its port", { WITH_URL("\"http://127.0.0.1/acme/new-order\"") }, "unauthorized", 403 },
	{ 45, "a url with https", { WITH_URL("\"https://127.0.0.1/acme/new-order\"") }, "unauthorized", 403 },
	{ 45, "a url of another host", { WITH_URL("\"http://elsewhere.test/acme/new-order\"") }, "unauthorized", 403 },
	{ 45, "a path alone", { WITH_URL("\"/acme/new-order\"") }, "unauthorized", 403 },
	{ 45, "the url of whoever another Host names (W30)", { NEW_ORDER, .fields = "X-Forwarded-Host: elsewhere.test\r\n", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"http://elsewhere.test/acme/new-order\",$SIGNER") }, "unauthorized", 403 },

	/* signatures (W5) */
	{ 46, "signed by another key", { .path = "/new-order", .by = "B", .payload = "{}", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"kid\":\"$KID_A\"") }, "malformed", 400 },
	{ 46, "a jwk that is not the signer's", { .path = "/new-account", .by = "B", .payload = "{}", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"jwk\":$JWK_new") }, "malformed", 400 },
	{ 47, "another payload", { BODY("{\"protected\":\"$P\",\"payload\":\"$L_OTHER\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 47, "another header", { BODY("{\"protected\":\"$P_OTHER\",\"payload\":\"$L\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 47, "a bit of the signature flipped", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_FLIP\"}") }, "malformed", 400 },
	{ 47, "the payload's signature for an empty payload", { BODY("{\"protected\":\"$P\",\"payload\":\"\",\"signature\":\"$S\"}") }, "malformed", 400 },
	{ 48, "a signature in DER", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_DER\"}") }, "malformed", 400 },
	{ 48, "a signature one octet short", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_SHORT\"}") }, "malformed", 400 },
	{ 48, "a signature one octet long", { BODY("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_LONG\"}") }, "malformed", 400 },

	/* keys */
	{ 49, "RSA of 1024 bits", { JWK_RSA("\"n\":\"$RSA_1024\",\"e\":\"AQAB\"") }, "badPublicKey", 400 },
	{ 49, "RSA of 16384 bits", { JWK_RSA("\"n\":\"$RSA_16384\",\"e\":\"AQAB\"") }, "badPublicKey", 400 },
	{ 50, "RSA exponent 1", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"AQ\"") }, "badPublicKey", 400 },
	{ 50, "RSA exponent 3 (W7)", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"Aw\"") }, "badPublicKey", 400 },
	{ 50, "RSA exponent even", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"AQAA\"") }, "badPublicKey", 400 },
	{ 50, "RSA exponent of 2^32 + 1", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"AQAAAAE\"") }, "badPublicKey", 400 },
	{ 50, "RSA exponent 0", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"AA\"") }, "badPublicKey", 400 },
	{ 51, "a point not on the curve", { JWK("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"$B32\",\"y\":\"$B32\"") }, "badPublicKey", 400 },
	{ 51, "a coordinate of 31 octets", { JWK("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"$B31\",\"y\":\"$B32\"") }, "badPublicKey", 400 },
	{ 51, "the point 0,0", { JWK("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"") }, "badPublicKey", 400 },
	{ 52, "P-224", { JWK("\"kty\":\"EC\",\"crv\":\"P-224\",\"x\":\"$B32\",\"y\":\"$B32\"") }, "badPublicKey", 400 },
	{ 52, "secp256k1", { JWK("\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"$B32\",\"y\":\"$B32\"") }, "badPublicKey", 400 },
	{ 52, "Ed448", { JWK("\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"$B32\"") }, "badPublicKey", 400 },
	{ 52, "X25519", { JWK("\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"$B32\"") }, "badPublicKey", 400 },
	{ 53, "an RSA key with its private part", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"AQAB\",\"d\":\"AQAB\"") }, "badPublicKey", 400 },
	{ 53, "an RSA key with a prime", { JWK_RSA("\"n\":\"$RSA_2048\",\"e\":\"AQAB\",\"p\":\"AQAB\"") }, "badPublicKey", 400 },
	{ 53, "a symmetric key", { JWK("\"kty\":\"oct\",\"k\":\"$B32\"") }, "badPublicKey", 400 },
	{ 54, "no x", { JWK("\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"$B32\"") }, "malformed", 400 },
	{ 54, "no crv", { JWK("\"kty\":\"EC\",\"x\":\"$B32\",\"y\":\"$B32\"") }, "malformed", 400 },
	{ 54, "no n", { JWK_RSA("\"e\":\"AQAB\"") }, "malformed", 400 },
	{ 54, "no kty", { JWK("\"crv\":\"P-256\",\"x\":\"$B32\",\"y\":\"$B32\"") }, "malformed", 400 },
	{ 54, "an empty jwk", { JWK("") }, "malformed", 400 },
	{ 54, "a jwk that is a string", { NEW_ACCOUNT, .payload = "{}", HEADER("\"alg\":\"ES256\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",\"jwk\":\"x\"") }, "malformed", 400 },
	{ 55, "newAccount with a key known to be compromised", { .path = "/new-account", .by = "lost", .jwk = true, .payload = "{}" }, "badPublicKey", 400 },

	/* payloads */
	{ 56, "payload an array", { .path = "/new-order", .by = "A", .payload = "[]" }, "malformed", 400 },
	{ 56, "payload null", { .path = "/new-order", .by = "A", .payload = "null" }, "malformed", 400 },
	{ 56, "payload a string", { .path = "/new-order", .by = "A", .payload = "\"x\"" }, "malformed", 400 },
	{ 56, "payload no JSON", { .path = "/new-order", .by = "A", .payload = "{" }, "malformed", 400 },
	{ 56, "payload a blank", { .path = "/new-order", .by = "A", .payload = " " }, "malformed", 400 },
	{ 57, "POST-as-GET newAccount", { NEW_ACCOUNT }, "malformed", 400 },
	{ 57, "POST-as-GET newOrder", { .path = "/new-order", .by = "A" }, "malformed", 400 },
	{ 57, "POST-as-GET finalize", { .path = "$READY/finalize", .by = "A" }, "malformed", 400 },
	{ 57, "POST-as-GET revokeCert", { .path = "/revoke-cert", .by = "A" }, "malformed", 400 },
	{ 57, "POST-as-GET keyChange", { .path = "/key-change", .by = "A" }, "malformed", 400 },
	{ 57, "a payload to an order", { .path = "$READY", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 57, "a payload to an orders list", { .path = "$A_PATH/orders", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 57, "a payload to a certificate", { .path = "$VALID_CERT", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 57, "a payload to the directory", { .path = "/directory", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 57, "a payload to newNonce", { .path = "/new-nonce", .by = "A", .payload = "{}" }, "malformed", 400 },

	/* accounts (7.3) */
	{ 58, "onlyReturnExisting with an unknown key", { NEW_ACCOUNT, .payload = "{\"onlyReturnExisting\":true}" }, "accountDoesNotExist", 400 },
	{ 58, "onlyReturnExisting not a boolean", { NEW_ACCOUNT, .payload = "{\"onlyReturnExisting\":1}" }, "malformed", 400 },
	{ 61, "a telephone", { CONTACT("tel:+12025551212") }, "unsupportedContact", 400 },
	{ 61, "a web address", { CONTACT("https://a.test/") }, "unsupportedContact", 400 },
	{ 62, "two mail addresses", { CONTACT("mailto:a@x.test,b@x.test") }, "invalidContact", 400 },
	{ 62, "a mail address with header fields", { CONTACT("mailto:a@x.test?subject=y") }, "invalidContact", 400 },
	{ 62, "no mail address", { CONTACT("mailto:") }, "invalidContact", 400 },
	{ 62, "a mail address without a host", { CONTACT("mailto:a@") }, "invalidContact", 400 },
	{ 62, "a mail address without a user", { CONTACT("mailto:@x.test") }, "invalidContact", 400 },
	{ 63, "a contact that is no URL", { CONTACT("a@x.test") }, "invalidContact", 400 },
	{ 63, "an empty contact", { CONTACT("") }, "invalidContact", 400 },
	{ 63, "a contact in Greek", { CONTACT("mailto:\xce\xb1@x.test") }, "invalidContact", 400 },
	{ 63, "a contact with a line end", { CONTACT("mailto:a@x.test\\r\\nX: y") }, "invalidContact", 400 },
	{ 63, "a contact of 300 octets (W9)", { NEW_ACCOUNT, .payload = "{\"contact\":[\"mailto:$LONG_256@$LONG_256.test\"]}" }, "invalidContact", 400 },
	{ 63, "contact a string", { NEW_ACCOUNT, .payload = "{\"contact\":\"mailto:a@x.test\"}" }, "malformed", 400 },
	{ 63, "contact an array of numbers", { NEW_ACCOUNT, .payload = "{\"contact\":[1]}" }, "malformed", 400 },
	{ 63, "contact null", { NEW_ACCOUNT, .payload = "{\"contact\":null}" }, "malformed", 400 },
	{ 63, "eleven contacts", { NEW_ACCOUNT, .payload = "{\"contact\":[\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\",\"mailto:a@x.test\"]}" }, "malformed", 400 },
	{ 63, "a bad contact in an update", { .path = "$A_PATH", .by = "A", .payload = "{\"contact\":[\"tel:1\"]}" }, "unsupportedContact", 400 },
	/* external account binding (7.3.4, W14) */
#define BIND(json) .path = "/p/bound/new-account", .by = "new", .jwk = true, .payload = "{\"externalAccountBinding\":" json "}"
	{ 64, "no binding where one is required", { .path = "/p/bound/new-account", .by = "new", .jwk = true, .payload = "{}" }, "externalAccountRequired", 403 },
	{ 64, "an unbound account orders there (E1)", { .path = "/p/bound/new-order", .by = "A", .payload = "{\"identifiers\":[" DNS("x.test") "]}" }, "externalAccountRequired", 403 },
	{ 64, "or by the profile's name", { ORDER_WITH("\"profile\":\"bound\"") }, "externalAccountRequired", 403 },
	{ 65, "a binding that is no JWS", { BIND("{}") }, "malformed", 400 },
	{ 65, "a binding that is a string", { BIND("\"x\"") }, "malformed", 400 },
	{ 65, "alg ES256", { BIND("$EAB_ES256") }, "malformed", 400 },
	{ 65, "alg none", { BIND("$EAB_NONE") }, "malformed", 400 },
	{ 65, "a binding with jwk", { BIND("$EAB_JWK") }, "malformed", 400 },
	{ 65, "a binding without kid", { BIND("$EAB_NO_KID") }, "malformed", 400 },
	{ 66, "a binding with a nonce", { BIND("$EAB_NONCE") }, "malformed", 400 },
	{ 67, "a binding for another url", { BIND("$EAB_OTHER_URL") }, "malformed", 400 },
	{ 67, "a binding without url", { BIND("$EAB_NO_URL") }, "malformed", 400 },
	{ 68, "a key nobody knows", { BIND("$EAB_UNKNOWN") }, "unauthorized", 403, "not known, or its MAC is wrong" },
	{ 68, "a key with a name that none has", { BIND("$EAB_STRANGE") }, "unauthorized", 403, "not known, or its MAC is wrong" },
	{ 68, "a suspended key", { BIND("$EAB_SUSPENDED") }, "unauthorized", 403, "suspended" },
	{ 68, "a revoked key", { BIND("$EAB_REVOKED") }, "unauthorized", 403, "revoked" },
	{ 68, "an expired key", { BIND("$EAB_EXPIRED") }, "unauthorized", 403, "expired" },
	{ 68, "a key that is used up", { BIND("$EAB_USED") }, "unauthorized", 403, "used-up" },
	{ 68, "a suspended key with a wrong MAC says nothing of that", { BIND("$EAB_SUSPENDED_FORGED") }, "unauthorized", 403, "not known, or its MAC is wrong" },
	{ 69, "a wrong MAC", { BIND("$EAB_FORGED") }, "unauthorized", 403, "not known, or its MAC is wrong" },
	{ 70, "a payload that is another key (W9)", { BIND("$EAB_OTHER_KEY") }, "malformed", 400 },
	{ 70, "a payload that is no key", { BIND("$EAB_NO_KEY") }, "malformed", 400 },
	{ 71, "an account updated by another (W10)", { .path = "$A_PATH", .by = "B", .payload = "{\"contact\":[]}" }, "unauthorized", 403 },
	{ 71, "an account deactivated by another", { .path = "$A_PATH", .by = "B", .payload = "{\"status\":\"deactivated\"}" }, "unauthorized", 403 },
	{ 71, "an account read by another", { .path = "$A_PATH", .by = "B" }, "unauthorized", 403 },
	{ 71, "an account that is not there", { .path = "/acct/aaaaaaaaaaaaaaaaaaaaaa", .by = "B" }, "unauthorized", 403 },
	{ 71, "another's orders", { .path = "$A_PATH/orders", .by = "B" }, "unauthorized", 403 },
	{ 71, "orders from a cursor that is none", { .path = "$A_PATH/orders?before=x", .by = "A" }, "malformed", 404 },
	{ 71, "orders from another's order", { .path = "$A_PATH/orders?before=$B_REF", .by = "A" }, "malformed", 404 },
	{ 71, "orders with another query", { .path = "$A_PATH/orders?after=x", .by = "A" }, "malformed", 404 },
	{ 71, "orders with an empty query", { .path = "$A_PATH/orders?", .by = "A" }, "malformed", 404 },

	/* newOrder (7.4) */
	{ 73, "no identifiers", { .path = "/new-order", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 73, "identifiers empty", { IDENTS("") }, "malformed", 400 },
	{ 73, "identifiers an object", { .path = "/new-order", .by = "A", .payload = "{\"identifiers\":{}}" }, "malformed", 400 },
	{ 73, "identifiers null", { .path = "/new-order", .by = "A", .payload = "{\"identifiers\":null}" }, "malformed", 400 },
	{ 73, "an identifier that is a string", { IDENTS("\"x.test\"") }, "malformed", 400 },
	{ 73, "an identifier without type", { IDENTS("{\"value\":\"x.test\"}") }, "malformed", 400 },
	{ 73, "an identifier without value", { IDENTS("{\"type\":\"dns\"}") }, "malformed", 400 },
	{ 73, "a value that is a number", { IDENTS("{\"type\":\"dns\",\"value\":1}") }, "malformed", 400 },
	{ 73, "an empty name", { IDENTS(DNS("")) }, "malformed", 400 },
	{ 74, "an unknown type", { IDENTS("{\"type\":\"email\",\"value\":\"a@x.test\"}") }, "unsupportedIdentifier", 400 },
	{ 74, "the type in capitals", { IDENTS("{\"type\":\"DNS\",\"value\":\"x.test\"}") }, "unsupportedIdentifier", 400 },
	{ 75, "a label with an underscore", { IDENTS(DNS("a_b.test")) }, "malformed", 400, "\"identifier\":{\"type\":\"dns\",\"value\":\"a_b.test\"}" },
	{ 75, "a blank", { IDENTS(DNS("a b.test")) }, "malformed", 400 },
	{ 75, "an empty label", { IDENTS(DNS("a..test")) }, "malformed", 400 },
	{ 75, "a dot at the end", { IDENTS(DNS("a.test.")) }, "malformed", 400 },
	{ 75, "a dot at the beginning", { IDENTS(DNS(".a.test")) }, "malformed", 400 },
	{ 75, "a label of 64 octets", { IDENTS(DNS("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test")) }, "malformed", 400 },
	{ 75, "a name of 254 octets", { IDENTS(DNS("$NAME_254")) }, "malformed", 400 },
	{ 75, "a label that ends with a hyphen", { IDENTS(DNS("a-.test")) }, "malformed", 400 },
	{ 75, "a NUL", { IDENTS(DNS("a.test\\u0000.evil.test")) }, "malformed", 400 },
	{ 75, "a port", { IDENTS(DNS("a.test:80")) }, "malformed", 400 },
	{ 75, "a slash", { IDENTS(DNS("a.test/")) }, "malformed", 400 },
	{ 75, "two bad names of three", { IDENTS(DNS("a_b.test") "," DNS("good.test") "," DNS("a..test")) }, "malformed", 400, "\"identifier\":{\"type\":\"dns\",\"value\":\"a..test\"}" },
	{ 76, "*.*.x", { IDENTS(DNS("*.*.x.test")) }, "malformed", 400 },
	{ 76, "a.*.x", { IDENTS(DNS("a.*.x.test")) }, "malformed", 400 },
	{ 76, "*x.y", { IDENTS(DNS("*x.test")) }, "malformed", 400 },
	{ 76, "* alone", { IDENTS(DNS("*")) }, "malformed", 400 },
	{ 76, "*. alone", { IDENTS(DNS("*.")) }, "malformed", 400 },
	{ 77, "a U-label", { IDENTS(DNS("b\xc3\xbc"
					"cher.test")) }, "malformed", 400 },
	{ 77, "an A-label that does not decode", { IDENTS(DNS("xn--\x7a\x7a\x7a\x7a\x7a\x7a\x7a\x7a\x7a\x7a\x7a-.test")) }, "malformed", 400 },
	{ 77, "a reserved label (W9)", { IDENTS(DNS("ab--cd.test")) }, "rejectedIdentifier", 400 },
	{ 78, "an address as a name", { IDENTS(DNS("10.0.0.1")) }, "malformed", 400 },
	{ 78, "an IPv6 address as a name", { IDENTS(DNS("2001:db8::1")) }, "malformed", 400 },
	{ 79, "IPv6 in capitals", { IDENTS(IP("2001:DB8::1")) }, "malformed", 400 },
	{ 79, "leading zeros", { IDENTS(IP("010.0.0.1")) }, "malformed", 400 },
	{ 79, "a short address", { IDENTS(IP("10.1")) }, "malformed", 400 },
	{ 79, "an address with a port", { IDENTS(IP("10.0.0.1:80")) }, "malformed", 400 },
	{ 79, "an address with a zone", { IDENTS(IP("fe80::1%eth0")) }, "malformed", 400 },
	{ 79, "an address in brackets", { IDENTS(IP("[2001:db8::1]")) }, "malformed", 400 },
	{ 79, "IPv6 not shortened", { IDENTS(IP("2001:db8:0:0:0:0:0:1")) }, "malformed", 400 },
	{ 79, "a mapped address", { IDENTS(IP("::ffff:10.0.0.1")) }, "malformed", 400 },
	{ 79, "a network", { IDENTS(IP("10.0.0.0/8")) }, "malformed", 400 },
	{ 80, "a forbidden name", { IDENTS(DNS("forbidden.test")) }, "rejectedIdentifier", 400, "ask the registrar" },
	{ 80, "a name no rule allows", { IDENTS(DNS("example.com")) }, "rejectedIdentifier", 400 },
	{ 80, "an address no rule allows", { IDENTS(IP("192.0.2.1")) }, "rejectedIdentifier", 400 },
	{ 80, "two forbidden names, each with its sub-problem", { IDENTS(DNS("a.test") "," DNS("x.forbidden.test") "," DNS("forbidden.test")) }, "rejectedIdentifier", 400,
		"\"identifier\":{\"type\":\"dns\",\"value\":\"x.forbidden.test\"}" },
	{ 80, "two names, two kinds of problems", { IDENTS(DNS("a_b.test") "," DNS("forbidden.test")) }, "compound", 400, "\"subproblems\":[" },
	{ 81, "eleven identifiers where ten may be", { IDENTS(DNS("a1.test") "," DNS("a2.test") "," DNS("a3.test") "," DNS("a4.test") "," DNS("a5.test") "," DNS("a6.test") "," DNS("a7.test") "," DNS("a8.test") "," DNS("a9.test") "," DNS("a10.test") "," DNS("a11.test")) }, "malformed", 400 },
	{ 81, "a hundred and one", { .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[$IDENTS_101]}" }, "malformed", 400 },
	{ 82, "notBefore that is no time", { ORDER_WITH("\"notBefore\":\"tomorrow\"") }, "malformed", 400 },
	{ 82, "notAfter that is a number", { ORDER_WITH("\"notAfter\":1800000000") }, "malformed", 400 },
	{ 82, "notAfter that is past", { ORDER_WITH("\"notAfter\":\"2001-01-01T00:00:00Z\"") }, "malformed", 400 },
	{ 82, "notBefore at the beginning of time", { ORDER_WITH("\"notBefore\":\"1970-01-01T00:00:00Z\"") }, "malformed", 400 },
	{ 82, "notAfter at the beginning of time", { ORDER_WITH("\"notAfter\":\"1970-01-01T00:00:00Z\"") }, "malformed", 400 },
	{ 82, "notAfter beyond what the profile gives", { ORDER_WITH("\"notAfter\":\"2199-01-01T00:00:00Z\"") }, "malformed", 400 },
	{ 82, "notBefore after notAfter", { ORDER_WITH("\"notBefore\":\"$IN_2_H\",\"notAfter\":\"$IN_1_H\"") }, "malformed", 400 },
	{ 82, "dates for a CA that does not take them", { ORDER_WITH("\"profile\":\"far\",\"notAfter\":\"$IN_1_H\"") }, "malformed", 400 },

	/* profiles */
	{ 83, "an unknown profile", { ORDER_WITH("\"profile\":\"nobody\"") }, "invalidProfile", 400 },
	{ 83, "a profile in capitals", { ORDER_WITH("\"profile\":\"Default\"") }, "invalidProfile", 400 },
	{ 83, "profile null", { ORDER_WITH("\"profile\":null") }, "malformed", 400 },
	{ 83, "profile a number", { ORDER_WITH("\"profile\":1") }, "malformed", 400 },
	{ 83, "profile an array", { ORDER_WITH("\"profile\":[\"default\"]") }, "malformed", 400 },
	{ 83, "a profile of 65 octets", { ORDER_WITH("\"profile\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"") }, "malformed", 400 },
	{ 83, "a profile with a control octet", { ORDER_WITH("\"profile\":\"a\\u0001\"") }, "malformed", 400 },
	{ 83, "another profile than the path's", { .path = "/p/second/new-order", .by = "A", .payload = "{\"identifiers\":[" DNS("x.test") "],\"profile\":\"default\"}" }, "invalidProfile", 400 },
	{ 83, "an address in a profile of names (W21)", { .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[" IP("10.0.0.1") "],\"profile\":\"dns-only\"}" }, "invalidProfile", 400 },
	{ 83, "too many names for the profile", { .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[" DNS("a.test") "," DNS("b.test") "," DNS("c.test") "],\"profile\":\"dns-only\"}" }, "malformed", 400 },
	{ 83, "a wildcard in a profile without (W21)", { IDENTS(DNS("*.a.test")) }, "rejectedIdentifier", 400, "\"identifier\":{\"type\":\"dns\",\"value\":\"*.a.test\"}" },

	/* challenges and authorizations (7.5) */
	{ 90, "a challenge response that is an array", { .path = "$PENDING_CHALL0", .by = "A", .payload = "[]" }, "malformed", 400 },
	{ 91, "a challenge of an expired authorization", { .path = "$EXPIRED_CHALL0", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 91, "a challenge that failed", { .path = "$INVALID_CHALL0", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 91, "a challenge of a deactivated authorization", { .path = "$GIVEN_UP_CHALL0", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 92, "an authorization made valid by its owner", { .path = "$PENDING_AUTHZ0", .by = "A", .payload = "{\"status\":\"valid\"}" }, "malformed", 400 },
	{ 92, "an authorization updated with nothing", { .path = "$PENDING_AUTHZ0", .by = "A", .payload = "{}" }, "malformed", 400 },
	{ 92, "a status that is a number", { .path = "$PENDING_AUTHZ0", .by = "A", .payload = "{\"status\":1}" }, "malformed", 400 },
	{ 92, "an invalid authorization given up", { .path = "$INVALID_AUTHZ0", .by = "A", .payload = "{\"status\":\"deactivated\"}" }, "malformed", 400 },
	{ 92, "another's authorization, wrong status and all (W4)", { .path = "$PENDING_AUTHZ0", .by = "B", .payload = "{\"status\":\"valid\"}" }, "malformed", 404 },

	/* finalize (7.4) */
#define NOT_READY(order) { .path = "$" order "/finalize", .by = "A", .payload = "{\"csr\":\"$CSR_GOOD\"}" }, "orderNotReady", 403, "Location: $BASE$" order "\r\n"
	{ 93, "finalize while pending", NOT_READY("PENDING") },
	{ 93, "finalize while processing", NOT_READY("PROCESSING") },
	{ 93, "finalize when valid", NOT_READY("VALID") },
	{ 93, "finalize when invalid", NOT_READY("INVALID") },
	{ 93, "finalize while pending, with a bad CSR (W15: always)", { .path = "$PENDING/finalize", .by = "A", .payload = "{\"csr\":\"AAAA\"}" }, "orderNotReady", 403 },
	{ 93, "finalize while pending, without a CSR", { .path = "$PENDING/finalize", .by = "A", .payload = "{}" }, "orderNotReady", 403 },
	{ 94, "finalize an expired order (W9)", NOT_READY("EXPIRED_READY") },
	{ 94, "finalize with an authorization that expired", NOT_READY("EXPIRED_PROOF") },
	{ 95, "finalize without csr", { FINALIZE("{}") }, "malformed", 400 },
	{ 95, "csr a number", { FINALIZE("{\"csr\":1}") }, "malformed", 400 },
	{ 95, "csr with padding", { FINALIZE("{\"csr\":\"$CSR_GOOD=\"}") }, "malformed", 400 },
	{ 95, "csr empty", { FINALIZE("{\"csr\":\"\"}") }, "badCSR", 400 },
	{ 95, "csr in PEM", { FINALIZE("{\"csr\":\"$CSR_PEM\"}") }, "badCSR", 400 },
	{ 95, "csr that is something else", { FINALIZE("{\"csr\":\"AAAA\"}") }, "badCSR", 400 },
	{ 95, "csr with octets behind it", { FINALIZE("{\"csr\":\"$CSR_TAIL\"}") }, "badCSR", 400 },
	{ 95, "csr of 17 KiB", { FINALIZE("{\"csr\":\"$CSR_LARGE\"}") }, "malformed", 400 },
	{ 96, "csr with a wrong signature", { FINALIZE("{\"csr\":\"$CSR_FORGED\"}") }, "badCSR", 400 },
	{ 96, "csr signed with SHA-1", { FINALIZE("{\"csr\":\"$CSR_SHA1\"}") }, "badCSR", 400 },
	{ 97, "csr with a name more", { FINALIZE("{\"csr\":\"$CSR_MORE\"}") }, "badCSR", 400 },
	{ 97, "csr with a name less", { FINALIZE("{\"csr\":\"$CSR_LESS\"}") }, "badCSR", 400 },
	{ 97, "csr with another name", { FINALIZE("{\"csr\":\"$CSR_OTHER\"}") }, "badCSR", 400 },
	{ 97, "csr with a CN that is not ordered", { FINALIZE("{\"csr\":\"$CSR_CN\"}") }, "badCSR", 400 },
	{ 97, "csr without names", { FINALIZE("{\"csr\":\"$CSR_NONE\"}") }, "badCSR", 400 },
	{ 97, "csr with an email address", { FINALIZE("{\"csr\":\"$CSR_MAIL\"}") }, "badCSR", 400 },
	{ 98, "csr for the account's own key", { FINALIZE("{\"csr\":\"$CSR_OWN\"}") }, "badCSR", 400 },
	{ 98, "csr for another account's key", { FINALIZE("{\"csr\":\"$CSR_THEIRS\"}") }, "badCSR", 400 },
	{ 99, "csr for RSA 1024", { FINALIZE("{\"csr\":\"$CSR_RSA1024\"}") }, "badCSR", 400 },
	{ 99, "csr for a CA", { FINALIZE("{\"csr\":\"$CSR_CA\"}") }, "badCSR", 400 },
	{ 99, "csr for a key type the profile has not", { FINALIZE("{\"csr\":\"$CSR_ED25519\"}") }, "badCSR", 400 },
	{ 99, "csr for a key known to be compromised", { FINALIZE("{\"csr\":\"$CSR_LOST\"}") }, "badCSR", 400 },
	{ 99, "csr for client authentication, which the CA does not certify",
		{ .path = "$FAR_READY/finalize", .by = "A", .payload = "{\"csr\":\"$CSR_CLIENT\"}" }, "badCSR", 400 },

	/* revocation (7.6) */
	{ 101, "revoke nothing", { REVOKE("{}") }, "malformed", 400 },
	{ 101, "revoke what is not DER", { REVOKE("{\"certificate\":\"AAAA\"}") }, "malformed", 400 },
	{ 101, "revoke with padding", { REVOKE("{\"certificate\":\"$CERT=\"}") }, "malformed", 400 },
	{ 101, "revoke with octets behind the certificate", { REVOKE("{\"certificate\":\"$CERT_TAIL\"}") }, "malformed", 400 },
	{ 101, "revoke a number", { REVOKE("{\"certificate\":1}") }, "malformed", 400 },
	{ 103, "reason 2", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":2}") }, "badRevocationReason", 400, "keyCompromise" },
	{ 103, "reason 7", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":7}") }, "badRevocationReason", 400 },
	{ 103, "reason 11", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":11}") }, "badRevocationReason", 400 },
	{ 103, "reason -1", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":-1}") }, "badRevocationReason", 400 },
	{ 103, "reason 4294967300", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":4294967300}") }, "badRevocationReason", 400 },
	{ 103, "reason a string", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":\"1\"}") }, "malformed", 400 },
	{ 103, "reason a fraction", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":1.5}") }, "malformed", 400 },
	{ 103, "reason null", { REVOKE("{\"certificate\":\"$CERT\",\"reason\":null}") }, "malformed", 400 },
	{ 104, "revoke another's certificate", { .path = "/revoke-cert", .by = "B", .payload = "{\"certificate\":\"$CERT\"}" }, "unauthorized", 403 },
	{ 105, "revoke by a key that is not the certificate's", { .path = "/revoke-cert", .by = "B", .jwk = true, .payload = "{\"certificate\":\"$CERT\"}" }, "unauthorized", 403 },
	{ 105, "revoke by the account's key as jwk", { .path = "/revoke-cert", .by = "A", .jwk = true, .payload = "{\"certificate\":\"$CERT\"}" }, "unauthorized", 403 },
	{ 106, "revoke a certificate of nobody", { REVOKE("{\"certificate\":\"$CERT_FOREIGN\"}") }, "unauthorized", 403 },
	{ 106, "revoke a certificate of nobody by its own key (W10)", { .path = "/revoke-cert", .by = "foreign", .jwk = true, .payload = "{\"certificate\":\"$CERT_FOREIGN\"}" }, "unauthorized", 403 },

	/* keyChange (7.3.5) */
	{ 107, "inner no JWS", { KEY_CHANGE("{}") }, "malformed", 400 },
	{ 107, "inner without jwk", { KEY_CHANGE("$INNER_KID") }, "malformed", 400 },
	{ 107, "inner with both", { KEY_CHANGE("$INNER_BOTH") }, "malformed", 400 },
	{ 108, "inner with nonce", { KEY_CHANGE("$INNER_NONCE") }, "malformed", 400 },
	{ 109, "inner with another url", { KEY_CHANGE("$INNER_URL") }, "malformed", 400 },
	{ 109, "inner without url", { KEY_CHANGE("$INNER_NO_URL") }, "malformed", 400 },
	{ 110, "inner signed by the old key", { KEY_CHANGE("$INNER_SIGNED") }, "malformed", 400 },
	{ 111, "inner for another account", { KEY_CHANGE("$INNER_ACCOUNT") }, "malformed", 400 },
	{ 111, "inner for no account", { KEY_CHANGE("$INNER_NO_ACCOUNT") }, "malformed", 400 },
	{ 112, "inner with another oldKey", { KEY_CHANGE("$INNER_OLD_KEY") }, "malformed", 400 },
	{ 112, "inner without oldKey", { KEY_CHANGE("$INNER_NO_OLD_KEY") }, "malformed", 400 },
	{ 113, "the key of another account (W23)", { KEY_CHANGE("$INNER_TAKEN") }, "malformed", 409, "Location: $KID_B\r\n" },
	{ 113, "the account's own key (W23)", { KEY_CHANGE("$INNER_SAME") }, "malformed", 400 },
	{ 114, "a weak new key", { KEY_CHANGE("$INNER_WEAK") }, "badPublicKey", 400 },
	{ 114, "inner alg none", { KEY_CHANGE("$INNER_NONE") }, "badSignatureAlgorithm", 400 },
	{ 114, "inner alg HS256", { KEY_CHANGE("$INNER_HS256") }, "badSignatureAlgorithm", 400 },
	{ 114, "inner alg that does not fit its key", { KEY_CHANGE("$INNER_ALG") }, "badPublicKey", 400 },
	{ 114, "a new key known to be compromised", { KEY_CHANGE("$INNER_LOST") }, "badPublicKey", 400 },
};

static void
test_table(const struct reject *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct reject *r = &list[i];
		bool post = !r->rq.method || strcmp(r->rq.method, "POST") == 0;
		AUTO_BUF reply = BUF_MAX(1 << 20), has = BUF_MAX(65536);
		bool good;

		lab_send(&lab, &r->rq, &reply);
		good = reply_is_problem(&reply, r->type, r->status, post);
		if (r->has) {
			lab_expand(r->has, &has);
			if (!strstr(reply.p, buf_cstr(&has))) {
				printf("# not there: %s\n# %.1500s\n", buf_cstr(&has), reply.p);
				good = false;
			}
		}
		if (strstr(reply.p, "secret-rule-name")) {
			printf("# a rule's name was told (E7)\n");
			good = false;
		}
		ok(good, "row %d: %s -> %d %s", r->row, r->name, r->status, r->type);
	}
}

/* ---- what the table needs ---- */

static void
set_random(const char *name, size_t n, bool as_modulus)
{
	AUTO_BUF raw = BUF_MAX(4096), text = BUF_MAX(8192);

	buf_reserve(&raw, n);
	rand_bytes(raw.p, n);
	if (as_modulus) {
		raw.p[0] |= (char)0x80;
		raw.p[n - 1] |= 1;
	}
	b64url_add(&text, raw.p, n);
	lab_set(name, buf_cstr(&text));
}

static void
set_der(const char *name, struct span der)
{
	AUTO_BUF text = BUF_MAX(1 << 20);

	b64url_add(&text, der.p, der.n);
	lab_set(name, buf_cstr(&text));
	forge_free(der);
}

static void
make_texts(void)
{
	AUTO_BUF name = BUF_MAX(4096), list = BUF_MAX(65536);
	char time[TIME_TEXT], lng[257];

	set_random("RSA_1024", 128, true);
	set_random("RSA_2048", 256, true);
	set_random("RSA_16384", 2048, true);
	set_random("B32", 32, false);
	set_random("B31", 31, false);
	set_random("CSR_LARGE", 17 * 1024 > 4096 ? 4096 : 0, false);
	for (int i = 0; i < 4; i++)
		buf_addf(&name, "%.*s.", i == 3 ? 57 : 63, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	buf_adds(&name, "test");
	lab_set("NAME_254", buf_cstr(&name));
	for (int i = 0; i < 101; i++)
		buf_addf(&list, "%s{\"type\":\"dns\",\"value\":\"n%d.test\"}", i ? "," : "", i);
	lab_set("IDENTS_101", buf_cstr(&list));
	lab_set("IN_1_H", time_rfc3339(clock_unix_s() + 3600, time));
	lab_set("IN_2_H", time_rfc3339(clock_unix_s() + 7200, time));
	memset(lng, 'a', 256);
	lng[256] = '\0';
	lab_set("LONG_256", lng);
}

static const char *const no_exts[FORGE_EXTS];

static void
make_csrs(void)
{
	const char *const both[FORGE_EXTS] = { "subjectAltName=DNS:a.test,DNS:b.test" };
	const char *const mail[FORGE_EXTS] = { "subjectAltName=DNS:a.test,DNS:b.test,email:a@b.test" };
	const char *const ca[FORGE_EXTS] = { "subjectAltName=DNS:a.test,DNS:b.test", "basicConstraints=CA:TRUE" };
	const char *const client[FORGE_EXTS] = { "subjectAltName=DNS:client.test", "extendedKeyUsage=serverAuth,clientAuth" };
	AUTO_PKEY *key = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	AUTO_BUF text = BUF_MAX(1 << 20);
	struct span der;

	lab_csr("CSR_GOOD", key, "a.test,b.test");
	lab_csr("CSR_MORE", key, "a.test,b.test,c.test");
	lab_csr("CSR_LESS", key, "a.test");
	lab_csr("CSR_OTHER", key, "a.test,c.test");
	lab_csr("CSR_OWN", lab_key("A"), "a.test,b.test");
	lab_csr("CSR_THEIRS", lab_key("B"), "a.test,b.test");
	lab_csr("CSR_LOST", lab_key("lost"), "a.test,b.test");
	set_der("CSR_CN", forge_csr(key, "c.test", both));
	set_der("CSR_NONE", forge_csr(key, NULL, no_exts));
	set_der("CSR_MAIL", forge_csr(key, NULL, mail));
	set_der("CSR_CA", forge_csr(key, NULL, ca));
	set_der("CSR_CLIENT", forge_csr(key, NULL, client));
	set_der("CSR_RSA1024", forge_csr(weak, NULL, both));
	set_der("CSR_ED25519", forge_csr(ed, NULL, both));
	set_der("CSR_SHA1", forge_req_der(forge_req(key, NULL, both), key, EVP_sha1()));
	der = forge_csr(key, NULL, both);
	buf_addspan(&text, der);
	text.p[text.n - 1] ^= 1;
	set_der("CSR_FORGED", span_of(OPENSSL_memdup(text.p, text.n), text.n));
	text.p[text.n - 1] ^= 1;
	buf_addc(&text, 'x');
	set_der("CSR_TAIL", span_of(OPENSSL_memdup(text.p, text.n), text.n));
	forge_free(der);
	buf_clear(&text);
	buf_adds(&text, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n");
	set_der("CSR_PEM", span_of(OPENSSL_memdup(text.p, text.n), text.n));
	buf_clear(&text);
	for (int i = 0; i < 17 * 1024; i++)
		buf_addc(&text, 'x');
	set_der("CSR_LARGE", span_of(OPENSSL_memdup(text.p, text.n), text.n));
}

/* One inner JWS of a keyChange; all NULL = as it should be, with the key of `by` as the new one. */
struct inner {
	const char *name, *by, *signed_by, *header, *payload;
};

static void
make_inner(const struct inner *in)
{
	AUTO_BUF header = BUF_MAX(65536), payload = BUF_MAX(65536), input = BUF_MAX(1 << 20), sig = BUF_MAX(8192), out = BUF_MAX(1 << 20);
	struct problem pr = { 0 };
	AUTO_FREE char *jwk = xasprintf("JWK_%s", in->by);
	EVP_PKEY *key = lab_key(in->signed_by ? in->signed_by : in->by);

	lab_set("NEW", lab_var(jwk));
	lab_expand(in->header ? in->header : "{\"alg\":\"ES256\",\"jwk\":$NEW,\"url\":\"$BASE/key-change\"}", &header);
	lab_expand(in->payload ? in->payload : "{\"account\":\"$KID_A\",\"oldKey\":$JWK_A}", &payload);
	jws_input_write(&input, buf_span(&header), buf_span(&payload));
	if (!jws_sign_raw(JWA_ES256, key, buf_span(&input), &sig, &pr) || !jws_assemble(&out, buf_span(&input), buf_span(&sig)))
		lab_die("inner JWS");
	lab_set(in->name, buf_cstr(&out));
}

static const struct inner inners[] = {
	{ "INNER_GOOD", "next" },
	{ "INNER_GONE", "next", .payload = "{\"account\":\"$KID_gone\",\"oldKey\":$JWK_gone}" },
	{ "INNER_KID", "next", .header = "{\"alg\":\"ES256\",\"kid\":\"$KID_A\",\"url\":\"$BASE/key-change\"}" },
	{ "INNER_BOTH", "next", .header = "{\"alg\":\"ES256\",\"kid\":\"$KID_A\",\"jwk\":$NEW,\"url\":\"$BASE/key-change\"}" },
	{ "INNER_NONCE", "next", .header = "{\"alg\":\"ES256\",\"jwk\":$NEW,\"nonce\":\"$NONCE\",\"url\":\"$BASE/key-change\"}" },
	{ "INNER_URL", "next", .header = "{\"alg\":\"ES256\",\"jwk\":$NEW,\"url\":\"$BASE/new-order\"}" },
	{ "INNER_NO_URL", "next", .header = "{\"alg\":\"ES256\",\"jwk\":$NEW}" },
	{ "INNER_SIGNED", "next", .signed_by = "A" },
	{ "INNER_ACCOUNT", "next", .payload = "{\"account\":\"$KID_B\",\"oldKey\":$JWK_A}" },
	{ "INNER_NO_ACCOUNT", "next", .payload = "{\"oldKey\":$JWK_A}" },
	{ "INNER_OLD_KEY", "next", .payload = "{\"account\":\"$KID_A\",\"oldKey\":$JWK_B}" },
	{ "INNER_NO_OLD_KEY", "next", .payload = "{\"account\":\"$KID_A\"}" },
	{ "INNER_TAKEN", "B" },
	{ "INNER_SAME", "A" },
	{ "INNER_LOST", "lost" },
	{ "INNER_WEAK", "next", .header = "{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\",\"n\":\"$RSA_1024\",\"e\":\"AQAB\"},\"url\":\"$BASE/key-change\"}" },
	{ "INNER_NONE", "next", .header = "{\"alg\":\"none\",\"jwk\":$NEW,\"url\":\"$BASE/key-change\"}" },
	{ "INNER_HS256", "next", .header = "{\"alg\":\"HS256\",\"jwk\":$NEW,\"url\":\"$BASE/key-change\"}" },
	{ "INNER_ALG", "next", .header = "{\"alg\":\"RS256\",\"jwk\":$NEW,\"url\":\"$BASE/key-change\"}" },
};

#define BOUND "/p/bound/new-account"
static const struct eab_jws bindings[] = {
	{ "EAB_GOOD", "good", "bound", BOUND },
	{ "EAB_ES256", "good", "new", BOUND, .header = "{\"alg\":\"ES256\",\"kid\":\"$EAB_KID\",\"url\":\"$BASE$EAB_URL\"}" },
	{ "EAB_NONE", "good", "new", BOUND, .header = "{\"alg\":\"none\",\"kid\":\"$EAB_KID\",\"url\":\"$BASE$EAB_URL\"}" },
	{ "EAB_JWK", "good", "new", BOUND, .header = "{\"alg\":\"HS256\",\"kid\":\"$EAB_KID\",\"jwk\":$JWK_new,\"url\":\"$BASE$EAB_URL\"}" },
	{ "EAB_NO_KID", "good", "new", BOUND, .header = "{\"alg\":\"HS256\",\"url\":\"$BASE$EAB_URL\"}" },
	{ "EAB_NONCE", "good", "new", BOUND, .header = "{\"alg\":\"HS256\",\"kid\":\"$EAB_KID\",\"nonce\":\"$NONCE\",\"url\":\"$BASE$EAB_URL\"}" },
	{ "EAB_OTHER_URL", "good", "new", "/new-account" },
	{ "EAB_NO_URL", "good", "new", BOUND, .header = "{\"alg\":\"HS256\",\"kid\":\"$EAB_KID\"}" },
	{ "EAB_UNKNOWN", "nobody", "new", BOUND },
	{ "EAB_STRANGE", "a b\\u00e4'", "new", BOUND },
	{ "EAB_SUSPENDED", "suspended", "new", BOUND },
	{ "EAB_SUSPENDED_FORGED", "suspended", "new", BOUND, .wrong_mac = true },
	{ "EAB_REVOKED", "revoked", "new", BOUND },
	{ "EAB_EXPIRED", "expired", "new", BOUND },
	{ "EAB_USED", "used", "new", BOUND },
	{ "EAB_FORGED", "good", "new", BOUND, .wrong_mac = true },
	{ "EAB_OTHER_KEY", "good", "A", BOUND },
	{ "EAB_NO_KEY", "good", "new", BOUND, .payload = "{}" },
};

static void
make_bindings(void)
{
	static const char *const kids[] = { "good", "suspended", "revoked", "expired", "used" };

	for (size_t i = 0; i < COUNT_OF(kids); i++)
		lab_eab_key(&lab, kids[i]);
	lab_sql(&lab, "update eab_key set state=1 where kid='suspended'");
	lab_sql(&lab, "update eab_key set state=2 where kid='revoked'");
	lab_sql(&lab, "update eab_key set expires=1000 where kid='expired'");
	lab_sql(&lab, "update eab_key set uses=1, uses_max=1 where kid='used'");
	for (size_t i = 0; i < COUNT_OF(bindings); i++)
		lab_eab(&bindings[i]);
}

static bool
deny_tx(struct sql *db, void *arg, struct problem *pr)
{
	char hash[KEY_HASH_TEXT];

	return key_hash(arg, hash) && denied_key_add(db, hash, "test", pr);
}

/* The leaf of a certificate resource as $NAME (base64url of its DER). */
static void
fetch_leaf(const char *by, const char *path, const char *name)
{
	AUTO_BUF reply = BUF_MAX(1 << 20), der = BUF_MAX(65536);
	struct chain chain = { 0 };
	struct problem pr = { 0 };

	lab_post(&lab, by, path, NULL, &reply);
	if (reply_status(&reply) != 200 || !chain_parse(reply_body(&reply), &chain, &pr) || !cert_der(chain.certs[0], &der))
		lab_die("certificate");
	set_der(name, span_of(OPENSSL_memdup(der.p, der.n), der.n));
	buf_addc(&der, 'x');
	if (strcmp(name, "CERT") == 0)
		set_der("CERT_TAIL", span_of(OPENSSL_memdup(der.p, der.n), der.n));
	chain_done(&chain);
}

static void
make_foreign_cert(void)
{
	struct forge_cert f = { .cn = "foreign", .key = lab_key("foreign"), .not_before_unix_s = clock_unix_s() - 10,
		.not_after_unix_s = clock_unix_s() + 86400, .exts = { "subjectAltName=DNS:a.test" } };
	X509 *x = forge_x509(&f);

	set_der("CERT_FOREIGN", forge_x509_der(x));
	X509_free(x);
}

static void
make_orders(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_order(&lab, "A", "READY", "a.test,b.test", NULL);
	lab_prove(&lab, "A", "READY", "ready");
	lab_order(&lab, "A", "VALID", "a.test", NULL);
	lab_finalize(&lab, "A", "VALID", "a.test");
	lab_order(&lab, "A", "PENDING", "pending.test", NULL);
	lab_order(&lab, "A", "INVALID", "bad.test", NULL);
	lab_prove(&lab, "A", "INVALID", "invalid");
	lab_order(&lab, "A", "PROCESSING", "far.test", "\"profile\":\"far\"");
	lab_prove(&lab, "A", "PROCESSING", "ready");
	lab_csr("CSR_FAR", lab_key("foreign"), "far.test");
	lab_post(&lab, "A", "$PROCESSING/finalize", "{\"csr\":\"$CSR_FAR\"}", &reply);
	if (reply_status(&reply) != 200 || strcmp(reply_get(&reply, "status"), "processing") != 0)
		lab_die("order at the CA");
	lab_order(&lab, "A", "FAR_READY", "client.test", "\"profile\":\"far\"");
	lab_prove(&lab, "A", "FAR_READY", "ready");
	lab_order(&lab, "A", "EXPIRED_READY", "a.test", "\"profile\":\"second\"");
	lab_prove(&lab, "A", "EXPIRED_READY", "ready");
	lab_order(&lab, "A", "EXPIRED_PROOF", "proof.test", NULL);
	lab_prove(&lab, "A", "EXPIRED_PROOF", "ready");
	lab_order(&lab, "A", "EXPIRED", "slow-expired.test", NULL);
	lab_order(&lab, "A", "GIVEN_UP", "slow-given-up.test", NULL);
	lab_post(&lab, "A", "$GIVEN_UP_AUTHZ0", "{\"status\":\"deactivated\"}", &reply);
	if (reply_status(&reply) != 200)
		lab_die("deactivation");
	lab_sql(&lab, "update orders set expires=1000 where '$EXPIRED_READY' like '%' || ref");
	lab_sql(&lab, "update authz set expires=1000 where ident='proof.test'");
	lab_sql(&lab, "update authz set expires=1000 where ident='slow-expired.test'");
	lab_order(&lab, "B", "THEIRS", "theirs.test", NULL);
	lab_set("B_REF", lab_var("THEIRS") + strlen("/order/"));
}

static void
make_scene(void)
{
	static const char *const registered[] = { "A", "B", "gone", "revoked" };
	AUTO_BUF reply = BUF_MAX(1 << 20);

	for (size_t i = 0; i < COUNT_OF(registered); i++) {
		lab_actor(registered[i], KEY_P256, "ES256");
		lab_register(&lab, registered[i]);
	}
	lab_actor("new", KEY_P256, "ES256");
	lab_actor("next", KEY_P256, "ES256");
	lab_actor("lost", KEY_P256, "ES256");
	lab_actor("foreign", KEY_P256, "ES256");
	lab_actor("bound", KEY_P256, "ES256");
	lab_actor("p384", KEY_P384, "ES384");
	lab_set("A_PATH", lab_path(lab_var("KID_A")));
	lab_set("GONE_PATH", lab_path(lab_var("KID_gone")));
	lab_post(&lab, "gone", "$GONE_PATH", "{\"status\":\"deactivated\"}", &reply);
	if (reply_status(&reply) != 200)
		lab_die("deactivation");
	lab_sql(&lab, "update account set state=2 where '$KID_revoked' like '%' || ref");
	lab_write(&lab, deny_tx, lab_key("lost"));
	make_texts();
	make_csrs();
	for (size_t i = 0; i < COUNT_OF(inners); i++)
		make_inner(&inners[i]);
	make_bindings();
	make_orders();
	fetch_leaf("A", "$VALID_CERT", "CERT");
	make_foreign_cert();
}

/* ---- cases that take more than one request ---- */

/* A nonce is spent by whatever request it came in (6.5): each of these fails, and its nonce is gone. */
static void
test_spent(void)
{
	static const struct {
		const char *name;
		struct rq rq;
	} first[] = {
		{ "a good request", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER") } },
		{ "a wrong url", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$BASE\",$SIGNER") } },
		{ "a wrong signature", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER"), .body = "{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S_FLIP\"}" } },
		{ "an unknown account", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",\"kid\":\"$BASE/acct/x\"") } },
		{ "an unknown algorithm", { .path = "$READY", .by = "A", HEADER("\"alg\":\"XX\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER") } },
		{ "no algorithm", { .path = "$READY", .by = "A", HEADER("\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER") } },
		{ "crit", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"crit\":[],\"url\":\"$URL\",$SIGNER") } },
		{ "a url of another type", { .path = "$READY", .by = "A", HEADER("\"url\":1,\"alg\":\"$ALG\",\"nonce\":\"$ONE\",$SIGNER") } },
		{ "a payload with padding", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER"), .body = "{\"protected\":\"$P\",\"payload\":\"$L_PAD\",\"signature\":\"$S\"}" } },
		{ "no signature", { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER"), .body = "{\"protected\":\"$P\",\"payload\":\"$L\"}" } },
		{ "a bad payload", { .path = "/new-order", .by = "A", .payload = "[]", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER") } },
	};
	AUTO_BUF reply = BUF_MAX(1 << 20), nonce = BUF_MAX(100);

	for (size_t i = 0; i < COUNT_OF(first); i++) {
		struct rq again = { .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$ONE\",\"url\":\"$URL\",$SIGNER") };

		buf_clear(&nonce);
		lab_expand("$NONCE", &nonce);
		lab_set("ONE", buf_cstr(&nonce));
		lab_send(&lab, &first[i].rq, &reply);
		lab_send(&lab, &again, &reply);
		ok(reply_is_problem(&reply, "badNonce", 400, true), "row 39: the nonce of %s cannot be used again", first[i].name);
		lab_set("ONE", reply_field(&reply, "Replay-Nonce", 0));
		lab_send(&lab, &again, &reply);
		is_int(reply_status(&reply), 200, "the one that came with the refusal can");
	}
}

static void
test_replay(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);
	int64_t before;

	lab_send(&lab, &(struct rq){ IDENTS(DNS("replay.test")) }, &reply);
	is_int(reply_status(&reply), 201, "a good newOrder");
	before = lab_number(&lab, "select count(*) from orders");
	lab_send(&lab, &(struct rq){ .path = "/new-order", .body = "{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"}" }, &reply);
	ok(reply_is_problem(&reply, "badNonce", 400, true), "row 38: the same octets again are refused");
	is_int(lab_number(&lab, "select count(*) from orders"), before, "and have no effect");
}

/* Row 6 and the framing of HTTP: refused by the front, in the same form (W25, W29). */
static void
test_framing(void)
{
	static const struct {
		const char *name, *text;
		int status;
		bool post;
	} rows[] = {
		{ "a body over the limit", "POST /acme/new-order HTTP/1.1\r\nHost: h\r\nContent-Type: application/jose+json\r\nContent-Length: 65537\r\n\r\n", 413, true },
		{ "a length that is no number", "POST /acme/new-order HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400, true },
		{ "two lengths", "POST /acme/new-order HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, true },
		{ "no Host", "GET /acme/directory HTTP/1.1\r\n\r\n", 400, true },
		{ "two Hosts (W30)", "GET /acme/directory HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, true },
		{ "the preface of HTTP/2 (W30)", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, true },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_BUF reply = BUF_MAX(1 << 20);

		lab_raw(&lab, rows[i].text, strlen(rows[i].text), &reply);
		ok(reply.n && reply_is_problem(&reply, "malformed", rows[i].status, rows[i].post), "row 6: %s -> %d", rows[i].name, rows[i].status);
	}
}

static void
test_revocation(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_send(&lab, &(struct rq){ REVOKE("{\"certificate\":\"$CERT\",\"reason\":4}") }, &reply);
	is_int(reply_status(&reply), 200, "the owner revokes");
	lab_send(&lab, &(struct rq){ REVOKE("{\"certificate\":\"$CERT\",\"reason\":4}") }, &reply);
	ok(reply_is_problem(&reply, "alreadyRevoked", 400, true), "row 102: and cannot again");
	lab_send(&lab, &(struct rq){ .path = "/revoke-cert", .by = "B", .payload = "{\"certificate\":\"$CERT\"}" }, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "who may not revoke it does not hear that (W10)");
}

static void
test_terms(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_conf(&lab, conf_terms);
	lab_send(&lab, &(struct rq){ NEW_ACCOUNT, .payload = "{}" }, &reply);
	ok(reply_is_problem(&reply, "userActionRequired", 403, true), "row 59: newAccount without agreeing to the terms");
	ok(reply_has_field(&reply, "Link", "<https://pki.test/terms-1>;rel=\"terms-of-service\""), "it says where they are");
	is_str(reply_get(&reply, "instance"), "https://pki.test/terms-1", "twice (RFC 8555 7.3.3)");
	lab_send(&lab, &(struct rq){ NEW_ACCOUNT, .payload = "{\"termsOfServiceAgreed\":false}" }, &reply);
	ok(reply_is_problem(&reply, "userActionRequired", 403, true), "row 59: newAccount that does not agree");
	lab_send(&lab, &(struct rq){ NEW_ACCOUNT, .payload = "{\"termsOfServiceAgreed\":\"true\"}" }, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "row 59: newAccount that agrees in a string");
	lab_send(&lab, &(struct rq){ NEW_ACCOUNT, .payload = "{\"onlyReturnExisting\":true}" }, &reply);
	ok(reply_is_problem(&reply, "accountDoesNotExist", 400, true), "a look for an account needs no terms");
	lab_conf(&lab, conf_plain);
}

#define BY_OLD(where, what) .path = where, .by = "old", .payload = what
/* What leads to a certificate, by an account that agreed to other terms. */
static const struct rq row_60[] = {
	{ BY_OLD("/new-order", "{\"identifiers\":[" DNS("new.test") "]}") },
	{ BY_OLD("$AGREED_CHALL0", "{}") },
	{ BY_OLD("$PROVEN/finalize", "{\"csr\":\"$CSR_PROVEN\"}") },
};

/* And what does not. */
static const struct rq without_terms[] = {
	{ .path = "$AGREED", .by = "old" },
	{ .path = "$AGREED_CHALL0", .by = "old" },
	{ .path = "$OLD_PATH/orders", .by = "old" },
	{ .path = "$OLD_PATH", .by = "old" },
	{ BY_OLD("$OLD_PATH", "{\"contact\":[]}") },
	{ BY_OLD("$OLD_PATH", "{\"termsOfServiceAgreed\":false}") },
	/* a client that does so at each run has not read them (W13, W31) */
	{ .path = "/new-account", .by = "old", .jwk = true, .payload = "{\"termsOfServiceAgreed\":true}" },
};

static void
test_new_terms(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_conf(&lab, conf_terms);
	lab_actor("old", KEY_P256, "ES256");
	lab_register(&lab, "old");
	lab_actor("device", KEY_P256, "ES256");
	lab_set("OLD_PATH", lab_path(lab_var("KID_old")));
	lab_order(&lab, "old", "AGREED", "agreed.test", NULL);
	lab_order(&lab, "old", "PROVEN", "proven.test", NULL);
	lab_prove(&lab, "old", "PROVEN", "ready");
	lab_csr("CSR_PROVEN", lab_key("device"), "proven.test");
	lab_conf(&lab, conf_new_terms);
	for (size_t i = 0; i < COUNT_OF(without_terms); i++) {
		lab_send(&lab, &without_terms[i], &reply);
		is_int(reply_status(&reply), 200, "with old terms: %s %s", without_terms[i].path, without_terms[i].payload ? without_terms[i].payload : "is read");
		ok(!reply_get(&reply, "termsOfServiceAgreed"), "  and no agreement is shown");
	}
	for (size_t i = 0; i < COUNT_OF(row_60); i++) {
		lab_send(&lab, &row_60[i], &reply);
		ok(reply_is_problem(&reply, "userActionRequired", 403, true), "row 60: %s after the terms have changed", row_60[i].path);
		ok(reply_has_field(&reply, "Link", "<https://pki.test/terms-2>;rel=\"terms-of-service\""), "  it says where the new ones are");
		is_str(reply_get(&reply, "instance"), "https://pki.test/terms-2", "  twice (RFC 8555 7.3.3)");
	}
	lab_send(&lab, &(struct rq){ NEW_ORDER }, &reply);
	ok(reply_is_problem(&reply, "userActionRequired", 403, true), "row 60: an account from before there were terms");
	lab_post(&lab, "old", "$OLD_PATH", "{\"termsOfServiceAgreed\":\"true\"}", &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "agreement in a string is none");
	lab_post(&lab, "old", "$OLD_PATH", "{\"termsOfServiceAgreed\":true}", &reply);
	is_int(reply_status(&reply), 200, "the account agrees");
	is_str(reply_get(&reply, "termsOfServiceAgreed"), "true", "which is shown");
	for (size_t i = 0; i < COUNT_OF(row_60); i++) {
		lab_send(&lab, &row_60[i], &reply);
		ok(reply_status(&reply) / 100 == 2, "then it may: %s", row_60[i].path);
	}
	lab_conf(&lab, conf_plain);
}

/* E3: what becomes of an account whose key is suspended. */
static void
test_bound(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_send(&lab, &(struct rq){ .path = BOUND, .by = "bound", .jwk = true, .payload = "{\"externalAccountBinding\":$EAB_GOOD}" }, &reply);
	is_int(reply_status(&reply), 201, "a good binding makes an account");
	ok(reply_get(&reply, "externalAccountBinding.signature") != NULL, "which shows it (7.3.4)");
	lab_set("KID_bound", reply_field(&reply, "Location", 0));
	is_int(lab_number(&lab, "select uses from eab_key where kid='good'"), 1, "that is one use of the key, of all these attempts");
	lab_order(&lab, "bound", "B1", "b1.test", "\"profile\":\"bound\"");
	lab_prove(&lab, "bound", "B1", "ready");
	lab_csr("CSR_B1", lab_key("foreign"), "b1.test");
	lab_sql(&lab, "update eab_key set state=1 where kid='good'");
	lab_post(&lab, "bound", "/new-order", "{\"identifiers\":[" DNS("b2.test") "]}", &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "newOrder while the key is suspended");
	lab_post(&lab, "bound", "$B1/finalize", "{\"csr\":\"$CSR_B1\"}", &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "finalize while the key is suspended");
	lab_post(&lab, "bound", "$B1", NULL, &reply);
	is_str(reply_get(&reply, "status"), "ready", "the order waits");
	lab_sql(&lab, "update eab_key set state=0 where kid='good'");
	lab_post(&lab, "bound", "$B1/finalize", "{\"csr\":\"$CSR_B1\"}", &reply);
	is_int(reply_status(&reply), 200, "and goes on when it is enabled");
}

/* Row 115. */
static void
test_rates(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);
	const char *after;
	int limited = 0;

	lab_conf(&lab, "rates = { requests_burst = 5; requests_every = \"1h\"; new_order_burst = 0; };"
		"default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );");
	for (int i = 0; i < 7; i++) {
		lab_send(&lab, &(struct rq){ NEW_ORDER }, &reply);
		limited += reply_status(&reply) == 429;
	}
	is_int(limited, 2, "row 115: of seven requests where five may be, two are limited");
	ok(reply_is_problem(&reply, "rateLimited", 429, true), "row 115: rateLimited");
	after = reply_field(&reply, "Retry-After", 0);
	ok(after && atoi(after) > 3500 && atoi(after) <= 7 * 86400, "row 115: with the true Retry-After (T2)");
	lab_conf(&lab, conf_plain);
}

/* Profile "gone" was there at newOrder (W20). */
static void
test_profile_gone(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_order(&lab, "A", "OLD", "old.test", "\"profile\":\"gone\"");
	lab_prove(&lab, "A", "OLD", "ready");
	lab_conf(&lab, LAB_NO_RATES "default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );");
	lab_csr("CSR_OLD", lab_key("foreign"), "old.test");
	lab_post(&lab, "A", "$OLD/finalize", "{\"csr\":\"$CSR_OLD\"}", &reply);
	ok(reply_is_problem(&reply, "invalidProfile", 400, true), "finalize after the profile has gone");
	lab_post(&lab, "A", "$OLD", NULL, &reply);
	is_str(reply_get(&reply, "status"), "ready", "the order is as it was");
	lab_conf(&lab, conf_plain);
	lab_post(&lab, "A", "$OLD/finalize", "{\"csr\":\"$CSR_OLD\"}", &reply);
	is_int(reply_status(&reply), 200, "and can be finalized when the profile is back");
}

static void
block(void *arg)
{
	usleep(300000);
	(void)arg;
}

/* T4: a queue that is full is said at once. */
static void
test_overload(void)
{
	struct pool *real = lab.server.pool, *tiny = pool_new(1, 1);
	AUTO_BUF reply = BUF_MAX(1 << 20);
	const char *after;

	pool_post(tiny, block, NULL);
	usleep(50000);
	pool_post(tiny, block, NULL);
	lab.server.pool = tiny;
	lab_send(&lab, &(struct rq){ NEW_ORDER }, &reply);
	lab.server.pool = real;
	ok(reply_is_problem(&reply, "rateLimited", 503, true), "a full queue -> 503 rateLimited (T4)");
	after = reply_field(&reply, "Retry-After", 0);
	ok(after && atoi(after) >= 5 && atoi(after) <= 120, "with a Retry-After (T2)");
	lab_send(&lab, &(struct rq){ "HEAD", "/new-nonce" }, &reply);
	is_int(reply_status(&reply), 200, "what needs no worker is answered");
	pool_free(tiny);
}

int
main(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_start(&lab, conf_plain, NULL);
	make_scene();
	lab_send(&lab, &(struct rq){ "HEAD", "/new-nonce" }, &reply);
	lab_set("SPENT", reply_field(&reply, "Replay-Nonce", 0));
	lab_send(&lab, &(struct rq){ .path = "$READY", .by = "A", HEADER("\"alg\":\"$ALG\",\"nonce\":\"$SPENT\",\"url\":\"$URL\",$SIGNER") }, &reply);
	is_int(reply_status(&reply), 200, "the scene is set");
	test_table(rejects, COUNT_OF(rejects));
	lab_post(&lab, "A", "$READY", NULL, &reply);
	is_str(reply_get(&reply, "status"), "ready", "after all that the order is still ready (W16)");
	lab_post(&lab, "A", "$A_PATH", NULL, &reply);
	is_str(reply_get(&reply, "status"), "valid", "and the account valid");
	is_int(lab_number(&lab, "select count(*) from account"), 4, "no account was made");
	test_spent();
	test_replay();
	test_framing();
	test_revocation();
	test_terms();
	test_new_terms();
	test_bound();
	test_profile_gone();
	test_overload();
	test_rates();
	lab_stop(&lab);
	return done_testing();
}
