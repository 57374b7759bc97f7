/* write.c - the commented example file and the man page's list, from the same rows; see conf.h. */
#include <ctype.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/value.h"

#define COLUMNS 78

/* Words of `text`, each line with `prefix`. */
static void
write_wrapped(struct buf *out, const char *prefix, const char *text)
{
	size_t indent = 0, column;
	struct span rest = span_str(text), word;

	for (const char *c = prefix; *c; c++)
		indent += *c == '\t' ? 8 : 1;
	column = COLUMNS + 1;
	while (span_cut(&rest, ' ', &word)) {
		if (column + 1 + word.n > COLUMNS) {
			if (column <= COLUMNS)
				buf_addc(out, '\n');
			buf_adds(out, prefix);
			column = indent;
		} else {
			buf_addc(out, ' ');
			column++;
		}
		buf_addspan(out, word);
		column += word.n;
	}
	buf_addc(out, '\n');
}

static const char *
unit_of(const struct conf_key *key)
{
	return key->kind == CONF_LIST || conf_is_strings(key->kind) ? " entries" : "";
}

/* The longest string that is taken interests nobody who writes one. */
static bool
tells_bounds(const struct conf_key *key)
{
	return key->hi && key->kind != CONF_STRING;
}

/* "a|b|c" with `sep` between. */
static void
write_choices(const struct conf_key *key, const char *sep, struct buf *out)
{
	for (const char *c = key->choices; *c; c++) {
		if (*c == '|')
			buf_adds(out, sep);
		else
			buf_addc(out, *c);
	}
}

/* Help, then in brackets what the row says besides. */
static void
write_comment(const struct conf_key *key, const char *indent, struct buf *out)
{
	AUTO_BUF text = BUF_MAX(4096);
	AUTO_FREE char *prefix = xasprintf("%s# ", indent);
	const char *sep = " (";

	buf_adds(&text, key->help);
	if (key->flags & CONF_REQUIRED) {
		buf_addf(&text, "%srequired", sep);
		sep = "; ";
	}
	if (key->choices) {
		buf_adds(&text, sep);
		write_choices(key, ", ", &text);
		sep = "; ";
	}
	if (tells_bounds(key) && key->lo) {
		buf_addf(&text, "%s%s to %s%s", sep, key->lo, key->hi, unit_of(key));
		sep = "; ";
	} else if (tells_bounds(key)) {
		buf_addf(&text, "%sat most %s%s", sep, key->hi, unit_of(key));
		sep = "; ";
	}
	if (!(key->flags & CONF_RELOAD) && key->kind != CONF_GROUP) {
		buf_addf(&text, "%sneeds a restart", sep);
		sep = "; ";
	}
	if (*sep == ';')
		buf_addc(&text, ')');
	write_wrapped(out, prefix, buf_cstr(&text));
}

/* `off`: nothing of it is in force, for it stands in a list that need not be there. */
static void
write_group(const struct conf_key *keys, const char *indent, bool off, struct buf *out)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		AUTO_FREE char *deeper =
			xasprintf("%s%s", indent, k->kind == CONF_LIST ? "\t\t" : "\t");
		const char *text = k->example ? k->example : k->def ? k->def : "";

		bool is_off = off || (!(k->flags & (CONF_REQUIRED | CONF_SHOWN)) && k->kind != CONF_GROUP);
		const char *hash = is_off ? "#" : "";

		if (k != keys)
			buf_addc(out, '\n');
		write_comment(k, indent, out);
		if (k->kind == CONF_GROUP) {
			buf_addf(out, "%s%s%s = {\n", indent, hash, k->name);
			write_group(k->sub, deeper, is_off, out);
			buf_addf(out, "%s%s};\n", indent, hash);
		} else if (k->kind == CONF_LIST) {
			buf_addf(out, "%s%s%s = (\n%s%s\t{\n", indent, hash, k->name, indent, hash);
			write_group(k->sub, deeper, is_off, out);
			buf_addf(out, "%s%s\t}\n%s%s);\n", indent, hash, indent, hash);
		} else {
			buf_addf(out, "%s%s%s = ", indent, hash, k->name);
			conf_value_write_text(k, text, out);
			buf_adds(out, ";\n");
		}
	}
}

bool
conf_write_example(const struct conf_key *keys, struct buf *out)
{
	write_group(keys, "", false, out);
	return buf_ok(out);
}

static const char *
kind_name(const struct conf_key *key)
{
	static const char *const names[] = { [CONF_STRING] = "string",
		[CONF_BOOL] = "boolean",
		[CONF_INT] = "integer",
		[CONF_SIZE] = "size",
		[CONF_TIME] = "time",
		[CONF_MSEC] = "time",
		[CONF_ADDR] = "address",
		[CONF_CHOICE] = "choice",
		[CONF_STRINGS] = "strings",
		[CONF_ADDRS] = "addresses",
		[CONF_NETS] = "networks" };

	return key->flags & CONF_SECRET ? "secret" : names[key->kind];
}

/* A backslash begins an escape, a quotation mark ends an argument. */
static void
write_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			buf_adds(out, "\\e");
		else if (*text == '"')
			buf_adds(out, "\\(dq");
		else
			buf_addc(out, *text);
	}
}

static void
write_literal(struct buf *out, const char *macro, const char *text, const char *end)
{
	buf_addf(out, ".%s \"", macro);
	write_escaped(out, text);
	buf_addf(out, "\"%s\n", end);
}

static void
write_default(const struct conf_key *key, struct buf *out)
{
	AUTO_BUF text = BUF_MAX(4096);

	if (key->flags & CONF_REQUIRED) {
		buf_adds(out, "Required.\n");
		return;
	}
	if (!key->def || !*key->def)
		return;
	conf_value_write_text(key, key->def, &text);
	buf_adds(out, "The default is\n");
	write_literal(out, "Ql", buf_cstr(&text), " .");
}

static void
write_bounds(const struct conf_key *key, struct buf *out)
{
	struct span rest = span_str(key->choices), name;

	if (key->choices) {
		buf_adds(out, "One of\n");
		while (span_cut(&rest, '|', &name))
			buf_addf(out, ".Ql %.*s%s\n", SPAN_FMT(name), rest.p ? " ," : " .");
	}
	if (tells_bounds(key) && key->lo)
		buf_addf(out, "From %s to %s%s.\n", key->lo, key->hi, unit_of(key));
	else if (tells_bounds(key))
		buf_addf(out, "At most %s%s.\n", key->hi, unit_of(key));
}

static void
write_mdoc_list(const struct conf_key *keys, struct buf *out)
{
	buf_adds(out, ".Bl -tag -width Ds\n");
	for (const struct conf_key *k = keys; k->name; k++) {
		AUTO_BUF help = BUF_MAX(1024);

		if (k->kind == CONF_GROUP)
			buf_addf(out, ".It Ic %s No = Brq Ar ...\n", k->name);
		else if (k->kind == CONF_LIST)
			buf_addf(out, ".It Ic %s No = Pq Bro Ar ... Brc , Ar ...\n", k->name);
		else
			buf_addf(out, ".It Ic %s No = Ar %s\n", k->name, kind_name(k));
		write_escaped(&help, k->help);
		if (help.n)
			help.p[0] = (char)toupper((unsigned char)help.p[0]);
		if (help.n && help.p[help.n - 1] != '?')
			buf_addc(&help, '.');
		write_wrapped(out, "", buf_cstr(&help));
		write_default(k, out);
		write_bounds(k, out);
		if (k->flags & CONF_RELOAD)
			buf_adds(out, "A reload may change it.\n");
		if (k->sub)
			write_mdoc_list(k->sub, out);
	}
	buf_adds(out, ".El\n");
}

bool
conf_write_mdoc(const struct conf_key *keys, struct buf *out)
{
	write_mdoc_list(keys, out);
	return buf_ok(out);
}
