/* attestation_trust: what its files become; the files of makers' roots that are shipped. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "gate/conf.h"
#include "tap.h"

#define SHIPPED TESTS_DIR "/../etc/attestation/"

static const char rest[] =
	"external_url = \"https://a.example\"; upstreams = ( { name = \"local\"; driver = \"local\"; } );"
	"rules = ( { name = \"all\"; names = [ \"permanent-identifier:*\" ]; } );\n"
	"profiles = ( { name = \"default\"; upstream = \"local\"; identifier_types = [ \"permanent-identifier\" ];"
	" challenges = [ \"device-attest-01\" ]; attestation = [ %s ]; }, { name = \"plain\"; upstream = \"local\"; } );\n"
	"attestation_trust = ( %s );\n";

static char folder[] = "/tmp/acmegate-trust.XXXXXX";

static struct gate_conf *
load(const char *names, const char *entries, struct conf_errors *errors)
{
	AUTO_BUF text = BUF_MAX(64 * 1024);

	*errors = CONF_ERRORS;
	buf_addf(&text, rest, names, entries);
	return gate_conf_load_text("t", buf_span(&text), errors);
}

static const struct trust_conf *
entry(const struct gate_conf *conf, size_t i)
{
	return (const struct trust_conf *)conf->attestation_trust.list + i;
}

static void
test_shipped(void)
{
	struct conf_errors errors;
	struct gate_conf *conf = load("\"a\", \"b\"",
		"{ name = \"a\"; format = \"apple\"; roots = [ \"" SHIPPED "apple.pem\" ]; },"
		"{ name = \"b\"; format = \"step\"; roots = [ \"" SHIPPED "yubikey.pem\" ]; intermediates = [ \"" SHIPPED "yubikey-intermediates.pem\" ]; },"
		"{ name = \"c\"; format = \"tpm\"; roots = [ \"" SHIPPED "android.pem\" ]; }", &errors);

	is_str(buf_cstr(&errors.text), "", "the makers' roots that are shipped can be read");
	ok(conf && conf_profile(conf, SPAN("default"))->trust && entry(conf, 2)->trust, "a profile has those that it names");
	ok(conf && !conf_profile(conf, SPAN("plain"))->trust, "and one that names none has none");
	conf_errors_done(&errors);
	gate_conf_unref(conf);
}

static void
save(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
	struct problem pr = { 0 };

	ok(file_save(path, span_str(text), 0644, &pr), "%s is written", name);
}

static struct gate_conf *
load_android(const char *list, const char *more, struct conf_errors *errors)
{
	AUTO_FREE char *text = xasprintf(
		"{ name = \"a\"; format = \"android-key\"; roots = [ \"" SHIPPED "android.pem\" ]; revoked = \"%s/%s\"; %s }", folder, list, more);

	return load("\"a\"", text, errors);
}

static void
test_age(void)
{
	AUTO_FREE char *path = xasprintf("%s/list", folder);
	struct conf_errors errors;
	struct gate_conf *conf;
	int64_t now = clock_unix_s();
	struct timespec times[2] = { { .tv_sec = now - 1000 }, { .tv_sec = now - 1000 } };

	save("list", "{\"entries\": {}}");
	utimensat(AT_FDCWD, path, times, 0);
	conf = load_android("list", "revoked_max_age = \"1h\";", &errors);
	ok(conf && entry(conf, 0)->good_until_unix_s == now - 1000 + 3600, "a list is as old as its file");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	times[1].tv_sec = now + 100000;
	utimensat(AT_FDCWD, path, times, 0);
	conf = load_android("list", "revoked_max_age = \"1h\";", &errors);
	ok(conf && entry(conf, 0)->good_until_unix_s <= clock_unix_s() + 3600, "one of tomorrow as old as one of now");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	times[1].tv_sec = 1000;
	utimensat(AT_FDCWD, path, times, 0);
	conf = load_android("list", "", &errors);
	ok(conf && entry(conf, 0)->good_until_unix_s < now, "and one too old is no fault of the configuration");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	unlink(path);
}

static void
test_refused(void)
{
	static const struct {
		const char *text, *want;
	} lists[] = {
		{ "", "the revocation list is not valid JSON" },
		{ "[]", "has no object \"entries\"" },
		{ "{\"entries\": {\"xyz\": {\"status\": \"REVOKED\"}}}", "serial \"xyz\" of the revocation list is not hexadecimal" },
	};
	struct conf_errors errors;
	struct gate_conf *conf;
	AUTO_FREE char *path = xasprintf("%s/list", folder);

	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		save("list", lists[i].text);
		conf = load_android("list", "", &errors);
		ok(!conf && strstr(buf_cstr(&errors.text), "attestation_trust[0].revoked: ") && strstr(buf_cstr(&errors.text), lists[i].want),
			"a list is refused: %s", lists[i].want);
		conf_errors_done(&errors);
		gate_conf_unref(conf);
	}
	conf = load("\"a\"", "{ name = \"a\"; format = \"step\"; roots = [ \"" SHIPPED "apple.pem\", \"" SHIPPED "../acmegate.conf\" ]; assigner = \"1.99\"; }", &errors);
	ok(!conf && strstr(buf_cstr(&errors.text), "no certificate in PEM") && strstr(buf_cstr(&errors.text), "cannot be the assigner"),
		"so is a file without certificates, and each fault is told");
	conf_errors_done(&errors);
	gate_conf_unref(conf);
	conf = load("\"a\", \"b\"", "{ name = \"a\"; format = \"step\"; roots = [ \"" SHIPPED "yubikey.pem\" ]; },"
		"{ name = \"b\"; format = \"step\"; roots = [ \"" SHIPPED "yubikey.pem\" ]; }", &errors);
	ok(!conf && strstr(buf_cstr(&errors.text), "profiles[0].attestation[1]: another entry before it is of format step, too"), "a profile has one entry of a format");
	conf_errors_done(&errors);
	gate_conf_unref(conf);
	unlink(path);
}

int
main(void)
{
	if (!ok(mkdtemp(folder) != NULL, "there is a folder"))
		return done_testing();
	test_shipped();
	test_age();
	test_refused();
	rmdir(folder);
	return done_testing();
}
