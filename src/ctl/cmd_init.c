/* cmd_init.c - acmegatectl init: a first configuration that works, and its state folder.
 *
 * The text is built from the options with the help lines of the key table as comments, read back by the loader that the daemon
 * uses, and only then written. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "gate/conf.h"
#include "json/jw.h"

#define STATE_DIR "/var/lib/acmegate"
#define DAEMON_USER "acmegate" /* the packages make it */

struct init {
	struct ctl *ctl;
	char *file, *state, *url; /* owned */
	const char *upstream;     /* NULL: the local CA */
	struct buf text;
};

/* ---- the text ---- */

static void
add_string(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(out, '\\');
		if ((unsigned char)*s < 0x20)
			buf_addf(out, "\\x%02x", (unsigned char)*s);
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

static const struct conf_key *
find_key(const struct conf_key *keys, const char *name)
{
	while (keys->name && strcmp(keys->name, name) != 0)
		keys++;
	return keys;
}

static void
add_comment(struct buf *out, const char *indent, const char *help)
{
	struct span rest = span_str(help), word;
	size_t at = 0;

	while (span_cut(&rest, ' ', &word)) {
		if (at == 0 || at + 1 + word.n > 76) {
			buf_addf(out, "%s%s#", at ? "\n" : "", indent);
			at = strlen(indent) + 1;
		}
		buf_addf(out, " %.*s", SPAN_FMT(word));
		at += 1 + word.n;
	}
	buf_addc(out, '\n');
}

/* A comment and "key = "; the value follows. */
static void
add_key(struct init *in, const struct conf_key *keys, const char *indent, const char *name)
{
	add_comment(&in->text, indent, find_key(keys, name)->help);
	buf_addf(&in->text, "%s%s = ", indent, name);
}

static void
put_string(struct init *in, const struct conf_key *keys, const char *indent, const char *name, const char *value)
{
	if (!value)
		return;
	add_key(in, keys, indent, name);
	add_string(&in->text, value);
	buf_adds(&in->text, ";\n\n");
}

/* All values of an option that may be given again. */
static void
put_strings(struct init *in, const struct conf_key *keys, const char *indent, const char *name, const char *option)
{
	const char *value;

	if (!ctl_opt(in->ctl, option))
		return;
	add_key(in, keys, indent, name);
	buf_addc(&in->text, '[');
	for (size_t i = 0; (value = ctl_opt_at(in->ctl, option, i)); i++) {
		buf_adds(&in->text, i ? ", " : " ");
		add_string(&in->text, value);
	}
	buf_adds(&in->text, " ];\n\n");
}

static void
put_address(struct init *in, const char *name, const char *value)
{
	if (!value)
		return;
	add_key(in, gate_conf_keys, "", name);
	buf_adds(&in->text, "[ ");
	add_string(&in->text, value);
	buf_adds(&in->text, " ];\n\n");
}

static void
put_networks(struct init *in)
{
	if (ctl_opt(in->ctl, "networks")) {
		put_strings(in, gate_conf_keys, "", "networks", "networks");
		return;
	}
	/* written out, so that whoever reads the file sees where the gateway connects to (V1) */
	add_key(in, gate_conf_keys, "", "networks");
	buf_adds(&in->text, "[ \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"fc00::/7\" ];\n\n");
}

/* Does a rule allow addresses? Then the profile must take them. */
static bool
allows_addresses(const struct ctl *ctl)
{
	struct problem pr = { 0 };
	const char *pattern;
	struct net net;

	for (size_t i = 0; (pattern = ctl_opt_at(ctl, "allow", i)); i++) {
		if (net_parse(span_str(pattern), &net, &pr))
			return true;
	}
	return false;
}

/* What its entry is called: a CA that is known by name keeps it. */
static const char *
name_of(const struct init *in)
{
	if (!in->upstream)
		return "local";
	return ca_preset_find(in->upstream) ? in->upstream : "ca";
}

static void
put_profile(struct init *in)
{
	const struct conf_key *list = find_key(gate_conf_keys, "profiles");
	const char *port = ctl_opt(in->ctl, "http01-port");

	add_key(in, gate_conf_keys, "", "profiles");
	buf_adds(&in->text, "(\n\t{\n");
	put_string(in, list->sub, "\t\t", "name", "default");
	put_string(in, list->sub, "\t\t", "upstream", name_of(in));
	if (allows_addresses(in->ctl)) {
		add_key(in, list->sub, "\t\t", "identifier_types");
		buf_adds(&in->text, "[ \"dns\", \"ip\" ];\n\n");
	}
	if (port) {
		add_key(in, list->sub, "\t\t", "http01_port");
		buf_addf(&in->text, "%s;\n\n", port);
	}
	in->text.n--; /* the empty line */
	buf_adds(&in->text, "\t}\n);\n\n");
}

static char *
absolute(const char *path)
{
	char *cwd, *full;

	if (*path == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	full = xasprintf("%s/%s", cwd ? cwd : "", path);
	free(cwd);
	return full;
}

static void
put_path(struct init *in, const struct conf_key *keys, const char *name, const char *prefix, const char *option)
{
	const char *path = ctl_opt(in->ctl, option);
	AUTO_FREE char *full = path ? absolute(path) : NULL, *value = full ? xasprintf("%s%s", prefix, full) : NULL;

	put_string(in, keys, "\t\t", name, value);
}

static void
put_ca(struct init *in, const struct conf_key *keys)
{
	const char *contact = ctl_opt(in->ctl, "contact");
	AUTO_FREE char *mail =
		contact ? xasprintf("%s%s", strncmp(contact, "mailto:", 7) == 0 ? "" : "mailto:", contact) : NULL;

	put_string(in, keys, "\t\t", ca_preset_find(in->upstream) ? "preset" : "directory", in->upstream);
	put_path(in, keys, "ca_file", "", "upstream-ca-file");
	put_string(in, keys, "\t\t", "contact", mail);
	add_key(in, keys, "\t\t", "accept_terms");
	buf_addf(&in->text, "%s;\n\n", ctl_opt(in->ctl, "accept-terms") ? "true" : "false");
	put_string(in, keys, "\t\t", "eab_kid", ctl_opt(in->ctl, "eab-kid"));
	put_path(in, keys, "eab_key", "file:", "eab-key-file");
}

static void
put_upstream(struct init *in)
{
	const struct conf_key *keys = find_key(gate_conf_keys, "upstreams")->sub;

	add_key(in, gate_conf_keys, "", "upstreams");
	buf_adds(&in->text, "(\n\t{\n");
	put_string(in, keys, "\t\t", "name", name_of(in));
	put_string(in, keys, "\t\t", "driver", in->upstream ? "acme" : "local");
	if (in->upstream)
		put_ca(in, keys);
	in->text.n--;
	buf_adds(&in->text, "\t}\n);\n\n");
}

static void
put_rule(struct init *in)
{
	const struct conf_key *keys = find_key(gate_conf_keys, "rules")->sub;

	add_key(in, gate_conf_keys, "", "rules");
	buf_adds(&in->text, "(\n\t{\n");
	put_string(in, keys, "\t\t", "name", "devices");
	put_strings(in, keys, "\t\t", "names", "allow");
	in->text.n--;
	buf_adds(&in->text, "\t}\n);\n");
}

static void
write_text(struct init *in)
{
	const char *http01 = ctl_opt(in->ctl, "http01-listen");

	buf_adds(&in->text, "# acmegate.conf - written by `acmegatectl init`.\n"
			    "#\n"
			    "# acmegate.conf(5) and `acmegatectl config keys` tell of all keys; those not here have\n"
			    "# their defaults. Check the file after a change with `acmegatectl config check`, and\n"
			    "# put it in force with `acmegatectl reload`.\n\n");
	put_string(in, gate_conf_keys, "", "external_url", in->url);
	put_string(in, gate_conf_keys, "", "state_dir", in->state);
	put_address(in, "listen", ctl_opt(in->ctl, "listen") ? ctl_opt(in->ctl, "listen") : "*:443");
	put_address(in, "http01_listen", http01 ? http01 : in->upstream ? "*:80" : NULL);
	put_string(in, gate_conf_keys, "", "admin_socket", ctl_opt(in->ctl, "admin-socket"));
	put_networks(in);
	put_strings(in, gate_conf_keys, "", "resolvers", "resolver");
	put_profile(in);
	put_upstream(in);
	put_rule(in);
}

/* ---- checks ---- */

/* external_url from --url, or from --name and the port of --listen. */
static char *
make_url(struct ctl *ctl)
{
	const char *url = ctl_opt(ctl, "url"), *name = ctl_opt(ctl, "name"), *listen = ctl_opt(ctl, "listen");
	const char *port = listen ? strrchr(listen, ':') : NULL;

	if (url)
		return xstrdup(url);
	return xasprintf("https://%s%s", name, port && strcmp(port, ":443") != 0 ? port : "");
}

static int
check_upstream(struct ctl *ctl)
{
	const char *ca = ctl_opt(ctl, "upstream");
	AUTO_BUF names = BUF_MAX(4096);

	if (!ca || strstr(ca, "://") || ca_preset_find(ca))
		return CTL_DONE;
	for (size_t i = 0; ca_preset_at(i); i++)
		buf_addf(&names, "%s%s", i ? ", " : "", ca_preset_at(i)->name);
	return ctl_fail(ctl, CTL_USAGE, "--upstream \"%s\" is no directory URL, and no CA that is known: %s", ca, buf_cstr(&names));
}

static int
check_options(struct ctl *ctl)
{
	static const char *const acme_only[] = { "upstream-ca-file", "eab-kid", "eab-key-file", "contact", "accept-terms" };
	static const char *const files[] = { "upstream-ca-file", "eab-key-file" };

	uint64_t port;

	if (ctl_opt(ctl, "http01-port") && !span_uint(span_str(ctl_opt(ctl, "http01-port")), 65535, &port))
		return ctl_fail(ctl, CTL_USAGE, "--http01-port needs a number from 1 to 65535");
	if (!ctl_opt(ctl, "url") == !ctl_opt(ctl, "name"))
		return ctl_fail(ctl, CTL_USAGE, "--name HOST or --url URL is needed: how devices reach the gateway");
	if (!ctl_opt(ctl, "allow"))
		return ctl_fail(ctl, CTL_USAGE,
			"--allow PATTERN is needed: what devices may have, such as --allow '*.devices.example.com'");
	for (size_t i = 0; !ctl_opt(ctl, "upstream") && i < COUNT_OF(acme_only); i++) {
		if (ctl_opt(ctl, acme_only[i]))
			return ctl_fail(ctl, CTL_USAGE, "--%s goes with --upstream CA", acme_only[i]);
	}
	if (!ctl_opt(ctl, "eab-kid") != !ctl_opt(ctl, "eab-key-file"))
		return ctl_fail(ctl, CTL_USAGE, "--eab-kid and --eab-key-file need each other");
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *file = ctl_opt(ctl, files[i]);

		if (file && access(file, R_OK) != 0)
			return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
	}
	return check_upstream(ctl);
}

static int
check_text(struct init *in)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = gate_conf_load_text(in->file, buf_span(&in->text), &errors);
	struct span rest = buf_span(&errors.text), line;
	int code = CTL_DONE;

	while (!conf && rest.n && span_cut(&rest, '\n', &line)) {
		if (line.n)
			ctl_note(in->ctl, "%.*s", SPAN_FMT(line));
	}
	if (!conf)
		code = ctl_fail(in->ctl, CTL_USAGE, "these options make no good configuration; nothing was written");
	conf_errors_done(&errors);
	gate_conf_unref(conf);
	return code;
}

/* ---- folders and file ---- */

/* The folder and those above it. The last one gets `mode`. */
static bool
make_folder(const char *path, mode_t mode)
{
	AUTO_FREE char *part = xstrdup(path);

	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return mkdir(part, mode) == 0 || errno == EEXIST;
}

/* Started by root, the daemon runs as a user of its own who must own its state. */
static bool
give_to_daemon(const char *path)
{
	struct passwd *pw = geteuid() == 0 ? getpwnam(DAEMON_USER) : NULL;

	return !pw || chown(path, pw->pw_uid, pw->pw_gid) == 0;
}

static int
make_state(struct init *in)
{
	struct stat st;

	if (!make_folder(in->state, 0700) || stat(in->state, &st) != 0)
		return ctl_fail(in->ctl, CTL_FAILED, "%s: %s", in->state, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ctl_fail(in->ctl, CTL_FAILED, "%s is not a folder", in->state);
	if (st.st_uid == geteuid() && (chmod(in->state, 0700) != 0 || !give_to_daemon(in->state)))
		return ctl_fail(in->ctl, CTL_FAILED, "%s: %s", in->state, strerror(errno));
	return CTL_DONE;
}

static bool
write_new(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool good = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (fd >= 0 && !good)
		unlink(path);
	errno = error;
	return good;
}

/* In whole or not at all: written aside, then put in its place; without --force only where nothing is. */
static int
write_file(struct init *in)
{
	AUTO_FREE char *aside = xasprintf("%s.%ld.new", in->file, (long)getpid());
	AUTO_FREE char *folder = span_dup(span_of(in->file, (size_t)(strrchr(in->file, '/') - in->file)));
	bool good = (!*folder || make_folder(folder, 0755)) && write_new(aside, buf_span(&in->text)) &&
		(ctl_opt(in->ctl, "force") ? rename(aside, in->file) == 0 : link(aside, in->file) == 0);
	int error = errno;

	unlink(aside);
	if (good)
		return CTL_DONE;
	if (error == EEXIST)
		return ctl_fail(in->ctl, CTL_CONFLICT, "%s is there already; --force overwrites it", in->file);
	return ctl_fail(in->ctl, CTL_FAILED, "%s: %s", in->file, strerror(error));
}

static void
tell(struct init *in)
{
	struct buf *out = &in->ctl->out;
	const struct ca_preset *preset = in->upstream ? ca_preset_find(in->upstream) : NULL;
	bool is_default = strcmp(in->file, CTL_CONFIG_FILE) == 0;
	AUTO_FREE char *option = is_default ? xstrdup("") : xasprintf(" -c %s", in->file);

	buf_addf(out, "Wrote the configuration %s and made the state folder %s.\n", in->file, in->state);
	buf_addf(out, "%s\n\n", in->upstream ? "Certificates come from the CA at --upstream." : "Certificates come from a local CA, made at the first start.");
	buf_addf(out, "Next:\n  acmegated%s -t\n", option);
	buf_addf(out, "  %s%s\n", is_default ? "systemctl enable --now acmegate" : "acmegated", option);
	if (preset && preset->needs_eab && !ctl_opt(in->ctl, "eab-kid"))
		buf_addf(out, "  acmegatectl%s upstream set-eab %s --kid KID --key-file FILE   (this CA demands one)\n", option, preset->name);
	buf_addf(out, "  acmegatectl%s status\n", option);
	buf_addf(out, "  curl --cacert %s/tls/root.pem %s/directory\n", in->state, in->url);
}

static void
tell_json(struct init *in)
{
	struct jw w = jw_to(&in->ctl->out);

	jw_object(&w, NULL);
	jw_str(&w, "file", in->file);
	jw_str(&w, "state_dir", in->state);
	jw_str(&w, "external_url", in->url);
	jw_end(&w);
	buf_addc(&in->ctl->out, '\n');
}

int
cmd_init(struct ctl *ctl)
{
	struct init in = { .ctl = ctl, .upstream = ctl_opt(ctl, "upstream"), .text = BUF_MAX(1024 * 1024) };
	int code = check_options(ctl);

	if (code != CTL_DONE)
		return code;
	in.file = absolute(ctl_opt(ctl, "config") ? ctl_opt(ctl, "config") : CTL_CONFIG_FILE);
	in.state = absolute(ctl_opt(ctl, "state") ? ctl_opt(ctl, "state") : STATE_DIR);
	in.url = make_url(ctl);
	write_text(&in);
	code = check_text(&in);
	if (code == CTL_DONE && !ctl_opt(ctl, "force") && access(in.file, F_OK) == 0)
		code = ctl_fail(ctl, CTL_CONFLICT, "%s is there already; --force overwrites it", in.file);
	if (code == CTL_DONE)
		code = make_state(&in);
	if (code == CTL_DONE)
		code = write_file(&in);
	if (code == CTL_DONE && ctl->json)
		tell_json(&in);
	else if (code == CTL_DONE)
		tell(&in);
	free(in.file);
	free(in.state);
	free(in.url);
	buf_done(&in.text);
	return code;
}
