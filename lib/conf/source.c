/* source.c - see source.h. The way of a file: read (bounded) -> join (includes put in place,
 * integers checked, a segment noted wherever the joined text leaves one file for another) ->
 * libconfig -> tree; a line of the joined text leads back to file and line by the segments. */
#include "conf/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INCLUDE_DEPTH 10
#define FILES_MAX 1000
#define GROUP_DEPTH 16
#define GROUP_KEYS 1000

/* From line `joined` of the joined text on, we read `file` from its line `line`. */
struct segment {
	unsigned joined, line;
	size_t file;
};

struct conf_source {
	config_t tree;
	struct buf text;
	unsigned line; /* of the joined text, while it grows */
	char **files;
	size_t file_count;
	struct segment *segments;
	size_t segment_count;
	bool may_include;
	unsigned depth;             /* of the group we are in, while the text grows */
	unsigned keys[GROUP_DEPTH]; /* of the groups around us */
};

static struct conf_place
place_of_line(const struct conf_source *src, unsigned joined)
{
	size_t i = src->segment_count;

	while (i > 1 && src->segments[i - 1].joined > joined)
		i--;
	if (i == 0 || joined == 0)
		return (struct conf_place){ src->files[0], 0 };
	return (struct conf_place){ src->files[src->segments[i - 1].file],
		src->segments[i - 1].line + (joined - src->segments[i - 1].joined) };
}

static struct conf_place
place_now(const struct conf_source *src)
{
	return place_of_line(src, src->line);
}

static void
begin_segment(struct conf_source *src, size_t file, unsigned line)
{
	src->segments = xrealloc(src->segments, (src->segment_count + 1) * sizeof(*src->segments));
	src->segments[src->segment_count++] = (struct segment){ src->line, line, file };
}

static size_t
add_file(struct conf_source *src, const char *path)
{
	src->files = xrealloc(src->files, (src->file_count + 1) * sizeof(*src->files));
	src->files[src->file_count] = xstrdup(path);
	return src->file_count++;
}

/* Whoever may write the file rules the gateway, and a device or pipe could block us for ever. */
static const char *
refuse_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_mode & S_IWOTH)
		return "everybody may write it";
	return NULL;
}

static bool
read_file(const char *path, struct buf *ret, struct conf_errors *errors, struct conf_place place)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = fd < 0 ? strerror(errno) : refuse_file(fd);
	ssize_t n = 1;

	while (!why && n > 0 && buf_reserve(ret, 16 * 1024)) {
		n = read(fd, ret->p + ret->n, 16 * 1024);
		if (n > 0)
			ret->n += (size_t)n;
	}
	if (n < 0)
		why = strerror(errno);
	if (fd >= 0)
		close(fd);
	if (!why && (ret->failed || ret->n > CONF_FILE_MAX))
		why = "larger than 4 MiB";
	if (why && place.line == 0)
		conf_fault(errors, place, NULL, "cannot be read: %s", why);
	else if (why)
		conf_fault(errors, place, NULL, "cannot read %s: %s", path, why);
	return !why;
}

/* Relative to the file that includes it. */
static char *
path_beside(const char *file, struct span name)
{
	const char *slash = strrchr(file, '/');
	int folder = slash ? (int)(slash - file) + 1 : 0;

	if (name.p[0] == '/')
		folder = 0;
	return xasprintf("%.*s%.*s", folder, file, SPAN_FMT(name));
}

/* At the start of a line: ^[ \t]*@include[ \t]+"NAME", as libconfig's scanner has it. Octets used,
 * 0 if it is none. */
static size_t
scan_include(struct span s, struct span *ret_name)
{
	size_t at = 0, start;

	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'))
		at++;
	if (!span_starts(span_from(s, at), "@include"))
		return 0;
	start = at += 8;
	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'))
		at++;
	if (at == start || at == s.n || s.p[at] != '"')
		return 0;
	start = ++at;
	while (at < s.n && s.p[at] != '"' && s.p[at] != '\n')
		at++;
	if (at == s.n || s.p[at] != '"' || at == start)
		return 0;
	*ret_name = span_of(s.p + start, at - start);
	return at + 1;
}

static size_t
scan_until(struct span s, size_t at, const char *end)
{
	for (; at < s.n; at++) {
		if (span_starts(span_from(s, at), end))
			return at + strlen(end);
	}
	return 0;
}

static size_t
scan_string(struct span s)
{
	for (size_t at = 1; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '"')
			return at + 1;
	}
	return 0;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.*+-", c));
}

/* Length of the token at the start of `s`: comment, string, word or one octet. 0 = it has no end.
 */
static size_t
scan_token(struct span s)
{
	size_t at = 1;

	if (s.p[0] == '#' || span_starts(s, "//")) {
		while (at < s.n && s.p[at] != '\n')
			at++;
		return at;
	}
	if (span_starts(s, "/*"))
		return scan_until(s, 2, "*/");
	if (s.p[0] == '"')
		return scan_string(s);
	while (is_word(s.p[0]) && at < s.n && is_word(s.p[at]))
		at++;
	return at;
}

/* libconfig reads an integer without the suffix L by atoi(): give it the suffix where it is needed.
 */
static bool
fix_integer(struct span word, struct buf *out)
{
	char text[32], *end;
	long long v;

	if (!isdigit((unsigned char)word.p[0]) && word.p[0] != '-' && word.p[0] != '+')
		return true;
	if (!span_copy(word, text, sizeof(text)))
		return false;
	errno = 0;
	v = strtoll(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
	if (errno == ERANGE)
		return false;
	if (*end == '\0' && (v > INT_MAX || v < INT_MIN))
		buf_adds(out, "L");
	return true;
}

static bool join(struct conf_source *src, const char *path, struct span text, unsigned depth,
	struct conf_errors *errors);

static bool
join_include(struct conf_source *src, const char *from, struct span name, unsigned depth,
	struct conf_errors *errors)
{
	AUTO_BUF text = BUF_MAX(CONF_FILE_MAX + 16 * 1024);
	AUTO_FREE char *path = NULL;

	if (!src->may_include || depth == INCLUDE_DEPTH || src->file_count == FILES_MAX) {
		conf_fault(errors, place_now(src), NULL, "@include \"%s\": %s", QUOTE(name),
			src->may_include ? "too many, or too deep" : "not possible here");
		return false;
	}
	path = path_beside(from, name);
	if (!read_file(path, &text, errors, place_now(src)))
		return false;
	return join(src, path, buf_span(&text), depth + 1, errors) && buf_addc(&src->text, '\n');
}

/* libconfig compares each key with all others of its group: 60,000 of them take a minute. */
static bool
count_key(struct conf_source *src, char c, struct conf_errors *errors)
{
	if (c == '}' && src->depth)
		src->depth--;
	if (c == '{' && ++src->depth < GROUP_DEPTH)
		src->keys[src->depth] = 0;
	if (src->depth == GROUP_DEPTH) {
		conf_fault(errors, place_now(src), NULL, "groups are nested too deep");
		return false;
	}
	if ((c == '=' || c == ':') && ++src->keys[src->depth] > GROUP_KEYS) {
		conf_fault(
			errors, place_now(src), NULL, "more than %d keys in one group", GROUP_KEYS);
		return false;
	}
	return true;
}

static bool
join_token(struct conf_source *src, struct span token, struct conf_errors *errors)
{
	if (!count_key(src, token.p[0], errors))
		return false;
	buf_addspan(&src->text, token);
	if (is_word(token.p[0]) && !fix_integer(token, &src->text)) {
		conf_fault(errors, place_now(src), NULL, "\"%s\" is no number that can be kept",
			QUOTE(token));
		return false;
	}
	for (size_t i = 0; i < token.n; i++)
		src->line += token.p[i] == '\n';
	if (src->text.failed)
		conf_fault(errors, place_now(src), NULL, "larger than 4 MiB with what it includes");
	return !src->text.failed;
}

static bool
join(struct conf_source *src, const char *path, struct span text, unsigned depth,
	struct conf_errors *errors)
{
	size_t file = add_file(src, path), used;
	bool line_start = true;
	struct span name;

	begin_segment(src, file, 1);
	if (text.n && memchr(text.p, '\0', text.n)) {
		conf_fault(
			errors, place_now(src), NULL, "%s has a NUL octet: not a text file", path);
		return false;
	}
	for (; text.n; text = span_from(text, used)) {
		used = line_start ? scan_include(text, &name) : 0;
		if (used) {
			unsigned line = place_now(src).line;

			if (!join_include(src, path, name, depth, errors))
				return false;
			src->line++;
			begin_segment(src, file, line);
			line_start = false;
			continue;
		}
		used = scan_token(text);
		if (used == 0) {
			conf_fault(errors, place_now(src), NULL, "a %s that begins here has no end",
				text.p[0] == '"' ? "string" : "comment");
			return false;
		}
		if (!join_token(src, span_of(text.p, used), errors))
			return false;
		line_start = text.p[used - 1] == '\n';
	}
	return true;
}

/* What libconfig says, and the line it means: for a doubled key the second one. */
static void
report_parse_error(const struct conf_source *src, struct conf_errors *errors)
{
	unsigned line = (unsigned)config_error_line(&src->tree), at = 1;
	const char *what = config_error_text(&src->tree);
	struct span rest = buf_span(&src->text), text = SPAN_NONE;

	while (at <= line && span_cut(&rest, '\n', &text))
		at++;
	conf_fault(errors, place_of_line(src, line), NULL, "%s%s \"%s\"", what,
		strstr(what, "duplicate") ? ":" : " at or before", QUOTE(span_trim(text)));
}

struct conf_source *
conf_source_open(const char *path, struct span text, struct conf_errors *errors)
{
	struct conf_source *src = xcalloc(1, sizeof(*src));
	AUTO_BUF file = BUF_MAX(CONF_FILE_MAX + 16 * 1024);
	bool good = true;

	config_init(&src->tree);
	/* no include may be left for libconfig; should one be, it must not be found */
	config_set_include_dir(&src->tree, "/nonexistent");
	src->text = BUF_MAX(CONF_FILE_MAX);
	src->line = 1;
	src->may_include = !text.p;
	if (!text.p) {
		good = read_file(path, &file, errors, (struct conf_place){ path, 0 });
		text = buf_span(&file);
	}
	good = good && join(src, path, text, 0, errors);
	if (good && config_read_string(&src->tree, buf_cstr(&src->text)) != CONFIG_TRUE) {
		report_parse_error(src, errors);
		good = false;
	}
	if (good)
		return src;
	conf_source_free(src);
	return NULL;
}

void
conf_source_free(struct conf_source *src)
{
	if (!src)
		return;
	config_destroy(&src->tree);
	for (size_t i = 0; i < src->file_count; i++)
		free(src->files[i]);
	free(src->files);
	free(src->segments);
	buf_done(&src->text);
	free(src);
}

const config_setting_t *
conf_source_root(const struct conf_source *src)
{
	return config_root_setting(&src->tree);
}

struct conf_place
conf_source_place(const struct conf_source *src, const config_setting_t *setting)
{
	return place_of_line(src, config_setting_source_line(setting));
}

/* One step of a path: "name" or "[3]", with the dot before it. NULL if there is no such setting. */
static const config_setting_t *
step_down(const config_setting_t *at, const char **where)
{
	char name[128];
	size_t n;

	if (**where == '[') {
		unsigned long index = strtoul(*where + 1, (char **)where, 10);

		*where += **where == ']';
		if (!config_setting_is_list(at) && !config_setting_is_array(at))
			return NULL;
		return index <= INT_MAX ? config_setting_get_elem(at, (unsigned)index) : NULL;
	}
	*where += **where == '.';
	n = strcspn(*where, ".[");
	if (!config_setting_is_group(at) || n == 0 ||
		!span_copy(span_of(*where, n), name, sizeof(name)))
		return NULL;
	*where += n;
	return config_setting_get_member(at, name);
}

struct conf_place
conf_source_locate(const struct conf_source *src, const char *where)
{
	const config_setting_t *at = conf_source_root(src), *next = at;

	while (*where && (next = step_down(at, &where)) != NULL)
		at = next;
	return conf_source_place(src, at);
}
