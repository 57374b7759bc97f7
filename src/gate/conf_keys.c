/* conf_keys.c - every key of acmegate.conf, one row each: the only list there is (N2,
 * N3).
 *
 * etc/acmegate.conf, the list in acmegate.conf(5) and `acmegatectl config` are printed from it.
 * Defaults: T7 (attempts), T9 and W29 (limits), O2, O3 (lifetimes), O12 (local CA), V1
 * (networks), E4 (account_idle). */
#include "gate/conf.h"

/* kind, name, struct, field, default, lowest, highest, flags, help, then anything by name */
#define KEY(k, n, s, f, d, l, h, fl, ...)                                                          \
	{                                                                                          \
		.kind = CONF_##k, .name = n, .offset = offsetof(struct s, f), .def = d, .lo = l,   \
		.hi = h, .flags = fl, .help = __VA_ARGS__                                          \
	}
#define LIST_OF(table, s) .sub = table, .sub_size = sizeof(struct s)
#define RELOAD CONF_RELOAD
#define REQUIRED CONF_REQUIRED

static const struct conf_key limits_keys[] = {
	KEY(SIZE, "head_max", limits_conf, head_max_bytes, "16K", "1K", "64K", RELOAD,
		"largest head of a request: request line and fields"),
	KEY(SIZE, "target_max", limits_conf, target_max_bytes, "4K", "256", "16K", RELOAD,
		"longest request target"),
	KEY(INT, "fields_max", limits_conf, fields_max, "64", "16", "256", RELOAD,
		"most header fields of a request"),
	KEY(SIZE, "body_max", limits_conf, body_max_bytes, "64K", "16K", "1M", RELOAD,
		"largest body of a request"),
	KEY(INT, "conns_max", limits_conf, conns_max, "16384", "16", "1000000", RELOAD,
		"connections open at a time on the addresses of listen, and as many on those of "
		"http01_listen"),
	KEY(INT, "conns_per_addr", limits_conf, conns_per_addr, "512", "0", "1000000", RELOAD,
		"connections open at a time from one address, or one /64 of IPv6; without limit if "
		"zero"),
	KEY(MSEC, "handshake", limits_conf, handshake_ms, "10s", "100ms", "5m", RELOAD,
		"time for the TLS handshake"),
	KEY(MSEC, "head", limits_conf, head_ms, "10s", "100ms", "5m", RELOAD,
		"time for the head of a request, from its first octet"),
	KEY(MSEC, "body", limits_conf, body_ms, "20s", "100ms", "10m", RELOAD,
		"time for the body of a request"),
	KEY(MSEC, "idle", limits_conf, idle_ms, "2m", "100ms", "1h", RELOAD,
		"time a connection may wait for its next request"),
	KEY(MSEC, "write", limits_conf, write_ms, "30s", "100ms", "10m", RELOAD,
		"time for a reply to be taken"),
	KEY(MSEC, "drain", limits_conf, drain_ms, "30s", "0ms", "10m", RELOAD,
		"time for running requests to end when the gateway stops"),
	KEY(INT, "queue_max", limits_conf, queue_max, "1024", "16", "100000", 0,
		"requests and jobs that may wait for a worker; beyond, a request is answered 503 "
		"at once"),
	{ .name = NULL },
};

static const struct conf_key rates_keys[] = {
	KEY(INT, "requests_burst", rates_conf, requests_burst, "400", "0", "1000000", RELOAD,
		"requests from one address at once; no limit if zero, here and below"),
	KEY(MSEC, "requests_every", rates_conf, requests_ms, "5ms", "1ms", "1h", RELOAD,
		"time until one more"),
	KEY(INT, "new_account_burst", rates_conf, new_account_burst, "100", "0", "1000000", RELOAD,
		"accounts made from one address at once"),
	KEY(MSEC, "new_account_every", rates_conf, new_account_ms, "1s", "1ms", "24h", RELOAD,
		"time until one more"),
	KEY(INT, "new_order_burst", rates_conf, new_order_burst, "300", "0", "1000000", RELOAD,
		"orders of one account at once"),
	KEY(MSEC, "new_order_every", rates_conf, new_order_ms, "1s", "1ms", "24h", RELOAD,
		"time until one more"),
	KEY(INT, "challenge_burst", rates_conf, challenge_burst, "300", "0", "1000000", RELOAD,
		"responses to challenges of one account at once"),
	KEY(MSEC, "challenge_every", rates_conf, challenge_ms, "1s", "1ms", "24h", RELOAD,
		"time until one more"),
	KEY(INT, "failed_burst", rates_conf, failed_burst, "20", "0", "1000000", RELOAD,
		"failed validations of one name by one account at once"),
	KEY(MSEC, "failed_every", rates_conf, failed_ms, "3m", "1ms", "24h", RELOAD,
		"time until one more"),
	KEY(INT, "pending_authz_max", rates_conf, pending_authz_max, "300", "0", "100000", RELOAD,
		"authorizations of one account that may wait for their proof at a time"),
	{ .name = NULL },
};

static const struct conf_key profile_keys[] = {
	KEY(STRING, "name", profile_conf, name, NULL, NULL, NULL, RELOAD | REQUIRED,
		"what clients call it: letters, digits, dot, underscore and hyphen, at most 64",
		.example = "default"),
	KEY(STRING, "description", profile_conf, description, "", NULL, "512", RELOAD,
		"shown in the directory, for the people who choose",
		.example = "Servers and devices of Example Inc."),
	KEY(BOOL, "advertise", profile_conf, advertise, "true", NULL, NULL, RELOAD,
		"list it in the directory"),
	KEY(STRINGS, "identifier_types", profile_conf, identifier_types, "dns", "1", "4", RELOAD,
		"what an order may name: dns, ip, and devices: permanent-identifier and hardware-module"),
	KEY(STRINGS, "challenges", profile_conf, challenges, "http-01", "1", "8", RELOAD,
		"how devices prove that a name is theirs, in the order in which they are offered: http-01, "
		"tls-alpn-01, dns-01, whose record is looked for at _acme-challenge.NAME, dns-account-01 (a draft), "
		"whose record has the account's own label before that, dns-persist-01 (a draft), whose record at "
		"_validation-persist.NAME stays and says who may have certificates: one of caa_identities, and the account's URL, and "
		"device-attest-01 (a draft), for devices' own identifiers"),
	KEY(CHOICE, "eab", profile_conf, eab, "optional", NULL, NULL, RELOAD,
		"external account binding: must the account be bound to a key of `acmegatectl eab`; with "
		"none a binding is ignored",
		.choices = "none|optional|required"),
	KEY(CHOICE, "devices", profile_conf, devices, "any", NULL, NULL, RELOAD,
		"which devices may prove themselves by device-attest-01: any, or those alone that `acmegatectl device` "
		"has put into the inventory; a blocked one never may",
		.choices = "any|inventoried"),
	KEY(STRING, "device_hook", profile_conf, device_hook, NULL, "1", "1024", RELOAD,
		"program that is asked about each device that has proven itself, whether it may have what it orders",
		.example = "/etc/acmegate/may-enrol"),
	KEY(STRING, "device_webhook", profile_conf, device_webhook, NULL, "1", "2048", RELOAD,
		"URL that is asked instead, by POST", .example = "https://cmdb.corp.example/may-enrol"),
	KEY(STRING, "device_webhook_ca", profile_conf, device_webhook_ca, NULL, "1", "1024", RELOAD,
		"PEM file of trust anchors for that server, instead of the system's",
		.example = "/etc/acmegate/corp-root.pem"),
	KEY(STRING, "device_webhook_token", profile_conf, device_webhook_token, NULL, "1", "1024", RELOAD,
		"file with a bearer token for that server, read at each question",
		.example = "/etc/acmegate/webhook.token"),
	KEY(MSEC, "device_hook_timeout", profile_conf, device_hook_ms, "10s", "100ms", "2m", RELOAD,
		"time for its answer; it is asked again at the times of validation_attempts, and then the device is refused"),
	KEY(BOOL, "wildcard", profile_conf, wildcard, "false", NULL, NULL, RELOAD,
		"allow wildcard names; they are proven by dns-01, dns-account-01 or dns-persist-01, one of which must be among challenges"),
	KEY(BOOL, "pre_authorization", profile_conf, pre_authorization, "false", NULL, NULL, RELOAD,
		"offer newAuthz: a name may be proven before it is ordered"),
	KEY(BOOL, "subdomains", profile_conf, subdomains, "false", NULL, NULL, RELOAD,
		"a domain that is proven by dns-01, dns-account-01 or dns-persist-01 may count for all names below it, if its owner asks for that (RFC 9444)"),
	KEY(INT, "max_identifiers", profile_conf, max_identifiers, "100", "1", "100", RELOAD,
		"most identifiers of one order"),
	KEY(STRINGS, "key_types", profile_conf, key_types, "p256 p384 rsa2048 rsa3072 rsa4096", "1",
		"8", RELOAD,
		"keys that a certificate may have: p256, p384, p521, ed25519, rsa2048, rsa3072, "
		"rsa4096"),
	KEY(TIME, "order_lifetime", profile_conf, order_life_s, "7d", "10s", "90d", RELOAD,
		"an order not finished by then becomes invalid"),
	KEY(TIME, "pending_authz_lifetime", profile_conf, pending_authz_s, "7d", "10s", "30d",
		RELOAD, "time to prove a name"),
	KEY(TIME, "valid_authz_lifetime", profile_conf, valid_authz_s, "8h", "10s", "30d", RELOAD,
		"time a proof may be used again by the same account"),
	KEY(STRING, "upstream", profile_conf, upstream, NULL, "1", NULL, RELOAD | REQUIRED,
		"the entry of upstreams that issues", .example = "local"),
	KEY(STRING, "upstream_profile", profile_conf, upstream_profile, NULL, "1", "64", RELOAD,
		"profile asked of that CA; none is sent if absent", .example = "tlsserver"),
	KEY(INT, "http01_port", profile_conf, http01_port, "80", "1", "65535", RELOAD,
		"port on which devices answer http-01; a public CA always asks port 80"),
	KEY(INT, "tls_alpn01_port", profile_conf, tls_alpn01_port, "443", "1", "65535", RELOAD,
		"port on which devices answer tls-alpn-01"),
	KEY(STRINGS, "caa", profile_conf, caa, NULL, NULL, "16", RELOAD,
		"issuer names of which a CAA record, if there is any at the name or above, must have one (RFC 8659); the "
		"resolvers must know the names above, too; CAA is not looked at if empty",
		.example = "pki.corp.example"),
	KEY(ADDRS, "resolvers", profile_conf, resolvers, NULL, NULL, "16", RELOAD,
		"DNS servers to ask about names of this profile, such as those of an inside zone; those of the "
		"gateway if empty", .example = "10.0.0.53:53"),
	KEY(BOOL, "authoritative_dns", profile_conf, authoritative_dns, "false", NULL, NULL, RELOAD,
		"look for the records of dns-01, dns-account-01 and dns-persist-01 at all name servers of their zone, which the "
		"resolvers find: nothing is taken from a cache, and all of them, the first eight, must answer alike; their addresses "
		"must be in networks"),
	KEY(INT, "authoritative_port", profile_conf, authoritative_port, "53", "1", "65535", RELOAD,
		"port on which those name servers answer"),
	KEY(STRINGS, "validation_attempts", profile_conf, validation_attempts_text, "0s 5s 15s 30s",
		"1", "8", RELOAD,
		"when a device is asked, counted from its own request; ascending, at most 1h"),
	KEY(TIME, "validity", profile_conf, validity_s, "30d", "5m", "397d", RELOAD,
		"lifetime of a certificate of the local CA"),
	KEY(BOOL, "client_auth", profile_conf, client_auth, "false", NULL, NULL, RELOAD,
		"certificates of the local CA may be used by TLS clients too"),
	KEY(STRINGS, "attestation", profile_conf, attestation, NULL, NULL, "4", RELOAD,
		"entries of attestation_trust, one of a format: devices whose maker one of them trusts may prove who they "
		"are by device-attest-01, which must be among challenges",
		.example = "corp-tpm"),
	KEY(CHOICE, "certificate_key", profile_conf, certificate_key, "attested", NULL, NULL, RELOAD,
		"the key of an attested device's certificate: the one that was attested, or any",
		.choices = "attested|any"),
	KEY(BOOL, "keep_evidence", profile_conf, keep_evidence, "false", NULL, NULL, RELOAD,
		"keep attestation statements themselves with the order, not only what they proved; they name the device and its parts"),
	KEY(STRINGS, "device_names", profile_conf, device_names, NULL, NULL, "8", RELOAD,
		"names that belong to a device, by its identifier: ${id} is that in lower case where it is letters, digits and hyphens, or "
		"else the same as ${hash}, which leads back to no device; an order may list them beside the device, whose "
		"statement then proves them; the first device that proves itself for a name keeps it",
		.example = "${id}.devices.example.com"),
	KEY(CHOICE, "csr_names", profile_conf, csr_names, "order", NULL, NULL, RELOAD,
		"with mapped an order may name the device alone, as clients do that have one identifier: the certificate is "
		"for its device_names as well, and a CSR has exactly these (for the local CA it may have none)",
		.choices = "order|mapped"),
	{ .name = NULL },
};

static const struct conf_key trust_keys[] = {
	KEY(STRING, "name", trust_conf, name, NULL, NULL, NULL, RELOAD | REQUIRED,
		"what profiles call it; keep it, records of devices have it", .example = "corp-tpm"),
	KEY(CHOICE, "format", trust_conf, format, NULL, NULL, NULL, RELOAD | REQUIRED,
		"format of the statements: tpm (TPM 2.0), apple (managed device attestation), android-key, or step (YubiKey PIV and the like)",
		.choices = "tpm|apple|android-key|step", .example = "tpm"),
	KEY(STRINGS, "roots", trust_conf, roots, NULL, "1", "64", RELOAD | REQUIRED,
		"PEM files of the roots that vouch for devices of this format: the maker's, or for tpm those of the CA that certified "
		"the attestation keys",
		.example = "/etc/acmegate/ak-root.pem"),
	KEY(STRINGS, "intermediates", trust_conf, intermediates, NULL, NULL, "64", RELOAD,
		"PEM files of intermediates that devices do not send",
		.example = "/etc/acmegate/ak-issuing.pem"),
	KEY(STRING, "revoked", trust_conf, revoked, NULL, "1", NULL, RELOAD,
		"file of serial numbers that are no longer good, in the form of Google's status list; android-key must have one; it is "
		"read at the start and at each reload",
		.example = "/var/lib/acmegate/android-status.json"),
	KEY(STRINGS, "crls", trust_conf, crls, NULL, NULL, "64", RELOAD,
		"files of X.509 CRLs, in PEM or DER, read at the start and at each reload; if there are any, each of roots and "
		"intermediates must have one, no certificate of a statement may be on one, and behind its nextUpdate nothing of "
		"this format is verified any more",
		.example = "/var/lib/acmegate/ak.crl"),
	KEY(TIME, "revoked_max_age", trust_conf, revoked_max_age_s, "7d", "10m", "365d", RELOAD,
		"time since that file was written, after which nothing of this format is verified any more: devices hear "
		"serverInternal and may try again"),
	KEY(STRING, "assigner", trust_conf, assigner, NULL, "3", "128", RELOAD,
		"object identifier that an order may name as assigner of these devices' identifiers (ID/OID), whose statements name none; "
		"not for tpm",
		.example = "1.3.6.1.4.1.32473.1"),
	KEY(BOOL, "udid_modules", trust_conf, udid_modules, "false", NULL, NULL, RELOAD,
		"apple: a device's UDID proves the hardware-module UDID/1.2.840.113635.100.8.9.2"),
	{ .name = NULL },
};

static const struct conf_key limit_keys[] = {
	KEY(STRING, "limit", limit_conf, limit, NULL, "1", "32", RELOAD | REQUIRED,
		"which one: orders_acct, certs_domain, certs_domain_acct (certificates of a domain by this account alone, in place of "
		"certs_domain), certs_set, fail_ident, fail_pause; and, put in force by a start alone, of requests http_new_nonce, http_new_account, http_new_order, "
		"http_revoke_cert, http_acme",
		.example = "certs_domain"),
	KEY(STRING, "name", limit_conf, name, NULL, "1", "253", RELOAD,
		"the registered domain, or address, that it is for; all if absent", .example = "corp.example"),
	KEY(INT, "count", limit_conf, count, NULL, "1", "1000000000", RELOAD | REQUIRED,
		"how many in the period", .example = "10000"),
	KEY(INT, "burst", limit_conf, burst, "0", "0", "1000000000", RELOAD,
		"how many at once; as many as count if zero"),
	KEY(TIME, "period", limit_conf, period_s, NULL, "1s", "3650d", RELOAD | REQUIRED,
		"the period", .example = "7d"),
	{ .name = NULL },
};

static const struct conf_key upstream_keys[] = {
	KEY(STRING, "name", upstream_conf, name, NULL, NULL, NULL, REQUIRED,
		"what profiles call it; keep it, the CA account is stored under it",
		.example = "local"),
	KEY(CHOICE, "driver", upstream_conf, driver, NULL, NULL, NULL, REQUIRED,
		"acme asks a CA; local signs with a key of its own, and of the keys below it knows "
		"key_type and ca_name",
		.choices = "acme|local", .example = "local"),
	KEY(STRING, "directory", upstream_conf, directory, NULL, "1", "2048", 0,
		"the CA's directory URL",
		.example = "https://acme-v02.api.letsencrypt.org/directory"),
	KEY(STRING, "ca_file", upstream_conf, ca_file, NULL, "1", NULL, 0,
		"PEM file of trust anchors for the CA's own web server, besides the system's",
		.example = "/etc/acmegate/corp-root.pem"),
	KEY(STRING, "proxy", upstream_conf, proxy, NULL, "1", "512", 0,
		"HTTP proxy on the way to the CA", .example = "http://proxy.corp.example:3128"),
	KEY(STRING, "contact", upstream_conf, contact, NULL, "1", "320", 0,
		"where the CA may write to", .example = "mailto:pki@corp.example"),
	KEY(BOOL, "accept_terms", upstream_conf, accept_terms, "false", NULL, NULL, 0,
		"you have read the CA's terms of service and agree"),
	KEY(CHOICE, "key_type", upstream_conf, key_type, "p256", NULL, NULL, 0,
		"key of the account at the CA, or of the local CA; looked at when it is made",
		.choices = "p256|p384|rsa2048|rsa3072|rsa4096"),
	KEY(STRING, "eab_kid", upstream_conf, eab_kid, NULL, "1", "512", 0,
		"key identifier of the external account binding that the CA gave you",
		.example = "kid-1"),
	KEY(STRING, "eab_key", upstream_conf, eab_key, NULL, NULL, NULL, CONF_SECRET,
		"where its MAC key lies",
		.example = "file:/etc/acmegate/eab.key"),
	KEY(STRING, "eab_key_encoding", upstream_conf, eab_key_encoding, "base64url", NULL, NULL,
		0,
		"how the MAC key is written there: base64url, base64, double (base64 of base64url) "
		"or raw"),
	KEY(CHOICE, "eab_alg", upstream_conf, eab_alg, "HS256", NULL, NULL, 0,
		"MAC algorithm of the external account binding", .choices = "HS256|HS384|HS512"),
	KEY(STRING, "preferred_chain", upstream_conf, preferred_chain, NULL, "1", "256", RELOAD,
		"of several chains take the one whose root has this common name, or this SHA-256 "
		"of its public key in hex",
		.example = "ISRG Root X1"),
	KEY(MSEC, "request", upstream_conf, request_ms, "30s", "1s", "5m", 0,
		"time for one request to the CA"),
	KEY(INT, "conns_max", upstream_conf, conns_max, "4", "1", "64", 0,
		"connections to the CA open at a time"),
	KEY(STRING, "ca", upstream_conf, ca, NULL, "1", "64", 0,
		"which CA it is: entries that say the same share what the CA counts for all its customers; the host of "
		"directory if absent; keep it, the count is stored under it",
		.example = "letsencrypt"),
	KEY(CHOICE, "limits", upstream_conf, limits, "auto", NULL, NULL, RELOAD,
		"the table of the CA's rate limits; auto knows Let's Encrypt by its directory, and of any other CA nothing but "
		"what its refusals teach",
		.choices = "auto|none|letsencrypt|letsencrypt-staging"),
	KEY(INT, "limits_margin", upstream_conf, limits_margin, "10", "0", "90", RELOAD,
		"percent of each limit's burst that is left alone, since the CA's count and ours may differ"),
	KEY(INT, "limits_reserve", upstream_conf, limits_reserve, "20", "0", "90", RELOAD,
		"percent of a domain's burst of certificates that is left to orders which replace a certificate that is revoked or "
		"about to expire"),
	KEY(LIST, "overrides", upstream_conf, overrides, NULL, NULL, "1000", RELOAD,
		"limits that are not those of the table, or were agreed with the CA", LIST_OF(limit_keys, limit_conf)),
	KEY(STRING, "ca_name", upstream_conf, ca_name, NULL, "1", "64", 0,
		"common name of the local CA, fixed when it is made",
		.example = "acmegate local CA"),
	{ .name = NULL },
};

static const struct conf_key solver_keys[] = {
	KEY(STRING, "name", solver_conf, name, NULL, NULL, NULL, REQUIRED,
		"what logs call it; keep it, records in the DNS that are to be removed are stored under it",
		.example = "corp-dns"),
	KEY(CHOICE, "kind", solver_conf, kind, NULL, NULL, NULL, REQUIRED,
		"http-01 is answered by the gateway itself, on http01_listen; rfc2136 answers dns-01 by updates of a zone, signed with "
		"a TSIG key; exec does that by a program, acme-dns at a server of that name; dns-persist-01 (a draft) relies on "
		"records that you have laid out yourself",
		.choices = "http-01|rfc2136|exec|acme-dns|dns-persist-01", .example = "rfc2136"),
	KEY(STRINGS, "upstreams", solver_conf, upstreams, NULL, NULL, "1000", RELOAD,
		"entries of upstreams that it is for; all if empty", .example = "letsencrypt"),
	KEY(STRINGS, "domains", solver_conf, domains, NULL, NULL, "1000", RELOAD,
		"it is for these domains and what is below them, for all if empty; with dns-01 the name is that of the record, at the end of its "
		"aliases (CNAME). Of several solvers the one with the longest such domain is taken, the first of them if there is no longest",
		.example = "corp.example"),
	KEY(STRING, "server", solver_conf, server, NULL, "1", "253", 0,
		"rfc2136: the zone's primary server: HOST, HOST:PORT or an address; the one that the zone's SOA names if absent",
		.example = "ns1.corp.example"),
	KEY(STRING, "zone", solver_conf, zone, NULL, "1", "253", 0,
		"the zone to update; found by SOA if absent", .example = "corp.example"),
	KEY(STRING, "key", solver_conf, key, NULL, "1", "253", 0,
		"rfc2136: name of the TSIG key", .example = "acmegate"),
	KEY(STRING, "secret", solver_conf, secret, NULL, NULL, NULL, CONF_SECRET,
		"rfc2136: where its secret lies, in base64, as in the server's configuration",
		.example = "file:/etc/acmegate/tsig.secret"),
	KEY(CHOICE, "algorithm", solver_conf, algorithm, "hmac-sha256", NULL, NULL, 0,
		"rfc2136: algorithm of the TSIG key", .choices = "hmac-sha256|hmac-sha384|hmac-sha512"),
	KEY(MSEC, "update_timeout", solver_conf, update_ms, "10s", "100ms", "5m", RELOAD,
		"rfc2136: time for one update"),
	KEY(STRING, "program", solver_conf, program, NULL, "1", "1024", 0,
		"exec: path of the program, which is run without a shell", .example = "/usr/local/lib/acmegate/dns-provider"),
	KEY(CHOICE, "convention", solver_conf, convention, "native", NULL, NULL, 0,
		"exec: its arguments: native (add NAME VALUE ZONE, del NAME VALUE ZONE) or those of lego (present, cleanup)",
		.choices = "native|lego"),
	KEY(MSEC, "program_timeout", solver_conf, program_ms, "2m", "1s", "1h", RELOAD,
		"exec: time for one run"),
	KEY(STRING, "url", solver_conf, url, NULL, "1", "1024", 0,
		"acme-dns: where it is, without a slash at the end", .example = "https://auth.corp.example"),
	KEY(STRING, "ca_file", solver_conf, ca_file, NULL, "1", NULL, 0,
		"acme-dns: PEM file of trust anchors instead of the system's", .example = "/etc/acmegate/corp-root.pem"),
	KEY(STRING, "accounts", solver_conf, accounts, NULL, NULL, NULL, CONF_SECRET,
		"acme-dns: where the accounts there lie, as JSON", .example = "file:/etc/acmegate/acme-dns.json"),
	KEY(INT, "ns_port", solver_conf, ns_port, "53", "1", "65535", RELOAD,
		"port of the zone's name servers, which are asked whether all have the record before the CA is"),
	KEY(ADDRS, "check_via", solver_conf, check_via, NULL, NULL, "16", RELOAD,
		"DNS servers that are asked instead of the zone's own, of which this machine may see others than the world does",
		.example = "192.0.2.53:53"),
	KEY(MSEC, "propagation_timeout", solver_conf, propagation_ms, "2m", "1s", "1h", RELOAD,
		"time until all of them must have it; then it is tried anew, later"),
	KEY(MSEC, "extra_delay", solver_conf, extra_delay_ms, "0ms", "0ms", "1h", RELOAD,
		"time to wait besides, for servers that cannot be asked (anycast)"),
	{ .name = NULL },
};

static const struct conf_key rule_keys[] = {
	KEY(STRING, "name", rule_conf, name, NULL, NULL, NULL, RELOAD | REQUIRED,
		"what logs call it; devices never see it", .example = "devices"),
	KEY(CHOICE, "action", rule_conf, action, "allow", NULL, NULL, RELOAD,
		"what to do with the names", .choices = "allow|refuse"),
	KEY(STRINGS, "names", rule_conf, names, NULL, "1", NULL, RELOAD | REQUIRED,
		"a name itself, all names below one (*.example.com), addresses by network, a device "
		"(permanent-identifier:SN-1), all devices whose identifier begins so "
		"(permanent-identifier:SN-*) or that besides have this OID (hardware-module:*/1.2.3), or * for "
		"every name and address, but no device; refused, * is devices too",
		.example = "*.devices.example.com"),
	KEY(STRINGS, "profiles", rule_conf, profiles, NULL, NULL, "1000", RELOAD,
		"profiles the rule is for; all if empty", .example = "default"),
	KEY(STRING, "say", rule_conf, say, NULL, "1", "400", RELOAD,
		"what a refused device is told", .example = "ask pki@corp.example for this name"),
	{ .name = NULL },
};

const struct conf_key gate_conf_keys[] = {
	KEY(STRING, "external_url", gate_conf, external_url, NULL, "1", "1024", REQUIRED,
		"how devices reach the gateway, without a slash at the end; all links begin with "
		"it",
		.example = "https://acme.corp.example"),
	KEY(STRING, "state_dir", gate_conf, state_dir, "/var/lib/acmegate", "1", NULL, 0,
		"folder of the database, the master key and what the gateway makes itself"),
	KEY(STRING, "store", gate_conf, store, "", NULL, NULL, 0,
		"where orders and certificates are kept: sqlite:/PATH or postgresql://...; "
		"if empty, acmegate.db in state_dir",
		.example = "postgresql:///acmegate"),
	KEY(STRING, "node", gate_conf, node, "", NULL, "64", 0,
		"name of this gateway among those that share a store; if empty, one is made and "
		"kept in state_dir",
		.example = "gate-1"),
	KEY(MSEC, "job_lease", gate_conf, job_lease_ms, "30s", "10s", "10m", 0,
		"with PostgreSQL, and the same on all gateways: one that says nothing for so long loses its "
		"work to the others; their clocks must agree to a third of it"),
	KEY(STRING, "master_key", gate_conf, master_key, NULL, NULL, NULL, CONF_SECRET,
		"where the key lies that seals all other keys in the store; master.key in "
		"state_dir if absent, "
		"made at the first start",
		.example = "credential:master.key"),
	KEY(ADDRS, "listen", gate_conf, listen, "*:443", "1", "64", 0,
		"addresses on which devices are served by ACME over TLS"),
	KEY(STRING, "tls_cert", gate_conf, tls_cert, "", NULL, NULL, RELOAD,
		"PEM chain of the gateway's own certificate; if empty, see tls_upstream, and without "
		"that the gateway makes one",
		.example = "/etc/acmegate/tls.pem"),
	KEY(STRING, "tls_key", gate_conf, tls_key, "", NULL, NULL, RELOAD,
		"PEM file of its private key", .example = "/etc/acmegate/tls.key"),
	KEY(STRING, "tls_upstream", gate_conf, tls_upstream, "", NULL, "64", RELOAD,
		"instead of files: the entry of upstreams (driver acme) that the certificate is ordered "
		"from, and renewed",
		.example = "letsencrypt"),
	KEY(ADDRS, "http01_listen", gate_conf, http01_listen, NULL, NULL, "64", 0,
		"addresses on which the http-01 look-ups of CAs are answered", .example = "*:80"),
	KEY(STRING, "admin_socket", gate_conf, admin_socket, "/run/acmegate/admin.sock", "1", "107",
		0, "socket that acmegatectl speaks to"),
	KEY(STRINGS, "admin_users", gate_conf, admin_users, NULL, NULL, "1000", RELOAD,
		"users that may use it besides root and the gateway's own", .example = "alice"),
	KEY(ADDRS, "metrics_listen", gate_conf, metrics_listen, NULL, NULL, "8", 0,
		"loopback addresses on which a Prometheus may ask for /metrics without TLS; "
		"acmegatectl metrics shows the same",
		.example = "127.0.0.1:9664"),
	KEY(INT, "front_threads", gate_conf, front_threads, "2", "1", "64", 0,
		"threads that move bytes"),
	KEY(INT, "worker_threads", gate_conf, worker_threads, "16", "1", "256", 0,
		"threads that decide; each may wait for the store"),
	KEY(NETS, "networks", gate_conf, networks,
		"10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7", NULL, NULL, RELOAD,
		"where devices may be asked for their proof; loopback, link-local and other "
		"special ranges only if a "
		"network inside them is listed, and where the gateway listens itself only if that very address is"),
	KEY(ADDRS, "resolvers", gate_conf, resolvers, NULL, NULL, "16", 0,
		"DNS servers to ask; the system's if empty", .example = "10.0.0.53:53"),
	KEY(ADDRS, "public_resolvers", gate_conf, public_resolvers, NULL, NULL, "16", RELOAD,
		"DNS servers that show the names as CAs see them, asked where records for CAs are to be laid out; those of resolvers if empty",
		.example = "192.0.2.53:53"),
	KEY(STRING, "default_profile", gate_conf, default_profile, "default", "1", NULL, RELOAD,
		"profile of an order that names none"),
	KEY(STRING, "terms_of_service", gate_conf, terms_of_service, NULL, "1", "2048", RELOAD,
		"URL of your terms, shown in the directory",
		.example = "https://pki.corp.example/terms"),
	KEY(BOOL, "require_current_terms", gate_conf, require_current_terms, "false", NULL, NULL, RELOAD,
		"an account that agreed to another URL than terms_of_service, or to none, orders nothing until it agrees: by an update with termsOfServiceAgreed true"),
	KEY(STRING, "website", gate_conf, website, NULL, "1", "2048", RELOAD,
		"URL of a page about this gateway, shown in the directory",
		.example = "https://pki.corp.example/"),
	KEY(STRINGS, "caa_identities", gate_conf, caa_identities, NULL, NULL, "64", RELOAD,
		"names shown in the directory that a CAA record may have, and one of which a record of dns-persist-01 must have",
		.example = "letsencrypt.org"),
	KEY(STRING, "public_suffix_list", gate_conf, public_suffix_list, "", NULL, NULL, 0,
		"file with the Public Suffix List, which says what a registered domain is, for the limits of CAs; if empty, the "
		"newer of the system's and the one that the library was built with",
		.example = "/usr/share/publicsuffix/public_suffix_list.dat"),
	KEY(STRING, "log_level", gate_conf, log_level, "info", NULL, NULL, RELOAD,
		"error, warning, notice, info or debug"),
	KEY(CHOICE, "log_form", gate_conf, log_form, "logfmt", NULL, NULL, 0,
		"how a line of the log looks", .choices = "logfmt|json"),
	KEY(TIME, "order_keep", gate_conf, order_keep_s, "90d", "1h", "3650d", RELOAD,
		"time an order is kept after it ended"),
	KEY(TIME, "account_idle", gate_conf, account_idle_s, "400d", NULL, "3650d", RELOAD,
		"an account without a live certificate is removed when unused for so long, and a device that was only "
		"seen when it has not come again; never if zero"),
	KEY(GROUP, "limits", gate_conf, limits, NULL, NULL, NULL, 0,
		"sizes, counts and deadlines on the devices' side", .sub = limits_keys),
	KEY(GROUP, "rates", gate_conf, rates, NULL, NULL, NULL, RELOAD,
		"how often one address or account may ask; beyond, it is answered 429 with Retry-After",
		.sub = rates_keys),
	KEY(LIST, "profiles", gate_conf, profiles, NULL, "1", "1000", RELOAD | REQUIRED,
		"what devices may choose from", LIST_OF(profile_keys, profile_conf)),
	KEY(LIST, "upstreams", gate_conf, upstreams, NULL, "1", "1000", REQUIRED,
		"the CAs behind the gateway", LIST_OF(upstream_keys, upstream_conf)),
	KEY(LIST, "solvers", gate_conf, solvers, NULL, NULL, "100", 0,
		"how proofs are laid out for CAs; http-01 alone if there are none",
		LIST_OF(solver_keys, solver_conf)),
	KEY(LIST, "rules", gate_conf, rules, NULL, NULL, "100000", RELOAD | REQUIRED,
		"who may have what: the first rule that matches a name decides, and what no rule "
		"allows is refused",
		LIST_OF(rule_keys, rule_conf)),
	KEY(LIST, "attestation_trust", gate_conf, attestation_trust, NULL, NULL, "100", RELOAD,
		"who vouches for devices that prove who they are by device-attest-01 (draft-ietf-acme-device-attest)",
		LIST_OF(trust_keys, trust_conf)),
	{ .name = NULL },
};
