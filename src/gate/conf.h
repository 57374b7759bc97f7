/* conf.h - the gateway's configuration: an immutable snapshot, counted by reference.
 *
 * A request or job takes one snapshot (gate_conf_ref) and keeps it to its end; a reload swaps the pointer. */
#ifndef GATE_CONF_H
#define GATE_CONF_H

#include <stdatomic.h>

#include "attest/attest.h"
#include "conf/conf.h"
#include "policy/policy.h"
#include "price/price.h"
#include "quota/quota.h"

/* Must a device's account be bound to a key that we handed out (RFC 8555 7.3.4, E1)? As in the choices of the key `eab`. */
enum eab_wanted { EAB_NONE, EAB_OPTIONAL, EAB_REQUIRED };

/* Must the certificate's key be the attested one? As in the choices of `certificate_key`. */
enum certificate_key { CERTIFICATE_KEY_ATTESTED, CERTIFICATE_KEY_ANY };

/* Which devices may prove themselves by device-attest-01? As in the choices of the key `devices`. */
enum devices_wanted { DEVICES_ANY, DEVICES_INVENTORIED };

/* Whose names must a CSR have, those of the order, or those that the devices of the order have by device_names? As in the choices of
 * `csr_names`. */
enum csr_names { CSR_NAMES_ORDER, CSR_NAMES_MAPPED };

/* Why an order may leave its CA for the next one of its profile. As in the words of `failover`, in their order. */
enum failover {
	FAILOVER_OUTAGE,   /* it does not answer */
	FAILOVER_LIMIT,    /* its limits make the order wait too long */
	FAILOVER_ACCOUNT,  /* only an operator can mend what it says: account, terms, profile */
	FAILOVER_REJECTED, /* it does not issue for these identifiers */
	FAILOVER_CAA,      /* the names' CAA records do not have it */
	FAILOVER__COUNT
};
const char *failover_name(enum failover why);

/* May an order go from a public CA to a private one, or the other way round? As in the choices of `failover_kind`. */
enum failover_kind { FAILOVER_KIND_SAME, FAILOVER_KIND_ANY };

/* `replaces` of a certificate that is not ours (R1): as in the choices of `replaces_unknown`. */
enum replaces_unknown { REPLACES_UNKNOWN_IGNORE, REPLACES_UNKNOWN_REFUSE };

/* A device whose order would wait too long for its CA: as in the choices of `long_wait`. */
enum long_wait { LONG_WAIT_QUEUE, LONG_WAIT_REFUSE };
/* When the CA is asked first (U1): as in the choices of `upstream_start`. */
enum upstream_start { UPSTREAM_START_FINALIZE, UPSTREAM_START_READY };

/* An ACME profile we offer to devices (draft-ietf-acme-profiles; spec names in acmegate.conf(5)). */
struct profile_conf {
	char *name;                    /* [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
	char *description;
	bool advertise;                /* in meta.profiles */
	struct conf_strings identifier_types; /* "dns", "permanent-identifier", ... */
	struct conf_strings challenges;       /* "http-01", ... */
	int eab;                       /* enum eab_wanted */
	int devices;                   /* enum devices_wanted */
	char *device_hook;             /* program that is asked about each device, NULL = none */
	char *device_webhook;          /* URL that is asked, NULL = none; never both */
	char *device_webhook_ca;       /* PEM of trust anchors for it, NULL = the system's */
	char *device_webhook_token;    /* file with a bearer token, NULL = none is sent */
	int64_t device_hook_ms;        /* deadline of one question */
	bool wildcard;
	bool pre_authorization;        /* newAuthz */
	bool subdomains;               /* RFC 9444 */
	int64_t max_identifiers;
	struct conf_strings key_types; /* allowed CSR key types by name: p256 p384 rsa2048 rsa3072 rsa4096 */
	int64_t order_life_s, pending_authz_s, valid_authz_s;
	char *upstream;                /* name of an entry of upstreams, NULL = upstreams has them: ask conf_profile_ca */
	struct conf_strings upstreams; /* several, in order */
	struct conf_strings failover;  /* failover_name */
	int64_t failover_outage_s, failover_limit_s; /* so long it may wait for its CA */
	int failover_kind;             /* enum failover_kind */
	char *upstream_profile;        /* the CA's profile, NULL = that of the entry */
	int upstream_start;            /* enum upstream_start */
	bool bulk;                     /* new devices of it come last there */
	int long_wait;                 /* enum long_wait */
	int replaces_unknown;          /* enum replaces_unknown */
	int64_t longest_wait_s;        /* with LONG_WAIT_REFUSE */
	int64_t http01_port, tls_alpn01_port; /* where devices answer */
	struct conf_strings caa;       /* issuer names of ours in CAA records; empty = CAA is not looked at */
	struct conf_addrs resolvers;   /* who is asked about devices' names; empty = the gateway's */
	bool authoritative_dns;        /* records are asked of the name servers of their zones */
	int64_t authoritative_port;
	struct conf_strings validation_attempts_text; /* "0s","5s","15s","30s" */
	int64_t validity_s;            /* local driver: lifetime of a leaf */
	bool client_auth;              /* local driver: add the clientAuth EKU */
	struct conf_strings attestation; /* names of entries of attestation_trust */
	int certificate_key;           /* enum certificate_key */
	bool keep_evidence;            /* statements themselves are kept, not only what they proved (V16) */
	struct conf_strings device_names; /* templates of mapping.h: names of a device that has proven itself (V10) */
	int csr_names;                 /* enum csr_names */
	char *maintenance;             /* name of an entry of `maintenance`, NULL = certificates may be renewed at any time */
	/* derived: */
	struct attest_trust *trust;    /* of those entries, owned; NULL = no attestation here */
	const char *trust_names[ATTEST__COUNT]; /* of those entries by format, NULL = none; borrowed */
};

/* When certificates may be renewed: a calendar (cal/calendar.h) by name. */
struct maintenance_conf {
	char *name;
	char *time_zone;
	struct conf_strings hours;     /* calendar_add_hours; empty = all */
	struct conf_strings blackouts; /* calendar_add_blackout */
	struct conf_strings tags;      /* of devices that it is for, whatever their profile says */
	/* derived: */
	struct calendar *calendar;     /* owned */
};

/* Who vouches for devices of one format (draft-ietf-acme-device-attest): roots are never shared between formats, and a profile names
 * those that count in it. */
struct trust_conf {
	char *name;
	int format;                    /* enum attest_format, as in the choices; packed is not among them (V12) */
	struct conf_strings roots, intermediates; /* PEM files */
	struct conf_strings crls;      /* files of X.509 CRLs, of each root and intermediate; empty = not asked for */
	char *revoked;                 /* file of serials that are no longer good, NULL = none */
	int64_t revoked_max_age_s;     /* since the file was written */
	char *assigner;                /* NULL = none */
	bool udid_modules;             /* apple */
	/* derived: */
	struct attest_trust *trust;    /* of this format alone; owned */
	int64_t good_until_unix_s;     /* a list is too old after; 0 = there is none */
};

/* dns-persist-01: most names that a challenge may have. */
#define PERSIST_ISSUERS_MAX 10

/* A limit of a CA, other than its table has it, or agreed with it. */
struct limit_conf {
	char *limit;                   /* quota_kind_name */
	char *name;                    /* the domain that it is for, NULL = all */
	int64_t count, burst, period_s; /* burst 0 = count */
};

/* Choices of `limits`. */
enum limits_table { LIMITS_AUTO, LIMITS_NONE, LIMITS_LETSENCRYPT, LIMITS_LETSENCRYPT_STAGING };

enum upstream_driver { DRIVER_ACME, DRIVER_LOCAL };

/* Who trusts it: the world, or this company. As in the choices of `kind`. */
enum ca_kind { CA_KIND_AUTO, CA_KIND_PUBLIC, CA_KIND_PRIVATE };

/* What a CA does; of what is not known it is tried. As in the choices of the keys. */
enum ca_known { KNOWN_AUTO, KNOWN_YES, KNOWN_NO };

#define CA_REQUEST_MS 30000 /* where nothing else is said */

struct upstream_conf {
	char *name;
	int driver;                    /* enum upstream_driver */
	char *preset;                  /* acme: ca_preset_find, NULL = none */
	int kind;                      /* enum ca_kind; once loaded never AUTO */
	char *upstream_profile;        /* acme: the CA's profile, where ours says none; NULL = do not send one */
	struct conf_strings challenges; /* acme: ask conf_ca_has_challenge */
	int64_t max_names;             /* acme, 0 = not said; this and the next five: ask conf_ca_facts */
	int addresses, wildcards, covered_names, not_after, replaces, client_auth; /* acme: enum ca_known */
	char *directory;               /* acme: exact URL */
	char *ca_file;                 /* acme: PEM of extra trust anchors */
	char *proxy;                   /* acme: http://host:port */
	char *contact;                 /* acme: mailto:..., NULL = none */
	bool accept_terms;             /* acme: the operator agreed to the CA's terms */
	int key_type;                  /* 0 p256, 1 p384, 2 rsa2048, 3 rsa3072, 4 rsa4096 (as in the choices) */
	char *eab_kid, *eab_key, *eab_key_encoding; /* acme */
	int eab_alg;                   /* 0 HS256, 1 HS384, 2 HS512 */
	char *preferred_chain;         /* acme: CN or hex SHA-256 of an SPKI */
	int64_t request_ms;            /* acme: deadline of one request */
	int64_t conns_max;             /* acme: connections to this CA */
	int64_t in_flight;             /* acme: orders under way at first */
	bool renewal_info;             /* acme: it is asked when to renew its certificates */
	int64_t renewal_rate;          /* acme: in requests a second at most */
	char *ca;                      /* acme: entries of one CA share this label, and what it counts for all; never NULL */
	int limits;                    /* acme: enum limits_table */
	int64_t limits_margin, limits_reserve; /* acme: percent of a burst that is left alone */
	struct conf_list overrides;    /* acme: struct limit_conf */
	int64_t renewals_per_hour;     /* 0 = ask conf_renewals_per_hour */
	char *ca_name;                 /* local: common name of the CA, never NULL; acme: NULL */
};

/* A CA that is known by name (conf_presets.c): defaults of its entry. */
struct ca_preset {
	const char *name;
	const char *directory;         /* NULL = each customer has another */
	enum limits_table limits;      /* LIMITS_AUTO = not known */
	int64_t request_ms;            /* 0 = as of any CA */
	bool needs_eab, needs_contact; /* it registers no account, or issues nothing, without */
	int64_t max_names;             /* 0 = not known */
	enum ca_known addresses, wildcards;
	enum ca_known covered_names;   /* "a.x" beside "*.x" */
	enum ca_known not_after;       /* notAfter in newOrder is honoured */
	enum ca_known replaces;        /* RFC 9773 5; not known: its directory tells */
	enum ca_known client_auth;     /* it certifies keys for TLS clients */
	struct { const char *name; int64_t max_names; enum ca_known addresses; } profiles[4]; /* that differ */
	const char *challenges[4];     /* first NULL = not known */
};
const struct ca_preset *ca_preset_at(size_t i);            /* NULL behind the last */
const struct ca_preset *ca_preset_find(const char *name);  /* NULL: none is called so */

/* What counts for an entry and a profile (NULL: none) of ours: what is written, else what the preset knows. */
struct ca_facts {
	const char *profile;           /* to ask of the CA; borrowed, NULL = none */
	int64_t max_names;             /* 0 = not known */
	enum ca_known addresses, wildcards, covered_names, not_after, replaces, client_auth;
};

/* How proofs are laid out for CAs. Kinds as in the choices of the key. */
enum solver_kind { SOLVER_HTTP01, SOLVER_RFC2136, SOLVER_EXEC, SOLVER_ACME_DNS, SOLVER_DNS_PERSIST01, SOLVER_TLS_ALPN01, SOLVER_NONE };
enum exec_convention { EXEC_NATIVE, EXEC_LEGO };

struct solver_conf {
	char *name;
	int kind;                      /* enum solver_kind */
	struct conf_strings upstreams; /* entries it is for; empty = all */
	struct conf_strings domains;   /* suffixes it is for; empty = all names */
	/* rfc2136: */
	char *server;                  /* HOST[:PORT] or an address; NULL = the primary of the zone's SOA */
	char *zone;                    /* NULL = found by SOA */
	char *key, *secret;            /* TSIG: the key's name, and where its secret lies */
	int algorithm;                 /* as enum tsig_alg */
	int64_t update_ms;             /* time for one update */
	/* exec: */
	char *program;                 /* path */
	int convention;                /* enum exec_convention */
	int64_t program_ms;
	/* acme-dns: */
	char *url, *ca_file;           /* without a slash at the end */
	char *accounts;                /* secret place */
	/* dns-01: */
	int64_t ns_port;               /* where the zone's name servers listen */
	struct conf_addrs check_via;   /* asked instead of them; empty = they are */
	int64_t propagation_ms, extra_delay_ms;
};

/* What a rule has decided since the configuration was loaded. */
struct rule_count { _Atomic uint64_t allowed, refused, warned; };

/* A rule of the policy (policy/policy.h): what it matches, and what then is to be. */
struct rule_conf {
	char *name;
	int action;                    /* 0 allow, 1 refuse */
	int mode;                      /* 0 decide, 1 warn */
	struct conf_strings names, names_files; /* patterns of policy.h; files of them */
	struct conf_strings profiles;  /* empty = all; so are all lists below, and all numbers that are 0 */
	struct conf_strings tenants, eab_keys, accounts, networks, networks_files;
	struct conf_strings device_kinds, device_tags, device_owners, device_formats, device_models, device_firmware, key_protection;
	struct conf_strings key_types, identifier_types;
	int wildcard;                  /* enum policy_wildcard */
	int idn;                       /* 0 allow, 1 refuse */
	int64_t name_count_min, name_count_max, lifetime_min_s, lifetime_max_s, outstanding_min, outstanding_max;
	struct conf_strings days;
	char *hours, *zone;            /* NULL = all day, UTC */
	char *say;                     /* what a device is told on refuse */
	/* of an order that it allows: */
	struct conf_strings challenges; /* of the profile's, those to offer; empty = all */
	bool already_proven;           /* names need no proof */
	struct conf_strings upstreams; /* of the profile's, those that may issue; empty = all */
	int64_t longest_wait_s;        /* 0 = as in the profile */
};

/* Whose accounts, orders and certificates they are, and who pays (U12, E8). */
struct tenant_conf {
	char *name;                    /* kept in the store with all that is the tenant's */
	char *owner, *contact, *cost_centre; /* NULL = not said */
	int64_t share;                 /* weight in the queues of CAs */
};

/* Whose use counts together. As in the choices of `per`. */
enum quota_per { QUOTA_PER_TENANT, QUOTA_PER_KEY, QUOTA_PER_DEVICE, QUOTA_PER_ALL };

/* How much one may have (quota/usage.h). */
struct quota_conf {
	char *name;                    /* kept in the store with what is used of it */
	int per;                       /* enum quota_per */
	struct conf_strings tenants;   /* only these, each by itself; empty = all */
	struct conf_strings names;     /* patterns of policy.h: only orders with such a name; empty = all */
	int counts;                    /* enum usage_counts */
	int64_t soft, hard;            /* 0 = none */
	bool refuse_renewals;
	/* derived: */
	struct policy *policy;         /* of names, owned; NULL = all */
};

/* A row of the rate card: what a CA charges (price/price.h), for what, and when. */
enum rate_proration { RATE_NO_PRORATION, RATE_FULL_DAYS };
enum rate_term_start { RATE_FIRST_USE, RATE_CONTRACT };
struct rate_conf {
	char *ca, *product;
	struct conf_strings profiles;
	char *valid_from, *valid_to;
	int model;                     /* enum price_model */
	char *unit_price, *overage_price;
	int64_t included, wildcard_factor;
	bool www_free, same_level_free, renewal_charged, reissue_charged;
	int proration, term_start;     /* as above */
	int64_t term_days, refund_days;
	/* derived: */
	struct price_rate rate;
	int64_t from, to;              /* unix s */
};
struct rate_card {
	char *version, *currency;
	struct conf_list rates;        /* struct rate_conf */
};

struct limits_conf {
	int64_t head_max_bytes, target_max_bytes, fields_max, body_max_bytes;
	int64_t conns_max, conns_per_addr;
	int64_t handshake_ms, head_ms, body_ms, idle_ms, write_ms, drain_ms;
	int64_t queue_max;             /* requests and jobs waiting for a worker */
};

/* Abuse limits (T8): a burst, and one more each interval; burst 0 = off. Per account, or per address where there is none. */
struct rates_conf {
	int64_t requests_burst, requests_ms;         /* per address */
	int64_t new_account_burst, new_account_ms;   /* per address */
	int64_t new_order_burst, new_order_ms;       /* per account */
	int64_t challenge_burst, challenge_ms;       /* responses, per account */
	int64_t failed_burst, failed_ms;             /* failed validations, per account and identifier */
	int64_t renewal_address_burst, renewal_address_ms; /* certificates asked about, per address */
	int64_t renewal_account_burst, renewal_account_ms; /* and per account */
	int64_t pending_authz_max;                   /* at a time, per account; 0 = off */
};

struct audit_conf {
	int64_t retention_s;           /* entries are dropped after; 0 = never */
	int64_t checkpoint_every_s;
	char *syslog;                  /* "" = none */
	char *syslog_id;               /* of the structured data */
	bool syslog_personal;          /* tell personal values there */
};

struct gate_conf {
	atomic_uint refs;
	unsigned generation;
	char *path;                    /* the file it came from */
	/* from the file: */
	char *external_url;            /* "https://acme.corp.example" without a final slash */
	char *state_dir;
	char *store;                   /* for store_open; if the file says "": sqlite:STATE_DIR/acmegate.db */
	char *node;                    /* this gateway's name among others, "" = from state_dir/node */
	int64_t job_lease_ms;          /* of the jobs of a store that is shared */
	char *master_key;              /* secret place; not in the file: file:STATE_DIR/master.key */
	struct conf_addrs listen;      /* ACME face */
	char *tls_cert, *tls_key;      /* files; "" = local CA makes one at first start */
	char *tls_upstream;            /* "" or the upstream (driver acme) that the certificate is ordered from */
	struct conf_addrs http01_listen; /* the upstream CA's http-01 look-ups are answered here */
	struct conf_addrs tls_alpn01_listen; /* and its handshakes for tls-alpn-01 here */
	struct conf_addrs metrics_listen; /* GET /metrics, on loopback */
	char *admin_socket;
	/* Users, and groups with an @ before them, that may use it besides root and our own user: everything, what keeps it running, the audit
	 * trail, or to look at it. */
	struct conf_strings admin_users, operators, auditors, viewers;
	int64_t front_threads, worker_threads;
	struct conf_nets networks;     /* where validation may connect */
	struct conf_addrs resolvers;   /* empty = the system's */
	struct conf_addrs public_resolvers; /* see the DNS as CAs do; empty = resolvers */
	char *default_profile;
	char *terms_of_service, *website;
	bool require_current_terms;
	char *public_suffix_list;      /* file, "" = the system's */
	struct conf_nets renewal_networks; /* who may ask for renewal information without an account; empty = anybody */
	char *renewal_explanation;     /* URL, "" = the CA's */
	int64_t late_after_s, expiry_alarm_s; /* certificates that nobody renews; 0 = no alarm */
	int64_t incident_rate;         /* certificates that may be renewed in an hour in an incident */
	struct conf_strings caa_identities; /* names of ours in CAA records, and in those of dns-persist-01 */
	char *log_level;
	int log_form;                  /* 0 logfmt, 1 json */
	int64_t order_keep_s;          /* finished orders are deleted after */
	int64_t account_idle_s;
	struct limits_conf limits;
	struct rates_conf rates;
	struct audit_conf audit;
	struct conf_list profiles;     /* struct profile_conf */
	struct conf_list upstreams;    /* struct upstream_conf */
	struct conf_list solvers;      /* struct solver_conf; none = http-01 alone */
	struct conf_list rules;        /* struct rule_conf */
	struct conf_list tenants;      /* struct tenant_conf; ask conf_tenant */
	struct conf_list quotas;       /* struct quota_conf */
	struct conf_strings policy_tests; /* files with what the rules are expected to say */
	char *rate_card;               /* file, NULL = none */
	struct conf_list attestation_trust; /* struct trust_conf */
	struct conf_list maintenance;  /* struct maintenance_conf */
	/* derived when loaded: */
	char *base_path;               /* path part of external_url, "" mostly */
	struct policy *policy;         /* rules, compiled */
	struct rule_count *rule_counts; /* of each rule, then of no rule; owned */
	struct policy_zone **zones;    /* that their hours are in; owned */
	size_t zone_count;
	struct rate_card *prices;      /* of rate_card, owned; NULL = nobody has said what anything costs */
	struct reach reach;            /* networks, and all addresses that we listen on (V1) */
};

/* Load and check everything (cross references, names, URLs). Errors as file:line lines. NULL if any. One reference is the
 * caller's. `generation` is left 0 for the caller to set. */
struct gate_conf *gate_conf_load(const char *path, struct conf_errors *errors);
/* The same from a text; @include is refused. */
struct gate_conf *gate_conf_load_text(const char *name, struct span text, struct conf_errors *errors);
struct gate_conf *gate_conf_ref(struct gate_conf *conf);
void gate_conf_unref(struct gate_conf *conf);
/* May `next` take the place of `running`? Errors name each key that needs a restart (located in the file of `next` if
 * `errors` loaded it), secrets that only the start can read among them. */
bool gate_conf_may_reload(const struct gate_conf *running, const struct gate_conf *next, struct conf_errors *errors);
extern const struct conf_key gate_conf_keys[];

const struct profile_conf *conf_profile(const struct gate_conf *conf, struct span name); /* NULL if none */
/* The tenant of an account, an order, a certificate or an EAB key, by the name in its row. `default` is always there, as the list has it or
 * as one that says nothing; NULL: the configuration does not know it any more. */
const struct tenant_conf *conf_tenant(const struct gate_conf *conf, const char *name);
/* The price of a certificate of this profile by this CA at a time; NULL: the card has none. */
const struct rate_conf *conf_rate_find(const struct gate_conf *conf, const struct upstream_conf *u, const char *profile, int64_t at);
/* Does the quota hold for the tenant? */
bool conf_quota_is_of(const struct quota_conf *q, const char *tenant);
/* The i-th of all there are, `default` among them; NULL behind the last. */
const struct tenant_conf *conf_tenant_at(const struct gate_conf *conf, size_t i);
const struct upstream_conf *conf_upstream(const struct gate_conf *conf, const char *name); /* NULL if none */
const struct solver_conf *conf_solver(const struct gate_conf *conf, const char *name); /* NULL if none */
bool conf_solver_serves(const struct solver_conf *s, const char *upstream); /* by its `upstreams` */
bool conf_solver_is_of_dns(const struct solver_conf *s);                             /* it proves by records */
/* Delays before each local validation attempt in seconds, counted from the request; returns how many, at most max. */
size_t conf_validation_attempts(const struct profile_conf *p, int64_t *ret, size_t max);

/* ---- when certificates may be renewed (conf_maintenance.c) ---- */

/* Of a certificate's profile, and of the tags of the devices it is for (" a b ", "" = none), which go before it: the first entry that has one
 * of them. NULL = at any time. */
const struct maintenance_conf *conf_maintenance(const struct gate_conf *conf, const char *profile, const char *tags);
/* Does an entry ask for devices' tags? */
bool conf_maintenance_by_tag(const struct gate_conf *conf);

/* ---- the CAs of a profile, in its order (conf_cas.c) ---- */

/* How many there are, and the i-th of them; NULL if no entry is called so. */
size_t conf_profile_ca_count(const struct profile_conf *p);
const struct upstream_conf *conf_profile_ca(const struct gate_conf *conf, const struct profile_conf *p, size_t i);
/* By its kind: never silently from a public CA to a private one, nor the other way round. */
bool conf_ca_may_serve(const struct gate_conf *conf, const struct profile_conf *p, const struct upstream_conf *u);
bool conf_fails_over(const struct profile_conf *p, enum failover why);

/* What an order asks for. */
struct ca_wish {
	const struct idents *names;    /* that the CA would hear of (flow/names.h) */
	int64_t not_before, not_after; /* 0 = not asked for */
	const char *upstreams;         /* entries that the rules allow, with a blank between; NULL or "" = all */
};
/* Is it one of these? "" are all. */
bool conf_ca_is_among(const char *upstreams, const char *name);
/* Can this CA do it, by all that is known of it? Else `pr` is for the device. */
bool conf_ca_takes(const struct upstream_conf *u, const struct profile_conf *p, const struct ca_wish *wish, struct problem *pr) MUST_CHECK;
/* The first one that can and may, NULL if there is none. ret_why: the refusal of the first that cannot, kind 0 if none was asked before
 * it. */
const struct upstream_conf *conf_ca_choose(const struct gate_conf *conf, const struct profile_conf *p, const struct ca_wish *wish, struct problem *ret_why);
void conf_ca_facts(const struct upstream_conf *u, const struct profile_conf *p, struct ca_facts *ret);
/* May the CA be answered by this challenge? */
bool conf_ca_has_challenge(const struct upstream_conf *u, const char *type);

/* The rate of a limit at this CA, count 0 = none is known; name: domain or identifier, for limits that are agreed for one. */
struct quota_rate conf_limit_rate(const struct upstream_conf *u, enum quota_kind kind, const char *name);
/* How many renewals may be planned for one hour: as it is written, else what the limit of orders lets through without margin and reserve;
 * 0 = as many as there are. */
int64_t conf_renewals_per_hour(const struct upstream_conf *u);
/* The host of a URL and its port if one is written: the label of an entry that says none. On the heap. */
char *conf_ca_label(const char *directory);

/* Inside src/gate: the limits of entry `at` of upstreams. */
void gate_conf_check_limits(const char *at, const struct upstream_conf *u, struct conf_errors *errors);
/* Inside src/gate: after the walk and before the checks, what presets know goes where nothing was written. */
void conf_presets_apply(struct gate_conf *conf);
/* Inside src/gate: entry `at` of profiles and its CAs, entry `at` of upstreams and what its preset demands. */
void conf_profile_cas_check(const struct gate_conf *conf, const char *at, const struct profile_conf *p, struct conf_errors *errors);
void conf_preset_check(const char *at, const struct upstream_conf *u, struct conf_errors *errors);
/* Inside src/gate: everything a table of keys cannot say. */
void gate_conf_check(const struct gate_conf *conf, struct conf_errors *errors);
struct url;
/* https, or http to this machine; else an error. */
bool conf_check_url(const char *where, const char *text, struct url *ret, struct conf_errors *errors);
/* The same for solvers (conf_solvers.c). */
void conf_solvers_check(const struct gate_conf *conf, struct conf_errors *errors);
/* The same for attestation_trust and those who name it (conf_trust.c); then, if all is well, the files it names are read into what is
 * derived. */
void conf_trust_check(const struct gate_conf *conf, struct conf_errors *errors);
bool conf_trust_load(struct gate_conf *conf, struct conf_errors *errors);
void conf_trust_done(struct gate_conf *conf);
/* The same for tenants and quotas (conf_tenant.c); then, if all is well, what is derived of them. */
void conf_tenants_check(const struct gate_conf *conf, struct conf_errors *errors);
bool conf_quotas_load(struct gate_conf *conf, struct problem *pr);
void conf_quotas_done(struct gate_conf *conf);
/* The same for rules; then, if all is well, their files are read and they are compiled (conf_policy.c). */
void conf_policy_check(const struct gate_conf *conf, struct conf_errors *errors);
bool conf_policy_load(struct gate_conf *conf, struct conf_errors *errors);
void conf_policy_done(struct gate_conf *conf);
/* "http-01": is it a challenge that profiles can have (conf_check.c)? */
bool conf_challenge_is_known(const char *type);
/* Inside src/gate: the rate card that the configuration names; faults as of key rate_card. */
bool conf_rates_load(struct gate_conf *conf, struct conf_errors *errors);
void conf_rates_free(struct rate_card *card);
/* A rate card from a text, called `name` in errors. */
bool conf_rates_read(const char *name, struct span text, struct rate_card **ret, struct conf_errors *errors);
/* The same for what profiles say of devices (conf_device.c). */
/* The audit trail. */
#define CONF_SYSLOG_UDP "udp:"
/* "udp:ADDR:PORT", or the path of a UNIX socket. PROBLEM_MALFORMED. */
bool conf_syslog_check(struct span where, struct problem *pr) MUST_CHECK;
void conf_audit_check(const struct gate_conf *conf, struct conf_errors *errors);
void conf_device_check(const struct gate_conf *conf, struct conf_errors *errors);
/* The same for maintenance, whose calendars are made with it (conf_maintenance.c). */
void conf_maintenance_check(struct gate_conf *conf, struct conf_errors *errors);
void conf_maintenance_done(struct gate_conf *conf);
#endif
