/* The program acmegatectl against a live admin socket, and alone: what it prints, where, and how it ends. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../admin/scene.h"
#include "base/log.h"
#include "base/secret.h"
#include "gate/conf.h"
#include "tap.h"

static struct scene scene;
static char *out, *err; /* of the last run */

static char *
take_file(const char *path)
{
	AUTO_BUF text = BUF_MAX(1 << 22);
	struct problem pr = { 0 };

	return xstrdup(file_load(path, &text, &pr) ? buf_cstr(&text) : "");
}

/* Run `acmegatectl ARGUMENTS` by the shell; its exit code. Standard input is empty. */
__attribute__((format(printf, 1, 2))) static int
run(const char *fmt, ...)
{
	AUTO_FREE char *out_path = xasprintf("%s/out", scene.folder), *err_path = xasprintf("%s/err", scene.folder), *line = NULL;
	char *arguments;
	va_list ap;
	int status;

	va_start(ap, fmt);
	if (vasprintf(&arguments, fmt, ap) < 0)
		abort();
	va_end(ap);
	line = xasprintf("NO_COLOR= exec %s %s </dev/null >%s 2>%s", CTL_BINARY, arguments, out_path, err_path);
	free(arguments);
	status = system(line);
	free(out);
	free(err);
	out = take_file(out_path);
	err = take_file(err_path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
says(const char *text)
{
	if (strstr(out, text))
		return true;
	printf("# not there: %s\n# %s\n", text, out);
	return false;
}

static bool
complains(const char *text)
{
	if (strstr(err, text))
		return true;
	printf("# not there: %s\n# %s\n", text, err);
	return false;
}

static bool
is_json(const char *text)
{
	struct problem pr = { 0 };
	struct json *doc;

	if (!json_parse(span_str(text), "output", NULL, &doc, &pr)) {
		printf("# %s: %s\n", pr.detail, text);
		return false;
	}
	json_free(doc);
	return true;
}

static void
test_shows(void)
{
	is_int(run("--socket %s status", scene.socket), 0, "status");
	ok(says("Version         9.8.7\n") && says("Up              1 d 1 h\n") && says("ca        acme    closed        1"), "tells how the daemon is");
	is_int(run("status --socket=%s --json", scene.socket), 0, "status --json");
	ok(is_json(out) && !*err, "is one document");
	is_int(run("metrics --socket %s", scene.socket), 0, "metrics");
	ok(says("# TYPE acmegate_orders gauge\n") && says("acmegate_orders{state=\"pending\"} 1\n") && !*err, "are printed as the daemon tells them");
	is_int(run("metrics --json --socket %s", scene.socket), 0, "metrics --json");
	ok(is_json(out) && says("acmegate_orders{state=\\\"pending\\\"} 1"), "are one text in a document");
	is_int(run("order list --socket %s", scene.socket), 0, "order list");
	ok(says(scene.valid) && says(scene.invalid) && says("new.test, *.new.test"), "has the orders");
	is_str(err, "4 of 4\n", "and says how many there are");
	is_int(run("order list --socket %s --limit 2 --plain", scene.socket), 0, "order list --plain");
	ok(strncmp(out, scene.pending, REF_TEXT - 1) == 0 && out[REF_TEXT - 1] == '\t' && !strstr(out, "ORDER"), "is for cut(1)");
	ok(complains("2 of 4; go on with --before ") && complains(scene.processing), "and says how to go on");
	is_int(run("order list --socket %s --before %s --json", scene.socket, scene.processing), 0, "going on");
	ok(is_json(out) && says(scene.invalid) && !strstr(out, scene.pending), "lists the rest");
	is_int(run("order show %s --socket %s --trace", scene.invalid, scene.socket), 0, "order show --trace");
	ok(says("Problem         unauthorized: not proven\n") && says("connection: nobody ? answers") && says("pending->invalid"), "tells the whole story, harmless to a terminal");
	is_int(run("order show %s --socket %s", scene.processing, scene.socket), 0, "order show of one on its way");
	ok(says("At the CA\n") && says("Error           the CA could not connect\n") && says("Error           circuit open\n") && !strstr(out, "Trace"), "says what it waits for");
	is_int(run("account list --socket %s", scene.socket), 0, "account list");
	ok(says(scene.account), "has the accounts");
	is_int(run("account show %s --socket %s", scene.account, scene.socket), 0, "account show");
	ok(says("Orders          3\n"), "counts what it has");
	is_int(run("cert list --account %s --socket %s", scene.account, scene.socket), 0, "cert list");
	ok(says(scene.cert) && !strstr(out, scene.cert2), "has the account's certificates");
	is_int(run("cert show %s --pem --socket %s", scene.cert, scene.socket), 0, "cert show --pem");
	is_str(out, "PEM", "prints the chain alone");
	is_int(run("cert show 0c:1 --socket %s", scene.socket), 4, "cert show by a serial number that nobody has");
	is_int(run("cert show AQ.VQ --socket %s", scene.socket), 4, "or a certID");
	ok(complains("no certificate \"AQ.VQ\""), "says which");
	is_int(run("cert show ../orders --socket %s", scene.socket), 2, "what can be no name is not asked for");
	is_int(run("cert show .. --socket %s", scene.socket), 2, "nor this");
	is_int(run("queue ca --socket %s", scene.socket), 0, "queue ca");
	ok(says("LIMITS IN THE WAY\n") && !says(" of 0\n"), "counts its CAs");
	is_int(run("config show --socket %s", scene.socket), 0, "config show");
	ok(says("external_url = \"https://acme.test\";\n") && says("\t\tname = \"ca\";\n"), "is in the file's language");
	is_int(run("version --socket %s", scene.socket), 0, "version");
	ok(says("acmegatectl ") && says("acmegated 9.8.7\n"), "tells both");
}

static void
test_changes(void)
{
	is_int(run("reload --socket %s", scene.socket), 0, "reload");
	ok(says("generation 3 of ") && !*err, "tells the generation");
	scene.reload_good = false;
	is_int(run("reload --socket %s", scene.socket), 1, "a refused reload fails");
	ok(!*out && complains("a.conf:1: x: unknown key\na.conf:2: y: too large\n") && complains("stays in force"), "and says each fault");
	is_int(run("reload --json --socket %s", scene.socket), 1, "the same for scripts");
	ok(is_json(err) && complains("\"errors\":[\"a.conf:1"), "is a document on stderr");
	is_int(run("log level --socket %s", scene.socket), 0, "log level");
	is_str(out, "error\n", "tells it");
	is_int(run("log level notice --socket %s", scene.socket), 0, "log level LEVEL");
	is_str(out, "notice\n", "sets it");
	is_int(run("log level loud --socket %s", scene.socket), 1, "no unknown level");
	log_set_level(LOG_ERROR);
	is_int(run("cert revoke %s --socket %s", scene.cert, scene.socket), 2, "nobody can be asked, so nothing is revoked");
	ok(complains("revoke the certificate of a.test") && complains("--yes"), "and it says what would be");
	is_int(run("cert revoke %s --reason 6 --yes --socket %s", scene.cert, scene.socket), 2, "no reason that is not allowed");
	is_int(run("cert revoke %s --reason 4 --yes --socket %s", scene.cert, scene.socket), 0, "cert revoke --yes");
	ok(says("State           revoked\n") && says("Reason          4\n"), "shows the certificate as it is now");
	is_int(run("cert revoke %s --yes --socket %s", scene.cert, scene.socket), 6, "twice is a conflict");
	is_int(run("drain --socket %s", scene.socket), 2, "drain asks too");
	is_int(run("drain --yes --socket %s", scene.socket), 0, "drain --yes");
	ok(atomic_load(&scene.drains) == 1, "reaches the gate");
}

static void
test_failures(void)
{
	is_int(run("order show AAAAAAAAAAAAAAAAAAAAAA --socket %s", scene.socket), 4, "there is no such order");
	is_int(run("order show ../x --socket %s", scene.socket), 2, "what is no id is not sent");
	is_int(run("order list --account a%%26b --socket %s", scene.socket), 2, "nor is what is no parameter");
	is_int(run("queue --profile= --socket %s", scene.socket), 2, "nor is nothing");
	ok(complains("--profile cannot be \"\""), "says which");
	is_int(run("queue --profile v1.2 --socket %s", scene.socket), 4, "names may have dots");
	ok(complains("no profile \"v1.2\""), "  it is asked for, but not there");
	is_int(run("queue --upstream nobody --socket %s", scene.socket), 4, "nor is such a CA");
	is_int(run("order list --account nobody --socket %s", scene.socket), 4, "there is no such account");
	is_int(run("status --socket %s/none", scene.folder), 3, "there is no daemon");
	ok(complains("not reachable at ") && !*out, "it says where");
	is_int(run("status --json --socket %s/none", scene.folder), 3, "the same for scripts");
	ok(is_json(err) && complains("\"exit\":3"), "is a document on stderr");
	is_int(run("metrics --socket %s/none", scene.folder), 3, "and for metrics");
	is_int(run("status --timeout soon --socket %s", scene.socket), 2, "a time is a number");
	is_int(run("statsu"), 2, "a typo");
	ok(complains("did you mean \"status\"?"), "is not run, but understood");
	is_int(run("order"), 2, "a noun alone");
	ok(complains("order show ORDER") && !*out, "shows its verbs");
	is_int(run("-h status --bogus"), 0, "-h wins");
	ok(says("acmegatectl status") && !*err, "and helps");
	is_int(run("%s", ""), 0, "nothing");
	ok(says("See acmegatectl --help"), "is told where to look");
	is_int(run("-V"), 0, "-V");
}

/* ---- init and config ---- */

static void
test_init(void)
{
	const char *dir = scene.folder;
	struct conf_errors errors = CONF_ERRORS;
	AUTO_FREE char *file = xasprintf("%s/new/acmegate.conf", dir);
	AUTO_FREE char *state = xasprintf("%s/var/state", dir);
	struct gate_conf *conf;
	struct stat st;

	is_int(run("init -c %s --state %s --name acme.test --listen 127.0.0.1:8443 --allow '*.a.test' --allow 10.1.0.0/16"
		   " --networks 127.0.0.0/8 --networks 10.0.0.0/8 --resolver 127.0.0.1:53 --http01-port 5002 --admin-socket %s",
		file, state, scene.socket), 0, "init with the local CA");
	ok(says(file) && says(state) && says("acmegatectl -c ") && says("https://acme.test:8443/directory"), "says what it wrote and what to do next");
	conf = gate_conf_load(file, &errors);
	ok(conf && errors.count == 0, "the daemon takes the file");
	if (conf) {
		const struct profile_conf *profile = conf->profiles.list;
		const struct rule_conf *rule = conf->rules.list;

		is_str(conf->external_url, "https://acme.test:8443", "  external_url has the port");
		ok(conf->networks.count == 2 && conf->resolvers.count == 1 && conf->http01_listen.count == 0, "  networks, resolvers, no http-01 face");
		ok(profile->http01_port == 5002 && profile->identifier_types.count == 2, "  the profile takes addresses, since a rule allows some");
		ok(conf->rules.count == 1 && rule->names.count == 2, "  one rule");
		is_str(conf->admin_socket, scene.socket, "  admin_socket");
	}
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	ok(stat(state, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700, "the state folder is for its user alone");
	is_int(run("-c %s status", file), 0, "the file tells where the socket is");
	is_int(run("config check -c %s", file), 0, "config check");
	is_int(run("init -c %s --state %s --name other.test --allow x.test", file, state), 6, "a file that is there is not overwritten");
	is_int(run("init -c %s --state %s --name other.test --allow x.test --force --json", file, state), 0, "but with --force");
	ok(is_json(out) && says("https://other.test\""), "and the URL of port 443 has none");
}

static void
test_init_acme(void)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_FREE char *file = xasprintf("%s/acme.conf", scene.folder), *key = xasprintf("%s/eab.key", scene.folder);
	const struct upstream_conf *u;
	struct gate_conf *conf;
	struct problem pr = { 0 };

	ok(file_save(key, SPAN("c2VjcmV0c2VjcmV0c2VjcmV0"), 0600, &pr), "a key file");
	is_int(run("init -c %s --state %s/s --url https://acme.test/x --upstream https://ca.test/dir --upstream-ca-file %s"
		   " --eab-kid k1 --eab-key-file %s --contact 'a\"b@c.test' --accept-terms --allow '*'",
		file, scene.folder, key, key), 2, "a contact that is none makes no file");
	ok(complains("acme.conf:") && complains("nothing was written") && access(file, F_OK) != 0, "it says where the fault would be");
	is_int(run("init -c %s --state %s/s --url https://acme.test/x --upstream https://ca.test/dir --upstream-ca-file %s"
		   " --eab-kid k1 --eab-key-file %s --contact a@c.test --accept-terms --allow '*'",
		file, scene.folder, key, key), 0, "init with a CA behind");
	conf = gate_conf_load(file, &errors);
	ok(conf && errors.count == 0, "the daemon takes the file");
	u = conf ? conf->upstreams.list : NULL;
	ok(u && u->driver == DRIVER_ACME && u->accept_terms && conf->http01_listen.count == 1, "  as asked for, with a face for http-01");
	if (u) {
		is_str(u->contact, "mailto:a@c.test", "  contact");
		is_str(u->directory, "https://ca.test/dir", "  directory");
		ok(strncmp(u->eab_key, "file:/", 6) == 0 && strcmp(u->eab_kid, "k1") == 0, "  account binding");
	}
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	is_int(run("init -c %s --state %s/s --url https://acme.test/x --upstream letsencrypt --accept-terms --allow '*.x.test' --force", file,
		scene.folder), 0, "init with a CA that is known by name");
	errors = CONF_ERRORS;
	conf = gate_conf_load(file, &errors);
	u = conf ? conf->upstreams.list : NULL;
	ok(u && strcmp(u->preset, "letsencrypt") == 0 && strcmp(u->name, "letsencrypt") == 0 && strcmp(u->directory, "https://acme-v02.api.letsencrypt.org/directory") == 0,
		"  makes an entry that knows its directory");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	is_int(run("init -c %s --state %s/s --url https://acme.test/x --upstream google --allow '*.x.test' --force", file, scene.folder), 0,
		"what that CA demands");
	ok(says("upstream set-eab google --kid KID --key-file FILE "), "  is asked for");
	is_int(run("init -c %s --state %s/s --url https://acme.test/x --upstream letsencrpt --allow x --force", file, scene.folder), 2,
		"a name that no CA has");
	ok(complains("\"letsencrpt\" is no directory URL") && complains("letsencrypt, "), "  is told which have one");
	is_int(run("init --allow x"), 2, "init needs a name");
	is_int(run("init --name a.test"), 2, "and a rule");
	is_int(run("init --name a.test --url https://b.test --allow x"), 2, "one name");
	is_int(run("init --name a.test --allow x --contact a@b.test"), 2, "a contact is for a CA");
	is_int(run("init --name a.test --allow x --http01-port '80; y = 1'"), 2, "a port is a number");
	is_int(run("init --name a.test --allow x --upstream https://c.test --eab-kid k"), 2, "a binding has two parts");
	is_int(run("init --name a.test --allow x --upstream https://c.test --upstream-ca-file /nowhere"), 1, "a file must be there");
	is_int(run("init -c /proc/none/x.conf --state %s/s --name a.test --allow x", scene.folder), 1, "a folder that cannot be made");
}

static void
test_config(void)
{
	AUTO_FREE char *file = xasprintf("%s/bad.conf", scene.folder);
	struct problem pr = { 0 };

	ok(file_save(file, SPAN("external_url = \"https://a.test\";\nbogus = 1;\n"), 0644, &pr), "a bad file");
	is_int(run("config check %s", file), 1, "config check finds faults");
	ok(complains("bad.conf:2: bogus: unknown key\n") && !*out, "with file and line");
	is_int(run("config check %s --json", file), 1, "the same for scripts");
	ok(is_json(out) && says("\"good\":false") && !*err, "is a document");
	is_int(run("config check %s/none", scene.folder), 1, "no file");
	is_int(run("config keys"), 0, "config keys");
	ok(says("external_url") && says("profiles[].http01_port") && says("limits.head_max"), "lists them all");
	is_int(run("config keys --json"), 0, "config keys --json");
	ok(is_json(out), "is a document");
	is_int(run("status -c %s", file), 3, "a bad file still tells where the socket would be");
	is_int(run("status -c %s/none", scene.folder), 2, "no file, no socket");
}

/* ---- external account keys, limits, the own certificate ---- */

static void
test_eab(void)
{
	AUTO_FREE char *file = xasprintf("%s/imported.key", scene.folder), *until = NULL;
	struct problem pr = { 0 };
	char day[TIME_TEXT];
	const char *key;

	is_int(run("eab create --kid mdm --note 'hall 3' --profiles p --uses 5 --expires 30d --socket %s", scene.socket), 0, "eab create");
	time_rfc3339(clock_unix_s() + 30 * 86400, day);
	until = xasprintf("Expires         %.10s", day);
	ok(says("kid             mdm\n") && says("State           active\n") && says("Note            hall 3\n") && says("Profiles        p\n") &&
			says("Uses            0 of 5\n") && says(until), "shows what was made");
	key = strstr(out, "Key             ");
	ok(key && strcspn(key + 16, "\n") == 43, "and the key");
	ok(says("certbot register --server https://acme.test/p/p/directory \\\n  --eab-kid mdm \\\n  --eab-hmac-key ") && says("lego --server ") &&
			says("acme.sh --register-account --server ") && says("uacme -a https://acme.test/p/p/directory \\\n  -e mdm:"),
		"and what clients take");
	is_int(run("eab create --plain --kid plain --socket %s", scene.socket), 0, "eab create --plain");
	ok(says("Key\t") && !strstr(out, "certbot"), "is for cut(1)");
	is_int(run("eab create --json --socket %s", scene.socket), 0, "eab create --json");
	ok(is_json(out) && says("\"key\":\"") && !*err, "is one document");
	ok(file_save(file, SPAN("AAECAwQFBgcICQoLDA0ODw\n"), 0600, &pr), "a key file");
	is_int(run("eab create --kid imp --import %s --expires 2099-02-03 --keep-accounts --accounts 2 --socket %s", file, scene.socket), 0, "eab create --import");
	ok(says("kid             imp\n") && says("Expires         2099-02-03T00:00:00Z\n") && says("Accounts        0 of 2\n") && says("Accounts stay   ") &&
			!strstr(out, "Key  ") && !strstr(out, "AAEC"), "does not repeat the key");
	is_int(run("eab create --import - --socket %s", scene.socket), 2, "an empty standard input has no key");
	is_int(run("eab create --import %s/none --socket %s", scene.folder, scene.socket), 1, "nor has a file that is not there");
	is_int(run("eab create --expires soon --socket %s", scene.socket), 2, "a time is a time");
	is_int(run("eab create --uses 0 --socket %s", scene.socket), 2, "no uses are none");
	is_int(run("eab create --kid a:b --socket %s", scene.socket), 1, "the daemon judges the kid");
	is_int(run("eab create --kid mdm --socket %s", scene.socket), 6, "a kid is taken once");
	ok(!strstr(err, " s)"), "and will be");
	is_int(run("eab list --socket %s", scene.socket), 0, "eab list");
	ok(says("mdm") && says("0 of 5") && says("hall 3") && complains("4 of 4"), "has them");
	is_int(run("eab show imp --socket %s", scene.socket), 0, "eab show");
	ok(says("State           active\n") && !strstr(out, "Key "), "shows one, without the key");
	is_int(run("eab show nobody --socket %s", scene.socket), 4, "which is there");
	is_int(run("eab disable imp --socket %s", scene.socket), 0, "eab disable");
	ok(says("State           suspended\n"), "suspends it");
	is_int(run("eab enable imp --socket %s", scene.socket), 0, "eab enable");
	ok(says("State           active\n"), "puts it in force again");
	is_int(run("eab rotate mdm --kid mdm-2 --overlap 1h --socket %s", scene.socket), 0, "eab rotate");
	ok(says("kid             mdm-2\n") && says("Note            hall 3\n") && says("--eab-kid mdm-2 "), "makes a successor");
	is_int(run("eab rotate mdm --overlap x --socket %s", scene.socket), 2, "an overlap is a time");
	is_int(run("eab revoke imp --socket %s", scene.socket), 2, "eab revoke asks");
	ok(complains("revoke the key imp for ever; its accounts (0) stay: say --yes"), "and says what it means");
	is_int(run("eab revoke imp --yes --json --socket %s", scene.socket), 0, "eab revoke --yes");
	ok(is_json(out) && says("\"status\":\"revoked\""), "ends it");
	is_int(run("eab enable imp --socket %s", scene.socket), 6, "for ever");
	is_int(run("eab enable ../x --socket %s", scene.socket), 2, "what is no kid is not sent");
}

static void
test_face(void)
{
	is_int(run("limits local --socket %s", scene.socket), 0, "limits local");
	ok(says("new-account        address             100  1 per 1 s ") && says("failed-validation  account and name     20  1 per 3 min") &&
			says("Pending authz   300\n"), "shows each limit");
	is_int(run("limits local --json --socket %s", scene.socket), 0, "limits local --json");
	ok(is_json(out), "is one document");
	is_int(run("limits --socket %s", scene.socket), 0, "limits");
	is_int(run("limits --json --blocked --kind certs_domain --name a.test --socket %s", scene.socket), 0, "limits, of those that are wanted");
	ok(is_json(out) && says("\"total\":0"), "is one document");
	is_int(run("limits --upstream nowhere --socket %s", scene.socket), 4, "an entry that is not there");
	is_int(run("limits --kind certs --socket %s", scene.socket), 2, "a limit that is none");
	is_int(run("tls show --socket %s", scene.socket), 0, "tls show");
	ok(says("From            an upstream, ordered by the gateway\n") && says("Renewal         failed, will be tried again\n") &&
			says("Due             2001-09-09T01:46:40Z\n") && says("Problem         caa: not ours\n") && says(scene.processing), "tells what becomes of it");
	is_int(run("tls show --json --socket %s", scene.socket), 0, "tls show --json");
	ok(is_json(out), "is one document");
}

static void
test_plan(void)
{
	is_int(run("plan --devices 10000"), 0, "plan");
	ok(says("Certificates    10000, 10000 for each of 1 domains\n") && says("By domain       1393 d, until 2") && says("(50 per 7 d)") &&
			says("By orders       4 d, until 2") && says("Each after      60.0 d of 90.0 d\n") && says("Renewals        167 a day, 6.9 an hour\n"),
		"tells how long a fleet takes");
	is_int(run("plan --json --devices 10000 --domains 5 --names 2 --lifetime 160h --within 7d"), 0, "plan --json");
	ok(is_json(out) && says("\"certificates\":5000") && says("\"certificates_per_domain\":1000") && says("\"renewed_after_s\":288000") &&
			says("\"needed_certs_domain\":{\"count\":1000,") && !says("needed_orders"), "is one document");
	is_int(run("plan"), 2, "without devices there is no plan");
	is_int(run("plan --devices 0"), 2, "nor with none");
	is_int(run("plan --devices 10 --lifetime soon"), 2, "nor with a life that is no time");
	is_int(run("plan --devices 10 --upstream le --config /nowhere"), 1, "nor without the configuration");
}

int
main(void)
{
	log_init(LOG_ERROR, LOG_LOGFMT);
	scene_up(&scene);
	test_plan();
	test_shows();
	test_changes();
	test_eab();
	test_face();
	test_failures();
	test_init();
	test_init_acme();
	test_config();
	scene_down(&scene);
	free(out);
	free(err);
	return done_testing();
}
