/* The loader against a table with one key of each kind: values, defaults, every refusal with its line. */
#include "conf/conf.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "tap.h"

struct inner {
	char *name;
	int64_t weight;
	struct conf_strings tags;
};

struct group {
	int64_t wait_ms;
	bool strict;
};

struct all {
	char *title, *key, *store;
	bool on;
	int64_t count, size, life_s, wait_ms;
	struct addr at;
	int colour;
	struct conf_strings words;
	struct conf_addrs listen;
	struct conf_nets nets;
	struct group group;
	struct conf_list items;
};

#define AT(s, f) .offset = offsetof(struct s, f)
static const struct conf_key inner_keys[] = {
	{ .kind = CONF_STRING, .name = "name", AT(inner, name), .flags = CONF_REQUIRED, .help = "its name", .example = "one" },
	{ .kind = CONF_INT, .name = "weight", AT(inner, weight), .def = "1", .lo = "1", .hi = "9", .help = "its weight" },
	{ .kind = CONF_STRINGS, .name = "tags", AT(inner, tags), .help = "its tags", .flags = CONF_RELOAD },
	{ .name = NULL },
};
static const struct conf_key group_keys[] = {
	{ .kind = CONF_MSEC, .name = "wait", AT(group, wait_ms), .def = "2s", .help = "how long to wait" },
	{ .kind = CONF_BOOL, .name = "strict", AT(group, strict), .def = "true", .help = "be strict", .flags = CONF_RELOAD },
	{ .name = NULL },
};
static const struct conf_key keys[] = {
	{ .kind = CONF_STRING, .name = "title", AT(all, title), .lo = "1", .hi = "8", .help = "a \"title\"", .flags = CONF_RELOAD },
	{ .kind = CONF_STRING, .name = "key", AT(all, key), .flags = CONF_SECRET, .help = "a key" },
	{ .kind = CONF_STRING, .name = "store", AT(all, store), .def = "", .help = "a place" },
	{ .kind = CONF_BOOL, .name = "on", AT(all, on), .def = "true", .help = "is it on" },
	{ .kind = CONF_INT, .name = "count", AT(all, count), .def = "3", .hi = "9999999999", .help = "how many" },
	{ .kind = CONF_SIZE, .name = "size", AT(all, size), .def = "64K", .lo = "1K", .hi = "8G", .help = "how large" },
	{ .kind = CONF_TIME, .name = "life", AT(all, life_s), .def = "7d", .lo = "10m", .hi = "90d", .help = "how old" },
	{ .kind = CONF_MSEC, .name = "wait", AT(all, wait_ms), .def = "500ms", .help = "how long" },
	{ .kind = CONF_ADDR, .name = "at", AT(all, at), .def = "127.0.0.1:80", .help = "where" },
	{ .kind = CONF_CHOICE, .name = "colour", AT(all, colour), .def = "green", .choices = "red|green|blue", .help = "which" },
	{ .kind = CONF_STRINGS, .name = "words", AT(all, words), .def = "a b", .hi = "3", .help = "some words" },
	{ .kind = CONF_ADDRS, .name = "listen", AT(all, listen), .def = "*:443", .help = "where to listen" },
	{ .kind = CONF_NETS, .name = "nets", AT(all, nets), .def = "10.0.0.0/8", .help = "which networks", .flags = CONF_RELOAD },
	{ .kind = CONF_GROUP, .name = "group", AT(all, group), .sub = group_keys, .help = "things together" },
	{ .kind = CONF_LIST, .name = "items", AT(all, items), .sub = inner_keys, .sub_size = sizeof(struct inner), .hi = "3", .help = "the items" },
	{ .name = NULL },
};

static const struct {
	const char *name, *text, *want;
} refusals[] = {
	{ "an unknown key, with the nearest", "\nwodrs = [];", "t:2: wodrs: unknown key, did you mean \"words\"?\n" },
	{ "an unknown key far from all", "something_else = 1;", "t:1: something_else: unknown key\n" },
	{ "an unknown key in a group", "group = {\n wiat = \"1s\"; };", "t:2: group.wiat: unknown key, did you mean \"wait\"?\n" },
	{ "an unknown key in a list", "items = ( { name = \"x\"; },\n{ name = \"y\";\n q = 1; } );", "t:3: items[1].q: unknown key\n" },
	{ "a doubled key, at its second line", "on = true;\ncount = 1;\non = false;", "t:3: duplicate setting name: \"on = false;\"\n" },
	{ "a syntax error", "on = true;\ncount = = 1;\n", "t:2: syntax error at or before \"count = = 1;\"\n" },
	{ "a string without end", "title = \"x;\ncount = 1;\n", "t:1: a string that begins here has no end\n" },
	{ "a comment without end", "count = 1;\n /* x", "t:2: a comment that begins here has no end\n" },
	{ "a string for a boolean", "on = \"yes\";", "t:1: on: expected true or false, found a string\n" },
	{ "an integer for a string", "title = 1;", "t:1: title: expected a string, found an integer\n" },
	{ "a string too long", "title = \"123456789\";", "t:1: title: has 9 octets, expected 1 to 8\n" },
	{ "a string too short", "title = \"\";", "t:1: title: has 0 octets, expected 1 to 8\n" },
	{ "a control character", "title = \"a\\nb\";", "t:1: title: has a control character in it\n" },
	{ "a string that is not UTF-8", "title = \"a\xff\";", "t:1: title: is not UTF-8\n" },
	{ "a string for an integer", "count = \"1\";", "t:1: count: expected an integer, found a string\n" },
	{ "a float for an integer", "count = 1.5;", "t:1: count: expected an integer, found a number with a point\n" },
	{ "an integer below", "count = -1;", "t:1: count: is less than 0\n" },
	{ "an integer above", "count = 10000000000;", "t:1: count: is more than 9999999999\n" },
	{ "an integer above 2^63", "count = 99999999999999999999;", "t:1: \"99999999999999999999\" is no number that can be kept\n" },
	{ "a size below", "size = \"1023\";", "t:1: size: is less than 1K\n" },
	{ "a size above", "size = \"9G\";", "t:1: size: is more than 8G\n" },
	{ "a size with a unit of time", "size = \"9s\";", "t:1: size: \"9s\" is not a size such as \"64K\" or \"1M\"\n" },
	{ "a size that overflows", "size = \"9999999999G\";", "t:1: size: \"9999999999G\" is not a size such as \"64K\" or \"1M\"\n" },
	{ "an empty time", "life = \"\";", "t:1: life: \"\" is not a time such as \"30s\", \"10m\", \"1h\" or \"7d\"\n" },
	{ "a negative time", "life = \"-7d\";", "t:1: life: \"-7d\" is not a time such as \"30s\", \"10m\", \"1h\" or \"7d\"\n" },
	{ "a time below", "life = 599;", "t:1: life: is less than 10m\n" },
	{ "milliseconds without unit", "wait = 10;", "t:1: wait: expected a time with its unit such as \"10s\" or \"500ms\", found an integer\n" },
	{ "milliseconds in a string without unit", "wait = \"10\";", "t:1: wait: \"10\" is not a time such as \"500ms\" or \"10s\"\n" },
	{ "an address without port", "at = \"127.0.0.1\";", "t:1: at: \"127.0.0.1\" is not ADDRESS:PORT\n" },
	{ "a choice that is none", "colour = \"pink\";", "t:1: colour: \"pink\" is none of red|green|blue\n" },
	{ "part of a choice", "colour = \"re\";", "t:1: colour: \"re\" is none of red|green|blue\n" },
	{ "a string for a list", "words = \"a\";", "t:1: words: expected a list of strings such as [ \"a\", \"b\" ], found a string\n" },
	{ "too many strings", "words = [ \"a\", \"b\", \"c\", \"d\" ];", "t:1: words: has 4 entries, expected 0 to 3\n" },
	{ "an integer in a list of strings", "words = ( \"a\",\n 2 );", "t:2: words[1]: expected a string, found an integer\n" },
	{ "a bad address in a list", "listen = [ \"*:443\",\n\"x:1\" ];", "t:2: listen[1]: \"x\" is not an IP address\n" },
	{ "a network with host bits", "nets = [ \"10.0.0.1/8\" ];", "t:1: nets[0]: \"10.0.0.1/8\" has bits set behind its prefix\n" },
	{ "a group that is none", "group = 1;", "t:1: group: expected a group { }, found an integer\n" },
	{ "a list that is an array", "items = [ \"a\" ];", "t:1: items: expected a list of groups ( { }, { } ), found an array [ ]\n" },
	{ "an item that is no group", "items = ( { name = \"a\"; }, 7 );", "t:1: items[1]: expected a group { }, found an integer\n" },
	{ "an item without what is required", "\nitems = ( {\n weight = 2; } );", "t:2: items[0].name: is required and not there\n" },
	{ "too many items", "items = ( {}, {}, {}, {} );", "t:1: items: has 4 entries, expected 0 to 3\n" },
	{ "a secret in the file itself", "key = \"hunter2\";", "t:1: key: must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the secret itself\n" },
	{ "a secret in a relative file", "key = \"file:x\";", "t:1: key: must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the secret itself\n" },
	{ "a credential with a path", "key = \"credential:../x\";", "t:1: key: must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the secret itself\n" },
	{ "an include in a text", "@include \"/etc/passwd\"\n", "t:1: @include \"/etc/passwd\": not possible here\n" },
	{ "two faults, both told", "on = 1;\ncount = true;", "t:1: on: expected true or false, found an integer\nt:2: count: expected an integer, found true or false\n" },
};

static bool
load(const char *text, struct all *ret, struct conf_errors *errors)
{
	*ret = (struct all){ 0 };
	return conf_load_text("t", span_str(text), keys, ret, errors);
}

static void
test_refusals(void)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct conf_errors errors = CONF_ERRORS;
		struct all all;

		ok(!load(refusals[i].text, &all, &errors) && errors.count > 0, "refused: %s", refusals[i].name);
		is_str(buf_cstr(&errors.text), refusals[i].want, "  and the line is told");
		conf_done(keys, &all);
		conf_errors_done(&errors);
	}
}

static void
test_defaults(void)
{
	struct conf_errors errors = CONF_ERRORS;
	struct all all;

	ok(load("", &all, &errors), "an empty file is all defaults");
	ok(errors.parsed && errors.count == 0, "without errors");
	ok(!all.title && !all.key && all.store && !*all.store, "a string without default is NULL, with an empty one empty");
	ok(all.on && all.count == 3 && all.size == 65536 && all.life_s == 604800 && all.wait_ms == 500, "scalars have their defaults");
	ok(all.at.port == 80 && all.colour == 1, "so have addresses and choices");
	ok(all.words.count == 2 && strcmp(all.words.list[1], "b") == 0, "and lists of strings");
	ok(all.listen.count == 1 && all.listen.list[0].port == 443, "and of addresses");
	ok(all.nets.count == 1 && all.nets.list[0].bits == 8, "and of networks");
	ok(all.group.wait_ms == 2000 && all.group.strict, "and a group that is not there");
	ok(all.items.count == 0, "a list is empty");
	conf_done(keys, &all);
	conf_errors_done(&errors);
}

static const char full[] = "# comment \"not a string\n"
			   "title = \"a\" \"b\"; // joined\n"
			   "key = \"credential:k\"; /* @include \"x\"\n"
			   "@include \"y\"\n"
			   "*/ on = FALSE;\n"
			   "count = 5000000000;\n"
			   "size = 2147483648\n"
			   "life = 3600; wait = 0;\n"
			   "at = \"[::1]:0x\";\n";

static void
test_values(void)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_BUF text = BUF_MAX(4096);
	struct all all;

	buf_adds(&text, full);
	text.n -= strlen("0x\";\n");
	buf_adds(&text, "81\";\ncolour = \"blue\";\nwords = ( );\nlisten = [ \"*:1\", \"127.0.0.1:2\", \"[::1]:3\" ];\n"
			"nets = ( \"fc00::/7\" );\ngroup = { wait = \"1m\"; strict = false; };\n"
			"items = ( { name = \"x\\\"y\"; tags = [ \"p\", \"q\", \"r\" ]; }, { name = \"z\"; weight = 9; } );\n");
	ok(load(buf_cstr(&text), &all, &errors), "a file with everything is read");
	is_str(buf_cstr(&errors.text), "", "without errors");
	is_str(all.title, "ab", "strings side by side are one");
	is_str(all.key, "credential:k", "a secret is its place");
	ok(!all.on, "a boolean");
	is_int(all.count, 5000000000, "an integer above 2^32 is kept whole");
	is_int(all.size, 2147483648, "a size as an integer");
	is_int(all.life_s, 3600, "a time as an integer is seconds");
	is_int(all.wait_ms, 0, "zero needs no unit");
	ok(all.at.family == AF_INET6 && all.at.port == 81, "an address");
	is_int(all.colour, 2, "a choice is its index");
	is_int(all.words.count, 0, "an empty list replaces the default");
	ok(all.listen.count == 3 && all.listen.list[2].port == 3, "addresses");
	ok(all.nets.count == 1 && all.nets.list[0].bits == 7, "networks");
	ok(all.group.wait_ms == 60000 && !all.group.strict, "a group");
	ok(all.items.count == 2, "a list of groups");
	struct inner *items = all.items.list;
	is_str(items[0].name, "x\"y", "with strings");
	ok(items[0].weight == 1 && items[0].tags.count == 3 && items[1].weight == 9, "with values and defaults");
	conf_error(&errors, "items[1].name", "bad");
	conf_error(&errors, "items[1].tags[4]", "bad");
	conf_error(&errors, "listen[1]", "bad");
	conf_error(&errors, "nowhere.at[3].all", "bad");
	conf_error(&errors, NULL, "bad %d", 5);
	is_str(buf_cstr(&errors.text),
		"t:15: items[1].name: bad\nt:15: items[1].tags[4]: bad\nt:12: listen[1]: bad\nt: nowhere.at[3].all: bad\nt: bad 5\n",
		"a fault of the caller's is located");
	is_int(errors.count, 5, "and counted");
	conf_done(keys, &all);
	conf_done(keys, &all);
	ok(!all.title && !all.items.list, "done twice does no harm");
	conf_errors_done(&errors);
}

static void
test_reload(void)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "nothing changed", "size = \"65536\"; life = \"1w\"; items = ( { name = \"a\"; } );", "" },
		{ "what may change", "title = \"new\"; nets = []; group = { strict = false; }; items = ( { name = \"a\"; tags = [\"x\"]; } );", "" },
		{ "what may not", "items = ( { name = \"a\"; } );\ncount = 4;\nlisten = [ \"[::1]:1\", \"10.0.0.1:2\" ];\n",
			"t:2: count: cannot change while running: running with 3, the file says 4\n"
			"t:3: listen: cannot change while running: running with [ \"*:443\" ], the file says [ \"[::1]:1\", \"10.0.0.1:2\" ]\n" },
		{ "a key within a group", "items = ( { name = \"a\"; } ); group = { wait = \"3s\"; };",
			"t:1: group.wait: cannot change while running: running with \"2s\", the file says \"3s\"\n" },
		{ "one entry more", "items = ( { name = \"a\"; }, { name = \"b\"; } );",
			"t:1: items: cannot change while running: running with 1 entries, the file has 2\n" },
		{ "a key within an entry", "items = ( { name = \"b\"; } );",
			"t:1: items[0].name: cannot change while running: running with \"a\", the file says \"b\"\n" },
		{ "a default left out", "on = false; items = ( { name = \"a\"; } ); colour = \"red\"; at = \"127.0.0.1:81\";",
			"t:1: on: cannot change while running: running with true, the file says false\n"
			"t:1: at: cannot change while running: running with \"127.0.0.1:80\", the file says \"127.0.0.1:81\"\n"
			"t:1: colour: cannot change while running: running with \"green\", the file says \"red\"\n" },
	};
	struct conf_errors errors = CONF_ERRORS;
	struct all old;

	ok(load("items = ( { name = \"a\"; } );", &old, &errors), "the running configuration");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_errors found = CONF_ERRORS;
		struct all next;

		ok(load(cases[i].text, &next, &found), "the next configuration: %s", cases[i].name);
		ok(conf_may_reload(keys, &old, &next, &found) == !*cases[i].want, "  may %sreload", *cases[i].want ? "not " : "");
		is_str(buf_cstr(&found.text), cases[i].want, "  with every key told");
		conf_done(keys, &next);
		conf_errors_done(&found);
	}
	conf_done(keys, &old);
	conf_errors_done(&errors);
}

static void
test_write(void)
{
	AUTO_BUF example = BUF_MAX(64 * 1024);
	AUTO_BUF mdoc = BUF_MAX(64 * 1024);
	struct conf_errors errors = CONF_ERRORS;
	struct buf full_buf = BUF_MAX(10);
	struct all all;

	ok(conf_write_example(keys, &example), "the example is written");
	ok(load(buf_cstr(&example), &all, &errors), "and can be loaded as it is");
	is_str(buf_cstr(&errors.text), "", "without errors");
	ok(all.items.count == 0 && all.life_s == 604800, "and means the defaults");
	ok(strstr(buf_cstr(&example), "#items = (\n#\t{\n\t\t# its name (required"), "a list that need not be there is shown, but not in force");
	ok(strstr(buf_cstr(&example), "# how old (10m to 90d; needs a restart)\n#life = \"7d\";\n"), "with help, bounds and default");
	ok(conf_write_mdoc(keys, &mdoc), "the manual's list is written");
	ok(strstr(buf_cstr(&mdoc), "A \\(dqtitle\\(dq."), "with what mdoc would eat escaped");
	ok(!conf_write_example(keys, &full_buf), "a full buffer is told");
	buf_done(&full_buf);
	conf_done(keys, &all);
	conf_errors_done(&errors);
}

static void
test_json(void)
{
	AUTO_BUF json = BUF_MAX(4096);
	struct conf_errors errors = CONF_ERRORS;
	struct buf full_buf = BUF_MAX(10);
	struct all all;

	ok(load("title = \"a\\\"b\"; key = \"file:/k\"; items = ( { name = \"x\"; tags = [ \"t\" ]; } ); on = false;", &all, &errors),
		"a configuration to be shown");
	ok(conf_write_json(keys, &all, &json), "is written as JSON");
	is_str(buf_cstr(&json),
		"{\"title\":\"a\\\"b\",\"key\":\"file:/k\",\"store\":\"\",\"on\":false,\"count\":3,\"size\":\"64K\",\"life\":\"7d\","
		"\"wait\":\"500ms\",\"at\":\"127.0.0.1:80\",\"colour\":\"green\",\"words\":[\"a\",\"b\"],\"listen\":[\"*:443\"],"
		"\"nets\":[\"10.0.0.0/8\"],\"group\":{\"wait\":\"2s\",\"strict\":true},"
		"\"items\":[{\"name\":\"x\",\"weight\":1,\"tags\":[\"t\"]}]}",
		"in the units of the file");
	ok(!conf_write_json(keys, &all, &full_buf), "a full buffer is told");
	buf_done(&full_buf);
	conf_done(keys, &all);
	conf_errors_done(&errors);
}

/* ---- files ---- */

static char folder[] = "/tmp/test_conf.XXXXXX";

static char *
make_file(const char *name, const char *text, unsigned mode)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct problem pr = { 0 };

	if (!file_save(path, span_str(text), mode, &pr))
		printf("# %s\n", pr.cause);
	return path;
}

static void
load_path(const char *path, bool want, const char *want_text, const char *name)
{
	struct conf_errors errors = CONF_ERRORS;
	struct all all = { 0 };
	AUTO_FREE char *text = xasprintf(want_text, folder, folder, folder);

	ok(conf_load(path, keys, &all, &errors) == want, "%s", name);
	is_str(buf_cstr(&errors.text), text, "  and what is said of it");
	conf_done(keys, &all);
	conf_errors_done(&errors);
}

static void
remove_folder(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static void
test_files(void)
{
	AUTO_BUF big = BUF_MAX(CONF_FILE_MAX + 100);
	AUTO_FREE char *loop = NULL, *none = NULL, *dir = NULL, *open_file = NULL, *large = NULL, *sub = NULL, *bad = NULL,
		       *nul = NULL, *main_file = NULL, *unclosed = NULL, *folder_include = NULL, *fifo_path = NULL;

	if (!mkdtemp(folder) || chdir(folder) != 0)
		return;
	sub = make_file("sub.conf", "count = 1; # no newline at the end", 0600);
	main_file = make_file("main.conf", "on = true;\n  @include \"sub.conf\" // more\nat = 3;\n", 0600);
	load_path(main_file, false, "%s/main.conf:3: at: expected an address such as \"127.0.0.1:443\", found an integer\n",
		"an included file is found beside its includer, lines go on behind it");
	load_path("main.conf", false, "main.conf:3: at: expected an address such as \"127.0.0.1:443\", found an integer\n",
		"by a relative path too");
	free(sub);
	sub = make_file("sub.conf", "count = 1;\nwait = \"x\";\n", 0600);
	load_path(main_file, false,
		"%s/sub.conf:2: wait: \"x\" is not a time such as \"500ms\" or \"10s\"\n"
		"%s/main.conf:3: at: expected an address such as \"127.0.0.1:443\", found an integer\n",
		"a fault in an included file is told with its name");
	free(sub);
	sub = make_file("sub.conf", "\n\non = false;\n", 0600);
	load_path(main_file, false, "%s/sub.conf:3: duplicate setting name: \"on = false;\"\n", "a key doubled across files too");
	none = make_file("none.conf", "on = true;\n@include \"/nonexistent/x\"\n", 0600);
	load_path(none, false, "%s/none.conf:2: cannot read /nonexistent/x: No such file or directory\n", "a missing include is told");
	loop = make_file("loop.conf", "@include \"loop.conf\"\n", 0600);
	load_path(loop, false, "%s/loop.conf:1: @include \"loop.conf\": too many, or too deep\n", "an include of itself ends");
	unclosed = make_file("unclosed.conf", "@include \"part.conf\"\n*/ on = true;\n", 0600);
	bad = make_file("part.conf", "count = 1; /* open\n", 0600);
	load_path(unclosed, false, "%s/part.conf:1: a comment that begins here has no end\n", "a comment cannot leave its file");
	folder_include = make_file("dir.conf", "@include \"/tmp\"\n", 0600);
	load_path(folder_include, false, "%s/dir.conf:1: cannot read /tmp: not a regular file\n", "a folder cannot be included");
	dir = xstrdup(folder);
	load_path(dir, false, "%s: cannot be read: not a regular file\n", "nor be the file");
	load_path("/nonexistent/f", false, "/nonexistent/f: cannot be read: No such file or directory\n",
		"a missing file is told");
	open_file = make_file("open.conf", "on = true;\n", 0666);
	load_path(open_file, false, "%s/open.conf: cannot be read: everybody may write it\n",
		"a file that everybody may write is refused");
	nul = make_file("nul.conf", "on = true;\n", 0600);
	ok(truncate(nul, 100) == 0, "a file with NUL octets");
	load_path(nul, false, "%s/nul.conf:1: %s/nul.conf has a NUL octet: not a text file\n", "is refused");
	while (big.n <= CONF_FILE_MAX)
		buf_adds(&big, "# a line that says nothing, many times over, to fill the file up to its limit\n");
	large = make_file("large.conf", buf_cstr(&big), 0600);
	load_path(large, false, "%s/large.conf: cannot be read: larger than 4 MiB\n", "a file of more than 4 MiB is refused");
	fifo_path = xasprintf("%s/fifo", folder);
	ok(mkfifo(fifo_path, 0600) == 0, "a pipe");
	load_path(fifo_path, false, "%s/fifo: cannot be read: not a regular file\n", "is refused and not waited for");
	remove_folder();
}

static void
test_many_errors(void)
{
	AUTO_BUF text = BUF_MAX(1024 * 1024);
	struct conf_errors errors = CONF_ERRORS;
	struct all all;

	for (int i = 0; i < 1000; i++)
		buf_addf(&text, "a_key_that_is_as_long_as_it_is_unknown_and_fills_the_list_of_errors_%d = %d;\n", i, i);
	ok(!load(buf_cstr(&text), &all, &errors), "a thousand unknown keys");
	is_int(errors.count, 1000, "are counted");
	ok(errors.text.n <= 64 * 1024 && errors.text.p[errors.text.n - 1] == '\n', "but not all written");
	conf_done(keys, &all);
	conf_errors_done(&errors);
	buf_adds(&text, "one_more = 1;\n");
	ok(!load(buf_cstr(&text), &all, &errors), "one more");
	is_str(buf_cstr(&errors.text), "t:1001: more than 1000 keys in one group\n", "is too many");
	conf_done(keys, &all);
	conf_errors_done(&errors);
	buf_clear(&text);
	for (int i = 0; i < 1000; i++)
		buf_adds(&text, "a={");
	ok(!load(buf_cstr(&text), &all, &errors), "a thousand groups in each other");
	is_str(buf_cstr(&errors.text), "t:1: groups are nested too deep\n", "are too deep");
	conf_done(keys, &all);
	conf_errors_done(&errors);
}

int
main(void)
{
	int64_t s = 0;

	test_defaults();
	test_values();
	test_refusals();
	test_reload();
	test_write();
	test_json();
	test_files();
	test_many_errors();
	ok(conf_time_parse(SPAN("90s"), &s) && s == 90 && conf_time_parse(SPAN("2w"), &s) && s == 1209600 &&
			conf_time_parse(SPAN("15"), &s) && s == 15,
		"times are read");
	ok(!conf_time_parse(SPAN("1.5h"), &s) && !conf_time_parse(SPAN("1h30m"), &s) && s == 15, "and nothing else");
	return done_testing();
}
