/* log.c - see log.h. A line is built in a fixed buffer and written by one write(2): lines never mix. */
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static const char *const level_names[] = { [LOG_ERROR] = "error", [LOG_WARNING] = "warning",
	[LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug" };
/* syslog severities for the journal's <N> prefix */
static const int severities[] = { [LOG_ERROR] = 3, [LOG_WARNING] = 4, [LOG_NOTICE] = 5,
	[LOG_INFO] = 6, [LOG_DEBUG] = 7 };

static _Atomic int wanted = LOG_INFO;
static enum log_form form_used = LOG_LOGFMT;
static bool to_journal;

static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void
log_init(enum log_level level, enum log_form form)
{
	atomic_store(&wanted, (int)level);
	form_used = form;
	to_journal = stderr_is_journal();
}

void
log_set_level(enum log_level level)
{
	atomic_store(&wanted, (int)level);
}

bool
log_level_parse(struct span name, enum log_level *ret)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (span_is(name, level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&wanted, memory_order_relaxed);
}

/* Between double quotes, both for logfmt and for JSON. */
static void
add_quoted(struct buf *b, struct span s)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			buf_addf(b, "\\u%04x", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

static bool
is_bare(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return s.n > 0;
}

static void
add_field(struct buf *b, const struct log_field *f)
{
	if (f->is_text && f->text.n == 0)
		return;
	buf_addf(b, form_used == LOG_JSON ? ",\"%s\":" : " %s=", f->name);
	if (!f->is_text)
		buf_addf(b, "%lld", (long long)f->number);
	else if (form_used == LOG_LOGFMT && is_bare(f->text))
		buf_addspan(b, f->text);
	else
		add_quoted(b, f->text);
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	AUTO_BUF line = BUF_MAX(16 * 1024);
	char when[TIME_TEXT];

	if (to_journal)
		buf_addf(&line, "<%d>", severities[level]);
	if (form_used == LOG_JSON) {
		buf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
			time_rfc3339(clock_unix_s(), when), level_names[level], event);
	} else {
		if (!to_journal)
			buf_addf(&line, "time=%s ", time_rfc3339(clock_unix_s(), when));
		buf_addf(&line, "level=%s event=%s", level_names[level], event);
	}
	for (size_t i = 0; i < count; i++)
		add_field(&line, &fields[i]);
	buf_adds(&line, form_used == LOG_JSON ? "}\n" : "\n");
	/* a log that cannot be written is nobody's to report to */
	if (write(STDERR_FILENO, line.p, line.n) < 0)
		return;
}
