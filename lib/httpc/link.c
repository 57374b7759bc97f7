/* link.c - Link fields (RFC 8288 section 3) and URL references (RFC 3986 section 5): pure
 * functions over hostile text.
 *
 * Several links may stand in one field and in several fields (RFC 8555 section 7.4.2). A link
 * that is malformed ends at the next comma outside of quotes and does not hide its neighbours. */
#include "httpc/httpc.h"

#include <ctype.h>

#include <curl/curl.h>

#define URL_MAX_OCTETS 8192

struct link {
	struct span target;
	struct span rel; /* as it stands: words, maybe with backslashes */
	bool has_anchor;
};

static void
skip_blanks(struct span *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = span_from(*s, 1);
}

/* What stands before the first octet of `ends`. */
static struct span
take_until(struct span *s, const char *ends)
{
	struct span taken = { s->p, 0 };

	while (taken.n < s->n && (s->p[taken.n] == '\0' || !strchr(ends, s->p[taken.n])))
		taken.n++;
	*s = span_from(*s, taken.n);
	return taken;
}

/* The inside of a quoted-string whose opening quote is s->p[0]; to the end if it is never
 * closed. */
static struct span
take_quoted(struct span *s)
{
	struct span inside = { s->p + 1, 0 };
	size_t i = 1;

	while (i < s->n && s->p[i] != '"')
		i += s->p[i] == '\\' ? 2 : 1;
	if (i > s->n)
		i = s->n;
	inside.n = i - 1;
	*s = span_from(*s, i + 1);
	return inside;
}

/* One parameter after its semicolon. Only the first rel counts (section 3.3). */
static void
take_param(struct span *s, struct link *link)
{
	struct span name, value = SPAN_NONE;

	skip_blanks(s);
	name = span_trim(take_until(s, "=;,"));
	if (s->n > 0 && s->p[0] == '=') {
		*s = span_from(*s, 1);
		skip_blanks(s);
		if (s->n > 0 && s->p[0] == '"')
			value = take_quoted(s);
		else
			value = span_trim(take_until(s, ";,"));
	}
	if (span_is_nocase(name, "rel") && !link->rel.p)
		link->rel = value;
	else if (span_is_nocase(name, "anchor"))
		link->has_anchor = true;
	take_until(s, ";,"); /* whatever else stands there */
}

/* Skip to behind the next comma that is not in quotes. */
static void
skip_link(struct span *s)
{
	while (s->n > 0 && s->p[0] != ',') {
		if (s->p[0] == '"')
			take_quoted(s);
		else
			*s = span_from(*s, 1);
	}
	*s = span_from(*s, 1);
}

/* The next link of a field's value; false at its end. */
static bool
link_next(struct span *s, struct link *ret)
{
	for (;;) {
		struct link link = { 0 };

		while (s->n > 0 && (s->p[0] == ',' || s->p[0] == ' ' || s->p[0] == '\t'))
			*s = span_from(*s, 1);
		if (s->n == 0)
			return false;
		if (s->p[0] != '<' || !memchr(s->p, '>', s->n)) {
			skip_link(s);
			continue;
		}
		*s = span_from(*s, 1);
		link.target = span_trim(take_until(s, ">"));
		*s = span_from(*s, 1);
		skip_blanks(s);
		while (s->n > 0 && s->p[0] == ';') {
			*s = span_from(*s, 1);
			take_param(s, &link);
		}
		skip_link(s);
		*ret = link;
		return true;
	}
}

/* Is `rel` among the words? Relation types compare without regard to case (section 2.1.1). */
static bool
rel_has(struct span words, const char *rel)
{
	struct span word;

	while (span_cut(&words, ' ', &word)) {
		if (span_is_nocase(span_trim(word), rel))
			return true;
	}
	return false;
}

bool
httpc_link(const struct httpc_reply *rp, const char *rel, unsigned nth, const char *base, char *ret,
	size_t size)
{
	struct span field;
	struct link link;

	for (unsigned i = 0; (field = httpc_field(rp, "Link", i)).p; i++) {
		while (link_next(&field, &link)) {
			char url[URL_MAX_OCTETS + 1];

			/* a link with a context of its own is ignored (section 3.2) */
			if (link.has_anchor || !rel_has(link.rel, rel) ||
				!httpc_url_resolve(base, link.target, url, sizeof(url)) ||
				nth-- > 0)
				continue;
			return span_copy(span_str(url), ret, size);
		}
	}
	return false;
}

/* A URL is printable ASCII without blanks (RFC 3986 section 2). */
static bool
is_url_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return s.n <= URL_MAX_OCTETS;
}

static bool
is_http(struct span s)
{
	return (s.n > 7 && strncasecmp(s.p, "http://", 7) == 0) ||
		(s.n > 8 && strncasecmp(s.p, "https://", 8) == 0);
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":" (RFC 3986 section 3.1) */
static bool
has_scheme(struct span s)
{
	size_t n = 0;

	while (n < s.n && (isalnum((unsigned char)s.p[n]) || strchr("+-.", s.p[n])))
		n++;
	return n > 0 && n < s.n && s.p[n] == ':' && isalpha((unsigned char)s.p[0]);
}

static struct span
without_fragment(struct span s)
{
	const char *hash = s.n ? memchr(s.p, '#', s.n) : NULL;

	if (hash)
		s.n = (size_t)(hash - s.p);
	return s;
}

/* libcurl's resolution; curl_free, NULL if it can't be. */
static char *
url_join(const char *base, const char *reference)
{
	CURLU *parts = curl_url();
	char *url = NULL;

	if (!parts)
		return NULL;
	if (curl_url_set(parts, CURLUPART_URL, base, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) == 0 &&
		curl_url_set(parts, CURLUPART_URL, reference, CURLU_DISALLOW_USER) == 0)
		curl_url_get(parts, CURLUPART_URL, &url, 0);
	curl_url_cleanup(parts);
	return url;
}

/* An ACME client signs the URL that it was given (RFC 8555 section 6.4), so what is absolute
 * already is checked by libcurl but not rewritten. An empty reference is the base, which libcurl
 * takes for the base's folder. */
bool
httpc_url_resolve(const char *base, struct span reference, char *ret, size_t size)
{
	char base_text[URL_MAX_OCTETS + 1], ref_text[URL_MAX_OCTETS + 1];
	struct span ref = without_fragment(reference), url;
	char *joined;
	bool done;

	if (!span_copy(without_fragment(span_str(base)), base_text, sizeof(base_text)) ||
		!is_url_text(span_str(base_text)) || !is_http(span_str(base_text)))
		return false;
	if (ref.n == 0)
		ref = span_str(base_text);
	if (!is_url_text(ref) || !span_copy(ref, ref_text, sizeof(ref_text)) ||
		(has_scheme(ref) && !is_http(ref)))
		return false;
	joined = url_join(base_text, ref_text);
	url = span_str(joined);
	/* a host that was percent-encoded may be no text any more */
	done = joined && is_http(url) && is_url_text(url) &&
		span_copy(is_http(ref) ? ref : url, ret, size);
	curl_free(joined);
	return done;
}
