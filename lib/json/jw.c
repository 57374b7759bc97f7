/* jw.c - see jw.h. A misuse (name missing or superfluous, a second root, one end too many) fails
 * the buffer, so that jw_ok() answers false: half a document never leaves the house. */
#include "json/jw.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "json/escape.h"

struct jw
jw_to(struct buf *out)
{
	return (struct jw){ .out = out };
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void
escape_one(struct buf *out, unsigned char c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
		if ((unsigned char)shorts[i] == c) {
			buf_add(out, (char[]){ '\\', shorts[i + 1] }, 2);
			return;
		}
	}
	buf_add(out, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
}

void
json_escape(struct buf *out, struct span s)
{
	buf_addc(out, '"');
	while (s.n > 0) {
		size_t n = 0;

		while (n < s.n && is_plain((unsigned char)s.p[n]))
			n++;
		if (n == 0) {
			n = utf8_step(s);
			if (n == 1)
				escape_one(out, (unsigned char)s.p[0]);
			else if (n == 0)
				buf_adds(out, "\xef\xbf\xbd");
			else
				buf_add(out, s.p, n);
			n += n == 0;
		} else {
			buf_add(out, s.p, n);
		}
		s = span_from(s, n);
	}
	buf_addc(out, '"');
}

/* Comma and name before a value. */
static void
begin(struct jw *w, const char *name)
{
	bool in_object = w->depth > 0 && w->closers[w->depth - 1] == '}';

	if (in_object != (name != NULL) || (w->depth == 0 && w->comma)) {
		w->out->failed = true;
		return;
	}
	if (w->comma)
		buf_addc(w->out, ',');
	if (name) {
		json_escape(w->out, span_str(name));
		buf_addc(w->out, ':');
	}
	w->comma = true;
}

static void
open_container(struct jw *w, const char *name, char opener, char closer)
{
	begin(w, name);
	if (w->depth == JW_DEPTH) {
		w->out->failed = true;
		return;
	}
	buf_addc(w->out, opener);
	w->closers[w->depth++] = closer;
	w->comma = false;
}

void
jw_object(struct jw *w, const char *name)
{
	open_container(w, name, '{', '}');
}

void
jw_array(struct jw *w, const char *name)
{
	open_container(w, name, '[', ']');
}

void
jw_end(struct jw *w)
{
	if (w->depth == 0) {
		w->out->failed = true;
		return;
	}
	buf_addc(w->out, w->closers[--w->depth]);
	w->comma = true;
}

void
jw_str(struct jw *w, const char *name, const char *s)
{
	if (s)
		jw_span(w, name, span_str(s));
	else
		jw_null(w, name);
}

void
jw_span(struct jw *w, const char *name, struct span s)
{
	begin(w, name);
	json_escape(w->out, s);
}

void
jw_int(struct jw *w, const char *name, int64_t v)
{
	begin(w, name);
	buf_addf(w->out, "%lld", (long long)v);
}

void
jw_bool(struct jw *w, const char *name, bool v)
{
	begin(w, name);
	buf_adds(w->out, v ? "true" : "false");
}

void
jw_null(struct jw *w, const char *name)
{
	begin(w, name);
	buf_adds(w->out, "null");
}

void
jw_time(struct jw *w, const char *name, int64_t unix_s)
{
	char text[TIME_TEXT];

	jw_str(w, name, time_rfc3339(unix_s, text));
}

void
jw_raw(struct jw *w, const char *name, struct span json)
{
	if (json.n == 0) {
		jw_null(w, name);
		return;
	}
	begin(w, name);
	buf_addspan(w->out, json);
}

bool
jw_ok(const struct jw *w)
{
	return w->depth == 0 && w->comma && buf_ok(w->out);
}
