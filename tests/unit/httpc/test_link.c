/* Pure functions: Link fields (RFC 8288), references (RFC 3986), the lines of a head. */
#include "httpc/head.h"
#include "httpc/httpc.h"
#include "tap.h"

#define BASE "https://ca.example/acme/cert/1"

static const struct {
	const char *name, *head, *rel;
	unsigned nth;
	const char *want; /* NULL = none */
} links[] = {
	{ "a link", "Link: <https://ca.example/dir>;rel=\"index\"\n", "index", 0, "https://ca.example/dir" },
	{ "an unquoted rel", "link: <https://x.example/>; rel=index\n", "index", 0, "https://x.example/" },
	{ "no other rel", "Link: <https://x.example/>;rel=\"up\"\n", "index", 0, NULL },
	{ "no rel at all", "Link: <https://x.example/>\n", "index", 0, NULL },
	{ "the first of two links in a field", "Link: </a>;rel=alternate, </b>;rel=alternate\n", "alternate", 0,
		"https://ca.example/a" },
	{ "the second of two links in a field", "Link: </a>;rel=alternate, </b>;rel=alternate\n", "alternate", 1,
		"https://ca.example/b" },
	{ "no third one", "Link: </a>;rel=alternate, </b>;rel=alternate\n", "alternate", 2, NULL },
	{ "the second of two fields", "Link: </a>;rel=alternate\nX: y\nLink: </b>;rel=alternate\n", "alternate", 1,
		"https://ca.example/b" },
	{ "those of another rel do not count", "Link: </a>;rel=index, </b>;rel=alternate\n", "alternate", 0,
		"https://ca.example/b" },
	{ "several rels in one link", "Link: </a>;rel=\"up index  alternate\"\n", "alternate", 0,
		"https://ca.example/a" },
	{ "rel of any case", "Link: </a>;REL=\"Alternate\"\n", "alternate", 0, "https://ca.example/a" },
	{ "not a part of a rel", "Link: </a>;rel=\"alternates\"\n", "alternate", 0, NULL },
	{ "only the first rel counts", "Link: </a>;rel=up;rel=next\n", "next", 0, NULL },
	{ "a comma and a semicolon in quotes", "Link: </a>;title=\"x, <y>;rel=next;\";rel=next\n", "next", 0,
		"https://ca.example/a" },
	{ "an escaped quote", "Link: </a>;title=\"\\\"\";rel=next, </b>;rel=next\n", "next", 1,
		"https://ca.example/b" },
	{ "a comma in the URL", "Link: </a,b;c>;rel=next\n", "next", 0, "https://ca.example/a,b;c" },
	{ "blanks everywhere", "Link:  ,, < /a > ;\t rel = \"next\" ,\n", "next", 0, "https://ca.example/a" },
	{ "a parameter without value", "Link: </a>;crossorigin;rel=next\n", "next", 0, "https://ca.example/a" },
	{ "an empty parameter", "Link: </a>;;rel=next\n", "next", 0, "https://ca.example/a" },
	{ "rel* is not rel", "Link: </a>;rel*=UTF-8''next\n", "next", 0, NULL },
	{ "a foreign context is ignored", "Link: </a>;rel=next;anchor=\"/x\", </b>;rel=next\n", "next", 0,
		"https://ca.example/b" },
	{ "a link behind a malformed one", "Link: /x;rel=\"next, </no>\", </b>;rel=next\n", "next", 0,
		"https://ca.example/b" },
	{ "an unclosed target", "Link: </a;rel=next\n", "next", 0, NULL },
	{ "an unclosed quote", "Link: </a>;rel=\"next\n", "next", 0, "https://ca.example/a" },
	{ "one that does not resolve is passed by", "Link: <mailto:a@b>;rel=next, </b>;rel=next\n", "next", 0,
		"https://ca.example/b" },
	{ "an empty target is the base", "Link: <>;rel=self\n", "self", 0, BASE },
	{ "no Link", "X-Link: </a>;rel=next\n", "next", 0, NULL },
};

/* RFC 3986 section 5.4 without fragments, then what we refuse or keep */
static const struct {
	const char *base, *reference, *want;
} references[] = {
	{ "http://a/b/c/d;p?q", "g:h", NULL },
	{ "http://a/b/c/d;p?q", "g", "http://a/b/c/g" },
	{ "http://a/b/c/d;p?q", "./g", "http://a/b/c/g" },
	{ "http://a/b/c/d;p?q", "g/", "http://a/b/c/g/" },
	{ "http://a/b/c/d;p?q", "/g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "//g", "http://g/" },
	{ "http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y" },
	{ "http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y" },
	{ "http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q" },
	{ "http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y" },
	{ "http://a/b/c/d;p?q", ";x", "http://a/b/c/;x" },
	{ "http://a/b/c/d;p?q", "g;x?y", "http://a/b/c/g;x?y" },
	{ "http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q" },
	{ "http://a/b/c/d;p?q", ".", "http://a/b/c/" },
	{ "http://a/b/c/d;p?q", "./", "http://a/b/c/" },
	{ "http://a/b/c/d;p?q", "..", "http://a/b/" },
	{ "http://a/b/c/d;p?q", "../g", "http://a/b/g" },
	{ "http://a/b/c/d;p?q", "../..", "http://a/" },
	{ "http://a/b/c/d;p?q", "../../g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "../../../../g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "/./g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "/../g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "..g", "http://a/b/c/..g" },
	{ "http://a/b/c/d;p?q", "./g/.", "http://a/b/c/g/" },
	{ "http://a/b/c/d;p?q", "g/../h", "http://a/b/c/h" },
	{ "http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y" },
	{ "http://a/b/c/d;p?q", "g?y/../x", "http://a/b/c/g?y/../x" },
	{ "http://a/b/c/d;p?q", "http:g", NULL },
	{ "https://a:8443/x", "/g", "https://a:8443/g" },
	{ "https://[::1]:8443/x", "g", "https://[::1]:8443/g" },
	{ "https://a", "g", "https://a/g" },
	{ "https://a/x#frag", "", "https://a/x" },
	{ "https://a/x", "HTTP://B:80/a/../%7e?Q#f", "HTTP://B:80/a/../%7e?Q" },
	{ "https://a/x", "https://u:p@b/", NULL },
	{ "https://a/x", "//u@b/", NULL },
	{ "https://a/x", "ftp://b/", NULL },
	{ "https://a/x", "javascript:alert(1)", NULL },
	{ "https://a/x", "https:/b/", NULL },
	{ "https://a/x", "https://%ca.example/", NULL },
	{ "https://a/x", "a/b:c", "https://a/a/b:c" },
	{ "https://a/x", "/a b", NULL },
	{ "https://a/x", "/a\nb", NULL },
	{ "https://a/x", "/\xc3\xa9", NULL },
	{ "https://a/x", "http://b:99999/", NULL },
	{ "https://a/x", "http://", NULL },
	{ "ftp://a/x", "g", NULL },
	{ "", "g", NULL },
};

static void
test_links(void)
{
	for (size_t i = 0; i < COUNT_OF(links); i++) {
		struct httpc_reply rp = { .head = BUF_MAX(1024) };
		char url[256] = "-";
		bool found;

		buf_adds(&rp.head, links[i].head);
		found = httpc_link(&rp, links[i].rel, links[i].nth, BASE, url, sizeof(url));
		is_str(found ? url : "none", links[i].want ? links[i].want : "none", "Link: %s", links[i].name);
		httpc_reply_done(&rp);
	}
}

static void
test_references(void)
{
	char small[8] = "", url[256];

	for (size_t i = 0; i < COUNT_OF(references); i++) {
		bool good = httpc_url_resolve(references[i].base, span_str(references[i].reference), url,
			sizeof(url));

		is_str(good ? url : "none", references[i].want ? references[i].want : "none",
			"reference %zu", i);
	}
	ok(!httpc_url_resolve("https://a/", span_str("/long"), small, sizeof(small)),
		"a URL that is too long for its place is refused");
	is_str(small, "", "and the place is untouched");
	ok(!httpc_url_resolve("https://a/", span_of("/a\0b", 4), url, sizeof(url)), "NUL is refused");
}

static const struct {
	const char *name;
	const char *lines[3];
	const char *want;
} heads[] = {
	{ "a field", { "A: b\r\n" }, "A: b\n" },
	{ "blanks around the value", { "A:\t b \r\n" }, "A: b\n" },
	{ "no blank", { "A:b\n" }, "A: b\n" },
	{ "an empty value", { "A:\r\n" }, "A: \n" },
	{ "a blank before the colon is no field", { "A : b\r\n" }, "" },
	{ "no colon", { "AB\r\n" }, "" },
	{ "no name", { ": b\r\n" }, "" },
	{ "a control octet", { "A: b\x01\r\n" }, "" },
	{ "a bare CR", { "A: b\rB: c\r\n" }, "" },
	{ "a fold", { "A: b\r\n", " \tc \r\n" }, "A: b c\n" },
	{ "a fold behind nothing", { " c\r\n" }, "" },
	{ "a fold behind a dropped field", { "A: b\r\n", "B\r\n", " c\r\n" }, "A: b\n" },
	{ "an empty fold", { "A: b\r\n", "  \r\n", " c\r\n" }, "A: b c\n" },
};

static void
test_heads(void)
{
	struct buf tight = BUF_MAX(6);
	bool kept = false;

	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		struct buf head = BUF_MAX(1024);

		kept = false;
		for (size_t j = 0; j < 3 && heads[i].lines[j]; j++)
			head_add(&head, span_str(heads[i].lines[j]), &kept);
		is_str(buf_cstr(&head), heads[i].want, "head: %s", heads[i].name);
		buf_done(&head);
	}
	kept = false;
	ok(head_add(&tight, span_str("A: bc\r\n"), &kept), "head: up to its ceiling");
	ok(!head_add(&tight, span_str("B: c\r\n"), &kept), "head: not above it");
	buf_done(&tight);
}

int
main(void)
{
	test_links();
	test_references();
	test_heads();
	return done_testing();
}
