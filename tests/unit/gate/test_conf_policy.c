/* The examples of doc/policy.md do what it says; what is wrong in rules, and in expectations of them, is told with its line; files of names. */
#include "gate/conf_case.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"

#include "tap.h"

static const char BEFORE[] = "external_url = \"https://acme.corp.example\"; default_profile = \"default\";\n"
	"profiles = ( { name = \"default\"; upstream = \"local\"; validity = \"30d\"; identifier_types = [ \"dns\", \"ip\" ]; challenges = [ \"http-01\", \"dns-01\" ]; } );\n"
	"upstreams = ( { name = \"local\"; driver = \"local\"; } );\n"
	"rules = (\n";

static struct gate_conf *
load(const char *rules, struct conf_errors *errors)
{
	AUTO_FREE char *text = xasprintf("%s%s );\n", BEFORE, rules);

	return gate_conf_load_text("t", span_str(text), errors);
}

/* The next block of the kind behind *at; on the heap, NULL at the end. */
static char *
next_block(const char **at, const char *kind)
{
	AUTO_FREE char *mark = xasprintf("```%s\n", kind);
	const char *begin = strstr(*at, mark), *end = begin ? strstr(begin + strlen(mark), "```") : NULL;

	if (!end)
		return NULL;
	*at = end + 3;
	return span_dup(span_of(begin + strlen(mark), (size_t)(end - begin) - strlen(mark)));
}

static void
test_doc(void)
{
	AUTO_BUF doc = BUF_MAX(256 * 1024);
	struct problem pr = { 0 };
	const char *at;
	size_t count = 0;

	ok(file_load(TOP_SRCDIR "/doc/policy.md", &doc, &pr), "doc/policy.md is there");
	for (at = buf_cstr(&doc);; count++) {
		AUTO_FREE char *rules = next_block(&at, "rules"), *expect = rules ? next_block(&at, "expect") : NULL;
		struct conf_errors errors = CONF_ERRORS;
		struct gate_conf *conf;

		if (!rules || !expect)
			break;
		/* the last comma is for whoever adds another rule */
		rules[strlen(rules) - 2] = '\n';
		conf = load(rules, &errors);
		ok(conf && conf_policy_test(conf, 0, "policy_tests", "doc", span_str(expect), &errors), "example %zu does what it says", count + 1);
		if (errors.count)
			printf("# %s\n", buf_cstr(&errors.text));
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
	ok(count >= 6, "there are examples (%zu)", count);
}

static const struct { const char *rule, *want; } faults[] = {
	{ "names = [ \"*\" ]; tenants = [ \"nobody\" ];", "rules[0].tenants[0]: no entry of tenants is named \"nobody\"" },
	{ "names = [ \"*\" ]; tenants = [ \"a*b\" ];", "rules[0].tenants[0]: \"a*b\" has a * that is not its end" },
	{ "names = [ \"*\" ]; networks = [ \"10.0.0.1/8\" ];", "rules[0].networks[0]:" },
	{ "names = [ \"*\" ]; device_tags = [ \"hall 3\" ];", "rules[0].device_tags[0]: \"hall 3\" has a blank" },
	{ "names = [ \"*\" ]; key_types = [ \"dsa\" ];", "rules[0].key_types[0]: \"dsa\" is unknown" },
	{ "names = [ \"*\" ]; device_formats = [ \"tpm2\" ];", "rules[0].device_formats[0]: \"tpm2\" is unknown" },
	{ "names = [ \"*\" ]; key_protection = [ \"none\" ];", "rules[0].key_protection[0]: \"none\" is unknown" },
	{ "names = [ \"*\" ]; identifier_types = [ \"email\" ];", "rules[0].identifier_types[0]: \"email\" is unknown" },
	{ "names = [ \"*\" ]; hours = \"8:00-18:00x\";", "rules[0].hours: \"8:00-18:00x\" is not from when to when" },
	{ "names = [ \"*\" ]; days = [ \"someday\" ];", "rules[0].days[0]: \"someday\" is none of mon" },
	{ "names = [ \"*\" ]; zone = \"Europe/Berlin\";", "rules[0].zone: is of no use without days or hours" },
	{ "names = [ \"*\" ]; days = [ \"mon\" ]; zone = \"../../etc/passwd\";", "rules[0].zone: \"../../etc/passwd\" is no time zone" },
	{ "names = [ \"*\" ]; days = [ \"mon\" ]; zone = \"Nowhere/At_All\";", "rules[0].zone: \"Nowhere/At_All\" is no time zone that this machine knows" },
	{ "names = [ \"*\" ]; name_count_min = 3; name_count_max = 2;", "rules[0].name_count_max: is less than name_count_min" },
	{ "names = [ \"*\" ]; challenges = [ \"dns-02\" ];", "rules[0].challenges[0]: \"dns-02\" is unknown" },
	{ "names = [ \"*\" ]; challenges = [ \"dns-01\" ]; already_proven = true;", "rules[0].challenges: cannot go with already_proven" },
	{ "names = [ \"*\" ]; upstreams = [ \"ca\" ];", "rules[0].upstreams[0]: no entry of upstreams is named \"ca\"" },
	{ "names = [ \"*\" ]; action = \"refuse\"; already_proven = true;", "rules[0].already_proven: is for rules that allow" },
	{ "names_files = [ \"names\" ];", "rules[0].names_files[0]: \"names\" must be a path from the root" },
	{ "names_files = [ \"/nonexistent/names\" ];", "rules[0].names_files[0]:" },
	{ "say = \"x\";", "rules[0].names: is required and not there" },
};

static void
test_faults(void)
{
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		AUTO_FREE char *rule = xasprintf("{ name = \"r\"; %s }", faults[i].rule);
		struct conf_errors errors = CONF_ERRORS;
		struct gate_conf *conf = load(rule, &errors);

		if (!ok(!conf && strstr(buf_cstr(&errors.text), faults[i].want), "refused: %s", faults[i].rule))
			printf("# %s\n", buf_cstr(&errors.text));
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
}

static const struct { const char *line, *want; } lines[] = {
	{ "a.test", "expected -> allow or -> refuse at the end" }, { "a.test -> perhaps", "expected -> allow or -> refuse" }, { "-> allow", "no identifier is asked about" },
	{ "colour=red a.test -> allow", "\"colour\" is no fact" }, { "address=x a.test -> allow", "address is \"x\", which is none" },
	{ "lifetime=long a.test -> allow", "which is no time such as" }, { "outstanding=-1 a.test -> allow", "which is no count" }, { "time=now a.test -> allow", "expected one such as" },
	{ "a_b.test -> allow", "has a label with" }, { "a.test -> refuse", "\"a.test\" is allowed by rule \"r\", expected refuse" },
	{ "a.test -> allow s", "\"a.test\" is allowed by rule \"r\", expected allow by s" }, { "b.other -> allow", "\"b.other\" is refused by no rule, expected allow" },
	{ "a.test b.other -> allow r", "\"b.other\" is refused by no rule, expected allow by r" },
};

static void
test_lines(void)
{
	struct conf_errors none = CONF_ERRORS;
	struct gate_conf *conf = load("{ name = \"r\"; names = [ \"*.test\" ]; }", &none);

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		AUTO_FREE char *text = xasprintf("# first\na.test -> allow r\n%s\n", lines[i].line);
		AUTO_FREE char *want = xasprintf("f:3: ");
		struct conf_errors errors = CONF_ERRORS;

		if (!ok(!conf_policy_test(conf, 0, "policy_tests", "f", span_str(text), &errors) && strstr(buf_cstr(&errors.text), want) && strstr(buf_cstr(&errors.text), lines[i].want),
			    "not as expected, with its line: %s", lines[i].line))
			printf("# %s\n", buf_cstr(&errors.text));
		conf_errors_done(&errors);
	}
	gate_conf_unref(conf);
	conf_errors_done(&none);
}

/* A configuration that cannot be loaded widens nothing: there is none. */
static void
test_files(void)
{
	char path[] = "/tmp/test_conf_policy.XXXXXX";
	int fd = mkstemp(path);
	AUTO_FREE char *rule = xasprintf("{ name = \"r\"; names_files = [ \"%s\" ]; }", path);
	static const struct { const char *text, *want; } cases[] = { { "a.test\n# b.test\n  *.c.test # and below\r\n\n10.0.0.0/8", NULL }, { "a.test\n\nb_b.test\n", ":3: \"b_b.test\" is neither" }, { "a.test\nb\tb", ":2:" } };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_errors errors = CONF_ERRORS;
		struct gate_conf *conf;

		ok(ftruncate(fd, 0) == 0 && pwrite(fd, cases[i].text, strlen(cases[i].text), 0) == (ssize_t)strlen(cases[i].text), "a file is written");
		conf = load(rule, &errors);
		if (cases[i].want)
			ok(!conf && strstr(buf_cstr(&errors.text), cases[i].want), "a file with a fault is refused, with its line");
		else
			ok(conf && conf_policy_test(conf, 0, "x", "x", SPAN("a.test -> allow\nb.test -> refuse\nx.c.test -> allow\n10.1.2.3 -> allow"), &errors), "names are read from a file");
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
	close(fd);
	unlink(path);
}

int
main(void)
{
	test_doc();
	test_faults();
	test_lines();
	test_files();
	return done_testing();
}
