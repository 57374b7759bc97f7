/* schema.c - see schema.h. The DDL is one text with the three words in which the stores differ as parameters. */
#include "store/schema.h"

#define DDL_1(ID, INT, BLOB)                                                                       \
	"create table account ("                                                                   \
	" id " ID ", ref text not null unique, thumbprint text not null unique, jwk text not null,"\
	" state " INT " not null, contact text not null, terms " INT " not null,"                  \
	" created_at " INT " not null, used_at " INT " not null,"                                  \
	" eab_id " INT ", eab text);"                                                              \
	"create index account_eab on account (eab_id) where eab_id is not null;"                   \
	"create index account_used on account (used_at);"                                          \
	"create table eab_key ("                                                                   \
	" id " ID ", kid text not null unique, sealed " BLOB " not null, state " INT " not null,"  \
	" note text not null, profiles text not null, uses " INT " not null,"                      \
	" uses_max " INT " not null, accounts_max " INT " not null, expires " INT ","              \
	" keep_accounts " INT " not null, created_at " INT " not null, used_at " INT ","           \
	" changed_at " INT " not null);"                                                           \
                                                                                                   \
	"create table orders ("                                                                    \
	" id " ID ", ref text not null unique, account_id " INT " not null,"                       \
	" principal " INT " not null, profile text not null,"                                      \
	" state " INT " not null, idents text not null, idents_key text not null,"                 \
	" expires " INT " not null, not_before " INT ", not_after " INT ", replaces text,"         \
	" error text, csr " BLOB ", key_hash text, cert_id " INT ", joined_to " INT ","            \
	" upstream text not null, created_at " INT " not null, finalized_at " INT ");"             \
	"create index orders_account on orders (account_id, id);"                                  \
	"create index orders_open on orders (expires) where state <= 2;"                           \
	"create index orders_over on orders (expires) where state >= 3;"                           \
	"create index orders_failed on orders (id) where state = 4;"                               \
	"create index orders_same on orders (account_id, idents_key) where state <= 1;"            \
	"create index orders_working on orders (principal, key_hash) where state = 2;"            \
	"create index orders_joined on orders (joined_to) where joined_to is not null;"            \
	"create index orders_cert on orders (cert_id) where cert_id is not null;"                 \
                                                                                                   \
	"create table authz ("                                                                     \
	" id " ID ", ref text not null unique, account_id " INT " not null,"                       \
	" ident_type " INT " not null, ident text not null, wildcard " INT " not null,"            \
	" profile text not null, state " INT " not null, expires " INT " not null,"                \
	" created_at " INT " not null);"                                                           \
	"create index authz_reuse on authz (account_id, ident, wildcard, profile) where state = 1;"\
	"create index authz_open on authz (expires) where state <= 1;"                             \
	"create index authz_pending on authz (account_id) where state = 0;"                       \
	"create index authz_over on authz (expires) where state >= 2;"                             \
	"create table order_authz (order_id " INT " not null, authz_id " INT " not null,"          \
	" primary key (order_id, authz_id));"                                                      \
	"create index order_authz_back on order_authz (authz_id);"                                 \
                                                                                                   \
	"create table challenge ("                                                                 \
	" id " ID ", ref text not null unique, authz_id " INT " not null, kind " INT " not null,"  \
	" state " INT " not null, token text not null, key_auth text, validated_at " INT ","       \
	" attempts " INT " not null, next_at " INT " not null, error text);"                       \
	"create index challenge_authz on challenge (authz_id);"                                    \
                                                                                                   \
	"create table cert ("                                                                      \
	" id " ID ", ref text not null unique, order_id " INT " not null,"                         \
	" account_id " INT " not null, principal " INT " not null,"                                \
	" profile text not null, upstream text not null,"                                          \
	" serial text not null, certid text not null, sha256 text not null unique,"                \
	" key_hash text not null, idents text not null, idents_key text not null,"                 \
	" not_before " INT " not null, not_after " INT " not null, issuer text not null,"          \
	" chain text not null, created_at " INT " not null, fetched_at " INT ","                   \
	" revoked_at " INT ", revoked_reason " INT ", revoked_upstream_at " INT ");"               \
	"create index cert_same on cert (principal, key_hash, idents_key);"                       \
	"create index cert_account on cert (account_id, id);"                                      \
	"create index cert_certid on cert (certid);"                                               \
	"create index cert_ends on cert (not_after);"                                              \
	"create index cert_revoked on cert (upstream, revoked_at) where revoked_at is not null;"   \
	"create table cert_alternate (cert_id " INT " not null, n " INT " not null,"               \
	" chain text not null, primary key (cert_id, n));"                                         \
	"create table denied_key (key_hash text primary key, since " INT " not null,"              \
	" why text not null);"                                                                     \
                                                                                                   \
	"create table job ("                                                                       \
	" id " ID ", kind " INT " not null, subject " INT " not null, due " INT " not null,"       \
	" attempts " INT " not null, lease_node text, lease_until " INT " not null, error text,"   \
	" created_at " INT " not null, unique (kind, subject));"                                   \
	"create index job_due on job (lease_until, due);"                                          \
                                                                                                   \
	"create table upstream ("                                                                  \
	" id " ID ", name text not null unique, sealed_key " BLOB ", public_key text,"             \
	" ca_cert " BLOB ", account_url text, account_state text, terms text, directory text,"     \
	" directory_at " INT ", created_at " INT " not null);"                                     \
	"create table upstream_order ("                                                            \
	" order_id " INT " primary key, upstream text not null, attempt " INT " not null,"         \
	" state " INT " not null, url text, finalize_url text, cert_url text, expires " INT ","    \
	" intent_at " INT ", failures " INT " not null, error text);"                                \
	"create unique index upstream_order_url on upstream_order (url) where url is not null;"    \
	"create table upstream_authz ("                                                            \
	" id " ID ", order_id " INT " not null, url text not null, challenge_url text,"            \
	" token text, key_auth text, unique (order_id, url));"                                     \
	"create index upstream_authz_token on upstream_authz (token) where token is not null;"     \
                                                                                                   \
	"create table event ("                                                                     \
	" id " ID ", order_id " INT " not null, at_ms " INT " not null, node text not null,"       \
	" what text not null, detail text not null);"                                              \
	"create index event_order on event (order_id, id);"                                        \
	"create table node_key (name text primary key, value text not null);"

/* Which terms an account agreed to (RFC 8555 7.3.3); certificates by serial number; who replaces which (RFC 9773 5). */
#define DDL_2                                                                                      \
	"alter table account add column terms_url text;"                                           \
	"create index cert_serial on cert (serial);"                                               \
	"create index orders_replaces on orders (replaces) where replaces is not null;"

/* How often a job has been leased: the fencing token of its lease. */
#define DDL_3 "alter table job add column epoch bigint not null default 0"

/* An authorization that counts for the names below it, too (RFC 9444). */
#define DDL_4 "alter table authz add column subdomains bigint not null default 0"

/* What an attestation statement proved (device-attest-01), and with keep_evidence the statement itself. */
#define DDL_5(INT, BLOB)                                                                           \
	"create table evidence (authz_id " INT " primary key, at " INT " not null,"                \
	" key_hash text not null, facts text not null, statement " BLOB ")"

/* Devices: the inventory, who was seen, who is blocked, and by which authorizations; where a statement came from. */
#define DDL_6(ID, INT)                                                                             \
	"create table device ("                                                                    \
	" id " ID ", ref text not null unique, type " INT " not null, scope text not null,"        \
	" name text not null, state " INT " not null, kind text not null, tags text not null,"     \
	" owner text not null, cost_centre text not null, note text not null,"                     \
	" reason text not null, blocked_at " INT " not null, created_at " INT " not null,"         \
	" changed_at " INT " not null, first_seen " INT " not null, last_seen " INT " not null,"   \
	" seen " INT " not null, account_id " INT " not null, key_hash text not null,"             \
	" unique (type, name, scope));"                                                            \
	"create table device_authz (authz_id " INT " not null, device_id " INT " not null,"        \
	" primary key (authz_id, device_id));"                                                     \
	"create index device_authz_back on device_authz (device_id);"                              \
	"alter table evidence add column address text not null default ''"

/* The limits of CAs: buckets, what is reserved in them for orders under way, who waits for one; intent_at: newOrder may have gone out. */
#define DDL_7(ID, INT)                                                                             \
	"create table quota_bucket (id " ID ", scope text not null, kind " INT " not null,"        \
	" name text not null, tat " INT " not null, frozen " INT " not null,"                      \
	" learned_burst " INT " not null, learned_period " INT " not null,"                        \
	" learned_instead " INT " not null, adopted " INT " not null, changed_at " INT " not null,"\
	" unique (scope, kind, name));"                                                            \
	"create index quota_bucket_full on quota_bucket (tat) where learned_burst = 0 and adopted = 0;"\
	"create table quota_hold (order_id " INT " not null, bucket_id " INT " not null,"          \
	" primary key (order_id, bucket_id));"                                                     \
	"create index quota_hold_bucket on quota_hold (bucket_id);"                                \
	"alter table upstream_order add column wait_bucket " INT ";"                               \
	"alter table upstream_order add column wait_until " INT ";"                                \
	"alter table upstream_order add column wait_urgent " INT " not null default 0;"            \
	"create index upstream_order_waits on upstream_order (wait_bucket, order_id)"              \
	" where wait_bucket is not null;"                                                          \
	"create index cert_set on cert (idents_key, created_at);"                                  \
	"create index orders_set on orders (idents_key) where state = 2"

/* Records laid out in the DNS for CAs (dns-01). */
#define DDL_8(ID, INT)                                                                             \
	"create table proof_record (id " ID ", order_id " INT " not null, solver text not null,"   \
	" zone text not null, server text not null, owner text not null, value text not null,"     \
	" wanted " INT " not null, created_at " INT " not null, unique (order_id, owner, value));" \
	"create index proof_record_value on proof_record (owner, value);"

/* Certificates of an order; devices that nobody knows and that have not come for long. */
#define DDL_9                                                                                      \
	"create index cert_order on cert (order_id);"                                              \
	"create index device_idle on device (last_seen) where state = 0"

/* Names that follow from devices: whose they are, which an order has besides its identifiers, and what was proven by them. */
#define DDL_10                                                                                     \
	"create table device_name (name text primary key, type bigint not null,"                   \
	" scope text not null, device text not null, since bigint not null);"                      \
	"create index device_name_of on device_name (device);"                                     \
	"alter table orders add column mapped text not null default '';"                           \
	"alter table authz add column proven_by bigint"

/* Names that are proven by tls-alpn-01 just now: how a TLS client asks for each, and the identifier. */
#define DDL_11                                                                                     \
	"alter table upstream_authz add column server_name text;"                                  \
	"alter table upstream_authz add column ident text;"                                        \
	"create index upstream_authz_server_name on upstream_authz (server_name) where server_name is not null"

/* The life of our accounts at CAs: a key that is to take the place of the present one, what the CA was told last, what is to be done
 * there, a binding handed in meanwhile. */
#define DDL_12(BLOB)                                                                               \
	"alter table upstream add column account_epoch bigint not null default 0;"                 \
	"alter table upstream add column contact text;"                                            \
	"alter table upstream add column wanted bigint not null default 0;"                        \
	"alter table upstream add column checked_at bigint not null default 0;"                    \
	"alter table upstream add column key_at bigint not null default 0;"                        \
	"alter table upstream add column next_key " BLOB ";"                                       \
	"alter table upstream add column next_public text;"                                        \
	"alter table upstream add column next_at bigint not null default 0;"                       \
	"alter table upstream add column next_sent bigint not null default 0;"                     \
	"alter table upstream add column trouble text;"                                            \
	"alter table upstream add column trouble_at bigint not null default 0;"                    \
	"alter table upstream add column eab_kid text;"                                            \
	"alter table upstream add column eab_key " BLOB ";"                                        \
	"alter table upstream add column eab_alg bigint not null default 0;"                       \
	"alter table upstream add column eab_at bigint not null default 0;"                        \
	"alter table upstream add column eab_expires bigint not null default 0;"                   \
	"create index upstream_order_of on upstream_order (upstream)"

/* Renewal information (RFC 9773), a row for each certificate: what it is made from, the CA's window, and what changed when. Apart from
 * the certificates, whose rows are long. And whether the CA would not take `replaces` of newOrder. */
#define DDL_13(KEY, INT)                                                                           \
	"create table renewal (cert_id " KEY ", certid text not null, principal " INT " not null," \
	" not_before " INT " not null, not_after " INT " not null, revoked_at " INT ","            \
	" replaced_at " INT ", changed_at " INT " not null, ca_start " INT ", ca_end " INT ","     \
	" explanation text, fetched_at " INT ");"                                                  \
	"insert into renewal (cert_id, certid, principal, not_before, not_after, revoked_at, changed_at)"\
	" select id, certid, principal, not_before, not_after, revoked_at, created_at from cert;"  \
	"create index renewal_changed on renewal (changed_at, cert_id);"                           \
	"create index renewal_changed_of on renewal (principal, changed_at, cert_id);"             \
	"create index renewal_ends_of on renewal (principal, not_after, cert_id);"                 \
	"alter table upstream_order add column replaces_refused text"

/* Of an order that may go to another CA: since when its own one fails, which have refused it, and that a certificate may still come. */
#define DDL_14                                                                                     \
	"alter table upstream_order add column trouble_at bigint;"                                 \
	"alter table upstream_order add column refused_by text not null default '';"               \
	"alter table upstream_order add column pinned bigint not null default 0"

/* Who waits for a CA, and where in the queue; places kept for those who were sent away. */
#define DDL_15(INT)                                                                                \
	"alter table upstream_order add column queue " INT " not null default 0;"                  \
	"alter table upstream_order add column class " INT " not null default 3;"                  \
	"alter table upstream_order add column since " INT " not null default 0;"                  \
	"alter table upstream_order add column deadline " INT " not null default 0;"               \
	"alter table upstream_order add column urgent_at " INT " not null default 0;"              \
	"alter table upstream_order add column not_before " INT " not null default 0;"             \
	"alter table upstream_order add column pauses " INT " not null default 0;"                 \
	"alter table upstream_order add column place " INT " not null default 0;"                  \
	"create index upstream_order_queue on upstream_order (queue, order_id);"                   \
	"create table queue_place (principal " INT " not null, upstream text not null,"            \
	" idents_key text not null, since " INT " not null, until " INT " not null,"               \
	" bucket " INT " not null, primary key (principal, upstream, idents_key));"                \
	"create index queue_place_bucket on queue_place (bucket, since);"                          \
	"create index queue_place_over on queue_place (until)"

/* The audit trail: what waits for its number; the entries; hashes of the tree's full subtrees of 256, 65536, ... leaves; signed
 * checkpoints; and of all of it the one row that says how far it has come. */
#define DDL_16(ID, KEY, INT, BLOB)                                                                 \
	"create table audit_pending (id " ID ", at_ms " INT " not null, event text not null,"      \
	" who text not null, account text not null, order_ref text not null,"                      \
	" entry text not null, open text not null);"                                               \
	"create table audit (seq " KEY ", at_ms " INT " not null, event text not null,"            \
	" who text not null, account text not null, order_ref text not null, hash " BLOB " not null,"\
	" entry text not null, open text not null, erased text);"                                  \
	"create index audit_at on audit (at_ms, seq);"                                             \
	"create index audit_event on audit (event, seq);"                                          \
	"create index audit_who on audit (who, seq) where who <> '';"                              \
	"create index audit_account on audit (account, seq) where account <> '';"                  \
	"create index audit_order on audit (order_ref, seq) where order_ref <> '';"                \
	"create table audit_node (level " INT " not null, idx " INT " not null, hash " BLOB " not null,"\
	" primary key (level, idx));"                                                              \
	"create table audit_checkpoint (size " KEY ", at " INT " not null, note text not null);"   \
	"create table audit_state (id " KEY ", size " INT " not null, cut " INT " not null,"       \
	" signed_size " INT " not null, signed_at " INT " not null, sent " INT " not null,"        \
	" lost " INT " not null, origin text not null, sealed " BLOB ", public_key " BLOB ");"     \
	"insert into audit_state (id, size, cut, signed_size, signed_at, sent, lost, origin)"      \
	" values (1, 0, 0, 0, 0, 0, 0, '')"

/* When renewal information of each certificate is asked for at its CA, and what came of it; what is known of the CA as a whole. */
#define DDL_17(KEY)                                                                                \
	"alter table renewal add column upstream_id bigint;"                                       \
	"alter table renewal add column next_at bigint;"                                           \
	"alter table renewal add column failures bigint not null default 0;"                       \
	"alter table renewal add column result bigint not null default 0;"                         \
	"alter table renewal add column etag text;"                                                \
	"alter table renewal add column urged_at bigint;"                                          \
	"update renewal set upstream_id=(select u.id from cert c join upstream u on u.name=c.upstream" \
	" where c.id=renewal.cert_id);"                                                            \
	"update renewal set next_at=1 where certid<>'' and revoked_at is null and replaced_at is null" \
	" and upstream_id in (select id from upstream where ca_cert is null);"                     \
	"create index renewal_due on renewal (upstream_id, next_at, cert_id) where next_at is not null;" \
	"create index renewal_fetched on renewal (fetched_at, cert_id) where ca_end is not null and next_at is not null;" \
	"create index renewal_urged on renewal (upstream_id, urged_at, cert_id) where urged_at is not null;" \
	"create table lookup (upstream_id " KEY ", rate bigint not null, paused_until bigint not null," \
	" pauses bigint not null, alarmed_at bigint not null)"

/* Tenants: whose an account, an order and a certificate are. What a key for external account binding is good for, which it took the
 * place of (root_id: the first of them, whose principal they all are), and what became of it. */
#define DDL_18(ID, INT)                                                                            \
	"alter table eab_key add column tenant text not null default 'default';"                   \
	"alter table eab_key add column cost_centre text not null default '';"                     \
	"alter table eab_key add column names text not null default '';"                           \
	"alter table eab_key add column networks text not null default '';"                        \
	"alter table eab_key add column root_id " INT ";"                                          \
	"create index eab_key_tenant on eab_key (tenant, id);"                                     \
	"create table eab_event (id " ID ", eab_id " INT " not null, at " INT " not null,"         \
	" what text not null, who text not null, detail text not null);"                           \
	"create index eab_event_of on eab_event (eab_id, id);"                                     \
	"alter table account add column tenant text not null default 'default';"                   \
	"create index account_tenant on account (tenant, id);"                                     \
	"alter table orders add column tenant text not null default 'default';"                    \
	"create index orders_tenant on orders (tenant, id);"                                       \
	"alter table cert add column tenant text not null default 'default';"                      \
	"create index cert_tenant on cert (tenant, id)"

/* What is used of quotas, and which orders and certificates have it (counts as enum usage_counts). */
#define DDL_19(ID, INT)                                                                            \
	"create table usage_count (id " ID ", quota text not null, subject text not null,"         \
	" counts " INT " not null, period_begin " INT " not null, period_end " INT " not null,"    \
	" used " INT " not null, unique (quota, subject, period_begin));"                          \
	"create index usage_count_ends on usage_count (period_end) where period_end>0;"            \
	"create index usage_count_unused on usage_count (used) where used<=0;"                       \
	"create table usage_hold (order_id " INT " not null, count_id " INT " not null,"           \
	" counts " INT " not null, cert_id " INT ", until " INT ", primary key (order_id, count_id));"\
	"create index usage_hold_count on usage_hold (count_id);"                                  \
	"create index usage_hold_cert on usage_hold (cert_id) where cert_id is not null;"          \
	"create index usage_hold_until on usage_hold (until) where until is not null"

/* Where in its window each certificate's place is, for which window of the CA that was decided (-1: for none yet), and how many are
 * counted for an hour of a CA. */
#define DDL_20                                                                                     \
	"alter table renewal add column planned_start bigint;"                                     \
	"alter table renewal add column planned_end bigint;"                                       \
	"alter table renewal add column plan_why bigint not null default 0;"                       \
	"alter table renewal add column plan_ca_start bigint not null default -1;"                 \
	"alter table renewal add column plan_ca_end bigint not null default -1;"                   \
	"create index renewal_unplanned on renewal (cert_id)"                                      \
	" where plan_ca_start<>coalesce(ca_start, 0) or plan_ca_end<>coalesce(ca_end, 0);"         \
	"create table renewal_plan (upstream text not null, hour bigint not null,"                 \
	" count bigint not null, primary key (upstream, hour));"                                   \
	"create index renewal_plan_over on renewal_plan (hour)"

/* Orders that are begun at their CA before they are finalized, by their names. */
#define DDL_21 "create index orders_set_ready on orders (idents_key) where state = 1"

/* By which rules orders were made, and what was known then. */
#define DDL_22(KEY)                                                                                \
	"create table order_policy (order_id " KEY ", facts text not null, rules text not null,"   \
	" upstreams text not null)"

/* Incidents: certificates that must be replaced soon, each in a wave, and what is told of the wave that is first; the CA's limits as they
 * will be when the waves have ordered. */
#define DDL_23(ID, INT)                                                                            \
	"create table incident (id " ID ", ref text not null unique, kind " INT " not null,"       \
	" state " INT " not null, ca text not null, profile text not null,"                        \
	" issued_from " INT " not null, issued_until " INT " not null, by_list " INT " not null,"  \
	" explanation text not null, opened_at " INT " not null, finish_by " INT " not null,"      \
	" walked " INT " not null default 0, planned_at " INT " not null default 0,"               \
	" per_wave " INT " not null default 0, planned " INT " not null default 0,"                \
	" last_wave " INT " not null default 0, held_by text not null default '',"                 \
	" is_late " INT " not null default 0, closed_at " INT " not null default 0,"               \
	" closed_by text not null default '');"                                                    \
	"create index incident_closed on incident (closed_at);"                                    \
	"create index incident_kind on incident (kind, closed_at);"                                \
	"create index incident_state on incident (state, opened_at);"                              \
	"create table incident_cert (incident_id " INT " not null, cert_id " INT " not null,"      \
	" state " INT " not null, class " INT " not null, not_after " INT " not null,"             \
	" wave_at " INT " not null default 0, ended_at " INT " not null default 0,"                \
	" primary key (incident_id, cert_id));"                                                    \
	"create index incident_cert_next on incident_cert (incident_id, state, class, not_after, cert_id);"\
	"create index incident_cert_missing on incident_cert (incident_id, not_after, cert_id) where state <= 2;"\
	"create index incident_cert_of on incident_cert (cert_id);"                                \
	"create table incident_bucket (incident_id " INT " not null, kind " INT " not null,"       \
	" name text not null, tat " INT " not null, primary key (incident_id, kind, name));"       \
	"alter table renewal add column incident_id bigint;"                                       \
	"alter table renewal add column wave_start bigint;"                                        \
	"alter table renewal add column wave_end bigint"

/* The bill: rows that are written once (kind as enum price_kind, money in millionths); terms of prices and the names that are paid for or
 * live in them; months that are closed. */
#define DDL_24(ID, INT)                                                                            \
	"create table bill (id " ID ", at " INT " not null, month " INT " not null,"               \
	" kind " INT " not null, tenant text not null, cost_centre text not null,"                 \
	" upstream text not null, ca text not null, product text not null, model text not null,"   \
	" card text not null, currency text not null, unit_price " INT " not null,"                \
	" quantity " INT " not null, amount " INT " not null, names " INT " not null,"             \
	" wildcards " INT " not null, name text not null, profile text not null,"                  \
	" order_ref text not null, url text not null, serial text not null, sha256 text not null," \
	" eab text not null, refund_until " INT " not null, corrects " INT ", note text not null);"\
	"create index bill_month on bill (month, id);"                                             \
	"create index bill_url on bill (url) where url<>'';"                                       \
	"create index bill_serial on bill (serial) where serial<>'';"                              \
	"create unique index bill_once on bill (sha256, kind) where kind<=4;"                      \
	"create table bill_term (rate text primary key, term_begin " INT " not null,"              \
	" term_end " INT " not null, used " INT " not null, peak " INT " not null,"                \
	" active " INT " not null);"                                                               \
	"create table bill_name (rate text not null, name text not null, weight " INT " not null," \
	" until " INT " not null, primary key (rate, name));"                                      \
	"create index bill_name_until on bill_name (rate, until);"                                 \
	"create table bill_closed (month " INT " primary key, at " INT " not null,"                \
	" who text not null, row_count " INT " not null)"

/* The calendar of renewals: by the end of the window, by when it was done; what nobody renews, and who runs out first of it. */
#define DDL_25                                                                                     \
	"create index renewal_window on renewal (coalesce(wave_end, planned_end));"                \
	"create index renewal_done on renewal (replaced_at) where replaced_at is not null;"        \
	"create index renewal_late on renewal (coalesce(wave_end, planned_end))"                   \
	" where replaced_at is null and revoked_at is null;"                                       \
	"create index renewal_expiring on renewal (not_after, cert_id)"                            \
	" where replaced_at is null and revoked_at is null"

/* A device that has its certificate revoked is no incident. */
#define DDL_26 "alter table cert add column revoked_by_holder bigint not null default 0"

static const struct sql_migration migrations[] = {
	{ 1, DDL_1("integer primary key", "integer", "blob"),
		DDL_1("bigint generated always as identity primary key", "bigint", "bytea") },
	{ 2, DDL_2, DDL_2 },
	{ 3, DDL_3, DDL_3 },
	{ 4, DDL_4, DDL_4 },
	{ 5, DDL_5("integer", "blob"), DDL_5("bigint", "bytea") },
	{ 6, DDL_6("integer primary key", "integer"), DDL_6("bigint generated always as identity primary key", "bigint") },
	{ 7, DDL_7("integer primary key", "integer"), DDL_7("bigint generated always as identity primary key", "bigint") },
	{ 8, DDL_8("integer primary key", "integer"), DDL_8("bigint generated always as identity primary key", "bigint") },
	{ 9, DDL_9, DDL_9 },
	{ 10, DDL_10, DDL_10 },
	{ 11, DDL_11, DDL_11 },
	{ 12, DDL_12("blob"), DDL_12("bytea") },
	{ 13, DDL_13("integer primary key", "integer"), DDL_13("bigint primary key", "bigint") },
	{ 14, DDL_14, DDL_14 },
	{ 15, DDL_15("integer"), DDL_15("bigint") },
	{ 16, DDL_16("integer primary key", "integer primary key", "integer", "blob"),
		DDL_16("bigint generated always as identity primary key", "bigint primary key", "bigint", "bytea") },
	{ 17, DDL_17("integer primary key"), DDL_17("bigint primary key") },
	{ 18, DDL_18("integer primary key", "integer"), DDL_18("bigint generated always as identity primary key", "bigint") },
	{ 19, DDL_19("integer primary key", "integer"), DDL_19("bigint generated always as identity primary key", "bigint") },
	{ 20, DDL_20, DDL_20 },
	{ 21, DDL_21, DDL_21 },
	{ 22, DDL_22("integer primary key"), DDL_22("bigint primary key") },
	{ 23, DDL_23("integer primary key", "integer"), DDL_23("bigint generated always as identity primary key", "bigint") },
	{ 24, DDL_24("integer primary key", "integer"), DDL_24("bigint generated always as identity primary key", "bigint") },
	{ 25, DDL_25, DDL_25 },
	{ 26, DDL_26, DDL_26 },
};

_Static_assert(COUNT_OF(migrations) == SCHEMA_VERSION, "each is a version");

bool
schema_migrate_to(struct store *store, int version, struct problem *pr)
{
	return store_migrate(store, migrations, (size_t)version, pr);
}

bool
schema_migrate(struct store *store, struct problem *pr)
{
	return schema_migrate_to(store, SCHEMA_VERSION, pr);
}

bool
schema_probe(struct sql *db, struct problem *pr)
{
	return sql_exec(db, "update schema_version set version = version where version < 0", pr);
}

static bool
check_tx(struct sql *db, void *arg, struct problem *pr)
{
	static const char INTEGRITY[] = "pragma integrity_check(1)", VERSION[] = "select max(version) from schema_version";
	int64_t *version = arg;
	struct sql_stmt *st = sql_begin(db, INTEGRITY);
	bool good = sql_step(st) && span_is(sql_text(st, 0), "ok");

	if (!sql_end(st, pr))
		return false;
	if (!good)
		return problem_internal(pr, "the database is damaged");
	st = sql_begin(db, VERSION);
	*version = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
schema_check(struct store *store, int64_t *ret_version, struct problem *pr)
{
	int64_t version = 0;

	if (!store_read(store, check_tx, &version, pr))
		return false;
	*ret_version = version;
	return true;
}
