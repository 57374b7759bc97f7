/* commands.c - the commands: the only list of its kind. Help, completion and the manual page's list are made from it. */
#include "ctl/ctl.h"

const struct ctl_option ctl_global_options[] = {
	{ "config", "FILE", "configuration file, " CTL_CONFIG_FILE " by default", .letter = 'c' },
	{ "socket", "PATH", "the daemon's admin socket, instead of the configuration's admin_socket" },
	{ "json", NULL, "print JSON, messages too" },
	{ "plain", NULL, "print one record a line, separated by tabs, nothing cut" },
	{ "timeout", "SECONDS", "how long to wait for the daemon, 60 by default, 0 for ever" },
	{ "no-color", NULL, "no bold letters" },
	{ "help", NULL, "show help, of a command if one is given", .letter = 'h' },
	{ "version", NULL, "print the version", .letter = 'V' },
	{ .name = NULL },
};

#define OPTION_BEFORE { "before", "ID", "begin below this one: how to go on with a long list" }
#define OPTION_LIMIT { "limit", "N", "at most so many, 50 by default, 500 at most" }
#define OPTION_ACCOUNT { "account", "ACCOUNT", "only of this account" }
#define OPTION_TENANT { "tenant", "NAME", "only of this tenant" }
#define OPTION_YES { "yes", NULL, "do not ask" }

static const struct ctl_option init_options[] = {
	{ "state", "DIR", "folder for the database and keys, /var/lib/acmegate by default" },
	{ "name", "HOST", "how devices reach the gateway; with the port of --listen it makes the URL" },
	{ "url", "URL", "the same as a whole URL, without a slash at the end" },
	{ "listen", "ADDR:PORT", "where to serve ACME, *:443 by default" },
	{ "upstream", "CA", "the CA behind: its directory URL, or its name if it is one of the presets of acmegate.conf(5), such as letsencrypt; "
		"without it the gateway's own local CA issues" },
	{ "upstream-ca-file", "FILE", "trust anchors (PEM) for that CA's web server" },
	{ "eab-kid", "KID", "key identifier of the account binding that the CA gave you" },
	{ "eab-key-file", "FILE", "file with its MAC key, base64url" },
	{ "contact", "EMAIL", "where the CA may write to" },
	{ "accept-terms", NULL, "you have read the CA's terms of service and agree" },
	{ "allow", "PATTERN", "names that devices may have: a name, *.example.com, a network, or *", .many = true },
	{ "networks", "NET", "where devices may be asked for their proof; RFC 1918 and fc00::/7 by default", .many = true },
	{ "resolver", "ADDR:PORT", "DNS server to ask, instead of the system's", .many = true },
	{ "http01-listen", "ADDR:PORT", "where the CA's http-01 look-ups are answered, *:80 by default with --upstream" },
	{ "http01-port", "PORT", "port on which devices answer http-01, 80 by default" },
	{ "admin-socket", "PATH", "socket that acmegatectl speaks to, /run/acmegate/admin.sock by default" },
	{ "force", NULL, "overwrite the file if there is one" },
	{ .name = NULL },
};
static const struct ctl_option account_list_options[] = { OPTION_TENANT, OPTION_BEFORE, OPTION_LIMIT, { .name = NULL } };
static const struct ctl_option order_list_options[] = {
	{ "state", "STATE", "pending, ready, processing, valid or invalid", .values = "pending ready processing valid invalid" },
	OPTION_ACCOUNT, OPTION_TENANT, OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
#define OPTION_MONTH { "month", "YYYY-MM", "which month (UTC), this one by default" }
static const struct ctl_option billing_export_options[] = {
	OPTION_MONTH,
	{ "format", "FORMAT", "focus-csv or json", .values = "focus-csv json" },
	{ .name = NULL },
};
static const struct ctl_option billing_summary_options[] = {
	OPTION_MONTH,
	{ "by", "WHAT", "tenant, cost_centre, ca, product or kind", .values = "tenant cost_centre ca product kind" },
	{ .name = NULL },
};
static const struct ctl_option billing_reconcile_options[] = {
	OPTION_MONTH,
	{ "columns", "NAME=TITLE,..", "which column of a CSV file is what; others are passed over" },
	{ .name = NULL },
};
static const struct ctl_option billing_correct_options[] = {
	{ "amount", "AMOUNT", "to be added, such as -0.90" },
	{ "note", "TEXT", "why" },
	{ .name = NULL },
};
static const struct ctl_option billing_close_options[] = { OPTION_MONTH, OPTION_YES, { .name = NULL } };
static const struct ctl_option tenant_quotas_options[] = {
	{ "quota", "NAME", "only of this entry of quotas" },
	OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option tenant_list_options[] = { OPTION_BEFORE, OPTION_LIMIT, { .name = NULL } };
static const struct ctl_option order_show_options[] = {
	{ "trace", NULL, "with its whole story, through both faces" },
	{ .name = NULL },
};
static const struct ctl_option cert_list_options[] = {
	{ "expiring", "TIME", "only what runs out within that, such as 14d, and is not renewed, the soonest first" },
	OPTION_ACCOUNT, OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option cert_show_options[] = {
	{ "pem", NULL, "print the chain alone" },
	{ .name = NULL },
};
static const struct ctl_option cert_revoke_options[] = {
	{ "reason", "N", "0 unspecified, 1 keyCompromise, 4 superseded, 5 cessationOfOperation", .values = "0 1 4 5" },
	OPTION_YES, { .name = NULL },
};
#define OPTION_KID { "kid", "KID", "name of the new key, A-Z a-z 0-9 _ -; made up if not given" }
#define OPTION_EXPIRES { "expires", "WHEN", "no new accounts after: a time from now such as 30d, or a date (UTC)" }
#define OPTION_FORMAT { "format", "FORMAT", "print the key as a client takes it, and nothing else: json, certbot, lego, acme.sh, uacme, cert-manager, caddy " \
	"or traefik", .values = "json certbot lego acme.sh uacme cert-manager caddy traefik" }
static const struct ctl_option eab_create_options[] = {
	OPTION_KID, OPTION_FORMAT,
	{ "note", "TEXT", "who has it, what for" },
	{ "tenant", "NAME", "whose it is, and all accounts made with it: an entry of tenants, default by default" },
	{ "cost-centre", "TEXT", "who pays, if not its tenant's" },
	{ "profiles", "A,B", "only for these profiles, all by default" },
	{ "names", "PATTERN", "only for these identifiers, patterns as of rules; the rules must allow them, too", .many = true },
	{ "networks", "NET", "only for use from these networks, anywhere by default", .many = true },
	{ "uses", "N", "accounts that may be made with it, without limit by default" },
	{ "accounts", "N", "accounts that may be bound to it at a time, without limit by default" },
	OPTION_EXPIRES,
	{ "keep-accounts", NULL, "its accounts go on when it is disabled or revoked" },
	{ "import", "FILE", "take an existing key, base64url of at least 16 octets, from a file, or - for standard input" },
	{ .name = NULL },
};
static const struct ctl_option eab_fleet_options[] = {
	{ "output", "FILE", "where the keys go: CSV with kid and key; what is in it stays" },
	{ "tenant", "NAME", "whose they are, if the file has no column for it" },
	{ .name = NULL },
};
static const struct ctl_option eab_rotate_options[] = {
	OPTION_KID, OPTION_FORMAT,
	{ "overlap", "TIME", "how long the old key still makes accounts, 7d by default" },
	{ "move-accounts", NULL, "its accounts are bound to the new key from now on" },
	OPTION_EXPIRES,
	{ .name = NULL },
};
static const struct ctl_option eab_list_options[] = { OPTION_TENANT, OPTION_BEFORE, OPTION_LIMIT, { .name = NULL } };
static const struct ctl_option eab_revoke_options[] = { OPTION_YES, { .name = NULL } };
static const struct ctl_option policy_facts_options[] = {
	{ "name", "NAME", "an identifier of the order: a name, an address, permanent-identifier:VALUE", .many = true },
	{ "profile", "NAME", "the profile that it names, the default one if not given" },
	{ "tenant", "NAME", "whose account it is, default by default" },
	{ "eab-key", "KID", "key that the account is bound to, none by default" },
	{ "address", "ADDRESS", "where the request comes from" },
	{ "key-type", "TYPE", "key of the CSR, such as p256 or rsa2048; not known yet by default" },
	{ "lifetime", "TIME", "life that is asked for, such as 90d" },
	{ "time", "WHEN", "when, such as 2026-11-30T12:00:00Z; now by default" },
	{ .name = NULL },
};
static const struct ctl_option policy_list_options[] = { OPTION_BEFORE, OPTION_LIMIT, { .name = NULL } };
static const struct ctl_option policy_replay_options[] = {
	{ "since", "TIME", "orders of this time back, 30d by default" },
	{ "rules", NULL, "also what another rule allows now" },
	{ .name = NULL },
};
#define OPTION_DEVICE_TYPE { "type", "TYPE", "of the identifier, permanent-identifier by default", .values = "permanent-identifier hardware-module" }
#define OPTION_DEVICE_KIND { "kind", "NAME", "who vouches for the device: an entry of attestation_trust" }
static const struct ctl_option device_list_options[] = {
	{ "state", "STATE", "seen, inventoried or blocked", .values = "seen inventoried blocked" },
	OPTION_DEVICE_KIND,
	{ "tag", "TAG", "only with this tag" },
	{ "owner", "TEXT", "only of this owner" },
	{ "all", NULL, "all of them, page after page; with --json" },
	OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option device_name_options[] = { OPTION_DEVICE_TYPE, OPTION_DEVICE_KIND, { .name = NULL } };
static const struct ctl_option device_add_options[] = {
	OPTION_DEVICE_TYPE, OPTION_DEVICE_KIND,
	{ "tags", "A,B", "words to find it by" },
	{ "owner", "TEXT", "who has it" },
	{ "cost-centre", "TEXT", "who pays for it" },
	{ "note", "TEXT", "what else is to be known" },
	{ .name = NULL },
};
static const struct ctl_option device_import_options[] = {
	OPTION_DEVICE_KIND,
	{ "columns", "NAME=TITLE,..", "which column of a CSV file is what; others are passed over" },
	{ "dry-run", NULL, "only say what would become of it" },
	{ .name = NULL },
};
static const struct ctl_option device_block_options[] = {
	OPTION_DEVICE_TYPE, OPTION_DEVICE_KIND,
	{ "reason", "TEXT", "why; the device is not told" },
	{ "revoke", "N", "revoke its certificates, too: 0 unspecified, 1 keyCompromise, 4 superseded, 5 cessationOfOperation", .values = "0 1 4 5" },
	OPTION_YES, { .name = NULL },
};
static const struct ctl_option device_remove_options[] = { OPTION_DEVICE_TYPE, OPTION_DEVICE_KIND, OPTION_YES, { .name = NULL } };
static const struct ctl_option limits_options[] = {
	{ "upstream", "NAME", "of this entry of upstreams" },
	{ "kind", "LIMIT", "only this limit",
		.values = "orders_acct certs_domain certs_domain_acct certs_set fail_ident fail_pause" },
	{ "name", "NAME", "only of this domain or identifier" },
	{ "blocked", NULL, "only what lets nothing through now" },
	OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option queue_options[] = {
	{ "upstream", "NAME", "of this entry of upstreams" },
	{ "profile", "NAME", "only of this profile" },
	OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option plan_options[] = {
	{ "devices", "N", "how many devices" },
	{ "domains", "N", "registered domains that their names spread over, 1 by default" },
	{ "names", "N", "names in one certificate, 1 by default" },
	{ "lifetime", "TIME", "of a certificate, 90d by default" },
	{ "within", "TIME", "when all must have their first certificate: what would have to be agreed with the CA" },
	{ "upstream", "NAME", "of this entry of upstreams" },
	{ .name = NULL },
};
static const struct ctl_option upstream_test_options[] = {
	{ "name", "NAME", "try solvers of dns-01 with this name, instead of the domains that they are for" },
	{ .name = NULL },
};
static const struct ctl_option upstream_persist_options[] = {
	{ "name", "NAME", "the record for this name, instead of the domains of the configuration" },
	{ .name = NULL },
};
static const struct ctl_option upstream_eab_options[] = {
	{ "kid", "KID", "key identifier that the CA gave you" },
	{ "key-file", "FILE", "its MAC key, in a file, or - for standard input" },
	{ "encoding", "ENCODING", "how the key is written there, base64url by default", .values = "base64url base64 double raw" },
	{ "alg", "ALG", "MAC algorithm, HS256 by default", .values = "HS256 HS384 HS512" },
	{ "expires", "WHEN", "the CA takes it no more after: a time from now such as 30d, or a date (UTC)" },
	{ .name = NULL },
};
static const struct ctl_option upstream_deactivate_options[] = { OPTION_YES, { .name = NULL } };
static const struct ctl_option renewals_due_options[] = {
	{ "directory", "URL", "of the ACME server to be asked: its directory" },
	{ "ca-file", "FILE", "more trust anchors (PEM) for its certificate" },
	{ "within", "TIME", "those that will be due by then, too, such as 12h: until this is run again" },
	{ "all", NULL, "all of them, with when each will be" },
	{ .name = NULL },
};
static const struct ctl_option backup_options[] = {
	{ "with-master-key", NULL, "put the file of master_key in it, too: whoever has the folder has all keys then" },
	{ .name = NULL },
};
static const struct ctl_option restore_options[] = {
	{ "check", NULL, "verify that it could be restored here, and change nothing" },
	{ "unchanged", NULL, "the gateway has done nothing since the backup was made: orders and limits are as they were" },
	OPTION_YES, { .name = NULL },
};
static const struct ctl_option renewals_options[] = {
	{ "from", "WHEN", "a date or time (UTC), yesterday by default" },
	{ "to", "WHEN", "in two weeks by default" },
	{ "per", "STEP", "a line per day, or per hour", .values = "day hour" },
	{ "by", "WHAT", "a line per profile or tenant instead, for the whole time", .values = "profile tenant" },
	{ .name = NULL },
};
static const struct ctl_option incident_open_options[] = {
	{ "ca", "NAME", "whose certificates: an entry of upstreams, or the ca that several share" },
	{ "profile", "NAME", "only of this profile" },
	{ "issued-between", "A..B", "only those issued between two dates or times (UTC)" },
	{ "serials", "FILE", "only these serial numbers, in hex: a file with one a line, - for standard input, or the numbers themselves with a comma "
		"between" },
	{ "explanation", "URL", "page that tells devices and their owners why" },
	{ "finish-within", "TIME", "when all must have renewed, 24h by default" },
	{ "dry-run", NULL, "only say what would become of it" },
	{ .name = NULL },
};
static const struct ctl_option incident_list_options[] = { OPTION_BEFORE, OPTION_LIMIT, { .name = NULL } };
static const struct ctl_option incident_show_options[] = {
	{ "missing", NULL, "the certificates that are not renewed yet, and whose they are" },
	OPTION_BEFORE, OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option incident_close_options[] = { OPTION_YES, { .name = NULL } };
#define OPTION_AUDIT_WHO { "who", "USER", "what this operator did, or tried" }
#define OPTION_AUDIT_ACCOUNT { "account", "ACCOUNT", "only of this account" }
#define OPTION_AUDIT_ORDER { "order", "ORDER", "only of this order" }
static const struct ctl_option audit_tail_options[] = {
	{ "follow", NULL, "go on with what comes, until it is ended", .letter = 'f' },
	OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option audit_search_options[] = {
	OPTION_AUDIT_WHO,
	{ "what", "EVENT", "only this event, such as order.refuse" },
	OPTION_AUDIT_ACCOUNT, OPTION_AUDIT_ORDER,
	{ "since", "WHEN", "not before: a time ago such as 2d, or a date (UTC)" },
	{ "until", "WHEN", "before: likewise" },
	{ "before", "ENTRY", "begin below this one: how to go on with a long list" },
	OPTION_LIMIT, { .name = NULL },
};
static const struct ctl_option audit_export_options[] = {
	{ "from", "ENTRY", "only from this entry on" },
	{ .name = NULL },
};
static const struct ctl_option audit_verify_options[] = {
	{ "key", "KEY", "who must have signed the checkpoints: the text that audit checkpoint --public-key prints, or a file with it", .many = true },
	{ "checkpoint", "FILE", "a checkpoint that was kept elsewhere, with which the trail must agree", .many = true },
	{ "proof", NULL, "it is no export, but what audit show --json or audit checkpoint --json has printed" },
	{ .name = NULL },
};
static const struct ctl_option audit_checkpoint_options[] = {
	{ "public-key", NULL, "print the key that signs, which verify wants, instead" },
	{ "from", "N", "with --json: prove that the trail begins with that of the checkpoint of N entries" },
	{ .name = NULL },
};
static const struct ctl_option audit_erase_options[] = {
	OPTION_AUDIT_WHO, OPTION_AUDIT_ACCOUNT, OPTION_AUDIT_ORDER,
	{ "entry", "ENTRY", "only of this entry" },
	{ "ground", "TEXT", "why it may go; without naming whom it is about, for this stays" },
	OPTION_YES, { .name = NULL },
};
static const struct ctl_option drain_options[] = { OPTION_YES, { .name = NULL } };

const struct ctl_command ctl_commands[] = {
	{ "init", NULL, NULL, 0, 0, "write a first configuration and make the state folder",
		"The file is checked before it is written, and never overwritten without --force. What no rule allows is "
		"refused, so --allow says what devices may have.",
		"init --name acme.corp.example --allow '*.devices.corp.example'\n"
		"init --url https://acme.corp.example --upstream https://acme-v02.api.letsencrypt.org/directory "
		"--contact pki@corp.example --accept-terms --allow '*.corp.example'",
		init_options, cmd_init },
	{ "status", NULL, NULL, 0, 0, "show how the daemon is", NULL, "status", NULL, cmd_status },
	{ "account", "list", NULL, 0, 0, "list the devices' accounts, newest first", NULL, "account list --limit 10",
		account_list_options, cmd_account_list },
	{ "account", "show", "ACCOUNT", 1, 1, "show an account", NULL, "account show 3q2-7wAAAAAAAAAAAAAAAA", NULL,
		cmd_account_show },
	{ "order", "list", NULL, 0, 0, "list orders, newest first", NULL, "order list --state processing",
		order_list_options, cmd_order_list },
	{ "order", "show", "ORDER", 1, 1, "show an order: its names, proofs, what devices attested, and problems",
		NULL, "order show 3q2-7wAAAAAAAAAAAAAAAA --trace", order_show_options, cmd_order_show },
	{ "policy", "check", "[FACT=VALUE|NAME]...", 0, 100, "ask the rules of a configuration, without an order",
		"Facts may be given as options or as words, as in files of policy_tests (acmegate.conf(5)): account, device-kind, device-tags, "
		"device-owner, device-format, device-model, device-firmware, key-protection, name-count and outstanding as words alone. The "
		"file is that of --config; the daemon is not asked. Exit status 5: it is refused.",
		"policy check --tenant plant-1 --address 10.1.2.3 --name a.plant.example\npolicy check key-type=p256 a.example.com", policy_facts_options, cmd_policy_check },
	{ "policy", "explain", "[ORDER|FACT=VALUE|NAME]...", 0, 100, "say which rule decides, why each one before it does not, and what would have to change",
		"With the id of an order, what was known of it is asked of the daemon; the rules are those of --config. Rules for other names are counted only.",
		"policy explain 3q2-7wAAAAAAAAAAAAAAAA\npolicy explain --tenant lab a.plant.example", policy_facts_options, cmd_policy_explain },
	{ "policy", "list", NULL, 0, 0, "list the rules in force, and what each has decided since the configuration was loaded", NULL, "policy list",
		policy_list_options, cmd_policy_list },
	{ "policy", "replay", "FILE", 1, 1, "say which past orders the rules of another configuration would refuse now",
		"Orders of which rules are on record are asked of the daemon, page by page, and decided by the rules of FILE with what was known of them.",
		"policy replay --since 30d new.conf", policy_replay_options, cmd_policy_replay },
	{ "cert", "list", NULL, 0, 0, "list certificates, newest first", NULL, "cert list --account 3q2-7wAAAAAAAAAAAAAAAA\ncert list --expiring 14d",
		cert_list_options, cmd_cert_list },
	{ "cert", "show", "CERT", 1, 1, "show a certificate",
		"CERT is an id of the list, an ARI certID (RFC 9773), or a serial number in hex.",
		"cert show 3q2-7wAAAAAAAAAAAAAAAA --pem\ncert show 04:c2:1f:6e:90", cert_show_options, cmd_cert_show },
	{ "cert", "revoke", "CERT", 1, 1, "revoke a certificate",
		"The revocation is durable when the command ends; the CA is told until it has heard. With reason 1 the key "
		"is never certified again. CERT is what cert show takes.",
		"cert revoke 3q2-7wAAAAAAAAAAAAAAAA --reason 4", cert_revoke_options, cmd_cert_revoke },
	{ "eab", "create", NULL, 0, 0, "make a key for external account binding, to be given to devices",
		"The key is printed this once and kept sealed. Accounts made with it are bound to it; profiles say by their "
		"key eab whether that must be.",
		"eab create --note 'printers, hall 3' --profiles printers --expires 90d\n"
		"eab create --tenant web-team --names '*.web.example.com' --networks 10.1.0.0/16\n"
		"eab create --kid mdm --import mdm.key\n"
		"eab create --tenant web-team --format cert-manager >issuer.yaml",
		eab_create_options, cmd_eab_create },
	{ "eab", "create-fleet", "FILE", 1, 1, "make a key for each line of a CSV file",
		"The file, or - for standard input, has the column kid, and may have note, tenant, cost_centre, and names, networks and profiles with "
		"blanks between. Keys are written to the output before they count; if it breaks off, the same command goes on where it was.",
		"eab create-fleet fleet.csv --output keys.csv --tenant web-team", eab_fleet_options, cmd_eab_create_fleet },
	{ "eab", "list", NULL, 0, 0, "list the keys for external account binding, newest first", NULL, "eab list",
		eab_list_options, cmd_eab_list },
	{ "eab", "show", "KID", 1, 1, "show such a key: its state and use, never the key itself", NULL, "eab show mdm", NULL,
		cmd_eab_show },
	{ "eab", "disable", "KID", 1, 1, "suspend a key: no new accounts, and its accounts order nothing",
		"What its accounts have ordered stays valid. Keys made with --keep-accounts stop new accounts alone.",
		"eab disable mdm", NULL, cmd_eab_disable },
	{ "eab", "enable", "KID", 1, 1, "put a suspended key in force again", NULL, "eab enable mdm", NULL, cmd_eab_enable },
	{ "eab", "revoke", "KID", 1, 1, "end a key for ever",
		"As disable does, but there is no way back. Certificates are revoked by cert revoke.", "eab revoke mdm",
		eab_revoke_options, cmd_eab_revoke },
	{ "eab", "rotate", "KID", 1, 1, "make a new key in the place of another",
		"The new one has the note, tenant, names, networks, profiles, limits and lifetime of the old one, which makes no accounts any more when "
		"the overlap is over. Accounts that it made go on, and may stay its own or move; an account that is made anew with the new key "
		"may replace their certificates.",
		"eab rotate mdm --kid mdm-2 --overlap 30d", eab_rotate_options, cmd_eab_rotate },
	{ "device", "list", NULL, 0, 0, "list devices, newest first: the inventory, and who has proven itself", NULL,
		"device list --state blocked\ndevice list --tag printer --owner it@corp.example\ndevice list --all --json",
		device_list_options, cmd_device_list },
	{ "device", "show", "DEVICE", 1, 1, "show a device, its orders and certificates",
		"DEVICE is an id of the list, or an identifier as orders have it: ID, or ID/OID. If several devices have the same ID, "
		"--kind or its OID says which.",
		"device show C02XL0AAJGH5", device_name_options, cmd_device_show },
	{ "device", "add", "IDENTIFIER", 1, 1, "put a device into the inventory, or change what is said of it",
		"An identifier without an OID needs --kind.",
		"device add C02XL0AAJGH5 --kind apple --tags mac,hall-3 --owner it@corp.example", device_add_options, cmd_device_add },
	{ "device", "import", "FILE", 1, 1, "put the devices of a file into the inventory",
		"The file, or - for standard input, is CSV with the columns identifier, type, kind, tags, owner, cost_centre and note, or "
		"JSON as device list prints it: a device that is blocked there and not in the inventory here is blocked here, too. What a "
		"line does not say stays as it is, and the same file again changes nothing. A "
		"file that cannot be read to its end changes nothing either; lines that are refused are named, the others go on.",
		"device import inventory.csv --dry-run\n"
		"device import mdm.csv --kind apple --columns 'identifier=Serial Number,owner=Assigned User'",
		device_import_options, cmd_device_import },
	{ "device", "block", "DEVICE", 1, 1, "refuse a device, whatever its profile says",
		"Its open orders are not finalized any more, and those that a CA works at end. Its certificates live on, unless --revoke "
		"ends them. DEVICE is what device show takes; one that was never seen may be blocked by its identifier.",
		"device block C02XL0AAJGH5 --reason 'lost on a train' --revoke 1", device_block_options, cmd_device_block },
	{ "device", "allow", "DEVICE", 1, 1, "lift a block, or put a device that was seen into the inventory", NULL,
		"device allow 3q2-7wAAAAAAAAAAAAAAAA", device_name_options, cmd_device_allow },
	{ "device", "remove", "DEVICE", 1, 1, "forget a device that is not blocked",
		"Its certificates live on, orders that it has proven itself for must be made again. If it proves itself again, it is a new "
		"record. Names that belong to it by device_names are free for another device.", "device remove C02XL0AAJGH5 --yes",
		device_remove_options, cmd_device_remove },
	{ "upstream", "list", NULL, 0, 0, "list the CAs behind: our account there, health, orders", NULL, "upstream list", NULL,
		cmd_upstream_list },
	{ "upstream", "show", "NAME", 1, 1, "show a CA and our account there", NULL, "upstream show letsencrypt", NULL, cmd_upstream_show },
	{ "upstream", "test", "NAME", 1, 1, "try whether a CA would issue, without an order",
		"Fetches the directory, reads our account, and tries whether solvers of dns-01 reach their servers: a signed update removes a "
		"record that is not there. One line a step; the command fails if one has.",
		"upstream test letsencrypt\nupstream test letsencrypt --name www.corp.example", upstream_test_options, cmd_upstream_test },
	{ "upstream", "rotate-key", "NAME", 1, 1, "give our account at a CA a new key",
		"The new key is of the entry's key_type. It is kept before the CA hears of it, and the old one until the CA has answered; orders "
		"under way go on.",
		"upstream rotate-key letsencrypt", NULL, cmd_upstream_rotate_key },
	{ "upstream", "set-eab", "NAME", 1, 1, "take an external account binding that a CA gave you",
		"In place of the configuration's. It is used when an account is made: an account that there is goes on without it. With "
		"--expires alone only the end of the one in use is noted; from 30 days before there are warnings.",
		"upstream set-eab zerossl --kid kid-1 --key-file - --expires 90d\nupstream set-eab google --expires 2027-01-31",
		upstream_eab_options, cmd_upstream_set_eab },
	{ "upstream", "move", "NAME", 1, 1, "tell what another account than ours at a CA would begin without",
		"It changes nothing. Another account is another entry of upstreams, that profiles then name.", "upstream move letsencrypt", NULL,
		cmd_upstream_move },
	{ "upstream", "deactivate", "NAME", 1, 1, "end our account at a CA for ever",
		"The entry serves no orders then: they wait, until their profile names another one.", "upstream deactivate letsencrypt",
		upstream_deactivate_options, cmd_upstream_deactivate },
	{ "upstream", "register", "NAME", 1, 1, "make another account at a CA where ours has ended",
		"With a key of its own, and what upstream set-eab or the configuration has as binding.", "upstream register letsencrypt", NULL,
		cmd_upstream_register },
	{ "upstream", "persist-records", "[NAME]", 0, 1, "print the records that dns-persist-01 needs at a CA, or at all",
		"Once laid out they prove the names of their domains, for our account alone.",
		"upstream persist-records\nupstream persist-records letsencrypt --name www.corp.example",
		upstream_persist_options, cmd_upstream_persist },
	{ "renewals", "due", NULL, 0, 0, "tell which certificates had better be renewed now (RFC 9773)",
		"Reads from standard input, a line each: a certID, the name of a PEM file, or certificates in PEM themselves. Asks the public face of a "
		"gateway, 64 certificates at a time, or of any server with renewal information, one after the other; needs neither an account nor the "
		"daemon's socket. Each has a place of its own in its window, the same whenever this is run. The command fails if nothing is known of "
		"one, after it has told of the others.",
		"renewals due --directory https://acme.corp.example/directory --within 12h < certs.txt\n"
		"find /etc/ssl/devices -name '*.pem' | acmegatectl renewals due --directory https://acme.corp.example/directory --plain",
		renewals_due_options, cmd_renewals_due },
	{ "renewals", NULL, NULL, 0, 0, "show what is to be renewed on which day, and was",
		"Due is what has the end of its window then: of it planned is to come, late is over and not renewed, lapsed ran out. Done was renewed "
		"then, whenever it was due. Days and hours with nothing in them are left out.",
		"renewals --from 2027-03-01 --to 2027-03-08\nrenewals --per hour --to 2027-03-02\nrenewals --by tenant", renewals_options, cmd_renewals },
	{ "incident", "open", NULL, 0, 0, "have certificates replaced soon: a CA will revoke them, or their keys are known",
		"Of whoever is affected the renewal window moves: to now for the first, in waves that the network (incident_rate) and the CA's limits "
		"carry, the most urgent first. It ends as soon as the plan is made, and tells when all will have renewed, and what holds it up if "
		"that is not in time. Orders for the same names are exempt from most limits of CAs: let devices order what they had. It closes by "
		"itself when each certificate is renewed, revoked or expired. In draft, until the last serial number has come, nothing happens.",
		"incident open --ca letsencrypt --issued-between 2027-03-01..2027-03-02 --explanation https://pki.corp.example/2027-03 "
		"--finish-within 24h\nincident open --ca letsencrypt --serials serials.txt --dry-run",
		incident_open_options, cmd_incident_open },
	{ "incident", "list", NULL, 0, 0, "list incidents, newest first",
		"Those of kind ca have opened by themselves: the CA has put renewal windows into the past.", "incident list", incident_list_options,
		cmd_incident_list },
	{ "incident", "show", "INCIDENT", 1, 1, "show how far an incident has come, or who is missing",
		"With --missing a line a certificate, the soonest to run out first.", "incident show 3q2-7wAAAAAAAAAAAAAAAA --missing",
		incident_show_options, cmd_incident_show },
	{ "incident", "close", "INCIDENT", 1, 1, "end an incident: who has not renewed yet is let be", NULL,
		"incident close 3q2-7wAAAAAAAAAAAAAAAA", incident_close_options, cmd_incident_close },
	{ "limits", "local", NULL, 0, 0, "show the abuse limits of this gateway and what they refused", NULL, "limits local", NULL,
		cmd_limits_local },
	{ "limits", NULL, NULL, 0, 0, "show what CAs still allow, as far as can be known",
		"One line a bucket: what is used and reserved of it, what is left for an order that can wait, how many wait, when one more "
		"would be let through behind those, and when it is full again. Buckets that are full are not kept.",
		"limits --blocked\nlimits --kind certs_domain --name corp.example", limits_options, cmd_limits },
	{ "queue", "ca", NULL, 0, 0, "show how many orders wait for each CA, and how many are under way there",
		"Waiting by class: incident (it replaces what is revoked), expiring, renewal, new, bulk. Width, how many may be under way, and how "
		"many limits are in the way are known to the gateway that leads the queue.", "queue ca", NULL, cmd_queue_ca },
	{ "queue", NULL, NULL, 0, 0, "list the orders that wait for their CAs, the first to go first",
		"Since when it waits, for which limit, how many go before it there, and when it would be let through if nothing more urgent comes; "
		"unknown where nothing but the CA's speed holds it up.", "queue --profile printers", queue_options, cmd_queue },
	{ "audit", "tail", NULL, 0, 0, "show the last entries of the audit trail",
		"Entries appear some seconds after what they tell of.", "audit tail\naudit tail -f", audit_tail_options, cmd_audit_tail },
	{ "audit", "search", NULL, 0, 0, "look for entries of the audit trail, newest first", NULL,
		"audit search --what order.refuse --since 2d\naudit search --who alice", audit_search_options, cmd_audit_search },
	{ "audit", "show", "ENTRY", 1, 1, "show an entry of the audit trail, all that it says",
		"With --json it is a proof of its own that the entry is in the tree of the last checkpoint: audit verify --proof checks it.",
		"audit show 4711\naudit show 4711 --json > proof.json", NULL, cmd_audit_show },
	{ "audit", "export", "[FILE]", 0, 1, "write the audit trail, as JSON lines that can be verified",
		"To the file, which must not be there yet, or to standard output. It is all that is signed; that it was exported is its last entry.",
		"audit export trail.jsonl", audit_export_options, cmd_audit_export },
	{ "audit", "verify", "FILE", 1, 1, "verify an exported trail, without the daemon",
		"Tells which entries were changed, removed, inserted or put into another order. What was signed with the given keys is believed, "
		"and nothing else. A trail that was cut at its end, or made anew by who has the key, is found out by a checkpoint that was kept "
		"elsewhere. FILE is - for standard input.",
		"audit verify trail.jsonl --key audit.key --checkpoint last-month.checkpoint\naudit verify proof.json --proof --key audit.key",
		audit_verify_options, cmd_audit_verify },
	{ "audit", "checkpoint", NULL, 0, 0, "sign how far the audit trail has come, and print that",
		"To be kept where who administers this gateway cannot reach it.",
		"audit checkpoint > 2027-01-31.checkpoint\naudit checkpoint --public-key > audit.key\naudit checkpoint --from 1000 --json > proof.json",
		audit_checkpoint_options, cmd_audit_checkpoint },
	{ "audit", "erase", NULL, 0, 0, "erase what entries say of persons",
		"Addresses, names, arguments and words of the entries that fit go for ever; digests stay, with which the trail can be verified. That "
		"they were erased is an entry.",
		"audit erase --account 3q2-7wAAAAAAAAAAAAAAAA --ground 'request of 2027-01-12'", audit_erase_options, cmd_audit_erase },
	{ "metrics", NULL, NULL, 0, 0, "print what the daemon counts, in Prometheus' text format",
		"Counters begin at zero when the daemon starts. The configuration's metrics_listen has the same for a Prometheus to fetch.",
		"metrics", NULL, cmd_metrics },
	{ "billing", "export", NULL, 0, 0, "print the bill of a month, a line for each certificate, revocation, fee and correction",
		"focus-csv is the data set Cost and Usage of FOCUS 1.4; without a price on the rate card the currency is XXX.",
		"billing export --month 2026-11 --format focus-csv >november.csv", billing_export_options, cmd_billing_export },
	{ "billing", "summary", NULL, 0, 0, "add up the bill of a month", NULL, "billing summary --month 2026-11 --by cost_centre", billing_summary_options,
		cmd_billing_summary },
	{ "billing", "reconcile", "FILE", 1, 1, "compare a CA's invoice with the bill",
		"The file, or - for standard input, is CSV with the columns url (of the order at the CA), serial and amount, one of the first two at "
		"least. Lines are matched with rows of any month; what was issued in the month, costs something and is on no line is missing. The exit "
		"status is 1 unless all is matched.",
		"billing reconcile invoice.csv --month 2026-11 --columns 'serial=Serial Number,amount=Price'", billing_reconcile_options, cmd_billing_reconcile },
	{ "billing", "correct", "ROW", 1, 1, "put right what a row says, by a row of this month",
		"Rows never change. The new one has the old one's tenant, cost centre and CA, and the amount to be added.",
		"billing correct 4711 --amount -15 --note 'charged twice, credit note 12'", billing_correct_options, cmd_billing_correct },
	{ "billing", "close", NULL, 0, 0, "close a month that is over: from then on what corrects it is marked as a correction", NULL,
		"billing close --month 2026-11", billing_close_options, cmd_billing_close },
	{ "tenant", "list", NULL, 0, 0, "list the tenants: those of the configuration, and default", NULL, "tenant list", tenant_list_options,
		cmd_tenant_list },
	{ "tenant", "quotas", NULL, 0, 0, "show what is used of quotas, by whom, and what is left",
		"Of quotas that count by the day or month, this day's and month's.", "tenant quotas --quota web-monthly", tenant_quotas_options,
		cmd_tenant_quotas },
	{ "tenant", "show", "TENANT", 1, 1, "show a tenant, and how much is its own", NULL, "tenant show default", NULL, cmd_tenant_show },
	{ "tls", "show", NULL, 0, 0, "show the gateway's own TLS certificate and what becomes of it", NULL, "tls show", NULL,
		cmd_tls_show },
	{ "config", "check", "[FILE]", 0, 1, "check a configuration file, without the daemon", NULL, "config check",
		NULL, cmd_config_check },
	{ "config", "show", NULL, 0, 0, "show the configuration in force", NULL, "config show", NULL, cmd_config_show },
	{ "config", "keys", NULL, 0, 0, "list all keys of the configuration", NULL, "config keys", NULL, cmd_config_keys },
	{ "plan", NULL, NULL, 0, 0, "tell how long a CA's limits make a fleet wait, without the daemon",
		"At best: nothing is taken off for margin, reserve or other users of the domains. Without --upstream the limits are those of "
		"Let's Encrypt.",
		"plan --devices 10000 --domains 5 --lifetime 45d\nplan --devices 10000 --within 7d --upstream letsencrypt",
		plan_options, cmd_plan },
	{ "reload", NULL, NULL, 0, 0, "let the daemon read its configuration again",
		"It waits for the outcome: the new generation, or the faults of the file, and then the old configuration "
		"stays in force.",
		"reload", NULL, cmd_reload },
	{ "drain", NULL, NULL, 0, 0, "let the daemon end its requests and stop", NULL, "drain --yes", drain_options, cmd_drain },
	{ "backup", NULL, "FOLDER", 1, 1, "copy the database and what belongs to it to a new folder, while the daemon runs or not",
		"Written last, manifest.json says what the folder has, and that the copy was read whole. Keys in it stay sealed by the master key, which "
		"is not in it unless that is asked for. Of a PostgreSQL make a copy by pg_dump --format=custom, and take node and master.key "
		"of the state folder along.",
		"backup /srv/backup/2026-11-30", backup_options, cmd_backup },
	{ "restore", NULL, "[FOLDER]", 0, 1, "put a backup back where there is no database",
		"The daemon must not run. The copy is verified and brought to this release first. What the gateway has done since the backup is not "
		"known, so that orders under way end (devices order anew, and none is issued twice) and limits of CAs that are known count as used up "
		"and fill again as time passes. Certificates issued since are not in the list of this gateway: revoke them at their CA if "
		"they must be. With PostgreSQL, whose dump pg_restore has put back, it is called without FOLDER, and does what is to be done "
		"in the database before a gateway may use it.",
		"restore /srv/backup/2026-11-30 --check\nrestore /srv/backup/2026-11-30", restore_options, cmd_restore },
	{ "log", "level", "[LEVEL]", 0, 1, "show or set how much the daemon logs, until it reads its configuration again",
		"Levels are error, warning, notice, info and debug.", "log level debug", NULL, cmd_log_level },
	{ "version", NULL, NULL, 0, 0, "print the versions of this program and the daemon", NULL, "version", NULL,
		cmd_version },
};
const size_t ctl_command_count = COUNT_OF(ctl_commands);
