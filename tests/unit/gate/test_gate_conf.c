/* The gateway's configuration: what a small file means, and everything that must be refused, with its line. */
#include <stdlib.h>

#include "gate/conf.h"

#include "tap.h"

/* A good file; a case puts its own line in place of one of these. */
static const char *const good_lines[] = {
	"external_url = \"https://acme.corp.example\";",
	"profiles = ( { name = \"default\"; upstream = \"local\";",
	"} );",
	"upstreams = ( { name = \"local\"; driver = \"local\"; },",
	"{ name = \"le\"; driver = \"acme\"; directory = \"https://ca.example/dir\";",
	"} );",
	"rules = ( { name = \"all\"; names = [ \"*.corp.example\" ];",
	"} );",
	"",
};
enum { URL, PROFILE, PROFILE_MORE, LOCAL, ACME, ACME_MORE, RULE, RULE_MORE, MORE };

static const struct {
	int line; /* which of good_lines is replaced */
	const char *text, *want;
} refusals[] = {
	{ URL, "", "t: external_url: is required and not there\n" },
	{ URL, "external_url = \"https://acme.corp.example/\";", "t:1: external_url: must not end with a slash\n" },
	{ URL, "external_url = \"https://a.example/x/\";", "t:1: external_url: must not end with a slash\n" },
	{ URL, "external_url = \"https://a.example//x\";", "t:1: external_url: its path must be plain: no empty or dot segments, no '%'\n" },
	{ URL, "external_url = \"https://a.example/../x\";", "t:1: external_url: its path must be plain: no empty or dot segments, no '%'\n" },
	{ URL, "external_url = \"https://a.example?x=1\";", "t:1: external_url: must not have a query (?)\n" },
	{ URL, "external_url = \"https://a.example#x\";", "t:1: external_url: \"https://a.example#x\" has a fragment (#)\n" },
	{ URL, "external_url = \"http://a.example\";", "t:1: external_url: \"http://a.example\" must be https: http is for this machine only\n" },
	{ URL, "external_url = \"http://127.0.0.1.example\";", "t:1: external_url: \"http://127.0.0.1.example\" must be https: http is for this machine only\n" },
	{ URL, "external_url = \"ftp://a.example\";", "t:1: external_url: \"ftp://a.example\" does not begin with https://\n" },
	{ URL, "external_url = \"https://\";", "t:1: external_url: \"\" is no host name or address\n" },
	{ URL, "external_url = \"https://a b\";", "t:1: external_url: \"https://a b\" has an octet no URL may have\n" },
	{ URL, "external_url = \"https://u:p@a.example\";", "t:1: external_url: a URL with a user name in it is not taken\n" },
	{ URL, "external_url = \"https://a.example:0\";", "t:1: external_url: \"0\" is no port\n" },
	{ URL, "external_url = \"https://a.example:65536\";", "t:1: external_url: \"65536\" is no port\n" },
	{ URL, "external_url = \"https://a_b.example\";", "t:1: external_url: \"a_b.example\" is no host name or address\n" },
	{ URL, "external_url = \"https://1.2.3\";", "t:1: external_url: \"1.2.3\" is no host name or address\n" },
	{ URL, "external_url = \"https://[::1\";", "t:1: external_url: \"[\" is no host name or address\n" },
	{ URL, "external_url = \"https://[::1]x\";", "t:1: external_url: \"[::1]x\" is no IPv6 address and port\n" },
	{ MORE, "default_profile = \"other\";", "t:9: default_profile: no entry of profiles is named \"other\"\n" },
	{ MORE, "state_dir = \"state\";", "t:9: state_dir: \"state\" must be a path from the root (/...)\n" },
	{ MORE, "tls_cert = \"/etc/x.pem\";", "t:9: tls_cert: tls_cert and tls_key need each other\n" },
	{ MORE, "store = \"mysql:x\";", "t:9: store: expected sqlite:/PATH, postgresql://... or a connection string of PostgreSQL\n" },
	{ MORE, "store = \"sqlite:x\";", "t:9: store: expected sqlite:/PATH, postgresql://... or a connection string of PostgreSQL\n" },
	{ MORE, "node = \"-x\";", "t:9: node: \"-x\" is no name\n" },
	{ MORE, "website = \"corp.example\";", "t:9: website: \"corp.example\" does not begin with https://\n" },
	{ PROFILE_MORE, "maintenance = \"nights\"; } );", "t:3: profiles[0].maintenance: no entry of maintenance is named \"nights\"\n" },
	{ MORE, "maintenance = ( { name = \"n\"; time_zone = \"Mars/Base\"; } );",
		"t:9: maintenance[0].time_zone: \"Mars/Base\" is no time zone that this machine knows, as \"Europe/Berlin\" is one\n" },
	{ MORE, "maintenance = ( { name = \"n\";\nhours = [ \"daily 01:00-05:00\",\n\"5 o'clock\" ]; } );",
		"t:11: maintenance[0].hours[1]: \"5 o'clock\" is no hours of the week, as \"mon-fri 01:00-05:00\" and \"daily 22:00-04:00\" are\n" },
	{ MORE, "maintenance = ( { name = \"n\";\nblackouts = [ \"2027-02-29/2027-03-01\" ]; } );",
		"t:10: maintenance[0].blackouts[0]: \"2027-02-29/2027-03-01\" is no time from one date to another, as \"2026-12-20/2027-01-06\" and "
		"\"2026-12-31T18:00/2027-01-01T06:00\" are\n" },
	{ MORE, "maintenance = ( { name = \"n\"; tags = [ \"a b\" ]; } );", "t:9: maintenance[0].tags[0]: \"a b\" is no tag: it is empty or has a blank\n" },
	{ MORE, "maintenance = ( { name = \"n\"; tags = [ \"\" ]; } );", "t:9: maintenance[0].tags[0]: \"\" is no tag: it is empty or has a blank\n" },
	{ MORE, "require_current_terms = true;", "t:9: require_current_terms: needs terms_of_service\n" },
	{ MORE, "caa_identities = [ \"a.b\", \"*.x\" ];", "t:9: caa_identities[1]: \"*.x\" is not a domain name\n" },
	{ MORE, "log_level = \"loud\";", "t:9: log_level: \"loud\" is none of error, warning, notice, info and debug\n" },
	{ MORE, "master_key = \"secret\";", "t:9: master_key: must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the secret itself\n" },
	{ MORE, "limits = { body_max = \"1K\"; };", "t:9: limits.body_max: is less than 16K\n" },
	{ MORE, "limits = { head = \"1h\"; };", "t:9: limits.head: is more than 5m\n" },
	{ MORE, "worker_threads = 0;", "t:9: worker_threads: is less than 1\n" },
	{ MORE, "order_lifetime = \"7d\";", "t:9: order_lifetime: unknown key\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; } );", "t:9: solvers[0].key: rfc2136 needs key and secret: updates without a signature are not sent\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k\"; secret = \"AAEC\"; } );", "t:9: solvers[0].secret: must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the secret itself\n"
		"t:9: solvers[0].key: rfc2136 needs key and secret: updates without a signature are not sent\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k k\"; secret = \"file:/s\"; } );", "t:9: solvers[0].key: \"k k\" is not a domain name\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k\"; secret = \"file:/s\"; algorithm = \"hmac-md5\"; } );", "t:9: solvers[0].algorithm: \"hmac-md5\" is none of hmac-sha256|hmac-sha384|hmac-sha512\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k\"; secret = \"file:/s\"; zone = \"a..b\"; } );", "t:9: solvers[0].zone: \"a..b\" is not a domain name\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k\"; secret = \"file:/s\"; server = \"ns1:0\"; } );", "t:9: solvers[0].server: \"ns1:0\" is neither HOST, HOST:PORT nor an address\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k\"; secret = \"file:/s\"; upstreams = [ \"local\" ]; } );", "t:9: solvers[0].upstreams[0]: \"local\" is no upstream with driver acme\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"rfc2136\"; key = \"k\"; secret = \"file:/s\"; domains = [ \"*.x\" ]; } );", "t:9: solvers[0].domains[0]: \"*.x\" is not a domain name\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"http-01\"; } );", "t:9: solvers[0].kind: http-01 needs http01_listen, where CAs ask\n" },
	{ MORE, "http01_listen = [ \"*:80\" ]; solvers = ( { name = \"s\"; kind = \"tls-alpn-01\"; } );", "t:9: solvers[0].kind: tls-alpn-01 needs tls_alpn01_listen, where CAs ask\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"none\"; program = \"/p\"; } );", "t:9: solvers[0].program: is not for kind \"none\"\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"exec\"; } );", "t:9: solvers[0].program: exec needs program, a path from the root (/...)\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"exec\"; program = \"x\"; } );",
		"t:9: solvers[0].program: exec needs program, a path from the root (/...)\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"exec\"; program = \"/x\"; server = \"ns1\"; } );",
		"t:9: solvers[0].server: is not for kind \"exec\"\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"acme-dns\"; url = \"https://a.test\"; } );",
		"t:9: solvers[0].url: acme-dns needs url and accounts\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"acme-dns\"; url = \"http://a.test\"; accounts = \"file:/a\"; } );",
		"t:9: solvers[0].url: \"http://a.test\" must be https: http is for this machine only\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"acme-dns\"; url = \"https://a.test/\"; accounts = \"file:/a\"; } );",
		"t:9: solvers[0].url: must have neither a slash at its end nor a query\n" },
	{ MORE, "solvers = ( { name = \"s\"; kind = \"dns-persist-01\"; zone = \"x.test\"; } );",
		"t:9: solvers[0].zone: is not for kind \"dns-persist-01\"\n" },
	{ MORE, "http01_listen = [ \"*:80\" ]; solvers = ( { name = \"s\"; kind = \"http-01\"; key = \"k\"; } );", "t:9: solvers[0].key: is not for kind \"http-01\"\n" },
	{ PROFILE, "profiles = ( { name = \"default\";", "t:2: profiles[0].upstream: it or upstreams is required: who issues?\n" },
	{ PROFILE, "profiles = ( { name = \"default\"; upstream = \"ca\";", "t:2: profiles[0].upstream: no entry of upstreams is named \"ca\"\n" },
	{ PROFILE_MORE, "}, { name = \"default\"; upstream = \"le\"; } );", "t:3: profiles[1].name: \"default\" is the name of profiles[0] already\n" },
	{ MORE, "metrics_listen = [ \"127.0.0.2:9\", \"*:9664\" ];", "t:9: metrics_listen: :: is not an address of loopback (127.0.0.0/8, ::1)\n" },
	{ MORE, "metrics_listen = [ \"[::1]:9\", \"192.0.2.1:9664\" ];", "t:9: metrics_listen: 192.0.2.1 is not an address of loopback (127.0.0.0/8, ::1)\n" },
	{ PROFILE_MORE, "}, { name = \"a/b\"; upstream = \"le\"; } );", "t:3: profiles[1].name: \"a/b\" is no name: 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first\n" },
	{ PROFILE_MORE, "}, { name = \"\"; upstream = \"le\"; } );", "t:3: profiles[1].name: \"\" is no name: 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first\n" },
	{ PROFILE_MORE, "upstream_profile = \"x\"; } );", "t:3: profiles[0].upstream_profile: the local CA has no profiles\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"email\" ]; } );", "t:3: profiles[0].identifier_types[1]: \"email\" is unknown: expected dns, ip, permanent-identifier or hardware-module\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"dns\" ]; } );", "t:3: profiles[0].identifier_types[1]: \"dns\" is there twice\n" },
	{ PROFILE_MORE, "identifier_types = [ ]; } );", "t:3: profiles[0].identifier_types: has 0 entries, expected 1 to 4\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"permanent-identifier\" ]; } );", "t:3: profiles[0].identifier_types[1]: a device is proven by device-attest-01, which is not among challenges\n" },
	{ PROFILE_MORE, "identifier_types = [ \"hardware-module\" ]; } );", "t:3: profiles[0].identifier_types[0]: a device is proven by device-attest-01, which is not among challenges\n" },
	{ PROFILE_MORE, "key_types = [ \"rsa1024\" ]; } );", "t:3: profiles[0].key_types[0]: \"rsa1024\" is unknown: expected p256, p384, p521, ed25519, rsa2048, rsa3072 or rsa4096\n" },
	{ PROFILE_MORE, "challenges = [ \"dns-01\", \"dns-01\" ]; } );", "t:3: profiles[0].challenges[1]: \"dns-01\" is there twice\n" },
	{ PROFILE_MORE, "resolvers = [ \"10.0.0.53\" ]; } );", "t:3: profiles[0].resolvers[0]: \"10.0.0.53\" is not ADDRESS:PORT\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"permanent-identifier\" ]; challenges = [ \"http-01\", \"device-attest-01\" ]; device_names = [ \"${id}.d.example\", \"x.example\" ]; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\nt:3: profiles[0].device_names[1]: \"x.example\" has neither ${id} nor ${hash}: all devices would have the same name\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"permanent-identifier\" ]; challenges = [ \"http-01\", \"device-attest-01\" ]; device_names = [ \"${id}.d.example\", \"${id}.d.example\" ]; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\nt:3: profiles[0].device_names[1]: \"${id}.d.example\" is there twice\n" },
	{ PROFILE_MORE, "device_names = [ \"${id}.d.example\" ]; } );", "t:3: profiles[0].device_names: neither permanent-identifier nor hardware-module is among identifier_types\n" },
	{ PROFILE_MORE, "identifier_types = [ \"permanent-identifier\" ]; challenges = [ \"device-attest-01\" ]; device_names = [ \"${id}.d.example\" ]; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\nt:3: profiles[0].device_names: with csr_names = \"order\" they are ordered beside the device: dns must be among identifier_types, and a challenge for it among challenges\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"permanent-identifier\" ]; challenges = [ \"device-attest-01\" ]; device_names = [ \"${id}.d.example\" ]; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\nt:3: profiles[0].device_names: with csr_names = \"order\" they are ordered beside the device: dns must be among identifier_types, and a challenge for it among challenges\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"permanent-identifier\" ]; challenges = [ \"http-01\", \"device-attest-01\" ]; csr_names = \"mapped\"; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\nt:3: profiles[0].csr_names: \"mapped\" needs device_names\n" },
	{ PROFILE_MORE, "}, { name = \"d\"; upstream = \"le\"; identifier_types = [ \"permanent-identifier\" ]; challenges = [ \"device-attest-01\" ]; } );", "t:3: profiles[1].challenges: device-attest-01 needs attestation: who vouches for the devices?\nt:3: profiles[1].csr_names: a CA outside must not learn of devices, and orders have nothing else here: dns among identifier_types, or device_names and csr_names = \"mapped\"\n" },
	{ PROFILE_MORE, "identifier_types = [ \"dns\", \"permanent-identifier\" ]; challenges = [ \"http-01\", \"device-attest-01\" ]; device_names = [ \"${id}.d.example\", \"${hash}.d.example\" ]; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\n" },
	{ PROFILE_MORE, "identifier_types = [ \"permanent-identifier\" ]; challenges = [ \"device-attest-01\" ]; device_names = [ \"${id}.d.example\" ]; csr_names = \"mapped\"; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\n" },
	{ PROFILE_MORE, "}, { name = \"d\"; upstream = \"le\"; identifier_types = [ \"permanent-identifier\" ]; challenges = [ \"device-attest-01\" ]; device_names = [ \"${id}.d.example\" ]; csr_names = \"mapped\"; } );", "t:3: profiles[1].challenges: device-attest-01 needs attestation: who vouches for the devices?\n" },
	{ PROFILE_MORE, "challenges = [ \"http-02\" ]; } );", "t:3: profiles[0].challenges[0]: \"http-02\" is unknown: expected http-01, dns-01, dns-account-01, dns-persist-01, tls-alpn-01 and device-attest-01\n" },
	{ PROFILE_MORE, "challenges = [ \"dns-persist-01\" ]; } );", "t:3: profiles[0].challenges: dns-persist-01 needs caa_identities: the names that devices' records have for this gateway\n" },
	{ MORE, "caa_identities = [ \"a.test\", \"b.test\", \"c.test\", \"d.test\", \"e.test\", \"f.test\", \"g.test\", \"h.test\", \"i.test\", \"*.test\" ];", "t:9: caa_identities[9]: \"*.test\" is not a domain name\n" },
	{ PROFILE_MORE, "devices = \"inventoried\"; } );", "t:3: profiles[0].devices: is of no use without device-attest-01 among challenges\n" },
	{ PROFILE_MORE, "devices = \"some\"; } );", "t:3: profiles[0].devices: \"some\" is none of any|inventoried\n" },
	{ PROFILE_MORE, "device_hook = \"hook\"; } );", "t:3: profiles[0].device_hook: \"hook\" must be a path from the root (/...)\nt:3: profiles[0].device_hook: is of no use without device-attest-01 among challenges\n" },
	{ PROFILE_MORE, "device_hook = \"/hook\"; device_webhook = \"https://a.test/\"; } );", "t:3: profiles[0].device_hook: cannot go with device_webhook: one is asked\nt:3: profiles[0].device_hook: is of no use without device-attest-01 among challenges\n" },
	{ PROFILE_MORE, "device_webhook = \"http://a.test/\"; } );", "t:3: profiles[0].device_webhook: \"http://a.test/\" must be https: http is for this machine only\nt:3: profiles[0].device_webhook: is of no use without device-attest-01 among challenges\n" },
	{ PROFILE_MORE, "device_webhook_ca = \"a\"; device_webhook_token = \"b\"; } );", "t:3: profiles[0].device_webhook_ca: \"a\" must be a path from the root (/...)\nt:3: profiles[0].device_webhook_ca: needs device_webhook\nt:3: profiles[0].device_webhook_token: \"b\" must be a path from the root (/...)\nt:3: profiles[0].device_webhook_token: needs device_webhook\n" },
	{ PROFILE_MORE, "device_hook_timeout = \"3m\"; } );", "t:3: profiles[0].device_hook_timeout: is more than 2m\n" },
	{ PROFILE_MORE, "challenges = [ \"http-01\", \"device-attest-01\" ]; } );", "t:3: profiles[0].challenges: device-attest-01 needs attestation: who vouches for the devices?\n" },
	{ PROFILE_MORE, "attestation = [ \"x\" ]; } );", "t:3: profiles[0].attestation[0]: no entry of attestation_trust is named \"x\"\nt:3: profiles[0].attestation: is of no use without device-attest-01 among challenges\n" },
	{ MORE, "attestation_trust = ( { name = \"a\"; format = \"tpm\"; roots = [ \"a.pem\" ]; } );", "t:9: attestation_trust[0].roots[0]: \"a.pem\" must be a path from the root (/...)\n" },
	{ MORE, "attestation_trust = ( { name = \"a\"; format = \"packed\"; roots = [ \"/a\" ]; } );", "t:9: attestation_trust[0].format: \"packed\" is none of tpm|apple|android-key|step\n" },
	{ MORE, "attestation_trust = ( { name = \"a\"; format = \"android-key\"; roots = [ \"/a\" ]; } );", "t:9: attestation_trust[0].format: android-key needs revoked, the list of keys that leaked\n" },
	{ MORE, "attestation_trust = ( { name = \"a\"; format = \"step\"; roots = [ \"/a\" ]; revoked = \"b\"; udid_modules = true; } );", "t:9: attestation_trust[0].revoked: \"b\" must be a path from the root (/...)\nt:9: attestation_trust[0].udid_modules: is for format apple\n" },
	{ MORE, "attestation_trust = ( { name = \"a\"; format = \"tpm\"; roots = [ \"/nowhere\", \"/\" ]; assigner = \"1.2\"; } );", "t:9: attestation_trust[0].roots[0]: /nowhere: cannot read /nowhere: No such file or directory\nt:9: attestation_trust[0].roots[1]: /: / is not a file\nt:9: attestation_trust[0].assigner: \"1.2\" cannot be the assigner of tpm identifiers\n" },
	{ PROFILE_MORE, "caa = [ \"https://ca.test\" ]; } );", "t:3: profiles[0].caa[0]: \"https://ca.test\" is not a domain name\n" },
	{ PROFILE_MORE, "caa = [ \"ca.test\" ]; valid_authz_lifetime = \"9h\"; } );", "t:3: profiles[0].valid_authz_lifetime: is more than 8h, and CAA records must be looked at again by then\n" },
	{ PROFILE_MORE, "subdomains = true; } );", "t:3: profiles[0].subdomains: a domain is proven by dns-01, dns-account-01 or dns-persist-01, none of which is among challenges\n" },
	{ PROFILE_MORE, "subdomains = true; challenges = [ \"dns-01\" ]; caa = [ \"ca.test\" ]; } );", "t:3: profiles[0].subdomains: cannot go with caa, which is looked at for each name\n" },
	{ PROFILE_MORE, "wildcard = true; } );", "t:3: profiles[0].wildcard: a wildcard is proven by dns-01, dns-account-01 or dns-persist-01, none of which is among challenges\n" },
	{ PROFILE_MORE, "validation_attempts = [ \"0s\", \"x\" ]; } );", "t:3: profiles[0].validation_attempts[1]: \"x\" is not a time such as \"5s\"\n" },
	{ PROFILE_MORE, "validation_attempts = [ \"5s\", \"5s\" ]; } );", "t:3: profiles[0].validation_attempts[1]: must be later than the attempt before it\n" },
	{ PROFILE_MORE, "validation_attempts = [ \"2h\" ]; } );", "t:3: profiles[0].validation_attempts[0]: is more than 1h\n" },
	{ PROFILE_MORE, "http01_port = 65536; } );", "t:3: profiles[0].http01_port: is more than 65535\n" },
	{ LOCAL, "upstreams = ( { name = \"local\"; driver = \"local\"; directory = \"https://x.example\"; },", "t:4: upstreams[0].directory: is for driver \"acme\", this entry's driver is \"local\"\n" },
	{ LOCAL, "upstreams = ( { name = \"local\"; driver = \"local\"; },{ name = \"local\"; driver = \"local\"; },", "t:4: upstreams[1].name: \"local\" is the name of upstreams[0] already\n" },
	{ LOCAL, "upstreams = ( { name = \"local\"; driver = \"file\"; directory = \"https://x.example\"; },", "t:4: upstreams[0].driver: \"file\" is none of acme|local\n" },
	{ ACME, "{ name = \"le\"; driver = \"acme\";", "t:5: upstreams[1].directory: it or preset is required with driver \"acme\"\n" },
	{ ACME, "{ name = \"le\"; driver = \"acme\"; directory = \"http://ca.example/dir\";", "t:5: upstreams[1].directory: \"http://ca.example/dir\" must be https: http is for this machine only\n" },
	{ ACME_MORE, "ca_name = \"x\"; } );", "t:6: upstreams[1].ca_name: is for driver \"local\", this entry's driver is \"acme\"\n" },
	{ ACME_MORE, "ca_file = \"x.pem\"; } );", "t:6: upstreams[1].ca_file: \"x.pem\" must be a path from the root (/...)\n" },
	{ ACME_MORE, "proxy = \"proxy:3128\"; } );", "t:6: upstreams[1].proxy: \"proxy:3128\" does not begin with https://\n" },
	{ ACME_MORE, "proxy = \"http://proxy:3128/x\"; } );", "t:6: upstreams[1].proxy: expected http://HOST:PORT\n" },
	{ ACME_MORE, "contact = \"pki@corp.example\"; } );", "t:6: upstreams[1].contact: \"pki@corp.example\" is not mailto: and one address\n" },
	{ ACME_MORE, "contact = \"mailto:a@b,c@d\"; } );", "t:6: upstreams[1].contact: \"mailto:a@b,c@d\" is not mailto: and one address\n" },
	{ ACME_MORE, "eab_kid = \"k\"; } );", "t:6: upstreams[1].eab_kid: eab_kid and eab_key need each other\n" },
	{ ACME_MORE, "eab_key = \"file:/k\"; } );", "t:6: upstreams[1].eab_key: eab_kid and eab_key need each other\n" },
	{ ACME_MORE, "eab_key = \"abcdef\"; } );", "t:6: upstreams[1].eab_key: must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the secret itself\n" },
	{ ACME_MORE, "eab_key_encoding = \"hex\"; } );", "t:6: upstreams[1].eab_key_encoding: \"hex\" is none of base64url, base64, double and raw\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs\"; count = 1; period = \"1d\"; } ); } );", "t:6: upstreams[1].overrides[0].limit: \"certs\" is no limit that this release knows\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs_set\"; count = 1; period = \"1d\"; name = \"a.b\"; } ); } );", "t:6: upstreams[1].overrides[0].name: only certs_domain and certs_domain_acct can be for one name\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs_domain\"; count = 1; period = \"1d\"; name = \"A.b\"; } ); } );", "t:6: upstreams[1].overrides[0].name: \"A.b\" is no domain or address in lower case\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs_domain\"; count = 0; period = \"1d\"; } ); } );", "t:6: upstreams[1].overrides[0].count: is less than 1\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs_domain\"; count = 1; } ); } );", "t:6: upstreams[1].overrides[0].period: is required and not there\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs_domain\"; count = 1; burst = 1000000000; period = \"3650d\"; } ); } );", "t:6: upstreams[1].overrides[0].limit: count, burst and period make no rate that can be counted with\n" },
	{ ACME_MORE, "overrides = ( { limit = \"certs_set\"; count = 1; period = \"1d\"; }, { limit = \"certs_set\"; count = 2; period = \"1d\"; } ); } );", "t:6: upstreams[1].overrides[1].limit: overrides[0] is for the same\n" },
	{ ACME_MORE, "limits = \"mine\"; } );", "t:6: upstreams[1].limits: \"mine\" is none of auto|none|letsencrypt|letsencrypt-staging\n" },
	{ ACME_MORE, "limits_margin = 80; } );", "t:5: upstreams[1].limits_reserve: with limits_margin it leaves less than 5 percent\n" },
	{ ACME_MORE, "ca = \"a b\"; } );", "t:6: upstreams[1].ca: \"a b\" is no label: letters, digits, '.', '_', '-' and ':'\n" },
	{ LOCAL, "upstreams = ( { name = \"local\"; driver = \"local\"; ca = \"x\"; },", "t:4: upstreams[0].ca: is for driver \"acme\", this entry's driver is \"local\"\n" },
	{ MORE, "public_suffix_list = \"list\";", "t:9: public_suffix_list: \"list\" must be a path from the root (/...)\n" },
	{ RULE, "", "t:8: syntax error at or before \"} );\"\n" },
	{ RULE, "rules = ( { name = \"all\"; names = [ \"a_b\" ];", "t:7: rules[0].names[0]: \"a_b\" is neither a name, *.NAME, a network, a device nor *\n" },
	{ RULE, "rules = ( { name = \"all\"; names = [ ];", "t:7: rules[0].names: has 0 entries, expected 1 to 10000\nt:7: rules[0].names: is required and not there\n" },
	{ RULE_MORE, "profiles = [ \"default\", \"x\" ]; } );", "t:8: rules[0].profiles[1]: no entry of profiles is named \"x\"\n" },
	{ RULE_MORE, "action = \"deny\"; } );", "t:8: rules[0].action: \"deny\" is none of allow|refuse\n" },
	{ RULE_MORE, "}, { name = \"all\"; names = [ \"*\" ]; } );", "t:8: rules[1].name: \"all\" is the name of rules[0] already\n" },
};

static struct gate_conf *
load(int line, const char *text, struct conf_errors *errors)
{
	AUTO_BUF file = BUF_MAX(64 * 1024);

	for (int i = 0; i < (int)COUNT_OF(good_lines); i++) {
		buf_adds(&file, i == line ? text : good_lines[i]);
		buf_addc(&file, '\n');
	}
	return gate_conf_load_text("t", buf_span(&file), errors);
}

/* What is agreed for a name goes before what is for all, and that before the table. */
static void
test_limits(void)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = load(ACME_MORE, "ca = \"x\"; limits = \"letsencrypt\"; overrides = ("
		"{ limit = \"certs_domain\"; count = 100; period = \"7d\"; },"
		"{ limit = \"certs_domain\"; name = \"corp.example\"; count = 7000; burst = 1000; period = \"1d\"; },"
		"{ limit = \"fail_ident\"; count = 9; period = \"1h\"; } ); } );", &errors);
	const struct upstream_conf *u = conf ? conf_upstream(conf, "le") : NULL;
	char *label;

	ok(u, "limits are read");
	is_str(buf_cstr(&errors.text), "", "without errors");
	if (!u)
		return;
	is_str(u->ca, "x", "the label is as given");
	is_int(conf_limit_rate(u, QUOTA_DOMAIN, "corp.example").count, 7000, "the rate of a name that something was agreed for");
	is_int(conf_limit_rate(u, QUOTA_DOMAIN, "corp.example").burst, 1000, "its burst");
	is_int(conf_limit_rate(u, QUOTA_DOMAIN, "other.example").count, 100, "of any other");
	is_int(conf_limit_rate(u, QUOTA_DOMAIN, "other.example").burst, 100, "whose burst is the count");
	is_int(conf_limit_rate(u, QUOTA_SET, NULL).count, 5, "and the table's, where nothing else is said");
	is_int(conf_limit_rate(u, QUOTA_DOMAIN_ACCT, "corp.example").count, 0, "of what is agreed alone there is no table");
	is_int(conf_renewals_per_hour(u), 70, "renewals are planned for what margin and reserve leave of a hundred orders an hour");
	((struct upstream_conf *)(uintptr_t)u)->renewals_per_hour = 7;
	is_int(conf_renewals_per_hour(u), 7, "or as it is written");
	is_int(conf_renewals_per_hour(conf_upstream(conf, "local")), 0, "without a limit there is no number");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	errors = CONF_ERRORS;
	conf = load(MORE, "", &errors);
	u = conf ? conf_upstream(conf, "le") : NULL;
	if (!ok(u, "an entry that says nothing of limits"))
		return;
	is_str(u->ca, "ca.example", "has its host as label");
	is_int(conf_limit_rate(u, QUOTA_ORDERS, NULL).count, 0, "and no limits, if its CA is not known");
	ok(u->limits_margin == 10 && u->limits_reserve == 20, "margin and reserve are there");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	label = conf_ca_label("https://localhost:14000/dir");
	is_str(label, "localhost:14000", "the port belongs to the label, if it is not the usual one");
	free(label);
}

static void
test_good(void)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = load(MORE, "", &errors);
	int64_t attempts[8] = { 0 };

	ok(conf, "a small file is enough");
	is_str(buf_cstr(&errors.text), "", "without errors");
	if (!conf)
		return;
	is_str(conf->external_url, "https://acme.corp.example", "external_url is as given");
	is_str(conf->base_path, "", "its path is empty");
	is_str(conf->store, "sqlite:/var/lib/acmegate/acmegate.db", "the store lies in the state folder");
	is_str(conf->master_key, "file:/var/lib/acmegate/master.key", "so does the master key");
	ok(conf->listen.count == 1 && conf->listen.list[0].port == 443, "port 443 is listened to");
	is_int(conf->networks.count, 4, "private networks may be connected to");
	ok(conf->limits.body_max_bytes == 65536 && conf->limits.head_max_bytes == 16384 && conf->limits.target_max_bytes == 4096,
		"sizes are those of W29");
	ok(conf->limits.handshake_ms == 10000 && conf->limits.head_ms == 10000 && conf->limits.body_ms == 20000 &&
			conf->limits.idle_ms == 120000 && conf->limits.drain_ms == 30000 && conf->limits.conns_per_addr == 512 &&
			conf->limits.conns_max == 16384 && conf->limits.queue_max == 1024,
		"deadlines and caps are those of T9");
	is_int(conf->account_idle_s, 400 * 86400, "idle accounts are kept 400 days");

	const struct profile_conf *p = conf_profile(conf, SPAN("default"));
	ok(p && !conf_profile(conf, SPAN("Default")) && !conf_profile(conf, SPAN("defaul")), "a profile is found by its exact name");
	ok(p->order_life_s == 604800 && p->pending_authz_s == 604800 && p->valid_authz_s == 28800, "lifetimes are those of O2 and O3");
	ok(p->http01_port == 80 && p->validity_s == 30 * 86400 && p->max_identifiers == 100 && p->advertise && !p->wildcard,
		"and the rest has its defaults");
	is_int(conf_validation_attempts(p, attempts, 8), 4, "four attempts");
	ok(attempts[0] == 0 && attempts[1] == 5 && attempts[2] == 15 && attempts[3] == 30, "at the times of T7");
	is_int(conf_validation_attempts(p, attempts, 2), 2, "no more than asked for");
	ok(conf_upstream(conf, "le") && conf_upstream(conf, "le")->driver == DRIVER_ACME && !conf_upstream(conf, "x"),
		"an upstream is found by its name");
	is_str(conf_upstream(conf, "local")->ca_name, "acmegate local CA", "the local CA has a name");

	struct ident id = { IDENT_DNS, "a.corp.example" };
	struct policy_verdict verdict;
	ok(policy_names(conf->policy, "default", &id, 1, &verdict), "the rules are compiled");
	ok(gate_conf_ref(conf) == conf, "a reference is taken");
	gate_conf_unref(conf);
	is_str(conf->path, "t", "and given back: the snapshot lives on");
	gate_conf_unref(conf);
	gate_conf_unref(NULL);
	conf_errors_done(&errors);
}

static void
test_also_good(void)
{
	static const struct {
		int line;
		const char *text, *name;
	} cases[] = {
		{ URL, "external_url = \"https://a.example:8443/acme/x\";", "a path and a port" },
		{ URL, "external_url = \"http://localhost:8080\";", "http on localhost" },
		{ URL, "external_url = \"http://127.0.0.1:8080\";", "http on 127.0.0.1" },
		{ URL, "external_url = \"http://[::1]:8080\";", "http on ::1" },
		{ URL, "external_url = \"https://[2001:db8::1]\";", "an IPv6 address" },
		{ ACME, "{ name = \"le\"; driver = \"acme\"; directory = \"http://127.0.0.1:14000/dir?a=b\";", "a CA on this machine" },
		{ ACME_MORE, "eab_kid = \"k\"; eab_key = \"credential:k\"; proxy = \"http://p:3128\"; contact = \"mailto:a@b.c\"; } );", "all of EAB" },
		{ MORE, "terms_of_service = \"https://a.example/t\"; require_current_terms = true;", "terms that must be agreed to anew" },
		{ MORE, "store = \"host=/run/postgresql dbname=acmegate\";", "a connection string" },
		{ MORE, "store = \"postgresql://db/x\"; tls_cert = \"/a\"; tls_key = \"/b\"; node = \"n-1\";", "PostgreSQL and a certificate" },
		{ RULE_MORE, "}, { name = \"no\"; action = \"refuse\"; names = [ \"*\", \"10.0.0.0/8\" ]; profiles = [ \"default\" ]; say = \"no\"; } );", "more rules" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_errors errors = CONF_ERRORS;
		struct gate_conf *conf;

		conf = load(cases[i].line, cases[i].text, &errors);
		ok(conf && errors.count == 0, "taken: %s", cases[i].name);
		if (!conf)
			printf("# %s\n", buf_cstr(&errors.text));
		else if (i == 0)
			is_str(conf->base_path, "/acme/x", "  its path is known");
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
}

/* Each face is one of the addresses that validation does not connect to. */
static void
test_reach(void)
{
	static const char *const faces[] = { "listen", "http01_listen", "tls_alpn01_listen", "metrics_listen" };
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = load(MORE, "networks = [ \"127.0.0.0/24\" ]; listen = [ \"127.0.0.1:1001\" ]; http01_listen = [ \"127.0.0.1:1002\" ]; "
		"tls_alpn01_listen = [ \"127.0.0.1:1003\" ]; metrics_listen = [ \"127.0.0.1:1004\" ];", &errors);
	struct problem pr = { 0 };
	struct addr to;

	ok(conf != NULL, "four faces: %s", buf_cstr(&errors.text));
	for (size_t i = 0; conf && i < COUNT_OF(faces); i++) {
		AUTO_FREE char *text = xasprintf("127.0.0.1:%zu", 1001 + i);

		ok(addr_parse_port(span_str(text), &to, &pr) && !reach_allows(&conf->reach, &to), "no device is asked at %s", faces[i]);
	}
	ok(conf && addr_parse_port(SPAN("127.0.0.1:1005"), &to, &pr) && reach_allows(&conf->reach, &to), "at another port it is");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
}

static void
test_refusals(void)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct conf_errors errors = CONF_ERRORS;
		struct gate_conf *conf = load(refusals[i].line, refusals[i].text, &errors);

		ok(!conf && errors.count > 0, "refused: %s", *refusals[i].text ? refusals[i].text : "a line left out");
		is_str(buf_cstr(&errors.text), refusals[i].want, "  with its line");
		conf_errors_done(&errors);
	}
}

static void
test_reload(void)
{
	static const struct {
		int line;
		const char *text, *want;
	} cases[] = {
		{ MORE, "networks = [ \"10.0.0.0/8\" ]; log_level = \"debug\"; limits = { body_max = \"128K\"; };", "" },
		{ PROFILE_MORE, "}, { name = \"more\"; upstream = \"le\"; } );", "" },
		{ ACME_MORE, "preferred_chain = \"Root Y\"; } );", "" },
		{ ACME_MORE, "limits_margin = 5; limits = \"letsencrypt\"; overrides = ( { limit = \"certs_domain\"; count = 9; period = \"1d\"; } ); } );", "" },
		{ ACME_MORE, "ca = \"x\"; } );", "t:6: upstreams[1].ca: cannot change while running: running with \"ca.example\", the file says \"x\"\n" },
		/* the CAs' accounts, connections and trust are made at the start */
		{ ACME_MORE, "}, { name = \"other\"; driver = \"acme\"; directory = \"https://o.example\"; } );",
			"t:4: upstreams: cannot change while running: running with 2 entries, the file has 3\n" },
		{ MORE, "listen = [ \"*:8443\" ];",
			"t:9: listen: cannot change while running: running with [ \"*:443\" ], the file says [ \"*:8443\" ]\n" },
		{ MORE, "limits = { queue_max = 2048; };",
			"t:9: limits.queue_max: cannot change while running: running with 1024, the file says 2048\n" },
		{ MORE, "state_dir = \"/srv\";",
			"t:9: state_dir: cannot change while running: running with \"/var/lib/acmegate\", the file says \"/srv\"\n"
			"t: store: cannot change while running: running with \"sqlite:/var/lib/acmegate/acmegate.db\", the file says \"sqlite:/srv/acmegate.db\"\n"
			"t: master_key: cannot change while running: running with \"file:/var/lib/acmegate/master.key\", the file says \"file:/srv/master.key\"\n" },
		{ ACME_MORE, "eab_kid = \"k\"; eab_key = \"credential:k\"; } );",
			"t:6: upstreams[1].eab_kid: cannot change while running: running with \"\", the file says \"k\"\n"
			"t:6: upstreams[1].eab_key: cannot change while running: running with \"\", the file says \"credential:k\"\n" },
	};
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *running = load(MORE, "", &errors);

	for (size_t i = 0; running && i < COUNT_OF(cases); i++) {
		struct conf_errors found = CONF_ERRORS;
		struct gate_conf *next = load(cases[i].line, cases[i].text, &found);

		ok(next && gate_conf_may_reload(running, next, &found) == !*cases[i].want, "%s reload: %s",
			*cases[i].want ? "needs more than a" : "is fine with a", cases[i].text);
		is_str(buf_cstr(&found.text), cases[i].want, "  as is told");
		gate_conf_unref(next);
		conf_errors_done(&found);
	}
	gate_conf_unref(running);
	conf_errors_done(&errors);
}

int
main(void)
{
	test_limits();
	test_good();
	test_also_good();
	test_reach();
	test_refusals();
	test_reload();
	return done_testing();
}
