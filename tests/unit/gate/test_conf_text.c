/* The example file and the manual's list say what the table of keys says.
 *
 * `test_conf_text example` and `test_conf_text man` print them anew; `make regen-conf` puts them in their places. */
#include "base/secret.h"
#include "gate/conf.h"
#include "tap.h"

#define EXAMPLE TOP_SRCDIR "/etc/acmegate.conf"
#define MANUAL TOP_SRCDIR "/man/acmegate.conf.5"
#define LIST_BEGIN ".\\\" The list is printed from the table of keys: see tests/unit/gate/test_conf_text.c.\n"
#define LIST_END ".\\\" End of the list.\n"

static const char preface[] =
	"# acmegate.conf - an example with every key; acmegate.conf(5) says more.\n"
	"#\n"
	"# What is commented out shows the default, or an example where there is none.\n"
	"# Check a file with: acmegated -t -c FILE\n"
	"\n";

static void
write_example(struct buf *out)
{
	buf_adds(out, preface);
	conf_write_example(gate_conf_keys, out);
}

/* The manual with its list written anew. False if its marks are not there. */
static bool
write_manual(const char *old, struct buf *out)
{
	const char *begin = strstr(old, LIST_BEGIN), *end = strstr(old, LIST_END);

	if (!begin || !end || end < begin)
		return false;
	begin += strlen(LIST_BEGIN);
	buf_add(out, old, (size_t)(begin - old));
	conf_write_mdoc(gate_conf_keys, out);
	buf_adds(out, end);
	return true;
}

static void
test_loads(const char *name, struct span text)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = gate_conf_load_text(name, text, &errors);

	ok(conf, "%s is a good configuration as it is", name);
	is_str(buf_cstr(&errors.text), "", "  without errors");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
}

static struct span
manual_example(const char *manual)
{
	static const char mark[] = ".Bd -literal -offset indent\n";
	const char *begin = strstr(manual, mark), *end = begin ? strstr(begin, ".Ed\n") : NULL;

	return end ? span_of(begin + strlen(mark), (size_t)(end - begin) - strlen(mark)) : SPAN_NONE;
}

int
main(int argc, char **argv)
{
	AUTO_BUF example = BUF_MAX(1 << 20);
	AUTO_BUF manual = BUF_MAX(1 << 20);
	AUTO_BUF old_example = BUF_MAX(1 << 20);
	AUTO_BUF old_manual = BUF_MAX(1 << 20);
	struct problem pr = { 0 };
	bool has_example, has_manual;

	write_example(&example);
	if (argc == 2 && strcmp(argv[1], "example") == 0) {
		fputs(buf_cstr(&example), stdout);
		return 0;
	}
	has_manual = file_load(MANUAL, &old_manual, &pr) && write_manual(buf_cstr(&old_manual), &manual);
	if (argc == 2 && strcmp(argv[1], "man") == 0) {
		fputs(buf_cstr(has_manual ? &manual : &old_manual), stdout);
		return !has_manual;
	}
	has_example = file_load(EXAMPLE, &old_example, &pr);
	ok(has_example && span_eq(buf_span(&example), buf_span(&old_example)), "etc/acmegate.conf is what the table of keys says");
	ok(has_manual && span_eq(buf_span(&manual), buf_span(&old_manual)), "so is the list in acmegate.conf(5)");
	test_loads("the example file", buf_span(&example));
	test_loads("the manual's example", manual_example(buf_cstr(&manual)));
	return done_testing();
}
